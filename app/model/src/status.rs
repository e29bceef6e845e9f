//! How Binnacle itself is: watchers, rights, what came in and what was turned away, what is stored.

use serde::{Deserialize, Serialize};

use crate::{Growth, LogCoverage, Timestamp};

/// A cluster and whether it answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterStatus {
    /// Its id; empty until it is known.
    pub id: String,
    /// The context's name, or `in-cluster`.
    pub name: String,
    /// How it stands.
    pub connection: Connection,
    /// When anything was last heard from it.
    pub heard: Option<Timestamp>,
    /// Its watchers.
    pub watchers: Vec<WatcherStatus>,
    /// Its kubelets.
    pub kubelets: KubeletStatus,
    /// Whose logs are read by the log stream.
    pub logs: LogCoverage,
}

/// Whether the kubelets of a cluster say what containers use.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct KubeletStatus {
    /// Why none is asked, where none is.
    pub off: Option<String>,
    /// Nodes that are known.
    pub nodes: u32,
    /// Those of them that answered when they were asked last.
    pub answering: u32,
    /// What some did not answer, and why; what concerns most nodes is first.
    pub troubles: Vec<KubeletTrouble>,
}

/// Something that kubelets did not answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KubeletTrouble {
    /// What and why.
    pub reason: String,
    /// What to do about it, where that is known: a rule to add as YAML, or a sentence.
    pub add: Option<String>,
    /// How many nodes it concerns.
    pub nodes: u32,
    /// One of them.
    pub example: String,
}

/// Whether a cluster answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Connection {
    /// Not yet.
    Connecting {
        /// The last failure, if one was seen.
        reason: Option<String>,
    },
    /// It answered; first lists are under way.
    Syncing,
    /// Every watcher that may run has its list.
    Connected,
    /// It was connected and does not answer now.
    Lost {
        /// Why.
        reason: String,
        /// Since when.
        since: Timestamp,
    },
}

/// One watcher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatcherStatus {
    /// What it watches: `deployments.apps`.
    pub resource: String,
    /// The namespace, or nothing for all.
    pub namespace: Option<String>,
    /// How it stands.
    pub state: WatchState,
    /// Objects it holds.
    pub objects: u64,
    /// Lists it made.
    pub lists: u64,
    /// Events it saw.
    pub events: u64,
    /// When it last heard anything.
    pub heard: Option<Timestamp>,
}

/// How a watcher stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum WatchState {
    /// Listing.
    Syncing,
    /// Following.
    Synced,
    /// The last attempt failed; it tries again.
    Failing {
        /// Why.
        reason: String,
        /// Since when.
        since: Timestamp,
    },
    /// Not allowed.
    Forbidden {
        /// The RBAC rule to add, as YAML.
        rule: String,
    },
    /// The cluster does not have this kind.
    Absent,
}

/// What receivers counted since the start.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct IngestStatus {
    /// Requests taken in.
    pub requests: u64,
    /// Spans stored.
    pub spans: u64,
    /// Log records stored.
    pub logs: u64,
    /// Metric points stored.
    pub points: u64,
    /// Profiles stored.
    pub profiles: u64,
    /// Bytes after decompression.
    pub bytes: u64,
    /// Identical retries dropped.
    pub duplicates: u64,
    /// Records stored in the last full minute.
    pub last_minute: u64,
    /// What was turned away: reason, sender, how often, last time.
    pub rejected: Vec<Rejection>,
}

/// Telemetry turned away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// Why.
    pub reason: String,
    /// Who sent it, by address.
    pub peer: String,
    /// How often.
    pub count: u64,
    /// The last time.
    pub last: Timestamp,
}

/// Telemetry that belongs to no known service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unattributed {
    /// `service.name` it carries, else empty.
    pub name: String,
    /// Who sent it.
    pub peer: Option<String>,
    /// Some of its resource attributes.
    pub attributes: Vec<(String, String)>,
    /// Why no service was found.
    pub reason: String,
    /// Spans of it.
    pub spans: u64,
    /// Log records of it.
    pub logs: u64,
    /// When it last came.
    pub last: Timestamp,
}

/// What the store holds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StoreStatus {
    /// Raw partitions: spans, logs, points and profiles.
    pub raw: Growth,
    /// Summaries.
    pub summaries: Growth,
    /// Bytes that may still be written to the disk, what is kept free left out; nothing where that is not known.
    pub room: Option<u64>,
    /// Bytes of the metadata database.
    pub meta_bytes: u64,
    /// Raw partitions.
    pub partitions: u32,
    /// Spans in them.
    pub spans: u64,
    /// Log records in them.
    pub logs: u64,
    /// Metric points in them.
    pub points: u64,
    /// Samples of profiles in them.
    pub samples: u64,
    /// Points since the start that went into overflow series, because their owner has too many.
    pub overflowed: u64,
    /// When the oldest raw partition began; what it holds may tell of earlier times.
    pub oldest: Option<Timestamp>,
    /// When the writer last committed.
    pub committed: Option<Timestamp>,
    /// Why nothing is appended although the writer works: the disk is nearly full.
    pub disk_short: Option<String>,
    /// Why receivers take little at once: memory is nearly used up.
    pub memory_short: Option<String>,
    /// The last failure of the writer, while it lasts.
    pub failing: Option<String>,
}

/// The status page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusPage {
    /// Binnacle's version.
    pub version: String,
    /// When the process started.
    pub started: Timestamp,
    /// Clusters.
    pub clusters: Vec<ClusterStatus>,
    /// Receivers.
    pub ingest: IngestStatus,
    /// Data of no known service.
    pub unattributed: Vec<Unattributed>,
    /// Store.
    pub store: StoreStatus,
    /// Where OTLP is received: gRPC and HTTP addresses.
    pub receivers: Vec<(String, String)>,
}
