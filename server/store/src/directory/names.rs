//! Services by the names that telemetry may give them: workload name, aliases, ReplicaSet names.

use std::sync::Arc;

use model::{RevisionHash, ServiceId, ServiceState};

use super::shards::Shards;

/// A ReplicaSet: `checkout-7d9f8c` in a namespace is this revision of that service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ReplicaSet {
    pub(super) service: Arc<ServiceId>,
    pub(super) revision: RevisionHash,
}

/// See the module.
#[derive(Debug, Default, Clone)]
pub(super) struct Names {
    by_name: Shards<Arc<str>, Arc<[Arc<ServiceId>]>>,
    replica_sets: Shards<Arc<str>, Arc<[ReplicaSet]>>,
}

impl Names {
    pub(super) fn add(&mut self, service: &ServiceState, id: &Arc<ServiceId>) {
        for name in names_of(service) {
            let list = self.by_name.entry(name.into());
            if !list.iter().any(|known| **known == service.id) {
                *list = list.iter().cloned().chain([Arc::clone(id)]).collect();
            }
        }
    }

    pub(super) fn remove(&mut self, service: &ServiceState) {
        for name in names_of(service) {
            let Some(list) = self.by_name.get(name) else { continue };
            let rest: Arc<[_]> = list.iter().filter(|id| ***id != service.id).cloned().collect();
            if rest.is_empty() { self.by_name.remove(name) } else { self.by_name.insert(name.into(), rest) }
        }
    }

    /// Services that have this name, be it their own or an alias.
    pub(super) fn services(&self, name: &str) -> &[Arc<ServiceId>] {
        self.by_name.get(name).map_or(&[], |list| list)
    }

    /// Remembers a revision's ReplicaSet; whether it was new.
    pub(super) fn add_revision(&mut self, service: &Arc<ServiceId>, revision: &RevisionHash) -> bool {
        let list = self.replica_sets.entry(format!("{}-{revision}", service.name).into());
        if list.iter().any(|known| known.service == *service) {
            return false;
        }
        let new = ReplicaSet { service: Arc::clone(service), revision: revision.clone() };
        *list = list.iter().cloned().chain([new]).collect();
        true
    }

    pub(super) fn remove_revision(&mut self, service: &ServiceId, revision: &RevisionHash) {
        let name = format!("{}-{revision}", service.name);
        let Some(list) = self.replica_sets.get(name.as_str()) else { return };
        let rest: Arc<[_]> = list.iter().filter(|known| *known.service != *service).cloned().collect();
        if rest.is_empty() {
            self.replica_sets.remove(name.as_str())
        } else {
            self.replica_sets.insert(name.into(), rest)
        }
    }

    /// ReplicaSets of this name.
    pub(super) fn replica_sets(&self, name: &str) -> &[ReplicaSet] {
        self.replica_sets.get(name).map_or(&[], |list| list)
    }
}

fn names_of(service: &ServiceState) -> impl Iterator<Item = &str> {
    std::iter::once(service.id.name.as_str())
        .chain(service.aliases.iter().map(String::as_str))
        .filter(|n| !n.is_empty())
}
