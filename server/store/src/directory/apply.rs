//! How what a cluster said becomes the next directory.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Deploy, DeployKind, PodState, Revision, RevisionHash, ServiceId, ServiceState, Timestamp};

use super::seat::{By, Seat};
use super::{Directory, Entry};

/// What is to be made known.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) services: Vec<ServiceState>,
    pub(crate) pods: Vec<Arc<PodState>>,
    pub(crate) revisions: Vec<Revision>,
    pub(crate) deploys: Vec<Deploy>,
}

impl Directory {
    /// Makes things known; the caller publishes the result.
    pub(crate) fn apply(&mut self, known: Known) {
        self.apply_services(known.services);
        for revision in known.revisions {
            self.apply_revision(revision);
        }
        for pod in known.pods {
            self.apply_pod(pod);
        }
        for deploy in known.deploys {
            self.apply_deploy(deploy);
        }
    }

    /// Other names of clusters: aliases and contexts, each with the id.
    pub(crate) fn apply_clusters(&mut self, names: impl IntoIterator<Item = (String, String)>) {
        let clusters = Arc::make_mut(&mut self.clusters);
        for (name, id) in names {
            if clusters.insert(name, id.clone()).as_ref() != Some(&id) {
                self.generation += 1;
            }
        }
    }

    /// Forgets pods that ended and services that were deleted before a time.
    pub(crate) fn forget(&mut self, pods: Timestamp, services: Timestamp) {
        let old = |seat: &&Arc<Seat>| seat.ended.is_some_and(|ended| ended < pods);
        let gone: Vec<Arc<Seat>> = self.seats.all().filter(old).cloned().collect();
        gone.iter().for_each(|seat| self.unseat(seat));
        // As in the database: who still has pods, which may be left without their service, is kept with them.
        let has_pods = |id: &ServiceId| self.entries.get(id).is_some_and(|entry| !entry.pods.is_empty());
        let old = |service: &&Arc<ServiceState>| {
            service.deleted.is_some_and(|deleted| deleted < services) && !has_pods(&service.id)
        };
        let gone: Vec<Arc<ServiceState>> = self.services.iter().filter(old).cloned().collect();
        for service in &gone {
            self.names.remove(service);
            if let Some(entry) = self.entries.get(&service.id) {
                let hashes: Vec<RevisionHash> = entry.revisions.iter().map(|(hash, _)| hash.clone()).collect();
                hashes.iter().for_each(|hash| self.names.remove_revision(&service.id, hash));
            }
            self.entries.remove(&service.id);
        }
        if !gone.is_empty() {
            Arc::make_mut(&mut self.services).retain(|service| !gone.iter().any(|old| old.id == service.id));
            self.generation += 1;
        }
    }

    fn apply_services(&mut self, services: Vec<ServiceState>) {
        let mut new: BTreeMap<ServiceId, Arc<ServiceState>> = BTreeMap::new();
        for service in services {
            let before = new.get(&service.id).cloned().or_else(|| self.service(&service.id).cloned());
            let same_names = before.as_ref().is_some_and(|before| {
                before.aliases == service.aliases && before.deleted.is_some() == service.deleted.is_some()
            });
            if !same_names {
                if let Some(before) = before {
                    self.names.remove(&before);
                }
                let id = self.shared(&service.id);
                self.names.add(&service, &id);
                self.service_entry(&id);
                self.add_cluster(&service.id.cluster);
                if !self.namespaces.contains(&service.id.namespace) {
                    Arc::make_mut(&mut self.namespaces).insert(service.id.namespace.clone());
                }
                self.generation += 1;
            }
            new.insert(service.id.clone(), Arc::new(service));
        }
        let list = Arc::make_mut(&mut self.services);
        let mut added = false;
        let known = list.len();
        for (id, service) in new {
            match list[..known].binary_search_by(|service| service.id.cmp(&id)) {
                Ok(at) => list[at] = service,
                Err(_) => {
                    list.push(service);
                    added = true;
                }
            }
        }
        if added {
            list.sort_by(|a, b| a.id.cmp(&b.id));
        }
    }

    fn add_cluster(&mut self, cluster: &str) {
        if !self.clusters.contains_key(cluster) {
            Arc::make_mut(&mut self.clusters).insert(cluster.to_owned(), cluster.to_owned());
        }
    }

    /// The one copy of a service's id.
    fn shared(&self, id: &ServiceId) -> Arc<ServiceId> {
        self.entries.key(id).cloned().unwrap_or_else(|| Arc::new(id.clone()))
    }

    fn service_entry(&mut self, id: &Arc<ServiceId>) -> &mut Entry {
        Arc::make_mut(self.entries.entry(Arc::clone(id)))
    }

    fn apply_revision(&mut self, revision: Revision) {
        let id = self.shared(&revision.service);
        if self.names.add_revision(&id, &revision.hash) {
            self.generation += 1;
        }
        let revisions = &mut self.service_entry(&id).revisions;
        match revisions.iter_mut().find(|(hash, _)| *hash == revision.hash) {
            Some((_, name)) => *name = revision.name.into(),
            None => revisions.push((revision.hash, revision.name.into())),
        }
    }

    fn apply_deploy(&mut self, deploy: Deploy) {
        // A first revision that was found afterwards is what there was when Binnacle came: nobody did it since.
        if deploy.kind == DeployKind::First && deploy.reconstructed {
            return;
        }
        let id = self.shared(&deploy.id.service);
        let entry = self.service_entry(&id);
        if entry.deploy.as_ref().is_none_or(|known| known.id.sequence <= deploy.id.sequence) {
            entry.deploy = Some(Arc::new(deploy));
        }
    }

    fn apply_pod(&mut self, pod: Arc<PodState>) {
        let before = self.seat(&pod).cloned();
        let seat = Arc::new(Seat::of(&pod, before.as_deref()));
        if before.as_ref() != Some(&seat) {
            if let Some(before) = &before {
                self.unseat(before);
                if before.service != pod.service {
                    self.service_entry(&before.service).pods.retain(|known| known.id != pod.id);
                }
            }
            self.add_cluster(&pod.cluster);
            self.seats.add(&seat);
            self.generation += 1;
        }
        let entry = self.service_entry(&pod.service);
        let place = entry.pods.iter().position(|known| known.id == pod.id);
        match (place, pod.ended) {
            (Some(at), None) => entry.pods[at] = pod,
            (None, None) => entry.pods.push(pod),
            (Some(at), Some(_)) => {
                entry.pods.remove(at);
            }
            (None, Some(_)) => {}
        }
    }

    fn seat(&self, pod: &PodState) -> Option<&Arc<Seat>> {
        self.seats.get(By::Uid, &pod.id.0).find(|seat| pod.cluster == seat.service.cluster)
    }

    fn unseat(&mut self, seat: &Arc<Seat>) {
        self.seats.remove(seat);
        self.generation += 1;
    }
}
