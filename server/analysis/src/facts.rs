//! What a verdict is made from, as plain data that a server fills from rollups, watchers and earlier verdicts.
//! Minutes count from the minute in which the deploy started: minute 0 is that one, the past is negative.

use std::sync::Arc;

use model::{Deploy, Evidence, Leak, Red, Timestamp};

use crate::Past;
use crate::budget::Look;

/// Everything known about a deploy at one look.
#[derive(Debug, Clone)]
pub struct DeployFacts {
    /// The end of the data: minutes that are closed.
    pub now: Timestamp,
    /// The deploy.
    pub deploy: Deploy,
    /// Which look this is.
    pub look: Look,
    /// What is flagged already, where this look was had before and its part of the budget is spent: nothing can be
    /// added by chance then. Nothing where it is had for the first time.
    pub spent: Option<Vec<Evidence>>,
    /// Requests by endpoint. The service is their sum, so that every numerator adds up.
    pub endpoints: Vec<EndpointFacts>,
    /// The service before the deploy: the same at each look.
    pub past: Arc<Past>,
    /// The revision that a rollback replaced, while it ran; empty for any other deploy.
    pub replaced: Arc<Past>,
    /// Pods of both revisions; cells name them by their place here.
    pub pods: Vec<PodFacts>,
    /// Error groups seen on the new revision.
    pub groups: Vec<GroupFacts>,
    /// Log patterns of warnings and errors seen on the new revision.
    pub patterns: Vec<GroupFacts>,
    /// How often this service shows something new by itself.
    pub births: Births,
    /// What Kubernetes says of the pods.
    pub kubernetes: KubernetesFacts,
    /// Other services at the same time: neither this one nor any that calls it, directly or not, since those fail
    /// because of it. Only of what they could share do they say anything: see [`crate::hangs_on_peers`].
    pub peers: Vec<Peer>,
    /// Earlier rollouts of this service that were not flagged.
    pub earlier: Vec<Rollout>,
    /// CPU and memory by pod, where container metrics exist.
    pub resources: Vec<ResourceFacts>,
    /// What leaks on the new revision; nothing where no container's memory is known.
    pub leaks: Option<Vec<Leak>>,
    /// Mean adjusted count of a received request: 1 where every trace is kept, 10 where one in ten is.
    pub weight: f64,
    /// When the service was taken back to an earlier revision.
    pub rolled_back: Option<Timestamp>,
}

/// One endpoint's requests.
#[derive(Debug, Clone, Default)]
pub struct EndpointFacts {
    /// The endpoint.
    pub endpoint: String,
    /// Pods of the new revision since the deploy started.
    pub new: Vec<Cell>,
    /// Pods of the old revision since the deploy started.
    pub old: Vec<Cell>,
}

/// One pod in one minute.
#[derive(Debug, Clone)]
pub struct Cell {
    /// Its place in `pods`.
    pub pod: u32,
    /// The minute.
    pub minute: i32,
    /// Requests, errors, durations.
    pub red: Red,
}

/// All pods in one minute of the past.
#[derive(Debug, Clone)]
pub struct PastMinute {
    /// The minute, negative.
    pub minute: i32,
    /// Requests, errors, durations.
    pub red: Red,
}

/// A pod.
#[derive(Debug, Clone)]
pub struct PodFacts {
    /// The minute in which it first served.
    pub first: i32,
    /// The minute in which it ended.
    pub last: Option<i32>,
}

/// An error group or log pattern on the new revision.
#[derive(Debug, Clone)]
pub struct GroupFacts {
    /// The endpoint, where it belongs to one.
    pub endpoint: Option<String>,
    /// What it is.
    pub name: String,
    /// How often on the new revision.
    pub count: f64,
    /// On how many of the new pods.
    pub pods: u32,
    /// In how many pod × minute cells of them.
    pub cells: u32,
    /// How often on old pods in the same minutes.
    pub beside: f64,
    /// Seen at any time before the deploy, in all that is retained.
    pub known: bool,
}

/// Error groups and patterns that appeared in the service's life, those of its first day and of flagged deploys
/// left out.
#[derive(Debug, Clone, Copy, Default)]
pub struct Births {
    /// How many error groups that would have passed the gates.
    pub groups: u32,
    /// How many log patterns that would have.
    pub patterns: u32,
    /// Over so many minutes.
    pub minutes: f64,
}

/// Counted over pods of one side. Events of pods on a node in trouble are left out: those are the node's.
#[derive(Debug, Clone, Copy, Default)]
pub struct PodTally {
    /// Minutes summed over pods.
    pub minutes: f64,
    /// Container restarts.
    pub restarts: u32,
    /// Pods with one.
    pub restart_pods: u32,
    /// OOM kills.
    pub kills: u32,
    /// Pods with one.
    pub kill_pods: u32,
    /// Failed probes after the pod was first ready.
    pub probes: u32,
    /// Pods with one.
    pub probe_pods: u32,
    /// Minutes not ready after having been ready, summed over pods.
    pub unready: f64,
    /// Pods with one.
    pub unready_pods: u32,
}

/// What Kubernetes says.
#[derive(Debug, Clone, Default)]
pub struct KubernetesFacts {
    /// New pods.
    pub new: PodTally,
    /// Pods before the deploy, and old pods beside the new.
    pub old: PodTally,
    /// New pods that exist now.
    pub new_pods: u32,
    /// Of them ready.
    pub new_ready: u32,
    /// New pods that were ever ready.
    pub ever_ready: u32,
    /// When the first new pod was created.
    pub first_pod: Option<Timestamp>,
    /// New pods in a crash loop, with the exit in words.
    pub crashing: Vec<(String, String)>,
    /// Images that new pods can't pull.
    pub unpullable: Vec<String>,
    /// Old pods crash-loop or can't pull as well.
    pub old_failing: bool,
    /// Why pods can't come up that has nothing to do with the revision: no room, a node in trouble.
    pub elsewhere: Option<String>,
}

/// Another service at the same time.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Its name.
    pub name: String,
    /// Over the hour before the deploy.
    pub before: Red,
    /// Since the deploy started.
    pub now: Red,
}

/// An earlier rollout of this service.
#[derive(Debug, Clone, Default)]
pub struct Rollout {
    /// New pods by minute of age, from 0.
    pub ages: Vec<Red>,
    /// The same pods once they had settled.
    pub steady: Red,
}

/// One measure of containers, a value a pod, at equal pod age.
#[derive(Debug, Clone)]
pub struct ResourceFacts {
    /// CPU per request, else memory.
    pub cpu: bool,
    /// New pods.
    pub new: Vec<f64>,
    /// Old pods at the same age and, for CPU, at the same time.
    pub old: Vec<f64>,
}
