//! Turns what changed into a record for the store: only services, pods and nodes that were touched are looked at.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use model::{ConfigChange, Timestamp};
use serde::Serialize;
use store::ClusterRecord;

use super::index::{Index, Seat, Upwards};
use super::settled::{Question, Settled};
use super::track::Track;
use super::{World, dirty};
use crate::identity::{Key, Root, root};
use crate::kind::Kind;
use crate::links::Link;
use crate::revisions::current;
use crate::slim::Meta;
use crate::template::Facts;
use crate::text::Text;

impl World {
    /// What changed since this was last called, as far as it can be told now.
    pub fn settle(&mut self, now: Timestamp) -> Settled {
        let mut settled = Settled { record: ClusterRecord::new(self.cluster.clone()), questions: Vec::new() };
        if !self.is_ready() {
            return settled;
        }
        let listed = std::mem::take(&mut self.listed) || !self.settled_before;
        self.dirty.tick(now);
        self.resolve_workloads(now);
        self.touch_zones();
        self.resolve_pods(now);
        self.touch_networks();
        self.touch_links();
        self.settle_config(&mut settled);
        self.settle_pods(&mut settled.record, listed, now);
        self.settle_ended(&mut settled.record, now);
        let mut keys: Vec<Key> = std::mem::take(&mut self.dirty.services).into_iter().collect();
        keys.sort();
        for key in keys {
            self.settle_service(&key, listed, now, &mut settled);
        }
        self.settle_nodes(listed, now);
        self.settle_events(listed, now);
        if !self.released && self.unseen.is_empty() {
            let index = &self.index;
            self.adverse.release_gone(|uid| index.has(uid), now);
            self.released = true;
        }
        self.adverse.refresh(now);
        settled.record.adverse = self.adverse.take();
        self.settled_before = true;
        settled
    }

    /// Drops what is over and old.
    pub fn sweep(&mut self, now: Timestamp) {
        self.adverse.sweep(now);
        self.interner.sweep();
    }

    /// Finds the services of workloads that changed.
    fn resolve_workloads(&mut self, now: Timestamp) {
        for (uid, waits) in std::mem::take(&mut self.dirty.workloads) {
            let index = &self.index;
            let (kind, meta) = match (index.workloads.get(&uid), index.rings.get(&uid)) {
                (Some(known), _) => (known.kind, &known.workload.meta),
                (None, Some(ring)) => (Kind::ControllerRevision, &ring.meta),
                (None, None) => continue,
            };
            match find(index, kind, meta, waits, now) {
                Some((key, uid)) => self.touch(key, &uid),
                None => {
                    self.dirty.workloads.insert(uid, Some(waits.unwrap_or(now)));
                }
            }
        }
    }

    /// Finds the services of pods that changed.
    fn resolve_pods(&mut self, now: Timestamp) {
        let uids: Vec<(Text, Option<Timestamp>)> =
            self.dirty.pods.iter().map(|(uid, waits)| (uid.clone(), *waits)).collect();
        for (uid, waits) in uids {
            let Some(seat) = self.index.pods.get(&uid) else {
                self.dirty.pods.remove(&uid);
                continue;
            };
            if let Some(key) = &seat.service {
                self.dirty.services.insert(key.clone());
                continue;
            }
            match find(&self.index, Kind::Pod, &seat.pod.meta, waits, now) {
                Some((key, root)) => {
                    // Of the keys of a service's pods one is kept.
                    let key = self.tracks.get_key_value(&key).map_or(key.clone(), |(known, _)| known.clone());
                    if let Some(seat) = self.index.pods.get_mut(&uid) {
                        seat.service = Some(key.clone());
                    }
                    self.touch(key, &root);
                }
                None => {
                    self.dirty.pods.insert(uid, Some(waits.unwrap_or(now)));
                }
            }
        }
    }

    fn touch(&mut self, key: Key, uid: &Text) {
        self.tracks.entry(key.clone()).or_default().is_workload(uid);
        self.dirty.services.insert(key);
    }

    /// Marks the pods of nodes whose zone was said.
    fn touch_zones(&mut self) {
        let zones = std::mem::take(&mut self.dirty.zones);
        if zones.is_empty() {
            return;
        }
        let there = self.index.pods.iter().filter(|(_, seat)| zones.contains(&seat.pod.node));
        for (uid, _) in there {
            self.dirty.pods.entry(uid.clone()).or_default();
        }
    }

