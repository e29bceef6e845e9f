//! Objects on their way in: documents are redacted, hashed and let go; strings are shared; what they touch is marked.

use std::sync::Arc;

use model::Timestamp;
use serde_json::{Value, json};
use store::Version;

use super::World;
use super::index::{Index, Known, Map, Ring, Seat};
use crate::identity::{Root, root};
use crate::kind::Kind;
use crate::slim::{ConfigMap, EndpointSlice, Event, Meta, Node, Object, Pod, Service, Workload};
use crate::template::Facts;
use crate::text::Text;
use crate::versions::{denoise, version};

/// An object that is ready to be kept.
#[derive(Debug)]
pub(super) enum Prepared {
    Workload(Box<Known>),
    Ring(Box<Ring>),
    Pod(Box<Pod>),
    Node(Node),
    Network(Service),
    Slice(EndpointSlice),
    Map(Box<Map>),
    Event(Box<Event>),
}

impl Prepared {
    pub(super) fn meta(&self) -> &Meta {
        match self {
            Self::Workload(known) => &known.workload.meta,
            Self::Ring(ring) => &ring.meta,
            Self::Pod(pod) => &pod.meta,
            Self::Node(node) => &node.meta,
            Self::Network(service) => &service.meta,
            Self::Slice(slice) => &slice.meta,
            Self::Map(map) => &map.meta,
            Self::Event(event) => &event.meta,
        }
    }
}

impl World {
    /// Redacts and shares; an object without a uid is none.
    pub(super) fn prepare(&mut self, object: Object, now: Timestamp) -> Option<Prepared> {
        if object.meta().uid.is_empty() {
            return None;
        }
        Some(match object {
            Object::Workload(kind, workload) => Prepared::Workload(Box::new(self.workload(kind, *workload, now))),
            Object::Revision(revision) => {
                let mut meta = revision.meta;
                self.share(&mut meta);
                let known = self.index.rings.get(&meta.uid).map(|ring| ring.facts.clone());
                let facts = known.unwrap_or_else(|| self.template(&revision.template, &meta, now));
                let cause = self.redactor.message(&revision.notes.cause).into();
                Prepared::Ring(Box::new(Ring { meta, number: revision.number, cause, facts }))
            }
            Object::Pod(mut pod) => {
                pod.intern(&mut self.interner);
                Prepared::Pod(pod)
            }
            Object::Node(node) => Prepared::Node(node),
            Object::Service(mut service) => {
                self.share(&mut service.meta);
                self.interner.labels(&mut service.selector);
                Prepared::Network(service)
            }
            Object::Slice(mut slice) => {
                self.share(&mut slice.meta);
                self.interner.text(&mut slice.family);
                Prepared::Slice(slice)
            }
            Object::ConfigMap(map) => Prepared::Map(Box::new(self.config_map(*map, now))),
            Object::Event(event) => Prepared::Event(event),
        })
    }

    fn share(&mut self, meta: &mut Meta) {
        self.interner.text(&mut meta.namespace);
        self.interner.labels(&mut meta.labels);
        meta.resource_version = Text::default();
    }

    fn workload(&mut self, kind: Kind, mut workload: Workload, now: Timestamp) -> Known {
        self.share(&mut workload.meta);
        workload.notes.cause = self.redactor.message(&workload.notes.cause).into();
        let raw = std::mem::take(&mut workload.raw);
        let meta = &workload.meta;
        let before = self.index.workloads.get(&meta.uid).filter(|known| known.workload.meta.generation == meta.generation);
        let template = raw.pointer("/spec/template").or_else(|| raw.pointer("/spec/jobTemplate/spec/template")).cloned();
        let rings = matches!(kind, Kind::StatefulSet | Kind::DaemonSet | Kind::Deployment | Kind::Rollout);
        let facts = match (before, template) {
            (Some(known), _) => known.facts.clone(),
            (None, None) => Arc::default(),
            // The template of these is that of their newest revision; it is stored once, by that.
            (None, Some(template)) if rings || kind == Kind::Job => {
                Arc::new(Facts::of(&template, &self.redactor, &mut self.interner).0)
            }
            (None, Some(template)) => self.template(&template, meta, now),
        };
        if workload.meta.owner.is_none() {
            let meta = workload.meta.clone();
            self.document(kind, &meta, denoise(raw), now);
        }
        Known { kind, workload, facts }
    }

    /// Redacts a template and keeps its text for the store.
    fn template(&mut self, template: &Value, meta: &Meta, now: Timestamp) -> Arc<Facts> {
        let (facts, text) = Facts::of(template, &self.redactor, &mut self.interner);
        self.store("Template", meta, facts.hash.to_string(), text, now);
        Arc::new(facts)
    }

