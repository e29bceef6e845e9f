//! The objects of one kind, with what has happened to them lately.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::list::Snapshot;
use crate::object::{Key, Object};

/// So many changes of a kind are remembered.
const REMEMBERED: usize = 8_192;
/// So many snapshots of paged lists are kept.
const SNAPSHOTS: usize = 16;

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is the type of a watch event")]
pub(crate) enum Change {
    Added,
    Modified,
    Deleted,
}

/// One change.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// The version that it made.
    pub(crate) version: u64,
    /// What happened.
    pub(crate) change: Change,
    /// The object after it; what it was last, with this version, where it is gone.
    pub(crate) object: Arc<Object>,
    /// The object before it.
    pub(crate) before: Option<Arc<Object>>,
}

/// The objects of one kind.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    /// By key.
    pub(crate) objects: BTreeMap<Key, Arc<Object>>,
    /// A watch from before this version is too old.
    pub(crate) compacted: u64,
    log: VecDeque<Entry>,
    snapshots: VecDeque<Snapshot>,
}

impl Shelf {
    /// Remembers a change.
    pub(crate) fn remember(&mut self, entry: Entry) {
        if self.log.len() == REMEMBERED
            && let Some(oldest) = self.log.pop_front()
        {
            self.compacted = oldest.version;
        }
        self.log.push_back(entry);
    }

    /// The changes after a version, at most so many.
    pub(crate) fn after(&self, version: u64, most: usize) -> Vec<Entry> {
        let start = self.log.partition_point(|entry| entry.version <= version);
        self.log.range(start..).take(most).cloned().collect()
    }

    /// Forgets what was before a version.
    pub(crate) fn compact(&mut self, version: u64) {
        self.log.clear();
        self.snapshots.clear();
        self.compacted = version;
    }

    /// Keeps a snapshot for the pages that follow.
    pub(crate) fn keep(&mut self, snapshot: Snapshot) {
        if self.snapshots.iter().any(|kept| kept.version == snapshot.version) {
            return;
        }
        if self.snapshots.len() == SNAPSHOTS {
            self.snapshots.pop_front();
        }
        self.snapshots.push_back(snapshot);
    }

    /// A snapshot that is kept.
    pub(crate) fn snapshot(&self, version: u64) -> Option<&Snapshot> {
        self.snapshots.iter().find(|kept| kept.version == version)
    }
}
