//! Joins sightings over their repeats into adverse events, known by key, beyond what Kubernetes remembers.

use ahash::{HashMap, HashSet};

use model::{AdverseEvent, DAY, MINUTE, ServiceId, Timestamp};

use super::{Repeat, Sighting};
use crate::text::Text;

/// Times kept of one event.
const MOST_TIMES: usize = 20;
/// While a condition holds, its last time is not written more often than this.
const REFRESH: i64 = MINUTE;

/// Where something was seen.
#[derive(Debug, Clone)]
pub(crate) struct Place<'a> {
    /// The cluster.
    pub(crate) cluster: &'a str,
    /// Uid of the object.
    pub(crate) uid: &'a str,
    /// The service.
    pub(crate) service: Option<ServiceId>,
    /// The pod's name.
    pub(crate) pod: Option<&'a str>,
    /// The node's name.
    pub(crate) node: Option<&'a str>,
    /// Found after a list: it may have happened while nobody watched.
    pub(crate) listed: bool,
}

/// Adverse events by key.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    events: HashMap<String, AdverseEvent>,
    by_object: HashMap<Text, HashSet<String>>,
    changed: HashSet<String>,
    refreshed: Timestamp,
}

impl Ledger {
    /// Takes up what was known before a restart; what is found in measurements is not kept here.
    pub(crate) fn remember(&mut self, events: Vec<AdverseEvent>) {
        for event in events.into_iter().filter(|event| !event.kind.is_measured()) {
            if let Some(uid) = event.key.split('|').nth(1) {
                self.by_object.entry(uid.into()).or_default().insert(event.key.clone());
            }
            self.events.insert(event.key.clone(), event);
        }
    }

    /// Whether something of this mark and kind holds for a container now.
    pub(crate) fn holds(&self, cluster: &str, uid: &str, kind: model::AdverseKind, container: &str) -> bool {
        self.events.get(&key(cluster, uid, kind, container, "")).is_some_and(|event| event.current)
    }

    /// All that is seen in an object now: what held and is not among it holds no more.
    pub(crate) fn object(&mut self, place: &Place<'_>, sightings: Vec<Sighting>, now: Timestamp) {
        let mut held: HashSet<String> = HashSet::default();
        for sighting in sightings {
            let condition = sighting.repeat == Repeat::Condition;
            let key = self.see(place, sighting, now);
            if condition {
                held.insert(key);
            }
        }
        self.release(place.uid, &held, now);
    }

    /// Ends the conditions of an object, but those that still hold.
    pub(crate) fn release(&mut self, uid: &str, held: &HashSet<String>, now: Timestamp) {
        for key in self.by_object.get(uid).into_iter().flatten().filter(|key| !held.contains(*key)) {
            if let Some(event) = self.events.get_mut(key).filter(|event| event.current) {
                event.current = false;
                event.last = event.last.max(now);
                self.changed.insert(key.clone());
            }
        }
    }

    /// Ends the conditions of objects that are gone since they were remembered.
    pub(crate) fn release_gone(&mut self, is_there: impl Fn(&str) -> bool, now: Timestamp) {
        let gone: Vec<Text> = self.by_object.keys().filter(|uid| !is_there(uid)).cloned().collect();
        gone.iter().for_each(|uid| self.release(uid, &HashSet::default(), now));
    }

    /// What holds held until now, though its object did not change meanwhile.
    pub(crate) fn refresh(&mut self, now: Timestamp) {
        if now.since(self.refreshed) < REFRESH {
            return;
        }
        self.refreshed = now;
        for (key, event) in self.events.iter_mut().filter(|(_, event)| event.current) {
            if now.since(event.last) >= REFRESH {
                event.last = now;
                self.changed.insert(key.clone());
            }
        }
    }

