//! The overview's charts, endpoints and error groups, from rollups.

use std::collections::{BTreeMap, BTreeSet};

use app::AppError;
use model::{Apm, EndpointRow, ErrorRow, Red, Series, ServiceId, Split, Step, Summary, Timestamp, Viewer, Window};
use store::{By, RedQuery, RedRow};

use super::{Answers, failed, shown_name};

/// Points of a chart: at most two a pixel of the narrowest one.
pub(super) const POINTS: i64 = 240;
/// Points of an error group's sparkline.
const SPARK: i64 = 30;

/// What endpoints did, and over how many nanoseconds.
pub(super) type EndpointSums<'a> = (&'a BTreeMap<String, Red>, i64);

/// Buckets of a chart: those that ended by the window's end. The unfinished last one is left out.
#[derive(Clone, Copy)]
pub(super) struct Grid {
    start: Timestamp,
    step: Step,
    points: usize,
}

impl Grid {
    pub(super) fn of(window: Window, step: Step) -> Self {
        let start = window.aligned(step).from;
        Self { start, step, points: (window.to.since(start) / step.0).max(0) as usize }
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
    let grid = Grid::of(window, step);
    let seconds = step.seconds();
    // Once there are requests, a bucket without any is a rate of nothing; before that it is not measured.
    let rate = |red: &Red| Some(red.requests / seconds);
    let named = match split {
        Split::Together => vec![("all endpoints".to_owned(), all.clone())],
        Split::Revision => by_revision(answers, id, &rows),
    };
    let each = |value: &dyn Fn(&Red) -> Option<f64>| -> Vec<Series> {
        named.iter().map(|(name, cells)| grid.series(name, cells, value)).collect()
    };
    let quantile = |q: f64| move |red: &Red| red.histogram.quantile(q);
    Ok(Apm {
        window,
        requests: each(&rate),
        errors: each(&Red::error_share),
        client_errors: grid.series("4xx", &all, |red| (red.requests > 0.0).then(|| red.client_errors / red.requests)),
        latency: match split {
            Split::Together => [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)]
                .map(|(name, q)| grid.series(name, &all, quantile(q)))
                .to_vec(),
            Split::Revision => each(&quantile(0.95)),
        },
        total: Summary::of(&total, window.length()),
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

/// One series a revision by its shown name, in the order in which they first served.
fn by_revision(answers: &Answers, id: &ServiceId, rows: &[RedRow]) -> Vec<(String, BTreeMap<u32, Red>)> {
    let directory = answers.store.directory();
    let mut named: Vec<(u32, String, BTreeMap<u32, Red>)> = Vec::new();
    for row in rows {
        let name = match &row.revision {
            Some(hash) => shown_name(&directory, id, hash),
            None => "pod not known".to_owned(),
        };
        let cells = together(std::iter::once(row));
        let first = cells.keys().next().copied().unwrap_or(u32::MAX);
        named.push((first, name, cells));
    }
    named.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    named.into_iter().map(|(_, name, cells)| (name, cells)).collect()
}

async fn by_endpoint(answers: &Answers, id: &ServiceId, window: Window) -> Result<BTreeMap<String, Red>, AppError> {
    let ask = RedQuery { services: Some(vec![id.clone()]), window, step: window.step(60), by: By::Endpoint };
    Ok(endpoint_sums(answers.store.telemetry().red(ask).await.map_err(failed)?))
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
    Ok(worst_first((&now, window.length()), (&before, window.length())))
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
