//! What went wrong according to an event, for what no status tells.

use model::{AdverseKind, Timestamp};

use super::{Repeat, Sighting, words};
use crate::redact::Redactor;
use crate::slim::Event;

/// What an event tells, if status does not tell it better.
pub(crate) fn of_event(event: &Event, redactor: &Redactor, now: Timestamp) -> Option<Sighting> {
    let kind = kind(event)?;
    let detail = words::short(&redactor.message(&event.message));
    let (kind, message) = match kind {
        AdverseKind::FailedProbe => (kind, probe(&detail)),
        AdverseKind::FailedVolume => (kind, format!("A volume can't be mounted: {detail}.")),
        AdverseKind::FailedCreate => words::refused("A pod", &detail),
        AdverseKind::FailedScheduling => (kind, format!("No node takes it: {detail}.")),
        _ => (kind, format!("{detail}.")),
    };
    // Status marks these without a pattern: an event only adds to what it says.
    let joined = matches!(kind, AdverseKind::FailedScheduling | AdverseKind::FailedCreate | AdverseKind::Quota);
    let last = event.last().unwrap_or(now).min(now);
    Some(Sighting {
        kind,
        reason: event.reason.to_string(),
        mark: if joined { String::new() } else { format!("{}:{}", event.reason, pattern(&detail)) },
        container: event.container().map(str::to_owned),
        message,
        exit_code: None,
        at: last,
        repeat: Repeat::Total(event.count(), event.first().unwrap_or(last).min(last)),
    })
}

fn kind(event: &Event) -> Option<AdverseKind> {
    Some(match &*event.reason {
        // Both are told by container states; these words alone do not say whether of a pull, a start or a restart.
        "BackOff" | "Failed" | "InspectFailed" | "ErrImageNeverPull" => return None,
        // Told by conditions of pods, jobs and nodes.
        "Evicted"
        | "Preempted"
        | "TaintManagerEviction"
        | "BackoffLimitExceeded"
        | "DeadlineExceeded"
        | "NodeNotReady" => return None,
        "ProgressDeadlineExceeded" => return None,
        "Unhealthy" | "ProbeError" => AdverseKind::FailedProbe,
        "FailedScheduling" => AdverseKind::FailedScheduling,
        "FailedMount" | "FailedAttachVolume" | "FailedMapVolume" | "VolumeResizeFailed" | "ProvisioningFailed" => {
            AdverseKind::FailedVolume
        }
        "FailedCreate" | "FailedCreatePodSandBox" | "FailedCreatePodContainer" => AdverseKind::FailedCreate,
        "SystemOOM" | "Rebooted" | "OOMKilling" | "KernelDeadlock" => AdverseKind::Node,
        _ if &*event.about.kind == "Node" && &*event.level == "Warning" => AdverseKind::Node,
        _ if &*event.level == "Warning" => AdverseKind::Warning,
        _ => return None,
    })
}

/// `Liveness probe failed: HTTP probe failed with statuscode: 503` in words.
fn probe(detail: &str) -> String {
    let (which, effect) = if detail.starts_with("Liveness") {
        ("liveness", "Kubernetes restarts the container when this goes on")
    } else if detail.starts_with("Startup") {
        ("startup", "Kubernetes restarts the container when this goes on")
    } else {
        ("readiness", "the pod gets no requests until it passes")
    };
    let why = detail.split_once(": ").map_or(detail, |(_, why)| why);
    format!("Its {which} probe failed ({why}): {effect}.")
}

/// A message without what differs between repeats: numbers, addresses, names in quotes.
fn pattern(message: &str) -> String {
    let quoted = |c: char| matches!(c, '"' | '\'');
    let outside: String = message.split(quoted).step_by(2).collect();
    let words =
        outside.split(|c: char| !(c.is_alphabetic() || c == '-')).filter(|word| word.len() > 2 && word.len() < 24);
    words.take(12).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_that_differ_in_numbers_have_one_pattern() {
        let one = pattern("Get \"http://10.0.0.1:80/\": context deadline exceeded (3 of 5)");
        assert_eq!(one, pattern("Get \"http://10.0.0.9:80/\": context deadline exceeded (4 of 5)"));
        assert_ne!(one, pattern("Get \"http://10.0.0.1:80/\": connection refused"));
    }
}
