//! Services that were touched: their state, revisions, deploys and other resources.

use model::{DeployKind, DeployPhase, RevisionHash, ServiceId, Timestamp};
use store::ClusterRecord;

use super::settle::{facts_of, hash};
use super::settled::{Question, Settled};
use super::track::Track;
use super::{World, is_of_any, related, service};
use crate::adverse::{self, Place};
use crate::deploys::{Rollout, Seen, step};
use crate::identity::Key;
use crate::links::Link;
use crate::revisions::{Found, current};
use crate::template::Facts;
use crate::text::Text;

impl World {
    pub(super) fn settle_service(&mut self, key: &Key, listed: bool, now: Timestamp, settled: &mut Settled) {
        let Some(track) = self.tracks.get_mut(key) else { return };
        let index = &self.index;
        let uid = track.uid.clone();
        let parts = index.parts(key, &uid);
        let bare = key.kind() == "Pod" && !parts.pods.is_empty();
        let by_reference = !(track.rooted || parts.pods.is_empty() && parts.sets.is_empty());
        // A ReplicaSet or Job whose owner came later, or that was adopted, is part of that one's service.
        let adopted = parts.root.is_some_and(|known| index.is_below(known));
        if adopted || parts.root.is_none() && !bare && !by_reference {
            if !is_of_any(&self.unseen, key.kind(), key.namespace()) {
                self.bury_service(key, now, &mut settled.record);
            }
            return;
        }
        track.rooted |= parts.root.is_some() || bare;
        let id = key.id(&self.cluster);
        let found = parts.revisions(key.kind());
        settled.record.revisions.extend(track.name_revisions(&found, &id));
        let newest = current(&found);
        let counts = service::counts(key, &parts, newest, index);
        track.ever_ready |= counts.ready > 0;
        track.note_running(key, &parts);
        let leaving = parts.root.is_some_and(|root| root.workload.meta.deletion.0.is_some());
        if let Some(newest) = newest.filter(|_| !leaving) {
            let created = parts.root.map_or(newest.created, |root| root.workload.meta.created());
            let rollout = service::rollout(key, &parts, newest, counts, index);
            let moment = Moment { service: &id, created, revisions: &found, rollout, listed, now };
            settle_deploys(track, moment, settled);
        }
        let facts = facts_of(index, key, track).unwrap_or_default();
        let revision = newest.map(|found| (RevisionHash(found.hash.clone()), track.name(&found.hash)));
        let (ever_ready, before) = (track.ever_ready, track.state.as_ref());
        let view = service::View { key, uid: &uid, parts: &parts, counts, facts: &facts, revision, ever_ready, before };
        let state = service::state(&view, &self.cluster, now);
        let related::Found { rows, links } =
            related::related(&view, &|found| track.name(&found.hash), index, &self.cluster);
        if track.state.as_ref() != Some(&state) {
            settled.record.services.push(state.clone());
            track.state = Some(state);
        }
        let told = hash(&rows);
        let changed = std::mem::replace(&mut track.related, told) != told;
        if track.history.last.as_ref().is_some_and(|last| last.phase.is_open()) {
            self.dirty.open.insert(key.clone());
        } else {
            self.dirty.open.remove(key);
        }
        if changed {
            self.resources(key, Some(&rows), now);
            settled.record.related.push((id, rows));
        }
        self.note_reads(key, &facts);
        self.note_links(key, links);
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

    /// Notes what other objects may refer to of a service.
    fn note_links(&mut self, key: &Key, mut links: Vec<Link>) {
        links.sort();
        links.dedup();
        let Some(track) = self.tracks.get_mut(key).filter(|track| track.links != links) else { return };
        for link in std::mem::replace(&mut track.links, links.clone()) {
            if let Some(keys) = self.referred.get_mut(&link) {
                keys.remove(key);
                if keys.is_empty() {
                    self.referred.remove(&link);
                }
            }
        }
        for link in links {
            self.referred.entry(link).or_default().insert(key.clone());
        }
    }

    /// What is wrong with a workload and with the ReplicaSets and Jobs below it.
    fn settle_workload_trouble(&mut self, key: &Key, uid: &Text, listed: bool, now: Timestamp) {
        let (index, adverse, redactor) = (&self.index, &mut self.adverse, &self.redactor);
        let parts = index.parts(key, uid);
        let place = |uid| Place {
            cluster: &self.cluster.0,
            uid,
            service: Some(key.id(&self.cluster)),
            pod: None,
            node: None,
            listed,
        };
        let scaled = Link::Workload(key.namespace().clone(), key.kind().into(), key.name().clone());
        for linked in index.linked_to(&scaled) {
            let sighting = linked.hindered.as_ref().map(|it| adverse::of_autoscaler(&linked.meta.name, it, now));
            adverse.object(&place(&linked.meta.uid), sighting.into_iter().collect(), now);
        }
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
        let told = std::mem::take(&mut track.related) != 0;
        let uid = track.uid.clone();
        let forget = track.history.last.is_none();
        self.note_reads(key, &facts);
        self.note_links(key, Vec::new());
        if told {
            self.resources(key, None, now);
        }
        // What was adopted is there still, and its trouble with it.
        if !self.index.has(&uid) {
            self.adverse.release(&uid, &Default::default(), now);
        }
        if forget {
            self.tracks.remove(key);
        }
    }
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
    if let Some(last) = history.last.as_mut().filter(|last| last.kind == DeployKind::Restart)
        && track.runs_other_digests(last)
    {
        last.kind = DeployKind::Digest;
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
