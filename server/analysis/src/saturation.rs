//! What a service has too little of, pure: figures of its containers and volumes, or adverse events that its cluster
//! told, in; findings with their sentence out. What nobody measures is never a finding.
//!
//! Thresholds and times are those of the alerts that most clusters have (kubernetes-mixin, as kube-prometheus ships it),
//! each named where it stands. What is a *warning* or worse there degrades the service, what is *info* is only said.
//! A finding lasts until its value has fallen clearly below the threshold, so that it does not flicker.

mod lasting;
mod measured;
mod sentence;
mod told;

use model::{DAY, HOUR, MINUTE, SaturationOf};

pub use lasting::{Threshold, lasting};
pub use measured::{Measured, saturation, throttled};
pub use told::told;

/// Numbers of the rules.
#[derive(Debug, Clone, PartialEq)]
pub struct SaturationRules {
    /// Share of the periods in which a container, or a pod as a whole, was held at its CPU limit (`CPUThrottlingHigh`:
    /// more than 25 % for 15 min, an *info*).
    pub throttled: Threshold,
    /// From this share on it is held more often than not, which degrades the service. Ours: the alert has no such step.
    pub held: f64,
    /// Working set against the memory limit. Ours, there is no such alert: below it, what the kernel would still take
    /// back of the cache of files can explain the figure; above it, little is left until the container is killed.
    pub memory: Threshold,
    /// Used share of a volume (`KubePersistentVolumeFillingUp`, *critical*: less than 3 % left for 1 min).
    pub full: Threshold,
    /// Used share of a volume that fills (the same, *warning*: less than 15 % left for 1 h, …
    pub filling: Threshold,
    /// … by the trend of so long, …
    pub trend: i64,
    /// … full within so long).
    pub ahead: i64,
    /// Full within so long, it degrades the service, as a leak does.
    pub soon: i64,
    /// An autoscaler is at its maximum for so long (`KubeHpaMaxedOut`: 15 min, a *warning*).
    pub maxed: i64,
    /// A quota refuses pods for so long: as long as pods may be missing without degrading a service.
    pub refused: i64,
    /// Refusals that lie no further apart than this are one: controllers try again after up to 1,000 s
    /// (`kube-controller-manager`, exponential back-off).
    pub again: i64,
}

impl Default for SaturationRules {
    fn default() -> Self {
        Self {
            throttled: Threshold { enter: 0.25, leave: 0.2, after: 15 * MINUTE },
            held: 0.5,
            memory: Threshold { enter: 0.95, leave: 0.92, after: 10 * MINUTE },
            full: Threshold { enter: 0.97, leave: 0.96, after: MINUTE },
            filling: Threshold { enter: 0.85, leave: 0.83, after: HOUR },
            trend: 6 * HOUR,
            ahead: 4 * DAY,
            soon: 24 * HOUR,
            maxed: 15 * MINUTE,
            refused: 5 * MINUTE,
            again: 20 * MINUTE,
        }
    }
}

/// What it does to the service.
pub fn effect(of: &SaturationOf) -> &'static str {
    match of {
        SaturationOf::Cpu { .. } | SaturationOf::PodCpu => "What it does takes longer while it waits.",
        SaturationOf::Memory { .. } => "At the limit the container is killed.",
        SaturationOf::PodMemory => "At the limit one of its containers is killed.",
        SaturationOf::Volume { .. } => "When it is full, writing fails.",
        SaturationOf::Autoscaler => "More load brings no more pods.",
        SaturationOf::Quota => "No more pods can be made.",
    }
}
