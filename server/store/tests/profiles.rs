//! Questions over profiles against the samples themselves, in every state of the files.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;

use model::*;
use store::*;
use support::*;

const TYPES: [(&str, &str); 3] = [("cpu", "nanoseconds"), ("inuse_space", "bytes"), ("inuse_space", "")];
const PODS: [(&str, &str, &str); 3] = [("checkout", "p1", "7d9f"), ("checkout", "p3", "8e0a"), ("cart", "p2", "7d9f")];

/// A profile: which pod's, when, of which type, and its stacks.
#[derive(Debug, Clone)]
struct Told {
    pod: usize,
    second: i64,
    kind: usize,
    samples: Vec<(Vec<u64>, i64)>,
}

/// Profiles of an hour: stacks of few functions, which recurse and are shared.
fn random_profiles(random: &mut Random) -> Vec<Told> {
    let mut all = Vec::new();
    for second in (-2_400..1_200).step_by(30) {
        for pod in 0..PODS.len() {
            for kind in 0..TYPES.len() {
                let stack = |random: &mut Random| (0..=random.below(7)).map(|_| random.below(6)).collect();
                let count = random.below(12);
                let samples = (0..count).map(|_| (stack(random), random.below(1 << 30) as i64 + 1)).collect();
                all.push(Told { pod, second, kind, samples });
            }
        }
    }
    all.retain(|told| !told.samples.is_empty());
    all
}

fn name(function: u64) -> String {
    format!("shop.f{function}")
}

async fn with_revisions(folder: &std::path::Path) -> Store {
    let store = with_services(folder).await;
    let mut batch = record();
    let mut newer = pod("checkout", "p3", "10.0.0.3", 5);
    newer.revision = Some(RevisionHash("8e0a".into()));
    batch.pods = [newer].map(std::sync::Arc::new).into();
    store.record(&batch).await.unwrap();
    store
}

async fn append_all(store: &Store, told: &[Told], from: u128) {
    for (number, chunk) in told.chunks(13).enumerate() {
        let mut batch = Batch::new((from + number as u128).to_be_bytes());
        let owners = PODS.map(|(name, pod, _)| batch.owner(owner(name), facts_of_pod(pod)));
        for told in chunk {
            let samples: Vec<(u32, i64)> = told
                .samples
                .iter()
                .map(|(functions, value)| {
                    let stack = functions.iter().fold(0, |outer, function| {
                        let frame = batch.frame(&name(*function), "shop.py");
                        batch.stack(outer, frame)
                    });
                    (stack, *value)
                })
                .collect();
            let (kind, unit) = TYPES[told.kind];
            let at = NOW.plus(told.second * SECOND);
            let owner = owners[told.pod];
            batch.push_profile(&ProfileRow { owner, at, duration: 10 * SECOND, kind, unit, samples: &samples });
        }
        assert_eq!(store.telemetry().append(batch).await.unwrap(), Appended::Stored);
    }
}

fn window() -> Window {
    Window::new(NOW.plus(-30 * MINUTE), NOW.plus(10 * MINUTE))
}

fn slice(revision: Option<&str>) -> ProfileSlice {
    ProfileSlice { window: window(), revision: revision.map(|hash| RevisionHash(hash.into())), pod: None }
}

/// By path: what was measured in exactly it, and with all below.
type Costs = BTreeMap<String, (i64, i64)>;

/// From the profiles as they were told.
fn expected(told: &[Told], kind: usize, slice: &ProfileSlice) -> (Costs, u64) {
    let is_asked = |told: &&Told| {
        let (service, pod, revision) = PODS[told.pod];
        service == "checkout"
            && told.kind == kind
            && slice.window.contains(NOW.plus(told.second * SECOND))
            && slice.revision.as_ref().is_none_or(|asked| asked.0 == revision)
            && slice.pod.as_ref().is_none_or(|asked| *asked == format!("checkout-7d9f-{pod}"))
    };
    let mut own: BTreeMap<Vec<u64>, i64> = BTreeMap::new();
    let mut profiles = 0;
    for told in told.iter().filter(is_asked) {
        profiles += 1;
        told.samples.iter().for_each(|(stack, value)| *own.entry(stack.clone()).or_default() += value);
    }
    let mut costs = Costs::new();
    for (stack, value) in own.into_iter().filter(|(_, value)| *value > 0) {
        for depth in 1..=stack.len() {
            let path: Vec<String> = stack[..depth].iter().map(|function| name(*function)).collect();
            let cost = costs.entry(path.join(";")).or_default();
            cost.1 += value;
            cost.0 += if depth == stack.len() { value } else { 0 };
        }
    }
    (costs, profiles)
}

/// From a tree: now, and before.
fn found(tree: &FrameTree) -> [Costs; 2] {
    let mut path: Vec<String> = Vec::new();
    let mut costs = [Costs::new(), Costs::new()];
    for node in 0..tree.len() {
        path.truncate(tree.depth[node] as usize);
        path.push(tree.frame_of(node).name.clone());
        costs[0].insert(path.join(";"), (tree.own[node], tree.total[node]));
        if let Some(own) = tree.own_before.get(node) {
            costs[1].insert(path.join(";"), (*own, tree.total_before[node]));
        }
    }
    costs.map(|costs| costs.into_iter().filter(|(_, cost)| cost.1 != 0).collect())
}

