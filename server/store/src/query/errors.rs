//! Error groups of a service, and when it last served a request.

use std::collections::{BTreeMap, BTreeSet};
use std::slice;
use std::sync::atomic::Ordering;

use model::{MINUTE, PodId, RevisionHash, ServiceId, Step, Timestamp, TraceId, Window};

use super::{Loaded, Need, Rows, of_owners};
use crate::fold;
use crate::meta::GroupSeen;
use crate::partition::Shared;
use crate::partition::file::Family;
use crate::rollup::ErrorCell;
use crate::{Attribution, Error, ErrorCells, ErrorLife, ErrorName, PodErrors};

/// See `Telemetry::errors`.
pub(crate) async fn errors(
    shared: &Shared,
    service: &ServiceId,
    window: Window,
    step: Step,
) -> Result<Vec<ErrorCells>, Error> {
    let window = window.aligned(step);
    let (loaded, unfolded, remembered) = material(shared, service, window, step).await?;
    let service = service.clone();
    super::blocking(move || {
        let seen = seen(remembered, [&loaded, &unfolded], &service);
        groups(&loaded, &service, window, step, &seen)
    })
    .await
}

/// See `Telemetry::error_life`.
pub(crate) async fn error_life(shared: &Shared, service: &ServiceId, window: Window) -> Result<ErrorLife, Error> {
    let step = Step(MINUTE);
    let window = window.aligned(step);
    let (loaded, unfolded, remembered) = material(shared, service, window, step).await?;
    let service = service.clone();
    super::blocking(move || {
        let seen = seen(remembered, [&loaded, &unfolded], &service);
        let births = seen.values().map(|group| group.first).collect();
        ErrorLife { groups: by_pod(&loaded, &service, window, &seen), births }
    })
    .await
}

/// See `Telemetry::first_errors`.
pub(crate) async fn first_errors(shared: &Shared, service: &ServiceId) -> Result<BTreeMap<RevisionHash, u32>, Error> {
    let (unfolded, remembered) = (unfolded(shared).await?, shared.meta.groups(service).await?);
    let service = service.clone();
    super::blocking(move || {
        let seen = seen(remembered, [&unfolded, &[]], &service);
        let mut firsts = BTreeMap::new();
        for revision in seen.into_values().filter_map(|group| group.revision) {
            *firsts.entry(revision).or_default() += 1;
        }
        firsts
    })
    .await
}

/// What the window holds, what is not folded yet, what is remembered.
async fn material(
    shared: &Shared,
    service: &ServiceId,
    window: Window,
    step: Step,
) -> Result<(Vec<Loaded>, Vec<Loaded>, Seen), Error> {
    let need = Need { window, step, services: Some(slice::from_ref(service)), by_pod: false };
    let loaded = super::load(shared, &need).await?;
    Ok((loaded, unfolded(shared).await?, shared.meta.groups(service).await?))
}

/// What is remembered of a service's groups, and what its own cells add.
fn seen(remembered: Seen, loaded: [&[Loaded]; 2], service: &ServiceId) -> Seen {
    let mut seen = remembered;
    for file in loaded.into_iter().flatten() {
        let owners = file.resolved.owners_of(slice::from_ref(service));
        for rollup in &file.rollups {
            for cell in of_owners(&rollup.errors, Some(&owners), |cell| cell.owner) {
                let whose = file.resolved.timelines[cell.owner as usize].at(Timestamp(cell.first));
                if whose.service.as_ref() == Some(service) {
                    let key = (rollup.texts.get(cell.endpoint).to_owned(), rollup.texts.get(cell.error).to_owned());
                    let sight = fold::sight((cell.first, cell.last), whose);
                    seen.entry(key).and_modify(|known| known.join(&sight)).or_insert(sight);
                }
            }
        }
    }
    seen
}

/// See `Telemetry::error_groups`.
pub(crate) async fn error_groups(
    shared: &Shared,
    services: &[ServiceId],
    window: Window,
) -> Result<BTreeSet<ErrorName>, Error> {
    if services.is_empty() {
        return Ok(BTreeSet::new());
    }
    let step = Step(MINUTE);
    let window = window.aligned(step);
    let loaded = super::load(shared, &Need { window, step, services: Some(services), by_pod: false }).await?;
    let services = services.to_vec();
    super::blocking(move || {
        let found = sights(&loaded, &services, window).into_iter();
        let name = |Sight { endpoint, error, whose, .. }: Sight<'_>| {
            Some(ErrorName { service: whose.service.clone()?, endpoint: endpoint.to_owned(), error: error.to_owned() })
        };
        found.filter_map(name).collect()
    })
    .await
}

