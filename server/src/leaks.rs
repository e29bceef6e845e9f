//! What leaks and what there is too little of: each service is looked at in turn; what is found is `analysis`'.

mod due;
mod read;
mod reader;
mod room;
mod saturated;
mod shortage;
mod together;

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;
use std::time::Duration;

use model::{HOUR, Leak, MINUTE, SECOND, ServiceId, Timestamp};
use store::{Leaks, Store};
use tokio_util::sync::CancellationToken;

use crate::jobs::now;
use crate::shutdown::Shutdown;

use due::Due;
pub(crate) use reader::{MEMORY, RUN, Volumes};
use saturated::Saturated;

/// How often it is asked who is due.
const TICK: Duration = Duration::from_secs(5);
/// How often it is asked which services there are.
const LISTING: i64 = 10 * SECOND;
/// A service is looked at again after so long; of many services less often, of few more often.
const LEAST: i64 = MINUTE;
const MOST: i64 = 10 * MINUTE;
/// What a look may take of that, a service.
const SHARE: i64 = SECOND / 10;
/// How often the whole week is read.
const LONG: i64 = HOUR;

/// What of a service is known to leak, and when it was looked.
#[derive(Debug, Default)]
struct Known {
    /// Over a day, at every look.
    short: Vec<Leak>,
    /// Over the week, once an hour.
    long: Vec<Leak>,
    looked: Timestamp,
    looked_long: Timestamp,
}

impl Known {
    /// The day is newer; where it says nothing, the week does.
    fn leaks(&self) -> &Vec<Leak> {
        if self.short.is_empty() { &self.long } else { &self.short }
    }
}

/// Looks at services in turn until shutdown. A failure is logged and tried again.
pub(crate) fn spawn(store: &Store, shutdown: &Shutdown) {
    let (store, token) = (store.clone(), shutdown.token());
    shutdown.spawn("leaks", async move {
        let mut tick = tokio::time::interval_at(tokio::time::Instant::now() + TICK, TICK);
        let mut watching = Watching::new(store, now());
        loop {
            tokio::select! {
                () = token.cancelled() => return Ok(()),
                _ = tick.tick() => {}
            }
            watching.look(now(), &token).await;
        }
    });
}

struct Watching {
    store: Store,
    known: HashMap<ServiceId, Known>,
    due: Due,
    saturated: Saturated,
    started: Timestamp,
    listed: Timestamp,
    /// What was said is not what is known any more.
    changed: bool,
}

impl Watching {
    fn new(store: Store, started: Timestamp) -> Self {
        let saturated = Saturated::new(store.clone());
        let (known, due) = (HashMap::new(), Due::default());
        Self { store, known, due, saturated, started, listed: Timestamp(0), changed: false }
    }

    /// Looks at who is due by now.
    async fn look(&mut self, now: Timestamp, token: &CancellationToken) {
        if now.since(self.listed) >= LISTING {
            self.list(now);
        }
        while let Some(id) = self.due.next(now).filter(|_| !token.is_cancelled()) {
            let known = self.known.remove(&id).unwrap_or_default();
            let (known, is_done) = self.look_at(&id, known, now).await;
            self.known.insert(id.clone(), known);
            let again = if is_done { period(self.known.len()) } else { LEAST };
            self.due.put(id, now.plus(again));
            // Where little is stored nothing is waited for; others have their turn all the same.
            tokio::task::yield_now().await;
        }
        if std::mem::take(&mut self.changed) {
            self.store.keep_leaks(self.said());
        }
        self.saturated.publish().await;
    }

    /// Takes up services that came, and lets go of those that went.
    fn list(&mut self, now: Timestamp) {
        self.listed = now;
        let directory = self.store.directory();
        let services = directory.services().filter(|service| service.deleted.is_none());
        let watched: Vec<&ServiceId> = services.map(|service| &service.id).filter(|id| !ends_by_itself(id)).collect();
        // Mostly nothing came or went, and of many services the sets below take longer than a page may.
        if self.due.is(&watched) {
            return;
        }
        let watched: HashSet<&ServiceId> = watched.into_iter().collect();
        let before = self.known.len();
        self.known.retain(|id, _| watched.contains(id));
        self.changed |= self.known.len() != before;
        self.saturated.retain(&watched);
        // Spread over the period; after a start all come in the first half of it.
        let period = period(watched.len());
        self.due.list(&watched, |id| self.started.plus(phase(id, period) / 2).max(now));
    }

    /// Looks at one; whether it could be looked at.
    async fn look_at(&mut self, id: &ServiceId, mut known: Known, now: Timestamp) -> (Known, bool) {
        let is_long = now.since(known.looked_long) >= LONG;
        match read::look(&self.store, id, now, is_long).await {
            Ok(read::Found { leaks, saturation }) => {
                let (before, is_first) = (known.leaks().clone(), known.looked == Timestamp(0));
                known.looked = now;
                if is_long {
                    (known.looked_long, known.long) = (now, leaks.clone());
                }
                known.short = leaks;
                self.changed |= is_first || *known.leaks() != before;
                self.saturated.note(id, saturation, now).await;
                (known, true)
            }
            Err(error) => {
                tracing::warn!("looking at what {id} uses failed, will try again: {error}");
                (known, false)
            }
        }
    }

    fn said(&self) -> Leaks {
        let looked = self.known.iter().filter(|(_, known)| known.looked > Timestamp(0));
        looked.map(|(id, known)| (id.clone(), Arc::new(known.leaks().clone()))).collect()
    }
}

/// What runs to an end may climb until then.
fn ends_by_itself(id: &ServiceId) -> bool {
    matches!(id.kind.as_str(), "CronJob" | "Job")
}

/// After how long each of so many services is looked at again.
fn period(services: usize) -> i64 {
    (services as i64 * SHARE).clamp(LEAST, MOST)
}

/// A service's place in the period.
fn phase(id: &ServiceId, period: i64) -> i64 {
    let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(id);
    (hash % period.max(1) as u64) as i64
}
