//! Log patterns of services, from rollups.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use model::{Level, MINUTE, ServiceId, Step, Timestamp, Window};

use super::errors::{ByPod, lives, unfolded};
use super::own::{Own, own};
use super::{Loaded, Need};
use crate::fold;
use crate::meta::GroupSeen;
use crate::partition::Shared;
use crate::rollup::{LogCell, OTHERS, TEXTS};
use crate::{Error, ErrorLives, PatternCells};

/// See `Telemetry::log_counts`.
pub(crate) async fn patterns(
    shared: &Shared,
    service: &ServiceId,
    window: Window,
    step: Step,
) -> Result<Vec<PatternCells>, Error> {
    let window = window.aligned(step);
    let services = [service.clone()];
    let (loaded, unfolded, remembered) = material(shared, &services, window, step).await?;
    super::blocking(move || {
        let seen = seen(remembered, [&loaded, &unfolded], &services);
        counted(&loaded, &services, window, step, &seen)
    })
    .await
}

/// See `Telemetry::pattern_life`.
pub(crate) async fn pattern_life(shared: &Shared, services: &[ServiceId], window: Window) -> Result<ErrorLives, Error> {
    if services.is_empty() {
        return Ok(ErrorLives::new());
    }
    let step = Step(MINUTE);
    let window = window.aligned(step);
    let (loaded, unfolded, remembered) = material(shared, services, window, step).await?;
    let services = services.to_vec();
    super::blocking(move || {
        let seen = seen(remembered, [&loaded, &unfolded], &services);
        let mut lives = by_pod(&loaded, &services, window, &seen);
        for ((service, _), pattern) in seen {
            lives.entry(service).or_default().births.push(pattern.first);
        }
        lives
    })
    .await
}

/// What the window holds, what is not folded yet, what is remembered.
async fn material(
    shared: &Shared,
    services: &[ServiceId],
    window: Window,
    step: Step,
) -> Result<(Vec<Loaded>, Vec<Loaded>, Seen), Error> {
    let need = Need { window, step, services: Some(services), by_pod: false };
    let loaded = super::load(shared, &need).await?;
    Ok((loaded, unfolded(shared, services).await?, shared.meta.patterns(services).await?))
}

/// By service and pattern.
type Seen = BTreeMap<(ServiceId, String), GroupSeen>;

/// What is remembered of services' patterns, and what their own cells add.
fn seen(remembered: Seen, loaded: [&[Loaded]; 2], services: &[ServiceId]) -> Seen {
    let mut seen = remembered;
    let loaded = loaded.into_iter().flatten();
    for Own { rollup, cell, service, whose } in
        own(loaded, services, |rollup| &rollup.logs, |cell| (cell.owner, cell.first))
    {
        let sight = fold::sight((cell.first, cell.last), whose);
        let key = (service.clone(), rollup.texts.get(cell.pattern).to_owned());
        seen.entry(key).and_modify(|known| known.join(&sight)).or_insert(sight);
    }
    seen
}

/// The cells of services in a window.
fn in_window<'a>(
    loaded: &'a [Loaded],
    services: &'a [ServiceId],
    window: Window,
) -> impl Iterator<Item = Own<'a, LogCell>> {
    let all = own(loaded, services, |rollup| &rollup.logs, |cell: &LogCell| (cell.owner, cell.at));
    all.filter(move |own| window.contains(Timestamp(own.cell.at)))
}

/// Warnings and worse by pod and minute.
fn by_pod(loaded: &[Loaded], services: &[ServiceId], window: Window, seen: &Seen) -> ErrorLives {
    let mut patterns = ByPod::new();
    let is_bad = |own: &Own<'_, LogCell>| Level::from_number(own.cell.level) >= Level::Warn;
    for Own { rollup, cell, service, whose } in in_window(loaded, services, window).filter(is_bad) {
        let key = (service, "", rollup.texts.get(cell.pattern), whose.revision.as_ref(), whose.pod.as_ref());
        let minute = (cell.at.saturating_sub(window.from.0) / MINUTE) as u32;
        *patterns.entry(key).or_default().entry(minute).or_default() += cell.count as f64;
    }
    lives(patterns, |service, _, pattern| {
        seen.get(&(service.clone(), pattern.to_owned())).map_or(window.from, |known| known.first)
    })
}

/// Lines of one pattern by level and step.
type Cells = BTreeMap<(Level, u32), u64>;

fn counted(loaded: &[Loaded], services: &[ServiceId; 1], window: Window, step: Step, seen: &Seen) -> Vec<PatternCells> {
    let mut patterns: BTreeMap<&str, Cells> = BTreeMap::new();
    for Own { rollup, cell, .. } in in_window(loaded, services, window) {
        let at = (cell.at.saturating_sub(window.from.0) / step.0) as u32;
        let cells = patterns.entry(rollup.texts.get(cell.pattern)).or_default();
        *cells.entry((Level::from_number(cell.level), at)).or_default() += cell.count;
    }
    let [service] = services;
    let row = |(pattern, cells): (&str, Cells)| {
        let known = seen.get(&(service.clone(), pattern.to_owned()));
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
