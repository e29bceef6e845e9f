//! Which services a page of the catalog shows: filtered, counted, and put in order as far as they are shown. Pure.

use std::cmp::{Ordering, Reverse};

use model::{CatalogQuery, CatalogSort, Health, Window};
use store::Directory;

use super::super::board::{Found, Standing, Standings};
use super::natural::natural;

/// Rows a page may ask for.
pub(super) const ROWS: u32 = 200;

/// What is asked for; `hour` is the last one, in which something changed or did not.
pub(super) fn find(standings: &Standings, ask: &CatalogQuery, hour: Window) -> Found {
    let directory = &*standings.directory;
    let listed = standings.services.iter().enumerate().filter(|(_, s)| ask.grouped || s.listed);
    let mut matching: Vec<(u32, &Standing)> =
        listed.filter(|(_, s)| matches(s, directory, ask, hour)).map(|(at, s)| (at as u32, s)).collect();
    let counts = counts(&matching);
    matching.retain(|(_, s)| ask.health.is_empty() || ask.health.contains(&s.health.health));
    let matched = matching.len() as u32;
    Found { shown: window_of(matching, ask, directory), matched, counts }
}

/// Places of the rows that are asked for. Of the others only those before them are put in order, however many there are.
fn window_of(mut matching: Vec<(u32, &Standing)>, ask: &CatalogQuery, directory: &Directory) -> Vec<u32> {
    let by = |a: &(u32, &Standing), b: &(u32, &Standing)| order(ask, a.1, b.1, directory).then(a.0.cmp(&b.0));
    let first = (ask.offset as usize).min(matching.len());
    let end = first.saturating_add(ask.limit.min(ROWS) as usize).min(matching.len());
    if end < matching.len() {
        _ = matching.select_nth_unstable_by(end, by);
    }
    let before = &mut matching[..end];
    before.sort_unstable_by(by);
    before[first..].iter().map(|(at, _)| *at).collect()
}

/// How many services there are of each health.
fn counts(matching: &[(u32, &Standing)]) -> Vec<(Health, u32)> {
    let mut counts = Health::ALL.map(|health| (health, 0));
    for (_, standing) in matching {
        if let Some((_, count)) = counts.iter_mut().find(|(health, _)| *health == standing.health.health) {
            *count += 1;
        }
    }
    counts.to_vec()
}

fn matches(standing: &Standing, directory: &Directory, ask: &CatalogQuery, hour: Window) -> bool {
    let service = &standing.service;
    let id = &service.id;
    let one_of = |wanted: &[String], part: &String| wanted.is_empty() || wanted.contains(part);
    let changed = || directory.newest_deploy(id).is_some_and(|deploy| hour.contains(deploy.started));
    one_of(&ask.namespaces, &id.namespace)
        && one_of(&ask.kinds, &id.kind)
        && (!ask.changed || changed())
        && ask.text.split_whitespace().all(|word| {
            let word = word.to_lowercase();
            let has = |text: &str| text.to_lowercase().contains(&word);
            has(&id.name)
                || has(&id.namespace)
                || has(&id.kind)
                || service.team.as_deref().is_some_and(has)
                || service.revision_name.as_deref().is_some_and(has)
        })
}

/// The order of a column as its first click gives it, or the other way round; what is not known comes last in both.
fn order(ask: &CatalogQuery, a: &Standing, b: &Standing, directory: &Directory) -> Ordering {
    let turned = |order: Ordering| if ask.reverse { order.reverse() } else { order };
    let most = |a: Option<f64>, b: Option<f64>| known_first(a, b, |a, b| turned(b.total_cmp(a)));
    let missing = |s: &Standing| Reverse(s.service.wanted.saturating_sub(s.service.ready));
    let started = |s: &Standing| directory.newest_deploy(&s.service.id).map(|deploy| deploy.started);
    match ask.sort {
        CatalogSort::Health => turned(a.health.health.cmp(&b.health.health))
            .then_with(|| most(a.total.error_share, b.total.error_share))
            .then_with(|| most(a.total.rate, b.total.rate)),
        CatalogSort::Name => turned(a.service.id.name.cmp(&b.service.id.name)),
        CatalogSort::Requests => most(a.total.rate, b.total.rate),
        CatalogSort::Errors => most(a.total.error_share, b.total.error_share),
        CatalogSort::P95 => most(a.total.p95, b.total.p95),
        CatalogSort::Ready => turned(missing(a).cmp(&missing(b))),
        CatalogSort::Restarts => turned(b.restarts.cmp(&a.restarts)),
        CatalogSort::Revision => {
            known_first(a.service.revision_name.as_ref(), b.service.revision_name.as_ref(), |a, b| {
                turned(natural(a, b))
            })
        }
        CatalogSort::LastDeploy => known_first(started(a), started(b), |a, b| turned(b.cmp(a))),
    }
}

/// The order of two values where both are known; one that is not comes after one that is.
fn known_first<T>(a: Option<T>, b: Option<T>, order: impl Fn(&T, &T) -> Ordering) -> Ordering {
    match (&a, &b) {
        (Some(a), Some(b)) => order(a, b),
        (a, b) => b.is_some().cmp(&a.is_some()),
    }
}
