//! Findings in what Kubernetes tells: an autoscaler at its maximum, a quota that refuses pods.

use model::{AdverseEvent, AdverseKind, Saturation, SaturationOf, ServiceState, Timestamp};

use super::{SaturationRules, sentence};

/// What an adverse event of a service says that it has too little of.
pub fn told(
    event: &AdverseEvent,
    service: &ServiceState,
    now: Timestamp,
    rules: &SaturationRules,
) -> Option<Saturation> {
    let since = began(event, now, rules)?;
    let (of, patience) = match event.kind {
        // Read of the autoscaler itself, which says when it is over.
        AdverseKind::Autoscaler if event.current => (SaturationOf::Autoscaler, rules.maxed),
        // What is told by events alone says nothing of its end: pods that are there were made.
        AdverseKind::Quota if event.current || service.ready < service.wanted => (SaturationOf::Quota, rules.refused),
        _ => return None,
    };
    (now.since(since) >= patience).then(|| Saturation {
        of,
        since,
        degrades: true,
        pods: Vec::new(),
        sentence: sentence::told(&event.message, since, now),
    })
}

/// Since when it goes on: a condition since it held last, events since the first that others followed soon enough.
fn began(event: &AdverseEvent, now: Timestamp, rules: &SaturationRules) -> Option<Timestamp> {
    if event.current {
        return Some(event.times.last().copied().unwrap_or(event.first));
    }
    if now.since(event.last) > rules.again {
        return None;
    }
    let mut began = event.last;
    for at in event.times.iter().rev().filter(|at| **at <= event.last) {
        if began.since(*at) > rules.again {
            break;
        }
        began = *at;
    }
    Some(began)
}
