//! What is kept of verdicts: in memory those on the newest deploys, in short.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Deploy, Evidence, Judged, ServiceId, Timestamp};
use serde::{Deserialize, Serialize};

/// A verdict in short, with the evidence that it flags.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// The verdict in short.
    pub judged: Judged,
    /// What made it worse than healthy, the headline's first.
    pub flagged: Vec<Evidence>,
    /// The minute at whose end the deploy was looked at last.
    #[serde(default)]
    pub looked: Timestamp,
    /// How much of the false-alarm budget of each look is spent, by its number, in parts that the looker counts.
    #[serde(default)]
    pub spent: BTreeMap<u8, u8>,
}

/// Verdicts on the newest deploys of services.
pub type Judgements = BTreeMap<ServiceId, Arc<Judgement>>;

/// A deploy that is to be looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct DueDeploy {
    /// The deploy.
    pub deploy: Deploy,
    /// The one that followed it.
    pub later: Option<Deploy>,
    /// What was said of it, if it was looked at.
    pub said: Option<Judgement>,
}

impl DueDeploy {
    /// When it was taken back, if it was. One that takes the service back itself is followed by a new attempt.
    pub fn taken_back(&self) -> Option<Timestamp> {
        let later = self.later.as_ref().filter(|later| later.rollback && !self.deploy.rollback);
        later.map(|later| later.started)
    }
}
