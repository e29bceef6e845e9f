//! Error groups of a service, and when it last served a request.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use model::{ServiceId, Step, Timestamp, TraceId, Window};

use super::{Loaded, Rows};
use crate::fold::{self, Sightings};
use crate::meta::GroupSeen;
use crate::partition::Shared;
use crate::partition::file::Family;
use crate::{Error, ErrorCells};

/// See `Telemetry::errors`.
pub(crate) async fn errors(
    shared: &Shared,
    service: &ServiceId,
    window: Window,
    step: Step,
) -> Result<Vec<ErrorCells>, Error> {
    let window = window.aligned(step);
    let loaded = super::load(shared, window, step).await?;
    let unfolded = unfolded(shared).await?;
    let remembered = shared.meta.groups(service).await?;
    let service = service.clone();
    super::blocking(move || {
        let mut seen = remembered;
        for sightings in [fold::sightings(&loaded), fold::sightings(&unfolded)] {
            join(&mut seen, sightings, &service);
        }
        groups(&loaded, &service, window, step, &seen)
    })
    .await
}

/// See `Telemetry::last_request`.
pub(crate) async fn last_request(shared: &Shared, service: &ServiceId) -> Result<Option<Timestamp>, Error> {
    let remembered = shared.meta.last_request(service).await?;
    let unfolded = unfolded(shared).await?;
    let mut sightings = super::blocking(move || fold::sightings(&unfolded)).await?;
    Ok(remembered.max(sightings.requests.remove(service)))
}

/// What came since the last fold.
async fn unfolded(shared: &Shared) -> Result<Vec<Loaded>, Error> {
    let mut loaded = Vec::new();
    for file in shared.files(Family::Raw).iter().filter(|file| !file.complete.load(Ordering::Acquire)) {
        let mark = file.mark.load(Ordering::Acquire);
        loaded.extend(super::load_file(shared, file, Rows::Between(mark, i64::MAX)).await?);
    }
    Ok(loaded)
}

type Seen = BTreeMap<(String, String), GroupSeen>;

fn join(seen: &mut Seen, sightings: Sightings, service: &ServiceId) {
    for ((of, endpoint, error), sight) in sightings.groups {
        if of == *service {
            seen.entry((endpoint, error)).and_modify(|known| known.join(&sight)).or_insert(sight);
        }
    }
}

fn groups(loaded: &[Loaded], service: &ServiceId, window: Window, step: Step, seen: &Seen) -> Vec<ErrorCells> {
    struct Group {
        last: i64,
        sample: TraceId,
        cells: BTreeMap<u32, f64>,
    }
    let mut groups: BTreeMap<(&str, &str), Group> = BTreeMap::new();
    for file in loaded {
        for rollup in &file.rollups {
            for cell in rollup.errors.iter().filter(|cell| window.contains(Timestamp(cell.at))) {
                let whose = file.resolved.timelines[cell.owner as usize].at(Timestamp(cell.at));
                if whose.service.as_ref() != Some(service) {
                    continue;
                }
                let key = (rollup.texts.get(cell.endpoint), rollup.texts.get(cell.error));
                let empty = || Group { last: i64::MIN, sample: cell.sample, cells: BTreeMap::new() };
                let group = groups.entry(key).or_insert_with(empty);
                if cell.last >= group.last {
                    (group.last, group.sample) = (cell.last, cell.sample);
                }
                let index = (cell.at.saturating_sub(window.from.0) / step.0) as u32;
                *group.cells.entry(index).or_default() += cell.count;
            }
        }
    }
    let row = |((endpoint, error), group): ((&str, &str), Group)| {
        let known = seen.get(&(endpoint.to_owned(), error.to_owned()));
        ErrorCells {
            endpoint: endpoint.to_owned(),
            error: error.to_owned(),
            first_seen: known.map_or(Timestamp(group.last), |known| known.first),
            first_revision: known.and_then(|known| known.revision.clone()),
            last_seen: Timestamp(group.last),
            sample: group.sample,
            cells: group.cells.into_iter().collect(),
        }
    };
    groups.into_iter().map(row).collect()
}
