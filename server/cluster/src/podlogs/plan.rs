//! Which containers' logs are followed, and whose are not. Pure.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use model::{ContainerRole, ContainerState, LogCoverage, PodId, PodPhase, PodState, ServiceId, Timestamp};

use super::places::{End, Ended};

/// A container whose log is followed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Target {
    pub(super) service: Arc<ServiceId>,
    pub(super) namespace: String,
    pub(super) pod: String,
    pub(super) uid: PodId,
    pub(super) container: String,
}

/// What decides whose logs are followed.
pub(super) struct Rules<'a, F> {
    /// Streams at once.
    pub(super) most: u32,
    /// Only pods of these namespaces; all where there are none.
    pub(super) namespaces: &'a [String],
    /// Whether a pod sends its own logs.
    pub(super) sends: F,
    /// What the API server refuses to tell (403).
    pub(super) refused: &'a HashSet<Target>,
    /// What takes no stream since its container has ended.
    pub(super) ended: &'a Ended,
    /// What ended before is left alone.
    pub(super) since: Timestamp,
    pub(super) now: Timestamp,
}

impl<F> Rules<'_, F> {
    /// Whether there may be more of a log than was read of it.
    fn waits(&self, pod: &PodState, container: &ContainerState) -> bool {
        let is_it = |end: &End| {
            let rests = end.again.is_none_or(|again| self.now < again);
            end.container == container.name && end.restarts == container.restarts && rests
        };
        let is_read = || self.ended.get(&pod.id).is_some_and(|ended| ended.iter().any(is_it));
        let is_old = || container.last_exit.as_ref().and_then(|exit| exit.at).is_some_and(|at| at < self.since);
        !is_over(pod, container) || !is_read() && !is_old()
    }
}

/// What is followed, and how much of each service that covers.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) targets: Vec<Target>,
    /// Pods that are there and of which something was read to its end: that takes no stream.
    pub(super) ended: HashSet<PodId>,
    pub(super) coverage: HashMap<Arc<ServiceId>, LogCoverage>,
}

/// Running and crashing containers of pods that do not send their own logs; where there are more than there may be
/// streams, each service has one before any has two, and so on. Pods of a service come one after the other.
pub(super) fn plan<'a, F: Fn(&PodState) -> bool>(
    pods: impl Iterator<Item = &'a PodState>,
    rules: &Rules<'_, F>,
) -> Plan {
    let mut coverage: HashMap<Arc<ServiceId>, LogCoverage> = HashMap::new();
    let (mut waiting, mut ended) = (Vec::new(), HashSet::new());
    let pods: Vec<&PodState> = pods.filter(|pod| pod.ended.is_none() && pod.containers.iter().any(has_log)).collect();
    for pods in pods.chunk_by(|a, b| a.service == b.service) {
        let mut of_service = LogCoverage { streams: rules.most, ..LogCoverage::default() };
        let mut started: Vec<(&PodState, &ContainerState)> = Vec::new();
        for pod in pods {
            if (rules.sends)(pod) {
                of_service.own += 1;
            } else if pod.logs_off {
                of_service.opted_out += 1;
            } else if !rules.namespaces.is_empty() && !rules.namespaces.iter().any(|only| pod.namespace == *only) {
                of_service.elsewhere += 1;
            } else {
                of_service.pods += 1;
                ended.extend(rules.ended.contains_key(&pod.id).then(|| pod.id.clone()));
                let of_pod =
                    pod.containers.iter().filter(|container| has_log(container) && rules.waits(pod, container));
                started.extend(of_pod.map(|container| (*pod, container)));
            }
        }
        // What writes on comes before what only has to be read once.
        started.sort_by_key(|(pod, container)| is_over(pod, container));
        coverage.insert(Arc::clone(&pods[0].service), of_service);
        if !started.is_empty() {
            waiting.push(started.into_iter());
        }
    }
    let mut left_over: HashSet<&PodId> = HashSet::new();
    let mut targets = Vec::new();
    while targets.len() < rules.most as usize && !waiting.is_empty() {
        waiting.retain_mut(|of_service| {
            if targets.len() >= rules.most as usize {
                return true;
            }
            let next = of_service.next();
            targets.extend(next.map(|(pod, container)| target(pod, container)));
            next.is_some()
        });
    }
    for (pod, _) in waiting.into_iter().flatten() {
        if left_over.insert(&pod.id) {
            coverage.entry(Arc::clone(&pod.service)).or_default().beyond += 1;
        }
    }
    let mut refused: HashSet<&PodId> = HashSet::new();
    for target in targets.iter().filter(|target| rules.refused.contains(target)) {
        if !left_over.contains(&target.uid) && refused.insert(&target.uid) {
            coverage.entry(target.service.clone()).or_default().refused += 1;
        }
    }
    for of_service in coverage.values_mut() {
        of_service.read = of_service.pods - of_service.beyond - of_service.refused;
    }
    Plan { targets, ended, coverage }
}