    /// Redacts an object and keeps its text for the store.
    fn document(&mut self, kind: Kind, meta: &Meta, mut object: Value, now: Timestamp) {
        self.redactor.document(&mut object);
        let (text, hash) = version(&object);
        self.store(kind.name(), meta, hash, text, now);
    }

    /// Keeps a version for the store, unless it is the newest one there.
    fn store(&mut self, kind: &str, meta: &Meta, hash: String, text: String, now: Timestamp) -> bool {
        if !self.remembered.is_new(kind, meta, &hash) {
            return false;
        }
        let (namespace, name) = (meta.namespace.to_string(), meta.name.to_string());
        self.versions.push(Version { kind: kind.to_owned(), namespace, name, at: now, hash, text });
        true
    }

    fn config_map(&mut self, map: ConfigMap, now: Timestamp) -> Map {
        let ConfigMap { mut meta, mut data, mut binary_data } = map;
        self.share(&mut meta);
        if let Value::Object(entries) = &mut data {
            self.redactor.entries(entries);
        }
        if let Value::Object(entries) = &mut binary_data {
            self.redactor.bytes(entries);
        }
        let mut object = json!({ "data": data });
        if !binary_data.is_null() {
            object["binaryData"] = binary_data;
        }
        let (text, hash) = version(&object);
        let stored = self.remembered.newest("ConfigMap", &meta);
        let known = self.index.maps.get(&meta.uid);
        let before = known.map(|known| known.hash.clone()).or(stored);
        let mut changed = known.and_then(|known| known.changed);
        if before.as_deref() != Some(&hash) {
            if before.is_some() {
                changed = Some(now);
                self.dirty.maps.push(((meta.namespace.clone(), meta.name.clone()), before, hash.as_str().into(), now));
            }
            self.store("ConfigMap", &meta, hash.clone(), text, now);
        }
        Map { meta, hash: hash.into(), changed }
    }

    /// Keeps an object and marks what it touches.
    pub(super) fn put(&mut self, prepared: Prepared, now: Timestamp) {
        if let Prepared::Event(event) = prepared {
            self.dirty.event(event, now);
            return;
        }
        if matches!(prepared, Prepared::Workload(_) | Prepared::Ring(_) | Prepared::Pod(_)) {
            if let Some(owner) = self.index.owner_of(&prepared).filter(|owner| Some(owner) != prepared.meta().owner.as_deref()) {
                self.move_from(&owner.uid.clone(), &prepared.meta().uid);
            }
            self.index.adopt(prepared.meta());
        }
        match prepared {
            Prepared::Workload(known) => {
                self.dirty.workloads.entry(known.workload.meta.uid.clone()).or_default();
                self.index.workloads.insert(known.workload.meta.uid.clone(), *known);
            }
            Prepared::Ring(ring) => {
                self.dirty.workloads.entry(ring.meta.uid.clone()).or_default();
                self.index.rings.insert(ring.meta.uid.clone(), *ring);
            }
            Prepared::Pod(pod) => self.put_pod(*pod),
            Prepared::Node(node) => {
                self.dirty.nodes.insert(node.meta.uid.clone());
                self.index.nodes.insert(node.meta.uid.clone(), node);
            }
            Prepared::Network(service) => {
                self.dirty.networks.insert((service.meta.namespace.clone(), service.meta.name.clone()));
                self.index.put_network(service);
            }
            Prepared::Slice(slice) => {
                self.dirty.networks.extend(slice.service());
                self.index.put_slice(slice);
            }
            Prepared::Map(map) => self.put_map(*map),
            Prepared::Event(_) => {}
        }
    }

    fn put_map(&mut self, map: Map) {
        let name = (map.meta.namespace.clone(), map.meta.name.clone());
        self.dirty.services.extend(self.uses.get(&name).into_iter().flatten().cloned());
        self.index.map_names.insert(name, map.meta.uid.clone());
        self.index.maps.insert(map.meta.uid.clone(), map);
    }

    fn put_pod(&mut self, pod: Pod) {
        let uid = pod.meta.uid.clone();
        self.dirty.pods.entry(uid.clone()).or_default();
        match self.index.pods.get_mut(&uid) {
            Some(seat) => {
                if seat.pod.meta.owner != pod.meta.owner {
                    self.dirty.services.extend(seat.service.take());
                }
                seat.pod = pod;
            }
            None => {
                let (history, counted) = self.remembered.pod(&pod);
                self.index.pods.insert(uid, Seat { pod, service: None, counted, history, told: 0 });
            }
        }
    }

    fn move_from(&mut self, owner: &str, uid: &Text) {
        if let Some(children) = self.index.children.get_mut(owner) {
            children.remove(uid);
        }
    }

