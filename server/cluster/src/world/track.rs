//! What is remembered of one service: its deploys, the names of its revisions, what was recorded last.

use ahash::HashMap;
use std::sync::Arc;

use model::{Deploy, DeployKind, Revision, RevisionHash, ServiceId, ServiceState, Timestamp};

use super::index::{Parts, Seat};
use crate::deploys::History;
use crate::identity::Key;
use crate::links::Link;
use crate::revisions::{Found, name, of_pod};
use crate::template::{Facts, split_digest};
use crate::text::{Labels, Text};

/// What is remembered of one service.
#[derive(Debug, Default)]
pub(super) struct Track {
    /// The one copy of its id.
    pub(super) id: Option<Arc<ServiceId>>,
    /// Uid of its workload.
    pub(super) uid: Text,
    /// Its workload was seen, so it is deleted when it is not seen any more.
    pub(super) rooted: bool,
    pub(super) state: Option<ServiceState>,
    pub(super) history: History,
    pub(super) revisions: HashMap<Text, Named>,
    pub(super) ever_ready: bool,
    /// Hash of the related resources recorded last.
    pub(super) related: u64,
    /// ConfigMaps it reads.
    pub(super) reads: Vec<Text>,
    /// Services that select its pods.
    pub(super) networks: Vec<Text>,
    /// What other objects may refer to of it.
    pub(super) links: Vec<Link>,
    /// Labels of its pods.
    pub(super) labels: Labels,
    /// Digests that run, by revision and container.
    running: HashMap<Text, Vec<(Text, Text)>>,
}

/// A revision with the name it got when it was first seen.
#[derive(Debug, Clone, Default)]
pub(super) struct Named {
    pub(super) name: String,
    number: i64,
    images: Vec<(String, String)>,
    template: String,
    facts: Option<Arc<Facts>>,
}

impl Track {
    pub(super) fn recall_state(&mut self, state: ServiceState) {
        self.uid = state.uid.as_str().into();
        self.rooted = true;
        self.ever_ready = state.ready > 0 || state.grace.is_none();
        self.state = Some(state);
    }

    pub(super) fn recall_revision(&mut self, revision: &Revision) {
        let named = Named {
            name: revision.name.clone(),
            number: revision.number,
            images: revision.images.clone(),
            template: revision.template.clone(),
            facts: None,
        };
        self.revisions.insert(revision.hash.0.clone(), named);
    }

    /// Deploys come in order.
    pub(super) fn recall_deploy(&mut self, deploy: Deploy) {
        self.history.sequence = self.history.sequence.max(deploy.id.sequence);
        self.history.brought.insert(deploy.to.0.clone());
        self.ever_ready |= matches!(deploy.phase, model::DeployPhase::Settled { .. });
        self.history.last = Some(deploy);
    }

    /// All of it was recalled.
    pub(super) fn recalled(&mut self) {
        self.history.number = self.revisions.values().map(|named| named.number).max().unwrap_or(0);
    }

    /// The workload has this uid; another one than before begins its numbers anew.
    pub(super) fn is_workload(&mut self, uid: &Text) {
        if self.uid != *uid {
            self.uid = uid.clone();
            self.history.number = 0;
        }
    }

    /// Names revisions that have none yet; gives those that are new or got another number.
    pub(super) fn name_revisions(&mut self, found: &[Found], service: &ServiceId) -> Vec<Revision> {
        let mut out = Vec::new();
        for (at, revision) in found.iter().enumerate() {
            let before = at.checked_sub(1).map(|at| &*found[at].facts);
            let known = self.revisions.entry(revision.hash.clone()).or_default();
            if known.name.is_empty() {
                known.name = name(revision, before, &service.name);
            }
            let images: Vec<(String, String)> =
                revision.facts.images.iter().map(|(name, image)| (name.to_string(), image.to_string())).collect();
            let same =
                known.number == revision.number && known.template == *revision.facts.hash && known.images == images;
            known.facts = Some(revision.facts.clone());
            if same {
                continue;
            }
            (known.number, known.template, known.images) = (revision.number, revision.facts.hash.to_string(), images);
            out.push(Revision {
                service: service.clone(),
                hash: RevisionHash(revision.hash.clone()),
                name: known.name.clone(),
                number: revision.number,
                created: revision.created,
                images: known.images.clone(),
                template: known.template.clone(),
            });
        }
        out
    }

    /// The shown name of a revision.
    pub(super) fn name(&self, hash: &str) -> String {
        self.revisions.get(hash).map_or_else(|| hash.to_owned(), |named| named.name.clone())
    }

    /// The stored template of a revision.
    pub(super) fn template(&self, hash: &str) -> Option<String> {
        self.revisions.get(hash).map(|named| named.template.clone()).filter(|hash| !hash.is_empty())
    }

    /// What kind of change leads from one revision to another; where a template is gone, its images tell.
    pub(super) fn change(&self, from: &str, to: &str) -> DeployKind {
        let (Some(from), Some(to)) = (self.revisions.get(from), self.revisions.get(to)) else {
            return DeployKind::Template;
        };
        if let (Some(from), Some(to)) = (&from.facts, &to.facts) {
            return from.change(to);
        }
        let tags = |named: &Named| {
            named
                .images
                .iter()
                .map(|(name, image)| (name.clone(), split_digest(image).0.to_owned()))
                .collect::<Vec<_>>()
        };
        match (tags(from) == tags(to), from.images == to.images) {
            (false, _) => DeployKind::Image,
            (true, false) => DeployKind::Digest,
            (true, true) => DeployKind::Template,
        }
    }

    /// Notes which digests run.
    pub(super) fn note_running(&mut self, key: &Key, parts: &Parts<'_>) {
        for Seat { pod, .. } in &parts.pods {
            let Some(hash) = of_pod(key.kind(), pod) else { continue };
            let ids = pod.own_containers().filter(|container| !container.image_id.is_empty());
            let ids: Vec<(Text, Text)> =
                ids.map(|container| (container.name.clone(), container.image_id.clone())).collect();
            if !ids.is_empty() {
                self.running.insert(hash, ids);
            }
        }
        let last = self.history.last.as_ref();
        let wanted = |hash: &Text| {
            last.is_none_or(|last| last.from.as_ref().is_some_and(|from| *from.0 == **hash) || *last.to.0 == **hash)
        };
        self.running.retain(|hash, _| wanted(hash));
    }

    /// Whether a restart brought other digests under the same tags.
    pub(super) fn runs_other_digests(&self, deploy: &Deploy) -> bool {
        let ids = |hash: &RevisionHash| self.running.get(hash.0.as_str());
        let Some((from, to)) = deploy.from.as_ref().and_then(ids).zip(ids(&deploy.to)) else { return false };
        to.iter().any(|(name, id)| from.iter().any(|(known, old)| known == name && old != id))
    }

    /// The service as deleted.
    pub(super) fn deleted(&mut self, now: Timestamp) -> Option<ServiceState> {
        let mut state = self.state.take()?;
        (state.wanted, state.ready, state.updated, state.available) = (0, 0, 0, 0);
        (state.short_since, state.down_since, state.deleted) = (None, None, Some(now));
        Some(state)
    }
}
