//! What services have too little of, from look to look: kept for health in memory, and as adverse events with their
//! history. What goes on keeps its beginning, over a restart too.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use model::{AdverseEvent, ClusterId, Saturation, SaturationOf, ServiceId, Timestamp, Window};
use store::{ClusterRecord, Saturations, Store};

/// Times kept of one event.
const MOST_TIMES: usize = 20;

/// What of a service is known.
#[derive(Debug, Default)]
struct Known {
    found: Vec<Saturation>,
    /// By key, those that are over too: what begins again goes on counting.
    events: BTreeMap<String, AdverseEvent>,
}

/// See the module.
pub(super) struct Saturated {
    store: Store,
    known: HashMap<ServiceId, Known>,
    /// Events that wait to be stored.
    pending: Vec<AdverseEvent>,
    changed: bool,
}

impl Saturated {
    pub(super) fn new(store: Store) -> Self {
        Self { store, known: HashMap::new(), pending: Vec::new(), changed: false }
    }

    /// Takes what a look at a service found. Where what was known before can't be read, the look counts for nothing.
    pub(super) async fn note(&mut self, id: &ServiceId, found: Vec<Saturation>, now: Timestamp) {
        if !self.known.contains_key(id) {
            match self.recall(id, now).await {
                Ok(events) => self.known.insert(id.clone(), Known { found: Vec::new(), events }),
                Err(error) => {
                    tracing::warn!("what {id} had too little of before can't be read, will try again: {error}");
                    return;
                }
            };
        }
        let Some(known) = self.known.get_mut(id) else { return };
        let (found, events) = known.take(id, found, now);
        self.changed |= found != known.found;
        known.found = found;
        self.pending.extend(events);
    }

    async fn recall(&self, id: &ServiceId, now: Timestamp) -> Result<BTreeMap<String, AdverseEvent>, store::Error> {
        let all = self.store.adverse(Some(id), Window::new(Timestamp(0), now.plus(1))).await?;
        Ok(all.into_iter().filter(|event| event.kind.is_measured()).map(|event| (event.key.clone(), event)).collect())
    }

    /// Services that are not watched any more have nothing.
    pub(super) fn retain(&mut self, watched: &HashSet<&ServiceId>) {
        let (pending, changed) = (&mut self.pending, &mut self.changed);
        self.known.retain(|id, known| {
            let stays = watched.contains(id);
            if !stays {
                *changed |= !known.found.is_empty();
                pending.extend(known.end(&HashSet::new()));
            }
            stays
        });
    }

    /// Stores what waits, and tells what there is now.
    pub(super) async fn publish(&mut self) {
        let mut by_cluster: BTreeMap<&str, Vec<AdverseEvent>> = BTreeMap::new();
        for event in &self.pending {
            by_cluster.entry(&event.cluster).or_default().push(event.clone());
        }
        for (cluster, adverse) in by_cluster {
            let record = ClusterRecord { adverse, ..ClusterRecord::new(ClusterId(cluster.to_owned())) };
            if let Err(error) = self.store.record(&record).await {
                tracing::warn!("what services have too little of can't be stored, will try again: {error}");
                return;
            }
        }
        self.pending.clear();
        if std::mem::take(&mut self.changed) {
            self.store.keep_saturations(self.said());
        }
    }

    fn said(&self) -> Saturations {
        let lacking = self.known.iter().filter(|(_, known)| !known.found.is_empty());
        lacking.map(|(id, known)| (id.clone(), Arc::new(known.found.clone()))).collect()
    }
}

impl Known {
    /// What was found with the beginning it had before, and the events that it makes of what is known.
    fn take(
        &mut self,
        id: &ServiceId,
        mut found: Vec<Saturation>,
        now: Timestamp,
    ) -> (Vec<Saturation>, Vec<AdverseEvent>) {
        let mut held = HashSet::new();
        let mut events = Vec::new();
        for one in &mut found {
            let key = key(id, &one.of);
            let event = self.events.entry(key.clone()).or_insert_with(|| begin(&key, id, one));
            if event.current {
                one.since = event.times.last().map_or(one.since, |began| one.since.min(*began));
            } else {
                // It is not older than the end of what was before.
                let began = if event.count > 0 { one.since.max(event.last) } else { one.since };
                event.count = event.count.saturating_add(1);
                event.times.push(began);
                event.times.drain(..event.times.len().saturating_sub(MOST_TIMES));
            }
            (event.current, event.last) = (true, now);
            event.message = format!("{}. {}", one.sentence, analysis::effect(&one.of));
            event.pod = Some(&one.pods).filter(|pods| pods.len() == 1).map(|pods| pods[0].clone());
            events.push(event.clone());
            held.insert(key);
        }
        events.extend(self.end(&held));
        (found, events)
    }

