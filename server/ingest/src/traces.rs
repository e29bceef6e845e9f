//! `ExportTraceServiceRequest` bytes to span rows: pure, borrowed from the request, nothing kept but scratch space.
//! A request is malformed as a whole or taken as a whole; single spans are left out only for their ids.

mod span;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use model::{Owner, SpanKind, SpanStatus};
use store::{OwnerFacts, SpanBatch, SpanRow};

use crate::Limits;
use crate::attributes::{Known, is_sampler};
use crate::owner::Owners;
use crate::sampling;
use crate::value::{Cuts, attribute};
use crate::wire::{Cursor, Malformed, WRONG_TYPE, Wire, text};
use span::{Scratch, instant, parent_id, span_id, trace_id};

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

/// What all spans of one scope have in common.
#[derive(Clone, Copy)]
struct Scope<'a> {
    owner: u32,
    name: &'a str,
    sampled: bool,
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
