//! Pods that were touched: their phases and restarts go on, their states and ends are recorded.

use model::{AdverseKind, PodPhase, Timestamp};
use store::ClusterRecord;

use super::settle::{find, hash};
use super::{World, pods};
use crate::adverse::{self, Place};
use crate::kind::Kind;
use crate::text::Text;

impl World {
    pub(super) fn settle_pods(&mut self, record: &mut ClusterRecord, listed: bool, now: Timestamp) {
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
            let looping = |container: &str| adverse.holds(&cluster.0, &uid, AdverseKind::CrashLoop, container);
            let sightings = adverse::of_pod(&seat.pod, &seat.counted, &looping, &self.redactor, now);
            let loops = sightings.iter().any(|sighting| sighting.kind == AdverseKind::CrashLoop);
            let place = Place {
                cluster: &cluster.0,
                uid: &uid,
                service: Some(key.id(cluster)),
                pod: Some(&seat.pod.meta.name),
                node: None,
                listed,
            };
            adverse.object(&place, sightings, now);
            if loops {
                dirty.looping.insert(uid.clone())
            } else {
                dirty.looping.remove(&uid)
            };
            seat.counted = Some(seat.pod.own_containers().map(|container| container.restarts).collect());
            if let Some(zone) = index.zones.get(&seat.pod.node) {
                seat.zone = zone.clone();
            }
            let state = pods::state(seat, &key, cluster);
            let told = hash(&state);
            if told != seat.told {
                seat.told = told;
                record.pods.push(state);
            }
        }
    }

    pub(super) fn settle_ended(&mut self, record: &mut ClusterRecord, now: Timestamp) {
        for (mut seat, at) in std::mem::take(&mut self.dirty.ended) {
            let uid = seat.pod.meta.uid.clone();
            self.adverse.release(&uid, &Default::default(), now);
            let found = seat.service.clone().or_else(|| {
                find(&self.index, Kind::Pod, &seat.pod.meta, Some(Timestamp::default()), now).map(|(key, _)| key)
            });
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
}