async fn ask(store: &Store, kind: usize, of: ProfileSlice, against: Option<ProfileSlice>, nodes: u32) -> FrameTree {
    let (name, unit) = TYPES[kind];
    let ask = ProfileAsk { service: id("checkout"), sample: SampleType::new(name, unit), of, against, nodes };
    store.telemetry().profile(ask).await.unwrap()
}

async fn compare(store: &Store, told: &[Told]) {
    for kind in 0..TYPES.len() {
        let one_pod = ProfileSlice { pod: Some("checkout-7d9f-p3".into()), ..slice(None) };
        for of in [slice(None), slice(Some("7d9f")), slice(Some("none")), one_pod] {
            let tree = ask(store, kind, of.clone(), None, 100_000).await;
            let (costs, profiles) = expected(told, kind, &of);
            assert_eq!(found(&tree)[0], costs, "{of:?}");
            assert_eq!((tree.all.profiles, tree.all_before), (profiles, None));
            let roots = (0..tree.len()).filter(|node| tree.depth[*node] == 0);
            assert_eq!(tree.all.value, roots.map(|node| tree.total[node]).sum::<i64>());
        }
        let (old, new) = (slice(Some("7d9f")), slice(Some("8e0a")));
        let tree = ask(store, kind, new.clone(), Some(old.clone()), 100_000).await;
        let expected = [expected(told, kind, &new), expected(told, kind, &old)];
        assert_eq!(found(&tree), [expected[0].0.clone(), expected[1].0.clone()]);
        assert_eq!(tree.all_before.unwrap().profiles, expected[1].1);
        check_pruned(&ask(store, kind, new, Some(old), 20).await, &tree);
    }
    let types = store.telemetry().profile_types(&id("checkout"), window()).await.unwrap();
    let samples: Vec<String> = types.types.iter().map(|row| row.sample.to_string()).collect();
    assert_eq!(samples, ["cpu:nanoseconds", "inuse_space:", "inuse_space:bytes"]);
    assert_eq!(types.types[0].profiles, expected(told, 0, &slice(None)).1);
    assert_eq!(types.pods, ["checkout-7d9f-p1", "checkout-7d9f-p3"]);
    let mut revisions: Vec<&str> = types.revisions.iter().map(|revision| revision.0.as_str()).collect();
    revisions.sort_unstable();
    assert_eq!((revisions, types.covered_from), (vec!["7d9f", "8e0a"], None));
}

/// A tree of few nodes loses nothing: what is below a node is there or summed.
fn check_pruned(few: &FrameTree, all: &FrameTree) {
    let others = (0..few.len()).filter(|node| few.frame_of(*node).name == OTHER_FRAME).count();
    assert_eq!(few.len() - others, 20);
    assert_eq!((few.all, few.all_before, &few.functions.len()), (all.all, all.all_before, &all.functions.len()));
    for node in 0..few.len() {
        let below = (node + 1..few.end_of(node)).filter(|below| few.depth[*below] == few.depth[node] + 1);
        let sums = below.fold((few.own[node], few.own_before[node]), |sums, below| {
            (sums.0 + few.total[below], sums.1 + few.total_before[below])
        });
        let is_other = few.frame_of(node).name == OTHER_FRAME;
        assert!(is_other || sums == (few.total[node], few.total_before[node]), "node {node}");
    }
}

#[tokio::test]
async fn answers_equal_a_naive_model_live_merged_and_reopened() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_revisions(folder.path()).await;
    let told = random_profiles(&mut Random(11));
    // What comes late is found like what came in time.
    let half = told.len() / 2;
    append_all(&store, &told[half..], 1_000).await;
    append_all(&store, &told[..half - 50], 2_000).await;
    store.maintain(clock().plus(3 * MINUTE)).await.unwrap();
    append_all(&store, &told[half - 50..half], 3_000).await;
    compare(&store, &told).await;
    store.maintain(clock().plus(3 * MINUTE)).await.unwrap();
    compare(&store, &told).await;
    store.close().await.unwrap();
    let store = open(folder.path()).await;
    compare(&store, &told).await;
    assert!(store.status().await.unwrap().samples > told.len() as u64);
}

#[tokio::test]
async fn a_function_that_calls_itself_counts_once_and_an_identical_retry_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_revisions(folder.path()).await;
    let told = Told { pod: 0, second: 0, kind: 0, samples: vec![(vec![1, 2, 1], 5), (vec![1, 2], 3), (vec![2], 2)] };
    append_all(&store, std::slice::from_ref(&told), 1).await;
    let mut again = Batch::new(1_u128.to_be_bytes());
    again.owner(owner("checkout"), facts_of_pod("p1"));
    let frame = again.frame("other", "");
    let stack = again.stack(0, frame);
    let (kind, unit) = TYPES[0];
    again.push_profile(&ProfileRow { owner: 0, at: NOW, duration: 1, kind, unit, samples: &[(stack, 9)] });
    assert_eq!(store.telemetry().append(again).await.unwrap(), Appended::Duplicate);
    let tree = ask(&store, 0, slice(None), None, 10).await;
    let mut costs: Vec<(&str, i64, i64)> = tree
        .functions
        .iter()
        .map(|cost| (tree.frames[cost.frame as usize].name.as_str(), cost.own, cost.total))
        .collect();
    costs.sort_unstable();
    assert_eq!(costs, [("shop.f1", 5, 8), ("shop.f2", 5, 10)]);
}
