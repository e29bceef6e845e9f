//! Turns what changed into a record for the store: only services, pods and nodes that were touched are looked at.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use model::{ConfigChange, DeployPhase, PodPhase, ServiceId, Timestamp};
use serde::Serialize;
use store::ClusterRecord;

use super::index::{Index, Seat, Upwards};
use super::settled::{Question, Settled};
use super::track::Track;
use super::{World, dirty, pods, related, service};
use crate::adverse::{self, Place};
use crate::deploys::{Rollout, Seen, step};
use crate::identity::{Key, Root, root};
use crate::kind::Kind;
use crate::revisions::{Found, current};
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
        self.resolve_pods(now);
        self.touch_networks();
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
        let uids: Vec<(Text, Option<Timestamp>)> = self.dirty.pods.iter().map(|(uid, waits)| (uid.clone(), *waits)).collect();
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
            if near && (told || now().iter().any(|network| names.contains(&(network.meta.namespace.clone(), network.meta.name.clone())))) {
                self.dirty.services.insert(key.clone());
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

    fn settle_pods(&mut self, record: &mut ClusterRecord, listed: bool, now: Timestamp) {
        if !self.settled_before {
            for mut lost in self.remembered.lost_pods() {
                lost.ended = Some(now);
                record.pods.push(lost);
            }
        }
        let (index, adverse, dirty) = (&mut self.index, &mut self.adverse, &mut self.dirty);
        let mut uids: Vec<Text> = dirty.pods.keys().cloned().collect();
        uids.sort();
        for uid in uids {
            let Some(seat) = index.pods.get_mut(&uid) else { continue };
            let Some(key) = seat.service.clone() else { continue };
            dirty.pods.remove(&uid);
            pods::advance(&mut seat.history, &seat.pod, now);
            let cluster = &self.cluster;
            let looping = |container: &str| adverse.holds(&cluster.0, &uid, model::AdverseKind::CrashLoop, container);
            let sightings = adverse::of_pod(&seat.pod, &seat.counted, &looping, &self.redactor, now);
            let loops = sightings.iter().any(|sighting| sighting.kind == model::AdverseKind::CrashLoop);
            let place = Place {
                cluster: &cluster.0,
                uid: &uid,
                service: Some(key.id(cluster)),
                pod: Some(&seat.pod.meta.name),
                node: None,
                listed,
            };
            adverse.object(&place, sightings, now);
            if loops { dirty.looping.insert(uid.clone()) } else { dirty.looping.remove(&uid) };
            seat.counted = Some(seat.pod.containers.iter().map(|container| container.restarts).collect());
            let state = pods::state(seat, &key, cluster);
            let told = hash(&state);
            if told != seat.told {
                seat.told = told;
                record.pods.push(state);
            }
        }
    }

    fn settle_ended(&mut self, record: &mut ClusterRecord, now: Timestamp) {
        for (mut seat, at) in std::mem::take(&mut self.dirty.ended) {
            let uid = seat.pod.meta.uid.clone();
            self.adverse.release(&uid, &Default::default(), now);
            let found = seat.service.clone().or_else(|| find(&self.index, Kind::Pod, &seat.pod.meta, Some(Timestamp::default()), now).map(|(key, _)| key));
            let Some(key) = found else { continue };
            pods::advance(&mut seat.history, &seat.pod, now);
            let mut state = pods::state(&seat, &key, &self.cluster);
            state.ended = Some(at);
            if state.phase == PodPhase::Ready {
                state.phase = PodPhase::Terminating;
                state.history.push((at, PodPhase::Terminating));
            }
            record.pods.push(state);
            self.dirty.bury(uid, key.clone(), seat.pod.meta.name.clone());
            self.dirty.services.insert(key);
        }
    }

    fn settle_service(&mut self, key: &Key, listed: bool, now: Timestamp, settled: &mut Settled) {
        let Some(track) = self.tracks.get_mut(key) else { return };
        let index = &self.index;
        let uid = track.uid.clone();
        let parts = index.parts(key, &uid);
        let bare = key.kind() == "Pod" && !parts.pods.is_empty();
        let by_reference = !track.rooted && !(parts.pods.is_empty() && parts.sets.is_empty());
        if parts.root.is_none() && !bare && !by_reference {
            self.bury_service(key, now, &mut settled.record);
            return;
        }
        track.rooted |= parts.root.is_some() || bare;
        let id = key.id(&self.cluster);
        let found = parts.revisions(key.kind());
        settled.record.revisions.extend(track.name_revisions(&found, &id));
        let counts = service::counts(key, &parts, current(&found), index);
        track.ever_ready |= counts.ready > 0;
        track.note_running(key, &parts);
        let leaving = parts.root.is_some_and(|root| root.workload.meta.deletion.0.is_some());
        if let Some(newest) = current(&found).filter(|_| !leaving) {
            let created = parts.root.map_or(newest.created, |root| root.workload.meta.created());
            let rollout = service::rollout(key, &parts, newest, counts, index);
            let moment = Moment { service: &id, created, revisions: &found, rollout, listed, now };
            settle_deploys(track, moment, settled);
        }
        let facts = facts_of(index, key, track).unwrap_or_default();
        let revision = current(&found).map(|found| (model::RevisionHash(found.hash.to_string()), track.name(&found.hash)));
        let view = service::View {
            key,
            uid: &uid,
            parts: &parts,
            counts,
            facts: &facts,
            revision,
            ever_ready: track.ever_ready,
            before: track.state.as_ref(),
        };
        let state = service::state(&view, &self.cluster, now);
        if track.state.as_ref() != Some(&state) {
            settled.record.services.push(state.clone());
            track.state = Some(state);
        }
        let rows = related::related(key, &parts, &facts, &|found| track.name(&found.hash), counts.wanted, index, &self.cluster);
        let told = hash(&rows);
        if told != track.related {
            track.related = told;
            settled.record.related.push((id.clone(), rows));
        }
        let open = track.history.last.as_ref().is_some_and(|last| last.phase.is_open());
        if open { self.dirty.open.insert(key.clone()) } else { self.dirty.open.remove(key) };
        self.note_reads(key, &facts);
        self.settle_workload_trouble(key, &uid, listed, now);
    }

    /// Notes which ConfigMaps a service reads and which labels its pods have.
    fn note_reads(&mut self, key: &Key, facts: &Facts) {
        let Some(track) = self.tracks.get_mut(key) else { return };
        let networks = self.index.networks_of(key.namespace(), &facts.labels);
        track.networks = networks.iter().map(|network| network.meta.name.clone()).collect();
        track.labels = facts.labels.clone();
        let reads: Vec<Text> = facts.config_maps.iter().map(|(name, _)| name.clone()).collect();
        if reads == track.reads {
            return;
        }
        for name in std::mem::replace(&mut track.reads, reads.clone()) {
            let name = (key.namespace().clone(), name);
            if let Some(users) = self.uses.get_mut(&name) {
                users.remove(key);
                if users.is_empty() {
                    self.uses.remove(&name);
                }
            }
        }
        for name in reads {
            self.uses.entry((key.namespace().clone(), name)).or_default().insert(key.clone());
        }
    }

    /// What is wrong with a workload and with the ReplicaSets and Jobs below it.
    fn settle_workload_trouble(&mut self, key: &Key, uid: &Text, listed: bool, now: Timestamp) {
        let (index, adverse, redactor) = (&self.index, &mut self.adverse, &self.redactor);
        let parts = index.parts(key, uid);
        let place = |uid| Place { cluster: &self.cluster.0, uid, service: Some(key.id(&self.cluster)), pod: None, node: None, listed };
        for set in &parts.sets {
            adverse.object(&place(&set.workload.meta.uid), adverse::of_workload(&set.workload, redactor, now), now);
        }
        let Some(root) = parts.root else { return };
        let mut sightings = adverse::of_workload(&root.workload, redactor, now);
        let last = self.tracks.get(key).and_then(|track| track.history.last.as_ref());
        if let Some(DeployPhase::Stuck { since, why }) = last.map(|last| &last.phase) {
            sightings.push(adverse::stuck(*since, why, redactor));
        }
        adverse.object(&place(uid), sightings, now);
    }

    fn bury_service(&mut self, key: &Key, now: Timestamp, record: &mut ClusterRecord) {
        let Some(track) = self.tracks.get_mut(key) else { return };
        let facts = Facts::default();
        self.dirty.open.remove(key);
        record.services.extend(track.deleted(now));
        if let Some(last) = track.history.last.as_mut().filter(|last| last.phase.is_open()) {
            last.phase = DeployPhase::Superseded { at: now };
            record.deploys.push(last.clone());
        }
        track.related = 0;
        let uid = track.uid.clone();
        let forget = track.history.last.is_none();
        self.note_reads(key, &facts);
        self.adverse.release(&uid, &Default::default(), now);
        if forget {
            self.tracks.remove(key);
        }
    }

    fn settle_nodes(&mut self, listed: bool, now: Timestamp) {
        for uid in std::mem::take(&mut self.dirty.nodes) {
            let Some(node) = self.index.nodes.get(&uid) else {
                self.adverse.release(&uid, &Default::default(), now);
                continue;
            };
            let place =
                Place { cluster: &self.cluster.0, uid: &uid, service: None, pod: None, node: Some(&node.meta.name), listed };
            self.adverse.object(&place, adverse::of_node(node, &self.redactor, now), now);
        }
    }

    fn settle_events(&mut self, listed: bool, now: Timestamp) {
        for (event, tried) in std::mem::take(&mut self.dirty.events) {
            let Some(sighting) = adverse::of_event(&event, &self.redactor, now) else { continue };
            let about = &event.about;
            let key = self.service_of(&about.uid);
            let node = (&*about.kind == "Node").then_some(&*about.name);
            if key.is_none() && node.is_none() {
                if matches!(&*about.kind, "Pod" | "ReplicaSet" | "Job") && now.since(tried) < dirty::PATIENCE {
                    self.dirty.events.push_back((event, tried));
                }
                continue;
            }
            let uid = match node {
                Some(name) => self.index.nodes.values().find(|node| *node.meta.name == *name).map_or(&about.uid, |node| &node.meta.uid),
                None => &about.uid,
            };
            let service = key.map(|key| key.id(&self.cluster));
            let pod = (&*about.kind == "Pod").then_some(&*about.name);
            let place = Place { cluster: &self.cluster.0, uid, service, pod, node, listed };
            self.adverse.see(&place, sighting, now);
        }
    }

    /// The service of an object by its uid, also of a pod that is gone.
    fn service_of(&self, uid: &str) -> Option<Key> {
        if let Some(seat) = self.index.pods.get(uid) {
            return seat.service.clone();
        }
        if let Some((key, _)) = self.dirty.gone.get(uid) {
            return Some(key.clone());
        }
        let known = self.index.workloads.get(uid)?;
        match root(&Upwards { index: &self.index, impatient: false }, known.kind, &known.workload.meta) {
            Root::Service(key, _) => Some(key),
            Root::Waiting => None,
        }
    }
}

