//! What Kubernetes says of a service: its state, its pods, what went wrong, its resources.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    AdverseGroup, Amounts, Asked, ContainerState, DeployMark, Exit, NodeTrouble, PodId, QosClass, ResourceId,
    RevisionHash, Sentence, Series, ServiceId, Text, Timestamp, Whole, Window,
};

/// A service as the cluster has it now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceState {
    /// Its identity.
    pub id: ServiceId,
    /// The uid of the workload.
    pub uid: String,
    /// When the workload was created.
    pub created: Timestamp,
    /// When it was deleted; it stays known for the retention period.
    pub deleted: Option<Timestamp>,
    /// What owns the workload, `Prometheus/main`.
    pub managed_by: Option<String>,
    /// Its team, from `app.kubernetes.io/part-of`, `team` or `owner` labels or annotations.
    pub team: Option<String>,
    /// `app.kubernetes.io/name` and `app.kubernetes.io/instance`, by which telemetry may name it.
    pub aliases: Vec<String>,
    /// Grouped off the main list: CronJobs, Jobs, static and bare pods.
    pub grouped: bool,
    /// Pods wanted.
    pub wanted: u32,
    /// Pods ready.
    pub ready: u32,
    /// Pods of the current revision.
    pub updated: u32,
    /// Pods available.
    pub available: u32,
    /// The revision its template has now.
    pub revision: Option<RevisionHash>,
    /// The shown name of that revision.
    pub revision_name: Option<String>,
    /// Images of its containers.
    pub images: Vec<String>,
    /// Since when fewer are ready than wanted.
    pub short_since: Option<Timestamp>,
    /// Since when none is ready while some are wanted.
    pub down_since: Option<Timestamp>,
    /// It never had a ready pod, or replaces all at once: the progress deadline (in seconds) counts, not 60 s.
    pub grace: Option<u32>,
    /// Sum of its pods' restarts.
    pub restarts: u32,
}

/// How a pod stands, as its lane is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PodPhase {
    /// Not scheduled, or pulling images.
    Pending,
    /// Its containers run, it was never ready.
    Starting,
    /// Ready.
    Ready,
    /// It was ready and is not now.
    NotReady,
    /// Being deleted.
    Terminating,
    /// Finished well.
    Succeeded,
    /// Ended badly: failed or evicted.
    Failed,
    /// It ran and nobody watched: it may have been ready.
    Unknown,
}

impl PodPhase {
    /// The word on the screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::NotReady => "not ready",
            Self::Terminating => "terminating",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Unknown => "not known",
        }
    }

    /// The word in a style class.
    pub fn key(self) -> &'static str {
        match self {
            Self::NotReady => "not-ready",
            Self::Unknown => "unknown",
            other => other.word(),
        }
    }
}

/// A pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodState {
    /// Its uid.
    pub id: PodId,
    /// The cluster.
    pub cluster: Text,
    /// The namespace.
    pub namespace: Text,
    /// Its name.
    pub name: Text,
    /// The service it belongs to.
    pub service: Arc<ServiceId>,
    /// Its revision, fixed for life.
    pub revision: Option<RevisionHash>,
    /// The node it was scheduled to.
    pub node: Option<Text>,
    /// The zone of that node (`topology.kubernetes.io/zone`), once the node said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<Text>,
    /// What is taken first where its node runs out of memory; fixed for life.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qos: Option<QosClass>,
    /// What was asked for it as a whole, where anything was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whole: Option<Box<Whole>>,
    /// Its IP addresses.
    pub ips: Vec<Text>,
    /// It has its node's network: its IP says nothing of who sends.
    pub host_network: bool,
    /// Its logs are not to be read: its annotation says so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub logs_off: bool,
    /// When it was created.
    pub created: Timestamp,
    /// When it was gone.
    pub ended: Option<Timestamp>,
    /// How it stands now.
    pub phase: PodPhase,
    /// How it stood since when, oldest first; the last entry is `phase`.
    pub history: Vec<(Timestamp, PodPhase)>,
    /// Why it waits or ended, `ImagePullBackOff`, `Evicted`, `Unschedulable`.
    pub reason: Option<Text>,
    /// Its containers, init containers first.
    pub containers: Vec<ContainerState>,
}

impl PodState {
    /// Restarts of all its containers.
    pub fn restarts(&self) -> u32 {
        self.containers.iter().map(|container| container.restarts).sum()
    }

    /// What its node kept free for it at a moment of its life: what was asked for it as a whole, else the sum over
    /// containers that last.
    pub fn requests_at(&self, at: Timestamp) -> Amounts {
        let asked = || self.lasting().map(|container| container.asked_at(at).requests);
        let whole = self.whole_at(at).requests;
        Amounts {
            cpu: whole.cpu.or_else(|| asked().filter_map(|one| one.cpu).reduce(u32::saturating_add)),
            memory: whole.memory.or_else(|| asked().filter_map(|one| one.memory).reduce(u64::saturating_add)),
        }
    }

    /// The most it might use at a moment of its life: its limit as a whole, or what its containers may use together
    /// where that is less; nothing where it has no limit and one of the containers that last has none either.
    pub fn limits_at(&self, at: Timestamp) -> Amounts {
        let asked = || self.lasting().map(|container| container.asked_at(at).limits);
        let sum = |all: Option<Vec<u64>>| all.filter(|all| !all.is_empty()).map(|all| all.iter().sum::<u64>());
        let cpu = sum(asked().map(|one| one.cpu.map(u64::from)).collect());
        let cpu = cpu.map(|cpu| u32::try_from(cpu).unwrap_or(u32::MAX));
        let whole = self.whole_at(at).limits;
        Amounts {
            cpu: cpu.into_iter().chain(whole.cpu).min(),
            memory: sum(asked().map(|one| one.memory).collect()).into_iter().chain(whole.memory).min(),
        }
    }

