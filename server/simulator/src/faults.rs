//! Faults that a test switches on: what an API server and a network can do to a client. The administrator's token is
//! spared, so that a test can always ask for the truth.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::objects::Objects;
use crate::random::Random;
use crate::time;

/// What goes wrong at present. Everything is off by default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// All history is forgotten every so many seconds: watches end with 410, tokens of lists expire.
    pub gone_every: f64,
    /// All connections are cut every so many seconds.
    pub drop_every: f64,
    /// Watches stay open and say nothing more, for good.
    pub half_open: bool,
    /// The share of requests that are refused, 0 to 1.
    pub storm: f64,
    /// With this status: 429, 500, 503.
    pub storm_status: u16,
    /// The share of watch events that are sent twice.
    pub duplicates: f64,
    /// The share of list pages that break off in the middle.
    pub half_pages: f64,
    /// Resources that may not be read now: `pods`, `deployments.apps`, `pods/log`.
    pub revoked: Vec<String>,
    /// Namespaces in which alone anything may be read, and nothing of the whole cluster; everywhere where it is empty.
    pub confined: Vec<String>,
    /// The API server is gone: connections end without an answer.
    pub away: bool,
    /// Logs reach back only so many seconds: what was written before is rotated away. 0 keeps all.
    pub log_seconds: f64,
    /// The cluster's clock is wrong by so many seconds.
    pub skew: f64,
    /// Every answer takes so many seconds longer.
    pub delay: f64,
}

/// The handle to a running simulator's faults.
#[derive(Debug, Clone)]
pub struct Controls {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    faults: RwLock<Faults>,
    random: Mutex<Random>,
    cuts: watch::Sender<u64>,
    changed: watch::Sender<()>,
    objects: Arc<Objects>,
}

impl Controls {
    /// Nothing goes wrong yet.
    pub(crate) fn new(seed: u64, objects: Arc<Objects>) -> Self {
        let inner = Inner {
            faults: RwLock::default(),
            random: Mutex::new(Random::of(seed, "faults")),
            cuts: watch::Sender::new(0),
            changed: watch::Sender::new(()),
            objects,
        };
        Self { inner: Arc::new(inner) }
    }

    /// What goes wrong at present.
    pub fn get(&self) -> Faults {
        self.inner.faults.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets something else go wrong, or nothing.
    pub fn set(&self, faults: Faults) {
        let away = faults.away;
        let was = std::mem::replace(&mut *self.inner.faults.write().unwrap_or_else(PoisonError::into_inner), faults);
        if away && !was.away {
            self.drop_connections();
        }
        self.inner.changed.send_replace(());
    }

    /// Cuts all connections now.
    pub fn drop_connections(&self) {
        self.inner.cuts.send_modify(|count| *count += 1);
    }

    /// Forgets all history now.
    pub fn compact(&self) {
        self.inner.objects.compact();
        for kind in crate::kind::Kind::ALL {
            self.inner.objects.wake(kind);
        }
    }

    /// Whether something with this probability happens now.
    pub(crate) fn happens(&self, share: f64) -> bool {
        share > 0.0 && self.inner.random.lock().unwrap_or_else(PoisonError::into_inner).unit() < share
    }

    /// Says when connections are cut.
    pub(crate) fn cuts(&self) -> watch::Receiver<u64> {
        self.inner.cuts.subscribe()
    }

    /// Says when faults change.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.inner.changed.subscribe()
    }

    /// By how much the cluster's clock is wrong, in nanoseconds.
    pub(crate) fn skew(&self) -> i64 {
        time::seconds(self.get().skew)
    }

    /// Does what is due every so often; never ends.
    pub(crate) async fn repeat(&self) {
        tokio::join!(
            self.every(|faults| faults.gone_every, Self::compact),
            self.every(|faults| faults.drop_every, Self::drop_connections),
        );
    }

    async fn every(&self, period: fn(&Faults) -> f64, act: fn(&Self)) {
        let mut changes = self.changes();
        loop {
            tokio::select! {
                () = pause(period(&self.get())) => act(self),
                // The handle that we hold keeps the sender alive.
                _ = changes.changed() => {}
            }
        }
    }
}

/// Waits, for ever where it is never due.
async fn pause(seconds: f64) {
    if seconds > 0.0 {
        tokio::time::sleep(std::time::Duration::from_secs_f64(seconds)).await;
    } else {
        std::future::pending::<()>().await;
    }
}
