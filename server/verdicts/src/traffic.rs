//! Requests and errors of a deploy from rows of rollups: which cell is of a new pod, which of an old one. Pure.

use std::collections::{BTreeMap, BTreeSet};

use analysis::{Cell, EndpointFacts, GroupFacts, Past, PastMinute, PodFacts, Rollout};
use model::{Deploy, DeployPhase, MINUTE, PodId, PodPhase, PodState, Red, RevisionHash, SECOND, Timestamp};
use store::{PodErrors, RedRow};

/// Minutes of pod age that a rollout is remembered by; those after are its steady time.
const AGES: usize = 10;

/// Clocks of nodes differ by so much: an error that new pods say they had before there was a deploy is still new.
const SKEW: i64 = 10 * SECOND;

/// Whose a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Old,
    New,
}

/// Minutes from the one in which the deploy started.
pub(super) fn minute(deploy: &Deploy, at: Timestamp) -> i32 {
    let minutes = at.since(deploy.started.floor(MINUTE)).div_euclid(MINUTE);
    minutes.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
}

/// Who sends without saying which pod it is counts as new once no old pod is left, and before that not at all.
fn side(deploy: &Deploy, revision: Option<&RevisionHash>, at: i32) -> Option<Side> {
    match (revision, &deploy.phase) {
        (Some(revision), _) => Some(if *revision == deploy.to { Side::New } else { Side::Old }),
        (None, DeployPhase::Settled { at: settled }) if at > minute(deploy, *settled) => Some(Side::New),
        (None, _) => None,
    }
}

/// Requests since a deploy started.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    pub(super) endpoints: Vec<EndpointFacts>,
    pub(super) pods: Vec<PodFacts>,
    /// How many requests one that was received stands for, as far as counts show it.
    pub(super) weight: f64,
}

type Seat = (Side, Option<RevisionHash>, Option<PodId>);

/// Sorts rows by endpoint and pod (minutes from the deploy's) to sides. Endpoints that only the past
/// has are named as well.
pub(super) fn traffic(deploy: &Deploy, rows: Vec<RedRow>, past: &Past, pods: &[PodState]) -> Traffic {
    let mut seats: BTreeMap<Seat, u32> = BTreeMap::new();
    let mut known: Vec<PodFacts> = Vec::new();
    let mut endpoints: BTreeMap<String, EndpointFacts> = BTreeMap::new();
    endpoints.extend(past.endpoints().map(|name| (name.to_owned(), EndpointFacts::default())));
    let mut counts: BTreeSet<u32> = BTreeSet::new();
    for row in rows {
        let endpoint = endpoints.entry(row.endpoint.clone().unwrap_or_default()).or_default();
        for (at, red) in row.cells {
            let at = at as i32;
            let Some(side) = side(deploy, row.revision.as_ref(), at) else { continue };
            counts.extend(red.histogram.buckets.iter().map(|(_, count)| count.round() as u32));
            let seat = (side, row.revision.clone(), row.pod.clone());
            let pod = *seats.entry(seat).or_insert_with(|| {
                let state = row.pod.as_ref().and_then(|id| pods.iter().find(|pod| pod.id == *id));
                known.push(pod_facts(deploy, side, at, state));
                (known.len() - 1) as u32
            });
            let facts = &mut known[pod as usize];
            facts.first = facts.first.min(at);
            let cells = if side == Side::New { &mut endpoint.new } else { &mut endpoint.old };
            cells.push(Cell { pod, minute: at, red });
        }
    }
    let named = |(name, facts): (String, EndpointFacts)| EndpointFacts { endpoint: name, ..facts };
    Traffic { endpoints: endpoints.into_iter().map(named).collect(), pods: known, weight: weight(&counts) }
}

/// How many requests one that was received stands for: what all counts are multiples of, where they differ enough
/// to tell.
fn weight(counts: &BTreeSet<u32>) -> f64 {
    let common = counts.iter().copied().fold(0, |a, b| {
        let (mut a, mut b) = (a, b);
        while b > 0 {
            (a, b) = (b, a % b);
        }
        a
    });
    if counts.len() >= 5 { f64::from(common.max(1)) } else { 1.0 }
}

