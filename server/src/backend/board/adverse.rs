//! What adverse events say of services all at once: how often they were restarted, and what they have too little of.
//! Pure.

use std::collections::HashMap;

use analysis::{SaturationRules, told};
use model::{AdverseEvent, AdverseKind, Saturation, ServiceId, Timestamp, Window};
use store::Directory;

/// OOM kills, and restarts of any kind, by service. The times of an event are not all known where nobody watched: a pod
/// that was created in the hour had at least the restarts that its containers count.
pub(super) fn happened(
    adverse: &[AdverseEvent],
    directory: &Directory,
    hour: Window,
) -> HashMap<ServiceId, (u32, u32)> {
    let mut kills = HashMap::<&ServiceId, u32>::new();
    let mut restarts = HashMap::<&ServiceId, HashMap<Option<&str>, u32>>::new();
    for event in adverse {
        let Some(service) = &event.service else { continue };
        let is_kill = event.kind == AdverseKind::OomKill;
        if is_kill || event.kind == AdverseKind::Restart {
            let times = event.times_in(hour);
            *kills.entry(service).or_default() += if is_kill { times } else { 0 };
            *restarts.entry(service).or_default().entry(event.pod.as_deref()).or_default() += times;
        }
    }
    let of_service = |(service, mut pods): (&ServiceId, HashMap<Option<&str>, u32>)| {
        for pod in directory.pods(service).iter().filter(|pod| hour.contains(pod.created)) {
            let seen = pods.entry(Some(&pod.name)).or_default();
            *seen = pod.restarts().max(*seen);
        }
        (service.clone(), (kills.get(service).copied().unwrap_or_default(), pods.values().sum()))
    };
    restarts.into_iter().map(of_service).collect()
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

#[cfg(test)]
mod tests {
    use model::{ClusterId, ContainerState, HOUR, MINUTE, PodPhase, PodState};
    use store::ClusterRecord;

    use super::*;
    use crate::fixtures::{self, id, open, service};

    const NOW: Timestamp = Timestamp(10 * HOUR);

    fn minutes_ago(minutes: i64) -> Timestamp {
        NOW.plus(-minutes * MINUTE)
    }

    fn pod(name: &str, created: Timestamp, restarts: u32) -> PodState {
        let state = "CrashLoopBackOff".into();
        PodState {
            phase: PodPhase::Starting,
            history: vec![(created, PodPhase::Starting)],
            containers: vec![ContainerState { restarts, state, ready: false, ..fixtures::container("app") }],
            ..fixtures::pod(id("cart"), name, created)
        }
    }

    fn event(pod: &str, kind: AdverseKind, count: u32, times: &[Timestamp]) -> AdverseEvent {
        AdverseEvent {
            key: format!("{pod}{kind:?}"),
            pod: Some(pod.into()),
            container: Some("app".into()),
            exit_code: Some(1),
            count,
            reconstructed: true,
            ..fixtures::adverse(Some(id("cart")), kind, times)
        }
    }

    #[tokio::test]
    async fn restarts_are_those_of_containers_also_where_the_times_of_few_are_known() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path()).await;
        let mut record = ClusterRecord::new(ClusterId("c1".into()));
        record.services = vec![service("cart")];
        record.pods =
            [pod("young", minutes_ago(9), 5), pod("old", minutes_ago(600), 40)].map(std::sync::Arc::new).into();
        store.record(&record).await.unwrap();
        let hour = Window::before(NOW, HOUR);
        let restart = |pod, count, times: &[Timestamp]| event(pod, AdverseKind::Restart, count, times);
        let of = |events: &[AdverseEvent]| happened(events, &store.directory(), hour).get(&id("cart")).copied();
        // Of both, the list told how many there had been and when the last was.
        let listed = [restart("young", 5, &[minutes_ago(2)]), restart("old", 40, &[minutes_ago(3)])];
        assert_eq!(of(&listed), Some((0, 6)), "five of the young pod; of the old one but the last is dated");
        // One that is gone had those that were seen; a kill for memory is a restart too.
        let gone = event("gone", AdverseKind::OomKill, 2, &[minutes_ago(20), minutes_ago(10)]);
        assert_eq!(of(&[listed[0].clone(), gone]), Some((2, 7)));
        assert_eq!(of(&[]), None);
    }
}
