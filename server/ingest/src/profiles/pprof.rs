//! pprof's `Profile` (google/pprof, proto/profile.proto) to stacks. Every type that it samples becomes a profile.

use std::collections::HashMap;

use model::Timestamp;

use super::symbols::Symbols;
use super::{Sink, Span, Taking, numbers, two_numbers};
use crate::wire::{Cursor, Malformed, WRONG_TYPE, Wire, text};

/// What whoever sent a pprof says of it beside.
pub(super) struct Around<'a> {
    /// Index of the owner.
    pub(super) owner: u32,
    /// When it was taken, where the profile does not say so.
    pub(super) at: Timestamp,
    /// What stands before the name of what is sampled; profiles of locks and of blocking name theirs alike.
    pub(super) prefix: &'a str,
}

/// What a message's fields say, tables aside.
#[derive(Default)]
struct Head<'a> {
    /// Types and units, by texts.
    types: Vec<(u64, u64)>,
    samples: Vec<&'a [u8]>,
    nanos: u64,
    duration: u64,
}

/// Takes a profile's bytes, unpacked.
pub(super) fn decode<S: Sink>(body: &[u8], around: &Around<'_>, taking: &mut Taking<'_, S>) -> Result<(), Malformed> {
    let mut symbols = Symbols::default();
    let mut head = Head::default();
    let (mut functions, mut mappings, mut locations) = (Vec::new(), Vec::new(), Vec::new());
    let mut cursor = Cursor::new(body);
    while let Some(field) = cursor.field()? {
        match field {
            (1, Wire::Bytes(bytes)) => head.types.push(two_numbers(bytes)?),
            (2, Wire::Bytes(bytes)) => head.samples.push(bytes),
            (3, Wire::Bytes(bytes)) => mappings.push(bytes),
            (4, Wire::Bytes(bytes)) => locations.push(bytes),
            (5, Wire::Bytes(bytes)) => functions.push(bytes),
            (6, Wire::Bytes(bytes)) => symbols.texts.push(text(bytes)?),
            (9, Wire::Varint(nanos)) => head.nanos = nanos,
            (10, Wire::Varint(nanos)) => head.duration = nanos,
            (11, Wire::Bytes(_)) | (7 | 8 | 12 | 13 | 14, _) => {}
            (1..=14, _) => return Err(WRONG_TYPE),
            _ => {}
        }
        let tables = [head.types.len(), head.samples.len(), mappings.len(), locations.len(), functions.len()];
        taking.fits(tables.into_iter().max().unwrap_or_default().max(symbols.texts.len()))?;
    }
    if head.types.len() > TYPES {
        return Err(Malformed("a profile samples more types than it may"));
    }
    let functions = read_functions(&functions, &mut symbols)?;
    let mappings = read_mappings(&mappings, &mut symbols)?;
    let locations = read_locations(&locations, &functions, &mappings, &mut symbols)?;
    taking.fits(symbols.lines())?;
    take(&head, &locations, &mut symbols, around, taking)
}

/// Types that one profile may sample.
const TYPES: usize = 64;

/// Places by the ids that the message gives.
type Places = HashMap<u64, u32>;

fn read_functions(all: &[&[u8]], symbols: &mut Symbols<'_>) -> Result<Places, Malformed> {
    let mut places = Places::with_capacity(all.len());
    for bytes in all {
        let (mut id, mut name, mut system, mut file) = (0, 0, 0, 0);
        let mut cursor = Cursor::new(bytes);
        while let Some(field) = cursor.field()? {
            match field {
                (1, Wire::Varint(number)) => id = number,
                (2, Wire::Varint(number)) => name = number,
                (3, Wire::Varint(number)) => system = number,
                (4, Wire::Varint(number)) => file = number,
                (1..=4, _) => return Err(WRONG_TYPE),
                _ => {}
            }
        }
        places.insert(id, symbols.functions.len() as u32);
        let name = if symbols.text(name).is_empty() { system } else { name };
        symbols.functions.push((place(name), place(file)));
    }
    Ok(places)
}

