//! What attribution needs to know of a pod, kept after the pod itself is gone.

use std::sync::Arc;

use model::{PodId, PodState, SECOND, ServiceId, Text, Timestamp};

use super::{Attribution, Rule};

/// Clocks of nodes and of the API server differ: a pod is believed to have been there a little longer.
const SLACK: i64 = 30 * SECOND;
/// Container ids of a pod that restarts for days are not kept without end.
const CONTAINERS: usize = 32;

/// What a name is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum By {
    Uid,
    Name,
    Container,
    Address,
}

/// See the module. Its strings are those of the pod's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seat {
    pub(super) pod: PodId,
    pub(super) name: Text,
    pub(super) service: Arc<ServiceId>,
    /// What is said of whoever names its uid: one for all containers and runs of it.
    pub(super) whose: Arc<Attribution>,
    /// Its addresses; none when it has its node's.
    addresses: Box<[Text]>,
    containers: Box<[Text]>,
    pub(super) created: Timestamp,
    pub(super) ended: Option<Timestamp>,
}

impl Seat {
    /// A pod's seat; ids of containers that a former state of it had are kept.
    pub(super) fn of(pod: &PodState, before: Option<&Self>) -> Self {
        let mut containers: Vec<Text> = pod.containers.iter().filter_map(|container| container.id.clone()).collect();
        if let Some(before) = before {
            let old: Vec<_> = before.containers.iter().filter(|id| !containers.contains(id)).cloned().collect();
            containers.extend(old);
            containers.truncate(CONTAINERS);
        }
        let addresses: Box<[Text]> =
            if pod.host_network { Box::default() } else { pod.ips.iter().map(canonical).collect() };
        // A pod that finished keeps no address in its last state; it had one while it ran.
        let addresses = match before {
            Some(before) if addresses.is_empty() && !pod.host_network => before.addresses.clone(),
            _ => addresses,
        };
        Self {
            pod: pod.id.clone(),
            name: pod.name.clone(),
            service: Arc::clone(&pod.service),
            whose: Arc::new(Attribution {
                service: Some(Arc::clone(&pod.service)),
                revision: pod.revision.clone(),
                pod: Some(pod.id.clone()),
                pod_name: Some(pod.name.clone()),
                rule: Rule::PodUid,
                reason: None,
            }),
            addresses,
            containers: containers.into(),
            created: pod.created,
            ended: pod.ended,
        }
    }

    /// All that it goes by.
    pub(super) fn names(&self) -> impl Iterator<Item = (By, &str)> {
        let containers = self.containers.iter().map(|id| (By::Container, &**id));
        let addresses = self.addresses.iter().map(|address| (By::Address, &**address));
        [(By::Uid, &*self.pod.0), (By::Name, &*self.name)].into_iter().chain(containers).chain(addresses)
    }

    /// Whether the pod was there at a time, give or take the slack.
    pub(super) fn covers(&self, at: Timestamp, slack: i64) -> bool {
        self.created.plus(-slack) <= at && self.ended.is_none_or(|ended| at <= ended.plus(slack))
    }
}

/// An address in the one way in which it is written in the indexes.
pub(super) fn canonical(address: &Text) -> Text {
    let Ok(ip) = address.parse::<std::net::IpAddr>() else { return address.clone() };
    let canonical = ip.to_canonical().to_string();
    if *address == canonical { address.clone() } else { canonical.into() }
}

/// The seat that was taken at a time: the newest that covers it, first without slack, then with.
pub(super) fn at(seats: &[&Arc<Seat>], at: Timestamp) -> Option<Arc<Seat>> {
    [0, SLACK].into_iter().find_map(|slack| {
        seats.iter().filter(|seat| seat.covers(at, slack)).max_by_key(|seat| seat.created).map(|seat| Arc::clone(seat))
    })
}

/// The seat that was taken at a time, else the nearest: for names that say enough without the time.
pub(super) fn near(seats: &[&Arc<Seat>], time: Timestamp) -> Option<Arc<Seat>> {
    at(seats, time).or_else(|| {
        let distance = |seat: &Seat| {
            let after = seat.ended.map_or(0, |ended| time.since(ended).max(0));
            seat.created.since(time).max(0).max(after)
        };
        seats.iter().min_by_key(|seat| (distance(seat), seat.created)).map(|seat| Arc::clone(seat))
    })
}

/// The times at which the answer of [`at`] or [`near`] may change.
pub(super) fn boundaries(seats: &[&Arc<Seat>], into: &mut Vec<Timestamp>) {
    for seat in seats {
        into.extend([seat.created, seat.created.plus(-SLACK)]);
        if let Some(ended) = seat.ended {
            into.extend([ended.plus(1), ended.plus(SLACK + 1)]);
        }
    }
    // Between the end of one and the begin of the next, the nearest changes half-way.
    let mut ends: Vec<_> = seats.iter().filter_map(|seat| seat.ended).collect();
    ends.sort_unstable();
    for seat in seats {
        if let Some(end) = ends.iter().rev().find(|end| **end < seat.created) {
            let half = end.plus(seat.created.since(*end) / 2);
            into.extend([half, half.plus(1)]);
        }
    }
}
