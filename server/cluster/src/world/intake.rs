//! Objects on their way in: documents are redacted, hashed and let go; strings are shared; what they touch is marked.

use std::sync::Arc;

use model::Timestamp;
use serde_json::{Value, json};
use store::Version;

use super::World;
use super::index::{Known, Map, Ring};
use super::linked::Linked;
use crate::authors::{Author, author, scaler};
use crate::identity::Key;
use crate::kind::Kind;
use crate::links::says;
use crate::releases::releases;
use crate::slim::{ConfigMap, EndpointSlice, Event, Meta, Node, Object, Pod, Related, Service, Workload};
use crate::template::Facts;
use crate::text::Text;
use crate::versions::{GONE, denoise, digest, version};

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
    Linked(Box<Linked>),
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
            Self::Linked(linked) => &linked.meta,
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
                let uid = &pod.meta.uid;
                let known = self.index.pods.get(uid).and_then(|seat| seat.told.as_ref());
                if let Some(told) = known.or_else(|| self.remembered.known_pod(uid)) {
                    pod.take_over(told);
                }
                Prepared::Pod(pod)
            }
            Object::Node(node) => Prepared::Node(node),
            Object::Service(mut service) => {
                self.share(&mut service.meta);
                self.interner.labels(&mut service.selector);
                let raw = std::mem::take(&mut service.raw);
                self.document(Kind::Service, &service.meta, raw, now);
                Prepared::Network(service)
            }
            Object::Slice(mut slice) => {
                self.share(&mut slice.meta);
                self.interner.text(&mut slice.family);
                Prepared::Slice(slice)
            }
            Object::ConfigMap(map) => Prepared::Map(Box::new(self.config_map(*map, now))),
            Object::Event(event) => Prepared::Event(event),
            Object::Related(kind, related) => Prepared::Linked(Box::new(self.related(kind, *related, now))),
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
        workload.status.intern(&mut self.interner);
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
        let (claims, releases) = (claims(&raw), releases(&raw));
        if workload.meta.owner.is_none() {
            let meta = workload.meta.clone();
            self.scale(kind, &meta, workload.replicas, &raw, now);
            self.document(kind, &meta, raw, now);
        }
        Known { kind, workload, facts, claims, releases }
    }

    /// Redacts a template and keeps its text for the store.
    fn template(&mut self, template: &Value, meta: &Meta, now: Timestamp) -> Arc<Facts> {
        let (facts, text) = Facts::of(template, &self.redactor, &mut self.interner);
        self.store(model::TEMPLATE, meta, facts.hash.to_string(), text, Author::default(), now);
        self.interner.facts(facts)
    }

    /// Reads what an object refers to, and keeps its text for the store.
    fn related(&mut self, kind: Kind, related: Related, now: Timestamp) -> Linked {
        let Related { mut meta, mut raw } = related;
        self.share(&mut meta);
        let said = says(kind, &meta, &raw);
        self.redactor.own(kind, &mut raw);
        self.document(kind, &meta, raw, now);
        let state = self.redactor.message(&said.state).into();
        let (links, selector) = (said.links.into(), said.selector);
        let (leads_to, good, hindered) = (said.leads_to, said.good, said.hindered);
        Linked { kind, meta, links, selector, leads_to, state, good, hindered }
    }

    /// Redacts an object and keeps its text for the store.
    fn document(&mut self, kind: Kind, meta: &Meta, object: Value, now: Timestamp) {
        let author = author(&object);
        let mut object = denoise(object);
        self.redactor.document(&mut object);
        let (text, hash) = version(&object);
        self.store(kind.name(), meta, hash, text, author, now);
    }

    /// How many replicas a workload has is kept apart from what else it asks for.
    fn scale(&mut self, kind: Kind, meta: &Meta, replicas: Option<u32>, raw: &Value, now: Timestamp) {
        if let Some(replicas) = replicas {
            let (text, hash) = version(&json!({ "replicas": replicas }));
            self.store(&model::scale_of(kind.name()), meta, hash, text, scaler(raw), now);
        }
    }

    /// What belongs to a service, kept so that it can be shown as it was.
    pub(super) fn resources(&mut self, key: &Key, rows: Option<&[model::RelatedResource]>, now: Timestamp) {
        let name = format!("{}/{}", key.kind(), key.name()).into();
        let meta = Meta { namespace: key.namespace().clone(), name, ..Meta::default() };
        let text = rows.map_or_else(|| GONE.to_owned(), |rows| serde_json::to_string(rows).unwrap_or_default());
        let hash = digest(&[text.as_bytes()]);
        self.store(model::RESOURCES, &meta, hash, text, Author::default(), now);
    }

    /// Keeps for the store that an object is gone.
    pub(super) fn gone(&mut self, kind: Kind, meta: &Meta, now: Timestamp) {
        self.store(kind.name(), meta, digest(&[GONE.as_bytes()]), GONE.into(), Author::default(), now);
    }

    /// Keeps a version for the store, unless it is the newest one there.
    fn store(&mut self, kind: &str, meta: &Meta, hash: String, text: String, author: Author, now: Timestamp) {
        if self.remembered.is_new(kind, meta, &hash) {
            let (namespace, name) = (meta.namespace.to_string(), meta.name.to_string());
            let Author { manager, at: changed } = author;
            let kind = kind.to_owned();
            self.versions.push(Version { kind, namespace, name, at: now, hash, text, manager, changed });
        }
    }

    fn config_map(&mut self, map: ConfigMap, now: Timestamp) -> Map {
        let ConfigMap { mut meta, data, binary_data, author } = map;
        self.share(&mut meta);
        let mut object = json!({ "data": data });
        if !binary_data.is_null() {
            object["binaryData"] = binary_data;
        }
        self.redactor.own(Kind::ConfigMap, &mut object);
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
            self.store("ConfigMap", &meta, hash.clone(), text, author, now);
        }
        Map { meta, hash: hash.into(), changed }
    }
}

/// Names of the claims that a StatefulSet makes for each of its pods.
fn claims(raw: &Value) -> Box<[Text]> {
    let templates = raw.pointer("/spec/volumeClaimTemplates").and_then(Value::as_array).into_iter().flatten();
    let names = templates.filter_map(|template| template.pointer("/metadata/name").and_then(Value::as_str));
    names.map(Text::from).collect()
}
