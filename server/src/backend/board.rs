//! The state of all services at one moment and over one window, made once for all who ask meanwhile: their health, their
//! totals, what happened to them in the last hour.

mod adverse;
mod blind;
mod standing;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use analysis::{HealthFacts, RecentErrors, health};
use model::{
    AdverseEvent, HOUR, HealthState, Leak, MINUTE, PodState, Red, SECOND, Saturation, ServiceId, ServiceState, Summary,
    Timestamp, Verdict, Window,
};
use store::{By, Directory, Judgement, Judgements, RedQuery, Store};

use super::begun::{begun, measured};
use super::is_past;
use crate::jobs::now;
use adverse::{happened, told_of};
use blind::Blind;
pub(super) use standing::{Found, Standing, Standings};
use verdicts::{Said, present_of};

/// What of the store had been heard before something was made of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Heard {
    /// How often anything but telemetry had changed.
    told: u64,
    /// When telemetry came last.
    committed: Option<Timestamp>,
}

impl Heard {
    fn of(store: &Store) -> Self {
        Self { told: store.told(), committed: store.committed() }
    }
}

/// The standings of a window, and what had been heard before they were made.
type Slot = Arc<tokio::sync::Mutex<Option<(Heard, Arc<Standings>)>>>;

/// Makes and keeps standings.
pub(super) struct Board {
    store: Store,
    /// The latest few windows, newest last: viewers of the same share one.
    recent: Mutex<Vec<(Window, Slot)>>,
}

/// Windows kept at a time.
const KEPT: usize = 8;

/// How much older the standings of a window may be than its end, where nothing has come since.
const LATELY: i64 = 5 * SECOND;

impl Board {
    pub(super) fn new(store: Store) -> Self {
        Self { store, recent: Mutex::new(Vec::new()) }
    }

    /// All services over a window, as of its end; of one that ends now, as of a moment before where nothing has come since:
    /// nobody waits because a second has just begun.
    pub(super) async fn standings(&self, window: Window) -> Result<Arc<Standings>, store::Error> {
        // Whole seconds, so that all who ask within one share the work.
        let window = Window::new(window.from.floor(SECOND), window.to.floor(SECOND));
        let asked = Heard::of(&self.store);
        if !is_past(window.to, now())
            && let Some(lately) = self.lately(window, asked)
        {
            return Ok(lately);
        }
        let slot = self.slot(window);
        // One makes them; who waits meanwhile takes what was begun after it asked.
        let mut made = slot.lock().await;
        if let Some((heard, standings)) = &*made
            && heard.told >= asked.told
        {
            return Ok(Arc::clone(standings));
        }
        // Counted before anything is read: what changes meanwhile is in it or makes another.
        let heard = Heard::of(&self.store);
        let standings = make(&self.store, window).await?;
        *made = Some((heard, Arc::clone(&standings)));
        Ok(standings)
    }

    /// The newest standings of as long a window that ended a moment before, with all that has come.
    fn lately(&self, window: Window, asked: Heard) -> Option<Arc<Standings>> {
        let recent = self.recent.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let is_alike =
            |known: &Window| known.length() == window.length() && (0..=LATELY).contains(&window.to.since(known.to));
        let made = recent.iter().filter(|(known, _)| is_alike(known)).filter_map(|(known, slot)| {
            let made = slot.try_lock().ok()?;
            let (_, standings) = made.as_ref().filter(|(heard, _)| *heard == asked)?;
            Some((known.to, Arc::clone(standings)))
        });
        made.max_by_key(|(to, _)| *to).map(|(_, standings)| standings)
    }

    fn slot(&self, window: Window) -> Slot {
        let mut recent = self.recent.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some((_, slot)) = recent.iter().find(|(known, _)| *known == window) {
            return Arc::clone(slot);
        }
        let slot = Slot::default();
        if recent.len() >= KEPT {
            recent.remove(0);
        }
        recent.push((window, Arc::clone(&slot)));
        slot
    }
}

