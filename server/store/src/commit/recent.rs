//! Which requests were committed lately: an identical one is a client's retry.

use std::collections::VecDeque;

use hashbrown::HashMap;
use model::{MINUTE, Timestamp};

/// An identical request within so long is a retry.
pub(super) const RETRY: i64 = 10 * MINUTE;

/// Hashes of the requests that were committed lately, oldest first.
#[derive(Default)]
pub(super) struct Recent {
    hashes: HashMap<[u8; 16], Timestamp>,
    order: VecDeque<(Timestamp, [u8; 16])>,
}

impl Recent {
    /// Forgets what is no retry any more.
    pub(super) fn expire(&mut self, now: Timestamp) {
        while self.order.front().is_some_and(|(at, _)| now.since(*at) > RETRY) {
            if let Some((at, hash)) = self.order.pop_front()
                && self.hashes.get(&hash) == Some(&at)
            {
                self.hashes.remove(&hash);
            }
        }
    }

    pub(super) fn contains(&self, hash: &[u8; 16]) -> bool {
        self.hashes.contains_key(hash)
    }

    pub(super) fn insert(&mut self, hash: [u8; 16], at: Timestamp) {
        self.hashes.insert(hash, at);
        self.order.push_back((at, hash));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_remembered_for_ten_minutes_from_its_last_commit() {
        let mut recent = Recent::default();
        recent.insert([1; 16], Timestamp(0));
        recent.insert([2; 16], Timestamp(MINUTE));
        recent.insert([1; 16], Timestamp(5 * MINUTE));
        recent.expire(Timestamp(11 * MINUTE + 1));
        assert!(recent.contains(&[1; 16]) && !recent.contains(&[2; 16]));
        recent.expire(Timestamp(15 * MINUTE + 1));
        assert!(!recent.contains(&[1; 16]));
    }
}
