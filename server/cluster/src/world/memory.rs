//! What was known when the cluster was last watched, until what is seen now has taken it up.

use ahash::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use model::PodState;
use store::ClusterMemory;

use super::World;
use crate::identity::Key;
use crate::slim::Meta;
use crate::text::Text;

/// What waits to be taken up, and the newest version of each object.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    pods: HashMap<Text, Arc<PodState>>,
    /// Hashes of the newest versions by those of kind, namespace and name: of 100,000 objects only the numbers.
    versions: HashMap<u64, u64>,
    /// Newest versions of ConfigMaps that were not seen yet.
    maps: HashMap<(Text, Text), Text>,
}

fn number(parts: &[&str]) -> u64 {
    let mut hasher = DefaultHasher::new();
    parts.hash(&mut hasher);
    hasher.finish()
}

impl Remembered {
    /// Whether a version is not the newest one that is stored; from now on it is.
    pub(super) fn is_new(&mut self, kind: &str, meta: &Meta, hash: &str) -> bool {
        let hash = number(&[hash]);
        self.versions.insert(number(&[kind, &meta.namespace, &meta.name]), hash) != Some(hash)
    }

    /// The version of a ConfigMap that was the newest when the cluster was last watched; asked for once.
    pub(super) fn newest(&mut self, meta: &Meta) -> Option<Text> {
        self.maps.remove(&(meta.namespace.clone(), meta.name.clone()))
    }

    /// What was already recorded of a pod that was not seen again yet.
    pub(super) fn known_pod(&self, uid: &Text) -> Option<&Arc<PodState>> {
        self.pods.get(uid)
    }

    /// The same, asked for once.
    pub(super) fn pod(&mut self, uid: &Text) -> Option<Arc<PodState>> {
        self.pods.remove(uid)
    }

    /// Pods that were not seen again, but for those that may be there; told once.
    pub(super) fn lost_pods(&mut self, is_there: impl Fn(&PodState) -> bool) -> Vec<Arc<PodState>> {
        let mut pods: Vec<Arc<PodState>> = self.pods.extract_if(|_, pod| !is_there(pod)).map(|(_, pod)| pod).collect();
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
        self.tracks.values_mut().for_each(|track| track.recalled());
        for pod in memory.pods {
            self.remembered.pods.insert(pod.id.0.clone(), pod);
        }
        for (kind, namespace, name, hash) in memory.versions {
            self.remembered.versions.insert(number(&[&kind, &namespace, &name]), number(&[&hash]));
            if kind == "ConfigMap" {
                self.remembered.maps.insert((namespace.into(), name.into()), hash.into());
            }
        }
        self.adverse.remember(memory.adverse);
    }
}