    /// Ends what is not held, as of the last time it was seen.
    fn end(&mut self, held: &HashSet<String>) -> Vec<AdverseEvent> {
        let over = self.events.values_mut().filter(|event| event.current && !held.contains(&event.key));
        over.map(|event| {
            event.current = false;
            event.clone()
        })
        .collect()
    }
}

fn begin(key: &str, id: &ServiceId, found: &Saturation) -> AdverseEvent {
    let (container, reason) = match &found.of {
        SaturationOf::Cpu { container } => (Some(container.clone()), "CPUThrottling"),
        SaturationOf::Memory { container } => (Some(container.clone()), "MemoryNearLimit"),
        SaturationOf::PodCpu => (None, "CPUThrottling"),
        SaturationOf::PodMemory => (None, "MemoryNearLimit"),
        SaturationOf::Volume { .. } => (None, "VolumeFillingUp"),
        SaturationOf::Autoscaler | SaturationOf::Quota => (None, ""),
    };
    AdverseEvent {
        key: key.to_owned(),
        cluster: id.cluster.clone(),
        service: Some(id.clone()),
        pod: None,
        container,
        node: None,
        kind: found.of.kind(),
        reason: reason.to_owned(),
        message: String::new(),
        exit_code: None,
        first: found.since,
        last: found.since,
        count: 0,
        times: Vec::new(),
        current: false,
        reconstructed: false,
    }
}

fn key(id: &ServiceId, of: &SaturationOf) -> String {
    let what = match of {
        SaturationOf::Cpu { container } | SaturationOf::Memory { container } => container.as_str(),
        SaturationOf::Volume { volume } => volume.as_str(),
        SaturationOf::PodCpu | SaturationOf::PodMemory | SaturationOf::Autoscaler | SaturationOf::Quota => "",
    };
    format!("{}|{}|{:?}|{what}|", id.cluster, id.local(), of.kind())
}

#[cfg(test)]
mod tests {
    use model::{MINUTE, Sentence};

    use super::*;
    use crate::fixtures::{id, open, record, service};

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_seconds(7_200).plus(minute * MINUTE)
    }

    fn found(minute: i64) -> Vec<Saturation> {
        let (of, sentence) = (SaturationOf::Cpu { container: "app".into() }, Sentence::plain("Throttled"));
        vec![Saturation { of, since: at(minute), degrades: true, pods: vec!["cart-1".into()], sentence }]
    }

    async fn note(saturated: &mut Saturated, found: Vec<Saturation>, minute: i64) {
        saturated.note(&id("cart"), found, at(minute)).await;
        saturated.publish().await;
    }

    async fn event(store: &Store) -> AdverseEvent {
        let always = Window::new(Timestamp(0), at(1_000));
        store.adverse(Some(&id("cart")), always).await.unwrap().remove(0)
    }

    #[tokio::test]
    async fn a_shortage_is_one_event_while_it_lasts_and_keeps_its_beginning_over_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path()).await;
        record(&store, vec![service("cart")], vec![]).await;
        let mut saturated = Saturated::new(store.clone());
        note(&mut saturated, found(0), 20).await;
        let known = event(&store).await;
        assert_eq!((known.current, known.first, known.last, known.count), (true, at(0), at(20), 1));
        assert_eq!((known.pod.as_deref(), known.container.as_deref()), (Some("cart-1"), Some("app")));
        assert!(known.message.starts_with("Throttled. "), "{}", known.message);
        let mut again = Saturated::new(store.clone());
        note(&mut again, found(10), 30).await;
        assert_eq!(store.saturations()[&id("cart")][0].since, at(0), "less far back is read than it lasts");
        assert_eq!((event(&store).await.count, event(&store).await.last), (1, at(30)));
        note(&mut again, vec![], 40).await;
        assert_eq!((event(&store).await.current, event(&store).await.last), (false, at(30)));
        assert!(store.saturations().is_empty());
        note(&mut again, found(45), 60).await;
        let known = event(&store).await;
        assert_eq!((known.current, known.count, known.times), (true, 2, vec![at(0), at(45)]));
        again.retain(&HashSet::new());
        again.publish().await;
        assert!(!event(&store).await.current, "its service is gone");
        assert!(store.saturations().is_empty());
    }
}
