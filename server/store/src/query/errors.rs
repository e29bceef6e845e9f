//! Error groups of services, and when one last served a request.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

use model::{MINUTE, PodId, RevisionHash, ServiceId, Step, Timestamp, TraceId, Window};

use super::own::{Own, own};
use super::{Loaded, Need, Rows};
use crate::fold;
use crate::meta::GroupSeen;
use crate::partition::Shared;
use crate::partition::file::Family;
use crate::rollup::{ErrorCell, OwnerCount};
use crate::{Error, ErrorCells, ErrorLives, ErrorName, PodErrors};

/// See `Telemetry::errors`.
pub(crate) async fn errors(
    shared: &Shared,
    service: &ServiceId,
    window: Window,
    step: Step,
) -> Result<Vec<ErrorCells>, Error> {
    let window = window.aligned(step);
    let services = [service.clone()];
    let (loaded, unfolded, remembered) = material(shared, &services, window, step).await?;
    super::blocking(move || {
        let seen = seen(remembered, [&loaded, &unfolded], &services);
        groups(&loaded, &services, window, step, &seen)
    })
    .await
}

/// See `Telemetry::error_life`.
pub(crate) async fn error_life(shared: &Shared, services: &[ServiceId], window: Window) -> Result<ErrorLives, Error> {
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
        for ((service, ..), group) in seen {
            lives.entry(service).or_default().births.push(group.first);
        }
        lives
    })
    .await
}

/// See `Telemetry::first_errors`.
pub(crate) async fn first_errors(shared: &Shared, service: &ServiceId) -> Result<BTreeMap<RevisionHash, u32>, Error> {
    let services = [service.clone()];
    let (unfolded, remembered) = (unfolded(shared, &services).await?, shared.meta.groups(&services).await?);
    super::blocking(move || {
        let seen = seen(remembered, [&unfolded, &[]], &services);
        let mut firsts = BTreeMap::new();
        for revision in seen.into_values().filter_map(|group| group.revision) {
            *firsts.entry(revision).or_default() += 1;
        }
        firsts
    })
    .await
}

/// What the window holds, what is not looked over yet, what is remembered.
async fn material(
    shared: &Shared,
    services: &[ServiceId],
    window: Window,
    step: Step,
) -> Result<(Vec<Loaded>, Vec<Loaded>, Seen), Error> {
    let need = Need { window, step, services: Some(services), by_pod: false };
    let loaded = super::load(shared, &need).await?;
    Ok((loaded, unfolded(shared, services).await?, shared.meta.groups(services).await?))
}

/// What is remembered of services' groups, and what their own cells add.
fn seen(remembered: Seen, loaded: [&[Loaded]; 2], services: &[ServiceId]) -> Seen {
    let mut seen = remembered;
    let loaded = loaded.into_iter().flatten();
    for Own { rollup, cell, service, whose } in
        own(loaded, services, |rollup| &rollup.errors, |cell| (cell.owner, cell.first))
    {
        let text = |number| rollup.texts.get(number).to_owned();
        let sight = fold::sight((cell.first, cell.last), whose);
        let key = (service.clone(), text(cell.endpoint), text(cell.error));
        seen.entry(key).and_modify(|known| known.join(&sight)).or_insert(sight);
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
        let name = |Own { rollup, cell, service, .. }: Own<'_, ErrorCell>| ErrorName {
            service: service.clone(),
            endpoint: rollup.texts.get(cell.endpoint).to_owned(),
            error: rollup.texts.get(cell.error).to_owned(),
        };
        in_window(&loaded, &services, window).map(name).collect()
    })
    .await
}

/// The error cells of services in a window.
fn in_window<'a>(
    loaded: &'a [Loaded],
    services: &'a [ServiceId],
    window: Window,
) -> impl Iterator<Item = Own<'a, ErrorCell>> {
    let all = own(loaded, services, |rollup| &rollup.errors, |cell: &ErrorCell| (cell.owner, cell.at));
    all.filter(move |own| window.contains(Timestamp(own.cell.at)))
}

