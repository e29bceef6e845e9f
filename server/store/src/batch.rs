//! What a request brings: its owners, and its records gathered into columns, one set a signal.

use model::Owner;

use crate::block::columns::Columns;
use crate::block::logs::LogColumns;
use crate::block::points::PointColumns;
use crate::block::profiles::ProfileColumns;
use crate::block::spans::SpanColumns;
use crate::{Error, LogRow, OwnerFacts, PointRow, ProfileRow, SeriesRow, SpanRow};

/// The records of one request.
#[derive(Debug, Default)]
pub struct Batch {
    /// 128-bit hash of the request, by which an identical retry is told.
    pub request: [u8; 16],
    /// Owners, by the index that rows carry.
    pub owners: Vec<(Owner, OwnerFacts)>,
    /// Bytes that the owners take in memory, roughly.
    owner_bytes: usize,
    /// Binnacle fetched it itself; nobody sent it.
    pub(crate) is_collected: bool,
    pub(crate) spans: SpanColumns,
    pub(crate) logs: LogColumns,
    pub(crate) points: PointColumns,
    pub(crate) profiles: ProfileColumns,
}

impl Batch {
    /// An empty batch for a request of this hash.
    pub fn new(request: [u8; 16]) -> Self {
        Self { request, ..Self::default() }
    }

    /// An empty batch for what Binnacle fetched itself.
    pub fn collected(request: [u8; 16]) -> Self {
        Self { is_collected: true, ..Self::new(request) }
    }

    /// Adds an owner and returns its index.
    pub fn owner(&mut self, owner: Owner, facts: OwnerFacts) -> u32 {
        self.owner_bytes += size_of_owner(&owner);
        self.owners.push((owner, facts));
        (self.owners.len() - 1) as u32
    }

    /// Adds a span.
    pub fn push(&mut self, row: &SpanRow<'_>) {
        self.spans.push(row);
    }

    /// Adds a log record.
    pub fn push_log(&mut self, row: &LogRow<'_>) {
        self.logs.push(row);
    }

    /// Adds a point of a series.
    pub fn push_point(&mut self, series: &SeriesRow<'_>, point: &PointRow<'_>) {
        self.points.push(series, point);
    }

    /// Adds a frame of stacks, a function and its file, and returns its number.
    pub fn frame(&mut self, name: &str, file: &str) -> u32 {
        self.profiles.stacks.frame(name, file)
    }

    /// Adds a stack that continues another, 0 being the one without frames, and returns its number.
    pub fn stack(&mut self, outer: u32, frame: u32) -> u32 {
        self.profiles.stacks.stack(outer, frame)
    }

    /// Adds a profile of stacks that have numbers.
    pub fn push_profile(&mut self, row: &ProfileRow<'_>) {
        self.profiles.push(row);
    }

    /// How many records it holds.
    pub fn len(&self) -> usize {
        self.spans.len() + self.logs.len() + self.points.len() + self.profiles.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that it takes in memory, roughly: what the queue is bounded by.
    pub fn size(&self) -> usize {
        self.owner_bytes + self.spans.size() + self.logs.size() + self.points.size() + self.profiles.size()
    }

    /// Whether one block a signal can hold its records.
    pub(crate) fn fits(&self) -> Result<(), Error> {
        self.points.fits()?;
        self.profiles.fits()
    }

    /// Whether every record names an owner that is there.
    pub(crate) fn is_whole(&self) -> bool {
        let owners = self.spans.owner.iter().chain(&self.logs.owner).chain(self.points.owners());
        let mut owners = owners.chain(self.profiles.owners());
        owners.all(|owner| (*owner as usize) < self.owners.len())
    }

    /// Least and greatest event time.
    pub(crate) fn bounds(&self) -> Option<(i64, i64)> {
        let all = [self.spans.bounds(), self.logs.bounds(), self.points.bounds(), self.profiles.bounds()];
        all.into_iter().flatten().reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }
}

/// Bytes that an owner takes: its attributes, and its facts, which say some of them again.
fn size_of_owner(owner: &Owner) -> usize {
    let attribute = |(key, value): &(String, String)| 2 * size_of::<String>() + key.len() + 2 * value.len();
    size_of::<(Owner, OwnerFacts)>() + owner.attributes.iter().map(attribute).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::profiles::tests::of_samples;

    #[test]
    fn owners_count_towards_the_size() {
        let mut batch = Batch::new([0; 16]);
        let before = batch.size();
        for n in 0..100 {
            let attributes = vec![(format!("key{n}"), "v".repeat(1_000))];
            batch.owner(Owner { attributes, peer: None }, OwnerFacts::default());
        }
        assert!(batch.size() - before > 100 * 1_000, "{}", batch.size());
    }

    #[test]
    fn a_request_with_more_than_a_block_holds_does_not_fit() {
        let fits = |count| Batch { profiles: of_samples(count), ..Batch::default() }.fits();
        fits(1_000).unwrap();
        assert!(matches!(fits(1 << 17), Err(Error::TooMuch(_))));
    }
}
