//! The telemetry interface: append a batch, ask typed questions. Nothing of SQLite shows here; a second
//! implementation can stand behind it.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use model::{
    Cursor, FrameTree, Level, LogFilter, LogLine, MetricLabel, MetricNames, MetricQuery, MetricSeries, PodId,
    ProfileTypes, Red, RevisionHash, SampleType, ServiceId, Span, SpanFilter, SpanHit, SpanId, SpanOrder, SpanPlot,
    Step, Timestamp, TraceId, Unattributed, Window,
};

use crate::{Attribution, Batch, Error, Short};

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// Committed.
    Stored,
    /// An identical request was committed within ten minutes, and not too many others since; dropped.
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

/// An error group, or a log pattern, of a service by pod.
#[derive(Debug, Clone, PartialEq)]
pub struct PodErrors {
    /// The endpoint; empty for a log pattern.
    pub endpoint: String,
    /// The error, or the pattern.
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

/// Of services that have any.
pub type ErrorLives = BTreeMap<ServiceId, ErrorLife>;

/// A span and whose it is.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredSpan {
    /// The span.
    pub span: Span,
    /// Whose.
    pub attribution: Attribution,
}

/// Spans of a trace.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FoundTrace {
    /// By their start.
    pub spans: Vec<StoredSpan>,
    /// There are more than these, which are those that were found first.
    pub is_cut: bool,
}

/// A question for log records of a service.
#[derive(Debug, Clone)]
pub struct LogAsk {
    /// The service.
    pub service: ServiceId,
    /// Event times.
    pub window: Window,
    /// Width of a cell of the counts. The window is aligned to it.
    pub step: Step,
    /// What they must be like.
    pub filter: LogFilter,
    /// Where the page before ended.
    pub after: Option<Cursor>,
    /// Lines of a page.
    pub limit: u32,
    /// Count all that match; otherwise it looks no further than the page needs.
    pub count: bool,
}

/// What was found of log records.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FoundLogs {
    /// The newest lines, newest first.
    pub lines: Vec<LogLine>,
    /// What follows, if more do.
    pub next: Option<Cursor>,
    /// Lines that match, in all of the window on a first page: by level, index from the aligned window's start, and count.
    pub levels: BTreeMap<Level, BTreeMap<u32, u64>>,
    /// The search stopped at its limit: what happened before this was not looked at.
    pub covered_from: Option<Timestamp>,
}

/// A question for spans of a service.
#[derive(Debug, Clone)]
pub struct SpanAsk {
    /// The service.
    pub service: ServiceId,
    /// Times of their starts.
    pub window: Window,
    /// What they must be like.
    pub filter: SpanFilter,
    /// Not only requests.
    pub all_kinds: bool,
    /// In which order.
    pub order: SpanOrder,
    /// Where the page before ended.
    pub after: Option<Cursor>,
    /// Spans of a page.
    pub limit: u32,
    /// Count and plot all that match; otherwise it looks no further than the page needs.
    pub plot: bool,
}

/// What was found of spans.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FoundSpans {
    /// The first in the order that was asked for.
    pub spans: Vec<SpanHit>,
    /// What follows, if more do.
    pub next: Option<Cursor>,
    /// All that match in the window, where that was asked for.
    pub plot: SpanPlot,
    /// The search stopped at its limit: what started before this was not looked at.
    pub covered_from: Option<Timestamp>,
}

/// One log pattern of a service over a window.
#[derive(Debug, Clone, PartialEq)]
pub struct PatternCells {
    /// The pattern.
    pub pattern: String,
    /// First seen in the retained history.
    pub first_seen: Timestamp,
    /// The revision that had it first.
    pub first_revision: Option<RevisionHash>,
    /// Last seen.
    pub last_seen: Timestamp,
    /// Cells that hold anything: level, index from the aligned window's start, and count.
    pub cells: Vec<(Level, u32, u64)>,
}

/// A question over one metric of a service.
#[derive(Debug, Clone)]
pub struct MetricAsk {
    /// The service.
    pub service: ServiceId,
    /// Event times.
    pub window: Window,
    /// Width of a cell. The window is aligned to it.
    pub step: Step,
    /// Which series, and what is made of them.
    pub query: MetricQuery,
    /// Series of the answer.
    pub limit: u32,
}

