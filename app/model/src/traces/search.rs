//! Spans that a search found.

use serde::{Deserialize, Serialize};

use crate::{Cursor, SpanId, SpanKind, Timestamp, TraceId};

/// In which order spans are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum SpanOrder {
    /// The newest first.
    #[default]
    Newest,
    /// The slowest first.
    Slowest,
}

/// What is asked about the spans of a service.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SpanQuery {
    /// What they must be like, as it was typed.
    pub text: String,
    /// Not only requests.
    pub all_kinds: bool,
    /// In which order.
    pub order: SpanOrder,
    /// Where the page before ended.
    pub after: Option<Cursor>,
}

impl SpanQuery {
    /// The words of an address that ask for spans of all kinds, and for the slowest first.
    pub const ALL: &str = "all";
    /// See [`Self::ALL`].
    pub const SLOWEST: &str = "slowest";

    /// From the words of an address; what is not known of kinds and order is what is usual.
    pub fn of_words(text: String, kinds: &str, order: &str, after: &str) -> Result<Self, String> {
        Ok(Self {
            text,
            all_kinds: kinds == Self::ALL,
            order: if order == Self::SLOWEST { SpanOrder::Slowest } else { SpanOrder::Newest },
            after: if after.is_empty() { None } else { Some(after.parse()?) },
        })
    }
}

/// A span as a row of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpanHit {
    /// Its trace.
    pub trace: TraceId,
    /// Its id.
    pub id: SpanId,
    /// What it is of.
    pub kind: SpanKind,
    /// Its name.
    pub name: String,
    /// Its endpoint, for requests; else empty.
    pub endpoint: String,
    /// When it started.
    pub at: Timestamp,
    /// How long it took, in nanoseconds.
    pub duration: i64,
    /// It failed.
    pub failed: bool,
    /// What the failure says, in short; may be empty.
    pub note: String,
    /// Its HTTP status; 0 where it has none.
    pub http_status: u16,
    /// The pod's name, where known.
    pub pod: Option<String>,
    /// The revision's shown name, where known.
    pub revision: Option<String>,
}

/// A span as a point of a chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpanPoint {
    /// Its trace.
    pub trace: TraceId,
    /// When it started.
    pub at: Timestamp,
    /// How long it took, in nanoseconds.
    pub duration: i64,
    /// It failed.
    pub failed: bool,
}

/// Spans over time: as many points as a chart can show, and how many spans there are.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SpanPlot {
    /// The slowest, those that failed, and of the others an even choice; in the order of time.
    pub points: Vec<SpanPoint>,
    /// Spans that match.
    pub matched: u64,
    /// Of these, those that failed.
    pub failed: u64,
}

/// Spans that match, a page of them, and all of them over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpanPage {
    /// The rows.
    pub spans: Vec<SpanHit>,
    /// What follows, if more do.
    pub next: Option<Cursor>,
    /// All that match in the window.
    pub plot: SpanPlot,
    /// The search stopped at its limit: spans before this were not looked at.
    pub covered_from: Option<Timestamp>,
}
