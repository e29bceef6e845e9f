//! All objects of the cluster, as etcd and the watch cache hold them: versions, a bounded log per kind, snapshots for
//! paged lists. Knows nothing of HTTP and of what the objects mean.

mod list;
mod log;
mod write;

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::Timestamp;
use serde_json::Value;
use tokio::sync::watch;

pub(crate) use self::list::{Ask, Page};
pub(crate) use self::log::{Change, Entry, Shelf};
use crate::kind::Kind;
use crate::object::{self, Key, Object};

/// All objects; shared by the API server and the controllers.
#[derive(Debug)]
pub(crate) struct Objects {
    state: Mutex<State>,
    changed: Vec<watch::Sender<u64>>,
    now: AtomicI64,
    seed: u64,
}

/// What the lock guards.
#[derive(Debug)]
pub(super) struct State {
    version: u64,
    created: u64,
    shelves: Vec<Shelf>,
    owned: HashMap<String, BTreeSet<(Kind, Key)>>,
    /// What controllers have not seen yet.
    touched: Vec<Touched>,
}

/// An object that was written or removed.
#[derive(Debug, Clone)]
pub(crate) struct Touched {
    /// Its kind.
    pub(crate) kind: Kind,
    /// What it is now, or was last.
    pub(crate) object: Arc<Object>,
    /// Whether it is gone.
    pub(crate) gone: bool,
}

impl Objects {
    /// No objects yet. Uids are drawn from the seed.
    pub(crate) fn new(seed: u64) -> Self {
        // A cluster that is not new: versions have several digits.
        let state = State {
            version: 10_000,
            created: 0,
            shelves: Kind::ALL.iter().map(|_| Shelf::default()).collect(),
            owned: HashMap::new(),
            touched: Vec::new(),
        };
        let changed = Kind::ALL.iter().map(|_| watch::Sender::new(0)).collect();
        Self { state: Mutex::new(state), changed, now: AtomicI64::new(0), seed }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The cluster's time.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp(self.now.load(Ordering::Relaxed))
    }

    /// Sets the cluster's time.
    pub(crate) fn set_now(&self, now: Timestamp) {
        self.now.store(now.0, Ordering::Relaxed);
    }

    /// The version of the newest write.
    pub(crate) fn version(&self) -> u64 {
        self.lock().version
    }

    /// An object.
    pub(crate) fn get(&self, kind: Kind, key: &Key) -> Option<Arc<Object>> {
        self.lock().shelf(kind).objects.get(key).cloned()
    }

    /// All objects of a kind that controllers care for.
    pub(crate) fn plain(&self, kind: Kind) -> Vec<Arc<Object>> {
        let state = self.lock();
        state.shelf(kind).objects.values().filter(|object| object.plain_value().is_some()).cloned().collect()
    }

    /// The keys of a kind's canned objects.
    pub(crate) fn canned(&self, kind: Kind) -> Vec<Key> {
        let state = self.lock();
        state
            .shelf(kind)
            .objects
            .values()
            .filter(|object| object.plain_value().is_none())
            .map(|object| object.key.clone())
            .collect()
    }

    /// How many there are of a kind.
    pub(crate) fn count(&self, kind: Kind) -> usize {
        self.lock().shelf(kind).objects.len()
    }

    /// The objects of a kind whose controller has a uid.
    pub(crate) fn owned(&self, kind: Kind, owner: &str) -> Vec<Arc<Object>> {
        let state = self.lock();
        let keys = state.owned.get(owner).into_iter().flatten().filter(|(of, _)| *of == kind);
        keys.filter_map(|(_, key)| state.shelf(kind).objects.get(key).cloned()).collect()
    }

    /// Everything whose controller has a uid.
    pub(crate) fn all_owned(&self, owner: &str) -> Vec<(Kind, Key)> {
        self.lock().owned.get(owner).into_iter().flatten().cloned().collect()
    }

    /// What was written since this was asked last.
    pub(crate) fn take_touched(&self) -> Vec<Touched> {
        std::mem::take(&mut self.lock().touched)
    }

    /// Says when a kind has changed.
    pub(crate) fn changes(&self, kind: Kind) -> watch::Receiver<u64> {
        self.changed[kind as usize].subscribe()
    }

    /// Lets those who watch a kind look again.
    pub(crate) fn wake(&self, kind: Kind) {
        self.changed[kind as usize].send_modify(|_| {});
    }

    /// What happened to a kind after a version: at most so many entries, or the oldest version that is remembered.
    pub(crate) fn since(&self, kind: Kind, version: u64, most: usize) -> Result<(Vec<Entry>, u64), u64> {
        let state = self.lock();
        let shelf = state.shelf(kind);
        if version < shelf.compacted {
            return Err(shelf.compacted);
        }
        let entries = shelf.after(version, most);
        // Everything up to here was seen, also what other kinds have done.
        let seen =
            if entries.len() < most { state.version } else { entries.last().map_or(version, |last| last.version) };
        Ok((entries, seen))
    }

    /// Forgets all history: watches from before and lists that go on are answered with 410.
    pub(crate) fn compact(&self) {
        let mut state = self.lock();
        // The present is a version of its own, so that even the newest watch is too old.
        state.version += 1;
        let version = state.version;
        for shelf in &mut state.shelves {
            shelf.compact(version);
        }
    }
}

impl State {
    fn shelf(&self, kind: Kind) -> &Shelf {
        &self.shelves[kind as usize]
    }

    fn shelf_mut(&mut self, kind: Kind) -> &mut Shelf {
        &mut self.shelves[kind as usize]
    }

    /// Keeps who owns what in step with one object.
    fn index(&mut self, kind: Kind, key: &Key, before: Option<&Value>, after: Option<&Value>) {
        let (old, new) = (before.and_then(object::owner), after.and_then(object::owner));
        if old == new {
            return;
        }
        if let Some(old) = old {
            let keys = self.owned.get_mut(old);
            let empty = keys.is_some_and(|keys| {
                keys.remove(&(kind, key.clone()));
                keys.is_empty()
            });
            if empty {
                self.owned.remove(old);
            }
        }
        if let Some(new) = new {
            self.owned.entry(new.to_owned()).or_default().insert((kind, key.clone()));
        }
    }
}
