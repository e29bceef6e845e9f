//! How long memory that nothing limits may grow: until its node has none left. Pure.

use std::collections::HashMap;

use analysis::LeakRules;
use model::{Eta, HOUR, Leak, LeakOf, LeakingPod, LimitOf, ServiceId};
use store::{Directory, Leaks};

/// Gives pods of a service whose memory has no limit the room that their node has, which all that climb there share:
/// `node` says on which node a pod is, by the pod's name, and how many bytes are left there, `rates` how many bytes an
/// hour other services grow by on a node. What would take longer to fill a node than anyone plans for does not matter,
/// and is no leak.
pub(super) fn on_nodes<'a>(
    leaks: &mut Vec<Leak>,
    node: impl Fn(&str) -> Option<(&'a str, u64)>,
    mut rates: HashMap<String, f64>,
) {
    let far = LeakRules::default().far;
    for pod in leaks.iter().filter(|leak| is_memory(leak)).flat_map(|leak| &leak.pods) {
        if let Some((node, _)) = node(&pod.name).filter(|_| pod.limit.is_none()) {
            *rates.entry(node.to_owned()).or_default() += pod.rate;
        }
    }
    for leak in leaks.iter_mut().filter(|leak| is_memory(leak)) {
        for pod in leak.pods.iter_mut().filter(|pod| pod.limit.is_none()) {
            if let Some((node, left)) = node(&pod.name) {
                let all = rates.get(node).copied().unwrap_or(pod.rate).max(pod.rate);
                bound(pod, left as f64 * pod.rate / all);
            }
        }
        let matters =
            |pod: &LeakingPod| pod.limit_of != LimitOf::Node || pod.eta.is_some_and(|eta| (eta.likely as f64) < far);
        leak.pods.retain(matters);
        leak.pods.sort_by_key(|pod| pod.eta.map_or(i64::MAX, |eta| eta.likely));
    }
    leaks.retain(|leak| !leak.pods.is_empty());
}

/// Bytes an hour by which pods of other services grow on each node of a cluster, of those whose memory only their node
/// limits.
pub(super) fn beside(all: &Leaks, directory: &Directory, id: &ServiceId) -> HashMap<String, f64> {
    let mut rates: HashMap<String, f64> = HashMap::new();
    let others = all.iter().filter(|(other, _)| other.cluster == id.cluster && *other != id);
    for (other, leaks) in others {
        for pod in leaks.iter().flat_map(|leak| &leak.pods).filter(|pod| pod.limit_of == LimitOf::Node) {
            let found = directory.pods(other).iter().find(|known| known.id == pod.pod);
            if let Some(node) = found.and_then(|pod| pod.node.as_deref()) {
                *rates.entry(node.to_owned()).or_default() += pod.rate;
            }
        }
    }
    rates
}

fn is_memory(leak: &Leak) -> bool {
    matches!(leak.of, LeakOf::Memory { .. })
}

