//! How long memory that nothing limits may grow: until its node has none left. Pure.

use std::collections::HashMap;

use analysis::LeakRules;
use model::{Eta, HOUR, Leak, LeakOf, LeakingPod, LimitOf};

/// Gives pods of a service whose memory has no limit the room that their node has, which those on one node share: `node` says on
/// which node a pod is, by the pod's name, and how many bytes are left there. What would take longer to fill a node
/// than anyone plans for does not matter, and is no leak.
pub(super) fn on_nodes<'a>(leaks: &mut Vec<Leak>, node: impl Fn(&str) -> Option<(&'a str, u64)>) {
    let far = LeakRules::default().far;
    let mut rates: HashMap<&str, f64> = HashMap::new();
    for pod in leaks.iter().filter(|leak| is_memory(leak)).flat_map(|leak| &leak.pods) {
        if let Some((node, _)) = node(&pod.name).filter(|_| pod.limit.is_none()) {
            *rates.entry(node).or_default() += pod.rate;
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
    use model::{PodId, Sentence, Timestamp};

    use super::*;

    const GIB: f64 = 1_073_741_824.0;

    fn leak(pods: &[(&str, f64, Option<f64>)]) -> Leak {
        let pod = |(name, rate, limit): &(&str, f64, Option<f64>)| LeakingPod {
            pod: PodId((*name).into()),
            name: (*name).into(),
            rate: *rate,
            rate_interval: (0.0, 2.0 * rate),
            level: GIB,
            limit: *limit,
            limit_of: LimitOf::Own,
            since: Timestamp(0),
            eta: limit.map(|_| Eta { likely: 20 * HOUR, soonest: HOUR, latest: None }),
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
        on_nodes(&mut leaks, |_| Some(("n1", (4.0 * GIB) as u64)));
        let pods = &leaks[0].pods;
        assert_eq!((pods[0].name.as_str(), pods[0].limit, pods[0].limit_of), ("free", Some(5.0 * GIB), LimitOf::Node));
        assert_eq!(pods[0].eta, Some(Eta { likely: 4 * HOUR, soonest: 2 * HOUR, latest: None }));
        assert_eq!((pods[1].limit_of, pods[1].limit), (LimitOf::Own, Some(9.0 * GIB)), "its own limit comes first");
    }

    #[test]
    fn those_on_one_node_share_what_it_has_left() {
        let mut leaks = vec![leak(&[("a", GIB, None), ("b", 3.0 * GIB, None), ("c", GIB, None)])];
        on_nodes(&mut leaks, |pod| Some((if pod == "c" { "n2" } else { "n1" }, (4.0 * GIB) as u64)));
        let of = |name: &str| leaks[0].pods.iter().find(|pod| pod.name == name).and_then(|pod| pod.eta).unwrap().likely;
        assert_eq!((of("a"), of("b"), of("c")), (HOUR, HOUR, 4 * HOUR));
    }

    #[test]
    fn what_its_node_has_room_for_all_month_is_none_and_an_unknown_node_says_nothing() {
        let mut leaks = vec![leak(&[("slow", 0.001 * GIB, None)])];
        on_nodes(&mut leaks, |_| None);
        assert_eq!((leaks.len(), leaks[0].eta()), (1, None));
        on_nodes(&mut leaks, |_| Some(("n1", (40.0 * GIB) as u64)));
        assert!(leaks.is_empty());
    }
}
