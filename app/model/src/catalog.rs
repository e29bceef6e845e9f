//! The service catalog: every service in a row, worst first.

use serde::{Deserialize, Serialize};

use crate::{ClusterStatus, DeployMark, Health, HealthState, Judged, Sentence, ServiceId, Timestamp, Window};

/// What the catalog shows, as its URL says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CatalogQuery {
    /// Text in name, namespace, kind, revision or team.
    pub text: String,
    /// Only these namespaces; none means all.
    pub namespaces: Vec<String>,
    /// Only these kinds; none means all.
    pub kinds: Vec<String>,
    /// Only these healths; none means all.
    pub health: Vec<Health>,
    /// Only services with a deploy in the last hour.
    pub changed: bool,
    /// Also CronJobs, Jobs and bare pods, and deleted services.
    pub grouped: bool,
    /// The column that orders the rows.
    pub sort: CatalogSort,
    /// The other way round.
    pub reverse: bool,
    /// The first row wanted.
    pub offset: u32,
    /// How many rows, at most 200.
    pub limit: u32,
}

/// A column that orders the catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum CatalogSort {
    /// Worst first.
    #[default]
    Health,
    /// By name.
    Name,
    /// Most requests first.
    Requests,
    /// Highest share of errors first.
    Errors,
    /// Slowest first.
    P95,
    /// Fewest ready of wanted first.
    Ready,
    /// Most restarts first.
    Restarts,
    /// Revision's name.
    Revision,
    /// Latest deploy first.
    LastDeploy,
}

impl CatalogSort {
    /// All, in the order of the columns.
    pub const ALL: [Self; 9] = [
        Self::Name,
        Self::Health,
        Self::Requests,
        Self::Errors,
        Self::P95,
        Self::Ready,
        Self::Restarts,
        Self::Revision,
        Self::LastDeploy,
    ];

    /// The word in a URL.
    pub fn key(self) -> &'static str {
        match self {
            Self::Health => "health",
            Self::Name => "name",
            Self::Requests => "requests",
            Self::Errors => "errors",
            Self::P95 => "p95",
            Self::Ready => "ready",
            Self::Restarts => "restarts",
            Self::Revision => "revision",
            Self::LastDeploy => "last-deploy",
        }
    }

    /// The column a key names.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sort| sort.key() == key)
    }
}

/// A service in the catalog.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServiceRow {
    /// Its identity.
    pub id: ServiceId,
    /// Health and why.
    pub health: HealthState,
    /// What owns the workload.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed_by: Option<String>,
    /// Requests per second over the window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// Share of requests that failed, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_share: Option<f64>,
    /// That share over the window for a sparkline.
    #[serde(default, with = "crate::short", skip_serializing_if = "Vec::is_empty")]
    pub error_spark: Vec<Option<f64>>,
    /// 95th percentile of durations in nanoseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p95: Option<f64>,
    /// That percentile over the window for a sparkline.
    #[serde(default, with = "crate::short", skip_serializing_if = "Vec::is_empty")]
    pub p95_spark: Vec<Option<f64>>,
    /// Pods ready.
    pub ready: u32,
    /// Pods wanted.
    pub wanted: u32,
    /// Restarts in the last hour.
    pub restarts: u32,
    /// Shown name of the current revision: the one that is wanted.
    pub revision: Option<String>,
    /// Shown names of the revisions that its ready pods are of, oldest pods first, where that is not just the current
    /// one; else none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ready_on: Vec<String>,
    /// The newest deploy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_deploy: Option<DeployMark>,
    /// Deleted from the cluster, shown for its history.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted: Option<Timestamp>,
}

/// A page of the catalog.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CatalogPage {
    /// The window the numbers are of.
    pub window: Window,
    /// The rows asked for.
    pub rows: Vec<ServiceRow>,
    /// Services that match the filters.
    pub matched: u32,
    /// Services in all, without those grouped off the list.
    pub total: u32,
    /// How many of each health, before the filter by health.
    pub counts: Vec<(Health, u32)>,
    /// All namespaces with services.
    pub namespaces: Vec<String>,
    /// All kinds with services.
    pub kinds: Vec<String>,
    /// Deploys in the last hour.
    pub deploys: u32,
    /// Clusters and whether they answer; none means that no cluster is configured.
    pub clusters: Vec<ClusterStatus>,
    /// The window ended before now: all but requests, errors and durations is as of now and not as of its end.
    pub of_past: bool,
}

/// A hit of the jump box.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JumpHit {
    /// The service.
    pub id: ServiceId,
    /// Its health.
    pub health: Health,
}

/// The head of a service's page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServiceHeader {
    /// Its identity.
    pub id: ServiceId,
    /// The cluster's shown name.
    pub cluster_name: String,
    /// Health and why.
    pub health: HealthState,
    /// Pods ready.
    pub ready: u32,
    /// Pods wanted.
    pub wanted: u32,
    /// Images of its containers, as they are wanted.
    pub images: Vec<String>,
    /// Shown name of the current revision: the one that is wanted.
    pub revision: Option<String>,
    /// Shown names of the revisions that its ready pods are of, oldest pods first, where that is not just the current
    /// one; else none.
    pub ready_on: Vec<String>,
    /// Its team.
    pub team: Option<String>,
    /// What owns the workload.
    pub managed_by: Option<String>,
    /// What went wrong in the window as its tab lists it, causes and nodes in trouble, for the tab's badge.
    pub adverse: u32,
    /// Deleted from the cluster.
    pub deleted: Option<Timestamp>,
    /// What was said of its newest deploy, once something was.
    pub verdict: Option<Judged>,
    /// What that verdict calls was there in the last 15 minutes.
    pub verdict_lasts: bool,
    /// What leaks first.
    pub leak: Option<Sentence>,
    /// What it has too little of, the worst first.
    pub saturation: Option<Sentence>,
    /// The window ended before now: but for `adverse`, all of this is as of now and not as of its end.
    pub of_past: bool,
}
