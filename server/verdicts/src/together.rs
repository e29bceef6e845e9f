//! Requests, error groups and log patterns of all deploys that are looked at in one go, read together where they began at about one time: a question
//! about one service touches the same rollups as one about many.

use std::collections::{BTreeMap, BTreeSet};

use model::{DAY, Deploy, DeployId, DeployKind, HOUR, MINUTE, ServiceId, Step, Timestamp, Window};
use store::{By, DueDeploy, ErrorLife, PodErrors, RedQuery, RedRow, Store};

use super::due::Moment;

/// The recent past that a deploy is held against.
pub(super) const PAST: i64 = 12 * HOUR;
/// Days back on which the like time is looked up.
const DAYS: i64 = 7;
/// The like time of a day: so long before the deploy's minute and so long after.
const LIKE: (i64, i64) = (31 * MINUTE, 92 * MINUTE);
/// Deploys that began within so long of each other are read together.
const TOGETHER: i64 = 10 * MINUTE;

/// Rows, each with where its cells count from.
type Rows = Vec<(Timestamp, RedRow)>;
/// The stretch of time in which a deploy began, and whose it is.
type Place = (Timestamp, ServiceId);

/// What was read.
#[derive(Default)]
pub(super) struct Together {
    /// By endpoint: the hours before, and the like time of earlier days.
    hours: BTreeMap<Place, Rows>,
    /// By endpoint and pod: since the first of them began.
    since: BTreeMap<Place, Rows>,
    /// Error groups and log patterns of the same times, by pod, each with where its cells count from.
    errors: BTreeMap<Place, (Timestamp, ErrorLife)>,
    patterns: BTreeMap<Place, (Timestamp, ErrorLife)>,
}

impl Together {
    /// Reads for these looks; not the past of those whose past is known.
    pub(super) async fn read(
        store: &Store,
        looks: &[(&DueDeploy, Moment)],
        is_past_known: impl Fn(&DeployId) -> bool,
    ) -> Result<Self, store::Error> {
        let mut groups: BTreeMap<Timestamp, (Window, BTreeSet<&ServiceId>, BTreeSet<&ServiceId>)> = BTreeMap::new();
        for (due, moment) in looks {
            let own = window(&due.deploy, moment);
            let (since, all, past) =
                groups.entry(due.deploy.started.floor(TOGETHER)).or_insert((own, BTreeSet::new(), BTreeSet::new()));
            *since = Window::new(since.from.min(own.from), since.to.max(own.to));
            all.insert(&due.deploy.id.service);
            if due.deploy.kind != DeployKind::First && !is_past_known(&due.deploy.id) {
                past.insert(&due.deploy.id.service);
            }
        }
        let mut found = Self::default();
        for (at, (since, all, past)) in groups {
            let services: Vec<ServiceId> = all.iter().map(|service| (*service).clone()).collect();
            let telemetry = store.telemetry();
            let placed = |(service, life)| ((at, service), (since.from, life));
            found.errors.extend(telemetry.error_life(&services, since).await?.into_iter().map(placed));
            found.patterns.extend(telemetry.pattern_life(&services, since).await?.into_iter().map(placed));
            for (from, row) in red(store, all, since, By::EndpointPod).await? {
                found.since.entry((at, row.service.clone())).or_default().push((from, row));
            }
            found.hours.extend(past.iter().map(|service| ((at, (*service).clone()), Rows::new())));
            for (from, row) in hours(store, at, past).await? {
                found.hours.entry((at, row.service.clone())).or_default().push((from, row));
            }
        }
        Ok(found)
    }

    /// The hours before a deploy, and the like time of earlier days; read alone where it was not read with others.
    pub(super) async fn hours(&self, store: &Store, deploy: &Deploy) -> Result<Rows, store::Error> {
        let place = place(deploy);
        match self.hours.get(&place) {
            Some(rows) => Ok(rows.clone()),
            None => hours(store, place.0, BTreeSet::from([&place.1])).await,
        }
    }