/// An error group's cell and whose it was then.
struct Sight<'a> {
    endpoint: &'a str,
    error: &'a str,
    cell: &'a ErrorCell,
    whose: &'a Attribution,
}

/// The error cells of services in a window.
fn sights<'a>(loaded: &'a [Loaded], services: &[ServiceId], window: Window) -> Vec<Sight<'a>> {
    let mut found = Vec::new();
    for file in loaded {
        let owners = file.resolved.owners_of(services);
        for rollup in &file.rollups {
            let cells = of_owners(&rollup.errors, Some(&owners), |cell| cell.owner);
            for cell in cells.filter(|cell| window.contains(Timestamp(cell.at))) {
                let whose = file.resolved.timelines[cell.owner as usize].at(Timestamp(cell.at));
                if whose.service.as_ref().is_some_and(|service| services.contains(service)) {
                    let (endpoint, error) = (rollup.texts.get(cell.endpoint), rollup.texts.get(cell.error));
                    found.push(Sight { endpoint, error, cell, whose });
                }
            }
        }
    }
    found
}

fn by_pod(loaded: &[Loaded], service: &ServiceId, window: Window, seen: &Seen) -> Vec<PodErrors> {
    type Key<'a> = (&'a str, &'a str, Option<&'a RevisionHash>, Option<&'a PodId>);
    let mut groups: BTreeMap<Key<'_>, BTreeMap<u32, f64>> = BTreeMap::new();
    for Sight { endpoint, error, cell, whose } in sights(loaded, slice::from_ref(service), window) {
        let key = (endpoint, error, whose.revision.as_ref(), whose.pod.as_ref());
        let minute = (cell.at.saturating_sub(window.from.0) / MINUTE) as u32;
        *groups.entry(key).or_default().entry(minute).or_default() += cell.count;
    }
    let row = |((endpoint, error, revision, pod), cells): (Key<'_>, BTreeMap<u32, f64>)| PodErrors {
        endpoint: endpoint.to_owned(),
        error: error.to_owned(),
        first_seen: seen.get(&(endpoint.to_owned(), error.to_owned())).map_or(window.from, |group| group.first),
        revision: revision.cloned(),
        pod: pod.cloned(),
        cells: cells.into_iter().collect(),
    };
    groups.into_iter().map(row).collect()
}

/// See `Telemetry::last_request`.
pub(crate) async fn last_request(shared: &Shared, service: &ServiceId) -> Result<Option<Timestamp>, Error> {
    let remembered = shared.meta.last_request(service).await?;
    let unfolded = unfolded(shared).await?;
    let service = service.clone();
    let sight = super::blocking(move || last_of(&unfolded, &service)).await?;
    Ok(remembered.max(sight))
}

/// The last request of a service in what was loaded.
fn last_of(loaded: &[Loaded], service: &ServiceId) -> Option<Timestamp> {
    let mut last = None;
    for file in loaded {
        let owners = file.resolved.owners_of(slice::from_ref(service));
        for rollup in &file.rollups {
            for count in of_owners(&rollup.owners, Some(&owners), |count| count.owner) {
                let at = count.last_request.map(Timestamp);
                let whose = at.map(|at| file.resolved.timelines[count.owner as usize].at(at));
                if whose.is_some_and(|whose| whose.service.as_ref() == Some(service)) {
                    last = last.max(at);
                }
            }
        }
    }
    last
}

/// What came since the last fold.
pub(super) async fn unfolded(shared: &Shared) -> Result<Vec<Loaded>, Error> {
    let mut loaded = Vec::new();
    for file in shared.files(Family::Raw).iter().filter(|file| !file.complete.load(Ordering::Acquire)) {
        let mark = file.mark.load(Ordering::Acquire);
        loaded.extend(super::load_file(shared, file, Rows::Between(mark, i64::MAX)).await?);
    }
    Ok(loaded)
}

type Seen = BTreeMap<(String, String), GroupSeen>;

fn groups(loaded: &[Loaded], service: &ServiceId, window: Window, step: Step, seen: &Seen) -> Vec<ErrorCells> {
    struct Group {
        last: i64,
        sample: TraceId,
        cells: BTreeMap<u32, f64>,
    }
    let mut groups: BTreeMap<(&str, &str), Group> = BTreeMap::new();
    for Sight { endpoint, error, cell, .. } in sights(loaded, slice::from_ref(service), window) {
        let empty = || Group { last: i64::MIN, sample: cell.sample, cells: BTreeMap::new() };
        let group = groups.entry((endpoint, error)).or_insert_with(empty);
        if cell.last >= group.last {
            (group.last, group.sample) = (cell.last, cell.sample);
        }
        let index = (cell.at.saturating_sub(window.from.0) / step.0) as u32;
        *group.cells.entry(index).or_default() += cell.count;
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
