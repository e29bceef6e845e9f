//! Health of a service and the verdict on a deploy.

use serde::{Deserialize, Serialize};

use crate::Sentence;

/// Health of a service, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Health {
    /// Users are hurt now.
    Failing,
    /// Something is worse than it should be.
    Degraded,
    /// A deploy is in progress and nothing is wrong.
    RollingOut,
    /// Binnacle can't say: not connected, or its data is old.
    Unknown,
    /// None of these.
    Healthy,
}

impl Health {
    /// All, worst first.
    pub const ALL: [Self; 5] = [Self::Failing, Self::Degraded, Self::RollingOut, Self::Unknown, Self::Healthy];

    /// The word on the screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Failing => "Failing",
            Self::Degraded => "Degraded",
            Self::RollingOut => "Rolling out",
            Self::Unknown => "Unknown",
            Self::Healthy => "Healthy",
        }
    }

    /// The word in a URL and in a style class.
    pub fn key(self) -> &'static str {
        match self {
            Self::Failing => "failing",
            Self::Degraded => "degraded",
            Self::RollingOut => "rolling-out",
            Self::Unknown => "unknown",
            Self::Healthy => "healthy",
        }
    }

    /// The health a key names.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|health| health.key() == key)
    }
}

/// A health and the sentence that says why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthState {
    /// The health.
    pub health: Health,
    /// Why, in one sentence.
    pub sentence: Sentence,
}

/// What analysis says of a deploy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum VerdictLevel {
    /// Pods are still moving.
    RollingOut,
    /// It does not move any more.
    Stuck,
    /// Nothing can be said yet.
    TooLittleData,
    /// Looked at, nothing flagged.
    Healthy,
    /// A signal is flagged.
    Degraded,
    /// Errors or pods say that it does not work.
    Failed,
    /// It was taken back.
    RolledBack,
}

/// A verdict on a deploy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Its level.
    pub level: VerdictLevel,
    /// One sentence a person would say.
    pub headline: Sentence,
}
