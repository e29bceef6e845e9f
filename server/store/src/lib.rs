//! Everything Binnacle keeps: what clusters said (metadata), telemetry partitions, retention, and the in-memory
//! directory that says which pod and service telemetry belongs to. Knows SQLite; knows nothing of Kubernetes' API,
//! of OTLP's wire or of pages.

mod batch;
mod block;
mod cache;
mod cluster;
mod commit;
mod directory;
mod error;
#[cfg(any(test, feature = "fixtures"))]
pub mod fixtures;
mod fold;
mod formats;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
mod index;
mod judgement;
mod leaks;
pub mod line;
mod lock;
mod logs;
mod merge;
mod meta;
mod metrics;
mod nodes;
mod owners;
mod partition;
mod pass;
pub mod pattern;
mod profiles;
mod query;
mod readers;
mod retention;
mod rollup;
mod senders;
mod short;
mod spans;
mod sqlite;
mod store;
mod telemetry;
mod tens;

pub use batch::Batch;
pub use cluster::{ClusterMemory, ClusterRecord, ObjectName, RevisionLife, Version};
pub use directory::{Attribution, Directory, OwnerFacts, Rule};
pub use error::Error;
pub use judgement::{DueDeploy, Judgement, Judgements};
pub use leaks::{Leaks, Saturations};
pub use logs::LogRow;
pub use metrics::{DistributionRow, PointRow, STALE, SeriesRow};
pub use nodes::Nodes;
pub use profiles::ProfileRow;
pub use short::Short;
pub use spans::{EventRow, LinkRow, SpanRow};
pub use store::Store;
pub use telemetry::{
    Appended, By, ErrorCells, ErrorLife, ErrorLives, ErrorName, FoundLogs, FoundSpans, FoundTrace, LogAsk, MetricAsk,
    PatternCells, PodErrors, ProfileAsk, ProfileSlice, RedQuery, RedRow, SpanAsk, StoredSpan, Telemetry,
};

use std::path::PathBuf;

/// How long and how much is kept, and where.
#[derive(Debug, Clone)]
pub struct Config {
    /// The data directory; created when it is not there.
    pub path: PathBuf,
    /// Age and bytes of raw telemetry.
    pub raw: Keep,
    /// Age and bytes of summaries.
    pub summaries: Keep,
}

/// What retention keeps of a family.
#[derive(Debug, Clone, Copy)]
pub struct Keep {
    /// Older than so many nanoseconds goes.
    pub age: i64,
    /// Over so many bytes the oldest goes.
    pub bytes: u64,
}

/// What changed, for live pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// State of services or pods, deploys, adverse events.
    Cluster,
    /// Telemetry was committed.
    Telemetry,
    /// A watcher, a cluster's connection or the store's own state.
    Status,
}