/// A new pod is as old as its serving; an old one, or one of this revision that ran before, as its creation.
fn pod_facts(deploy: &Deploy, side: Side, at: i32, state: Option<&PodState>) -> PodFacts {
    let created = state.map(|pod| minute(deploy, pod.created));
    let ending = state.and_then(|pod| {
        let terminating = pod.history.iter().find(|(_, phase)| *phase == PodPhase::Terminating);
        terminating.map(|(at, _)| *at).or(pod.ended)
    });
    let first = match (side, created) {
        (Side::New, Some(created)) if created >= 0 => at,
        (_, Some(created)) => created.min(at),
        (Side::New, None) => at,
        (Side::Old, None) => -1,
    };
    PodFacts { first, last: ending.map(|at| minute(deploy, at)) }
}

/// Rows by endpoint as minutes before the deploy, each row with where its cells count from; `left_out` says which
/// minutes were not the old revision's own.
pub(super) fn past_minutes(
    deploy: &Deploy,
    rows: Vec<(Timestamp, RedRow)>,
    left_out: impl Fn(Timestamp) -> bool,
) -> BTreeMap<String, Vec<PastMinute>> {
    let mut past: BTreeMap<String, Vec<PastMinute>> = BTreeMap::new();
    for (from, row) in rows {
        let minutes = past.entry(row.endpoint.unwrap_or_default()).or_default();
        for (cell, red) in row.cells {
            let at = from.plus(i64::from(cell) * MINUTE);
            if !left_out(at) {
                minutes.push(PastMinute { minute: minute(deploy, at), red });
            }
        }
    }
    past.retain(|_, minutes| !minutes.is_empty());
    past
}

/// Error groups that new pods had.
pub(super) fn groups(deploy: &Deploy, errors: &[PodErrors]) -> Vec<GroupFacts> {
    #[derive(Default)]
    struct Sum<'a> {
        facts: Option<GroupFacts>,
        pods: BTreeSet<Option<&'a PodId>>,
        new: f64,
        cells: u32,
        old: f64,
    }
    let mut sums: BTreeMap<(&str, &str), Sum<'_>> = BTreeMap::new();
    for row in errors {
        let sum = sums.entry((&row.endpoint, &row.error)).or_default();
        for (at, count) in &row.cells {
            match side(deploy, row.revision.as_ref(), *at as i32) {
                Some(Side::New) => {
                    sum.new += count;
                    sum.cells += 1;
                    sum.pods.insert(row.pod.as_ref());
                }
                Some(Side::Old) => sum.old += count,
                None => {}
            }
        }
        sum.facts.get_or_insert_with(|| GroupFacts {
            endpoint: Some(row.endpoint.clone()).filter(|name| !name.is_empty()),
            name: row.error.clone(),
            count: 0.0,
            pods: 0,
            cells: 0,
            beside: 0.0,
            known: row.first_seen < deploy.started.plus(-SKEW),
        });
    }
    let facts = |sum: Sum<'_>| {
        let facts = sum.facts.filter(|_| sum.new > 0.0)?;
        Some(GroupFacts { count: sum.new, pods: sum.pods.len() as u32, cells: sum.cells, beside: sum.old, ..facts })
    };
    sums.into_values().filter_map(facts).collect()
}

/// An earlier deploy's new pods by age and once settled, from rows by pod.
pub(super) fn rollout(deploy: &Deploy, rows: Vec<RedRow>) -> Rollout {
    let mut rollout = Rollout { ages: vec![Red::default(); AGES], steady: Red::default() };
    for row in rows.into_iter().filter(|row| row.revision.as_ref() == Some(&deploy.to)) {
        let Some(first) = row.cells.first().map(|(at, _)| *at) else { continue };
        for (at, red) in &row.cells {
            rollout.ages.get_mut((at - first) as usize).unwrap_or(&mut rollout.steady).merge(red);
        }
    }
    rollout
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_sampled_traces_are_multiples_of_their_weight() {
        let of = |counts: &[u32]| weight(&counts.iter().copied().collect());
        assert_eq!(of(&[10, 20, 30, 50, 70]), 10.0);
        assert_eq!(of(&[10, 20, 30, 50, 71]), 1.0);
        assert_eq!(of(&[30, 60]), 1.0, "two values tell nothing");
    }
}
