//! What is remembered between looks, bounded by bytes: what was not asked for longest goes first. Pure.

use std::collections::BTreeMap;

/// A bounded memory.
pub(super) struct Remembered<K, V> {
    most: usize,
    bytes: usize,
    /// Counts questions, so that it is known which entry was asked for last.
    turn: u64,
    entries: BTreeMap<K, Entry<V>>,
}

struct Entry<V> {
    value: V,
    bytes: usize,
    used: u64,
}

impl<K: Ord + Clone, V: Clone> Remembered<K, V> {
    /// Holds so many bytes at most.
    pub(super) fn new(most: usize) -> Self {
        Self { most, bytes: 0, turn: 0, entries: BTreeMap::new() }
    }

    pub(super) fn has(&self, key: &K) -> bool {
        self.entries.contains_key(key)
    }

    pub(super) fn get(&mut self, key: &K) -> Option<V> {
        self.turn += 1;
        let entry = self.entries.get_mut(key)?;
        entry.used = self.turn;
        Some(entry.value.clone())
    }

    /// Remembers a value of so many bytes; one that is larger than everything may be is not.
    pub(super) fn insert(&mut self, key: K, value: V, bytes: usize) {
        self.remove(&key);
        if bytes > self.most {
            return;
        }
        while self.bytes + bytes > self.most {
            let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.used).map(|(key, _)| key.clone());
            let Some(oldest) = oldest else { break };
            self.remove(&oldest);
        }
        self.turn += 1;
        self.bytes += bytes;
        self.entries.insert(key, Entry { value, bytes, used: self.turn });
    }

    pub(super) fn remove(&mut self, key: &K) {
        self.bytes -= self.entries.remove(key).map_or(0, |entry| entry.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_asked_for_longest_goes_first_whatever_its_name() {
        let mut memory = Remembered::new(30);
        for key in ["a", "b", "c"] {
            memory.insert(key, key, 10);
        }
        assert_eq!(memory.get(&"a"), Some("a"));
        memory.insert("d", "d", 10);
        assert_eq!(["a", "b", "c", "d"].map(|key| memory.has(&key)), [true, false, true, true]);
        memory.insert("e", "e", 20);
        assert_eq!(["a", "c", "d", "e"].map(|key| memory.has(&key)), [false, false, true, true]);
    }

    #[test]
    fn bytes_are_bounded_and_given_back() {
        let mut memory = Remembered::new(30);
        memory.insert("a", 1, 31);
        assert!(!memory.has(&"a"));
        memory.insert("a", 2, 20);
        memory.insert("a", 3, 25);
        memory.remove(&"a");
        memory.insert("b", 4, 30);
        assert_eq!((memory.has(&"a"), memory.get(&"b"), memory.bytes), (false, Some(4), 30));
    }
}
