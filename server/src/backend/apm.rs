//! The overview's charts, endpoints and error groups, from rollups.

use std::collections::{BTreeMap, BTreeSet};

use app::AppError;
use model::{
    Apm, EndpointRow, ErrorRow, Red, Revision, RevisionHash, SECOND, Series, ServiceId, Split, Step, Summary,
    Timestamp, Viewer, Window,
};
use store::{By, RedQuery, RedRow};

use super::begun::{begun, measured};
use super::{Answers, failed, shown_name};
use crate::jobs::now;

/// Points of a chart: at most two a pixel of the narrowest one.
pub(super) const POINTS: i64 = 240;
/// Points of an error group's sparkline.
const SPARK: i64 = 30;

/// What endpoints did, and over how many nanoseconds.
pub(super) type EndpointSums<'a> = (&'a BTreeMap<String, Red>, i64);

/// What ended less than this ago may not be here yet: an SDK hands on its spans every 5 s
/// (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#batch-span-processor,
/// `OTEL_BSP_SCHEDULE_DELAY`), a collector between may wait as long again, and then they are sent and committed.
const ARRIVES: i64 = 15 * SECOND;

/// Buckets of a chart: those that ended by the window's end, and of which all can have arrived. The unfinished last
/// one is left out, as long as there is another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grid {
    start: Timestamp,
    step: Step,
    points: usize,
    /// What came after is not here yet.
    end: Timestamp,
}

impl Grid {
    pub(super) fn of(window: Window, step: Step, now: Timestamp) -> Self {
        let start = window.aligned(step).from;
        let end = window.to.min(now.plus(-ARRIVES));
        Self { start, step, points: (end.since(start) / step.0).max(0) as usize, end }
    }

    /// With the unfinished bucket where requests began in it, so that there is no other.
    fn since(self, begun: Option<&Timestamp>) -> Self {
        let began = begun.filter(|begun| **begun < self.end && begun.since(self.start) >= 0);
        let points = began.map_or(0, |begun| (begun.since(self.start) / self.step.0) as usize + 1);
        Self { points: self.points.max(points), ..self }
    }

    /// Requests a second of each bucket; of that in which they began, a second of the time since then.
    fn rates(&self, name: &str, cells: &BTreeMap<u32, Red>, begun: Option<&Timestamp>) -> Series {
        let mut rates = self.series(name, cells, |red| Some(red.requests / self.step.seconds()));
        let cell = begun.and_then(|begun| usize::try_from(begun.since(self.start) / self.step.0).ok());
        if let Some((begun, cell)) = begun.zip(cell)
            && let Some(Some(rate)) = rates.points.get_mut(cell)
        {
            let ends = self.start.plus((cell as i64 + 1) * self.step.0).min(self.end);
            *rate *= self.step.0 as f64 / ends.since(*begun).max(SECOND) as f64;
        }
        rates
    }

    /// The same buckets by their age: the first begins at nothing.
    pub(super) fn by_age(self) -> Self {
        Self { start: Timestamp(0), ..self }
    }

    /// A series of what each bucket says; one without requests says nothing.
    pub(super) fn series(&self, name: &str, cells: &BTreeMap<u32, Red>, value: impl Fn(&Red) -> Option<f64>) -> Series {
        let points = (0..self.points as u32).map(|at| cells.get(&at).and_then(&value)).collect();
        Series { name: name.to_owned(), start: self.start, step: self.step, points }
    }
}

/// The charts of the overview.
pub(super) async fn charts(
    answers: &Answers,
    _viewer: &Viewer,
    id: &ServiceId,
    window: Window,
    split: Split,
) -> Result<Apm, AppError> {
    answers.known(id)?;
    let step = window.step(POINTS);
    let by = match split {
        Split::Together => By::Service,
        Split::Revision => By::Revision,
    };
    let ask = RedQuery { services: Some(vec![id.clone()]), window, step, by };
    let rows = answers.store.telemetry().red(ask).await.map_err(failed)?;
    let last_request = answers.store.telemetry().last_request(id).await.map_err(failed)?;
    let all = together(rows.iter());
    let total = sum(all.values());
    let first = all.keys().next().map(|first| (id.clone(), *first));
    let begun = begun(&answers.store, window, step, first).await.map_err(failed)?;
    let begun = begun.get(id);
    let grid = Grid::of(window, step, now()).since(begun);
    let named = match split {
        Split::Together => vec![("all endpoints".to_owned(), None, all.clone())],
        Split::Revision => by_revision(&answers.store.revisions(id).await.map_err(failed)?, &rows),
    };
    let each = |value: &dyn Fn(&Red) -> Option<f64>| -> Vec<Series> {
        named.iter().map(|(name, _, cells)| grid.series(name, cells, value)).collect()
    };
    let quantile = |q: f64| move |red: &Red| red.histogram.quantile(q);
    Ok(Apm {
        window,
        requests: named.iter().map(|(name, _, cells)| grid.rates(name, cells, begun)).collect(),
        errors: each(&Red::error_share),
        client_errors: grid.series("4xx", &all, |red| (red.requests > 0.0).then(|| red.client_errors / red.requests)),
        latency: match split {
            Split::Together => [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)]
                .map(|(name, q)| grid.series(name, &all, quantile(q)))
                .to_vec(),
            Split::Revision => each(&quantile(0.95)),
        },
        places: named.iter().map(|(_, place, _)| *place).collect(),
        total: Summary::of(&total, measured(window, begun)),
        measured: measured(window, begun),
        sampled: rows.iter().any(|row| row.sampled),
        last_request,
    })
}

