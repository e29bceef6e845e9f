//! What went wrong, in plain words. Pure: from status where there is one, from events where there is none, since events
//! are lost after an hour and Kubernetes writes none for a container that was killed for its memory.

mod events;
mod ledger;
mod nodes;
mod pods;
mod scaling;
mod words;
mod workloads;

use model::{AdverseKind, Timestamp};

pub(crate) use events::of_event;
pub(crate) use ledger::{Ledger, Place};
pub(crate) use nodes::of_node;
pub(crate) use pods::of_pod;
pub(crate) use scaling::of_autoscaler;
pub(crate) use workloads::{of_workload, stuck};

/// Something bad that is seen in one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sighting {
    /// What kind.
    pub(crate) kind: AdverseKind,
    /// The reason Kubernetes gives.
    pub(crate) reason: String,
    /// What makes two of one kind in one container different.
    pub(crate) mark: String,
    /// The container.
    pub(crate) container: Option<String>,
    /// In plain words.
    pub(crate) message: String,
    /// Exit code of a container that ended.
    pub(crate) exit_code: Option<i32>,
    /// The last time.
    pub(crate) at: Timestamp,
    /// How it lasts.
    pub(crate) repeat: Repeat,
}

/// How something bad lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// It holds as long as it is seen.
    Condition,
    /// It happened so often more.
    Times(u32),
    /// It happened so often in all, since a first time.
    Total(u32, Timestamp),
}