/// Profiles of a service: when, and of whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileSlice {
    /// When they began.
    pub window: Window,
    /// Only of this revision.
    pub revision: Option<RevisionHash>,
    /// Only of the pod of this name.
    pub pod: Option<String>,
}

/// A question for merged profiles of a service.
#[derive(Debug, Clone)]
pub struct ProfileAsk {
    /// The service.
    pub service: ServiceId,
    /// What was sampled.
    pub sample: SampleType,
    /// Which are merged.
    pub of: ProfileSlice,
    /// What they are compared with.
    pub against: Option<ProfileSlice>,
    /// Nodes that are told apart; what is smaller is summed where it hangs.
    pub nodes: u32,
}

/// Where telemetry goes and where answers come from.
#[async_trait]
pub trait Telemetry: Send + Sync {
    /// What the machine has too little of, so that a receiver need not read what it could not hand on; nothing where
    /// nobody watches.
    fn short(&self) -> Option<Short> {
        None
    }

    /// Appends a request's records; returns after they are committed.
    async fn append(&self, batch: Batch) -> Result<Appended, Error>;

    /// The spans of a trace, of a very large one not all; none when it is not known.
    async fn trace(&self, id: TraceId) -> Result<FoundTrace, Error>;

    /// One span of a trace.
    async fn span(&self, trace: TraceId, id: SpanId) -> Result<Option<StoredSpan>, Error>;

    /// Log records of a service that match, newest first, and how many there are when.
    async fn logs(&self, ask: LogAsk) -> Result<FoundLogs, Error>;

    /// Spans of a service that match, and all of them over time.
    async fn spans(&self, ask: SpanAsk) -> Result<FoundSpans, Error>;

    /// Log patterns of a service from rollups; no records are read.
    async fn log_counts(&self, service: &ServiceId, window: Window, step: Step) -> Result<Vec<PatternCells>, Error>;

    /// Metrics that a service has in a window.
    async fn metric_names(&self, service: &ServiceId, window: Window) -> Result<MetricNames, Error>;

    /// Labels of a service's metric in a window, with their values.
    async fn metric_labels(&self, service: &ServiceId, window: Window, name: &str) -> Result<Vec<MetricLabel>, Error>;

    /// A metric over time, aggregated.
    async fn metric(&self, ask: MetricAsk) -> Result<MetricSeries, Error>;

    /// Which profiles a service has in a window.
    async fn profile_types(&self, service: &ServiceId, window: Window) -> Result<ProfileTypes, Error>;

    /// Profiles of a service merged into a tree, beside others where they are compared.
    async fn profile(&self, ask: ProfileAsk) -> Result<FrameTree, Error>;

    /// Requests, errors and durations from rollups; no spans are read.
    async fn red(&self, ask: RedQuery) -> Result<Vec<RedRow>, Error>;

    /// Error groups of a service.
    async fn errors(&self, service: &ServiceId, window: Window, step: Step) -> Result<Vec<ErrorCells>, Error>;

    /// Which error groups services had in the minutes of a window.
    async fn error_groups(&self, services: &[ServiceId], window: Window) -> Result<BTreeSet<ErrorName>, Error>;

    /// How many of a service's retained error groups each revision was the first to have.
    async fn first_errors(&self, service: &ServiceId) -> Result<BTreeMap<RevisionHash, u32>, Error>;

    /// Error groups of services over the minutes of a window, by pod; of many at once for little more than of one.
    async fn error_life(&self, services: &[ServiceId], window: Window) -> Result<ErrorLives, Error>;

    /// Log patterns of warnings and worse over the minutes of a window, by pod: as error groups without an endpoint.
    async fn pattern_life(&self, services: &[ServiceId], window: Window) -> Result<ErrorLives, Error>;

    /// Who called whom in a window: services, and the names by which they called.
    async fn calls(&self, window: Window) -> Result<Vec<(ServiceId, String)>, Error>;

    /// Data of no known service that arrived in a window.
    async fn unattributed(&self, window: Window) -> Result<Vec<Unattributed>, Error>;

    /// When the last request of a service was, in the retained history.
    async fn last_request(&self, service: &ServiceId) -> Result<Option<Timestamp>, Error>;
}
