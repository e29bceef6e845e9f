//! Objects on their way in: documents are redacted, hashed and let go; strings are shared; what they touch is marked.

use std::sync::Arc;

use model::Timestamp;
use serde_json::{Value, json};
use store::Version;

use super::World;
use super::index::{Known, Map, Ring};
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
        self.interner.owner(&mut meta.owner);
        meta.resource_version = Text::default();
    }

    fn workload(&mut self, kind: Kind, mut workload: Workload, now: Timestamp) -> Known {
        self.share(&mut workload.meta);
        workload.notes.cause = self.redactor.message(&workload.notes.cause).into();
        let raw = std::mem::take(&mut workload.raw);
        let meta = &workload.meta;
        let before =
            self.index.workloads.get(&meta.uid).filter(|known| known.workload.meta.generation == meta.generation);
        let template =
            raw.pointer("/spec/template").or_else(|| raw.pointer("/spec/jobTemplate/spec/template")).cloned();
        let rings = matches!(kind, Kind::StatefulSet | Kind::DaemonSet | Kind::Deployment | Kind::Rollout);
        let facts = match (before, template) {
            (Some(known), _) => known.facts.clone(),
            (None, None) => Arc::default(),
            // The template of these is that of their newest revision; it is stored once, by that.
            (None, Some(template)) if rings || kind == Kind::Job => {
                let facts = Facts::of(&template, &self.redactor, &mut self.interner).0;
                self.interner.facts(facts)
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
        self.interner.facts(facts)
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
        let stored = self.remembered.newest(&meta);
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
}
