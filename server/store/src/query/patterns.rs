//! Log patterns of a service, from rollups.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::slice;

use model::{Level, MINUTE, PodId, RevisionHash, ServiceId, Step, Timestamp, Window};

use super::errors::unfolded;
use super::{Loaded, Need, of_owners};
use crate::fold;
use crate::meta::GroupSeen;
use crate::partition::Shared;
use crate::rollup::{OTHERS, TEXTS};
use crate::{Error, ErrorLife, PatternCells, PodErrors};

/// See `Telemetry::log_counts`.
pub(crate) async fn patterns(
    shared: &Shared,
    service: &ServiceId,
    window: Window,
    step: Step,
) -> Result<Vec<PatternCells>, Error> {
    let window = window.aligned(step);
    let need = Need { window, step, services: Some(slice::from_ref(service)), by_pod: false };
    let loaded = super::load(shared, &need).await?;
    let unfolded = unfolded(shared).await?;
    let remembered = shared.meta.patterns(service).await?;
    let service = service.clone();
    super::blocking(move || {
        let seen = seen(remembered, [&loaded, &unfolded], &service);
        counted(&loaded, &service, window, step, &seen)
    })
    .await
}

/// See `Telemetry::pattern_life`.
pub(crate) async fn pattern_life(shared: &Shared, service: &ServiceId, window: Window) -> Result<ErrorLife, Error> {
    let step = Step(MINUTE);
    let window = window.aligned(step);
    let need = Need { window, step, services: Some(slice::from_ref(service)), by_pod: true };
    let loaded = super::load(shared, &need).await?;
    let unfolded = unfolded(shared).await?;
    let remembered = shared.meta.patterns(service).await?;
    let service = service.clone();
    super::blocking(move || {
        let seen = seen(remembered, [&loaded, &unfolded], &service);
        let births = seen.values().map(|pattern| pattern.first).collect();
        ErrorLife { groups: by_pod(&loaded, &service, window, &seen), births }
    })
    .await
}

type Seen = BTreeMap<String, GroupSeen>;

/// What is remembered of a service's patterns, and what its own cells add.
fn seen(remembered: Seen, loaded: [&[Loaded]; 2], service: &ServiceId) -> Seen {
    let mut seen = remembered;
    for file in loaded.into_iter().flatten() {
        let owners = file.resolved.owners_of(slice::from_ref(service));
        for rollup in &file.rollups {
            for cell in of_owners(&rollup.logs, Some(&owners), |cell| cell.owner) {
                let whose = file.resolved.timelines[cell.owner as usize].at(Timestamp(cell.first));
                if whose.service.as_ref() == Some(service) {
                    let sight = fold::sight((cell.first, cell.last), whose);
                    let pattern = rollup.texts.get(cell.pattern).to_owned();
                    seen.entry(pattern).and_modify(|known| known.join(&sight)).or_insert(sight);
                }
            }
        }
    }
    seen
}

/// Warnings and worse by pod and minute.
fn by_pod(loaded: &[Loaded], service: &ServiceId, window: Window, seen: &Seen) -> Vec<PodErrors> {
    type Key<'a> = (&'a str, Option<&'a RevisionHash>, Option<&'a PodId>);
    let mut patterns: BTreeMap<Key<'_>, BTreeMap<u32, f64>> = BTreeMap::new();
    for file in loaded {
        let owners = file.resolved.owners_of(slice::from_ref(service));
        for rollup in &file.rollups {
            let cells = of_owners(&rollup.logs, Some(&owners), |cell| cell.owner);
            let bad = cells.filter(|cell| Level::from_number(cell.level) >= Level::Warn);
            for cell in bad.filter(|cell| window.contains(Timestamp(cell.at))) {
                let whose = file.resolved.timelines[cell.owner as usize].at(Timestamp(cell.at));
                if whose.service.as_ref() == Some(service) {
                    let key = (rollup.texts.get(cell.pattern), whose.revision.as_ref(), whose.pod.as_ref());
                    let minute = (cell.at.saturating_sub(window.from.0) / MINUTE) as u32;
                    *patterns.entry(key).or_default().entry(minute).or_default() += cell.count as f64;
                }
            }
        }
    }
    let row = |((pattern, revision, pod), cells): (Key<'_>, BTreeMap<u32, f64>)| PodErrors {
        endpoint: String::new(),
        error: pattern.to_owned(),
        first_seen: seen.get(pattern).map_or(window.from, |known| known.first),
        revision: revision.cloned(),
        pod: pod.cloned(),
        cells: cells.into_iter().collect(),
    };
    patterns.into_iter().map(row).collect()
}

/// Lines of one pattern by level and step.
type Cells = BTreeMap<(Level, u32), u64>;

fn counted(loaded: &[Loaded], service: &ServiceId, window: Window, step: Step, seen: &Seen) -> Vec<PatternCells> {
    let mut patterns: BTreeMap<&str, Cells> = BTreeMap::new();
    for file in loaded {
        let owners = file.resolved.owners_of(slice::from_ref(service));
        for rollup in &file.rollups {
            let cells = of_owners(&rollup.logs, Some(&owners), |cell| cell.owner);
            for cell in cells.filter(|cell| window.contains(Timestamp(cell.at))) {
                let whose = file.resolved.timelines[cell.owner as usize].at(Timestamp(cell.at));
                if whose.service.as_ref() == Some(service) {
                    let at = (cell.at.saturating_sub(window.from.0) / step.0) as u32;
                    let cells = patterns.entry(rollup.texts.get(cell.pattern)).or_default();
                    *cells.entry((Level::from_number(cell.level), at)).or_default() += cell.count;
                }
            }
        }
    }
    let row = |(pattern, cells): (&str, Cells)| {
        let known = seen.get(pattern);
        PatternCells {
            pattern: pattern.to_owned(),
            first_seen: known.map_or(window.from, |known| known.first),
            first_revision: known.and_then(|known| known.revision.clone()),
            last_seen: known.map_or(window.from, |known| known.last),
            cells: cells.into_iter().map(|((level, at), count)| (level, at, count)).collect(),
        }
    };
    capped(patterns).into_iter().map(row).collect()
}

/// As in each rollup, so over all of them: the patterns that have warnings and worse, then those with the most lines,
/// stay apart up to the cap; the lines of what is beyond are counted together.
fn capped(mut patterns: BTreeMap<&str, Cells>) -> BTreeMap<&str, Cells> {
    if patterns.len() <= TEXTS + 1 {
        return patterns;
    }
    let mut others = patterns.remove(OTHERS).unwrap_or_default();
    let weight = |cells: &Cells| {
        let is_bad = cells.keys().any(|(level, _)| *level >= Level::Warn);
        (is_bad, cells.values().sum::<u64>())
    };
    let mut ranked: Vec<_> = patterns.into_iter().collect();
    ranked.sort_by_cached_key(|(_, cells)| Reverse(weight(cells)));
    for (at, count) in ranked.drain(TEXTS..).flat_map(|(_, cells)| cells) {
        *others.entry(at).or_default() += count;
    }
    ranked.push((OTHERS, others));
    ranked.into_iter().collect()
}
