//! The numbers that a verdict is made by. A change of any of them, or of what is done with them, is a new version.

use model::{DAY, MINUTE};

/// Everything about judging that could have been decided otherwise.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// Version of the rules, stored with each verdict.
    pub version: u32,
    /// Chance that a harmless deploy is flagged by anything at all, at any look.
    pub alpha: f64,
    /// An error rate has to rise by so much, as a share (0.005 is half a point).
    pub error_rise: f64,
    /// And to so many times what it was.
    pub error_ratio: f64,
    /// And with so many errors on the new revision.
    pub error_count: f64,
    /// Durations have to grow by so much of what they were.
    pub latency_rise: f64,
    /// And by so many nanoseconds.
    pub latency_nanos: f64,
    /// *Failed* from this share of errors.
    pub failed_share: f64,
    /// And so many errors.
    pub failed_count: f64,
    /// Pod × minute cells a side from which variance comes from the cells.
    pub least_cells: usize,
    /// Dispersion taken where the service has no history to measure it in.
    pub unknown_dispersion: f64,
    /// Whole minutes of a pod's first time that are always set apart: connections, caches and compilers warm up.
    pub warm_up: u16,
    /// So long may a learned warm-up last, in minutes of pod age.
    pub longest_warm_up: u16,
    /// Earlier rollouts that have to show a disturbance before it is called usual.
    pub usual_rollouts: usize,
    /// A minute with so many times the load that the past has seen says nothing against the past.
    pub load_ratio: f64,
    /// Other services that have to be seen before one speaks of all of them.
    pub least_peers: usize,
    /// Throughput has to fall to this share of what it was.
    pub throughput_share: f64,
    /// CPU or memory have to grow by this share.
    pub resource_rise: f64,
    /// Nanoseconds that new pods may take to get ready before they *never* do.
    pub ready_patience: i64,
    /// Of a first revision, which nothing can be held against, this share of requests has to fail, as health has it.
    pub first_share: f64,
    /// It is called healthy where this share failing would have been seen.
    pub first_visible: f64,
    /// A container of it has to be OOM killed so often, as health has it.
    pub first_kills: u32,
    /// Containers have to restart so often, as health has it.
    pub first_restarts: u32,
    /// Probes have to fail so often once a pod was ready: a few do while it gets up.
    pub first_probes: u32,
    /// Pods have to be so many minutes not ready after having been ready, as health has it.
    pub first_unready: u32,
    /// Memory of it has to reach its limit within so many nanoseconds, as health has it.
    pub first_leak: i64,
    /// Nanoseconds of watching pods alone, without requests, before they are called healthy.
    pub quiet: i64,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            version: 5,
            alpha: 0.01,
            error_rise: 0.005,
            error_ratio: 1.5,
            error_count: 10.0,
            latency_rise: 0.2,
            latency_nanos: 5e6,
            failed_share: 0.05,
            failed_count: 20.0,
            least_cells: 10,
            unknown_dispersion: 3.0,
            warm_up: 1,
            longest_warm_up: 8,
            usual_rollouts: 2,
            load_ratio: 1.5,
            least_peers: 3,
            throughput_share: 0.5,
            resource_rise: 0.25,
            ready_patience: 10 * MINUTE,
            first_share: 0.01,
            first_visible: 0.02,
            first_kills: 1,
            first_restarts: 2,
            first_probes: 10,
            first_unready: 5,
            first_leak: DAY,
            quiet: 5 * MINUTE,
        }
    }
}
