//! Spans on their way in: rows borrowed from the wire.

use model::{SpanId, SpanKind, SpanStatus, Timestamp, TraceId, Value};

/// A span as the decoder sees it; text is borrowed from the request.
#[derive(Debug, Clone)]
pub struct SpanRow<'a> {
    /// Index into the batch's owners.
    pub owner: u32,
    /// Its trace.
    pub trace: TraceId,
    /// Its id.
    pub id: SpanId,
    /// Its parent.
    pub parent: Option<SpanId>,
    /// What it is of.
    pub kind: SpanKind,
    /// Its name.
    pub name: &'a str,
    /// Its endpoint, for requests; else empty.
    pub endpoint: &'a str,
    /// For CLIENT and PRODUCER spans: whom they call, by `server.address` or `peer.service`; else empty.
    pub callee: &'a str,
    /// When it started.
    pub start: Timestamp,
    /// How long, in nanoseconds.
    pub duration: i64,
    /// How it ended.
    pub status: SpanStatus,
    /// What its status says.
    pub status_message: &'a str,
    /// Instrumentation scope.
    pub scope: &'a str,
    /// Its HTTP status, or 0.
    pub http_status: u16,
    /// Error group of a request that failed; empty when it did not fail.
    pub error: &'a str,
    /// How many spans it stands for (adjusted count); 1 when not sampled.
    pub weight: f32,
    /// It was sampled at a rate that is not known.
    pub sampled: bool,
    /// Attributes.
    pub attributes: &'a [(&'a str, Value)],
    /// Events.
    pub events: &'a [EventRow<'a>],
    /// Links.
    pub links: &'a [LinkRow<'a>],
}

/// An event of a span.
#[derive(Debug, Clone)]
pub struct EventRow<'a> {
    /// When.
    pub at: Timestamp,
    /// Its name.
    pub name: &'a str,
    /// Its attributes.
    pub attributes: Vec<(&'a str, Value)>,
}

/// A link of a span.
#[derive(Debug, Clone)]
pub struct LinkRow<'a> {
    /// Its trace.
    pub trace: TraceId,
    /// The span.
    pub span: SpanId,
    /// Attributes.
    pub attributes: Vec<(&'a str, Value)>,
}
