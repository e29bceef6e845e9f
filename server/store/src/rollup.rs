//! Rollups: what charts are drawn from, so that no chart reads spans. Sparse cells, sorted by owner, text and time:
//! of requests by endpoint, of calls by callee, of errors by endpoint and group, of log records by
//! pattern and level, and counts of owners. Pure.

mod bytes;
mod gather;
mod part;

use std::sync::OnceLock;

use model::{Red, TraceId};

use crate::block::texts::Texts;

pub(crate) use gather::{Gather, OTHERS, TEXTS};

/// Width of a raw cell.
pub(crate) const CELL: i64 = 10 * model::SECOND;

/// See the module.
#[derive(Debug, Default, Clone)]
pub(crate) struct Rollup {
    pub(crate) texts: Texts,
    /// SERVER and CONSUMER spans; text is the endpoint.
    pub(crate) requests: Vec<Cell>,
    /// CLIENT and PRODUCER spans; text is the callee.
    pub(crate) calls: Vec<Cell>,
    pub(crate) errors: Vec<ErrorCell>,
    pub(crate) logs: Vec<LogCell>,
    pub(crate) owners: Vec<OwnerCount>,
    /// Histograms of cells, one after the other.
    buckets: Vec<(u16, f32)>,
    /// The greatest owner's number, once it was asked for: no cell is added after that.
    greatest: OnceLock<Option<u32>>,
}

/// Counts of an owner and text in a stretch of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cell {
    pub(crate) owner: u32,
    pub(crate) text: u32,
    /// Start of the stretch.
    pub(crate) at: i64,
    /// Some of it was sampled at an unknown rate.
    pub(crate) sampled: bool,
    requests: f64,
    errors: f64,
    client_errors: f64,
    server_errors: f64,
    duration: f64,
    /// Its place in the buckets.
    from: u32,
    to: u32,
}

/// An error group of an owner in a stretch of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ErrorCell {
    pub(crate) owner: u32,
    pub(crate) endpoint: u32,
    pub(crate) error: u32,
    pub(crate) at: i64,
    pub(crate) count: f64,
    /// Times of the first and the last.
    pub(crate) first: i64,
    pub(crate) last: i64,
    /// The trace of the last.
    pub(crate) sample: TraceId,
}

/// Log records of an owner, pattern and level in a stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LogCell {
    pub(crate) owner: u32,
    pub(crate) pattern: u32,
    /// [`model::Level::number`].
    pub(crate) level: u8,
    pub(crate) at: i64,
    pub(crate) count: u64,
    /// Times of the first and the last.
    pub(crate) first: i64,
    pub(crate) last: i64,
}

/// What arrived of an owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OwnerCount {
    pub(crate) owner: u32,
    /// Spans of any kind.
    pub(crate) spans: u64,
    /// Log records.
    pub(crate) logs: u64,
    /// Time of the last record.
    pub(crate) last: i64,
    /// Start of the last request, if there was one.
    pub(crate) last_request: Option<i64>,
}

impl Rollup {
    /// Adds a cell's counts to others.
    pub(crate) fn add_to(&self, cell: &Cell, red: &mut Red) {
        red.requests += cell.requests;
        red.errors += cell.errors;
        red.client_errors += cell.client_errors;
        red.server_errors += cell.server_errors;
        red.duration += cell.duration;
        let buckets = &self.buckets[cell.from as usize..cell.to as usize];
        red.histogram.merge_buckets(buckets);
    }

    /// Least and greatest event time that any cell covers; nothing when it is empty.
    pub(crate) fn bounds(&self, width: i64) -> Option<(i64, i64)> {
        Some((self.times().min()?, self.times().max()?.saturating_add(width - 1)))
    }

    /// Its cells that do not begin before a time.
    pub(crate) fn since(&self, from: i64) -> Self {
        let mut rest = self.clone();
        rest.requests.retain(|cell| cell.at >= from);
        rest.calls.retain(|cell| cell.at >= from);
        rest.errors.retain(|cell| cell.at >= from);
        rest.logs.retain(|cell| cell.at >= from);
        rest
    }

    /// Starts of all cells.
    pub(crate) fn times(&self) -> impl Iterator<Item = i64> {
        let cells = self.requests.iter().chain(&self.calls).map(|cell| cell.at);
        cells.chain(self.errors.iter().map(|cell| cell.at)).chain(self.logs.iter().map(|cell| cell.at))
    }

    /// Owners of all cells.
    pub(crate) fn owner_numbers(&self) -> impl Iterator<Item = u32> {
        let cells = self.requests.iter().chain(&self.calls).map(|cell| cell.owner);
        cells.chain(self.errors.iter().map(|cell| cell.owner)).chain(self.logs.iter().map(|cell| cell.owner))
    }

    /// The greatest owner's number that occurs.
    pub(crate) fn greatest_owner(&self) -> Option<u32> {
        let all = || self.owner_numbers().chain(self.owners.iter().map(|count| count.owner));
        *self.greatest.get_or_init(|| all().max())
    }

    /// Bytes that it takes in memory, roughly.
    pub(crate) fn size(&self) -> usize {
        let cells = (self.requests.len() + self.calls.len()) * size_of::<Cell>();
        cells
            + self.errors.len() * size_of::<ErrorCell>()
            + self.logs.len() * size_of::<LogCell>()
            + self.buckets.len() * 8
            + self.owners.len() * size_of::<OwnerCount>()
            + self.texts.size()
    }
}
