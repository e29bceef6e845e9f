//! Owners of telemetry and whose they are. An owner is numbered in each file; what it says of itself is known here
//! once for all files, and is resolved once for each state of the directory.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use hashbrown::HashMap;
use model::{Owner, ServiceId};
use sha2::{Digest, Sha256};

use crate::directory::Timeline;
use crate::{Attribution, Directory, Error, OwnerFacts};

/// Tells owners apart: the first 128 bits of the SHA-256 of what they say.
pub(crate) type OwnerHash = [u8; 16];

/// An owner's hash; what it is made of, as JSON. Who sent it counts once, whether or not the attributes said enough when
/// it came: else a series would become another one as soon as its pod is known.
pub(crate) fn hash(owner: &Owner, facts: &OwnerFacts) -> Result<(OwnerHash, String, String), Error> {
    let json = |error: serde_json::Error| Error::Damaged(format!("an owner: {error}"));
    let attributes = serde_json::to_string(&owner.attributes).map_err(json)?;
    let peer = serde_json::to_string(&facts.peer.or(owner.peer)).map_err(json)?;
    let owner = serde_json::to_string(owner).map_err(json)?;
    let facts = serde_json::to_string(facts).map_err(json)?;
    let said = Sha256::new().chain_update(&attributes).chain_update([0]).chain_update(peer);
    let digest = said.chain_update([0]).chain_update(&facts).finalize();
    let mut hash = [0; 16];
    hash.copy_from_slice(&digest[..16]);
    Ok((hash, owner, facts))
}

/// Which state of the directory something was resolved with.
type Generation = (u64, u64);

/// What an owner says, and to whom that leads as the directory was when it was last asked.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) hash: OwnerHash,
    pub(crate) facts: OwnerFacts,
    resolved: Mutex<Option<(Generation, Timeline)>>,
}

impl Known {
    fn timeline(&self, directory: &Directory) -> Timeline {
        let generation = directory.generation();
        let mut resolved = self.resolved.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((then, timeline)) = &*resolved
            && *then == generation
        {
            return timeline.clone();
        }
        let timeline = directory.timeline(&self.facts);
        *resolved = Some((generation, timeline.clone()));
        timeline
    }
}

/// All owners that a loaded file has.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    known: Mutex<HashMap<OwnerHash, Arc<Known>>>,
}

impl Registry {
    /// The owner of a hash; its facts are parsed when it is new.
    pub(crate) fn get(&self, hash: OwnerHash, facts: &str) -> Result<Arc<Known>, Error> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(owner) = known.get(&hash) {
            return Ok(Arc::clone(owner));
        }
        let facts = serde_json::from_str(facts).map_err(|error| Error::Damaged(format!("an owner: {error}")))?;
        let owner = Arc::new(Known { hash, facts, resolved: Mutex::default() });
        known.insert(hash, Arc::clone(&owner));
        Ok(owner)
    }

    /// Forgets owners that no loaded file has any more.
    pub(crate) fn tidy(&self) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, owner| Arc::strong_count(owner) > 1);
        known.shrink_to_fit();
    }
}

/// A file's owner: what it says and, in summaries, whose it was when it was folded.
#[derive(Debug, Clone)]
pub(crate) struct Numbered {
    pub(crate) known: Arc<Known>,
    pub(crate) stored: Option<Arc<Attribution>>,
}

/// Whom numbers belong to at some time, by service.
type Places = Vec<(Arc<Attribution>, u32)>;

/// A file's owners as the directory has them now, by number.
#[derive(Debug, Clone)]
pub(crate) struct Resolved {
    pub(crate) owners: Arc<Vec<Numbered>>,
    pub(crate) timelines: Arc<Vec<Timeline>>,
    /// Made when it is first asked for.
    by_service: Arc<OnceLock<Places>>,
}

impl Resolved {
    pub(crate) fn new(owners: Arc<Vec<Numbered>>, timelines: Vec<Timeline>) -> Self {
        Self { owners, timelines: Arc::new(timelines), by_service: Arc::default() }
    }

    /// Numbers of the owners that belong to any of these services at some time, ascending.
    pub(crate) fn owners_of(&self, services: &[ServiceId]) -> Vec<u32> {
        let by_service = self.by_service.get_or_init(|| by_service(&self.timelines));
        let of = |service| {
            let from = by_service.partition_point(|(whose, _)| whose.service.as_deref() < Some(service));
            by_service[from..].iter().take_while(move |(whose, _)| whose.service.as_deref() == Some(service))
        };
        let mut found: Vec<u32> = services.iter().flat_map(of).map(|(_, number)| *number).collect();
        found.sort_unstable();
        found.dedup();
        found
    }
}

fn by_service(timelines: &[Timeline]) -> Places {
    let of = |(timeline, number): (&Timeline, u32)| -> Vec<_> {
        let known = timeline.all().filter(|whose| whose.service.is_some());
        known.map(|whose| (Arc::clone(whose), number)).collect()
    };
    let mut found: Vec<_> = timelines.iter().zip(0..).flat_map(of).collect();
    found.sort_unstable_by(|(a, _), (b, _)| a.service.cmp(&b.service));
    found
}

/// The owners of one file, as far as they were needed yet.
#[derive(Debug, Default)]
pub(crate) struct FileOwners {
    pub(crate) owners: Arc<Vec<Numbered>>,
    /// No more will come.
    pub(crate) are_all: bool,
    resolved: Option<(Generation, Resolved)>,
}

impl FileOwners {
    /// All of them resolved; nothing is done when neither they nor the directory changed.
    pub(crate) fn resolve(&mut self, directory: &Directory) -> Resolved {
        let generation = directory.generation();
        if let Some((then, resolved)) = &self.resolved
            && *then == generation
            && resolved.owners.len() == self.owners.len()
        {
            return resolved.clone();
        }
        let timeline = |owner: &Numbered| {
            let timeline = owner.known.timeline(directory);
            match &owner.stored {
                Some(stored) if timeline.all().any(|a| a.rule > stored.rule) => {
                    let is_forgotten = stored.pod.as_ref().is_some_and(|pod| !directory.has_pod(pod));
                    timeline.or_stored(stored, is_forgotten)
                }
                _ => timeline,
            }
        };
        let timelines = self.owners.iter().map(timeline).collect();
        let resolved = Resolved::new(Arc::clone(&self.owners), timelines);
        self.resolved = Some((generation, resolved.clone()));
        resolved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_stays_the_same_when_its_pod_becomes_known() {
        let peer = Some("10.0.0.9".parse().unwrap());
        let owner = |peer| Owner { attributes: vec![("k8s.pod.uid".into(), "u".into())], peer };
        let hash = |owner: &Owner, peer| hash(owner, &OwnerFacts { peer, ..OwnerFacts::default() }).unwrap().0;
        assert_eq!(hash(&owner(peer), peer), hash(&owner(None), peer));
        assert_ne!(hash(&owner(peer), None), hash(&owner(None), None));
        assert_ne!(hash(&owner(None), peer), hash(&owner(None), Some("10.0.0.8".parse().unwrap())));
    }
}
