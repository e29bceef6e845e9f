//! How often a service shows an error group that it never had, by itself.

use std::collections::{BTreeMap, BTreeSet};

use analysis::{Births, GroupFacts};
use model::{DAY, Deploy, HOUR, MINUTE, ServiceId, Timestamp, Window};
use store::{ErrorLife, Store};

use super::history::History;
use super::remembered::Remembered;

/// Hours with births that are looked into, the newest; those of others all count.
const HOURS: usize = 48;
/// Moments of pods that a group has to be seen in to be called.
const CELLS: usize = 3;
/// What is remembered of hours that are over.
const BYTES: usize = 4 << 20;

/// Of hours that are over: first sights of groups that would not have passed the gates.
pub(super) struct Nursery {
    least: f64,
    small: Remembered<(ServiceId, Timestamp), Vec<Timestamp>>,
}

impl Nursery {
    /// Groups are called from so many errors on.
    pub(super) fn new(least: f64) -> Self {
        Self { least, small: Remembered::new(BYTES) }
    }

    /// Groups that appeared by themselves since the service's first day. How large each became is asked only where
    /// the deploy has one that could be called: until then nothing rests on it. What is known by `final_before` does
    /// not change any more.
    pub(super) async fn births(
        &mut self,
        store: &Store,
        deploy: &Deploy,
        (errors, groups): (&ErrorLife, &[GroupFacts]),
        history: &History,
        final_before: Timestamp,
    ) -> Result<Births, store::Error> {
        let service = &deploy.id.service;
        let Some(life) = life(store, deploy) else { return Ok(Births::default()) };
        let by_itself = |at: &&Timestamp| life.contains(**at) && !history.was_bad(**at);
        let sights: Vec<Timestamp> = errors.births.iter().filter(by_itself).copied().collect();
        let may_be_called = |group: &GroupFacts| !group.known && group.beside == 0.0 && group.count >= self.least;
        let mut small = 0;
        if groups.iter().any(may_be_called) {
            let hours: BTreeSet<Timestamp> = sights.iter().map(|at| at.floor(HOUR)).collect();
            for hour in hours.into_iter().rev().take(HOURS) {
                let found = self.small(store, service, hour, final_before).await?;
                small += found.iter().filter(|at| sights.contains(at)).count();
            }
        }
        let groups = sights.len().saturating_sub(small) as u32;
        Ok(Births { groups, patterns: 0, minutes: life.length() as f64 / MINUTE as f64 })
    }

    async fn small(
        &mut self,
        store: &Store,
        service: &ServiceId,
        hour: Timestamp,
        final_before: Timestamp,
    ) -> Result<Vec<Timestamp>, store::Error> {
        let key = (service.clone(), hour);
        if let Some(known) = self.small.get(&key) {
            return Ok(known);
        }
        let window = Window::new(hour, hour.plus(2 * HOUR));
        let life = store.telemetry().error_life(service, window).await?;
        let found = small(&life, window, self.least);
        if window.to <= final_before {
            self.small.insert(key, found.clone(), service.name.len() + 8 * found.len() + 200);
        }
        Ok(found)
    }
}

/// Log patterns that appeared by themselves since the service's first day. All of them count, however few lines each
/// had: that can only make a finding less sure.
pub(super) fn patterns(store: &Store, deploy: &Deploy, births: &[Timestamp], history: &History) -> u32 {
    let life = life(store, deploy);
    let by_itself = |at: &&Timestamp| life.is_some_and(|life| life.contains(**at)) && !history.was_bad(**at);
    births.iter().filter(by_itself).count() as u32
}

/// The service's life before a deploy, its first day left out.
fn life(store: &Store, deploy: &Deploy) -> Option<Window> {
    let created = store.directory().service(&deploy.id.service).map(|state| state.created);
    let oldest = store.oldest();
    let from = created.max(oldest).map(|from| from.plus(DAY));
    from.map(|from| Window::new(from, deploy.started.max(from)))
}

/// First sights, in the first hour of a window, of groups that had too few errors in the hour after. Pure.
fn small(life: &ErrorLife, window: Window, least: f64) -> Vec<Timestamp> {
    let mut sums: BTreeMap<(&str, &str), (Timestamp, f64, usize)> = BTreeMap::new();
    for row in life.groups.iter().filter(|row| row.first_seen.floor(HOUR) == window.from) {
        let first = row.first_seen.since(window.from) / MINUTE;
        let own = row.cells.iter().filter(|(at, _)| i64::from(*at) < first + HOUR / MINUTE);
        let sum = sums.entry((&row.endpoint, &row.error)).or_insert((row.first_seen, 0.0, 0));
        own.for_each(|(_, count)| {
            sum.1 += count;
            sum.2 += 1;
        });
    }
    let fails = sums.into_values().filter(|(_, count, cells)| *count < least || *cells < CELLS);
    fails.map(|(first, ..)| first).collect()
}

#[cfg(test)]
mod tests {
    use store::PodErrors;

    use super::*;

    fn row(error: &str, first: i64, cells: &[(u32, f64)]) -> PodErrors {
        PodErrors {
            endpoint: "GET /".into(),
            error: error.into(),
            first_seen: Timestamp(first * MINUTE),
            revision: None,
            pod: None,
            cells: cells.to_vec(),
        }
    }

    #[test]
    fn a_group_that_stayed_small_in_its_first_hour_is_no_birth() {
        let groups = vec![
            row("Large", 5, &[(5, 4.0), (6, 4.0), (7, 4.0)]),
            row("Small", 6, &[(6, 1.0), (50, 3.0), (66, 90.0)]),
            row("Burst", 7, &[(7, 500.0)]),
            row("Later", 61, &[(61, 1.0)]),
        ];
        let life = ErrorLife { groups, births: vec![] };
        let window = Window::new(Timestamp(0), Timestamp(2 * HOUR));
        assert_eq!(small(&life, window, 10.0), [Timestamp(7 * MINUTE), Timestamp(6 * MINUTE)]);
    }
}