/// The service of an object, unless its owner may still come.
fn find(index: &Index, kind: Kind, meta: &Meta, waits: Option<Timestamp>, now: Timestamp) -> Option<(Key, Text)> {
    let impatient = waits.is_some_and(|since| now.since(since) >= dirty::PATIENCE);
    match root(&Upwards { index, impatient }, kind, meta) {
        Root::Service(key, uid) => Some((key, uid)),
        Root::Waiting => None,
    }
}

/// What is remembered of the template that a service has now.
fn facts_of(index: &Index, key: &Key, track: &Track) -> Option<Arc<Facts>> {
    let parts = index.parts(key, &track.uid);
    if let Some(found) = current(&parts.revisions(key.kind())) {
        return Some(found.facts.clone());
    }
    let root = parts.root.or(parts.sets.first().copied()).map(|known| known.facts.clone());
    let bare = || parts.pods.first().map(|seat: &&Seat| Arc::new(Facts::bare(seat.pod.meta.labels.clone())));
    root.or_else(bare)
}

/// What is seen of a service's rollout.
struct Moment<'a> {
    service: &'a ServiceId,
    created: Timestamp,
    revisions: &'a [Found],
    rollout: Rollout,
    listed: bool,
    now: Timestamp,
}

fn settle_deploys(track: &mut Track, moment: Moment<'_>, settled: &mut Settled) {
    let Moment { service, created, revisions, rollout, listed, now } = moment;
    let (name, change) = (|hash: &str| track.name(hash), |from: &str, to: &str| track.change(from, to));
    let seen = Seen { service, created, revisions, name: &name, change: &change, rollout, listed, now };
    let (mut history, mut deploys) = step(&track.history, &seen);
    if let Some(last) = history.last.as_mut().filter(|last| last.kind == model::DeployKind::Restart)
        && track.runs_other_digests(last)
    {
        last.kind = model::DeployKind::Digest;
        deploys.retain(|deploy| deploy.id != last.id);
        deploys.push(last.clone());
    }
    for deploy in deploys.iter().filter(|deploy| deploy.changes.is_empty()) {
        let from = deploy.from.as_ref().and_then(|from| track.template(&from.0));
        if let (Some(from), Some(to)) = (from, track.template(&deploy.to.0)) {
            settled.questions.push(Question { from, to, deploy: Some(deploy.id.clone()) });
        }
    }
    settled.record.deploys.extend(deploys);
    track.history = history;
}

fn hash<T: Serialize>(value: &T) -> u64 {
    let mut hasher = DefaultHasher::new();
    serde_json::to_vec(value).unwrap_or_default().hash(&mut hasher);
    hasher.finish()
}
