//! What leaks and what there is too little of: each service is looked at in turn; what is found is `analysis`'.

mod read;
mod reader;
mod saturated;
mod shortage;
mod together;

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;
use std::time::Duration;

use model::{HOUR, Leak, MINUTE, SECOND, ServiceId, Timestamp};
use store::{Leaks, Store};
use tokio_util::sync::CancellationToken;

use crate::jobs::now;
use crate::shutdown::Shutdown;

pub(crate) use reader::{MEMORY, RUN, Volumes};
use saturated::Saturated;

/// How often it is asked who is due.
const TICK: Duration = Duration::from_secs(5);
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
        let saturated = Saturated::new(store.clone());
        let mut watching = Watching { store, known: HashMap::new(), saturated, started: now() };
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
    saturated: Saturated,
    started: Timestamp,
}

impl Watching {
    /// Looks at who is due by now.
    async fn look(&mut self, now: Timestamp, token: &CancellationToken) {
        let directory = self.store.directory();
        let watched: Vec<ServiceId> = directory
            .services()
            .filter(|service| service.deleted.is_none() && !ends_by_itself(&service.id))
            .map(|service| service.id.clone())
            .collect();
        let period = (watched.len() as i64 * SHARE).clamp(LEAST, MOST);
        let before = self.known.len();
        self.known.retain(|id, _| directory.service(id).is_some_and(|service| service.deleted.is_none()));
        let mut changed = self.known.len() != before;
        self.saturated.retain(&watched);
        for id in watched {
            if token.is_cancelled() {
                return;
            }
            let phase = phase(&id, period);
            let known = self.known.entry(id.clone()).or_default();
            // Spread over the period; after a start all come in the first half minute.
            let is_due = now.since(known.looked) >= period
                && (known.looked > Timestamp(0) || now.since(self.started) >= phase / 2);
            if !is_due {
                continue;
            }
            let is_long = now.since(known.looked_long) >= LONG;
            match read::look(&self.store, &id, now, is_long).await {
                Ok(read::Found { leaks, saturation }) => {
                    let (before, is_first) = (known.leaks().clone(), known.looked == Timestamp(0));
                    known.looked = now;
                    if is_long {
                        (known.looked_long, known.long) = (now, leaks.clone());
                    }
                    known.short = leaks;
                    changed |= is_first || *known.leaks() != before;
                    self.saturated.note(&id, saturation, now).await;
                }
                Err(error) => tracing::warn!("looking at what {id} uses failed, will try again: {error}"),
            }
        }
        if changed {
            self.store.keep_leaks(self.said());
        }
        self.saturated.publish().await;
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

/// A service's place in the period.
fn phase(id: &ServiceId, period: i64) -> i64 {
    let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(id);
    (hash % period.max(1) as u64) as i64
}
