//! Log records on their way in: rows borrowed from the wire.

use model::{Level, SpanId, Timestamp, TraceId, Value};

/// A log record as a receiver sees it.
#[derive(Debug, Clone)]
pub struct LogRow<'a> {
    /// Index into the batch's owners.
    pub owner: u32,
    /// When it happened; where the sender does not know, when it was observed.
    pub at: Timestamp,
    /// How bad it is.
    pub level: Level,
    /// The level's name as the sender wrote it; else empty.
    pub severity: &'a str,
    /// What it says.
    pub body: &'a str,
    /// What it says without what varies; records of one pattern are counted together.
    pub pattern: &'a str,
    /// Instrumentation scope or logger.
    pub scope: &'a str,
    /// The trace during which it was written.
    pub trace: Option<TraceId>,
    /// The span.
    pub span: Option<SpanId>,
    /// Attributes, those of a structured body among them.
    pub attributes: &'a [(&'a str, Value)],
}
