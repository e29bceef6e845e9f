//! What a cluster's watchers hand over, and what they get back after a restart.

use std::sync::Arc;

use model::{
    AdverseEvent, ClusterId, ConfigChange, Deploy, PodState, RelatedResource, Revision, RevisionHash, ServiceId,
    ServiceState, Timestamp,
};

/// A batch of what a cluster said; recorded in one transaction. Everything is an upsert.
#[derive(Debug, Clone)]
pub struct ClusterRecord {
    /// The cluster.
    pub cluster: ClusterId,
    /// Services, by id.
    pub services: Vec<ServiceState>,
    /// Pods, by uid. An ended pod stays known for the retention.
    pub pods: Vec<Arc<PodState>>,
    /// Revisions, by service and hash.
    pub revisions: Vec<Revision>,
    /// Deploys, by id.
    pub deploys: Vec<Deploy>,
    /// Adverse events, by key: the least `first`, the greatest `last` and `count`, the new of all else.
    pub adverse: Vec<AdverseEvent>,
    /// Config changes; each is new.
    pub config_changes: Vec<ConfigChange>,
    /// Versions of objects; a text that is already there is stored once.
    pub versions: Vec<Version>,
    /// Other resources of a service, replacing what was known of that service.
    pub related: Vec<(ServiceId, Vec<RelatedResource>)>,
}

impl ClusterRecord {
    /// An empty batch.
    pub fn new(cluster: ClusterId) -> Self {
        Self {
            cluster,
            services: Vec::new(),
            pods: Vec::new(),
            revisions: Vec::new(),
            deploys: Vec::new(),
            adverse: Vec::new(),
            config_changes: Vec::new(),
            versions: Vec::new(),
            related: Vec::new(),
        }
    }

    /// Whether there is nothing to record.
    pub fn is_empty(&self) -> bool {
        self.services.is_empty() && self.pods.is_empty() && self.adverse.is_empty() && self.is_state_alone()
    }

    /// Whether there is nothing but services, pods and adverse events.
    pub(crate) fn is_state_alone(&self) -> bool {
        self.revisions.is_empty()
            && self.deploys.is_empty()
            && self.config_changes.is_empty()
            && self.versions.is_empty()
            && self.related.is_empty()
    }
}

/// One version of an object, redacted before it came here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Kind, `Deployment`, `ConfigMap`, `Template`.
    pub kind: String,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// When it was first seen so.
    pub at: Timestamp,
    /// Hash of the text: 32 hexadecimal digits.
    pub hash: String,
    /// The object as YAML-like text, a line a field, keys in order; nothing where the object is gone.
    pub text: String,
    /// Who changed it, as its managed fields say.
    pub manager: Option<String>,
    /// When that was.
    pub changed: Option<Timestamp>,
}

/// An object as versions are kept of it.
#[derive(Debug, Clone, Copy)]
pub struct ObjectName<'a> {
    /// The cluster.
    pub cluster: &'a str,
    /// Kind, `Deployment`, `Template`.
    pub kind: &'a str,
    /// Namespace; empty for what is the whole cluster's.
    pub namespace: &'a str,
    /// Name.
    pub name: &'a str,
}

/// The pods that are known of a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisionLife {
    /// The revision.
    pub revision: RevisionHash,
    /// When its first pod was created.
    pub first: Timestamp,
    /// When the last of its ended pods was gone; nothing where none has ended.
    pub last_end: Option<Timestamp>,
    /// Pods that have not ended.
    pub pods: u32,
    /// All pods.
    pub pods_ever: u32,
}

/// What was known of a cluster when it was last watched.
#[derive(Debug, Clone, Default)]
pub struct ClusterMemory {
    /// Services that were not deleted.
    pub services: Vec<ServiceState>,
    /// Pods that had not ended.
    pub pods: Vec<Arc<PodState>>,
    /// Revisions.
    pub revisions: Vec<Revision>,
    /// Deploys, all that are retained.
    pub deploys: Vec<Deploy>,
    /// Newest version of each object: kind, namespace, name, hash.
    pub versions: Vec<(String, String, String, String)>,
    /// Adverse events that were current, and those of the last day.
    pub adverse: Vec<AdverseEvent>,
}