/// Cells of several groups as one.
pub(super) fn together<'a>(rows: impl Iterator<Item = &'a RedRow>) -> BTreeMap<u32, Red> {
    let mut cells = BTreeMap::<u32, Red>::new();
    for (at, red) in rows.flat_map(|row| &row.cells) {
        cells.entry(*at).or_default().merge(red);
    }
    cells
}

/// All cells as one.
pub(super) fn sum<'a>(cells: impl Iterator<Item = &'a Red>) -> Red {
    let mut sum = Red::default();
    cells.for_each(|red| sum.merge(red));
    sum
}

/// What one revision did: its shown name, its place in the history of the service, its cells.
type Served = (String, Option<u32>, BTreeMap<u32, Red>);

/// One series a revision, in the order of the service's history; what is of no known one comes last. Pure.
fn by_revision(revisions: &[Revision], rows: &[RedRow]) -> Vec<Served> {
    let mut named: Vec<Served> = rows
        .iter()
        .map(|row| {
            let place = row.revision.as_ref().and_then(|hash| place(revisions, hash));
            let name = match (place, &row.revision) {
                (Some(place), _) => revisions[place as usize].name.clone(),
                (None, Some(hash)) => hash.to_string(),
                (None, None) => "pod not known".to_owned(),
            };
            (name, place, together(std::iter::once(row)))
        })
        .collect();
    named.sort_by(|a, b| (a.1.is_none(), a.1, &a.0).cmp(&(b.1.is_none(), b.1, &b.0)));
    named
}

/// A revision's place in the history of its service, which begins with the oldest. Pure.
pub(super) fn place(revisions: &[Revision], hash: &RevisionHash) -> Option<u32> {
    revisions.iter().position(|revision| &revision.hash == hash).map(|place| place as u32)
}

/// What each endpoint did in a window, and for how many nanoseconds of it the service was measured.
async fn by_endpoint(
    answers: &Answers,
    id: &ServiceId,
    window: Window,
) -> Result<(BTreeMap<String, Red>, i64), AppError> {
    let step = window.step(60);
    let ask = RedQuery { services: Some(vec![id.clone()]), window, step, by: By::Endpoint };
    let rows = answers.store.telemetry().red(ask).await.map_err(failed)?;
    let first = rows.iter().flat_map(|row| &row.cells).map(|(at, _)| (id.clone(), *at)).min();
    let begun = begun(&answers.store, window, step, first).await.map_err(failed)?;
    Ok((endpoint_sums(rows), measured(window, begun.get(id))))
}

/// What each endpoint of some rows did in all.
pub(super) fn endpoint_sums(rows: impl IntoIterator<Item = RedRow>) -> BTreeMap<String, Red> {
    let mut endpoints = BTreeMap::<String, Red>::new();
    for row in rows {
        let red = sum(row.cells.iter().map(|(_, red)| red));
        endpoints.entry(row.endpoint.unwrap_or_default()).or_default().merge(&red);
    }
    endpoints
}

/// Endpoints beside the window before, worst change first.
pub(super) async fn endpoints(
    answers: &Answers,
    _viewer: &Viewer,
    id: &ServiceId,
    window: Window,
) -> Result<Vec<EndpointRow>, AppError> {
    answers.known(id)?;
    let now = by_endpoint(answers, id, window).await?;
    let before = by_endpoint(answers, id, window.previous()).await?;
    Ok(worst_first((&now.0, now.1), (&before.0, before.1)))
}

/// Endpoints of two sides, each over so many nanoseconds, beside each other: worst change first.
pub(super) fn worst_first(now: EndpointSums<'_>, before: EndpointSums<'_>) -> Vec<EndpointRow> {
    let spent: f64 = now.0.values().map(|red| red.duration).sum();
    let names: BTreeSet<&String> = now.0.keys().chain(before.0.keys()).collect();
    let summary = |(side, nanos): EndpointSums<'_>, name: &String| {
        side.get(name).map(|red| Summary::of(red, nanos)).unwrap_or_default()
    };
    let mut rows: Vec<EndpointRow> = names
        .into_iter()
        .map(|name| EndpointRow {
            endpoint: name.clone(),
            now: summary(now, name),
            before: summary(before, name),
            time_share: now.0.get(name).filter(|_| spent > 0.0).map_or(0.0, |red| red.duration / spent),
        })
        .collect();
    rows.sort_by(|a, b| worsening(b).total_cmp(&worsening(a)).then_with(|| b.now.requests.total_cmp(&a.now.requests)));
    rows
}

