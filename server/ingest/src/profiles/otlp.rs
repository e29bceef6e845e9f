//! `ExportProfilesServiceRequest` of opentelemetry-proto 1.10.0, package `v1development`: the one place that knows it.
//! The signal is in development and its messages change; what else is received does not depend on them.

use std::borrow::Cow;
use std::net::IpAddr;

use model::{Owner, Timestamp};
use store::OwnerFacts;

use super::symbols::Symbols;
use super::{Sink, Span, Taking, inline, numbers, two_numbers};
use crate::Limits;
use crate::envelope::{self, Records, Report, Scope};
use crate::owner::Owners;
use crate::traces::instant;
use crate::wire::{Cursor, Malformed, WRONG_TYPE, Wire, text};

/// Decodes a request into a sink. `found` says whether attributes alone tell which service an owner is; `now` stands
/// for times that the sender does not know.
pub(crate) fn decode<S: Sink>(
    body: &[u8],
    peer: Option<IpAddr>,
    found: &dyn Fn(&OwnerFacts) -> bool,
    limits: &Limits,
    now: Timestamp,
    sink: &mut S,
) -> Result<Report, Malformed> {
    let mut decoder =
        Decoder { now, symbols: Symbols::default(), stacks: Vec::new(), taking: Taking::new(sink, limits, now) };
    decoder.dictionaries(body)?;
    let whole: Cow<'_, [u8]> = inline::resources(body, &decoder.symbols.texts, limits.message)?;
    envelope::walk(&whole, Owners::new(peer, found, limits), limits, &mut decoder)
}

struct Decoder<'d, 's, S> {
    now: Timestamp,
    symbols: Symbols<'d>,
    stacks: Vec<Stack<'d>>,
    taking: Taking<'s, S>,
}

/// A stack of the dictionary: its locations on the wire, or its number.
#[derive(Clone, Copy)]
enum Stack<'d> {
    Sent(&'d [u8]),
    Numbered(u32),
}

/// A profile's plain fields as they were sent.
#[derive(Default)]
struct Raw<'a> {
    sample_type: (u64, u64),
    samples: Vec<&'a [u8]>,
    time: u64,
    duration: u64,
    period_type: (u64, u64),
    period: i64,
}

impl<'a, S: Sink> Records<'a> for Decoder<'_, '_, S> {
    fn owner(&mut self, owner: Owner, facts: OwnerFacts) -> u32 {
        self.taking.sink.owner(owner, facts)
    }

    fn record(&mut self, scope: Scope<'a>, bytes: &'a [u8], report: &mut Report) -> Result<(), Malformed> {
        let raw = read(bytes)?;
        std::mem::swap(report, &mut self.taking.report);
        let taken = self.take(scope.owner, &raw);
        std::mem::swap(report, &mut self.taking.report);
        taken
    }
}

fn read(bytes: &[u8]) -> Result<Raw<'_>, Malformed> {
    let mut raw = Raw::default();
    let mut cursor = Cursor::new(bytes);
    while let Some(field) = cursor.field()? {
        match field {
            (1, Wire::Bytes(bytes)) => raw.sample_type = two_numbers(bytes)?,
            (2, Wire::Bytes(bytes)) => raw.samples.push(bytes),
            (3, Wire::Fixed64(nanos)) => raw.time = nanos,
            (4, Wire::Varint(nanos)) => raw.duration = nanos,
            (5, Wire::Bytes(bytes)) => raw.period_type = two_numbers(bytes)?,
            (6, Wire::Varint(period)) => raw.period = period as i64,
            (1..=6, _) => return Err(WRONG_TYPE),
            _ => {}
        }
    }
    Ok(raw)
}

