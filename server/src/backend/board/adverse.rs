//! What adverse events say of services all at once: how often they were restarted, and what they have too little of.
//! Pure.

use std::collections::HashMap;

use analysis::{SaturationRules, told};
use model::{AdverseEvent, AdverseKind, Saturation, ServiceId, Timestamp, Window};
use store::Directory;

/// OOM kills, and restarts of any kind, by service.
pub(super) fn happened(adverse: &[AdverseEvent], hour: Window) -> HashMap<ServiceId, (u32, u32)> {
    let mut counts = HashMap::<ServiceId, (u32, u32)>::new();
    for event in adverse {
        let Some(service) = &event.service else { continue };
        let times = event.times_in(hour);
        let (kills, restarts) = counts.entry(service.clone()).or_default();
        match event.kind {
            AdverseKind::OomKill => {
                *kills += times;
                *restarts += times;
            }
            AdverseKind::Restart => *restarts += times,
            _ => {}
        }
    }
    counts
}

/// What Kubernetes says that services have too little of; of the same thing once, since when it began first.
pub(super) fn told_of(
    adverse: &[AdverseEvent],
    directory: &Directory,
    now: Timestamp,
) -> HashMap<ServiceId, Vec<Saturation>> {
    let rules = SaturationRules::default();
    let mut all = HashMap::<ServiceId, Vec<Saturation>>::new();
    for event in adverse {
        let Some(service) = event.service.as_ref().and_then(|id| directory.service(id)) else { continue };
        let Some(found) = told(event, service, now, &rules) else { continue };
        let known = all.entry(service.id.clone()).or_default();
        match known.iter_mut().find(|one| one.of == found.of) {
            Some(one) if found.since < one.since => *one = found,
            Some(_) => {}
            None => known.push(found),
        }
    }
    all
}
