//! Requests, errors and durations from rollups, grouped as asked.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use model::{PodId, Red, RevisionHash, ServiceId, Timestamp, Window};

use super::{Loaded, Need, of_owners};
use crate::partition::Shared;
use crate::rollup::{Cell, Rollup};
use crate::{Attribution, By, Error, RedQuery, RedRow};

/// See `Telemetry::red`.
pub(crate) async fn red(shared: &Shared, ask: RedQuery) -> Result<Vec<RedRow>, Error> {
    let window = ask.window.aligned(ask.step);
    let by_pod = matches!(ask.by, By::Pod | By::EndpointPod);
    let need = Need { window, step: ask.step, services: ask.services.as_deref(), by_pod };
    let loaded = super::load(shared, &need).await?;
    super::blocking(move || sum(&loaded, &ask, window)).await
}

type Key = (ServiceId, Option<RevisionHash>, Option<String>, Option<PodId>);

struct Sums<'a> {
    ask: &'a RedQuery,
    /// Whose; of all where nothing is said.
    services: Option<HashSet<&'a ServiceId>>,
    window: Window,
    groups: Vec<RedRow>,
    places: HashMap<Key, usize>,
}

/// Sums the cells of all owners of each group. Cells are sorted by owner and text, so a group is looked up once a
/// run and not once a cell.
fn sum(loaded: &[Loaded], ask: &RedQuery, window: Window) -> Vec<RedRow> {
    let services = ask.services.as_ref().map(|asked| asked.iter().collect());
    let mut sums = Sums { ask, services, window, groups: Vec::new(), places: HashMap::new() };
    for file in loaded {
        let owners = ask.services.as_deref().map(|asked| file.resolved.owners_of(asked));
        for rollup in &file.rollups {
            let mut run: Option<(u32, u32, *const Attribution, Option<usize>)> = None;
            let cells = of_owners(&rollup.requests, owners.as_deref(), |cell| cell.owner);
            for cell in cells.filter(|cell| window.contains(Timestamp(cell.at))) {
                let whose = file.resolved.timelines[cell.owner as usize].at(Timestamp(cell.at));
                let same = (cell.owner, cell.text, Arc::as_ptr(whose));
                let place = match run {
                    Some((owner, text, then, place)) if (owner, text, then) == same => place,
                    _ => {
                        let place = sums.place(rollup, cell, whose);
                        run = Some((same.0, same.1, same.2, place));
                        place
                    }
                };
                if let Some(place) = place {
                    sums.add(place, rollup, cell);
                }
            }
        }
    }
    let mut groups = sums.groups;
    groups.sort_by(|a, b| order(a).cmp(&order(b)));
    groups
}

fn order(row: &RedRow) -> (&ServiceId, &Option<String>, &Option<RevisionHash>, &Option<PodId>) {
    (&row.service, &row.endpoint, &row.revision, &row.pod)
}

impl Sums<'_> {
    /// The group that a cell belongs to; none when it was not asked for or belongs to no service.
    fn place(&mut self, rollup: &Rollup, cell: &Cell, whose: &Attribution) -> Option<usize> {
        let service = whose.service.as_deref()?;
        if self.services.as_ref().is_some_and(|asked| !asked.contains(service)) {
            return None;
        }
        let by = self.ask.by;
        let by_revision = !matches!(by, By::Service | By::Endpoint);
        let by_endpoint = matches!(by, By::Endpoint | By::EndpointRevision | By::EndpointPod);
        let revision = whose.revision.clone().filter(|_| by_revision);
        let endpoint = by_endpoint.then(|| rollup.texts.get(cell.text).to_owned());
        let pod = whose.pod.clone().filter(|_| matches!(by, By::Pod | By::EndpointPod));
        let next = self.groups.len();
        let key = (service.clone(), revision.clone(), endpoint.clone(), pod.clone());
        let place = *self.places.entry(key).or_insert(next);
        if place == next {
            let service = service.clone();
            self.groups.push(RedRow { service, revision, endpoint, pod, sampled: false, cells: Vec::new() });
        }
        Some(place)
    }

    fn add(&mut self, place: usize, rollup: &Rollup, cell: &Cell) {
        let row = &mut self.groups[place];
        row.sampled |= cell.sampled;
        let index = (cell.at.saturating_sub(self.window.from.0) / self.ask.step.0) as u32;
        // Cells come nearly in order: the place is mostly the last.
        let at = match row.cells.last() {
            Some((last, _)) if *last == index => row.cells.len() - 1,
            Some((last, _)) if *last > index => match row.cells.binary_search_by_key(&index, |(at, _)| *at) {
                Ok(at) => at,
                Err(at) => {
                    row.cells.insert(at, (index, Red::default()));
                    at
                }
            },
            _ => {
                row.cells.push((index, Red::default()));
                row.cells.len() - 1
            }
        };
        rollup.add_to(cell, &mut row.cells[at].1);
    }
}
