//! `ExportTraceServiceRequest` bytes to span rows: pure, borrowed from the request, nothing kept but scratch space.
//! A request is malformed as a whole or taken as a whole; single spans are left out only for their ids.

#[cfg(test)]
mod tests;

use std::net::IpAddr;

use model::{Owner, SpanId, SpanKind, SpanStatus, Timestamp, TraceId, Value};
use store::{EventRow, LinkRow, OwnerFacts, SpanBatch, SpanRow};

use crate::Limits;
use crate::attributes::{Known, is_sampler};
use crate::owner::Owners;
use crate::sampling;
use crate::value::{Cuts, attribute};
use crate::wire::{Cursor, Malformed, WRONG_TYPE, Wire, text};

/// Where rows go: a batch for the store, or a test's list.
pub(crate) trait Sink {
    /// Takes an owner and numbers it.
    fn owner(&mut self, owner: Owner, facts: OwnerFacts) -> u32;
    /// Takes a span.
    fn push(&mut self, row: &SpanRow<'_>);
}

impl Sink for SpanBatch {
    fn owner(&mut self, owner: Owner, facts: OwnerFacts) -> u32 {
        Self::owner(self, owner, facts)
    }

    fn push(&mut self, row: &SpanRow<'_>) {
        Self::push(self, row);
    }
}

/// What became of a request's spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Report {
    /// Taken.
    pub(crate) taken: u64,
    /// Left out: trace or span id of a wrong length, or all zero.
    pub(crate) invalid: u64,
    /// Left out: more than a request may have.
    pub(crate) over: u64,
    /// What was changed of those taken.
    pub(crate) cuts: Cuts,
}

/// Decodes a request into a sink. `found` says whether attributes alone tell which service an owner is.
pub(crate) fn decode(
    body: &[u8],
    peer: Option<IpAddr>,
    found: &dyn Fn(&OwnerFacts) -> bool,
    limits: &Limits,
    sink: &mut impl Sink,
) -> Result<Report, Malformed> {
    let owners = Owners::new(peer, found, limits.nested_attributes);
    let mut decoder = Decoder { limits, sink, owners, report: Report::default(), scratch: Scratch::default() };
    let mut cursor = Cursor::new(body);
    while let Some(field) = cursor.field()? {
        match field {
            (1, Wire::Bytes(bytes)) => decoder.resource_spans(bytes)?,
            (1, _) => return Err(WRONG_TYPE),
            _ => {}
        }
    }
    Ok(decoder.report)
}

struct Decoder<'a, 'l, S> {
    limits: &'l Limits,
    sink: &'l mut S,
    owners: Owners<'a>,
    report: Report,
    scratch: Scratch<'a>,
}

/// Space that is used again for every span.
#[derive(Default)]
struct Scratch<'a> {
    attributes: Vec<(&'a str, Value)>,
    events: Vec<EventRow<'a>>,
    links: Vec<LinkRow<'a>>,
    endpoint: String,
    error: String,
}

/// What all spans of one scope have in common.
#[derive(Clone, Copy)]
struct Scope<'a> {
    owner: u32,
    name: &'a str,
    sampled: bool,
}

/// A span's plain fields as they were sent.
#[derive(Default)]
struct Raw<'a> {
    trace: &'a [u8],
    id: &'a [u8],
    parent: &'a [u8],
    state: &'a str,
    name: &'a str,
    kind: u64,
    start: u64,
    end: u64,
    status: u64,
    message: &'a str,
}

