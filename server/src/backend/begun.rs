//! Since when requests of services are measured in a window: a rate divides by the time since then. What began, or was
//! first watched, late in a long range has the rate that it had, not one thinned by the time before.

use std::collections::{BTreeMap, HashMap, HashSet};

use model::{SECOND, ServiceId, Step, Timestamp, Window};
use store::{By, Error, RedQuery, Store};

/// A beginning is told to this part of the time since it.
const PART: i64 = 10;
/// Cells that a cell is looked at in.
const CELLS: i64 = 240;
/// The narrowest cell.
const NARROWEST: i64 = 10 * SECOND;

/// When services began to serve, by service: those that did so well after a window's beginning and served nothing in the
/// window of equal length before it. All others were measured the whole window. `firsts` is the first cell of each
/// service that holds any request.
pub(super) async fn begun(
    store: &Store,
    window: Window,
    step: Step,
    firsts: impl IntoIterator<Item = (ServiceId, u32)>,
) -> Result<HashMap<ServiceId, Timestamp>, Error> {
    let mut cells = by_beginning(window, step, firsts);
    cells.retain(|at, _| at.since(window.from) > window.length() / PART);
    let before = served(store, window.previous(), cells.values().flatten()).await?;
    let mut begun = HashMap::new();
    let mut found: Vec<(Timestamp, Step, Vec<ServiceId>)> = cells.into_iter().map(|(at, of)| (at, step, of)).collect();
    while let Some((at, step, mut services)) = found.pop() {
        services.retain(|id| !before.contains(id));
        begun.extend(services.iter().map(|id| (id.clone(), at)));
        if services.is_empty() || step.0 <= NARROWEST || step.0 <= window.to.since(at) / PART {
            continue;
        }
        let cell = Window::new(at, at.plus(step.0));
        let step = cell.step(CELLS);
        let ask = RedQuery { services: Some(services), window: cell, step, by: By::Service };
        let rows = store.telemetry().red(ask).await?;
        let firsts = rows.into_iter().filter_map(|row| Some((row.service, row.cells.iter().map(|(at, _)| *at).min()?)));
        found.extend(by_beginning(cell, step, firsts).into_iter().map(|(at, of)| (at, step, of)));
    }
    Ok(begun)
}

/// How long a service was measured in a window, in nanoseconds.
pub(super) fn measured(window: Window, begun: Option<&Timestamp>) -> i64 {
    begun.map_or(window.length(), |begun| window.to.since(*begun).max(NARROWEST))
}

/// Services by when their first cell begins. Pure.
fn by_beginning(
    window: Window,
    step: Step,
    firsts: impl IntoIterator<Item = (ServiceId, u32)>,
) -> BTreeMap<Timestamp, Vec<ServiceId>> {
    let mut cells = BTreeMap::<Timestamp, Vec<ServiceId>>::new();
    for (id, cell) in firsts {
        cells.entry(window.aligned(step).from.plus(i64::from(cell) * step.0)).or_default().push(id);
    }
    cells
}

/// Which of some services served any request in a window.
async fn served(
    store: &Store,
    window: Window,
    services: impl Iterator<Item = &ServiceId>,
) -> Result<HashSet<ServiceId>, Error> {
    let services: Vec<ServiceId> = services.cloned().collect();
    if services.is_empty() {
        return Ok(HashSet::new());
    }
    // Cells are whole: the last one would reach into what comes after.
    let step = window.step(CELLS);
    let window = Window::new(window.from, window.to.floor(step.0));
    let ask = RedQuery { services: Some(services), window, step, by: By::Service };
    let rows = store.telemetry().red(ask).await?;
    Ok(rows.into_iter().filter(|row| !row.cells.is_empty()).map(|row| row.service).collect())
}
