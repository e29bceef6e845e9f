//! Which containers' logs are followed. Pure.

use std::collections::BTreeMap;

use model::{ContainerState, PodId, PodState, ServiceId};

/// A container whose log is followed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Target {
    pub(super) service: ServiceId,
    pub(super) namespace: String,
    pub(super) pod: String,
    pub(super) uid: PodId,
    pub(super) container: String,
}

/// Running and crashing containers of pods that do not send their own logs; where there are more than `most`,
/// each service has one before any has two, and so on.
pub(super) fn plan<'a>(
    pods: impl Iterator<Item = &'a PodState>,
    sends: impl Fn(&PodState) -> bool,
    most: usize,
) -> Vec<Target> {
    let mut by_service: BTreeMap<&ServiceId, Vec<(&PodState, &ContainerState)>> = BTreeMap::new();
    for pod in pods.filter(|pod| pod.ended.is_none() && !sends(pod)) {
        // A container that was never started has no log.
        let started = pod.containers.iter().filter(|container| container.id.is_some() || container.restarts > 0);
        by_service.entry(&pod.service).or_default().extend(started.map(|container| (pod, container)));
    }
    let mut waiting: Vec<_> = by_service.into_values().map(Vec::into_iter).collect();
    let mut chosen = Vec::new();
    while chosen.len() < most && !waiting.is_empty() {
        waiting.retain_mut(|targets| {
            if chosen.len() >= most {
                return false;
            }
            let next = targets.next();
            chosen.extend(next.map(|(pod, container)| Target {
                service: pod.service.clone(),
                namespace: pod.namespace.clone(),
                pod: pod.name.clone(),
                uid: pod.id.clone(),
                container: container.name.clone(),
            }));
            next.is_some()
        });
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{PodPhase, Timestamp};

    fn pod(service: &str, name: &str, containers: &[&str]) -> PodState {
        let container = |name: &&str| ContainerState {
            name: (*name).to_owned(),
            image: String::new(),
            id: Some(format!("id-{name}")),
            restarts: 0,
            state: "running".into(),
            ready: true,
            last_exit: None,
        };
        PodState {
            id: PodId(name.into()),
            cluster: "c".into(),
            namespace: "shop".into(),
            name: name.into(),
            service: ServiceId::new("c", "shop", "Deployment", service),
            revision: None,
            node: None,
            ips: Vec::new(),
            host_network: false,
            created: Timestamp(0),
            ended: None,
            phase: PodPhase::Ready,
            history: Vec::new(),
            reason: None,
            containers: containers.iter().map(container).collect(),
        }
    }

    fn names(targets: &[Target]) -> Vec<String> {
        targets.iter().map(|target| format!("{}/{}", target.pod, target.container)).collect()
    }

    #[test]
    fn each_service_has_one_stream_before_any_has_two() {
        let pods = [pod("a", "a1", &["app", "proxy"]), pod("a", "a2", &["app"]), pod("b", "b1", &["app"])];
        assert_eq!(names(&plan(pods.iter(), |_| false, 2)), ["a1/app", "b1/app"]);
        assert_eq!(plan(pods.iter(), |_| false, 100).len(), 4);
        assert_eq!(plan(pods.iter(), |_| false, 0), []);
    }

    #[test]
    fn what_is_gone_never_started_or_sends_its_own_is_not_followed() {
        let mut gone = pod("a", "gone", &["app"]);
        gone.ended = Some(Timestamp(1));
        let mut waiting = pod("b", "waiting", &["app"]);
        waiting.containers[0].id = None;
        let mut crashing = pod("b", "crashing", &["app"]);
        crashing.containers[0].id = None;
        crashing.containers[0].restarts = 3;
        let pods = [gone, waiting, crashing, pod("own", "own1", &["app"])];
        let planned = plan(pods.iter(), |pod| pod.service.name == "own", 10);
        assert_eq!(names(&planned), ["crashing/app"]);
    }
}