    /// Forgets an object and marks what it touched.
    pub(super) fn remove(&mut self, kind: Kind, uid: &Text, now: Timestamp) {
        self.mark_service_of(kind, uid);
        match kind {
            Kind::Pod => {
                if let Some(seat) = self.index.pods.remove(uid) {
                    self.index.orphan(&seat.pod.meta);
                    self.dirty.pods.remove(uid);
                    self.dirty.looping.remove(uid);
                    self.dirty.ended.push((seat, now));
                }
            }
            Kind::ControllerRevision => {
                if let Some(ring) = self.index.rings.remove(uid) {
                    self.index.orphan(&ring.meta);
                }
            }
            Kind::Node => {
                self.index.nodes.remove(uid);
                self.dirty.nodes.insert(uid.clone());
            }
            Kind::Service => {
                let gone = self.index.drop_network(uid);
                self.dirty.networks.extend(gone.map(|service| (service.meta.namespace, service.meta.name)));
            }
            Kind::EndpointSlice => {
                let gone = self.index.drop_slice(uid);
                self.dirty.networks.extend(gone.and_then(|slice| slice.service()));
            }
            Kind::ConfigMap => {
                if let Some(map) = self.index.maps.remove(uid) {
                    let name = (map.meta.namespace, map.meta.name);
                    self.dirty.services.extend(self.uses.get(&name).into_iter().flatten().cloned());
                    if self.index.map_names.get(&name) == Some(uid) {
                        self.index.map_names.remove(&name);
                    }
                }
            }
            Kind::Event => {}
            _ => {
                if let Some(known) = self.index.workloads.remove(uid) {
                    self.index.orphan(&known.workload.meta);
                    self.adverse.release(uid, &Default::default(), now);
                }
            }
        }
    }

    /// Marks the service of a workload, ControllerRevision or pod that is about to go.
    fn mark_service_of(&mut self, kind: Kind, uid: &Text) {
        let index = &self.index;
        let meta = match kind {
            Kind::Pod => {
                self.dirty.services.extend(index.pods.get(uid).and_then(|seat| seat.service.clone()));
                return;
            }
            Kind::ControllerRevision => index.rings.get(uid).map(|ring| &ring.meta),
            _ => index.workloads.get(uid).map(|known| &known.workload.meta),
        };
        let upwards = super::index::Upwards { index, impatient: true };
        if let Some(Root::Service(key, _)) = meta.map(|meta| root(&upwards, kind, meta)) {
            self.dirty.services.insert(key);
        }
    }
}

impl Index {
    /// The owner that is known of an object.
    fn owner_of(&self, prepared: &Prepared) -> Option<crate::slim::Owner> {
        let uid = &prepared.meta().uid;
        let meta = match prepared {
            Prepared::Pod(_) => self.pods.get(uid).map(|seat| &seat.pod.meta),
            Prepared::Workload(_) => self.workloads.get(uid).map(|known| &known.workload.meta),
            _ => self.rings.get(uid).map(|ring| &ring.meta),
        };
        meta.and_then(|meta| meta.owner.as_deref().cloned())
    }

    /// Uids of a kind, in one namespace or all.
    pub(super) fn uids(&self, kind: Kind, namespace: Option<&Text>) -> Vec<Text> {
        let mut uids = Vec::new();
        self.each(kind, &mut |meta| {
            if namespace.is_none_or(|namespace| *namespace == meta.namespace) {
                uids.push(meta.uid.clone());
            }
        });
        uids
    }

    /// How many of a kind are known.
    pub(super) fn count(&self, kind: Kind, namespace: Option<&Text>) -> u64 {
        let mut count = 0;
        self.each(kind, &mut |meta| count += u64::from(namespace.is_none_or(|namespace| *namespace == meta.namespace)));
        count
    }

    fn each(&self, kind: Kind, visit: &mut dyn FnMut(&Meta)) {
        match kind {
            Kind::Pod => self.pods.values().for_each(|seat| visit(&seat.pod.meta)),
            Kind::ControllerRevision => self.rings.values().for_each(|ring| visit(&ring.meta)),
            Kind::Node => self.nodes.values().for_each(|node| visit(&node.meta)),
            Kind::Service => self.networks.values().for_each(|service| visit(&service.meta)),
            Kind::EndpointSlice => self.slices.values().for_each(|slice| visit(&slice.meta)),
            Kind::ConfigMap => self.maps.values().for_each(|map| visit(&map.meta)),
            Kind::Event => {}
            _ => self.workloads.values().filter(|known| known.kind == kind).for_each(|known| visit(&known.workload.meta)),
        }
    }
}