async fn make(store: &Store, window: Window) -> Result<Arc<Standings>, store::Error> {
    let (directory, now) = (store.directory(), window.to);
    let (judgements, leaks, saturations) = (store.newest_judgements(), store.leaks(), store.saturations());
    let recent = totals(store, Window::before(now, 5 * MINUTE)).await?;
    let totals = totals(store, window).await?;
    let firsts = totals.iter().map(|(id, total)| (id.clone(), total.first));
    let begun = begun(store, window, window.step(CELLS), firsts).await?;
    let hour = Window::before(now, HOUR);
    let adverse = store.adverse(None, hour).await?;
    let happened = happened(&adverse, &directory, hour);
    let mut told = told_of(&adverse, &directory, now);
    let blind = Blind::of(&store.cluster_statuses(), &directory, now);
    let judgements = newest(&judgements, &directory);
    let present = present(store, &directory, &judgements, &adverse, &blind, now).await?;
    let total = move |id: &ServiceId| match totals.get(id) {
        Some(total) => Summary::of(&total.red, measured(window, begun.get(id))),
        None => Summary::default(),
    };
    let of_all = Arc::clone(&directory);
    let standing = move |service: &Arc<ServiceState>| {
        let id = &service.id;
        let (oom_kills, restarts) = happened.get(id).copied().unwrap_or_default();
        let errors =
            recent.get(id).map(|Total { red, .. }| RecentErrors { requests: red.requests, errors: red.errors });
        let verdict = present.get(id);
        let recent = errors.unwrap_or_default();
        let of_current = |leak: &&Leak| leak.revision == service.revision;
        let leak = leaks.get(id).and_then(|leaks| leaks.iter().find(of_current));
        let mut saturation = told.remove(id).unwrap_or_default();
        saturation.extend(saturations.get(id).into_iter().flat_map(|all| all.iter().cloned()));
        saturation.sort_by_key(|one| !one.degrades);
        let lacks = &saturation;
        let facts =
            Facts { service, now, verdict, leak, saturation: lacks, oom_kills, restarts, recent, blind: &blind };
        Standing {
            health: judge(&directory, facts),
            total: total(id),
            restarts,
            judgement: judgements.get(id).cloned(),
            verdict_lasts: verdict.is_some(),
            saturation,
            listed: !service.grouped && service.deleted.is_none(),
            service: service.clone(),
        }
    };
    // Of ten thousand services it takes a while, in which no thread that answers others may be held.
    let made = tokio::task::spawn_blocking(move || Standings::new(of_all.services().map(standing).collect(), of_all));
    made.await.map(Arc::new).map_err(|error| store::Error::Busy(format!("looking at services was given up: {error}")))
}

/// Verdicts on the newest deploys.
fn newest(all: &Judgements, directory: &Directory) -> HashMap<ServiceId, Arc<Judgement>> {
    let is_newest = |id: &ServiceId, judgement: &Judgement| {
        // Without one, it is on a first revision that was found afterwards.
        directory.newest_deploy(id).is_none_or(|deploy| deploy.id.sequence == judgement.judged.sequence)
    };
    let newest = all.iter().filter(|(id, judgement)| is_newest(id, judgement));
    newest.map(|(id, judgement)| (id.clone(), judgement.clone())).collect()
}

/// Those that count for health: bad, on the current revision, and what they call is still there.
async fn present(
    store: &Store,
    directory: &Directory,
    judgements: &HashMap<ServiceId, Arc<Judgement>>,
    adverse: &[AdverseEvent],
    blind: &Blind,
    now: Timestamp,
) -> Result<HashMap<ServiceId, Verdict>, store::Error> {
    let mut bad = Vec::new();
    for (id, judgement) in judgements.iter().filter(|(_, judgement)| judgement.judged.level.is_bad()) {
        let (Some(service), Some(deploy)) = (directory.service(id), directory.newest_deploy(id)) else { continue };
        if service.revision.as_ref() == Some(&deploy.to) {
            let seen = blind.why(id).is_none();
            bad.push(Said { service: service.clone(), judgement: judgement.clone(), since: deploy.started, seen });
        }
    }
    let present = present_of(store, &bad, adverse, now).await?;
    let bad = bad.into_iter().filter(|said| present.contains(&said.service.id));
    let verdict = |judgement: &Judgement| Verdict::new(judgement.judged.level, judgement.judged.headline.clone());
    Ok(bad.map(|said| (said.service.id.clone(), verdict(&said.judgement))).collect())
}

struct Facts<'a> {
    service: &'a ServiceState,
    now: Timestamp,
    verdict: Option<&'a Verdict>,
    leak: Option<&'a Leak>,
    saturation: &'a [Saturation],
    oom_kills: u32,
    restarts: u32,
    recent: RecentErrors,
    blind: &'a Blind,
}

fn judge(directory: &Directory, facts: Facts<'_>) -> HealthState {
    let id = &facts.service.id;
    let pods: Vec<&PodState> = directory.pods(id).iter().map(AsRef::as_ref).collect();
    let blind = facts.blind.why(id);
    health(&HealthFacts {
        now: facts.now,
        service: facts.service,
        pods: &pods,
        deploy: directory.newest_deploy(id).map(AsRef::as_ref),
        verdict: facts.verdict,
        leak: facts.leak,
        saturation: facts.saturation,
        recent: facts.recent,
        oom_kills: facts.oom_kills,
        restarts: facts.restarts,
        blind: blind.as_deref(),
    })
}

/// Cells that a window is asked for in.
const CELLS: i64 = 60;

/// What a service did in a window, and the first cell that has any of it.
struct Total {
    red: Red,
    first: u32,
}

/// Requests of every service over a window.
async fn totals(store: &Store, window: Window) -> Result<HashMap<ServiceId, Total>, store::Error> {
    let ask = RedQuery { services: None, window, step: window.step(CELLS), by: By::Service };
    let rows = store.telemetry().red(ask).await?;
    let sum = |cells: Vec<(u32, Red)>| {
        let first = cells.first().map_or(0, |(at, _)| *at);
        let mut red = Red::default();
        cells.iter().for_each(|(_, one)| red.merge(one));
        Total { red, first }
    };
    Ok(rows.into_iter().map(|row| (row.service, sum(row.cells))).collect())
}

#[cfg(test)]
mod tests;
