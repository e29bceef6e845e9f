//! The revisions of a service: since when, how many pods, what each did in its last hour, what was said of it.

use app::AppError;
use model::{Revision, RevisionRow, Revisions, ServiceId, Summary, Viewer};

use super::super::{Answers, failed};
use super::measure::Measured;
use super::runs::Run;
use super::verdict_on;

/// Revisions that are listed.
const LISTED: usize = 20;

/// The current revision, then the others, those that ran last first.
pub(in super::super) async fn list(answers: &Answers, _viewer: &Viewer, id: &ServiceId) -> Result<Revisions, AppError> {
    let service = answers.known(id)?;
    let now = crate::jobs::now();
    let store = &answers.store;
    let deploys = store.deploys(id).await.map_err(failed)?;
    let lives = store.revision_lives(id).await.map_err(failed)?;
    let judgements = store.judgements(id).await.map_err(failed)?;
    let firsts = store.telemetry().first_errors(id).await.map_err(failed)?;
    let all = store.revisions(id).await.map_err(failed)?;
    let mut all: Vec<(Revision, Run)> = all
        .into_iter()
        .map(|revision| {
            let run = Run::of(&revision, &lives, &deploys, now);
            (revision, run)
        })
        .collect();
    let is_current = |revision: &Revision| service.revision.as_ref() == Some(&revision.hash);
    let place = |(revision, run): &(Revision, Run)| (is_current(revision), run.newest.from, revision.number);
    all.sort_by_key(|one| std::cmp::Reverse(place(one)));
    let more = all.len().saturating_sub(LISTED) as u32;
    all.truncate(LISTED);
    let hours = all.iter().map(|(_, run)| run.last_hour()).filter(|hour| hour.length() > 0);
    let measured = Measured::read(answers, id, hours.collect()).await?;
    let row = |(revision, run): (Revision, Run)| {
        let brought = deploys.iter().find(|deploy| deploy.to == revision.hash);
        let hour = run.last_hour();
        RevisionRow {
            current: is_current(&revision),
            first_seen: run.first,
            last_seen: run.last,
            pods: run.pods,
            pods_ever: run.pods_ever,
            hour: if hour.length() > 0 { measured.summary(&revision.hash, hour) } else { Summary::default() },
            new_errors: firsts.get(&revision.hash).copied().or(run.pods_ever.map(|_| 0)),
            verdict: brought.and_then(|deploy| verdict_on(&judgements, deploy)),
            hash: revision.hash,
            name: revision.name,
        }
    };
    Ok(Revisions { rows: all.into_iter().map(row).collect(), more })
}