/// How much worse an endpoint became, for ordering only: more failed requests first, then more time lost.
fn worsening(row: &EndpointRow) -> f64 {
    let errors = row.now.errors - row.before.error_share.unwrap_or(0.0) * row.now.requests;
    let slower = match (row.now.p95, row.before.p95) {
        (Some(now), Some(before)) if now > before * 1.2 => (now - before) / 1e9 * row.now.requests,
        _ => 0.0,
    };
    // Differences of a request or two are noise: such rows keep the order by traffic.
    if errors >= 2.0 { 1e12 + errors } else { slower.max(0.0).floor() }
}

/// Error groups, most frequent first.
pub(super) async fn errors(
    answers: &Answers,
    _viewer: &Viewer,
    id: &ServiceId,
    window: Window,
) -> Result<Vec<ErrorRow>, AppError> {
    answers.known(id)?;
    let step = window.step(SPARK);
    let points = (window.aligned(step).length() / step.0) as usize;
    let groups = answers.store.telemetry().errors(id, window, step).await.map_err(failed)?;
    let directory = answers.store.directory();
    let mut rows: Vec<ErrorRow> = groups
        .into_iter()
        .map(|group| {
            let mut spark = vec![0.0; points];
            for (at, count) in &group.cells {
                spark.get_mut(*at as usize).into_iter().for_each(|point| *point += count);
            }
            let revision = group.first_revision.as_ref().map(|hash| shown_name(&directory, id, hash));
            ErrorRow {
                error: group.error,
                endpoint: group.endpoint,
                count: group.cells.iter().map(|(_, count)| count).sum(),
                first_seen: group.first_seen,
                last_seen: group.last_seen,
                revision,
                sample: group.sample,
                spark,
            }
        })
        .collect();
    rows.sort_by(|a, b| b.count.total_cmp(&a.count).then_with(|| a.error.cmp(&b.error)));
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use model::MINUTE;

    use super::*;

    #[test]
    fn a_bucket_is_shown_once_its_spans_can_be_here() {
        let at = |seconds: i64| Timestamp::from_seconds(seconds);
        let window = Window::new(at(0), at(100));
        let points = |now: i64| Grid::of(window, Step(20 * SECOND), at(now)).points;
        assert_eq!([100, 114, 115, 9_999].map(points), [4, 4, 5, 5], "a window that is over has all");
    }

    #[test]
    fn requests_that_just_began_are_drawn_and_are_of_the_time_since() {
        let at = |minutes: i64| Timestamp::from_seconds(minutes * 60);
        let window = Window::new(at(0), at(100));
        let grid = Grid::of(window, Step(60 * MINUTE), at(9_999));
        let cells = |cell: u32| BTreeMap::from([(cell, Red { requests: 1_200.0, ..Red::default() })]);
        let rates =
            |cell: u32, begun: Timestamp| grid.since(Some(&begun)).rates("all", &cells(cell), Some(&begun)).points;
        assert_eq!(rates(0, at(50)), [Some(2.0)], "of ten minutes");
        assert_eq!(rates(1, at(90)), [None, Some(2.0)], "the hour has not ended, but there is no other");
        assert_eq!(grid.since(None), grid);
    }

    #[test]
    fn a_revision_has_its_place_in_the_history_whatever_served_in_the_window() {
        let id = ServiceId::new("c", "n", "Deployment", "web");
        let revision = |hash: &str, name: &str| Revision {
            service: id.clone(),
            hash: RevisionHash(hash.into()),
            name: name.into(),
            number: 1,
            created: Timestamp(0),
            images: vec![],
            template: String::new(),
        };
        let history = [revision("a", "v1"), revision("b", "v2"), revision("c", "v3")];
        let row = |hash: Option<&str>, first: u32| RedRow {
            service: id.clone(),
            revision: hash.map(|hash| RevisionHash(hash.into())),
            endpoint: None,
            pod: None,
            sampled: false,
            cells: vec![(first, Red { requests: 1.0, ..Red::default() })],
        };
        let rows = [row(None, 0), row(Some("c"), 1), row(Some("gone"), 2), row(Some("b"), 9)];
        let served: Vec<_> = by_revision(&history, &rows).into_iter().map(|(name, place, _)| (name, place)).collect();
        let named = |name: &str, place| (name.to_owned(), place);
        assert_eq!(
            served,
            [named("v2", Some(1)), named("v3", Some(2)), named("gone", None), named("pod not known", None)]
        );
    }
}
