//! Trouble of nodes: one finding a node, with the pods and services that it hurt.

use std::collections::{BTreeMap, BTreeSet};

use model::{AdverseEvent, MINUTE, NodeTrouble, PodPhase, PodState, ServiceId, Timestamp, Window};
use store::Store;

/// What happens to pods comes to be known so much earlier or later than what happens to their node.
const AROUND: i64 = MINUTE;
/// Pods of a silent node are given up after five minutes (Kubernetes, taint-based eviction), and end later than that.
const AFTERWARDS: i64 = 6 * MINUTE;

/// Nodes that were in trouble in a window while pods of a service were on them, the latest first. `events` are of nodes
/// of its cluster, `pods` the service's.
pub(super) async fn troubles(
    store: &Store,
    id: &ServiceId,
    events: Vec<AdverseEvent>,
    pods: &[PodState],
    window: Window,
) -> Result<Vec<NodeTrouble>, store::Error> {
    let mut troubles = Vec::new();
    for (node, mut events) in by_node(events, pods, window) {
        events.sort_by_key(|event| std::cmp::Reverse(event.last));
        let hurt = |pod: &PodState| events.iter().any(|event| is_hurt(pod, &node, event, window));
        let own = pods.iter().filter(|pod| hurt(pod)).map(|pod| pod.name.to_string()).collect();
        let mut services: BTreeSet<ServiceId> = BTreeSet::new();
        let directory = store.directory();
        for service in directory.services().filter(|other| other.id.cluster == id.cluster) {
            if directory.pods(&service.id).iter().any(|pod| hurt(pod)) {
                services.insert(service.id.clone());
            }
        }
        let ended = Window::new(window.from, window.to.plus(AFTERWARDS));
        let ended = store.ended_on(&id.cluster, &node, ended).await?;
        services.extend(ended.into_iter().filter(|pod| hurt(pod)).map(|pod| (*pod.service).clone()));
        services.remove(id);
        let next = events.first().and_then(analysis::next_step).map(str::to_owned);
        troubles.push(NodeTrouble { node, events, next, pods: own, services: services.into_iter().collect() });
    }
    troubles.sort_by_key(|trouble| std::cmp::Reverse(trouble.last()));
    Ok(troubles)
}

/// How many nodes were in trouble in a window while pods of a service were on them; `events` are of nodes of its cluster.
pub(super) async fn count(
    store: &Store,
    id: &ServiceId,
    events: Vec<AdverseEvent>,
    window: Window,
) -> Result<u32, store::Error> {
    if events.is_empty() {
        return Ok(0);
    }
    let pods = store.pods(id, window).await?;
    Ok(by_node(events, &pods, window).len() as u32)
}

/// What happened to each node while any of these pods was there.
fn by_node(events: Vec<AdverseEvent>, pods: &[PodState], window: Window) -> BTreeMap<String, Vec<AdverseEvent>> {
    let mut by_node: BTreeMap<String, Vec<AdverseEvent>> = BTreeMap::new();
    for event in events {
        let Some(node) = event.node.clone().filter(|_| event.service.is_none()) else { continue };
        if pods.iter().any(|pod| was_there(pod, &node, &event, window)) {
            by_node.entry(node).or_default().push(event);
        }
    }
    by_node
}

/// From when to when a node was in trouble, as far as a window shows it.
fn stretch(event: &AdverseEvent, window: Window) -> (Timestamp, Timestamp) {
    let end = if event.current { window.to } else { event.last };
    (event.first.max(window.from).plus(-AROUND), end.plus(AROUND))
}

/// Whether a pod was on a node while that was in trouble.
fn was_there(pod: &PodState, node: &str, event: &AdverseEvent, window: Window) -> bool {
    let (from, to) = stretch(event, window);
    pod.node.as_deref() == Some(node) && pod.created <= to && pod.ended.is_none_or(|ended| ended >= from)
}

/// Whether a pod that was there stopped to be ready or ended meanwhile, or soon afterwards.
fn is_hurt(pod: &PodState, node: &str, event: &AdverseEvent, window: Window) -> bool {
    let (from, to) = stretch(event, window);
    let to = to.plus(AFTERWARDS);
    let fell = |(at, phase): &(Timestamp, PodPhase)| {
        let is_bad = matches!(phase, PodPhase::NotReady | PodPhase::Failed | PodPhase::Terminating);
        is_bad && *at >= from && *at <= to
    };
    let ended = pod.ended.is_some_and(|ended| ended >= from && ended <= to) && pod.phase != PodPhase::Succeeded;
    was_there(pod, node, event, window) && (ended || pod.history.iter().any(fell))
}

/// The node of an event's pod, where that was in trouble when the event was.
pub(super) fn behind(
    event: &AdverseEvent,
    pods: &[PodState],
    troubles: &[NodeTrouble],
    window: Window,
) -> Option<String> {
    if troubles.is_empty() {
        return None;
    }
    let pod = pods.iter().find(|pod| Some(&*pod.name) == event.pod.as_deref())?;
    let trouble = troubles.iter().find(|trouble| Some(&*trouble.node) == pod.node.as_deref())?;
    let is_meanwhile = |of_node: &AdverseEvent| {
        let (from, to) = stretch(of_node, window);
        event.last >= from && event.first <= to.plus(AFTERWARDS)
    };
    trouble.events.iter().any(is_meanwhile).then(|| trouble.node.clone())
}

