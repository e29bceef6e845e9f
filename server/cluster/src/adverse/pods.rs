//! What went wrong with a pod, from its status.

use model::{AdverseKind, PodState, SECOND, Timestamp};

use super::{Repeat, Sighting, words};
use crate::redact::Redactor;
use crate::slim::{Condition, Container, Pod, State, Terminated};

/// A crash loop is over when the container has run for so long.
const RUNS_AGAIN: i64 = 120 * SECOND;

/// What is wrong with a pod, or was since it was told of last.
pub(crate) fn of_pod(
    pod: &Pod,
    told: Option<&PodState>,
    looping: &dyn Fn(&str) -> bool,
    redactor: &Redactor,
    now: Timestamp,
) -> Vec<Sighting> {
    let mut found = Vec::new();
    let told = told.map_or(&[][..], |told| &told.containers);
    for container in pod.own_containers() {
        let known = told.iter().find(|known| known.name == container.name).map_or(0, |known| known.restarts);
        found.extend(ended(pod, container, known, now));
        found.extend(waiting(pod, container, looping, redactor, now));
    }
    if !pod.is_finished() {
        found.extend(pod.trouble("PodScheduled").map(|condition| unscheduled(condition, redactor, now)));
    }
    found.extend(evicted(pod, redactor, now));
    found
}

fn sighting(kind: AdverseKind, reason: &str, message: String, at: Timestamp, repeat: Repeat) -> Sighting {
    Sighting { kind, reason: reason.into(), mark: String::new(), container: None, message, exit_code: None, at, repeat }
}

/// A restart that was not counted yet, and a kill for memory even where nothing was started again.
fn ended(pod: &Pod, container: &Container, counted: u32, now: Timestamp) -> Option<Sighting> {
    let rise = container.restarts.saturating_sub(counted);
    let current = match &container.state {
        State::Terminated(end) if &*end.reason == "OOMKilled" => Some(&**end),
        _ => None,
    };
    let end = match (rise, current) {
        (0, None) => return None,
        (0, current) => current,
        (_, current) => container.last.as_deref().or(current),
    };
    let started = match &container.state {
        State::Running(at) => at.0,
        _ => None,
    };
    let reason = end.and_then(|end| end.reason.some()).unwrap_or("Restarted");
    let at = end.and_then(|end| end.finished_at.0).or(started).unwrap_or(now);
    let kind = if reason == "OOMKilled" { AdverseKind::OomKill } else { AdverseKind::Restart };
    let unknown = || "Was started again; how it ended is not known any more.".into();
    let message = end.map_or_else(unknown, |end| words::exit(pod, container, end));
    Some(Sighting {
        mark: reason.to_owned(),
        container: Some(container.name.to_string()),
        exit_code: end.map(|end| end.exit_code),
        ..sighting(kind, reason, message, at, Repeat::Times(rise.max(1)))
    })
}

fn waiting(
    pod: &Pod,
    container: &Container,
    looping: &dyn Fn(&str) -> bool,
    redactor: &Redactor,
    now: Timestamp,
) -> Option<Sighting> {
    let (reason, detail) = match &container.state {
        State::Waiting(why) => (&*why.0, words::short(&redactor.message(&why.1))),
        State::Running(since) if looping(&container.name) && since.0.is_some_and(|at| now.since(at) < RUNS_AGAIN) => {
            ("CrashLoopBackOff", String::new())
        }
        State::Terminated(end) if looping(&container.name) && end.exit_code != 0 => ("CrashLoopBackOff", String::new()),
        _ => return None,
    };
    let last = container.last.as_deref();
    let (kind, message, at) = match reason {
        "CrashLoopBackOff" => {
            (AdverseKind::CrashLoop, crash_loop(pod, container, last), last.and_then(|end| end.finished_at.0))
        }
        "ImagePullBackOff"
        | "ErrImagePull"
        | "InvalidImageName"
        | "ErrImageNeverPull"
        | "RegistryUnavailable"
        | "ImageInspectError" => {
            (AdverseKind::FailedPull, words::pull(&redactor.message(&container.image), reason, &detail), None)
        }
        "CreateContainerConfigError"
        | "CreateContainerError"
        | "RunContainerError"
        | "StartError"
        | "ContainerCannotRun"
        | "PostStartHookError" => (AdverseKind::FailedStart, words::start(reason, &detail), None),
        _ => return None,
    };
    Some(Sighting {
        container: Some(container.name.to_string()),
        exit_code: last.filter(|_| kind == AdverseKind::CrashLoop).map(|end| end.exit_code),
        ..sighting(kind, reason, message, at.unwrap_or(now).min(now), Repeat::Condition)
    })
}

fn crash_loop(pod: &Pod, container: &Container, last: Option<&Terminated>) -> String {
    let how = last.map_or_else(|| "How it ended is not known.".to_owned(), |end| words::exit(pod, container, end));
    format!("Fails again and again; Kubernetes waits longer before each restart ({} so far). {how}", container.restarts)
}

fn unscheduled(condition: &Condition, redactor: &Redactor, now: Timestamp) -> Sighting {
    let detail = words::short(&redactor.message(&condition.message));
    let message = if detail.is_empty() { "No node takes it.".into() } else { format!("No node takes it: {detail}.") };
    sighting(
        AdverseKind::FailedScheduling,
        "FailedScheduling",
        message,
        condition.since.0.unwrap_or(now),
        Repeat::Condition,
    )
}

fn evicted(pod: &Pod, redactor: &Redactor, now: Timestamp) -> Option<Sighting> {
    let condition = pod.trouble("DisruptionTarget");
    let by_kubelet = matches!(&*pod.reason, "Evicted" | "Preempting" | "NodeShutdown" | "Terminated");
    if !by_kubelet && condition.is_none() {
        return None;
    }
    let why = condition.map_or("", |condition| &*condition.reason);
    let message = match why {
        "PreemptionByScheduler" => "Made room for a pod of higher priority.".to_owned(),
        "EvictionByEvictionAPI" => "Was asked to leave its node, usually because the node is drained.".to_owned(),
        "DeletionByTaintManager" => "Its node was tainted: not ready, unreachable or under pressure.".to_owned(),
        "DeletionByPodGC" => "Its node is gone.".to_owned(),
        _ => {
            let detail = words::short(&redactor.message(&pod.message));
            if detail.is_empty() {
                "Its node put it out.".to_owned()
            } else {
                format!("Its node put it out: {detail}.")
            }
        }
    };
    let reason = if by_kubelet { &*pod.reason } else { why };
    let at = condition.and_then(|condition| condition.since.0).or(pod.meta.deleting_since()).unwrap_or(now);
    Some(sighting(AdverseKind::Eviction, reason, message, at.min(now), Repeat::Times(1)))
}
