//! One span off the wire: plain fields borrowed as they were sent, what repeats gathered in scratch space.

use model::{SpanId, Timestamp, TraceId, Value};
use store::pattern::cut;
use store::{EventRow, LinkRow};

use crate::Limits;
use crate::limits::VALUE;
use crate::value::{Cuts, attribute};
use crate::wire::{Cursor, Malformed, WRONG_TYPE, Wire, text};

/// Space that is used again for every span.
#[derive(Default)]
pub(super) struct Scratch<'a> {
    /// Events and links that the request may still have.
    nested: usize,
    pub(super) attributes: Vec<(&'a str, Value)>,
    pub(super) events: Vec<EventRow<'a>>,
    pub(super) links: Vec<LinkRow<'a>>,
    pub(super) endpoint: String,
    pub(super) error: String,
}

/// A span's plain fields as they were sent.
#[derive(Default)]
pub(super) struct Raw<'a> {
    pub(super) trace: &'a [u8],
    pub(super) id: &'a [u8],
    pub(super) parent: &'a [u8],
    pub(super) state: &'a str,
    pub(super) name: &'a str,
    pub(super) kind: u64,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) status: u64,
    pub(super) message: &'a str,
}

impl<'a> Scratch<'a> {
    /// For a request of at most so many events and links.
    pub(super) fn new(nested: usize) -> Self {
        Self { nested, ..Self::default() }
    }

    /// Reads a span: what repeats into the scratch, the rest as the result.
    pub(super) fn read(&mut self, bytes: &'a [u8], limits: &Limits, cuts: &mut Cuts) -> Result<Raw<'a>, Malformed> {
        self.attributes.clear();
        self.events.clear();
        self.links.clear();
        let mut raw = Raw::default();
        let mut cursor = Cursor::new(bytes);
        while let Some(field) = cursor.field()? {
            match field {
                (1, Wire::Bytes(bytes)) => raw.trace = bytes,
                (2, Wire::Bytes(bytes)) => raw.id = bytes,
                (3, Wire::Bytes(bytes)) => raw.state = text(bytes)?,
                (4, Wire::Bytes(bytes)) => raw.parent = bytes,
                (5, Wire::Bytes(bytes)) => raw.name = short(text(bytes)?, cuts),
                (6, Wire::Varint(number)) => raw.kind = number,
                (7, Wire::Fixed64(nanos)) => raw.start = nanos,
                (8, Wire::Fixed64(nanos)) => raw.end = nanos,
                (9, Wire::Bytes(bytes)) => attribute(bytes, limits.attributes, &mut self.attributes, cuts)?,
                (10 | 12 | 14, Wire::Varint(_)) | (16, Wire::Fixed32(_)) => {}
                (11, Wire::Bytes(bytes)) => {
                    let event = event(bytes, limits.nested_attributes, cuts)?;
                    keep(event, &mut self.events, limits.attributes, &mut self.nested, cuts);
                }
                (13, Wire::Bytes(bytes)) => match link(bytes, limits.nested_attributes, cuts)? {
                    Some(link) => keep(link, &mut self.links, limits.attributes, &mut self.nested, cuts),
                    None => cuts.dropped += 1,
                },
                (15, Wire::Bytes(bytes)) => status(bytes, &mut raw, cuts)?,
                (1..=16, _) => return Err(WRONG_TYPE),
                _ => {}
            }
        }
        Ok(raw)
    }
}

fn keep<T>(item: T, into: &mut Vec<T>, most: usize, left: &mut usize, cuts: &mut Cuts) {
    if into.len() < most && *left > 0 {
        *left -= 1;
        into.push(item);
    } else {
        cuts.dropped += 1;
    }
}

pub(crate) fn short<'a>(long: &'a str, cuts: &mut Cuts) -> &'a str {
    let short = cut(long, VALUE);
    cuts.values += u64::from(short.len() < long.len());
    short
}

fn status<'a>(bytes: &'a [u8], raw: &mut Raw<'a>, cuts: &mut Cuts) -> Result<(), Malformed> {
    let mut cursor = Cursor::new(bytes);
    while let Some(field) = cursor.field()? {
        match field {
            (2, Wire::Bytes(bytes)) => raw.message = short(text(bytes)?, cuts),
            (3, Wire::Varint(number)) => raw.status = number,
            (2 | 3, _) => return Err(WRONG_TYPE),
            _ => {}
        }
    }
    Ok(())
}

fn event<'a>(bytes: &'a [u8], most: usize, cuts: &mut Cuts) -> Result<EventRow<'a>, Malformed> {
    let mut row = EventRow { at: Timestamp(0), name: "", attributes: Vec::new() };
    let mut cursor = Cursor::new(bytes);
    while let Some(field) = cursor.field()? {
        match field {
            (1, Wire::Fixed64(nanos)) => row.at = instant(nanos),
            (2, Wire::Bytes(bytes)) => row.name = short(text(bytes)?, cuts),
            (3, Wire::Bytes(bytes)) => attribute(bytes, most, &mut row.attributes, cuts)?,
            (4, Wire::Varint(_)) => {}
            (1..=4, _) => return Err(WRONG_TYPE),
            _ => {}
        }
    }
    Ok(row)
}

/// A link; nothing when it points nowhere.
fn link<'a>(bytes: &'a [u8], most: usize, cuts: &mut Cuts) -> Result<Option<LinkRow<'a>>, Malformed> {
    let (mut trace, mut span) = (&[][..], &[][..]);
    let mut attributes = Vec::new();
    let mut cursor = Cursor::new(bytes);
    while let Some(field) = cursor.field()? {
        match field {
            (1, Wire::Bytes(bytes)) => trace = bytes,
            (2, Wire::Bytes(bytes)) => span = bytes,
            (3, Wire::Bytes(bytes)) => _ = text(bytes)?,
            (4, Wire::Bytes(bytes)) => attribute(bytes, most, &mut attributes, cuts)?,
            (5, Wire::Varint(_)) | (6, Wire::Fixed32(_)) => {}
            (1..=6, _) => return Err(WRONG_TYPE),
            _ => {}
        }
    }
    let ids = trace_id(trace).zip(span_id(span));
    Ok(ids.map(|(trace, span)| LinkRow { trace, span, attributes }))
}

pub(crate) fn trace_id(bytes: &[u8]) -> Option<TraceId> {
    bytes.try_into().ok().map(TraceId).filter(|id| *id != TraceId::default())
}

pub(crate) fn span_id(bytes: &[u8]) -> Option<SpanId> {
    bytes.try_into().ok().map(SpanId).filter(|id| *id != SpanId::default())
}

/// No parent when it is empty or all zero; a wrong length is an error.
pub(super) fn parent_id(bytes: &[u8]) -> Result<Option<SpanId>, ()> {
    if bytes.is_empty() || bytes == [0; 8] {
        return Ok(None);
    }
    span_id(bytes).map(Some).ok_or(())
}

pub(crate) fn instant(nanos: u64) -> Timestamp {
    Timestamp(i64::try_from(nanos).unwrap_or(i64::MAX))
}
