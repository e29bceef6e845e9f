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
    /// The end of the data of its verdict, if it has one.
    pub judged: Option<Timestamp>,
}