fn by_pod(loaded: &[Loaded], services: &[ServiceId], window: Window, seen: &Seen) -> ErrorLives {
    let mut groups = ByPod::new();
    for Own { rollup, cell, service, whose } in in_window(loaded, services, window) {
        let (endpoint, error) = (rollup.texts.get(cell.endpoint), rollup.texts.get(cell.error));
        let key = (service, endpoint, error, whose.revision.as_ref(), whose.pod.as_ref());
        let minute = (cell.at.saturating_sub(window.from.0) / MINUTE) as u32;
        *groups.entry(key).or_default().entry(minute).or_default() += cell.count;
    }
    lives(groups, |service, endpoint, error| {
        let known = seen.get(&(service.clone(), endpoint.to_owned(), error.to_owned()));
        known.map_or(window.from, |group| group.first)
    })
}

/// Counts by minute of what pods had: by service, endpoint, error, revision and pod.
pub(super) type ByPod<'a> =
    BTreeMap<(&'a ServiceId, &'a str, &'a str, Option<&'a RevisionHash>, Option<&'a PodId>), BTreeMap<u32, f64>>;

/// As lives without births; `first_seen` says when a service's group was seen first.
pub(super) fn lives(groups: ByPod<'_>, first_seen: impl Fn(&ServiceId, &str, &str) -> Timestamp) -> ErrorLives {
    let mut lives = ErrorLives::new();
    for ((service, endpoint, error, revision, pod), cells) in groups {
        let row = PodErrors {
            endpoint: endpoint.to_owned(),
            error: error.to_owned(),
            first_seen: first_seen(service, endpoint, error),
            revision: revision.cloned(),
            pod: pod.cloned(),
            cells: cells.into_iter().collect(),
        };
        lives.entry(service.clone()).or_default().groups.push(row);
    }
    lives
}

/// See `Telemetry::last_request`.
pub(crate) async fn last_request(shared: &Shared, service: &ServiceId) -> Result<Option<Timestamp>, Error> {
    let remembered = shared.meta.last_request(service).await?;
    let services = [service.clone()];
    let unfolded = unfolded(shared, &services).await?;
    let sight = super::blocking(move || last_of(&unfolded, &services)).await?;
    Ok(remembered.max(sight))
}

/// The last request of services in what was loaded.
fn last_of(loaded: &[Loaded], services: &[ServiceId]) -> Option<Timestamp> {
    // Those that never had one are not in time for anything.
    let at = |count: &OwnerCount| (count.owner, count.last_request.unwrap_or(i64::MIN));
    own(loaded, services, |rollup| &rollup.owners, at).filter_map(|own| own.cell.last_request).map(Timestamp).max()
}

/// What came of services since rollups were last looked over.
pub(super) async fn unfolded(shared: &Shared, services: &[ServiceId]) -> Result<Vec<Loaded>, Error> {
    let mut loaded = Vec::new();
    for file in shared.files(Family::Raw).iter().filter(|file| !file.complete.load(Ordering::Acquire)) {
        let mark = file.mark.load(Ordering::Acquire);
        loaded.extend(super::load_file(shared, file, Rows::Between(mark, i64::MAX), Some(services)).await?);
    }
    Ok(loaded)
}

/// By service, endpoint and error.
type Seen = BTreeMap<(ServiceId, String, String), GroupSeen>;

fn groups(loaded: &[Loaded], services: &[ServiceId; 1], window: Window, step: Step, seen: &Seen) -> Vec<ErrorCells> {
    struct Group {
        last: i64,
        sample: TraceId,
        cells: BTreeMap<u32, f64>,
    }
    let mut groups: BTreeMap<(&str, &str), Group> = BTreeMap::new();
    for Own { rollup, cell, .. } in in_window(loaded, services, window) {
        let empty = || Group { last: i64::MIN, sample: cell.sample, cells: BTreeMap::new() };
        let (endpoint, error) = (rollup.texts.get(cell.endpoint), rollup.texts.get(cell.error));
        let group = groups.entry((endpoint, error)).or_insert_with(empty);
        if cell.last >= group.last {
            (group.last, group.sample) = (cell.last, cell.sample);
        }
        let index = (cell.at.saturating_sub(window.from.0) / step.0) as u32;
        *group.cells.entry(index).or_default() += cell.count;
    }
    let [service] = services;
    let row = |((endpoint, error), group): ((&str, &str), Group)| {
        let known = seen.get(&(service.clone(), endpoint.to_owned(), error.to_owned()));
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
