//! Revisions of a service and the deploys that move its pods from one to another.

use serde::{Deserialize, Serialize};

use crate::{DeployId, Judged, RevisionHash, ServiceId, Summary, Timestamp, VerdictLevel, Window};

/// One pod template of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    /// The service.
    pub service: ServiceId,
    /// The template's hash.
    pub hash: RevisionHash,
    /// The name shown: tag of the container that changed, else short digest, else `config` or `restart` and short hash.
    pub name: String,
    /// The number that Kubernetes gives it (`deployment.kubernetes.io/revision`, `ControllerRevision.revision`);
    /// it rises when an old template is used again, while the hash repeats.
    pub number: i64,
    /// When its ReplicaSet or ControllerRevision was created.
    pub created: Timestamp,
    /// Container name and image, in the template's order.
    pub images: Vec<(String, String)>,
    /// Hash of the redacted template among the stored versions.
    pub template: String,
}

/// What kind of change a deploy is: the first that holds, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum DeployKind {
    /// Another image tag or name.
    Image,
    /// The same tag, another digest.
    Digest,
    /// Env, ConfigMap or args.
    Config,
    /// Requests or limits.
    Resources,
    /// Anything else of the template.
    Template,
    /// Nothing but an annotation such as `kubectl.kubernetes.io/restartedAt`.
    Restart,
    /// The first revision of a service.
    First,
}

impl DeployKind {
    /// The word in attributes and URLs.
    pub fn key(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Digest => "digest",
            Self::Config => "config",
            Self::Resources => "resources",
            Self::Template => "template",
            Self::Restart => "restart",
            Self::First => "first",
        }
    }

    /// The words on the screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Image => "new image",
            Self::Digest => "new digest",
            Self::Config => "config only",
            Self::Resources => "resources only",
            Self::Template => "template",
            Self::Restart => "restart only",
            Self::First => "first revision",
        }
    }
}

/// How far a deploy is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeployPhase {
    /// Pods are moving.
    RollingOut,
    /// Held on purpose: partition, OnDelete, pause, canary step.
    Paused {
        /// By what.
        why: String,
    },
    /// Progressing=False, or ten minutes without a newly ready pod.
    Stuck {
        /// Since when.
        since: Timestamp,
        /// What Kubernetes says.
        why: String,
    },
    /// All wanted pods are new and available.
    Settled {
        /// When.
        at: Timestamp,
    },
    /// Another deploy began before it settled.
    Superseded {
        /// When.
        at: Timestamp,
    },
}

impl DeployPhase {
    /// Whether pods may still move.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::RollingOut | Self::Paused { .. } | Self::Stuck { .. })
    }

    /// When it ended.
    pub fn ended(&self) -> Option<Timestamp> {
        match self {
            Self::Settled { at } | Self::Superseded { at } => Some(*at),
            _ => None,
        }
    }
}

/// Pods of a service moving from one revision to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deploy {
    /// Its identity.
    pub id: DeployId,
    /// The revision before; nothing for the first.
    pub from: Option<RevisionHash>,
    /// The revision after.
    pub to: RevisionHash,
    /// The shown name of the revision before.
    pub from_name: Option<String>,
    /// The shown name of the revision after.
    pub to_name: String,
    /// What kind of change.
    pub kind: DeployKind,
    /// How far it is.
    pub phase: DeployPhase,
    /// When it started.
    pub started: Timestamp,
    /// The revision ran before: this takes the service back.
    pub rollback: bool,
    /// Found afterwards, from what Kubernetes still had.
    pub reconstructed: bool,
    /// `kubernetes.io/change-cause`, if somebody wrote one.
    pub cause: Option<String>,
    /// What changed, a line each, in words: `image of app: shop/checkout:v1 → v2`.
    pub changes: Vec<String>,
}

/// A ConfigMap that was edited in place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigChange {
    /// The cluster.
    pub cluster: String,
    /// The namespace.
    pub namespace: String,
    /// The ConfigMap.
    pub name: String,
    /// When.
    pub at: Timestamp,
    /// The keys whose values changed, came or went.
    pub keys: Vec<String>,
    /// Stored version before.
    pub from: Option<String>,
    /// Stored version after.
    pub to: String,
    /// The services that mount or read it, at that time.
    pub services: Vec<ServiceId>,
}

/// A deploy as the Deploys tab shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeployRow {
    /// The deploy.
    pub deploy: Deploy,
    /// The old revision, or all before it, over a window before the start.
    pub before: Summary,
    /// The new revision since the start.
    pub after: Summary,
    /// The window `after` was measured over.
    pub measured: Window,
    /// Config changes that belong to it.
    pub config: Vec<ConfigChange>,
    /// Its verdict, once there is one.
    pub verdict: Option<Judged>,
}

/// A deploy or config change as a flag on charts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployMark {
    /// When it started.
    pub at: Timestamp,
    /// When it ended, where it did.
    pub ended: Option<Timestamp>,
    /// The name of the revision it brought.
    pub name: String,
    /// Its sequence.
    pub sequence: u32,
    /// What kind of change.
    pub kind: DeployKind,
    /// It took the service back.
    pub rollback: bool,
    /// What was said of it, once something was.
    pub level: Option<VerdictLevel>,
}

/// The difference of two documents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diff {
    /// What was compared: `Pod template`, `ConfigMap checkout-config`.
    pub title: String,
    /// Lines kept, taken away and added, with their numbers, unchanged stretches cut to their edges.
    pub lines: Vec<DiffLine>,
}

/// A line of a difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DiffLine {
    /// In both: number before, number after, text.
    Same(u32, u32, String),
    /// Only before: number, text.
    Removed(u32, String),
    /// Only after: number, text.
    Added(u32, String),
    /// So many unchanged lines are not shown.
    Skipped(u32),
}
