//! Rollups as they were last decoded, so that a page that is refreshed does not decode the last hour again.

use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::HashMap;

use crate::partition::file::Family;
use crate::rollup::Rollup;

/// Bytes of decoded rollups that are kept.
const LIMIT: usize = 48 << 20;

/// A row by its file and its number in its table; rows are never changed under their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum RowKey {
    /// Rollups as they came, or by the hour.
    Rollups(Family, i64, i64),
    /// Rollups by ten minutes, of summaries.
    Tens(i64, i64),
}

impl RowKey {
    fn file(self) -> (Family, i64) {
        match self {
            Self::Rollups(family, file, _) => (family, file),
            Self::Tens(file, _) => (Family::Summary, file),
        }
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Rollups {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    rows: HashMap<RowKey, (Arc<Rollup>, u64)>,
    bytes: usize,
    /// Counts uses: what was used longest ago goes first.
    clock: u64,
}

impl Rollups {
    pub(crate) fn get(&self, key: RowKey) -> Option<Arc<Rollup>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.clock += 1;
        let clock = kept.clock;
        kept.rows.get_mut(&key).map(|(rollup, used)| {
            *used = clock;
            Arc::clone(rollup)
        })
    }

    pub(crate) fn insert(&self, key: RowKey, rollup: &Arc<Rollup>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.clock += 1;
        let clock = kept.clock;
        kept.bytes += rollup.size();
        if let Some((before, _)) = kept.rows.insert(key, (Arc::clone(rollup), clock)) {
            kept.bytes -= before.size();
        }
        if kept.bytes > LIMIT {
            kept.halve();
        }
    }

    /// Forgets rows of files that are gone.
    pub(crate) fn retain(&self, keep: impl Fn(Family, i64) -> bool) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.rows.retain(|key, _| {
            let (family, file) = key.file();
            keep(family, file)
        });
        kept.bytes = kept.rows.values().map(|(rollup, _)| rollup.size()).sum();
    }
}

impl Kept {
    /// Forgets the half that was not used for longest.
    fn halve(&mut self) {
        let mut uses: Vec<u64> = self.rows.values().map(|(_, used)| *used).collect();
        let middle = uses.len() / 2;
        let (_, median, _) = uses.select_nth_unstable(middle);
        let median = *median;
        self.rows.retain(|_, (_, used)| *used > median);
        self.bytes = self.rows.values().map(|(rollup, _)| rollup.size()).sum();
    }
}
