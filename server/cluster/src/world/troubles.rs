//! Trouble of nodes, and what events tell of objects that are known.

use model::Timestamp;

use super::index::Upwards;
use super::{World, dirty};
use crate::adverse::{self, Place};
use crate::identity::{Key, Root, root};

impl World {
    pub(super) fn settle_nodes(&mut self, listed: bool, now: Timestamp) {
        for uid in std::mem::take(&mut self.dirty.nodes) {
            let Some(node) = self.index.nodes.get(&uid) else {
                self.adverse.release(&uid, &Default::default(), now);
                continue;
            };
            let place = Place {
                cluster: &self.cluster.0,
                uid: &uid,
                service: None,
                pod: None,
                node: Some(&node.meta.name),
                listed,
            };
            self.adverse.object(&place, adverse::of_node(node, &self.redactor, now), now);
        }
    }

    pub(super) fn settle_events(&mut self, listed: bool, now: Timestamp) {
        for (event, tried) in std::mem::take(&mut self.dirty.events) {
            let Some(sighting) = adverse::of_event(&event, &self.redactor, now) else { continue };
            let about = &event.about;
            let key = self.service_of(&about.uid);
            let node = (&*about.kind == "Node").then_some(&*about.name);
            if key.is_none() && node.is_none() {
                if matches!(&*about.kind, "Pod" | "ReplicaSet" | "Job") && now.since(tried) < dirty::EVENT_WAITS {
                    self.dirty.events.push_back((event, tried));
                }
                continue;
            }
            let uid = match node {
                Some(name) => self
                    .index
                    .nodes
                    .values()
                    .find(|node| *node.meta.name == *name)
                    .map_or(&about.uid, |node| &node.meta.uid),
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
