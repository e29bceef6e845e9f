//! One database file of telemetry: a raw partition or a day of summaries. Readers are opened when needed; a file
//! that was taken out of its family is removed when its last reader is done.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};

use model::{HOUR, Timestamp, Window};
use tokio::sync::Mutex;

use crate::block::columns::Signal;
use crate::owners::{FileOwners, Numbered, Registry, Resolved};
use crate::readers::Readers;
use crate::tens::Makings;
use crate::{Attribution, Directory, Error, sqlite};

/// Raw partitions are cut at multiples of this, by arrival.
const PERIOD: i64 = 6 * HOUR;
const READER_CACHE_KIB: u32 = 1_024;

/// Which family a file is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Family {
    /// Blocks and fine rollups, by arrival.
    Raw,
    /// Rollups by the hour, of the partitions that began on a day.
    Summary,
}

/// How far a raw partition is folded: the summaries have the cells that begin before `before` of rollups up to `seq`, and
/// no others of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Front {
    /// The begin of an hour.
    pub(crate) before: i64,
    pub(crate) seq: i64,
}

impl Front {
    pub(crate) const NONE: Self = Self { before: i64::MIN, seq: -1 };
}

/// See the module.
#[derive(Debug)]
pub(crate) struct DataFile {
    pub(crate) family: Family,
    /// When its first record might have arrived, in milliseconds: its name.
    pub(crate) id: i64,
    pub(crate) path: PathBuf,
    pub(crate) readers: Readers,
    spans: AtomicU64,
    logs: AtomicU64,
    points: AtomicU64,
    samples: AtomicU64,
    /// Least and greatest event time that its rollups cover; a window that misses them skips the file.
    first: AtomicI64,
    last: AtomicI64,
    /// What rollups up to this `seq` have seen is remembered.
    pub(crate) mark: AtomicI64,
    front: std::sync::Mutex<Front>,
    /// It is not written any more.
    pub(crate) closed: AtomicBool,
    /// All of it is folded and nothing comes any more.
    pub(crate) complete: AtomicBool,
    /// Nothing comes any more, and nothing small is left in it.
    pub(crate) merged: AtomicBool,
    /// It can't be folded, so it goes when its time is over without that; of summaries, no tens can be made.
    pub(crate) damaged: AtomicBool,
    /// Of summaries: there may be a partition without tens.
    pub(crate) lacks_tens: AtomicBool,
    pub(crate) makings: Mutex<Makings>,
    owners: Mutex<FileOwners>,
    /// To be removed when nobody reads it.
    doomed: AtomicBool,
}

impl DataFile {
    pub(crate) fn new(family: Family, id: i64, path: PathBuf) -> Self {
        let readers = Readers::new(&path, 3, READER_CACHE_KIB);
        Self {
            family,
            id,
            path,
            readers,
            spans: AtomicU64::new(0),
            logs: AtomicU64::new(0),
            points: AtomicU64::new(0),
            samples: AtomicU64::new(0),
            first: AtomicI64::new(i64::MAX),
            last: AtomicI64::new(i64::MIN),
            mark: AtomicI64::new(0),
            front: std::sync::Mutex::new(Front::NONE),
            closed: AtomicBool::new(false),
            complete: AtomicBool::new(false),
            merged: AtomicBool::new(false),
            damaged: AtomicBool::new(false),
            lacks_tens: AtomicBool::new(true),
            makings: Mutex::default(),
            owners: Mutex::default(),
            doomed: AtomicBool::new(false),
        }
    }

    /// The path of a family's file in a data directory.
    pub(crate) fn path_of(data: &Path, family: Family, id: i64) -> PathBuf {
        let folder = match family {
            Family::Raw => "raw",
            Family::Summary => "summaries",
        };
        data.join(folder).join(format!("{id}.db"))
    }

    /// The count of a signal's records in it.
    pub(crate) fn records(&self, signal: Signal) -> &AtomicU64 {
        match signal {
            Signal::Spans => &self.spans,
            Signal::Logs => &self.logs,
            Signal::Points => &self.points,
            Signal::Samples => &self.samples,
        }
    }

    /// When its first record might have arrived.
    pub(crate) fn begins(&self) -> Timestamp {
        Timestamp(self.id.saturating_mul(1_000_000))
    }

    /// When its last record may have arrived: partitions are cut at multiples of a period.
    pub(crate) fn ends(&self) -> Timestamp {
        self.begins().floor(PERIOD).plus(PERIOD)
    }

    /// How far it is folded.
    pub(crate) fn front(&self) -> Front {
        *self.front.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Called when the summaries have what it says.
    pub(crate) fn set_front(&self, front: Front) {
        *self.front.lock().unwrap_or_else(PoisonError::into_inner) = front;
    }

    /// Its rollups now reach so far; nothing when the first is after the last.
    pub(crate) fn widen(&self, first: i64, last: i64) {
        if first <= last {
            self.first.fetch_min(first, Ordering::AcqRel);
            self.last.fetch_max(last, Ordering::AcqRel);
        }
    }

    /// Whether a window meets its rollups.
    pub(crate) fn meets(&self, window: Window) -> bool {
        self.first.load(Ordering::Acquire) < window.to.0 && self.last.load(Ordering::Acquire) >= window.from.0
    }

    pub(crate) fn bytes(&self) -> u64 {
        sqlite::bytes_on_disk(&self.path)
    }

    /// Its owners as the directory has them now; those that were added since the last time are read first.
    pub(crate) async fn resolved(&self, registry: &Registry, directory: &Directory) -> Result<Resolved, Error> {
        let is_closed = self.closed.load(Ordering::Acquire);
        let mut owners = self.owners.lock().await;
        if owners.are_all {
            return Ok(owners.resolve(directory));
        }
        let first = owners.owners.len() as i64;
        let sql = match self.family {
            Family::Raw => "select id, hash, facts, null from owners where id >= ?1 order by id",
            Family::Summary => "select id, hash, facts, attribution from owners where id >= ?1 order by id",
        };
        let rows: Vec<(i64, Vec<u8>, String, Option<String>)> =
            sqlx::query_as(sql).bind(first).fetch_all(&mut *self.readers.get().await?).await?;
        if !rows.is_empty() {
            let list = Arc::make_mut(&mut owners.owners);
            for (id, hash, facts, stored) in rows {
                let hash = hash.try_into().map_err(|_| Error::Damaged("an owner's hash is too short".into()))?;
                if id != list.len() as i64 {
                    return Err(Error::Damaged(format!("{}: owners have gaps", self.path.display())));
                }
                let stored = stored.as_deref().and_then(|text| serde_json::from_str::<Attribution>(text).ok());
                list.push(Numbered { known: registry.get(hash, &facts)?, stored: stored.map(Arc::new) });
            }
        }
        owners.are_all = self.family == Family::Raw && is_closed;
        Ok(owners.resolve(directory))
    }

    /// How many of its owners are in memory.
    #[cfg(test)]
    pub(crate) async fn owners_read(&self) -> usize {
        self.owners.lock().await.owners.len()
    }

    /// Forgets what was read of its owners, because a fold changed them or to save memory.
    pub(crate) async fn forget_owners(&self) {
        *self.owners.lock().await = FileOwners::default();
    }

    /// Removes it once the last reader is done.
    pub(crate) fn doom(&self) {
        self.doomed.store(true, Ordering::Release);
    }
}

impl Drop for DataFile {
    fn drop(&mut self) {
        if self.doomed.load(Ordering::Acquire)
            && let Err(error) = sqlite::remove(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "an old file can't be removed; it is tried again at the next start");
        }
    }
}
