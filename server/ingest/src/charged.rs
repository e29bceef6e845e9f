//! A batch in the making, charged to the budget as it grows: few bytes may stand for many rows. When there is no room
//! it takes no more, and says so in the end; decoders need not know.

use std::cell::{Cell, RefCell};

use model::Owner;
use store::{Batch, LogRow, OwnerFacts, PointRow, ProfileRow, SeriesRow, SpanRow};

use crate::envelope::Owning;
use crate::limits::Charge;
use crate::{Error, body, logs, metrics, profiles, traces};

/// What a request holds in memory, beside what is charged for its message.
pub(crate) struct Held {
    charge: RefCell<Charge>,
    /// Bytes of the message.
    message: usize,
    /// Bytes of the largest part that was unpacked.
    unpacked: Cell<usize>,
    /// Bytes of rows and of what decoders keep.
    rows: Cell<usize>,
}

impl Held {
    /// A message of so many bytes, which are charged already.
    pub(crate) fn new(charge: Charge, message: usize) -> Self {
        Self { charge: RefCell::new(charge), message, unpacked: Cell::new(0), rows: Cell::new(0) }
    }

    /// Unpacks a part of the message that is gzip to at most so many bytes.
    pub(crate) fn unpack(&self, packed: &[u8], most: usize) -> Result<Vec<u8>, Error> {
        let beside = self.message + self.rows.get();
        let unpacked = body::inflate_beside(beside, packed, most, &mut self.charge.borrow_mut())?;
        self.unpacked.set(self.unpacked.get().max(unpacked.len()));
        Ok(unpacked)
    }

    /// Charges so many bytes of rows.
    fn rows(&self, bytes: usize) -> Result<(), Error> {
        self.rows.set(bytes);
        self.charge.borrow_mut().raise_rows(self.message + self.unpacked.get() + bytes)
    }

    /// The request's share of the budget when its message is gone and its rows wait for their commit.
    pub(crate) fn into_charge(self) -> Charge {
        let mut charge = self.charge.into_inner();
        charge.lower(self.rows.get());
        charge
    }
}

/// See the module.
pub(crate) struct Charged<'h> {
    batch: Batch,
    held: &'h Held,
    /// Bytes that the decoder keeps.
    beside: usize,
    /// Rows and other parts that came; what they take is looked at now and then.
    came: usize,
    refused: Option<Error>,
}

/// Parts that come between two looks at what they take.
const STEP: usize = 64;

impl<'h> Charged<'h> {
    /// An empty batch.
    pub(crate) fn new(batch: Batch, held: &'h Held) -> Self {
        Self { batch, held, beside: 0, came: 0, refused: None }
    }

    /// The batch, or why there was no room for it.
    pub(crate) fn finish(mut self) -> Result<Batch, Error> {
        self.beside = 0;
        self.look();
        self.refused.map_or(Ok(self.batch), Err)
    }

    fn look(&mut self) {
        if self.refused.is_none() {
            self.refused = self.held.rows(self.batch.size() + self.beside).err();
        }
    }

    /// Whether there is room for one more part.
    fn is_room(&mut self) -> bool {
        self.came += 1;
        if self.came.is_multiple_of(STEP) {
            self.look();
        }
        self.refused.is_none()
    }
}

impl Owning for Charged<'_> {
    fn owner(&mut self, owner: Owner, facts: OwnerFacts) -> u32 {
        if self.is_room() { self.batch.owner(owner, facts) } else { 0 }
    }

    fn beside(&mut self, bytes: usize) -> bool {
        self.beside = bytes;
        self.is_room()
    }
}

impl traces::Sink for Charged<'_> {
    fn push(&mut self, row: &SpanRow<'_>) {
        if self.is_room() {
            self.batch.push(row);
        }
    }
}

impl logs::Sink for Charged<'_> {
    fn push(&mut self, row: &LogRow<'_>) {
        if self.is_room() {
            self.batch.push_log(row);
        }
    }
}

impl metrics::Sink for Charged<'_> {
    fn push(&mut self, series: &SeriesRow<'_>, point: &PointRow<'_>) {
        if self.is_room() {
            self.batch.push_point(series, point);
        }
    }
}

impl profiles::Sink for Charged<'_> {
    fn frame(&mut self, name: &str, file: &str) -> u32 {
        if self.is_room() { self.batch.frame(name, file) } else { 0 }
    }

    fn stack(&mut self, outer: u32, frame: u32) -> u32 {
        if self.is_room() { self.batch.stack(outer, frame) } else { 0 }
    }

    fn push(&mut self, row: &ProfileRow<'_>) {
        if self.refused.is_none() {
            self.batch.push_profile(row);
            self.look();
        }
    }
}

#[cfg(test)]
mod tests {
    use model::{Level, Timestamp};

    use super::*;
    use crate::limits::Budget;

    /// A batch of so many lines, which differ.
    fn lines(held: &Held, count: usize) -> Result<Batch, Error> {
        let mut charged = Charged::new(Batch::new([0; 16]), held);
        let owner = charged.owner(Owner { attributes: Vec::new(), peer: None }, OwnerFacts::default());
        for n in 0..count {
            let body = format!("{n:0100}");
            logs::Sink::push(
                &mut charged,
                &LogRow {
                    owner,
                    at: Timestamp(1),
                    level: Level::Info,
                    severity: "",
                    body: &body,
                    pattern: "",
                    scope: "",
                    trace: None,
                    span: None,
                    attributes: &[],
                },
            );
        }
        charged.finish()
    }

    #[test]
    fn rows_are_charged_and_refused_where_there_is_no_room() {
        let budget = Budget::new(4 << 20);
        let held = || Held::new(budget.charge(), 1_000);
        assert_eq!(lines(&held(), 1_000).unwrap().len(), 1_000);
        let mut other = budget.charge();
        other.raise(4_000 << 10).unwrap();
        assert!(matches!(lines(&held(), 1_000), Err(Error::Busy(_))), "another has the room");
        drop(other);
        assert!(matches!(lines(&held(), 100_000), Err(Error::TooMuch(_))), "nobody ever has so much");
    }

    #[test]
    fn what_is_charged_is_given_back_with_the_batch() {
        let budget = Budget::new(1 << 20);
        let held = Held::new(budget.charge(), 200_000);
        lines(&held, 4_000).unwrap();
        assert!(budget.charge().raise(200 << 10).is_err());
        let charge = held.into_charge();
        budget.charge().raise(200 << 10).unwrap();
        assert!(budget.charge().raise(900 << 10).is_err());
        drop(charge);
        budget.charge().raise(1 << 20).unwrap();
    }
}
