//! The objects of a cluster by uid, slim, and who owns whom.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ahash::{HashMap, HashSet};
use model::Timestamp;

use super::linked::Linked;
pub(crate) use super::seat::Seat;
use crate::identity::{Key, Owners, Root, root};
use crate::kind::Kind;
use crate::links::Link;
use crate::releases::Release;
use crate::revisions::{Found, bare, in_order, label};
use crate::slim::{EndpointSlice, Meta, Node, Service, Workload};
use crate::template::Facts;
use crate::text::{Labels, Text};

/// A workload without its document.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Known {
    pub(crate) kind: Kind,
    pub(crate) workload: Workload,
    pub(crate) facts: Arc<Facts>,
    /// Names of the claims that each of its pods gets.
    pub(crate) claims: Box<[Text]>,
    /// What brought it.
    pub(crate) releases: Box<[Release]>,
}

/// A ControllerRevision without its document.
#[derive(Debug, Clone)]
pub(crate) struct Ring {
    pub(crate) meta: Meta,
    pub(crate) number: i64,
    pub(crate) cause: Text,
    pub(crate) facts: Arc<Facts>,
}

/// A ConfigMap without its data.
#[derive(Debug, Clone)]
pub(crate) struct Map {
    pub(crate) meta: Meta,
    pub(crate) hash: Text,
    pub(crate) changed: Option<Timestamp>,
}

/// A name in a namespace.
pub(crate) type Name = (Text, Text);

/// All objects.
#[derive(Debug, Default)]
pub(crate) struct Index {
    pub(crate) workloads: HashMap<Text, Box<Known>>,
    pub(crate) rings: HashMap<Text, Ring>,
    pub(crate) pods: HashMap<Text, Box<Seat>>,
    pub(crate) nodes: HashMap<Text, Node>,
    /// Zones of nodes, by the node's name.
    pub(crate) zones: HashMap<Text, Text>,
    pub(crate) networks: HashMap<Text, Service>,
    pub(crate) slices: HashMap<Text, EndpointSlice>,
    pub(crate) maps: HashMap<Text, Map>,
    pub(crate) linked: HashMap<Text, Linked>,
    /// Uids of those by what they refer to.
    pub(crate) links: HashMap<Link, BTreeSet<Text>>,
    pub(crate) children: HashMap<Text, BTreeSet<Text>>,
    /// Uids of Services by namespace and the first pair of their selector.
    selected: HashMap<(Text, Text, Text), BTreeSet<Text>>,
    slices_of: HashMap<Name, BTreeSet<Text>>,
    pub(crate) map_names: HashMap<Name, Text>,
    /// Kinds that may not be listed, or that the cluster does not have.
    pub(crate) unlisted: HashSet<Kind>,
}

/// What a service is made of.
pub(crate) struct Parts<'a> {
    pub(crate) root: Option<&'a Known>,
    /// ReplicaSets or Jobs below it.
    pub(crate) sets: Vec<&'a Known>,
    pub(crate) rings: Vec<&'a Ring>,
    pub(crate) pods: Vec<&'a Seat>,
}

impl Index {
    /// Whether something with this uid that trouble may be of is there.
    pub(crate) fn has(&self, uid: &str) -> bool {
        self.pods.contains_key(uid)
            || self.workloads.contains_key(uid)
            || self.nodes.contains_key(uid)
            || self.linked.contains_key(uid)
    }

