//! A map that is cheap to copy and to change after copying: a fixed number of shards behind pointers, of which a
//! change copies one. With 50,000 pods a shard holds about 200 entries, so a pod's change copies a thousand
//! pointers, and a snapshot costs 256 reference counts. A persistent tree from a crate would do the same with
//! more code to trust and slower look-ups.

use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashMap};

const SHARDS: usize = 256;

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Shards<K, V> {
    shards: Vec<Arc<HashMap<K, V>>>,
    hasher: DefaultHashBuilder,
}

impl<K, V> Default for Shards<K, V> {
    fn default() -> Self {
        let empty = Arc::new(HashMap::new());
        Self { shards: vec![empty; SHARDS], hasher: DefaultHashBuilder::default() }
    }
}

impl<K: Hash + Eq + Clone, V: Clone> Shards<K, V> {
    fn shard<Q: Hash + ?Sized>(&self, key: &Q) -> usize {
        self.hasher.hash_one(key) as usize % SHARDS
    }

    pub(crate) fn get<Q>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.shards[self.shard(key)].get(key)
    }

    /// A key as it is kept.
    pub(crate) fn key<Q>(&self, key: &Q) -> Option<&K>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.shards[self.shard(key)].get_key_value(key).map(|(known, _)| known)
    }

    /// The value of a key, to be changed; made when it is not there.
    pub(crate) fn entry(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        let shard = self.shard(&key);
        Arc::make_mut(&mut self.shards[shard]).entry(key).or_default()
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        let shard = self.shard(&key);
        Arc::make_mut(&mut self.shards[shard]).insert(key, value);
    }

    pub(crate) fn remove<Q>(&mut self, key: &Q)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let shard = self.shard(key);
        if self.shards[shard].contains_key(key) {
            Arc::make_mut(&mut self.shards[shard]).remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_keeps_what_it_had() {
        let mut map: Shards<u32, u32> = Shards::default();
        (0..1_000).for_each(|n| map.insert(n, n));
        let before = map.clone();
        map.insert(7, 70);
        map.remove(&8);
        *map.entry(2_000) += 5;
        assert_eq!((before.get(&7), before.get(&8), before.get(&2_000)), (Some(&7), Some(&8), None));
        assert_eq!((map.get(&7), map.get(&8), map.get(&2_000)), (Some(&70), None, Some(&5)));
        let shared = before.shards.iter().zip(&map.shards).filter(|(a, b)| Arc::ptr_eq(a, b)).count();
        assert!(shared >= SHARDS - 3, "only changed shards are copied, {shared} are shared");
    }
}
