//! Which `service.name`s each address has sent, and when: an address that sends two is a gateway, nobody's pod.
//! Shared by all snapshots of the directory, since it is written by senders and not by clusters.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use hashbrown::HashMap;
use model::{MINUTE, Timestamp};

/// Names remembered of an address: two already make a gateway, a few more tell its times apart.
const NAMES: usize = 8;
/// Times are kept this coarse, widened outwards, so that a gateway's steady stream does not change answers all the
/// time.
const COARSE: i64 = 5 * MINUTE;
/// Addresses remembered; beyond, new ones are not, and so are never believed to be gateways.
const PEERS: usize = 200_000;

#[derive(Debug, Clone)]
struct Sent {
    name: String,
    first: Timestamp,
    last: Timestamp,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct PeerNames {
    sent: RwLock<HashMap<IpAddr, Vec<Sent>>>,
    generation: AtomicU64,
}

impl PeerNames {
    /// Remembers that an address has sent a name between two times.
    pub(crate) fn note(&self, peer: IpAddr, name: &str, first: Timestamp, last: Timestamp) {
        let peer = peer.to_canonical();
        let (first, last) = (first.floor(COARSE), last.floor(COARSE).plus(COARSE));
        let known = self.sent.read().unwrap_or_else(PoisonError::into_inner);
        let inside = |sent: &Sent| sent.name == name && sent.first <= first && last <= sent.last;
        if known.get(&peer).is_some_and(|names| names.iter().any(inside)) {
            return;
        }
        drop(known);
        let mut known = self.sent.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= PEERS && !known.contains_key(&peer) {
            return;
        }
        let names = known.entry(peer).or_default();
        let several = names.len() > 1;
        // Past the limit it is a gateway whatever it is named; the last entry stands for all further ones.
        let full = names.len() >= NAMES;
        let place = names.iter().position(|sent| sent.name == name).or(full.then_some(NAMES - 1));
        let changes = match place {
            Some(at) => {
                names[at].first = names[at].first.min(first);
                names[at].last = names[at].last.max(last);
                // Only where there are several can a wider time make another answer.
                several
            }
            None => {
                names.push(Sent { name: name.to_owned(), first, last });
                true
            }
        };
        if changes {
            self.generation.fetch_add(1, Ordering::Release);
        }
    }

    /// How many names an address has sent between two times.
    pub(crate) fn names(&self, peer: IpAddr, from: Timestamp, to: Option<Timestamp>) -> usize {
        let known = self.sent.read().unwrap_or_else(PoisonError::into_inner);
        let overlaps = |sent: &&Sent| sent.last >= from && to.is_none_or(|to| sent.first <= to);
        known.get(&peer.to_canonical()).map_or(0, |names| names.iter().filter(overlaps).count())
    }

    /// Rises when an answer may have changed.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }
}
