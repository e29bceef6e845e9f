//! What changed since the last time something was settled, and what has to be looked at again as time passes.

use std::collections::VecDeque;

use ahash::{HashMap, HashSet};
use model::{SECOND, Timestamp};

use super::index::{Name, Seat};
use crate::identity::Key;
use crate::links::Link;
use crate::selector::Selector;
use crate::slim::Event;
use crate::text::Text;

/// An owner that does not come within this is taken as never coming: after an absence watchers are back up to a minute
/// apart, pods before their ReplicaSets.
pub(super) const PATIENCE: i64 = 70 * SECOND;
/// So long an event waits for its object: longer than that does for its owner.
pub(super) const EVENT_WAITS: i64 = PATIENCE + 10 * SECOND;
/// Open deploys and crash loops are looked at again this often.
const AGAIN: i64 = 5 * SECOND;
/// Pods that are gone are known for their late events up to this many.
const MOST_GONE: usize = 5_000;
/// Events that wait for their object up to this many.
const MOST_EVENTS: usize = 20_000;

/// A pod that is gone.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) seat: Seat,
    pub(super) at: Timestamp,
    /// It changed shortly before: what that says was not looked at yet.
    pub(super) unsettled: bool,
}

/// What changed.
#[derive(Debug, Default)]
pub(super) struct Dirty {
    pub(super) services: HashSet<Key>,
    /// Pods, and since when their owner is awaited.
    pub(super) pods: HashMap<Text, Option<Timestamp>>,
    /// Workloads and ControllerRevisions.
    pub(super) workloads: HashMap<Text, Option<Timestamp>>,
    pub(super) nodes: HashSet<Text>,
    /// Names of nodes whose zone was said.
    pub(super) zones: HashSet<Text>,
    /// Services of Kubernetes whose selector or endpoints changed.
    pub(super) networks: HashSet<Name>,
    /// What objects refer to that changed, with the selector of those that select pods.
    pub(super) links: Vec<(Link, Selector)>,
    /// ConfigMaps: the version before and after.
    pub(super) maps: Vec<(Name, Option<Text>, Text, Timestamp)>,
    pub(super) events: VecDeque<(Box<Event>, Timestamp)>,
    /// Pods that are gone.
    pub(super) ended: Vec<Ended>,
    /// Where pods that are gone belonged.
    pub(super) gone: HashMap<Text, (Key, Text)>,
    gone_order: VecDeque<Text>,
    /// Services with an open deploy.
    pub(super) open: HashSet<Key>,
    /// Pods in a crash loop.
    pub(super) looping: HashSet<Text>,
    looked: Timestamp,
}

impl Dirty {
    /// Marks what has to be looked at again as time passes.
    pub(super) fn tick(&mut self, now: Timestamp) {
        if now.since(self.looked) < AGAIN {
            return;
        }
        self.looked = now;
        self.services.extend(self.open.iter().cloned());
        for uid in &self.looping {
            self.pods.entry(uid.clone()).or_default();
        }
    }

    /// Keeps an event until its object is known.
    pub(super) fn event(&mut self, event: Box<Event>, now: Timestamp) {
        if self.events.len() >= MOST_EVENTS {
            self.events.pop_front();
        }
        self.events.push_back((event, now));
    }

    /// Keeps where a pod that is gone belonged.
    pub(super) fn bury(&mut self, uid: Text, key: Key, name: Text) {
        if self.gone.insert(uid.clone(), (key, name)).is_none() {
            self.gone_order.push_back(uid);
        }
        if self.gone_order.len() > MOST_GONE
            && let Some(oldest) = self.gone_order.pop_front()
        {
            self.gone.remove(&oldest);
        }
    }
}
