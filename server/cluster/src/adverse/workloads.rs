//! What is wrong with a workload: pods that can't be created, jobs that gave up. A stuck rollout comes from its deploy.

use model::{AdverseKind, Timestamp};

use super::{Repeat, Sighting, words};
use crate::redact::Redactor;
use crate::slim::{Condition, Workload};

/// What is wrong with a workload now.
pub(crate) fn of_workload(workload: &Workload, redactor: &Redactor, now: Timestamp) -> Vec<Sighting> {
    let create = workload.condition("ReplicaFailure").filter(|condition| condition.holds());
    let gave_up = workload.condition("Failed").filter(|condition| condition.holds());
    create
        .map(|condition| failed_create(condition, redactor, now))
        .into_iter()
        .chain(gave_up.map(|c| failed_job(c, now)))
        .collect()
}

/// A rollout that does not move.
pub(crate) fn stuck(since: Timestamp, why: &str, redactor: &Redactor) -> Sighting {
    Sighting {
        kind: AdverseKind::StuckRollout,
        reason: "RolloutStuck".into(),
        mark: String::new(),
        container: None,
        message: format!("The rollout does not move: {}.", words::short(&redactor.message(why))),
        exit_code: None,
        at: since,
        repeat: Repeat::Condition,
    }
}

fn failed_create(condition: &Condition, redactor: &Redactor, now: Timestamp) -> Sighting {
    let detail = words::short(&redactor.message(&condition.message));
    let (kind, message) = words::refused("Its pods", &detail);
    Sighting {
        kind,
        reason: condition.reason.some().unwrap_or("FailedCreate").into(),
        mark: String::new(),
        container: None,
        message,
        exit_code: None,
        at: condition.since.0.unwrap_or(now),
        repeat: Repeat::Condition,
    }
}

fn failed_job(condition: &Condition, now: Timestamp) -> Sighting {
    let message = match &*condition.reason {
        "BackoffLimitExceeded" => "The job gave up: its pods failed as often as its backoff limit allows.",
        "DeadlineExceeded" => "The job ran longer than its deadline allows and was ended.",
        "PodFailurePolicy" => "The job gave up: a pod failed in a way that its failure policy does not retry.",
        _ => "The job failed.",
    };
    Sighting {
        kind: AdverseKind::FailedJob,
        reason: condition.reason.some().unwrap_or("Failed").into(),
        mark: String::new(),
        container: None,
        message: message.into(),
        exit_code: None,
        at: condition.since.0.unwrap_or(now),
        repeat: Repeat::Times(1),
    }
}
