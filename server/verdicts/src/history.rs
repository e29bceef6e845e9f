//! The deploys before one, with what was said of them.

use model::{Deploy, DeployKind, DeployPhase, MINUTE, RevisionHash, Timestamp, VerdictLevel, Window};
use store::{Judgement, Store};

use super::together::PAST;

/// See the module.
pub(super) struct History {
    /// Newest first, with when the next began.
    earlier: Vec<(Deploy, Timestamp, Option<VerdictLevel>)>,
    /// The revision that the deploy is held against, whatever was said of it.
    from: Option<RevisionHash>,
}

impl History {
    pub(super) async fn read(store: &Store, deploy: &Deploy) -> Result<Self, store::Error> {
        let judgements: Vec<Judgement> = store.judgements(&deploy.id.service).await?;
        let level = |sequence: u32| judgements.iter().find(|j| j.judged.sequence == sequence).map(|j| j.judged.level);
        let mut until = deploy.started;
        let mut earlier = Vec::new();
        for known in store.deploys(&deploy.id.service).await? {
            if known.id.sequence < deploy.id.sequence {
                let started = known.started;
                earlier.push((known.clone(), until, level(known.id.sequence)));
                until = started;
            }
        }
        // One that takes the service back is held against how it was before it was bad.
        Ok(Self { earlier, from: deploy.from.clone().filter(|_| !deploy.rollback) })
    }

    /// Whether a revision that was called bad ran then, and not the one that this deploy came from.
    pub(super) fn was_bad(&self, at: Timestamp) -> bool {
        self.earlier.iter().any(|(deploy, until, level)| {
            let is_bad = level.is_some_and(|level| level.is_bad() || level == VerdictLevel::RolledBack);
            is_bad && Some(&deploy.to) != self.from.as_ref() && at >= deploy.started.floor(MINUTE) && at < *until
        })
    }

    /// While the revision ran alone that a rollback replaced: whole minutes of the last hours from a minute after its
    /// rollout was over. Of any other deploy nothing, nor where it never was.
    pub(super) fn replaced(&self, deploy: &Deploy) -> Option<Window> {
        let (before, until, _) = self.earlier.first().filter(|_| deploy.rollback)?;
        let DeployPhase::Settled { at } = before.phase else { return None };
        let to = until.floor(MINUTE);
        let from = at.max(before.started).floor(MINUTE).plus(2 * MINUTE).max(to.plus(-PAST));
        (Some(&before.to) == deploy.from.as_ref() && from < to).then(|| Window::new(from, to))
    }

    /// Those that were judged and not called bad. A first revision rolls out into a service that nobody calls yet.
    pub(super) fn well(&self) -> impl Iterator<Item = &Deploy> {
        let is_well = |level: VerdictLevel| matches!(level, VerdictLevel::Healthy | VerdictLevel::TooLittleData);
        let well = self.earlier.iter().filter(move |(_, _, level)| level.is_some_and(is_well));
        well.map(|(deploy, ..)| deploy).filter(|deploy| deploy.kind != DeployKind::First)
    }
}