#[cfg(test)]
mod tests {
    use model::AdverseKind;
    use store::ClusterRecord;

    use super::*;
    use crate::fixtures::{self, id, open, record, service};

    const WINDOW: Window = Window { from: at(0), to: at(60) };

    const fn at(minute: i64) -> Timestamp {
        Timestamp(1_800_000_000_000_000_000 + minute * MINUTE)
    }

    fn trouble(node: &str, reason: &str, first: i64, last: i64, current: bool) -> AdverseEvent {
        AdverseEvent {
            key: format!("c1|{node}|Node||{reason}"),
            node: Some(node.into()),
            reason: reason.into(),
            last: at(last),
            current,
            ..fixtures::adverse(None, AdverseKind::Node, &[at(first)])
        }
    }

    fn pod(of: &str, node: &str, fell: Option<i64>, ended: Option<i64>) -> PodState {
        let fell = fell.map(|minute| (at(minute), PodPhase::NotReady));
        PodState {
            id: model::PodId(format!("{of}-{node}-{fell:?}").into()),
            node: Some(node.into()),
            ended: ended.map(at),
            phase: fell.map_or(PodPhase::Ready, |(_, phase)| phase),
            history: [(at(-100), PodPhase::Ready)].into_iter().chain(fell).collect(),
            ..fixtures::pod(id(of), &format!("{of}-on-{node}"), at(-100))
        }
    }

    #[test]
    fn a_pod_is_hurt_where_it_fell_or_ended_while_its_node_was_in_trouble() {
        let event = trouble("n1", "NodeNotReady", 20, 30, false);
        let check = |pod: &PodState, expect: bool| {
            assert_eq!(is_hurt(pod, "n1", &event, WINDOW), expect, "{:?} {:?}", pod.history, pod.ended);
        };
        check(&pod("cart", "n1", None, None), false);
        check(&pod("cart", "n1", Some(18), None), false);
        check(&pod("cart", "n1", Some(19), None), true);
        check(&pod("cart", "n1", Some(37), None), true);
        check(&pod("cart", "n1", Some(38), None), false);
        check(&pod("cart", "n1", None, Some(36)), true);
        check(&pod("cart", "n1", None, Some(10)), false);
        check(&pod("cart", "n2", Some(25), None), false);
        check(&PodState { phase: PodPhase::Succeeded, ..pod("cart", "n1", None, Some(25)) }, false);
    }

    #[tokio::test]
    async fn trouble_is_one_finding_a_node_with_the_other_services_that_it_hurt() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path()).await;
        let names = ["cart", "payments", "search", "elsewhere"];
        record(&store, names.map(service).to_vec(), vec![]).await;
        let own = [pod("cart", "n1", Some(21), None), pod("cart", "n2", None, None)];
        let mut pods = ClusterRecord::new(model::ClusterId("c1".into()));
        pods.pods = [
            pod("payments", "n1", Some(22), None),
            pod("search", "n1", None, Some(33)),
            pod("elsewhere", "n3", Some(22), None),
            pod("elsewhere", "n1", None, None),
        ]
        .map(std::sync::Arc::new)
        .into();
        pods.pods.extend(own.clone().map(std::sync::Arc::new));
        store.record(&pods).await.unwrap();
        let events = vec![
            trouble("n1", "MemoryPressure", 15, 20, false),
            trouble("n1", "NodeNotReady", 20, 60, true),
            trouble("n3", "NodeNotReady", 20, 60, true),
        ];
        let found = troubles(&store, &id("cart"), events.clone(), &own, WINDOW).await.unwrap();
        assert_eq!(count(&store, &id("cart"), Vec::new(), WINDOW).await.unwrap(), 0);
        assert_eq!(count(&store, &id("cart"), events, WINDOW).await.unwrap(), 1, "as many as are told");
        let [one] = &found[..] else { panic!("{found:#?}") };
        assert_eq!((one.node.as_str(), one.events.len(), one.is_current(), one.first()), ("n1", 2, true, at(15)));
        assert_eq!(one.pods, ["cart-on-n1"]);
        assert_eq!(one.services, [id("payments"), id("search")]);
        let evicted =
            AdverseEvent { pod: Some("cart-on-n1".into()), node: None, ..trouble("", "Evicted", 25, 25, false) };
        assert_eq!(behind(&evicted, &own, &found, WINDOW).as_deref(), Some("n1"));
        let earlier = AdverseEvent { last: at(10), first: at(10), ..evicted.clone() };
        assert_eq!(behind(&earlier, &own, &found, WINDOW), None);
        let elsewhere = AdverseEvent { pod: Some("cart-on-n2".into()), ..evicted };
        assert_eq!(behind(&elsewhere, &own, &found, WINDOW), None);
    }
}
