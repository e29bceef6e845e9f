//! Profiles in the formats that profilers send, to stacks and what was measured of them: pure. Of a frame the function
//! and its file are kept; labels of single samples are not.

mod folded;
mod inline;
pub(crate) mod otlp;
mod pprof;
pub(crate) mod pyroscope;
mod symbols;
#[cfg(test)]
mod tests;

use model::Timestamp;
use store::ProfileRow;
use store::pattern::cut;

use crate::Limits;
use crate::envelope::{Owning, Report};
use crate::wire::{Cursor, Malformed, WRONG_TYPE, Wire, varints};

/// Where profiles go: a batch for the store, or a test's list.
pub(crate) trait Sink: Owning {
    /// Takes a frame and numbers it.
    fn frame(&mut self, name: &str, file: &str) -> u32;
    /// Takes a stack that continues another, 0 being the empty one, and numbers it.
    fn stack(&mut self, outer: u32, frame: u32) -> u32;
    /// Takes a profile.
    fn push(&mut self, row: &ProfileRow<'_>);
}

/// Frames of a stack; of one that is deeper the innermost are left out, and what they cost is their caller's.
const DEPTH: usize = 512;
/// Frames of all stacks of a request: so many are walked, and no more.
const FRAMES: usize = 4 << 20;
/// Values of all samples of a request: so many are kept, and no more.
const VALUES: usize = 4 << 20;
/// A longer name of a function or a file is cut.
const NAME: usize = 1 << 10;

/// What a request's profiles are taken with.
pub(crate) struct Taking<'s, S> {
    sink: &'s mut S,
    limits: &'s Limits,
    now: Timestamp,
    report: Report,
    /// Frames that were walked.
    frames: usize,
    /// Values that were kept.
    values: usize,
}

/// When a profile was taken.
#[derive(Debug, Clone, Copy)]
struct Span {
    at: Timestamp,
    duration: i64,
}

impl<'s, S: Sink> Taking<'s, S> {
    pub(crate) fn new(sink: &'s mut S, limits: &'s Limits, now: Timestamp) -> Self {
        Self { sink, limits, now, report: Report::default(), frames: 0, values: 0 }
    }

    fn frame(&mut self, name: &str, file: &str) -> u32 {
        let (short_name, short_file) = (cut(name, NAME), cut(file, NAME));
        let is_cut = short_name.len() < name.len() || short_file.len() < file.len();
        self.report.cuts.values += u64::from(is_cut);
        self.sink.frame(short_name, short_file)
    }

    /// The stack of some frames, the outermost first.
    fn stack(&mut self, frames: impl Iterator<Item = u32>) -> Result<u32, Malformed> {
        let mut stack = 0;
        for (depth, frame) in frames.enumerate() {
            if depth == DEPTH {
                self.report.cuts.values += 1;
                break;
            }
            self.frames += 1;
            if self.frames > FRAMES {
                return Err(Malformed("its stacks have more frames than a request may have"));
            }
            stack = self.sink.stack(stack, frame);
        }
        Ok(stack)
    }

    /// Counts values that are kept until the profile is whole.
    fn keeps(&mut self, values: usize) -> Result<(), Malformed> {
        self.values += values;
        if self.values > VALUES {
            return Err(Malformed("its samples have more values than a request may have"));
        }
        let is_room = self.sink.beside(self.values * size_of::<(u32, i64)>());
        if is_room { Ok(()) } else { Err(Malformed("there is no room for its samples")) }
    }

    fn push(&mut self, owner: u32, (kind, unit): (&str, &str), span: Span, samples: &[(u32, i64)]) {
        if kind.is_empty() {
            self.report.invalid += 1;
            return;
        }
        let Span { at, duration } = span;
        if self.report.takes(self.limits, at.plus(duration.max(0)), self.now) {
            let (kind, unit) = (cut(kind, KIND), cut(unit, KIND));
            self.sink.push(&ProfileRow { owner, at, duration, kind, unit, samples });
        }
    }

    /// Refuses tables that have more entries than a request may have records.
    fn fits(&self, entries: usize) -> Result<(), Malformed> {
        if entries <= self.limits.records {
            Ok(())
        } else {
            Err(Malformed("it has more entries than a request may have"))
        }
    }
}

/// A longer name of what is sampled is cut.
const KIND: usize = 128;

/// Each number of a repeated field, packed or not.
fn numbers(field: Wire<'_>, mut each: impl FnMut(u64)) -> Result<(), Malformed> {
    match field {
        Wire::Varint(number) => each(number),
        Wire::Bytes(packed) => varints(packed, each)?,
        _ => return Err(WRONG_TYPE),
    }
    Ok(())
}

/// The two numbers of a message of numbers; what else it has is left out.
fn two_numbers(bytes: &[u8]) -> Result<(u64, u64), Malformed> {
    let mut both = (0, 0);
    let mut cursor = Cursor::new(bytes);
    while let Some(field) = cursor.field()? {
        match field {
            (1, Wire::Varint(number)) => both.0 = number,
            (2, Wire::Varint(number)) => both.1 = number,
            (1 | 2, _) => return Err(WRONG_TYPE),
            _ => {}
        }
    }
    Ok(both)
}
