//! The revisions that a service had, and two of them compared.

use serde::{Deserialize, Serialize};

use crate::{Diff, EndpointRow, Judged, RevisionHash, Series, Summary, Timestamp, Window};

/// A revision as the Deploys tab lists it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RevisionRow {
    /// The template's hash.
    pub hash: RevisionHash,
    /// Its shown name.
    pub name: String,
    /// It is what the workload's template is now.
    pub current: bool,
    /// When its first pod was created, or what makes its pods.
    pub first_seen: Timestamp,
    /// When its last pod was gone; nothing while it runs, and where that is not known.
    pub last_seen: Option<Timestamp>,
    /// Pods that are there now.
    pub pods: u32,
    /// Pods that are known of, gone ones included.
    pub pods_ever: u32,
    /// What it did in its last hour.
    pub hour: Summary,
    /// Error groups that it was the first to have, in the retained history.
    pub new_errors: u32,
    /// What was said of the newest deploy that brought it.
    pub verdict: Option<Judged>,
}

/// The revisions of a service.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Revisions {
    /// The current one, then the others, the newest first.
    pub rows: Vec<RevisionRow>,
    /// So many older ones are not listed.
    pub more: u32,
}

/// How two revisions are laid over each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Align {
    /// By the time since each began.
    #[default]
    Age,
    /// By the clock, around the time at which the later one began.
    Clock,
}

/// Which revisions are compared, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// What the other is compared with.
    pub old: RevisionHash,
    /// What is compared.
    pub new: RevisionHash,
    /// How they are laid over each other.
    pub by: Align,
}

/// One of two revisions that are compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    /// The template's hash.
    pub hash: RevisionHash,
    /// Its shown name.
    pub name: String,
    /// Its place in the history of the service, the oldest at 0, which its colour is made of.
    pub place: u32,
    /// When it ran, the last time: from its deploy on, to its last pod's end or to now.
    pub ran: Window,
    /// What endpoints, errors and total are of.
    pub measured: Window,
    /// How long it served in `measured`, from its first request to its last, in nanoseconds: rates are of this time.
    pub served: i64,
    /// What it did then.
    pub total: Summary,
    /// Its pod template is among the stored versions.
    pub has_template: bool,
}

/// An error group beside another revision's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ComparedError {
    /// `exception.type`, else `error.type`, else status and pattern of the message.
    pub error: String,
    /// The endpoint on which it happened.
    pub endpoint: String,
    /// How often with the old revision.
    pub old: f64,
    /// How often with the new revision.
    pub new: f64,
    /// First seen in the retained history.
    pub first_seen: Timestamp,
}

/// Two revisions beside each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// What the other is compared with.
    pub old: Compared,
    /// What is compared.
    pub new: Compared,
    /// How they are laid over each other.
    pub by: Align,
    /// What the charts show: instants, or ages counted from the epoch.
    pub axis: Window,
    /// Requests per second, the old revision first.
    pub requests: [Series; 2],
    /// Share of requests that failed, the old revision first.
    pub errors: [Series; 2],
    /// 95th percentile of durations in nanoseconds, the old revision first.
    pub latency: [Series; 2],
    /// Endpoints, the new revision as `now` and the old as `before`, worst change first.
    pub endpoints: Vec<EndpointRow>,
    /// Error groups, most frequent first.
    pub groups: Vec<ComparedError>,
    /// So many groups more are rarer.
    pub more_groups: u32,
    /// The pod template, and the ConfigMaps that were edited between the two.
    pub diffs: Vec<Diff>,
    /// The least time from which edits of ConfigMaps were looked at, where the older revision began before it.
    pub config_from: Option<Timestamp>,
}
