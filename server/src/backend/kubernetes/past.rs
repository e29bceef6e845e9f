//! Pods, service and events as they were at a moment, from what is kept of their histories. Pure.

use model::{
    AdverseEvent, AdverseKind, ContainerRole, PodPhase, PodState, ServiceState, Text, Timestamp, Whole, Window,
};

/// Pods as they were; those that came later are left out. A pod's restarts are counted back by the events since.
pub(super) fn pods(pods: Vec<PodState>, events: &[AdverseEvent], at: Timestamp) -> Vec<PodState> {
    let were = pods.into_iter().filter(|pod| pod.created <= at);
    were.map(|pod| as_of(pod, events, at)).collect()
}

fn as_of(mut pod: PodState, events: &[AdverseEvent], at: Timestamp) -> PodState {
    let changed_since = pod.history.iter().any(|(since, _)| *since > at);
    pod.history.retain(|(since, _)| *since <= at);
    pod.phase = pod.history.last().map_or(PodPhase::Pending, |(_, phase)| *phase);
    pod.ended = pod.ended.filter(|ended| *ended <= at);
    if changed_since {
        pod.reason = None;
    }
    if let Some(whole) = &mut pod.whole {
        **whole = Whole { asked: whole.asked_at(at).clone(), before: Vec::new() };
    }
    for container in &mut pod.containers {
        let since = events.iter().filter(|event| {
            matches!(event.kind, AdverseKind::Restart | AdverseKind::OomKill)
                && event.pod.as_deref() == Some(&*pod.name)
                && event.container.as_deref() == Some(&*container.name)
        });
        let since = since.flat_map(|event| &event.times).filter(|time| **time > at).count();
        container.restarts = container.restarts.saturating_sub(since as u32);
        container.asked = container.asked_at(at).clone();
        container.before.clear();
        if changed_since || since > 0 {
            (container.state, container.ready) = stood(container.role, pod.phase);
        }
        container.last_exit = container.last_exit.take().filter(|exit| exit.at.is_some_and(|ended| ended <= at));
    }
    pod
}

/// How a container stood in a pod of some phase, as far as that follows, and whether it was ready.
fn stood(role: ContainerRole, phase: PodPhase) -> (Text, bool) {
    let (word, ready) = match (role, phase) {
        (ContainerRole::Main | ContainerRole::Sidecar, PodPhase::Ready) => ("running", true),
        // Others start once these have run to their end.
        (ContainerRole::Init, PodPhase::Starting | PodPhase::Ready | PodPhase::NotReady) => ("Completed", false),
        _ => ("", false),
    };
    (word.into(), ready)
}

/// The service as it was: ready is what its pods were, wanted what it was asked for, where that was seen.
pub(super) fn service(now: &ServiceState, pods: &[PodState], wanted: Option<u32>, at: Timestamp) -> ServiceState {
    let living = || pods.iter().filter(|pod| pod.ended.is_none());
    let ready = living().filter(|pod| pod.phase == PodPhase::Ready).count() as u32;
    ServiceState {
        ready,
        wanted: wanted.unwrap_or_else(|| living().count() as u32),
        deleted: now.deleted.filter(|deleted| *deleted <= at),
        ..now.clone()
    }
}

/// Events that had begun by the end of a window and were not over before it, with the times they had by then.
pub(super) fn events(events: Vec<AdverseEvent>, window: Window) -> Vec<AdverseEvent> {
    let began = events.into_iter().filter(|event| event.first <= window.to);
    let as_of = |event: AdverseEvent| {
        if event.last <= window.to {
            return (event.last >= window.from || event.current).then_some(event);
        }
        let times: Vec<Timestamp> = event.times.iter().copied().filter(|time| *time <= window.to).collect();
        let later = (event.times.len() - times.len()) as u32;
        // What began by then, not again since, and was seen later still, held all the while.
        if later == 0 && !times.is_empty() {
            return Some(AdverseEvent { last: window.to, current: true, ..event });
        }
        let last = times.last().copied().unwrap_or(event.first);
        let count = event.count.saturating_sub(later).max(1);
        (last >= window.from).then_some(AdverseEvent { last, count, times, current: false, ..event })
    };
    began.filter_map(as_of).collect()
}

