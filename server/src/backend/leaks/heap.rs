//! What grew on the heap of a pod that leaks, by function, where it sends heap profiles: those of the beginning of the
//! climb beside those of now.

use app::AppError;
use model::{
    FrameTree, HOUR, HeapFunction, HeapGrowth, Leak, LeakOf, LeakingPod, MINUTE, SampleType, ServiceId, Window,
};
use store::{ProfileAsk, ProfileSlice, Store};

use crate::backend::failed;

/// What runtimes call the memory that is in use (pprof).
const IN_USE: &str = "inuse_space";
/// Functions that are told of.
const FUNCTIONS: usize = 5;
/// As much of the climb is looked at on both ends, as a share of it and at least and at most: profiles come minutes
/// apart.
const SHARE: i64 = 6;
const LEAST: i64 = 10 * MINUTE;
const MOST: i64 = HOUR;

/// What grew in the pod that ends first; nothing where it has no profiles of both ends, or nothing on the heap grew.
pub(super) async fn heap(store: &Store, id: &ServiceId, leak: &Leak) -> Result<Option<HeapGrowth>, AppError> {
    let (LeakOf::Memory { .. }, Some(pod)) = (&leak.of, leak.pods.first()) else { return Ok(None) };
    let Some((begin, now)) = ends(pod, leak) else { return Ok(None) };
    let types = store.telemetry().profile_types(id, now).await.map_err(failed)?;
    let Some(sample) = types.types.into_iter().map(|row| row.sample).find(|sample| sample.name == IN_USE) else {
        return Ok(None);
    };
    let slice = |window| ProfileSlice { window, revision: leak.revision.clone(), pod: Some(pod.name.clone()) };
    let (of, against) = (slice(now), Some(slice(begin)));
    let ask = ProfileAsk { service: id.clone(), sample: sample.clone(), of, against, nodes: 1 };
    let tree = store.telemetry().profile(ask).await.map_err(failed)?;
    Ok(growth(&tree, sample, pod, begin, now))
}

/// The beginning of a climb and its end, as long; nothing where it is too short for both.
fn ends(pod: &LeakingPod, leak: &Leak) -> Option<(Window, Window)> {
    let climbed = leak.as_of.since(pod.since);
    let length = (climbed / SHARE).clamp(LEAST, MOST);
    let begin = Window::new(pod.since, pod.since.plus(length));
    (2 * length <= climbed).then(|| (begin, Window::before(leak.as_of, length)))
}

/// By function, what it holds itself more than it did: means, since a profile tells what there is at a moment.
fn growth(tree: &FrameTree, sample: SampleType, pod: &LeakingPod, begin: Window, now: Window) -> Option<HeapGrowth> {
    let before = tree.all_before.filter(|before| before.profiles > 0 && tree.all.profiles > 0)?;
    let told = |now: i64, then: i64| (tree.all.told(&sample, now), before.told(&sample, then));
    let (all_now, all_begin) = told(tree.all.value, before.value);
    let function = |cost: &model::FrameCost| {
        let (now, begin) = told(cost.own, cost.own_before);
        HeapFunction { name: tree.frames[cost.frame as usize].name.clone(), begin, now }
    };
    let mut functions: Vec<HeapFunction> =
        tree.functions.iter().map(function).filter(|function| function.grew() > 0.0).collect();
    functions.sort_by(|a, b| b.grew().total_cmp(&a.grew()).then_with(|| a.name.cmp(&b.name)));
    functions.truncate(FUNCTIONS);
    (all_now > all_begin && !functions.is_empty()).then(|| HeapGrowth {
        pod: pod.name.clone(),
        sample,
        begin,
        now,
        all_begin,
        all_now,
        functions,
    })
}

#[cfg(test)]
mod tests {
    use model::{PodId, PodState, RevisionHash, SECOND, Sentence, Timestamp};
    use store::{Batch, ClusterRecord, OwnerFacts, ProfileRow};

    use super::*;
    use crate::fixtures;

    const NOW: Timestamp = Timestamp(1_790_000_000 * SECOND);