fn read_mappings(all: &[&[u8]], symbols: &mut Symbols<'_>) -> Result<Places, Malformed> {
    let mut places = Places::with_capacity(all.len());
    for bytes in all {
        let (mut id, mut file) = (0, 0);
        let mut cursor = Cursor::new(bytes);
        while let Some(field) = cursor.field()? {
            match field {
                (1, Wire::Varint(number)) => id = number,
                (5, Wire::Varint(number)) => file = number,
                (1 | 5, _) => return Err(WRONG_TYPE),
                _ => {}
            }
        }
        places.insert(id, symbols.mappings.len() as u32);
        symbols.mappings.push(place(file));
    }
    Ok(places)
}

fn read_locations(
    all: &[&[u8]],
    functions: &Places,
    mappings: &Places,
    symbols: &mut Symbols<'_>,
) -> Result<Places, Malformed> {
    let mut places = Places::with_capacity(all.len());
    let mut lines = Vec::new();
    for bytes in all {
        let (mut id, mut mapping) = (0, 0);
        lines.clear();
        let mut cursor = Cursor::new(bytes);
        while let Some(field) = cursor.field()? {
            match field {
                (1, Wire::Varint(number)) => id = number,
                (2, Wire::Varint(number)) => mapping = number,
                (4, Wire::Bytes(bytes)) => {
                    let function = functions.get(&two_numbers(bytes)?.0);
                    lines.push(*function.ok_or(Malformed("a location has a function that is not there"))?);
                }
                (1 | 2 | 4, _) => return Err(WRONG_TYPE),
                _ => {}
            }
        }
        places.insert(id, symbols.locations() as u32);
        symbols.location(mappings.get(&mapping).copied(), &lines);
    }
    Ok(places)
}

/// A text's place; one that no table has says nothing.
fn place(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn take<S: Sink>(
    head: &Head<'_>,
    locations: &Places,
    symbols: &mut Symbols<'_>,
    around: &Around<'_>,
    taking: &mut Taking<'_, S>,
) -> Result<(), Malformed> {
    let mut measured: Vec<Vec<(u32, i64)>> = vec![Vec::new(); head.types.len()];
    let (mut stack, mut kept) = (Vec::new(), 0);
    for bytes in &head.samples {
        let (mut type_at, mut unknown) = (0, false);
        let mut values = [0_i64; TYPES];
        stack.clear();
        let mut cursor = Cursor::new(bytes);
        while let Some((number, field)) = cursor.field()? {
            match number {
                1 => numbers(field, |id| match locations.get(&id) {
                    Some(place) => stack.push(*place),
                    None => unknown = true,
                })?,
                2 => numbers(field, |value| {
                    if let Some(known) = values.get_mut(type_at) {
                        *known = value as i64;
                    }
                    type_at += 1;
                })?,
                _ => {}
            }
        }
        if unknown {
            return Err(Malformed("a sample has a location that is not there"));
        }
        let stack = symbols.stack(&stack, taking)?;
        let before = kept;
        for (measured, value) in measured.iter_mut().zip(values).filter(|(_, value)| *value > 0) {
            measured.push((stack, value));
            kept += 1;
        }
        taking.keeps(kept - before)?;
    }
    let named: Vec<(&str, &str)> =
        head.types.iter().map(|(kind, unit)| (symbols.text(*kind), symbols.text(*unit))).collect();
    let is_timed = named.iter().any(|(_, unit)| *unit == "nanoseconds");
    let at = if head.nanos == 0 { around.at } else { crate::traces::instant(head.nanos) };
    let span = Span { at, duration: i64::try_from(head.duration).unwrap_or_default() };
    for ((kind, unit), samples) in named.into_iter().zip(measured) {
        // How often it was looked is the same again, in another unit.
        if !(is_timed && unit == "count" && matches!(kind, "samples" | "sample")) {
            let kind = if kind.is_empty() { String::new() } else { format!("{}{kind}", around.prefix) };
            taking.push(around.owner, (&kind, unit), span, &samples);
        }
    }
    Ok(())
}
