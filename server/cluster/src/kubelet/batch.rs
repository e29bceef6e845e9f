//! Readings as the store takes them: nothing twice, and where something is gone its levels end. Pure.

use std::collections::HashMap;

use model::{ClusterId, MetricKind, SECOND, Text, Timestamp};
use sha2::{Digest, Sha256};
use store::{Batch, PointRow, STALE, SeriesRow};

use super::metric::{self, Metric};
use super::readings::{Labels, Reading, Source, Thing};
use crate::owner::{self, Of};

/// What was said of a node's pods so far.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Each once, ascending by key.
    seen: Vec<Seen>,
    /// When the node was read last.
    last: Option<Timestamp>,
}

#[derive(Debug)]
struct Seen {
    source: Source,
    at: Timestamp,
}

/// What of these is known of a source.
fn find<'a>(seen: &'a [Seen], source: &Source) -> Option<&'a Seen> {
    let place = seen.binary_search_by(|seen| seen.source.key().cmp(&source.key())).ok()?;
    Some(&seen[place])
}

/// In order, each once with when it was measured last.
fn sort(seen: &mut Vec<Seen>) {
    seen.sort_unstable_by(|a, b| (a.source.key(), b.at).cmp(&(b.source.key(), a.at)));
    seen.dedup_by(|later, first| later.source.key() == first.source.key());
}

/// Which endpoints answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answered {
    pub(super) containers: bool,
    pub(super) summary: bool,
}

impl Answered {
    fn tells(self, thing: &Thing) -> bool {
        if thing.is_container() { self.containers } else { self.summary }
    }
}

/// What is new of a node's readings.
pub(super) fn batch(
    cluster: &ClusterId,
    node: &str,
    readings: Vec<Reading>,
    answered: Answered,
    memory: &mut Memory,
    now: Timestamp,
) -> Batch {
    let mut writer = Writer::new(cluster, node, now);
    let mut told = Vec::with_capacity(readings.len());
    for Reading { source, at, start, points } in readings {
        let before = find(&memory.seen, &source).map(|seen| seen.at);
        // Kubelets measure when they want: until they do again they repeat themselves.
        if before.is_none_or(|before| at > before) {
            // Of what ran before it was first looked at, it is not known how much of a total is of that time.
            let is_whole = before.is_some() || memory.last.zip(start).is_some_and(|(last, start)| start >= last);
            let start = start.filter(|_| is_whole).unwrap_or_default();
            let owner = writer.owner(&source);
            for (metric, labels, value) in &points {
                writer.push(owner, metric, labels, (at, start, *value));
            }
        }
        told.push(Seen { source, at: before.map_or(at, |before| before.max(at)) });
    }
    sort(&mut told);
    let mut unsaid = Vec::new();
    for seen in memory.seen.drain(..).filter(|seen| find(&told, &seen.source).is_none()) {
        if !answered.tells(&seen.source.thing) {
            unsaid.push(seen);
            continue;
        }
        let end = now.max(seen.at.plus(SECOND / 1_000));
        let levels = levels(&seen.source.thing);
        if !levels.is_empty() {
            let owner = writer.owner(&seen.source);
            for (metric, labels) in levels {
                writer.push(owner, metric, &labels, (end, Timestamp::default(), STALE));
            }
        }
    }
    if !unsaid.is_empty() {
        told.extend(unsaid);
        sort(&mut told);
    }
    told.shrink_to_fit();
    memory.seen = told;
    memory.last = Some(now);
    writer.batch
}

/// The levels that a thing may have.
fn levels(thing: &Thing) -> Vec<(&'static Metric, Labels)> {
    match thing {
        Thing::Container => [&metric::WORKING_SET, &metric::RSS, &metric::MEMORY_LIMIT, &metric::CPU_LIMIT]
            .map(|metric| (metric, Labels::new()))
            .into(),
        Thing::Files => vec![(&metric::FILES, Labels::new())],
        Thing::Pod | Thing::Network => Vec::new(),
        Thing::Volume(names) => {
            let (name, claim) = &**names;
            let labels = vec![("k8s.persistentvolumeclaim.name", claim.clone()), ("k8s.volume.name", name.clone())];
            vec![(&metric::VOLUME_AVAILABLE, labels.clone()), (&metric::VOLUME_CAPACITY, labels)]
        }
    }
}

/// The scope of what is read from kubelets.
const SCOPE: &str = "kubelet";