    fn leak(hours: i64) -> Leak {
        let pod = LeakingPod {
            pod: PodId("cart-1".into()),
            name: "cart-1".into(),
            rate: 1.0,
            rate_interval: (1.0, 1.0),
            level: 1.0,
            since: NOW.plus(-hours * HOUR),
            ..LeakingPod::default()
        };
        Leak {
            of: LeakOf::Memory { container: "app".into() },
            revision: Some(RevisionHash("a".into())),
            revision_name: String::new(),
            pods: vec![pod],
            watched: 1,
            before: None,
            before_name: None,
            sentence: Sentence::default(),
            as_of: NOW,
        }
    }

    /// A store with a heap profile a minute of six hours: the cache of `cart-1` grows, its buffers shrink.
    async fn profiled(folder: &std::path::Path, kind: &str) -> Store {
        let store = fixtures::open(folder).await;
        fixtures::record(&store, vec![fixtures::service("cart")], vec![]).await;
        let revision = Some(RevisionHash("a".into()));
        let pod = |name: &str| PodState {
            revision: revision.clone(),
            ..fixtures::pod(fixtures::id("cart"), name, Timestamp(1))
        };
        let mut pods = ClusterRecord::new(model::ClusterId("c1".into()));
        pods.pods = ["cart-1", "cart-2"].map(pod).map(std::sync::Arc::new).into();
        store.record(&pods).await.unwrap();
        let mut batch = Batch::new([7; 16]);
        let [first, second] = ["cart-1", "cart-2"].map(|name| {
            let owner = model::Owner { attributes: vec![("k8s.pod.uid".into(), name.into())], peer: None };
            batch.owner(owner, OwnerFacts { pod_uid: Some(name.into()), ..OwnerFacts::default() })
        });
        let stacks = ["main", "cache", "buffer", "parse"].map(|name| {
            let frame = batch.frame(name, "cart.go");
            batch.stack(0, frame)
        });
        for minute in 0..360 {
            let at = NOW.plus((minute - 360) * MINUTE);
            let held = [10, 100 + 2 * minute, 500 - minute, 30];
            let samples: Vec<(u32, i64)> = stacks.into_iter().zip(held).collect();
            let of = |owner, samples| ProfileRow { owner, at, duration: 1, kind, unit: "bytes", samples };
            batch.push_profile(&of(first, &samples));
            batch.push_profile(&of(second, &[(stacks[3], 9_000 * minute)]));
        }
        store.telemetry().append(batch).await.unwrap();
        store
    }

    #[tokio::test]
    async fn what_a_pod_holds_more_of_than_when_it_began_to_climb_is_told_by_function() {
        let folder = tempfile::tempdir().unwrap();
        let store = profiled(folder.path(), IN_USE).await;
        let found = heap(&store, &fixtures::id("cart"), &leak(6)).await.unwrap().unwrap();
        let names: Vec<&str> = found.functions.iter().map(|function| function.name.as_str()).collect();
        assert_eq!(names, ["cache"], "the buffer shrinks, the rest stays, and `cart-2` is another pod");
        // Means over the first and the last hour, five hours apart.
        assert!((found.functions[0].grew() - 2.0 * 300.0).abs() < 3.0, "{found:?}");
        assert!((found.all_now - found.all_begin - 300.0).abs() < 3.0, "{found:?}");
        assert_eq!((found.begin.from, found.now.to, found.now.length()), (NOW.plus(-6 * HOUR), NOW, HOUR));
        let young = leak(0);
        assert_eq!(heap(&store, &fixtures::id("cart"), &young).await.unwrap(), None, "both ends would be one");
        let volume = Leak { of: LeakOf::Volume { volume: "data".into() }, ..leak(6) };
        assert_eq!(heap(&store, &fixtures::id("cart"), &volume).await.unwrap(), None);
    }

    #[tokio::test]
    async fn without_profiles_of_the_heap_nothing_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let store = profiled(folder.path(), "alloc_space").await;
        assert_eq!(heap(&store, &fixtures::id("cart"), &leak(6)).await.unwrap(), None);
    }
}