impl<'a, S: Sink> Decoder<'a, '_, S> {
    /// The resource may stand after its spans, so it is looked for first.
    fn resource_spans(&mut self, bytes: &'a [u8]) -> Result<(), Malformed> {
        let mut cursor = Cursor::new(bytes);
        let mut parts = Vec::with_capacity(1);
        while let Some(field) = cursor.field()? {
            match field {
                (1, Wire::Bytes(bytes)) => parts.push(bytes),
                (2, Wire::Bytes(_)) => {}
                (3, Wire::Bytes(bytes)) => _ = text(bytes)?,
                (1..=3, _) => return Err(WRONG_TYPE),
                _ => {}
            }
        }
        let mut resource = Some(self.owners.read(&parts, &mut self.report.cuts)?);
        let mut owner = 0;
        let mut cursor = Cursor::new(bytes);
        while let Some(field) = cursor.field()? {
            let (2, Wire::Bytes(scope_spans)) = field else { continue };
            if let Some(resource) = resource.take() {
                owner = self.owners.number(resource, |owner, facts| self.sink.owner(owner, facts));
            }
            self.scope_spans(owner, scope_spans)?;
        }
        Ok(())
    }

    fn scope_spans(&mut self, owner: u32, bytes: &'a [u8]) -> Result<(), Malformed> {
        let mut scope = Scope { owner, name: "", sampled: false };
        let mut cursor = Cursor::new(bytes);
        while let Some(field) = cursor.field()? {
            match field {
                (1, Wire::Bytes(bytes)) => self.scope(bytes, &mut scope)?,
                (2, Wire::Bytes(_)) => {}
                (3, Wire::Bytes(bytes)) => _ = text(bytes)?,
                (1..=3, _) => return Err(WRONG_TYPE),
                _ => {}
            }
        }
        let mut cursor = Cursor::new(bytes);
        while let Some(field) = cursor.field()? {
            if let (2, Wire::Bytes(span)) = field {
                self.span(scope, span)?;
            }
        }
        Ok(())
    }

    fn scope(&mut self, bytes: &'a [u8], scope: &mut Scope<'a>) -> Result<(), Malformed> {
        let attributes = &mut self.scratch.attributes;
        attributes.clear();
        let mut cursor = Cursor::new(bytes);
        while let Some(field) = cursor.field()? {
            match field {
                (1, Wire::Bytes(bytes)) => scope.name = text(bytes)?,
                (2, Wire::Bytes(bytes)) => _ = text(bytes)?,
                // They are not stored, so cutting them is nobody's loss.
                (3, Wire::Bytes(bytes)) => {
                    attribute(bytes, self.limits.nested_attributes, attributes, &mut Cuts::default())?;
                }
                (4, Wire::Varint(_)) => {}
                (1..=4, _) => return Err(WRONG_TYPE),
                _ => {}
            }
        }
        scope.sampled |= attributes.iter().any(|(key, value)| is_sampler(key, value));
        Ok(())
    }

    fn span(&mut self, scope: Scope<'a>, bytes: &'a [u8]) -> Result<(), Malformed> {
        let mut cuts = Cuts::default();
        let raw = self.scratch.read(bytes, self.limits, &mut cuts)?;
        let (Some(trace), Some(id), Ok(parent)) = (trace_id(raw.trace), span_id(raw.id), parent_id(raw.parent)) else {
            self.report.invalid += 1;
            return Ok(());
        };
        if self.report.taken >= self.limits.spans as u64 {
            self.report.over += 1;
            return Ok(());
        }
        self.report.taken += 1;
        self.report.cuts.add(cuts);
        let Scratch { attributes, events, links, endpoint, error } = &mut self.scratch;
        let kind = SpanKind::from_number(raw.kind);
        let status = SpanStatus::from_number(raw.status);
        let known = Known::of(attributes);
        let sampling = sampling::of_tracestate(raw.state);
        let request = kind.is_request();
        self.sink.push(&SpanRow {
            owner: scope.owner,
            trace,
            id,
            parent,
            kind,
            name: raw.name,
            endpoint: if request { known.endpoint(raw.name, endpoint) } else { "" },
            callee: known.callee(kind),
            start: instant(raw.start),
            duration: i64::try_from(raw.end.saturating_sub(raw.start)).unwrap_or(i64::MAX),
            status,
            status_message: raw.message,
            scope: scope.name,
            http_status: known.http_status,
            error: if request && known.failed(status) { known.error(raw.message, events, error) } else { "" },
            weight: sampling.weight,
            sampled: sampling.unknown || (sampling.weight == 1.0 && (known.sampled || scope.sampled)),
            attributes,
            events,
            links,
        });
        Ok(())
    }
}

impl<'a> Scratch<'a> {
    /// Reads a span: what repeats into the scratch, the rest as the result.
    fn read(&mut self, bytes: &'a [u8], limits: &Limits, cuts: &mut Cuts) -> Result<Raw<'a>, Malformed> {
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
                    keep(event, &mut self.events, limits.attributes, cuts);
                }
                (13, Wire::Bytes(bytes)) => match link(bytes, limits.nested_attributes, cuts)? {
                    Some(link) => keep(link, &mut self.links, limits.attributes, cuts),
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

fn keep<T>(item: T, into: &mut Vec<T>, most: usize, cuts: &mut Cuts) {
    if into.len() < most {
        into.push(item);
    } else {
        cuts.dropped += 1;
    }
}

fn short<'a>(long: &'a str, cuts: &mut Cuts) -> &'a str {
    let short = crate::limits::cut(long, crate::limits::VALUE);
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

fn trace_id(bytes: &[u8]) -> Option<TraceId> {
    bytes.try_into().ok().map(TraceId).filter(|id| *id != TraceId::default())
}

fn span_id(bytes: &[u8]) -> Option<SpanId> {
    bytes.try_into().ok().map(SpanId).filter(|id| *id != SpanId::default())
}

/// No parent when it is empty or all zero; a wrong length is an error.
fn parent_id(bytes: &[u8]) -> Result<Option<SpanId>, ()> {
    if bytes.is_empty() || bytes == [0; 8] {
        return Ok(None);
    }
    span_id(bytes).map(Some).ok_or(())
}

fn instant(nanos: u64) -> Timestamp {
    Timestamp(i64::try_from(nanos).unwrap_or(i64::MAX))
}