    /// Marks the services behind Services whose selector or endpoints changed.
    fn touch_networks(&mut self) {
        let names = std::mem::take(&mut self.dirty.networks);
        if names.is_empty() || !self.settled_before {
            // At first all services are looked at anyway.
            return;
        }
        for (key, track) in &self.tracks {
            let told = track.networks.iter().any(|name| names.contains(&(key.namespace().clone(), name.clone())));
            let now = || self.index.networks_of(key.namespace(), &track.labels);
            let near = names.iter().any(|(namespace, _)| namespace == key.namespace());
            if near
                && (told
                    || now()
                        .iter()
                        .any(|network| names.contains(&(network.meta.namespace.clone(), network.meta.name.clone()))))
            {
                self.dirty.services.insert(key.clone());
            }
        }
    }

    /// Marks the services to which objects that changed refer.
    fn touch_links(&mut self) {
        for (link, selector) in std::mem::take(&mut self.dirty.links) {
            for key in self.referred.get(&link).into_iter().flatten() {
                let selected = |track: &Track| selector.matches(&track.labels);
                if !matches!(link, Link::Pods(_)) || self.tracks.get(key).is_some_and(|track| selected(track)) {
                    self.dirty.services.insert(key.clone());
                }
            }
        }
    }

    fn settle_config(&mut self, settled: &mut Settled) {
        for ((namespace, name), from, to, at) in std::mem::take(&mut self.dirty.maps) {
            let users = self.uses.get(&(namespace.clone(), name.clone()));
            // Before the first settling nobody is known to read it yet: services tell at the end of it.
            let mut services: Vec<_> = users.into_iter().flatten().map(|key| key.id(&self.cluster)).collect();
            if users.is_none() && !self.settled_before {
                services = self.readers(&namespace, &name);
            }
            if services.is_empty() {
                continue;
            }
            services.sort();
            let from = from.map(|from| from.to_string());
            if let Some(from) = &from {
                settled.questions.push(Question { from: from.clone(), to: to.to_string(), deploy: None });
            }
            settled.record.config_changes.push(ConfigChange {
                cluster: self.cluster.0.clone(),
                namespace: namespace.to_string(),
                name: name.to_string(),
                at,
                keys: Vec::new(),
                from,
                to: to.to_string(),
                services,
            });
        }
    }

    /// Services that read a ConfigMap, found without the memory of earlier settling.
    fn readers(&self, namespace: &Text, name: &Text) -> Vec<model::ServiceId> {
        let reads = |facts: &Facts| facts.config_maps.iter().any(|(map, _)| map == name);
        let keys = self.tracks.iter().filter(|(key, _)| key.namespace() == namespace);
        let keys = keys.filter(|(key, track)| facts_of(&self.index, key, track).is_some_and(|facts| reads(&facts)));
        keys.map(|(key, _)| key.id(&self.cluster)).collect()
    }
}

/// The service of an object, unless its owner may still come.
pub(super) fn find(
    index: &Index,
    kind: Kind,
    meta: &Meta,
    waits: Option<Timestamp>,
    now: Timestamp,
) -> Option<(Key, Text)> {
    let impatient = waits.is_some_and(|since| now.since(since) >= dirty::PATIENCE);
    match root(&Upwards { index, impatient }, kind, meta) {
        Root::Service(key, uid) => Some((key, uid)),
        Root::Waiting => None,
    }
}

/// What is remembered of the template that a service has now.
pub(super) fn facts_of(index: &Index, key: &Key, track: &Track) -> Option<Arc<Facts>> {
    let parts = index.parts(key, &track.uid);
    if let Some(found) = current(&parts.revisions(key.kind())) {
        return Some(found.facts.clone());
    }
    let root = parts.root.or(parts.sets.first().copied()).map(|known| known.facts.clone());
    let bare = || parts.pods.first().map(|seat: &&Seat| Arc::new(Facts::bare(seat.pod.meta.labels.clone())));
    root.or_else(bare)
}

pub(super) fn hash<T: Serialize>(value: &T) -> u64 {
    let mut hasher = DefaultHasher::new();
    serde_json::to_vec(value).unwrap_or_default().hash(&mut hasher);
    hasher.finish()
}