struct Writer<'a> {
    batch: Batch,
    /// Numbers of owners, by pod, container and its id.
    owners: HashMap<(Text, Text, Text), u32>,
    node: &'a str,
}

impl<'a> Writer<'a> {
    fn new(cluster: &ClusterId, node: &'a str, now: Timestamp) -> Self {
        let hash = Sha256::new().chain_update(&cluster.0).chain_update(node).chain_update(now.0.to_be_bytes());
        let mut request = [0; 16];
        request.copy_from_slice(&hash.finalize()[..16]);
        Self { batch: Batch::collected(request), owners: HashMap::new(), node }
    }

    fn owner(&mut self, source: &Source) -> u32 {
        let pod = &source.pod;
        let key = (pod.id.0.clone(), source.container.clone(), source.id.clone());
        *self.owners.entry(key).or_insert_with(|| {
            let (owner, facts) = owner::of(&Of {
                cluster: &pod.cluster,
                namespace: &pod.namespace,
                pod: &pod.name,
                uid: &pod.id.0,
                container: &source.container,
                container_id: &source.id,
                node: self.node,
            });
            self.batch.owner(owner, facts)
        })
    }

    fn push(&mut self, owner: u32, metric: &Metric, labels: &Labels, (at, start, value): (Timestamp, Timestamp, f64)) {
        let labels: Vec<(&str, &str)> = labels.iter().map(|(key, value)| (*key, value.as_str())).collect();
        let series = SeriesRow {
            owner,
            name: metric.name,
            kind: metric.kind,
            unit: metric.unit,
            description: metric.description,
            scope: SCOPE,
            labels: &labels,
            bounds: &[],
        };
        let start = if metric.kind == MetricKind::Counter { start } else { Timestamp::default() };
        self.batch.push_point(&series, &PointRow { at, start, value, distribution: None });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::kubelet::pods::tests::pod;

    const BOTH: Answered = Answered { containers: true, summary: true };

    fn reading(id: &str, thing: Thing, at: i64) -> Reading {
        let pod = Arc::new(pod("cart-1"));
        let source = Source { pod, container: "app".into(), id: id.into(), thing };
        let points = vec![(&metric::WORKING_SET, Labels::new(), 1.0), (&metric::CPU_TIME, Labels::new(), 2.0)];
        Reading { source, at: Timestamp(at), start: Some(Timestamp(1)), points }
    }

    /// How many points came of each round.
    fn rounds(rounds: Vec<(Vec<Reading>, Answered)>) -> Vec<usize> {
        let (cluster, mut memory) = (ClusterId("c".into()), Memory::default());
        let each = rounds.into_iter().enumerate().map(|(round, (readings, answered))| {
            batch(&cluster, "node-1", readings, answered, &mut memory, Timestamp(1_000 + round as i64)).len()
        });
        each.collect()
    }

    #[test]
    fn what_a_kubelet_repeats_is_not_stored_again() {
        let read = |at| (vec![reading("a", Thing::Container, at)], BOTH);
        assert_eq!(rounds(vec![read(10), read(10), read(9), read(20)]), [2, 0, 0, 2]);
    }

    #[test]
    fn of_what_was_told_twice_at_once_the_newer_is_remembered() {
        let both = (vec![reading("a", Thing::Container, 20), reading("a", Thing::Container, 10)], BOTH);
        let later = |at| (vec![reading("a", Thing::Container, at)], BOTH);
        assert_eq!(rounds(vec![both, later(15), later(20), later(30)]), [4, 0, 0, 2]);
        // A node has hundreds of them, a cluster a thousand nodes.
        assert!(size_of::<Seen>() <= 64);
    }

    #[test]
    fn levels_end_where_a_container_does() {
        let read = |id| (vec![reading(id, Thing::Container, 10)], BOTH);
        // The four levels that it may have had.
        assert_eq!(rounds(vec![read("a"), read("b"), (vec![], BOTH), (vec![], BOTH)]), [2, 2 + 4, 4, 0]);
    }

    #[test]
    fn nothing_ends_because_nobody_answered() {
        let files = || reading("a", Thing::Files, 10);
        let half = Answered { containers: true, summary: false };
        let all = || vec![reading("a", Thing::Container, 10), files()];
        let without = || vec![reading("a", Thing::Container, 20)];
        assert_eq!(rounds(vec![(all(), BOTH), (without(), half), (without(), BOTH)]), [4, 2, 1]);
    }
}
