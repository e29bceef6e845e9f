//! What was known when the cluster was last watched, until what is seen now has taken it up.

use std::collections::HashMap;

use model::{PodPhase, PodState, Timestamp};
use store::ClusterMemory;

use super::World;
use super::track::Track;
use crate::adverse::Counted;
use crate::identity::Key;
use crate::slim::{Meta, Pod};
use crate::text::Text;

/// What waits to be taken up, and the newest version of each object.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    pods: HashMap<Text, PodState>,
    /// By kind, namespace and name.
    versions: HashMap<(Text, Text, Text), Text>,
}

impl Remembered {
    /// Whether a version is not the newest one that is stored; from now on it is.
    pub(super) fn is_new(&mut self, kind: &str, meta: &Meta, hash: &str) -> bool {
        let slot = self.versions.entry((kind.into(), meta.namespace.clone(), meta.name.clone())).or_default();
        if **slot == *hash {
            return false;
        }
        *slot = hash.into();
        true
    }

    /// The newest version of an object that is stored.
    pub(super) fn newest(&self, kind: &str, meta: &Meta) -> Option<Text> {
        self.versions.get(&(kind.into(), meta.namespace.clone(), meta.name.clone())).cloned()
    }

    /// Phases and restarts that were already recorded of a pod.
    pub(super) fn pod(&mut self, pod: &Pod) -> (Vec<(Timestamp, PodPhase)>, Counted) {
        let Some(known) = self.pods.remove(&pod.meta.uid) else { return (Vec::new(), None) };
        let restarts =
            |name: &str| known.containers.iter().find(|container| container.name == name).map_or(0, |c| c.restarts);
        let counted = pod.containers.iter().map(|container| restarts(&container.name)).collect();
        (known.history, Some(counted))
    }

    /// Pods that were not seen again.
    pub(super) fn lost_pods(&mut self) -> Vec<PodState> {
        let mut pods: Vec<PodState> = std::mem::take(&mut self.pods).into_values().collect();
        pods.sort_by(|a, b| a.id.cmp(&b.id));
        pods
    }
}

impl World {
    /// Takes up what was known.
    pub(super) fn remember(&mut self, memory: ClusterMemory) {
        for service in memory.services {
            let key = Key::of(&service.id);
            let track = self.tracks.entry(key.clone()).or_default();
            track.recall_state(service);
            self.dirty.services.insert(key);
        }
        for revision in memory.revisions {
            self.tracks.entry(Key::of(&revision.service)).or_default().recall_revision(&revision);
        }
        let mut deploys = memory.deploys;
        deploys.sort_by_key(|deploy| deploy.id.sequence);
        for deploy in deploys {
            self.tracks.entry(Key::of(&deploy.id.service)).or_default().recall_deploy(deploy);
        }
        self.tracks.values_mut().for_each(Track::recalled);
        for pod in memory.pods {
            self.remembered.pods.insert(pod.id.0.as_str().into(), pod);
        }
        for (kind, namespace, name, hash) in memory.versions {
            self.remembered.versions.insert((kind.into(), namespace.into(), name.into()), hash.into());
        }
        self.adverse.remember(memory.adverse);
    }
}
