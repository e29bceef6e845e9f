//! What went wrong: single adverse events, what they are together on the screen, and their marks on charts.

use serde::{Deserialize, Serialize};

use crate::deploys::DeployMark;
use crate::{ServiceId, Timestamp, Window};

/// What kind of bad thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub enum AdverseKind {
    /// A container was restarted.
    Restart,
    /// A container was killed for its memory.
    OomKill,
    /// A container fails again and again.
    CrashLoop,
    /// An image can't be pulled.
    FailedPull,
    /// A container can't be created or started.
    FailedStart,
    /// A pod was evicted or preempted.
    Eviction,
    /// A pod finds no node.
    FailedScheduling,
    /// A probe failed.
    FailedProbe,
    /// A volume can't be mounted or attached.
    FailedVolume,
    /// Pods can't be created: quota, admission, sandbox.
    FailedCreate,
    /// A rollout does not move.
    StuckRollout,
    /// A node is not ready or under pressure.
    Node,
    /// A job gave up.
    FailedJob,
    /// A quota refuses pods.
    Quota,
    /// An autoscaler is at its maximum and wants more.
    Autoscaler,
    /// Containers are held at their CPU limit.
    Throttled,
    /// Containers are near their memory limit.
    MemoryFull,
    /// A volume is full or soon will be.
    VolumeFull,
    /// Any other warning.
    #[default]
    Warning,
}

impl AdverseKind {
    /// The words on the screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Restart => "Restarted",
            Self::OomKill => "OOM killed",
            Self::CrashLoop => "Crash loop",
            Self::FailedPull => "Image can't be pulled",
            Self::FailedStart => "Container can't start",
            Self::Eviction => "Evicted",
            Self::FailedScheduling => "Can't be scheduled",
            Self::FailedProbe => "Probe failed",
            Self::FailedVolume => "Volume can't be mounted",
            Self::FailedCreate => "Pod can't be created",
            Self::StuckRollout => "Rollout stuck",
            Self::Node => "Node trouble",
            Self::FailedJob => "Job failed",
            Self::Quota => "Quota used up",
            Self::Autoscaler => "Autoscaler at its maximum",
            Self::Throttled => "CPU throttled",
            Self::MemoryFull => "Memory near its limit",
            Self::VolumeFull => "Volume full",
            Self::Warning => "Warning",
        }
    }

    /// Whether it is drawn red, not amber.
    pub fn is_severe(self) -> bool {
        matches!(self, Self::OomKill | Self::CrashLoop | Self::FailedPull | Self::FailedStart | Self::StuckRollout)
    }

    /// Whether it is found in measurements, not told by Kubernetes.
    pub fn is_measured(self) -> bool {
        matches!(self, Self::Throttled | Self::MemoryFull | Self::VolumeFull)
    }
}

/// Something bad that happened, joined over its repeats.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AdverseEvent {
    /// What makes repeats the same: cluster, object's uid, kind, container, reason and, for events, the message's pattern.
    pub key: String,
    /// The cluster.
    pub cluster: String,
    /// The service it happened to; nothing for trouble of a node.
    pub service: Option<ServiceId>,
    /// The pod, by name.
    pub pod: Option<String>,
    /// The container.
    pub container: Option<String>,
    /// The node, where it is about one.
    pub node: Option<String>,
    /// What kind.
    pub kind: AdverseKind,
    /// The reason Kubernetes gives, `OOMKilled`.
    pub reason: String,
    /// In plain words: what happened and the likely cause.
    pub message: String,
    /// Exit code of a container that ended.
    pub exit_code: Option<i32>,
    /// First time.
    pub first: Timestamp,
    /// Last time.
    pub last: Timestamp,
    /// How often.
    pub count: u32,
    /// The latest times it happened, oldest first, at most 20: what happened in the last hour is counted from these.
    pub times: Vec<Timestamp>,
    /// It goes on: the condition still holds.
    pub current: bool,
    /// Found afterwards, from what Kubernetes still had.
    pub reconstructed: bool,
}

impl AdverseEvent {
    /// What happened, whichever object it happened to: its key without the cluster and the object.
    pub fn what(&self) -> &str {
        self.key.splitn(3, '|').nth(2).unwrap_or_default()
    }

    /// How often it happened in a window, as far as its times are kept.
    pub fn times_in(&self, window: Window) -> u32 {
        self.times.iter().filter(|at| window.contains(**at)).count() as u32
    }
}

/// Adverse events of one cause over all repeats and pods of a service: an entry of the list and of the timeline.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AdverseGroup {
    /// What kind.
    pub kind: AdverseKind,
    /// The reason Kubernetes gives, `OOMKilled`.
    pub reason: String,
    /// In plain words, of the latest: what happened and the likely cause.
    pub message: String,
    /// What helps most likely, where that is known.
    pub next: Option<String>,
    /// The container.
    pub container: Option<String>,
    /// Exit code of a container that ended.
    pub exit_code: Option<i32>,
    /// Pods by name, those that it happened to last first, as many as can be read; none where it is about the workload.
    pub pods: Vec<String>,
    /// How many pods it happened to in all.
    pub pod_count: u32,
    /// First time.
    pub first: Timestamp,
    /// Last time.
    pub last: Timestamp,
    /// How often, over all pods.
    pub count: u32,
    /// The latest times it happened, oldest first.
    pub times: Vec<Timestamp>,
    /// From when to when it held, oldest first and apart from each other; nothing of what only happens.
    pub held: Vec<(Timestamp, Timestamp)>,
    /// It goes on for one of them.
    pub current: bool,
    /// All of it was found afterwards, from what Kubernetes still had.
    pub reconstructed: bool,
    /// The last lines that a container wrote before it ended, oldest first.
    pub lines: Vec<String>,
    /// The pod of these lines.
    pub lines_of: Option<String>,
    /// The deploy it followed: its sequence and the shown name of its revision.
    pub deploy: Option<(u32, String)>,
    /// Nodes of its pods that were in trouble then.
    pub nodes: Vec<String>,
}

/// A mark of an adverse event on charts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventMark {
    /// When it happened last in the window.
    pub at: Timestamp,
    /// What kind.
    pub kind: AdverseKind,
    /// Kind and where: `OOM killed: checkout-7d9f / app`.
    pub text: String,
}

/// What stands on every chart of a service: deploy flags and event marks.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Marks {
    /// Deploys that started in the window.
    pub deploys: Vec<DeployMark>,
    /// Adverse events of the window.
    pub events: Vec<EventMark>,
}

/// The trouble of one node, with whom it hurt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeTrouble {
    /// The node.
    pub node: String,
    /// What was wrong with it, newest first; at least one.
    pub events: Vec<AdverseEvent>,
    /// What helps most likely, where that is known.
    pub next: Option<String>,
    /// Pods of this service that it hurt, by name.
    pub pods: Vec<String>,
    /// The other services that it hurt.
    pub services: Vec<ServiceId>,
}

impl NodeTrouble {
    /// First time.
    pub fn first(&self) -> Timestamp {
        self.events.iter().map(|event| event.first).min().unwrap_or_default()
    }

    /// Last time.
    pub fn last(&self) -> Timestamp {
        self.events.iter().map(|event| event.last).max().unwrap_or_default()
    }

    /// It goes on.
    pub fn is_current(&self) -> bool {
        self.events.iter().any(|event| event.current)
    }
}
