//! Which requests were committed lately: an identical one is a client's retry. Only so many are remembered; where more
//! come within the time, a retry that comes after so many others counts again.

use std::collections::VecDeque;

use hashbrown::HashMap;
use model::{MINUTE, Timestamp};

/// An identical request within so long is a retry.
pub(super) const RETRY: i64 = 10 * MINUTE;

/// Requests that are remembered, at about 70 bytes each: four hundred a second are remembered for all of the time.
const MOST: usize = 250_000;

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
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((at, hash)) = self.order.pop_front()
            && self.hashes.get(&hash) == Some(&at)
        {
            self.hashes.remove(&hash);
        }
    }

    pub(super) fn contains(&self, hash: &[u8; 16]) -> bool {
        self.hashes.contains_key(hash)
    }

    pub(super) fn insert(&mut self, hash: [u8; 16], at: Timestamp) {
        self.hashes.insert(hash, at);
        self.order.push_back((at, hash));
        if self.order.len() > MOST {
            self.forget_oldest();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_so_many_are_remembered_and_the_oldest_are_forgotten() {
        let mut recent = Recent::default();
        let hash = |n: usize| (n as u128).to_be_bytes();
        for n in 0..MOST + 10 {
            recent.insert(hash(n), Timestamp(n as i64));
        }
        assert_eq!((recent.hashes.len(), recent.order.len()), (MOST, MOST));
        assert!(!recent.contains(&hash(9)) && recent.contains(&hash(10)) && recent.contains(&hash(MOST + 9)));
    }

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
