//! Rollups by ten minutes: made of a partition's minutes once it is folded for good, without pods. What is summed is
//! numbered by *party*, a service with a revision. How an owner was counted is kept as runs of minutes, so that it is
//! found when the directory says otherwise by now: an owner that is attributed late makes no answer wrong, the minutes
//! give it until the tens are made again. Pure but for `make`.

mod bytes;
pub(crate) mod make;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::HashMap;
use model::{MINUTE, RevisionHash, ServiceId, Timestamp};

use crate::directory::Timeline;
use crate::owners::Resolved;
use crate::{Attribution, Rule};

/// Width of a cell.
pub(crate) const TEN: i64 = 10 * MINUTE;

/// A service and, where known, a revision of it: what is summed together.
pub(crate) type Party = (ServiceId, Option<RevisionHash>);

/// Minutes since the epoch, from the first to the last, in which an owner counted to one party, or to none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    owner: u32,
    first: i32,
    last: i32,
    party: Option<u32>,
}

/// How a partition's tens were made.
#[derive(Debug)]
pub(crate) struct Making {
    /// Ascending; cells name them by their place.
    parties: Vec<Party>,
    runs: Vec<Run>,
    /// The parties as owners of its cells.
    pub(crate) resolved: Resolved,
    moved: Mutex<Option<Moved>>,
}

/// A file's owners, and which services have won or lost any of them since.
type Moved = (Arc<Vec<Timeline>>, Arc<BTreeSet<ServiceId>>);

/// A file's makings, as far as they were needed yet, by their number; and the partitions whose tens are to be made
/// again.
#[derive(Debug, Default)]
pub(crate) struct Makings {
    pub(crate) known: HashMap<i64, Arc<Making>>,
    pub(crate) stale: BTreeSet<i64>,
}

impl Making {
    fn new(parties: Vec<Party>, runs: Vec<Run>) -> Self {
        // Who asks by service asks neither which pod it was nor by which rule it was found.
        let whose = |(service, revision): &Party| Attribution {
            service: Some(Arc::new(service.clone())),
            revision: revision.clone(),
            pod: None,
            pod_name: None,
            rule: Rule::Workload,
            reason: None,
        };
        let timelines = parties.iter().map(|party| Timeline::always(Arc::new(whose(party))));
        let resolved = Resolved::new(Arc::default(), timelines.collect());
        Self { resolved, parties, runs, moved: Mutex::default() }
    }

    /// Numbers of a service's parties: from the first to before the second.
    pub(crate) fn of_service(&self, service: &ServiceId) -> (u32, u32) {
        let from = self.parties.partition_point(|(known, _)| known < service);
        let to = self.parties.partition_point(|(known, _)| known <= service);
        (from as u32, to as u32)
    }

    /// Services that have won or lost minutes of an owner since it was made; nothing where it names an owner that is
    /// not known, so that nothing can be said.
    pub(crate) fn moved(&self, owners: &Arc<Vec<Timeline>>) -> Option<Arc<BTreeSet<ServiceId>>> {
        let mut moved = self.moved.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((then, services)) = &*moved
            && Arc::ptr_eq(then, owners)
        {
            return Some(Arc::clone(services));
        }
        let mut services = BTreeSet::new();
        for run in &self.runs {
            let timeline = owners.get(run.owner as usize)?;
            let then = run.party.and_then(|party| self.parties.get(party as usize));
            for (.., whose) in minutes(timeline, run.first, run.last) {
                let is_same = match then {
                    Some((service, revision)) => {
                        whose.service.as_deref() == Some(service) && whose.revision == *revision
                    }
                    None => whose.service.is_none(),
                };
                if !is_same {
                    services.extend(then.map(|(service, _)| service.clone()));
                    services.extend(whose.service.as_deref().cloned());
                }
            }
        }
        let services = Arc::new(services);
        *moved = Some((Arc::clone(owners), Arc::clone(&services)));
        Some(services)
    }
}

/// Whose an owner is at the beginnings of the minutes from one to another: stretches of them, ascending.
fn minutes(timeline: &Timeline, first: i32, last: i32) -> impl Iterator<Item = (i32, i32, &Arc<Attribution>)> {
    let stretches = timeline.stretches();
    stretches.iter().enumerate().filter_map(move |(place, (from, whose))| {
        let from = if place == 0 { first } else { minute_after(*from).max(first) };
        let to = stretches.get(place + 1).map_or(last, |(next, _)| minute_after(*next).saturating_sub(1).min(last));
        (from <= to).then_some((from, to, whose))
    })
}

/// The first minute that does not begin before a time.
fn minute_after(at: Timestamp) -> i32 {
    let before = at.0.div_euclid(MINUTE);
    let minute = if at.0.rem_euclid(MINUTE) == 0 { before } else { before + 1 };
    minute.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
}
