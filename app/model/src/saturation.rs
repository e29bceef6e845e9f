//! What a service has too little of: processor, memory, room on a volume, pods of its autoscaler or of a quota.

use serde::{Deserialize, Serialize};

use crate::{AdverseKind, Sentence, Timestamp};

/// What of a service is at its limit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SaturationOf {
    /// A quota refuses its pods.
    Quota,
    /// A container's memory.
    Memory {
        /// The container.
        container: String,
    },
    /// Memory of a pod, which its containers fill together: they share its limit.
    PodMemory,
    /// A volume of a claim.
    Volume {
        /// The volume, as the pod's template names it.
        volume: String,
    },
    /// Its autoscaler may not make more pods.
    Autoscaler,
    /// A container's processor.
    Cpu {
        /// The container.
        container: String,
    },
    /// A pod's processor, which its containers share.
    PodCpu,
}

impl SaturationOf {
    /// The adverse event that it is.
    pub fn kind(&self) -> AdverseKind {
        match self {
            Self::Quota => AdverseKind::Quota,
            Self::Memory { .. } | Self::PodMemory => AdverseKind::MemoryFull,
            Self::Volume { .. } => AdverseKind::VolumeFull,
            Self::Autoscaler => AdverseKind::Autoscaler,
            Self::Cpu { .. } | Self::PodCpu => AdverseKind::Throttled,
        }
    }
}

/// Something that a service has too little of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saturation {
    /// What it is.
    pub of: SaturationOf,
    /// Since when.
    pub since: Timestamp,
    /// It degrades the service; else it is only said.
    pub degrades: bool,
    /// Names of the pods that it is about, the worst first; none where it is about the whole service.
    pub pods: Vec<String>,
    /// One sentence a person would say.
    pub sentence: Sentence,
}
