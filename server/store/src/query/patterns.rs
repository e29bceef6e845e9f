//! Log patterns of a service, from rollups.

use std::collections::BTreeMap;
use std::slice;

use model::{Level, ServiceId, Step, Timestamp, Window};

use super::errors::unfolded;
use super::{Loaded, of_owners};
use crate::fold;
use crate::meta::GroupSeen;
use crate::partition::Shared;
use crate::{Error, PatternCells};

/// See `Telemetry::log_counts`.
pub(crate) async fn patterns(
    shared: &Shared,
    service: &ServiceId,
    window: Window,
    step: Step,
) -> Result<Vec<PatternCells>, Error> {
    let window = window.aligned(step);
    let loaded = super::load(shared, window, step).await?;
    let unfolded = unfolded(shared).await?;
    let mut seen = shared.meta.patterns(service).await?;
    let service = service.clone();
    super::blocking(move || {
        for loaded in [&loaded, &unfolded] {
            for ((of, pattern), sight) in fold::sightings(loaded).patterns {
                if of == service {
                    seen.entry(pattern).and_modify(|known| known.join(&sight)).or_insert(sight);
                }
            }
        }
        counted(&loaded, &service, window, step, &seen)
    })
    .await
}

fn counted(
    loaded: &[Loaded],
    service: &ServiceId,
    window: Window,
    step: Step,
    seen: &BTreeMap<String, GroupSeen>,
) -> Vec<PatternCells> {
    let mut patterns: BTreeMap<&str, BTreeMap<(Level, u32), u64>> = BTreeMap::new();
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
    let row = |(pattern, cells): (&str, BTreeMap<(Level, u32), u64>)| {
        let known = seen.get(pattern);
        PatternCells {
            pattern: pattern.to_owned(),
            first_seen: known.map_or(window.from, |known| known.first),
            first_revision: known.and_then(|known| known.revision.clone()),
            last_seen: known.map_or(window.from, |known| known.last),
            cells: cells.into_iter().map(|((level, at), count)| (level, at, count)).collect(),
        }
    };
    patterns.into_iter().map(row).collect()
}
