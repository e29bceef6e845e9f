//! Deploys, and what is said of each in short.

use model::{Deploy, Judged};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::time;

/// A page of deploys.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct DeployPage {
    /// Newest first.
    pub(crate) items: Vec<DeployShape>,
    /// The cursor of the next page; nothing on the last.
    pub(crate) next: Option<String>,
}

/// A deploy.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub(crate) struct DeployShape {
    /// `cluster/namespace/kind/name/sequence`.
    pub(crate) id: String,
    /// Its place among the deploys of the service, from 1.
    pub(crate) sequence: u32,
    /// Shown name of the revision before.
    pub(crate) from: Option<String>,
    /// Shown name of the revision after.
    pub(crate) to: String,
    /// Hash of the revision after.
    pub(crate) revision: String,
    /// `image`, `digest`, `config`, `resources`, `template`, `restart` or `first`.
    pub(crate) kind: String,
    /// When it started.
    pub(crate) started: String,
    /// When it ended, where it did.
    pub(crate) ended: Option<String>,
    /// It takes the service back.
    pub(crate) rollback: bool,
    /// Found afterwards.
    pub(crate) reconstructed: bool,
    /// What changed, a line each.
    pub(crate) changes: Vec<String>,
    /// What was said of it.
    pub(crate) verdict: Option<JudgedShape>,
}

/// A verdict in short.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub(crate) struct JudgedShape {
    /// `rolling-out`, `stuck`, `too-little-data`, `healthy`, `degraded`, `failed` or `rolled-back`.
    pub(crate) level: String,
    /// One sentence.
    pub(crate) headline: String,
    /// What it rests on.
    pub(crate) note: String,
    /// The end of the data it was made from.
    pub(crate) judged_at: String,
}

pub(crate) fn deploy(deploy: &Deploy, verdict: Option<&Judged>) -> DeployShape {
    DeployShape {
        id: deploy.id.to_string(),
        sequence: deploy.id.sequence,
        from: deploy.from_name.clone(),
        to: deploy.to_name.clone(),
        revision: deploy.to.to_string(),
        kind: deploy.kind.key().to_owned(),
        started: time(deploy.started),
        ended: deploy.phase.ended().map(time),
        rollback: deploy.rollback,
        reconstructed: deploy.reconstructed,
        changes: deploy.changes.clone(),
        verdict: verdict.map(judged),
    }
}

pub(super) fn judged(judged: &Judged) -> JudgedShape {
    JudgedShape {
        level: judged.level.key().to_owned(),
        headline: judged.headline.to_string(),
        note: judged.note.clone(),
        judged_at: time(judged.judged_at),
    }
}
