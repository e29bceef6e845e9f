//! The telemetry interface: append a batch, ask typed questions. Nothing of SQLite shows here; a second
//! implementation can stand behind it.

use std::collections::BTreeSet;

use async_trait::async_trait;
use model::{PodId, Red, RevisionHash, ServiceId, Span, Step, Timestamp, TraceId, Unattributed, Window};

use crate::{Attribution, Error, SpanBatch};

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// Committed.
    Stored,
    /// An identical request was committed within ten minutes; dropped.
    Duplicate,
}

/// What rollups are grouped by, beside the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Nothing more.
    Service,
    /// Revision.
    Revision,
    /// Endpoint.
    Endpoint,
    /// Endpoint and revision.
    EndpointRevision,
    /// Pod (and so revision).
    Pod,
    /// Endpoint and pod (and so revision).
    EndpointPod,
}

/// A question over rollups.
#[derive(Debug, Clone)]
pub struct RedQuery {
    /// Of these services; `None` is all.
    pub services: Option<Vec<ServiceId>>,
    /// Event times.
    pub window: Window,
    /// Width of a cell; a multiple of 10 s. The window is aligned to it.
    pub step: Step,
    /// Grouped by.
    pub by: By,
}

/// One group's cells.
#[derive(Debug, Clone, PartialEq)]
pub struct RedRow {
    /// The service.
    pub service: ServiceId,
    /// The revision, where grouped by it.
    pub revision: Option<RevisionHash>,
    /// The endpoint, where grouped by it.
    pub endpoint: Option<String>,
    /// The pod, where grouped by it.
    pub pod: Option<PodId>,
    /// Some of it was sampled at an unknown rate.
    pub sampled: bool,
    /// Cells that hold anything: index from the aligned window's start, and counts.
    pub cells: Vec<(u32, Red)>,
}

/// One error group over a window.
#[derive(Debug, Clone, PartialEq)]
pub struct ErrorCells {
    /// The endpoint.
    pub endpoint: String,
    /// The error.
    pub error: String,
    /// First seen in the retained history.
    pub first_seen: Timestamp,
    /// The revision that had it first.
    pub first_revision: Option<RevisionHash>,
    /// Last seen.
    pub last_seen: Timestamp,
    /// A trace that has it.
    pub sample: TraceId,
    /// Cells that hold anything: index from the aligned window's start, and count.
    pub cells: Vec<(u32, f64)>,
}

/// What names an error group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ErrorName {
    /// Whose it is.
    pub service: ServiceId,
    /// The endpoint.
    pub endpoint: String,
    /// The error.
    pub error: String,
}

/// An error group of a service by pod.
#[derive(Debug, Clone, PartialEq)]
pub struct PodErrors {
    /// The endpoint.
    pub endpoint: String,
    /// The error.
    pub error: String,
    /// First seen in the retained history.
    pub first_seen: Timestamp,
    /// The revision, where known.
    pub revision: Option<RevisionHash>,
    /// The pod, where known.
    pub pod: Option<PodId>,
    /// Minutes that hold any: index from the aligned window's start, and count.
    pub cells: Vec<(u32, f64)>,
}

/// Error groups of a window by pod, and when each of the service's groups was seen first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ErrorLife {
    /// Of the window.
    pub groups: Vec<PodErrors>,
    /// First sights of all groups that are retained.
    pub births: Vec<Timestamp>,
}

/// A span and whose it is.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredSpan {
    /// The span.
    pub span: Span,
    /// Whose.
    pub attribution: Attribution,
}

/// Where telemetry goes and where answers come from.
#[async_trait]
pub trait Telemetry: Send + Sync {
    /// Appends spans; returns after they are committed.
    async fn append_spans(&self, batch: SpanBatch) -> Result<Appended, Error>;

    /// All spans of a trace; empty when it is not known.
    async fn trace(&self, id: TraceId) -> Result<Vec<StoredSpan>, Error>;

    /// Requests, errors and durations from rollups; no spans are read.
    async fn red(&self, ask: RedQuery) -> Result<Vec<RedRow>, Error>;

    /// Error groups of a service.
    async fn errors(&self, service: &ServiceId, window: Window, step: Step) -> Result<Vec<ErrorCells>, Error>;

    /// Which error groups services had in the minutes of a window.
    async fn error_groups(&self, services: &[ServiceId], window: Window) -> Result<BTreeSet<ErrorName>, Error>;

    /// Error groups of a service over the minutes of a window, by pod.
    async fn error_life(&self, service: &ServiceId, window: Window) -> Result<ErrorLife, Error>;

    /// Who called whom in a window: services, and the names by which they called.
    async fn calls(&self, window: Window) -> Result<Vec<(ServiceId, String)>, Error>;

    /// Data of no known service that arrived in a window.
    async fn unattributed(&self, window: Window) -> Result<Vec<Unattributed>, Error>;

    /// When the last request of a service was, in the retained history.
    async fn last_request(&self, service: &ServiceId) -> Result<Option<Timestamp>, Error>;
}
