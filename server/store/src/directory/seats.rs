//! Pods by what telemetry may name them by. Of an entry only its hash and the pod are kept, since the name is in the
//! pod: fifty thousand pods have a quarter of a million names. Sharded as `shards` is, for the same reason.

use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::seat::{By, Seat};

/// Four times those of `shards`: a pod has four names or five, and a change copies a shard for each.
const SHARDS: usize = 1_024;

/// Pods by the hashes of their names.
type Shard = HashTable<(u64, Arc<Seat>)>;

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Seats {
    shards: Vec<Arc<Shard>>,
    hasher: DefaultHashBuilder,
}

impl Default for Seats {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| Arc::default()).collect(), hasher: DefaultHashBuilder::default() }
    }
}

/// Tables take buckets from the low bits of a hash and tags from the highest seven.
fn shard(hash: u64) -> usize {
    (hash >> 48) as usize % SHARDS
}

impl Seats {
    /// Pods that go by a name.
    pub(super) fn get<'a>(&'a self, by: By, name: &str) -> impl Iterator<Item = &'a Arc<Seat>> {
        let hash = self.hasher.hash_one((by, name));
        let alike = self.shards[shard(hash)].iter_hash(hash).filter(move |(known, _)| *known == hash);
        alike.map(|(_, seat)| seat).filter(move |seat| seat.names().any(|known| known == (by, name)))
    }

    /// Adds a pod by all its names.
    pub(super) fn add(&mut self, seat: &Arc<Seat>) {
        for name in seat.names() {
            let hash = self.hasher.hash_one(name);
            let table = Arc::make_mut(&mut self.shards[shard(hash)]);
            table.insert_unique(hash, (hash, Arc::clone(seat)), |(hash, _)| *hash);
        }
    }

    /// Removes a pod.
    pub(super) fn remove(&mut self, seat: &Arc<Seat>) {
        for name in seat.names() {
            let hash = self.hasher.hash_one(name);
            let table = Arc::make_mut(&mut self.shards[shard(hash)]);
            let same = |(known, other): &(u64, Arc<Seat>)| *known == hash && Arc::ptr_eq(other, seat);
            if let Ok(entry) = table.find_entry(hash, same) {
                entry.remove();
            }
        }
    }

    /// All pods, once each.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Seat>> {
        let entries = self.shards.iter().flat_map(|table| table.iter());
        let by_uid = |(hash, seat): &&(u64, Arc<Seat>)| *hash == self.hasher.hash_one((By::Uid, &*seat.pod.0));
        entries.filter(by_uid).map(|(_, seat)| seat)
    }
}