/// A container that was never started has no log.
fn has_log(container: &ContainerState) -> bool {
    container.id.is_some() || container.restarts > 0
}

/// A container that will not run again: its pod has finished, or it had to run once and did.
pub(super) fn is_over(pod: &PodState, container: &ContainerState) -> bool {
    let done = container.role == ContainerRole::Init && &*container.state == "Completed";
    done || matches!(pod.phase, PodPhase::Succeeded | PodPhase::Failed)
}

fn target(pod: &PodState, container: &ContainerState) -> Target {
    Target {
        service: Arc::clone(&pod.service),
        namespace: pod.namespace.to_string(),
        pod: pod.name.to_string(),
        uid: pod.id.clone(),
        container: container.name.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;
    use model::Timestamp;

    fn pod(service: &str, name: &str, containers: &[&str]) -> PodState {
        let container = |name: &&str| fixtures::container(name, &format!("id-{name}"));
        PodState { containers: containers.iter().map(container).collect(), ..fixtures::pod(service, name) }
    }

    fn planned(pods: &[PodState], most: u32) -> Plan {
        with(pods, most, &[], &HashSet::new())
    }

    fn with(pods: &[PodState], most: u32, namespaces: &[String], refused: &HashSet<Target>) -> Plan {
        let (ended, since) = (&Ended::new(), Timestamp(0));
        let sends = |pod: &PodState| pod.service.name == "own";
        plan(pods.iter(), &Rules { most, namespaces, sends, refused, ended, since, now: since })
    }

    fn covered(plan: &Plan, service: &str) -> LogCoverage {
        plan.coverage[&ServiceId::new("c", "shop", "Deployment", service)]
    }

    fn names(targets: &[Target]) -> Vec<String> {
        targets.iter().map(|target| format!("{}/{}", target.pod, target.container)).collect()
    }

    #[test]
    fn each_service_has_one_stream_before_any_has_two() {
        let pods = [pod("a", "a1", &["app", "proxy"]), pod("a", "a2", &["app"]), pod("b", "b1", &["app"])];
        let two = planned(&pods, 2);
        assert_eq!(names(&two.targets), ["a1/app", "b1/app"]);
        let whole = LogCoverage { pods: 1, read: 1, streams: 2, ..LogCoverage::default() };
        assert_eq!(covered(&two, "b"), whole);
        let half = LogCoverage { pods: 2, beyond: 2, streams: 2, ..LogCoverage::default() };
        assert_eq!(covered(&two, "a"), half, "a pod of which one container is not read is not read");
        assert_eq!(planned(&pods, 100).targets.len(), 4);
        assert_eq!(covered(&planned(&pods, 100), "a").read, 2);
        let none = planned(&pods, 0);
        assert_eq!((none.targets.len(), covered(&none, "a").beyond), (0, 2));
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
        let planned = planned(&pods, 10);
        assert_eq!(names(&planned.targets), ["crashing/app"]);
        assert_eq!(covered(&planned, "own"), LogCoverage { own: 1, streams: 10, ..LogCoverage::default() });
        assert_eq!(covered(&planned, "b"), LogCoverage { pods: 1, read: 1, streams: 10, ..LogCoverage::default() });
        assert_eq!(planned.coverage.len(), 2, "what is gone is not covered nor uncovered");
    }

    #[test]
    fn what_was_read_to_its_end_takes_no_stream_and_what_has_finished_comes_last() {
        let mut finished = pod("a", "finished", &["app", "proxy"]);
        finished.phase = PodPhase::Succeeded;
        let mut set_up = pod("a", "running", &["init", "app"]);
        (set_up.containers[0].role, set_up.containers[0].state) = (ContainerRole::Init, "Completed".into());
        let pods = [finished, set_up];
        let all = planned(&pods, 10);
        assert_eq!(names(&all.targets), ["running/app", "finished/app", "finished/proxy", "running/init"]);
        let mut ended = Ended::new();
        for target in &all.targets[1..] {
            let again = (target.container == "proxy").then_some(Timestamp(50));
            let end = End { container: target.container.as_str().into(), restarts: 0, again };
            ended.entry(target.uid.clone()).or_default().push(end);
        }
        let (refused, sends, since) = (HashSet::new(), |_: &PodState| false, Timestamp(0));
        let rules =
            Rules { most: 1, namespaces: &[], sends, refused: &refused, ended: &ended, since, now: Timestamp(49) };
        let one = plan(pods.iter(), &rules);
        assert_eq!((names(&one.targets), one.ended.len()), (vec!["running/app".to_owned()], 2));
        assert_eq!(covered(&one, "a"), LogCoverage { pods: 2, read: 2, streams: 1, ..LogCoverage::default() });
        assert_eq!(plan(pods[1..].iter(), &rules).ended.len(), 1, "what is gone is forgotten");
        let later = Rules { most: 9, now: Timestamp(50), ..rules };
        assert_eq!(names(&plan(pods.iter(), &later).targets), ["running/app", "finished/proxy"], "it is tried again");
        // Its node was started again, and with it the pod from its init containers on.
        let mut again = pods.clone();
        (again[1].containers[0].restarts, again[1].containers[0].state) = (1, "running".into());
        assert_eq!(
            names(&plan(again.iter(), &Rules { most: 9, now: Timestamp(49), ..later }).targets),
            ["running/init", "running/app"]
        );
    }

    #[test]
    fn what_ended_long_ago_is_left_alone() {
        let mut old = pod("a", "old", &["app"]);
        old.phase = PodPhase::Failed;
        old.containers[0].last_exit = Some(model::Exit { code: 1, reason: "Error".into(), at: Some(Timestamp(10)) });
        let (refused, sends, ended) = (HashSet::new(), |_: &PodState| false, Ended::new());
        let of = |since| {
            let rules = Rules {
                most: 9,
                namespaces: &[],
                sends,
                refused: &refused,
                ended: &ended,
                since: Timestamp(since),
                now: Timestamp(since),
            };
            plan([&old].into_iter(), &rules).targets.len()
        };
        assert_eq!((of(10), of(11)), (1, 0));
    }

    #[test]
    fn who_opted_out_is_not_chosen_or_is_refused_is_told_apart() {
        let silent = PodState { logs_off: true, ..pod("a", "a1", &["app"]) };
        let elsewhere = PodState { namespace: "other".into(), ..pod("a", "a2", &["app"]) };
        let pods = [silent, elsewhere, pod("a", "a3", &["app", "proxy"]), pod("a", "a4", &["app"])];
        let chosen = ["shop".to_owned()];
        let all = with(&pods, 10, &chosen, &HashSet::new());
        assert_eq!(names(&all.targets), ["a3/app", "a3/proxy", "a4/app"]);
        let whole = LogCoverage { pods: 2, read: 2, opted_out: 1, elsewhere: 1, streams: 10, ..LogCoverage::default() };
        assert_eq!(covered(&all, "a"), whole);
        let refused = all.targets[..2].iter().cloned().collect();
        let some = with(&pods, 10, &chosen, &refused);
        assert_eq!(names(&some.targets), names(&all.targets), "rights may be given back");
        assert_eq!(covered(&some, "a"), LogCoverage { read: 1, refused: 1, ..whole });
        assert_eq!(covered(&with(&pods, 10, &[], &refused), "a").pods, 3, "without a choice all are chosen");
    }
}
