//! What is wrong with an autoscaler: it may not make more pods, or does not know how many it wants.

use model::{AdverseKind, Timestamp};

use super::{Repeat, Sighting};
use crate::links::Hindered;

/// What hinders an autoscaler now.
pub(crate) fn of_autoscaler(name: &str, hindered: &Hindered, now: Timestamp) -> Sighting {
    let (kind, message) = match hindered.most {
        Some(most) => (
            AdverseKind::Autoscaler,
            format!(
                "The autoscaler {name} is at its maximum of {} and wants more.",
                if most == 1 { "1 pod".to_owned() } else { format!("{most} pods") }
            ),
        ),
        None => (AdverseKind::Warning, format!("The autoscaler {name} does not scale: {}.", cause(&hindered.reason))),
    };
    Sighting {
        kind,
        reason: hindered.reason.to_string(),
        mark: String::new(),
        container: None,
        message,
        exit_code: None,
        at: hindered.since.unwrap_or(now).min(now),
        repeat: Repeat::Condition,
    }
}

/// In words, of the reasons of the condition ScalingActive (Kubernetes, `horizontal.go`).
fn cause(reason: &str) -> &'static str {
    match reason {
        "FailedGetResourceMetric" | "FailedGetContainerResourceMetric" => {
            "it gets no figures of its pods, usually because metrics-server is missing or pods have no requests"
        }
        "FailedGetPodsMetric" | "FailedGetObjectMetric" | "FailedGetExternalMetric" => {
            "it gets no figures of the metric that it goes by"
        }
        "InvalidSelector" | "AmbiguousSelector" => "its target does not say clearly which pods are meant",
        "InvalidMetricSourceType" => "it does not understand the metric that it should go by",
        _ => "it does not know how many pods it wants",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_autoscaler_says_what_hinders_it_since_when() {
        let now = Timestamp::from_seconds(1_000);
        let hindered = |most, reason: &str| Hindered { most, reason: reason.into(), since: Some(Timestamp(5)) };
        let most = of_autoscaler("web", &hindered(Some(10), "TooManyReplicas"), now);
        assert_eq!((most.kind, most.at), (AdverseKind::Autoscaler, Timestamp(5)));
        assert!(most.message.starts_with("The autoscaler web is at its maximum of 10 pods and wants more."));
        let blind = of_autoscaler("web", &hindered(None, "FailedGetResourceMetric"), now);
        assert_eq!(blind.kind, AdverseKind::Warning);
        assert!(blind.message.contains("metrics-server"), "{}", blind.message);
    }
}
