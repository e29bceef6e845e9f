//! Pods that were touched: their phases and restarts go on, their states and ends are recorded.

use std::sync::Arc;

use model::{AdverseKind, PodPhase, PodState, Timestamp};
use store::ClusterRecord;

use super::dirty::Ended;
use super::index::Seat;
use super::settle::find;
use super::{World, is_of_any, pods};
use crate::adverse::{self, Place, Repeat};
use crate::identity::Key;
use crate::kind::Kind;
use crate::text::{Interner, Text};

impl World {
    pub(super) fn settle_pods(&mut self, record: &mut ClusterRecord, listed: bool, now: Timestamp) {
        let unseen = &self.unseen;
        let is_there = |pod: &PodState| is_of_any(unseen, Kind::Pod.name(), &pod.namespace);
        for lost in self.remembered.lost_pods(is_there) {
            record.pods.push(Arc::new(PodState { ended: Some(now), ..(*lost).clone() }));
        }
        let mut uids: Vec<Text> = self.dirty.pods.keys().cloned().collect();
        uids.sort();
        for uid in uids {
            let Some(seat) = self.index.pods.get(&uid) else { continue };
            let Some(key) = seat.service.clone() else { continue };
            let node = seat.pod.node.clone();
            self.dirty.pods.remove(&uid);
            let place = self.place(&key, &node);
            record.pods.extend(self.settle_pod(&uid, &place, listed, now));
        }
    }

    /// The state of a pod, where it is another than was recorded last.
    fn settle_pod(&mut self, uid: &Text, place: &pods::Place, listed: bool, now: Timestamp) -> Option<Arc<PodState>> {
        let (adverse, dirty) = (&mut self.adverse, &mut self.dirty);
        let seat = self.index.pods.get_mut(uid)?;
        let told = seat.told.as_deref();
        let cluster = &self.cluster.0;
        let looping = |container: &str| adverse.holds(cluster, uid, AdverseKind::CrashLoop, container);
        let sightings = adverse::of_pod(&seat.pod, told, &looping, &self.redactor, now);
        if sightings.iter().any(|sighting| sighting.kind == AdverseKind::CrashLoop) {
            dirty.looping.insert(uid.clone())
        } else {
            dirty.looping.remove(uid)
        };
        let service = Some((*place.service).clone());
        let seen = Place { cluster, uid, service, pod: Some(&seat.pod.meta.name), node: None, listed };
        adverse.object(&seen, sightings, now);
        let mut history = told.map_or_else(Vec::new, |told| told.history.clone());
        pods::advance(&mut history, &seat.pod, now);
        let state = pods::state(&seat.pod, told, history, place, now);
        if told == Some(&state) {
            return None;
        }
        let state = Arc::new(state);
        seat.told = Some(Arc::clone(&state));
        Some(state)
    }

    pub(super) fn settle_ended(&mut self, record: &mut ClusterRecord, now: Timestamp) {
        for Ended { seat: Seat { pod, service, told }, at, unsettled } in std::mem::take(&mut self.dirty.ended) {
            let uid = pod.meta.uid.clone();
            let found = service.or_else(|| {
                find(&self.index, Kind::Pod, &pod.meta, Some(Timestamp::default()), now).map(|(key, _)| key)
            });
            let told = told.as_deref();
            if let Some(key) = found.as_ref().filter(|_| unsettled) {
                // What its last words say happened; what held ends with it.
                let mut last = adverse::of_pod(&pod, told, &|_| false, &self.redactor, now);
                last.retain(|sighting| sighting.repeat != Repeat::Condition);
                let (cluster, service) = (&self.cluster.0, Some(key.id(&self.cluster)));
                let seen = Place { cluster, uid: &uid, service, pod: Some(&pod.meta.name), node: None, listed: false };
                last.into_iter().for_each(|sighting| _ = self.adverse.see(&seen, sighting, now));
            }
            self.adverse.release(&uid, &Default::default(), now);
            let Some(key) = found else { continue };
            let mut history = told.map_or_else(Vec::new, |told| told.history.clone());
            pods::advance(&mut history, &pod, now);
            if history.last().is_some_and(|(_, phase)| *phase == PodPhase::Ready) {
                history.push((at, PodPhase::Terminating));
            }
            let state = pods::state(&pod, told, history, &self.place(&key, &pod.node), now);
            record.pods.push(Arc::new(PodState { ended: Some(at), ..state }));
            self.dirty.bury(uid, key.clone(), pod.meta.name.clone());
            self.dirty.services.insert(key);
        }
    }

    /// Where pods of a service belong that run on a node.
    fn place(&mut self, key: &Key, node: &Text) -> pods::Place {
        let shared = |text: &str, interner: &mut Interner| {
            let mut text = text.into();
            interner.text(&mut text);
            text
        };
        let (cluster, running) = (shared(&self.cluster.0, &mut self.interner), shared("running", &mut self.interner));
        let id = || Arc::new(key.id(&self.cluster));
        let known = self.tracks.get_mut(key).map(|track| Arc::clone(track.id.get_or_insert_with(id)));
        let zone = self.index.zones.get(node).cloned().unwrap_or_default();
        pods::Place { cluster, service: known.unwrap_or_else(id), zone, running }
    }
}
