//! Objects kept and forgotten; what they touch is marked.

use model::Timestamp;

use super::World;
use super::dirty::Ended;
use super::index::{Index, Known, Map, Seat, Upwards};
use super::intake::Prepared;
use super::linked::Linked;
use crate::identity::{Root, root};
use crate::kind::Kind;
use crate::slim::{Meta, Pod};
use crate::text::Text;

impl World {
    /// Keeps an object and marks what it touches.
    pub(super) fn put(&mut self, prepared: Prepared, now: Timestamp) {
        if let Prepared::Event(event) = prepared {
            self.dirty.event(event, now);
            return;
        }
        if matches!(prepared, Prepared::Workload(_) | Prepared::Ring(_) | Prepared::Pod(_)) {
            if let Some(owner) =
                self.index.owner_of(&prepared).filter(|owner| Some(owner) != prepared.meta().owner.as_deref())
            {
                self.move_from(&owner.uid.clone(), &prepared.meta().uid);
            }
            self.index.adopt(prepared.meta());
        }
        match prepared {
            Prepared::Workload(known) => self.put_workload(known),
            Prepared::Ring(ring) => {
                self.dirty.workloads.entry(ring.meta.uid.clone()).or_default();
                self.index.rings.insert(ring.meta.uid.clone(), *ring);
            }
            Prepared::Pod(pod) => self.put_pod(*pod),
            Prepared::Node(node) => {
                self.dirty.nodes.insert(node.meta.uid.clone());
                let (name, zone) = (node.meta.name.clone(), Text::from(node.zone()));
                if !zone.is_empty() && self.index.zones.get(&name) != Some(&zone) {
                    self.index.zones.insert(name.clone(), zone);
                    self.dirty.zones.insert(name);
                }
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
            Prepared::Linked(linked) => self.put_linked(*linked),
            Prepared::Event(_) => {}
        }
    }

    fn put_workload(&mut self, known: Box<Known>) {
        let uid = known.workload.meta.uid.clone();
        let before = self.index.workloads.get(&uid);
        if before.is_none_or(|before| before.workload.meta.owner != known.workload.meta.owner) {
            if before.is_some() {
                self.mark_service_of(known.kind, &uid);
            }
            self.reseat(&uid);
        }
        self.dirty.workloads.entry(uid.clone()).or_default();
        self.index.workloads.insert(uid, known);
    }

    /// Pods of a workload whose owner was not known, or was another: their service is looked for anew.
    fn reseat(&mut self, workload: &Text) {
        for uid in self.index.children.get(workload).into_iter().flatten() {
            if let Some(service) = self.index.pods.get_mut(uid).and_then(|seat| seat.service.take()) {
                self.dirty.services.insert(service);
                self.dirty.pods.entry(uid.clone()).or_default();
            }
        }
    }

    fn put_linked(&mut self, linked: Linked) {
        let (links, selector) = (linked.links.clone(), linked.selector.clone());
        if let Some(before) = self.index.put_linked(linked) {
            self.dirty.links.extend(links.into_iter().map(|link| (link, selector.clone())));
            self.unlink(&before);
        }
    }

    /// Marks what an object referred to.
    fn unlink(&mut self, linked: &Linked) {
        self.dirty.links.extend(linked.links.iter().map(|link| (link.clone(), linked.selector.clone())));
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
                let told = self.remembered.pod(&uid);
                self.index.pods.insert(uid, Box::new(Seat { pod, service: None, told }));
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
                    let unsettled = self.dirty.pods.remove(uid).is_some();
                    self.dirty.looping.remove(uid);
                    self.dirty.ended.push(Ended { seat: *seat, at: now, unsettled });
                }
            }
            Kind::ControllerRevision => {
                if let Some(ring) = self.index.rings.remove(uid) {
                    self.index.orphan(&ring.meta);
                }
            }
            Kind::Node => {
                if let Some(node) = self.index.nodes.remove(uid) {
                    self.index.zones.remove(&node.meta.name);
                }
                self.dirty.nodes.insert(uid.clone());
            }
            Kind::Service => {
                if let Some(service) = self.index.drop_network(uid) {
                    self.gone(kind, &service.meta, now);
                    self.dirty.networks.insert((service.meta.namespace, service.meta.name));
                }
            }
            Kind::EndpointSlice => {
                let gone = self.index.drop_slice(uid);
                self.dirty.networks.extend(gone.and_then(|slice| slice.service()));
            }
            Kind::ConfigMap => {
                if let Some(map) = self.index.maps.remove(uid) {
                    self.gone(kind, &map.meta, now);
                    let name = (map.meta.namespace, map.meta.name);
                    self.dirty.services.extend(self.uses.get(&name).into_iter().flatten().cloned());
                    if self.index.map_names.get(&name) == Some(uid) {
                        self.index.map_names.remove(&name);
                    }
                }
            }
            Kind::Event => {}
            kind if kind.is_related() => {
                if let Some(linked) = self.index.drop_linked(uid) {
                    self.gone(kind, &linked.meta, now);
                    self.unlink(&linked);
                    self.adverse.release(uid, &Default::default(), now);
                }
            }
            _ => {
                if let Some(known) = self.index.workloads.remove(uid) {
                    if known.workload.meta.owner.is_none() {
                        self.gone(kind, &known.workload.meta, now);
                    }
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
        let upwards = Upwards { index, impatient: true };
        if let Some(Root::Service(key, _)) = meta.map(|meta| root(&upwards, kind, meta)) {
            self.dirty.services.insert(key);
        }
    }
}

impl Index {
    /// Whether an object of those that there are many of is known to be just so.
    pub(super) fn knows(&self, prepared: &Prepared) -> bool {
        let uid = &prepared.meta().uid;
        match prepared {
            Prepared::Pod(pod) => self.pods.get(uid).is_some_and(|seat| seat.pod == **pod),
            Prepared::Workload(known) => self.workloads.get(uid) == Some(known),
            Prepared::Slice(slice) => self.slices.get(uid) == Some(slice),
            _ => false,
        }
    }

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
            kind if kind.is_related() => {
                self.linked.values().filter(|linked| linked.kind == kind).for_each(|linked| visit(&linked.meta))
            }
            _ => {
                self.workloads.values().filter(|known| known.kind == kind).for_each(|known| visit(&known.workload.meta))
            }
        }
    }
}
