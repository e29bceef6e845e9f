//! Spans and the traces they make.

mod columns;
mod filter;
mod search;

use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use filter::{Compare, SpanFilter, SpanTerm, SpanTest};
pub use search::{SpanHit, SpanOrder, SpanPage, SpanPlot, SpanPoint, SpanQuery};

use crate::{ServiceId, SpanId, Timestamp, TraceId};

/// What a span is of (OTLP `SpanKind`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub enum SpanKind {
    /// Not said.
    #[default]
    Unspecified,
    /// Inside a service.
    Internal,
    /// Serves a request.
    Server,
    /// Sends a request.
    Client,
    /// Sends a message.
    Producer,
    /// Handles a message.
    Consumer,
}

impl SpanKind {
    /// From the number on the wire; an unknown one is unspecified.
    pub fn from_number(number: u64) -> Self {
        match number {
            1 => Self::Internal,
            2 => Self::Server,
            3 => Self::Client,
            4 => Self::Producer,
            5 => Self::Consumer,
            _ => Self::Unspecified,
        }
    }

    /// The number on the wire.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// Whether it counts as a request: SERVER and CONSUMER.
    pub fn is_request(self) -> bool {
        matches!(self, Self::Server | Self::Consumer)
    }

    /// The word on the screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::Internal => "internal",
            Self::Server => "server",
            Self::Client => "client",
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        }
    }
}

/// How a span ended (OTLP `StatusCode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub enum SpanStatus {
    /// Not said.
    #[default]
    Unset,
    /// Well.
    Ok,
    /// Badly.
    Error,
}

impl SpanStatus {
    /// From the number on the wire; an unknown one is unset.
    pub fn from_number(number: u64) -> Self {
        match number {
            1 => Self::Ok,
            2 => Self::Error,
            _ => Self::Unset,
        }
    }

    /// The number on the wire.
    pub fn number(self) -> u8 {
        self as u8
    }
}

/// The value of an attribute. Arrays, maps and bytes are kept as JSON text (bytes as base64, as OTLP/JSON does).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// Text.
    Text(String),
    /// A whole number.
    Int(i64),
    /// A fraction.
    Double(f64),
    /// Yes or no.
    Bool(bool),
    /// JSON text of an array, a map or bytes.
    Json(String),
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) | Self::Json(text) => f.write_str(text),
            Self::Int(number) => write!(f, "{number}"),
            Self::Double(number) => write!(f, "{number}"),
            Self::Bool(yes) => write!(f, "{yes}"),
        }
    }
}

/// Something that happened during a span.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpanEvent {
    /// When.
    pub at: Timestamp,
    /// Its name, `exception`.
    pub name: String,
    /// Its attributes.
    pub attributes: Vec<(String, Value)>,
}

/// A span that this one points to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpanLink {
    /// Its trace.
    pub trace: TraceId,
    /// The span.
    pub span: SpanId,
    /// Attributes of the link.
    pub attributes: Vec<(String, Value)>,
}

/// A span in full.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// Its trace.
    pub trace: TraceId,
    /// Its id.
    pub id: SpanId,
    /// The span that caused it.
    pub parent: Option<SpanId>,
    /// What it is of.
    pub kind: SpanKind,
    /// Its name.
    pub name: String,
    /// Its endpoint, `POST /checkout`, for requests; else empty.
    pub endpoint: String,
    /// When it started.
    pub start: Timestamp,
    /// How long it took, in nanoseconds, not negative.
    pub duration: i64,
    /// How it ended.
    pub status: SpanStatus,
    /// What its status says.
    pub status_message: String,
    /// Instrumentation scope.
    pub scope: String,
    /// Error group, for a request that failed; else empty.
    pub error: String,
    /// Attributes.
    pub attributes: Vec<(String, Value)>,
    /// Events.
    pub events: Vec<SpanEvent>,
    /// Links.
    pub links: Vec<SpanLink>,
    /// Whose it is; many spans share it.
    #[serde(with = "shared")]
    pub owner: Arc<Owner>,
}

/// An owner that is shared travels as one that is not.
mod shared {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Owner;

    pub(super) fn serialize<S: Serializer>(owner: &Arc<Owner>, serializer: S) -> Result<S::Ok, S::Error> {
        owner.as_ref().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<Owner>, D::Error> {
        Owner::deserialize(deserializer).map(Arc::new)
    }
}

/// Whom telemetry belongs to: the attributes of an OTLP resource, plus the peer's address where no rule over
/// attributes matched.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Owner {
    /// Resource attributes by key, values as text.
    pub attributes: Vec<(String, String)>,
    /// Who sent it, where the attributes do not say.
    pub peer: Option<IpAddr>,
}

impl Owner {
    /// The value of a resource attribute.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(k, _)| k == key)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }
}

/// What a failure says, in short: the message of its status, else its error group.
pub fn failure_note(failed: bool, status_message: &str, error: &str) -> String {
    /// Characters of a note.
    const MOST: usize = 120;
    match (failed, status_message, error) {
        (false, ..) => String::new(),
        (true, "", "") => "error".to_owned(),
        (true, "", error) => error.chars().take(MOST).collect(),
        (true, message, _) => message.chars().take(MOST).collect(),
    }
}

/// A trace as its page shows it: spans in tree order, positions in nanoseconds from the start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TracePage {
    /// The trace.
    pub id: TraceId,
    /// When its first span starts.
    pub start: Timestamp,
    /// From its first start to its last end, in nanoseconds.
    pub duration: i64,
    /// Endpoint or name of its root.
    pub title: String,
    /// It has a failed span.
    pub failed: bool,
    /// Names of the services in it, in order of appearance.
    pub services: Vec<String>,
    /// Spans in tree order; a page that holds its answer more than once holds them once.
    #[serde(with = "columns")]
    pub spans: Arc<[TraceRow]>,
    /// Spans whose parent never came; they stand at the root.
    pub orphans: u32,
    /// It has more spans than these.
    pub is_cut: bool,
}

/// A span as a row of the waterfall.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TraceRow {
    /// The span's id.
    pub id: SpanId,
    /// Depth in the tree, from 0.
    pub depth: u32,
    /// Index into the trace's services.
    pub service: u32,
    /// What it did: endpoint or name.
    pub name: String,
    /// Nanoseconds from the start of the trace.
    pub offset: i64,
    /// How long, in nanoseconds.
    pub duration: i64,
    /// Duration minus the time its children cover.
    pub self_time: i64,
    /// It failed.
    pub failed: bool,
    /// What the failure says, in short.
    pub note: String,
    /// How many spans lie below it.
    pub descendants: u32,
}

/// A span's detail beside the waterfall.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpanDetail {
    /// The span.
    pub span: Span,
    /// The service it was attributed to.
    pub service: Option<ServiceId>,
    /// Shown name of the revision.
    pub revision: Option<String>,
    /// The pod's name.
    pub pod: Option<String>,
    /// Why it has no service.
    pub unattributed: Option<String>,
}
