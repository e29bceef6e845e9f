//! Which pod and service a sender is: in memory, replaced as a whole when a cluster said something new. A snapshot
//! shares with the one before it everything that did not change (see `shards`), so that publishing is cheap.

mod apply;
mod names;
mod peers;
mod resolve;
mod seat;
mod seats;
mod shards;
mod timeline;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use model::{Deploy, PodId, PodState, RevisionHash, ServiceId, ServiceState, Text, Timestamp};
use serde::{Deserialize, Serialize};

pub(crate) use apply::Known;
pub(crate) use peers::PeerNames;
use seat::By;
use seats::Seats;
use shards::Shards;
pub(crate) use timeline::Timeline;

/// What an owner's attributes say of where it runs, in the order in which it is believed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OwnerFacts {
    /// `k8s.pod.uid`.
    pub pod_uid: Option<String>,
    /// `k8s.namespace.name`, else `service.namespace`.
    pub namespace: Option<String>,
    /// `k8s.pod.name`.
    pub pod_name: Option<String>,
    /// `container.id`.
    pub container_id: Option<String>,
    /// `k8s.pod.ip`.
    pub pod_ip: Option<String>,
    /// Kind and name from `k8s.<kind>.name`: `("Deployment", "checkout")`.
    pub workload: Option<(String, String)>,
    /// `service.name`; one that starts with `unknown_service` counts as unset.
    pub service_name: Option<String>,
    /// The address that sent it.
    pub peer: Option<IpAddr>,
    /// `k8s.cluster.uid` or `k8s.cluster.name`, to tell clusters apart.
    pub cluster: Option<String>,
}

impl OwnerFacts {
    /// `service.name`, where an SDK's user has set it.
    pub(crate) fn name(&self) -> Option<&str> {
        self.service_name.as_deref().filter(|name| !name.is_empty() && !name.starts_with("unknown_service"))
    }
}

/// How an owner was attributed: the first rule that matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Rule {
    /// `k8s.pod.uid`.
    PodUid,
    /// Namespace and `k8s.pod.name`.
    PodName,
    /// `container.id`.
    ContainerId,
    /// `k8s.pod.ip` at that time.
    PodIp,
    /// `k8s.<kind>.name` and namespace.
    Workload,
    /// The sender's address, which has sent one `service.name` only.
    Peer,
    /// `service.name` equals a workload's name or alias.
    ServiceName,
    /// A pod never seen, whose name begins with a known ReplicaSet's.
    ByName,
    /// None matched.
    None,
}

/// Whose an owner's telemetry is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribution {
    /// The service.
    pub service: Option<Arc<ServiceId>>,
    /// The revision, where the pod is known.
    pub revision: Option<RevisionHash>,
    /// The pod.
    pub pod: Option<PodId>,
    /// The pod's name.
    pub pod_name: Option<Text>,
    /// How it was found.
    pub rule: Rule,
    /// Why it was not, in words, when it was not.
    pub reason: Option<String>,
}

/// Services, pods and newest deploys of all clusters as last said.
#[derive(Debug, Default, Clone)]
pub struct Directory {
    /// By id. Replaced as a whole: copying 10,000 pointers takes less than looking each up in a tree.
    services: Arc<Vec<Arc<ServiceState>>>,
    entries: Shards<Arc<ServiceId>, Arc<Entry>>,
    /// Pods by what telemetry may name them by; a uid is unique in a cluster only.
    seats: Seats,
    /// Services by workload name and alias.
    names: names::Names,
    /// Clusters' ids, aliases and context names, each to the id.
    clusters: Arc<BTreeMap<String, String>>,
    /// Namespaces that have or had a service.
    namespaces: Arc<BTreeSet<String>>,
    peers: Arc<PeerNames>,
    /// Rises when an attribution may have changed; what only changes a pod's phase leaves it.
    generation: u64,
}

/// What hangs on a service.
#[derive(Debug, Default, Clone)]
struct Entry {
    pods: Vec<Arc<PodState>>,
    deploy: Option<Arc<Deploy>>,
    revisions: Vec<(RevisionHash, Text)>,
}

impl Directory {
    /// Whose telemetry is with these facts at a time.
    pub fn resolve(&self, facts: &OwnerFacts, at: Timestamp) -> Arc<Attribution> {
        resolve::resolve(self, facts, at)
    }

    /// A service.
    pub fn service(&self, id: &ServiceId) -> Option<&Arc<ServiceState>> {
        self.place(id).ok().map(|at| &self.services[at])
    }

    /// All services, deleted ones that are still retained included, by id.
    pub fn services(&self) -> impl Iterator<Item = &Arc<ServiceState>> {
        self.services.iter()
    }

    /// Pods of a service that exist now.
    pub fn pods(&self, id: &ServiceId) -> &[Arc<PodState>] {
        self.entries.get(id).map_or(&[], |entry| &entry.pods)
    }

    /// The newest deploy of a service; its first revision is none where it was found afterwards.
    pub fn newest_deploy(&self, id: &ServiceId) -> Option<&Arc<Deploy>> {
        self.entries.get(id)?.deploy.as_ref()
    }

    /// Whether a pod is known; one that ended is forgotten after some time.
    pub(crate) fn has_pod(&self, pod: &PodId) -> bool {
        self.seats.get(By::Uid, &pod.0).next().is_some()
    }

    /// The shown name of a revision.
    pub fn revision_name(&self, service: &ServiceId, revision: &RevisionHash) -> Option<&str> {
        let revisions = &self.entries.get(service)?.revisions;
        revisions.iter().find(|(hash, _)| hash == revision).map(|(_, name)| name.as_str())
    }

    /// Services that a caller can mean by a name: `cart`, `cart.shop`, `cart.shop.svc.cluster.local`.
    pub fn called<'a>(&'a self, caller: &'a ServiceId, name: &'a str) -> impl Iterator<Item = &'a ServiceId> {
        let mut labels = name.split('.');
        let first = labels.next().unwrap_or_default();
        let namespace = labels.next().unwrap_or(&caller.namespace);
        let named = self.names.services(first).iter().map(AsRef::as_ref);
        named.filter(move |id: &&ServiceId| id.cluster == caller.cluster && id.namespace == namespace)
    }

    /// Whose telemetry is with these facts, at any time.
    pub(crate) fn timeline(&self, facts: &OwnerFacts) -> Timeline {
        timeline::of(self, facts)
    }

    /// A number that changes when an attribution may have changed.
    pub fn generation(&self) -> (u64, u64) {
        (self.generation, self.peers.generation())
    }

    /// Which `service.name`s peers have sent.
    pub(crate) fn peers(&self) -> &Arc<PeerNames> {
        &self.peers
    }

    fn place(&self, id: &ServiceId) -> Result<usize, usize> {
        self.services.binary_search_by(|service| service.id.cmp(id))
    }
}