    /// Whether its containers share a limit of cores: one that it has as a whole.
    pub fn shares_cpu_limit(&self) -> bool {
        self.whole.as_ref().is_some_and(|whole| whole.asked.limits.cpu.is_some())
    }

    /// What was asked for it as a whole at a moment of its life.
    fn whole_at(&self, at: Timestamp) -> Asked {
        self.whole.as_ref().map(|whole| whole.asked_at(at).clone()).unwrap_or_default()
    }

    fn lasting(&self) -> impl Iterator<Item = &ContainerState> {
        self.containers.iter().filter(|container| container.role.lasts())
    }
}

/// A pod as a lane over time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodLane {
    /// The pod's name.
    pub pod: String,
    /// The shown name of its revision.
    pub revision: Option<String>,
    /// The revision's place in the history of the service, the oldest at 0, which its colour is made of.
    pub place: Option<u32>,
    /// Stretches: from, to, phase; cut to the window.
    pub stretches: Vec<(Timestamp, Timestamp, PodPhase)>,
}

/// The pods of a service over a window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PodLanes {
    /// The window.
    pub window: Window,
    /// A lane a pod, newest last; none where there are more than 200 pods.
    pub lanes: Vec<PodLane>,
    /// In the place of lanes: how many pods there were in each phase, by the phase's word.
    pub counts: Vec<(PodPhase, Series)>,
    /// How many pods `counts` is of.
    pub counted: u32,
}

/// One resource in the tree of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceRow {
    /// How deep in the tree, from 0.
    pub depth: u8,
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its state in words: `6/6 ready`.
    pub state: String,
    /// Whether the state is bad (`Some(false)`), good (`Some(true)`), or neither.
    pub good: Option<bool>,
    /// When it was created or changed last, as far as its versions tell.
    pub changed: Option<Timestamp>,
    /// A note: the node of a pod, the revision of a ReplicaSet.
    pub note: String,
    /// What opens its text and history, where these are kept.
    pub id: Option<ResourceId>,
}

/// A resource that is neither workload, revision nor pod, and that belongs to a service by reference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelatedResource {
    /// The service.
    pub service: ServiceId,
    /// Kind: `Service`, `ConfigMap`, `ReplicaSet`, `Helm release`.
    pub kind: String,
    /// Name.
    pub name: String,
    /// Its namespace where that is not the service's: empty for what is the whole cluster's.
    #[serde(default)]
    pub namespace: Option<String>,
    /// Deeper than the resource before it that it belongs to.
    #[serde(default)]
    pub depth: u8,
    /// State in words: `6 endpoints`, `mounted`.
    pub state: String,
    /// Whether the state is bad, good, or neither.
    pub good: Option<bool>,
    /// Created or last changed.
    pub changed: Option<Timestamp>,
}

/// The Kubernetes tab.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KubernetesTab {
    /// What its pods leak now; nothing of a past moment.
    pub leak: Option<Sentence>,
    /// What went wrong in the window, the latest first; of nodes see below.
    pub events: Vec<AdverseGroup>,
    /// Nodes of its pods that were in trouble in the window, latest first.
    pub nodes: Vec<NodeTrouble>,
    /// What nodes of its pods use now, by name; of a past moment nothing.
    pub uses: Vec<(String, NodeUse)>,
    /// Its deploys in the window, oldest first.
    pub deploys: Vec<DeployMark>,
    /// What of time this is about.
    pub window: Window,
    /// Resources as a tree, in drawing order.
    pub resources: Vec<ResourceRow>,
    /// Pods that exist now or ended in the window.
    pub pods: Vec<PodRow>,
    /// The past moment that all of this is as of; nothing where it is the present.
    pub past: Option<Timestamp>,
    /// Since when it is kept what belongs to the service, where that is after the past moment: what belonged to it then
    /// is not known but for the workload and its pods.
    pub kept_from: Option<Timestamp>,
    /// When something of it changed in the window, oldest first.
    pub moments: Vec<Timestamp>,
}

/// What is used of a node, as its kubelet says.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct NodeUse {
    /// When it was told.
    pub at: Timestamp,
    /// Cores that are busy.
    pub cores: Option<f64>,
    /// Bytes of memory that no cache gives back, and those that are left.
    pub memory: Option<(u64, u64)>,
    /// Bytes of its root file system that are used, and those that are left.
    pub disk: Option<(u64, u64)>,
}

/// A pod in the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodRow {
    /// Name.
    pub name: String,
    /// How it stands.
    pub phase: PodPhase,
    /// Why, where there is a reason.
    pub reason: Option<String>,
    /// Shown name of its revision.
    pub revision: Option<String>,
    /// Restarts of its containers.
    pub restarts: u32,
    /// The last exit of any container: code and reason.
    pub last_exit: Option<Exit>,
    /// Created.
    pub created: Timestamp,
    /// Ended.
    pub ended: Option<Timestamp>,
    /// Node.
    pub node: Option<String>,
    /// The node's zone.
    pub zone: Option<String>,
    /// What is taken first where the node runs out of memory.
    pub qos: Option<QosClass>,
    /// What is asked for it as a whole.
    pub whole: Option<Asked>,
    /// Its containers, in the order in which they start.
    pub containers: Vec<ContainerState>,
}
