//! What the columns of every signal have in common, so that commits and merges are written once. Pure.

use crate::Error;

/// A kind of telemetry; its number is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Signal {
    /// Spans.
    Spans = 0,
    /// Log records.
    Logs = 1,
    /// Metric points.
    Points = 2,
    /// Samples of profiles.
    Samples = 3,
}

impl Signal {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Spans, Self::Logs, Self::Points, Self::Samples];

    /// The number that stands in a file.
    pub(crate) fn number(self) -> i64 {
        self as i64
    }

    /// The key of its records' count among a partition's totals.
    pub(crate) fn total(self) -> &'static str {
        match self {
            Self::Spans => "spans",
            Self::Logs => "logs",
            Self::Points => "points",
            Self::Samples => "samples",
        }
    }
}

/// What there is of something that a block can hold a limited number of: who reads a block believes no greater one.
pub(crate) struct Counted {
    /// What it is.
    pub(crate) what: &'static str,
    /// How many there are.
    pub(crate) count: usize,
    /// How many a block can hold.
    pub(crate) most: usize,
}

/// Columns of one signal's records.
pub(crate) trait Columns: Default + Send + 'static {
    /// Whose they are.
    const SIGNAL: Signal;
    /// A merged block has about so many records: one read and a few milliseconds to decode.
    const MERGED: i64;

    /// How many records there are.
    fn len(&self) -> usize;

    /// Bytes that they take in memory, roughly.
    fn size(&self) -> usize;

    /// What a block can hold a limited number of.
    fn counted(&self) -> Vec<Counted> {
        Vec::new()
    }

    /// Whether one block can hold all records.
    fn fits(&self) -> Result<(), Error> {
        match self.counted().into_iter().find(|one| one.count > one.most) {
            Some(Counted { what, count, most }) => {
                Err(Error::TooMuch(format!("{count} {what}, of which a block holds {most}")))
            }
            None => Ok(()),
        }
    }

    /// Whether one block can hold all records of both.
    fn fits_beside(&self, other: &Self) -> bool {
        self.counted().into_iter().zip(other.counted()).all(|(own, other)| own.count + other.count <= own.most)
    }

    /// Makes room for the records of others, so that what is gathered of many does not grow by and by.
    fn reserve(&mut self, _others: &[&Self]) {}

    /// Adds another's records; `owners` maps its owners to those here.
    fn append(&mut self, other: &Self, owners: &[u32]);

    /// Owners of the records.
    fn owners(&self) -> &[u32];

    /// Least and greatest event time; nothing when it is empty.
    fn bounds(&self) -> Option<(i64, i64)>;

    /// A sealed block of all records, in the order in which they are read.
    fn seal(&self, level: i32) -> Result<Vec<u8>, Error>;

    /// A sealed block that was merged of others: what is asked for together can be read without the rest.
    fn seal_merged(&self, level: i32) -> Result<Vec<u8>, Error> {
        self.seal(level)
    }

    /// How many records a sealed block has, all of which can be read.
    fn count(sealed: &[u8]) -> Result<usize, Error> {
        Ok(Self::unseal(sealed)?.len())
    }

    /// The records of a sealed block.
    fn unseal(sealed: &[u8]) -> Result<Self, Error>;

    /// What tells without the block whether it can hold what is asked for.
    fn filter(&self) -> Vec<u8>;

    /// What else tells it of a merged block; kept apart where most questions do without.
    fn words(&self) -> Option<Vec<u8>> {
        None
    }
}