    /// A deploy's requests by endpoint and pod up to a look, in minutes from the one in which it started.
    pub(super) fn since(&self, deploy: &Deploy, moment: &Moment) -> Vec<RedRow> {
        let own = window(deploy, moment);
        let rows = self.since.get(&place(deploy)).into_iter().flatten();
        rows.filter_map(|(from, row)| cut(row, *from, own)).collect()
    }

    /// Error groups of a deploy's service up to a look, in minutes from the one in which it started.
    pub(super) fn errors(&self, deploy: &Deploy, moment: &Moment) -> ErrorLife {
        cut_life(self.errors.get(&place(deploy)), window(deploy, moment))
    }

    /// Log patterns likewise.
    pub(super) fn patterns(&self, deploy: &Deploy, moment: &Moment) -> ErrorLife {
        cut_life(self.patterns.get(&place(deploy)), window(deploy, moment))
    }
}

/// What a look at a deploy sees.
pub(super) fn window(deploy: &Deploy, moment: &Moment) -> Window {
    let origin = deploy.started.floor(MINUTE);
    Window::new(origin, moment.end.min(origin.plus(DAY)))
}

fn place(deploy: &Deploy) -> Place {
    (deploy.started.floor(TOGETHER), deploy.id.service.clone())
}

/// The part of a row that is in a window, counted from there; nothing where nothing is.
fn cut(row: &RedRow, from: Timestamp, window: Window) -> Option<RedRow> {
    let cells = cut_cells(&row.cells, from, window);
    (!cells.is_empty()).then(|| RedRow { cells, ..head(row) })
}

/// The groups that were there in a window, counted from there; all births.
fn cut_life(life: Option<&(Timestamp, ErrorLife)>, window: Window) -> ErrorLife {
    let Some((from, life)) = life else { return ErrorLife::default() };
    let own = |group: &PodErrors| {
        let cells = cut_cells(&group.cells, *from, window);
        (!cells.is_empty()).then(|| PodErrors { cells, ..group.clone() })
    };
    ErrorLife { groups: life.groups.iter().filter_map(own).collect(), births: life.births.clone() }
}

/// The cells that are in a window, counted from there.
fn cut_cells<T: Clone>(cells: &[(u32, T)], from: Timestamp, window: Window) -> Vec<(u32, T)> {
    let (first, last) = (window.from.since(from) / MINUTE, window.to.since(from) / MINUTE);
    let own = cells.iter().filter(|(at, _)| (first..last).contains(&i64::from(*at)));
    own.map(|(at, cell)| ((i64::from(*at) - first) as u32, cell.clone())).collect()
}

/// A row without its cells.
fn head(row: &RedRow) -> RedRow {
    let (service, endpoint) = (row.service.clone(), row.endpoint.clone());
    RedRow {
        service,
        revision: row.revision.clone(),
        endpoint,
        pod: row.pod.clone(),
        sampled: row.sampled,
        cells: Vec::new(),
    }
}

async fn hours(store: &Store, at: Timestamp, of: BTreeSet<&ServiceId>) -> Result<Rows, store::Error> {
    let like = (1..=DAYS).rev().map(|day| {
        let then = at.plus(-day * DAY);
        Window::new(then.plus(-LIKE.0), then.plus(TOGETHER + LIKE.1))
    });
    let mut all = Vec::new();
    for window in like.chain([Window::new(at.plus(-PAST), at.plus(TOGETHER))]) {
        all.extend(red(store, of.clone(), window, By::Endpoint).await?);
    }
    Ok(all)
}

async fn red(store: &Store, of: BTreeSet<&ServiceId>, window: Window, by: By) -> Result<Rows, store::Error> {
    if of.is_empty() {
        return Ok(Vec::new());
    }
    let services = Some(of.into_iter().cloned().collect());
    let rows = store.telemetry().red(RedQuery { services, window, step: Step(MINUTE), by }).await?;
    Ok(rows.into_iter().map(|row| (window.from, row)).collect())
}