    /// Joins one sighting; gives its key.
    pub(crate) fn see(&mut self, place: &Place<'_>, sighting: Sighting, now: Timestamp) -> String {
        let container = sighting.container.as_deref().unwrap_or_default();
        let key = key(place.cluster, place.uid, sighting.kind, container, &sighting.mark);
        let fresh = !self.events.contains_key(&key);
        let event = self.events.entry(key.clone()).or_insert_with(|| begin(&key, place, &sighting));
        let before = (event.count, event.current, event.last, event.message.clone(), event.service.clone());
        if place.service.is_some() {
            event.service.clone_from(&place.service);
        }
        event.message.clone_from(&sighting.message);
        event.reason.clone_from(&sighting.reason);
        event.exit_code = sighting.exit_code.or(event.exit_code);
        join(event, &sighting, now);
        if fresh || before != (event.count, event.current, event.last, event.message.clone(), event.service.clone()) {
            self.changed.insert(key.clone());
            self.by_object.entry(place.uid.into()).or_default().insert(key.clone());
        }
        key
    }

    /// What changed since this was last asked.
    pub(crate) fn take(&mut self) -> Vec<AdverseEvent> {
        let mut keys: Vec<String> = self.changed.drain().collect();
        keys.sort();
        keys.iter().filter_map(|key| self.events.get(key)).cloned().collect()
    }

    /// Forgets what is over and older than a day; the store keeps it.
    pub(crate) fn sweep(&mut self, now: Timestamp) {
        let (events, changed) = (&mut self.events, &self.changed);
        events.retain(|key, event| event.current || changed.contains(key) || now.since(event.last) < DAY);
        self.by_object.retain(|_, keys| {
            keys.retain(|key| events.contains_key(key));
            !keys.is_empty()
        });
    }
}

fn key(cluster: &str, uid: &str, kind: model::AdverseKind, container: &str, mark: &str) -> String {
    format!("{cluster}|{uid}|{kind:?}|{container}|{mark}")
}

fn begin(key: &str, place: &Place<'_>, sighting: &Sighting) -> AdverseEvent {
    AdverseEvent {
        key: key.to_owned(),
        cluster: place.cluster.to_owned(),
        service: place.service.clone(),
        pod: place.pod.map(str::to_owned),
        container: sighting.container.clone(),
        node: place.node.map(str::to_owned),
        kind: sighting.kind,
        reason: sighting.reason.clone(),
        message: sighting.message.clone(),
        exit_code: sighting.exit_code,
        first: sighting.at,
        last: sighting.at,
        count: 0,
        times: Vec::new(),
        current: false,
        reconstructed: place.listed,
    }
}

fn join(event: &mut AdverseEvent, sighting: &Sighting, now: Timestamp) {
    match sighting.repeat {
        Repeat::Condition => {
            if !event.current {
                event.current = true;
                happened(event, sighting.at, 1);
                // However long ago it began, it holds now.
                event.last = event.last.max(now);
            } else if now.since(event.last) >= REFRESH {
                event.last = now;
            }
        }
        // The same end of a container, seen first as its state and then as its last one, is one.
        Repeat::Times(times) if event.times.contains(&sighting.at) => event.count = event.count.max(times),
        Repeat::Times(times) => happened(event, sighting.at, times),
        Repeat::Total(total, first) => {
            if event.count == 0 {
                event.first = first;
            }
            // A new event about the same begins to count anew, after the last time of the old one.
            let before = if first > event.last { event.count } else { 0 };
            let total = total.saturating_add(before);
            if total > event.count || sighting.at > event.last {
                let rise = total.saturating_sub(event.count);
                happened(event, sighting.at, rise);
            }
        }
    }
}

fn happened(event: &mut AdverseEvent, at: Timestamp, times: u32) {
    event.count = event.count.saturating_add(times);
    event.first = event.first.min(at);
    event.last = event.last.max(at);
    if !event.times.contains(&at) {
        event.times.push(at);
        event.times.sort();
        let over = event.times.len().saturating_sub(MOST_TIMES);
        event.times.drain(..over);
    }
}
