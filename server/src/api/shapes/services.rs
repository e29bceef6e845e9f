//! Services.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::deploys::{JudgedShape, judged};
use crate::backend::machines::Listed;

/// A page of services.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ServicePage {
    /// By id.
    pub(crate) items: Vec<ServiceShape>,
    /// The cursor of the next page; nothing on the last.
    pub(crate) next: Option<String>,
}

/// A service.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ServiceShape {
    /// `cluster/namespace/kind/name`.
    pub(crate) id: String,
    /// Its cluster's id.
    pub(crate) cluster: String,
    /// Its namespace.
    pub(crate) namespace: String,
    /// Its kind.
    pub(crate) kind: String,
    /// Its name.
    pub(crate) name: String,
    /// `failing`, `degraded`, `rolling-out`, `unknown` or `healthy`.
    pub(crate) health: String,
    /// Why, in one sentence.
    pub(crate) sentence: String,
    /// Shown name of its revision.
    pub(crate) revision: Option<String>,
    /// What was said of its newest deploy.
    pub(crate) verdict: Option<JudgedShape>,
}

pub(crate) fn service(listed: &Listed) -> ServiceShape {
    let id = &listed.service.id;
    ServiceShape {
        id: id.to_string(),
        cluster: id.cluster.clone(),
        namespace: id.namespace.clone(),
        kind: id.kind.clone(),
        name: id.name.clone(),
        health: listed.health.health.key().to_owned(),
        sentence: listed.health.sentence.to_string(),
        revision: listed.service.revision_name.clone(),
        verdict: listed.verdict.as_ref().map(judged),
    }
}
