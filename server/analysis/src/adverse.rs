//! Adverse events as they are shown: of one cause over all pods as one, with what helps most likely. Pure.

mod steps;

use std::collections::{BTreeMap, HashSet};

use model::{AdverseEvent, AdverseGroup, AdverseKind, Deploy, HOUR, MINUTE, Timestamp};

pub use steps::next_step;

/// An event follows a deploy that started so long before its first time.
const FOLLOWS: i64 = HOUR;
/// So long before a crash loop is called one, restarts belong to it.
const ONSET: i64 = 15 * MINUTE;
/// Times, and stretches of time, kept of one group, the latest.
const MOST_TIMES: usize = 200;
/// Pods named of one group.
const MOST_PODS: usize = 50;

/// A group with the events that it is made of, the latest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// What is shown of it.
    pub group: AdverseGroup,
    /// Its events.
    pub events: Vec<AdverseEvent>,
}

/// What makes events of different pods the same: what happened, its reason, the exit code and the deploy before.
type Cause = (String, String, Option<i32>, Option<u32>);

/// Joins events of one service over its pods; the group that was seen last comes first. What goes on goes on until
/// `now`.
pub fn joined(events: Vec<AdverseEvent>, deploys: &[Deploy], now: Timestamp) -> Vec<Joined> {
    let mut by_cause: BTreeMap<Cause, Vec<AdverseEvent>> = BTreeMap::new();
    for event in events {
        let deploy = followed(deploys, &event).map(|deploy| deploy.id.sequence);
        let cause = (event.what().to_owned(), event.reason.clone(), event.exit_code, deploy);
        by_cause.entry(cause).or_default().push(event);
    }
    let mut groups: Vec<Joined> = by_cause.into_values().filter_map(|events| group(events, deploys, now)).collect();
    absorb(&mut groups);
    groups.sort_by_key(|one| (std::cmp::Reverse(one.group.last), one.group.kind));
    groups
}

fn group(mut events: Vec<AdverseEvent>, deploys: &[Deploy], now: Timestamp) -> Option<Joined> {
    events.sort_by_key(|event| (std::cmp::Reverse(event.last), !event.current));
    let latest = events.first()?;
    let mut group = AdverseGroup {
        kind: latest.kind,
        reason: latest.reason.clone(),
        message: latest.message.clone(),
        next: next_step(latest).map(str::to_owned),
        container: latest.container.clone(),
        exit_code: latest.exit_code,
        first: latest.first,
        reconstructed: true,
        deploy: followed(deploys, latest).map(|deploy| (deploy.id.sequence, deploy.to_name.clone())),
        ..AdverseGroup::default()
    };
    let mut pods: HashSet<&str> = HashSet::new();
    for event in &events {
        if let Some(pod) = event.pod.as_deref().filter(|pod| pods.insert(pod))
            && group.pods.len() < MOST_PODS
        {
            group.pods.push(pod.to_owned());
        }
        group.first = group.first.min(event.first);
        group.last = group.last.max(event.last);
        group.count = group.count.saturating_add(event.count);
        group.current |= event.current;
        group.reconstructed &= event.reconstructed;
        group.times.extend(&event.times);
        group.held.extend(held(event, now));
    }
    group.pod_count = pods.len() as u32;
    group.times = latest_of(std::mem::take(&mut group.times));
    group.held = united(std::mem::take(&mut group.held));
    Some(Joined { group, events })
}

/// A container that fails again and again was restarted each time: that is said once.
fn absorb(groups: &mut Vec<Joined>) {
    let (loops, mut others): (Vec<_>, Vec<_>) =
        std::mem::take(groups).into_iter().partition(|one| one.group.kind == AdverseKind::CrashLoop);
    *groups = loops;
    let mut apart = Vec::new();
    for Joined { group: one, events } in groups.iter_mut() {
        let looping: HashSet<&Option<String>> = events.iter().map(|event| &event.pod).collect();
        let is_its = |other: &mut Joined| {
            let of = &other.group;
            of.kind == AdverseKind::Restart
                && (&of.container, of.exit_code, &of.deploy) == (&one.container, one.exit_code, &one.deploy)
                && other.events.iter().all(|event| looping.contains(&event.pod))
        };
        for Joined { group: restarts, events: own } in others.extract_if(.., is_its).collect::<Vec<_>>() {
            // Those that led to it, and not what was days ago.
            let onset = one.first.plus(-ONSET);
            let (times, earlier): (Vec<Timestamp>, Vec<Timestamp>) =
                restarts.times.iter().partition(|at| **at >= onset);
            one.count = one.count.max(restarts.count.saturating_sub(earlier.len() as u32));
            one.first = times.first().map_or(one.first, |first| one.first.min(*first));
            one.times = latest_of([std::mem::take(&mut one.times), times].concat());
            if let Some(last) = earlier.last().copied() {
                let (count, held) = (earlier.len() as u32, Vec::new());
                let before = AdverseGroup { last, count, times: earlier, held, ..restarts };
                apart.push(Joined { group: before, events: own });
            }
        }
    }
    groups.append(&mut others);
    groups.append(&mut apart);
}

/// From when to when something held last, of what holds and does not only happen.
fn held(event: &AdverseEvent, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
    let from = event.times.last().copied().unwrap_or(event.first);
    let to = if event.current { now.max(event.last) } else { event.last };
    (to > from).then_some((from, to))
}

fn latest_of(mut times: Vec<Timestamp>) -> Vec<Timestamp> {
    times.sort();
    times.dedup();
    times.split_off(times.len().saturating_sub(MOST_TIMES))
}

/// Stretches in order, those that touch as one.
fn united(mut stretches: Vec<(Timestamp, Timestamp)>) -> Vec<(Timestamp, Timestamp)> {
    stretches.sort();
    let mut united: Vec<(Timestamp, Timestamp)> = Vec::new();
    for (from, to) in stretches {
        match united.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => united.push((from, to)),
        }
    }
    united.split_off(united.len().saturating_sub(MOST_TIMES))
}

/// The last deploy before an event, where it was not long before.
fn followed<'a>(deploys: &'a [Deploy], event: &AdverseEvent) -> Option<&'a Deploy> {
    let before = deploys.iter().filter(|deploy| deploy.started <= event.first && deploy.from.is_some());
    let last = before.max_by_key(|deploy| deploy.started)?;
    (event.first.since(last.started) <= FOLLOWS).then_some(last)
}
