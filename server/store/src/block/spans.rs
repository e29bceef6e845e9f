//! Spans as columns: what a request is gathered into, what a commit joins, what a block holds. Pure.

mod decode;
mod encode;
mod open;
pub(crate) mod search;
#[cfg(test)]
mod tests;
pub(crate) mod words;

use std::sync::Arc;

use model::{
    Owner, Span, SpanEvent, SpanHit, SpanId, SpanKind, SpanLink, SpanPoint, SpanStatus, Timestamp, TraceId, Value,
};

pub(crate) use open::{SpanBlock, SpanReader};

use super::attributes::Attributes;
use super::columns::{Columns, Signal};
use super::texts::Texts;
use crate::{Error, SpanRow, index};

/// Columns of equal length, one entry a span; texts are numbers into `texts`.
#[derive(Debug, Default, Clone)]
pub(crate) struct SpanColumns {
    pub(crate) texts: Texts,
    pub(crate) owner: Vec<u32>,
    pub(crate) trace: Vec<TraceId>,
    id: Vec<SpanId>,
    parent: Vec<Option<SpanId>>,
    pub(crate) flags: Vec<Flags>,
    pub(crate) name: Vec<u32>,
    pub(crate) endpoint: Vec<u32>,
    pub(crate) callee: Vec<u32>,
    status_message: Vec<u32>,
    scope: Vec<u32>,
    pub(crate) error: Vec<u32>,
    pub(crate) start: Vec<i64>,
    pub(crate) duration: Vec<i64>,
    pub(crate) http_status: Vec<u16>,
    pub(crate) weight: Vec<f32>,
    attributes: Attributes,
    events: Nested,
    event_name: Vec<u32>,
    event_at: Vec<i64>,
    links: Nested,
    link_trace: Vec<TraceId>,
    link_span: Vec<SpanId>,
}

/// Rows that hang on spans: events or links.
#[derive(Debug, Default, Clone)]
struct Nested {
    /// Where each span's rows end; they begin where the span's before end.
    ends: Vec<u32>,
    attributes: Attributes,
}

impl Nested {
    fn rows(&self, span: usize) -> std::ops::Range<usize> {
        let from = if span == 0 { 0 } else { self.ends[span - 1] as usize };
        from..self.ends[span] as usize
    }
}

/// Kind, status and the rate's being unknown in one byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flags(u8);

impl Flags {
    fn new(kind: SpanKind, status: SpanStatus, sampled: bool) -> Self {
        Self(kind.number() | status.number() << 3 | u8::from(sampled) << 5)
    }

    pub(crate) fn kind(self) -> SpanKind {
        SpanKind::from_number(u64::from(self.0 & 7))
    }

    pub(crate) fn status(self) -> SpanStatus {
        SpanStatus::from_number(u64::from(self.0 >> 3 & 3))
    }

    pub(crate) fn sampled(self) -> bool {
        self.0 & 32 != 0
    }
}

impl SpanColumns {
    pub(crate) fn push(&mut self, row: &SpanRow<'_>) {
        self.owner.push(row.owner);
        self.trace.push(row.trace);
        self.id.push(row.id);
        self.parent.push(row.parent);
        self.flags.push(Flags::new(row.kind, row.status, row.sampled));
        for (column, text) in [
            (&mut self.name, row.name),
            (&mut self.endpoint, row.endpoint),
            (&mut self.callee, row.callee),
            (&mut self.status_message, row.status_message),
            (&mut self.scope, row.scope),
            (&mut self.error, row.error),
        ] {
            column.push(self.texts.number(text));
        }
        self.start.push(row.start.0);
        self.duration.push(row.duration.max(0));
        self.http_status.push(row.http_status);
        // A weight that is not a count would spoil every sum that it enters.
        self.weight.push(if row.weight.is_finite() && row.weight >= 0.0 { row.weight } else { 1.0 });
        self.attributes.push(&mut self.texts, pairs(row.attributes));
        for event in row.events {
            self.event_at.push(event.at.0);
            self.event_name.push(self.texts.number(event.name));
            self.events.attributes.push(&mut self.texts, pairs(&event.attributes));
        }
        self.events.ends.push(self.event_at.len() as u32);
        for link in row.links {
            self.link_trace.push(link.trace);
            self.link_span.push(link.span);
            self.links.attributes.push(&mut self.texts, pairs(&link.attributes));
        }
        self.links.ends.push(self.link_span.len() as u32);
    }

    fn append_all(&mut self, other: &Self, number: impl Fn(u32) -> u32) {
        let texts = self.texts.add_all(&other.texts);
        let map = |column: &mut Vec<u32>, from: &[u32]| column.extend(from.iter().map(|n| texts[*n as usize]));
        self.owner.extend(other.owner.iter().map(|owner| number(*owner)));
        self.trace.extend_from_slice(&other.trace);
        self.id.extend_from_slice(&other.id);
        self.parent.extend_from_slice(&other.parent);
        self.flags.extend_from_slice(&other.flags);
        map(&mut self.name, &other.name);
        map(&mut self.endpoint, &other.endpoint);
        map(&mut self.callee, &other.callee);
        map(&mut self.status_message, &other.status_message);
        map(&mut self.scope, &other.scope);
        map(&mut self.error, &other.error);
        self.start.extend_from_slice(&other.start);
        self.duration.extend_from_slice(&other.duration);
        self.http_status.extend_from_slice(&other.http_status);
        self.weight.extend_from_slice(&other.weight);
        self.attributes.append(&other.attributes, &texts);
        let (events, links) = (self.event_at.len() as u32, self.link_span.len() as u32);
        self.events.ends.extend(other.events.ends.iter().map(|end| end + events));
        self.events.attributes.append(&other.events.attributes, &texts);
        self.event_at.extend_from_slice(&other.event_at);
        map(&mut self.event_name, &other.event_name);
        self.links.ends.extend(other.links.ends.iter().map(|end| end + links));
        self.links.attributes.append(&other.links.attributes, &texts);
        self.link_trace.extend_from_slice(&other.link_trace);
        self.link_span.extend_from_slice(&other.link_span);
    }