#[cfg(test)]
mod tests {
    use model::{Asked, ContainerState, Exit, SECOND, ServiceId};

    use super::*;
    use crate::fixtures;

    fn at(seconds: i64) -> Timestamp {
        Timestamp(seconds * SECOND)
    }

    fn pod(name: &str, created: i64, history: &[(i64, PodPhase)], ended: Option<i64>) -> PodState {
        PodState {
            ended: ended.map(at),
            phase: history.last().unwrap().1,
            history: history.iter().map(|(since, phase)| (at(*since), *phase)).collect(),
            reason: Some("Evicted".into()),
            containers: vec![ContainerState {
                restarts: 2,
                last_exit: Some(Exit { code: 137, reason: "OOMKilled".into(), at: Some(at(30)) }),
                ..fixtures::container("app")
            }],
            ..fixtures::pod(ServiceId::new("c", "n", "Deployment", "d"), name, at(created))
        }
    }

    fn event(first: i64, times: &[i64]) -> AdverseEvent {
        let times: Vec<Timestamp> = times.iter().map(|time| at(*time)).collect();
        let (pod, container) = (Some("one".into()), Some("app".into()));
        let event = fixtures::adverse(None, AdverseKind::OomKill, &times);
        AdverseEvent { pod, container, first: at(first), current: true, ..event }
    }

    #[test]
    fn a_pod_is_as_it_was_and_a_later_one_is_not_there() {
        let one = pod("one", 0, &[(0, PodPhase::Starting), (10, PodPhase::Ready), (40, PodPhase::Failed)], Some(45));
        let two = pod("two", 25, &[(25, PodPhase::Ready)], None);
        let were = pods(vec![one, two], &[event(15, &[15, 30])], at(20));
        assert_eq!(were.len(), 1);
        let was = &were[0];
        assert_eq!((was.phase, was.ended, was.reason.as_deref()), (PodPhase::Ready, None, None));
        assert_eq!(was.containers[0].restarts, 1, "the second came at 30");
        assert_eq!(was.containers[0].last_exit, None);
    }

    #[test]
    fn a_container_is_as_it_was_asked_for_then_and_stands_as_its_pod_does() {
        let of = |image: &str| Asked { image: image.into(), ..Asked::default() };
        let resized = ContainerState {
            before: vec![(at(20), of("one"))],
            asked: of("two"),
            state: "CrashLoopBackOff".into(),
            ..fixtures::container("app")
        };
        let init = ContainerState { role: ContainerRole::Init, ..resized.clone() };
        let mut pod = pod("one", 0, &[(0, PodPhase::Pending), (10, PodPhase::Ready), (40, PodPhase::NotReady)], None);
        pod.containers = vec![init, resized];
        let was = |seconds: i64| {
            let pod = pods(vec![pod.clone()], &[], at(seconds)).remove(0);
            pod.containers.into_iter().map(|one| (one.asked.image, one.state, one.ready)).collect::<Vec<_>>()
        };
        let told = |image: &str, state: &str, ready| (Text::from(image), Text::from(state), ready);
        assert_eq!(was(5), [told("one", "", false), told("one", "", false)], "it is not known how it came up");
        assert_eq!(was(19), [told("one", "Completed", false), told("one", "running", true)]);
        assert_eq!(was(30)[1], told("two", "running", true));
        assert_eq!(was(50)[1], told("two", "CrashLoopBackOff", true), "nothing changed since");
    }

    #[test]
    fn an_event_has_only_what_had_happened_by_then() {
        let all = || vec![event(15, &[15, 30]), event(50, &[50])];
        let then = events(all(), Window::new(at(0), at(20)));
        assert_eq!(then.len(), 1);
        assert_eq!((then[0].count, then[0].last, then[0].current), (1, at(15), false));
        // What began before the moment, not again since, and was seen later still, held at the moment too.
        let held = || AdverseEvent { last: at(70), ..event(15, &[15]) };
        let then = events(vec![held()], Window::new(at(30), at(40)));
        assert_eq!((then[0].count, then[0].last, then[0].current), (1, at(40), true));
        let now = events(all(), Window::new(at(0), at(60)));
        assert_eq!(now.iter().map(|event| event.count).collect::<Vec<_>>(), [2, 1]);
    }
}