/// `left` is its share of what its node has left.
fn bound(pod: &mut LeakingPod, left: f64) {
    let after = |rate: f64| (rate > 0.0).then(|| (left / rate * HOUR as f64).min(i64::MAX as f64) as i64);
    pod.limit = Some(pod.level + left);
    pod.limit_of = LimitOf::Node;
    pod.eta = Some(Eta {
        likely: after(pod.rate).unwrap_or(i64::MAX),
        soonest: after(pod.rate_interval.1).unwrap_or(i64::MAX),
        latest: after(pod.rate_interval.0),
    });
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::{ClusterId, PodId, PodState, Sentence, Timestamp};
    use store::ClusterRecord;

    use super::*;
    use crate::fixtures;

    const GIB: f64 = 1_073_741_824.0;

    fn leak(pods: &[(&str, f64, Option<f64>)]) -> Leak {
        let pod = |(name, rate, limit): &(&str, f64, Option<f64>)| LeakingPod {
            pod: PodId((*name).into()),
            name: (*name).into(),
            rate: *rate,
            rate_interval: (0.0, 2.0 * rate),
            level: GIB,
            limit: *limit,
            eta: limit.map(|_| Eta { likely: 20 * HOUR, soonest: HOUR, latest: None }),
            ..LeakingPod::default()
        };
        Leak {
            of: LeakOf::Memory { container: "app".into() },
            revision: None,
            revision_name: String::new(),
            pods: pods.iter().map(pod).collect(),
            watched: 1,
            before: None,
            before_name: None,
            sentence: Sentence::default(),
            as_of: Timestamp(0),
        }
    }

    #[test]
    fn what_has_no_limit_ends_where_its_node_does() {
        let mut leaks = vec![leak(&[("bound", GIB, Some(9.0 * GIB)), ("free", GIB, None)])];
        on_nodes(&mut leaks, |_| Some(("n1", (4.0 * GIB) as u64)), HashMap::new());
        let pods = &leaks[0].pods;
        assert_eq!((pods[0].name.as_str(), pods[0].limit, pods[0].limit_of), ("free", Some(5.0 * GIB), LimitOf::Node));
        assert_eq!(pods[0].eta, Some(Eta { likely: 4 * HOUR, soonest: 2 * HOUR, latest: None }));
        assert_eq!((pods[1].limit_of, pods[1].limit), (LimitOf::Own, Some(9.0 * GIB)), "its own limit comes first");
    }

    #[test]
    fn those_on_one_node_share_what_it_has_left() {
        let mut leaks = vec![leak(&[("a", GIB, None), ("b", 3.0 * GIB, None), ("c", GIB, None)])];
        on_nodes(&mut leaks, |pod| Some((if pod == "c" { "n2" } else { "n1" }, (4.0 * GIB) as u64)), HashMap::new());
        let of = |name: &str| leaks[0].pods.iter().find(|pod| pod.name == name).and_then(|pod| pod.eta).unwrap().likely;
        assert_eq!((of("a"), of("b"), of("c")), (HOUR, HOUR, 4 * HOUR));
        let mut leaks = vec![leak(&[("a", GIB, None)])];
        on_nodes(&mut leaks, |_| Some(("n1", (4.0 * GIB) as u64)), HashMap::from([("n1".into(), GIB)]));
        assert_eq!(leaks[0].eta().unwrap().likely, 2 * HOUR, "another service takes as much");
    }

    #[tokio::test]
    async fn other_services_count_with_what_their_pods_on_a_node_grow_by() {
        let folder = tempfile::tempdir().unwrap();
        let store = fixtures::open(folder.path()).await;
        let on = |service: &str, name: &str, node: &str| PodState {
            node: Some(node.into()),
            id: PodId(name.into()),
            ..fixtures::pod(fixtures::id(service), name, Timestamp(0))
        };
        let mut record = ClusterRecord::new(ClusterId("c1".into()));
        record.services = vec![fixtures::service("cart"), fixtures::service("shop")];
        let pods = [on("cart", "a", "n1"), on("shop", "b", "n1"), on("shop", "c", "n1"), on("shop", "d", "n2")];
        record.pods = pods.map(Arc::new).into();
        store.record(&record).await.unwrap();
        let mut grown = leak(&[("b", GIB, None), ("c", 2.0 * GIB, None), ("d", 4.0 * GIB, None)]);
        for pod in &mut grown.pods {
            pod.limit_of = if pod.name == "c" { LimitOf::Own } else { LimitOf::Node };
        }
        let all = Leaks::from([(fixtures::id("shop"), Arc::new(vec![grown]))]);
        let directory = store.directory();
        let of_cart = beside(&all, &directory, &fixtures::id("cart"));
        assert_eq!(of_cart, HashMap::from([("n1".to_owned(), GIB), ("n2".to_owned(), 4.0 * GIB)]));
        assert!(beside(&all, &directory, &fixtures::id("shop")).is_empty(), "its own are counted by name");
    }

    #[test]
    fn what_its_node_has_room_for_all_month_is_none_and_an_unknown_node_says_nothing() {
        let mut leaks = vec![leak(&[("slow", 0.001 * GIB, None)])];
        on_nodes(&mut leaks, |_| None, HashMap::new());
        assert_eq!((leaks.len(), leaks[0].eta()), (1, None));
        on_nodes(&mut leaks, |_| Some(("n1", (40.0 * GIB) as u64)), HashMap::new());
        assert!(leaks.is_empty());
    }
}