    /// A text column's text of a span.
    pub(crate) fn text(&self, column: &[u32], span: usize) -> &str {
        self.texts.get(column[span])
    }

    /// Places of a trace's spans.
    pub(crate) fn of_trace(&self, trace: TraceId) -> impl Iterator<Item = usize> {
        self.trace.iter().enumerate().filter(move |(_, known)| **known == trace).map(|(at, _)| at)
    }

    /// A span in full.
    pub(crate) fn get(&self, at: usize, owner: Arc<Owner>) -> Span {
        let flags = self.flags[at];
        Span {
            trace: self.trace[at],
            id: self.id[at],
            parent: self.parent[at],
            kind: flags.kind(),
            name: self.text(&self.name, at).to_owned(),
            endpoint: self.text(&self.endpoint, at).to_owned(),
            start: Timestamp(self.start[at]),
            duration: self.duration[at],
            status: flags.status(),
            status_message: self.text(&self.status_message, at).to_owned(),
            scope: self.text(&self.scope, at).to_owned(),
            error: self.text(&self.error, at).to_owned(),
            attributes: self.attributes.get(&self.texts, at),
            events: self.events.rows(at).map(|row| self.event(row)).collect(),
            links: self.links.rows(at).map(|row| self.link(row)).collect(),
            owner,
        }
    }

    /// Whether a span failed.
    pub(crate) fn has_failed(&self, at: usize) -> bool {
        self.flags[at].status() == SpanStatus::Error || !self.text(&self.error, at).is_empty()
    }

    /// A span as a point of a chart.
    pub(crate) fn point(&self, at: usize) -> SpanPoint {
        let (trace, failed) = (self.trace[at], self.has_failed(at));
        SpanPoint { trace, at: Timestamp(self.start[at]), duration: self.duration[at], failed }
    }

    /// A span's id.
    pub(crate) fn id_of(&self, at: usize) -> SpanId {
        self.id[at]
    }

    /// A span as a row of a list, but for whose it is.
    pub(crate) fn hit(&self, at: usize) -> SpanHit {
        let failed = self.has_failed(at);
        SpanHit {
            trace: self.trace[at],
            id: self.id[at],
            kind: self.flags[at].kind(),
            name: self.text(&self.name, at).to_owned(),
            endpoint: self.text(&self.endpoint, at).to_owned(),
            at: Timestamp(self.start[at]),
            duration: self.duration[at],
            failed,
            note: model::failure_note(failed, self.text(&self.status_message, at), self.text(&self.error, at)),
            http_status: self.http_status[at],
            pod: None,
            revision: None,
        }
    }

    fn event(&self, row: usize) -> SpanEvent {
        SpanEvent {
            at: Timestamp(self.event_at[row]),
            name: self.text(&self.event_name, row).to_owned(),
            attributes: self.events.attributes.get(&self.texts, row),
        }
    }

    fn link(&self, row: usize) -> SpanLink {
        SpanLink {
            trace: self.link_trace[row],
            span: self.link_span[row],
            attributes: self.links.attributes.get(&self.texts, row),
        }
    }
}

impl Columns for SpanColumns {
    const SIGNAL: Signal = Signal::Spans;
    const MERGED: i64 = 16_384;

    fn len(&self) -> usize {
        self.start.len()
    }

    fn size(&self) -> usize {
        let nested = self.events.attributes.size() + self.links.attributes.size();
        self.len() * 110
            + self.texts.size()
            + self.attributes.size()
            + nested
            + self.event_at.len() * 12
            + self.link_span.len() * 24
    }

    fn reserve(&mut self, others: &[&Self]) {
        self.attributes.reserve(others.iter().map(|other| &other.attributes));
        let spans = others.iter().map(|other| other.len()).sum();
        self.trace.reserve(spans);
        self.id.reserve(spans);
        self.parent.reserve(spans);
    }

    fn append(&mut self, other: &Self, owners: &[u32]) {
        self.append_all(other, |owner| owners[owner as usize]);
    }

    fn owners(&self) -> &[u32] {
        &self.owner
    }

    fn bounds(&self) -> Option<(i64, i64)> {
        Some((*self.start.iter().min()?, *self.start.iter().max()?))
    }

    fn seal(&self, level: i32) -> Result<Vec<u8>, Error> {
        self.encode(&self.by_owner_endpoint_time(), level)
    }

    fn seal_merged(&self, level: i32) -> Result<Vec<u8>, Error> {
        self.encode_groups(&self.by_owner_endpoint_time(), level)
    }

    fn count(sealed: &[u8]) -> Result<usize, Error> {
        Self::count_of(sealed)
    }

    fn unseal(sealed: &[u8]) -> Result<Self, Error> {
        Self::decode(sealed)
    }

    fn filter(&self) -> Vec<u8> {
        index::fingerprints(&self.trace)
    }

    fn words(&self) -> Option<Vec<u8>> {
        Some(words::of(self))
    }
}

pub(super) fn pairs<'a>(attributes: &'a [(&'a str, Value)]) -> impl Iterator<Item = (&'a str, &'a Value)> {
    attributes.iter().map(|(key, value)| (*key, value))
}