    /// What a service with a workload of this uid is made of.
    pub(crate) fn parts(&self, key: &Key, uid: &str) -> Parts<'_> {
        let mut parts = Parts {
            root: self.workloads.get(uid).map(|known| &**known),
            sets: Vec::new(),
            rings: Vec::new(),
            pods: Vec::new(),
        };
        if key.kind() == "Pod" {
            parts.pods.extend(self.pods.get(uid).map(|seat| &**seat));
            return parts;
        }
        for child in self.children.get(uid).into_iter().flatten() {
            if let Some(set) = self.workloads.get(child) {
                parts.sets.push(set);
                parts.pods.extend(
                    self.children
                        .get(child)
                        .into_iter()
                        .flatten()
                        .filter_map(|pod| self.pods.get(pod))
                        .map(|seat| &**seat),
                );
            } else if let Some(ring) = self.rings.get(child) {
                parts.rings.push(ring);
            } else {
                parts.pods.extend(self.pods.get(child).map(|seat| &**seat));
            }
        }
        parts
    }

    /// Whether a workload is part of another's service, as a ReplicaSet of a Deployment is.
    pub(crate) fn is_below(&self, known: &Known) -> bool {
        let (kind, meta) = (known.kind, &known.workload.meta);
        let upwards = Upwards { index: self, impatient: true };
        matches!(kind, Kind::ReplicaSet | Kind::Job)
            && matches!(root(&upwards, kind, meta), Root::Service(_, uid) if uid != meta.uid)
    }

    /// Notes that an object has an owner.
    pub(crate) fn adopt(&mut self, meta: &Meta) {
        if let Some(owner) = &meta.owner {
            self.children.entry(owner.uid.clone()).or_default().insert(meta.uid.clone());
        }
    }

    /// Forgets an object's owner.
    pub(crate) fn orphan(&mut self, meta: &Meta) {
        let Some(owner) = &meta.owner else { return };
        if let Some(children) = self.children.get_mut(&owner.uid) {
            children.remove(&meta.uid);
            if children.is_empty() {
                self.children.remove(&owner.uid);
            }
        }
    }

    /// Adds or replaces a Service.
    pub(crate) fn put_network(&mut self, service: Service) {
        self.drop_network(&service.meta.uid.clone());
        if let Some(slot) = slot(&service) {
            self.selected.entry(slot).or_default().insert(service.meta.uid.clone());
        }
        self.networks.insert(service.meta.uid.clone(), service);
    }

    /// Removes a Service.
    pub(crate) fn drop_network(&mut self, uid: &str) -> Option<Service> {
        let service = self.networks.remove(uid)?;
        if let Some(slot) = slot(&service)
            && let Some(uids) = self.selected.get_mut(&slot)
        {
            uids.remove(uid);
            if uids.is_empty() {
                self.selected.remove(&slot);
            }
        }
        Some(service)
    }

    /// Services whose selector matches labels.
    pub(crate) fn networks_of(&self, namespace: &Text, labels: &Labels) -> Vec<&Service> {
        let slots = labels
            .pairs()
            .filter_map(|(key, value)| self.selected.get(&(namespace.clone(), key.clone(), value.clone())));
        let services = slots.flatten().filter_map(|uid| self.networks.get(uid));
        let mut services: Vec<&Service> = services.filter(|service| labels.matches(&service.selector)).collect();
        services.sort_by(|a, b| a.meta.name.cmp(&b.meta.name));
        services
    }

    /// Adds or replaces an EndpointSlice.
    pub(crate) fn put_slice(&mut self, slice: EndpointSlice) {
        self.drop_slice(&slice.meta.uid.clone());
        if let Some(name) = slice.service() {
            self.slices_of.entry(name).or_default().insert(slice.meta.uid.clone());
        }
        self.slices.insert(slice.meta.uid.clone(), slice);
    }

    /// Removes an EndpointSlice.
    pub(crate) fn drop_slice(&mut self, uid: &str) -> Option<EndpointSlice> {
        let slice = self.slices.remove(uid)?;
        if let Some(name) = slice.service()
            && let Some(uids) = self.slices_of.get_mut(&name)
        {
            uids.remove(uid);
            if uids.is_empty() {
                self.slices_of.remove(&name);
            }
        }
        Some(slice)
    }

    /// EndpointSlices of a Service.
    pub(crate) fn slices_of(&self, name: &Name) -> impl Iterator<Item = &EndpointSlice> {
        self.slices_of.get(name).into_iter().flatten().filter_map(|uid| self.slices.get(uid))
    }

    /// Ready endpoints and all of a Service; of two address families the greater, since they are the same pods.
    pub(crate) fn endpoints(&self, name: &Name) -> (u32, u32) {
        let mut families: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
        for slice in self.slices_of(name) {
            let counts = families.entry(&slice.family).or_default();
            *counts = (counts.0 + slice.ready, counts.1 + slice.all);
        }
        families.into_values().max().unwrap_or_default()
    }
}

fn slot(service: &Service) -> Option<(Text, Text, Text)> {
    let (key, value) = service.selector.pairs().next()?;
    Some((service.meta.namespace.clone(), key.clone(), value.clone()))
}

impl Parts<'_> {
    /// The revisions of a service of this kind, oldest first; a bare ReplicaSet does not roll, so it has none.
    pub(crate) fn revisions(&self, kind: &str) -> Vec<Found> {
        let Some(label) = label(kind) else { return Vec::new() };
        let of_sets = self.sets.iter().filter(|set| set.kind == Kind::ReplicaSet).map(|set| Found {
            hash: set.workload.meta.labels.get(label).unwrap_or_default().into(),
            number: set.workload.notes.number().unwrap_or(0),
            created: set.workload.meta.created(),
            facts: set.facts.clone(),
            cause: set.workload.notes.cause.clone(),
        });
        let of_rings = self.rings.iter().map(|ring| Found {
            hash: ring
                .meta
                .labels
                .get("controller.kubernetes.io/hash")
                .map_or_else(|| bare(&ring.meta.name), Text::from),
            number: ring.number,
            created: ring.meta.created(),
            facts: ring.facts.clone(),
            cause: ring.cause.clone(),
        });
        in_order(of_sets.chain(of_rings).collect())
    }
}

/// The index as the walk upwards sees it.
pub(crate) struct Upwards<'a> {
    pub(crate) index: &'a Index,
    /// Nobody waits for owners any more.
    pub(crate) impatient: bool,
}

impl Owners for Upwards<'_> {
    fn workload(&self, uid: &str) -> Option<(Kind, &Meta)> {
        self.index.workloads.get(uid).map(|known| (known.kind, &known.workload.meta))
    }

    fn may_come(&self, kind: Kind) -> bool {
        !self.impatient && !self.index.unlisted.contains(&kind)
    }
}