impl<'d, S: Sink> Decoder<'d, '_, S> {
    /// Reads what profiles name by number. It may stand after them; parts of it are joined, as protobuf demands.
    fn dictionaries(&mut self, body: &'d [u8]) -> Result<(), Malformed> {
        let mut cursor = Cursor::new(body);
        while let Some(field) = cursor.field()? {
            match field {
                (2, Wire::Bytes(bytes)) => self.dictionary(bytes)?,
                (2, _) => return Err(WRONG_TYPE),
                _ => {}
            }
        }
        Ok(())
    }

    fn dictionary(&mut self, bytes: &'d [u8]) -> Result<(), Malformed> {
        let mut lines = Vec::new();
        let mut cursor = Cursor::new(bytes);
        while let Some(field) = cursor.field()? {
            match field {
                (1, Wire::Bytes(bytes)) => self.symbols.mappings.push(place(number_of(bytes, 4)?)),
                (2, Wire::Bytes(bytes)) => self.location(bytes, &mut lines)?,
                (3, Wire::Bytes(bytes)) => self.function(bytes)?,
                (5, Wire::Bytes(bytes)) => self.symbols.texts.push(text(bytes)?),
                (7, Wire::Bytes(bytes)) => self.stacks.push(Stack::Sent(bytes)),
                (4 | 6, Wire::Bytes(_)) => {}
                (1..=7, _) => return Err(WRONG_TYPE),
                _ => {}
            }
            let Symbols { texts, functions, mappings, .. } = &self.symbols;
            let tables = [texts.len(), functions.len(), mappings.len(), self.stacks.len()];
            let locations = self.symbols.locations().max(self.symbols.lines());
            self.taking.fits(tables.into_iter().max().unwrap_or_default().max(locations))?;
        }
        Ok(())
    }

    fn location(&mut self, bytes: &[u8], lines: &mut Vec<u32>) -> Result<(), Malformed> {
        lines.clear();
        let mut mapping = 0;
        let mut cursor = Cursor::new(bytes);
        while let Some(field) = cursor.field()? {
            match field {
                (1, Wire::Varint(number)) => mapping = number,
                (3, Wire::Bytes(bytes)) => lines.push(place(number_of(bytes, 1)?)),
                (1 | 3, _) => return Err(WRONG_TYPE),
                _ => {}
            }
        }
        self.symbols.location(Some(place(mapping)), lines);
        Ok(())
    }

    fn function(&mut self, bytes: &[u8]) -> Result<(), Malformed> {
        let (mut name, mut system, mut file) = (0, 0, 0);
        let mut cursor = Cursor::new(bytes);
        while let Some(field) = cursor.field()? {
            match field {
                (1, Wire::Varint(number)) => name = number,
                (2, Wire::Varint(number)) => system = number,
                (3, Wire::Varint(number)) => file = number,
                (1..=3, _) => return Err(WRONG_TYPE),
                _ => {}
            }
        }
        let name = if name == 0 { system } else { name };
        self.symbols.functions.push((place(name), place(file)));
        Ok(())
    }

    fn take(&mut self, owner: u32, raw: &Raw<'_>) -> Result<(), Malformed> {
        self.taking.fits(raw.samples.len())?;
        let text = |(kind, unit): (u64, u64)| (self.symbols.text(kind), self.symbols.text(unit));
        let (mut sample, period_type) = (text(raw.sample_type), text(raw.period_type));
        let mut each = 1;
        // A count of looks that are so far apart is the time itself.
        if sample == ("samples", "count") && period_type.1 == "nanoseconds" && raw.period > 0 {
            (sample, each) = (period_type, raw.period);
        }
        let mut samples = Vec::with_capacity(raw.samples.len());
        for bytes in &raw.samples {
            let (stack, value) = self.sample(bytes)?;
            samples.push((stack, value.saturating_mul(each)));
        }
        let at = if raw.time == 0 { self.now } else { instant(raw.time) };
        let span = Span { at, duration: i64::try_from(raw.duration).unwrap_or_default() };
        self.taking.push(owner, sample, span, &samples);
        Ok(())
    }

    /// A sample's stack and the sum of its values; without values each of its times is one.
    fn sample(&mut self, bytes: &[u8]) -> Result<(u32, i64), Malformed> {
        let (mut stack, mut sum, mut values, mut times) = (0, 0_i64, 0_u64, 0_i64);
        let mut cursor = Cursor::new(bytes);
        while let Some(field) = cursor.field()? {
            match field {
                (1, Wire::Varint(number)) => stack = number,
                (4, field) => numbers(field, |value| {
                    sum = sum.saturating_add(value as i64);
                    values += 1;
                })?,
                (5, Wire::Fixed64(_)) => times += 1,
                (5, Wire::Bytes(packed)) => times += (packed.len() / 8) as i64,
                (1 | 5, _) => return Err(WRONG_TYPE),
                _ => {}
            }
        }
        Ok((self.stack(stack)?, if values == 0 { times } else { sum }))
    }

    /// The number of a stack of the dictionary; its frames are walked once.
    fn stack(&mut self, place: u64) -> Result<u32, Malformed> {
        let unknown = Malformed("a sample has a stack that is not there");
        let stack = self.stacks.get_mut(place as usize).ok_or(unknown)?;
        let bytes = match *stack {
            Stack::Numbered(number) => return Ok(number),
            Stack::Sent(bytes) => bytes,
        };
        let mut locations = Vec::new();
        let mut cursor = Cursor::new(bytes);
        while let Some((number, field)) = cursor.field()? {
            if number == 1 {
                numbers(field, |location| locations.push(self::place(location)))?;
            }
        }
        let number = self.symbols.stack(&locations, &mut self.taking)?;
        self.stacks[place as usize] = Stack::Numbered(number);
        Ok(number)
    }
}

/// A place in a table; one that no table has is refused where it is looked up.
fn place(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// One number among a message's fields; 0 where it is not set.
fn number_of(bytes: &[u8], wanted: u32) -> Result<u64, Malformed> {
    let mut found = 0;
    let mut cursor = Cursor::new(bytes);
    while let Some((number, field)) = cursor.field()? {
        match field {
            Wire::Varint(value) if number == wanted => found = value,
            _ if number == wanted => return Err(WRONG_TYPE),
            _ => {}
        }
    }
    Ok(found)
}
