//! Metrics of a service: which there are, one of them, and those that say how the service is.

mod asked;

use std::time::{Duration, Instant};

use app::AppError;
use futures::StreamExt;
use model::{
    Aggregation, MetricChart, MetricCharts, MetricLabel, MetricName, MetricNames, MetricQuery, MetricSeries, Series,
    ServiceId, Viewer, Window,
};
use store::MetricAsk;

use super::{Answers, failed};
use asked::{Amount, asked, share};

/// Points of a chart.
const POINTS: i64 = 120;
/// Lines of a chart: more can't be told apart.
const LINES: u32 = 12;
/// Charts of a page that shows all metrics, lines of each, and how many are asked at a time.
const SMALL_CHARTS: usize = 100;
const SMALL_LINES: u32 = 5;
const AT_ONCE: usize = 2;
/// How long such a page waits for them.
const PATIENCE: Duration = Duration::from_secs(5);
/// Charts of what says how a service is.
const CHARTS: usize = 6;

/// Metrics that a service has.
pub(super) async fn names(
    answers: &Answers,
    _viewer: &Viewer,
    id: &ServiceId,
    window: Window,
) -> Result<MetricNames, AppError> {
    answers.known(id)?;
    answers.store.telemetry().metric_names(id, window).await.map_err(failed)
}

/// Labels of a metric.
pub(super) async fn labels(
    answers: &Answers,
    _viewer: &Viewer,
    id: &ServiceId,
    window: Window,
    name: &str,
) -> Result<Vec<MetricLabel>, AppError> {
    answers.known(id)?;
    answers.store.telemetry().metric_labels(id, window, name).await.map_err(failed)
}

/// A metric over time. The unfinished last bucket is left out, as long as there is another.
pub(super) async fn series(
    answers: &Answers,
    _viewer: &Viewer,
    id: &ServiceId,
    window: Window,
    query: MetricQuery,
) -> Result<MetricSeries, AppError> {
    answers.known(id)?;
    greatest_of(answers, id, window, query, LINES).await
}

/// So many series of a metric, the greatest.
async fn greatest_of(
    answers: &Answers,
    id: &ServiceId,
    window: Window,
    query: MetricQuery,
    limit: u32,
) -> Result<MetricSeries, AppError> {
    let step = window.step(POINTS);
    let ask = MetricAsk { service: id.clone(), window, step, query, limit };
    let mut found = answers.store.telemetry().metric(ask).await.map_err(failed)?;
    let ended = (window.to.since(window.aligned(step).from) / step.0).max(0) as usize;
    leave_out(&mut found, ended);
    Ok(found)
}

/// Leaves out buckets that have not ended, as long as there are others with anything measured. Pure.
fn leave_out(found: &mut MetricSeries, ended: usize) {
    let any = |series: &Series| series.points.iter().take(ended).any(Option::is_some);
    if found.series.iter().any(any) {
        found.series.iter_mut().for_each(|series| series.points.truncate(ended));
    }
}

/// Metrics whose names hold a text, each as it is mostly asked, by pod.
pub(super) async fn charts(
    answers: &Answers,
    viewer: &Viewer,
    id: &ServiceId,
    window: Window,
    text: &str,
) -> Result<MetricCharts, AppError> {
    let (text, mut names) = (text.to_lowercase(), names(answers, viewer, id, window).await?.names);
    names.retain(|name| name.name.to_lowercase().contains(&text));
    let (all, began) = (names.len(), Instant::now());
    let asked = names.into_iter().take(SMALL_CHARTS).map(|name| small(answers, id, window, name));
    let mut answered = futures::stream::iter(asked).buffered(AT_ONCE);
    let (mut charts, mut failed) = (Vec::new(), 0);
    // What is there in time is shown; what one metric costs is not the others'.
    while began.elapsed() < PATIENCE
        && let Some(chart) = answered.next().await
    {
        match chart {
            Ok(chart) => charts.push(chart),
            Err(_) => failed += 1,
        }
    }
    Ok(MetricCharts { more: (all - charts.len()) as u32 - failed, charts, failed })
}

/// A metric as it is mostly asked, by pod.
async fn small(answers: &Answers, id: &ServiceId, window: Window, name: MetricName) -> Result<MetricChart, AppError> {
    let query = MetricQuery { by: vec!["pod".to_owned()], ..name.usual() };
    let mut answer = greatest_of(answers, id, window, query.clone(), SMALL_LINES).await?;
    let points = answer.series.iter_mut().flat_map(|series| series.points.iter_mut().flatten());
    points.for_each(|value| *value = shortened(*value));
    Ok(MetricChart { title: name.description, query, answer, request: None, limit: None })
}

/// A value in as many digits as can be seen of it in a small chart: four. Pure.
fn shortened(value: f64) -> f64 {
    if !value.is_normal() {
        return value;
    }
    let scale = 10_f64.powi(3 - value.abs().log10().floor() as i32);
    let short = (value * scale).round() / scale;
    if short.is_finite() { short } else { value }
}

/// The metrics that say how a service is, those of them that it has and whose title is wanted.
pub(super) async fn golden(
    answers: &Answers,
    viewer: &Viewer,
    id: &ServiceId,
    window: Window,
    is_wanted: impl Fn(&str) -> bool,
) -> Result<Vec<MetricChart>, AppError> {
    let names = names(answers, viewer, id, window).await?.names;
    let pods = answers.store.pods(id, window).await.map_err(failed)?;
    let mut charts = Vec::new();
    for (golden, name) in chosen(&names).into_iter().filter(|(golden, _)| is_wanted(golden.title)) {
        let query = golden.query(name, &labels(answers, viewer, id, window, name).await?);
        let beside = |name: Option<&'static str>| {
            let there = name.filter(|name| names.iter().any(|known| known.name == *name));
            there.map(|name| MetricQuery { name: name.to_owned(), ..query.clone() })
        };
        let mut answer = series(answers, viewer, id, window, query.clone()).await?;
        if let Some(whole) = beside(golden.of) {
            answer = portion(&answer, &series(answers, viewer, id, window, whole).await?);
        }
        let limit = match beside(golden.limit) {
            Some(limit) => {
                let limits = MetricQuery { rate: false, ..limit };
                greatest(&series(answers, viewer, id, window, limits).await?)
            }
            None => None,
        };
        let Some(first) = answer.series.first() else { continue };
        let asked = golden.asked.map(|amount| asked(&pods, amount, first));
        let (request, allowed) = asked.unwrap_or_default();
        // What holds is measured; what was asked for is known of pods that nobody measures it of.
        let limit = match golden.asked {
            Some(amount) if share(&pods, amount) => allowed.or(limit),
            _ => limit.or(allowed),
        };
        charts.push(MetricChart { title: golden.title.to_owned(), query, answer, request, limit });
    }
    Ok(charts)
}

/// A metric that says how a service is.
#[derive(Debug, PartialEq, Eq)]
struct Golden {
    title: &'static str,
    /// Names from the most telling on.
    names: &'static [&'static str],
    aggregation: Aggregation,
    rate: bool,
    /// A line for each value of the first of these keys that there is.
    by: &'static [&'static str],
    /// The metric that it is a share of.
    of: Option<&'static str>,
    /// The metric that says how much it may become.
    limit: Option<&'static str>,
    /// Which of the amounts that are asked for pods it is a use of, pod by pod.
    asked: Option<Amount>,
}

impl Golden {
    const fn level(title: &'static str, names: &'static [&'static str], aggregation: Aggregation) -> Self {
        Self { title, names, aggregation, rate: false, by: &[], of: None, limit: None, asked: None }
    }

    const fn rate(title: &'static str, names: &'static [&'static str]) -> Self {
        Self { rate: true, ..Self::level(title, names, Aggregation::Sum) }
    }

    const fn by(self, by: &'static [&'static str]) -> Self {
        Self { by, ..self }
    }

    const fn of(self, whole: &'static str) -> Self {
        Self { of: Some(whole), ..self }
    }

    const fn limit(self, limit: &'static str) -> Self {
        Self { limit: Some(limit), ..self }
    }

    const fn asked(self, amount: Amount) -> Self {
        Self { asked: Some(amount), ..self }
    }

    fn query(&self, name: &str, labels: &[MetricLabel]) -> MetricQuery {
        let is_there = |key: &&&str| **key == "pod" || labels.iter().any(|label| label.key == **key);
        let by = self.by.iter().find(is_there).map(|key| (*key).to_owned()).into_iter().collect();
        let (aggregation, rate) = (self.aggregation, self.rate);
        MetricQuery { name: name.to_owned(), filter: Vec::new(), by, aggregation, rate }
    }
}

/// What kubelets say comes before what runtimes say (OpenTelemetry semantic conventions, Prometheus clients).
const GOLDEN: [Golden; 16] = [
    Golden::rate("CPU", &["container.cpu.time", "k8s.pod.cpu.time"])
        .by(&["pod"])
        .limit("k8s.container.cpu.limit")
        .asked(Amount::Cpu),
    Golden::level("CPU", &["container.cpu.usage", "k8s.pod.cpu.usage"], Aggregation::Sum)
        .by(&["pod"])
        .asked(Amount::Cpu),
    Golden::level("CPU", &["jvm.cpu.recent_utilization"], Aggregation::Sum),
    Golden::rate("CPU", &["process.cpu.time", "process_cpu_seconds_total"]),
    Golden::level("Memory", &["container.memory.working_set", "k8s.pod.memory.working_set"], Aggregation::Sum)
        .by(&["pod"])
        .limit("k8s.container.memory.limit")
        .asked(Amount::Memory),
    Golden::level(
        "Memory",
        &["process.memory.usage", "jvm.memory.used", "go.memory.used", "process_resident_memory_bytes"],
        Aggregation::Sum,
    ),
    Golden::rate("Network", &["k8s.pod.network.io", "container.network.io", "system.network.io"])
        .by(&["network.io.direction", "direction"]),
    Golden::rate("Throttled", &["container.cpu.throttled"]).by(&["pod"]).of("container.cpu.periods"),
    Golden::rate("Throttled as a whole", &["k8s.pod.cpu.throttled"]).by(&["pod"]).of("k8s.pod.cpu.periods"),
    Golden::level("Requests", &["http.server.request.duration", "http.server.duration"], Aggregation::P95),
    Golden::level("Active requests", &["http.server.active_requests"], Aggregation::Sum),
    Golden::level(
        "Garbage collection",
        &["jvm.gc.duration", "v8js.gc.duration", "nodejs.gc.duration"],
        Aggregation::P95,
    ),
    Golden::level("Event loop", &["nodejs.eventloop.utilization", "nodejs.eventloop.delay.p99"], Aggregation::Max),
    Golden::level("Goroutines", &["go.goroutine.count", "go_goroutines"], Aggregation::Sum),
    Golden::level("Threads", &["jvm.thread.count", "process.thread.count"], Aggregation::Sum),
    // The worst container counts: waiting of several is no share of anything.
    Golden { rate: true, ..Golden::level("Pressure", &["container.pressure.waiting"], Aggregation::Max) }
        .by(&["resource"]),
];

/// The first name that there is of each title.
fn chosen(names: &[MetricName]) -> Vec<(&'static Golden, &'static str)> {
    let mut chosen: Vec<(&'static Golden, &'static str)> = Vec::new();
    for golden in &GOLDEN {
        let found = golden.names.iter().find(|name| names.iter().any(|known| known.name == **name));
        if let Some(name) = found.filter(|_| chosen.iter().all(|(known, _)| known.title != golden.title)) {
            chosen.push((golden, name));
        }
    }
    chosen.truncate(CHARTS);
    chosen
}

/// How much of a whole something is, in per cent, series by series.
fn portion(part: &MetricSeries, whole: &MetricSeries) -> MetricSeries {
    let of = |part: &Series| {
        let whole = whole.series.iter().find(|whole| whole.name == part.name)?;
        let each = part.points.iter().zip(&whole.points);
        let points = each.map(|(part, whole)| Some((100.0 * (*part)? / (*whole)?).clamp(0.0, 100.0)));
        // Where nothing of the whole happened there is no share.
        let points = points.map(|share| share.filter(|share| share.is_finite())).collect();
        Some(Series { points, ..part.clone() })
    };
    MetricSeries { unit: "%".to_owned(), series: part.series.iter().filter_map(of).collect(), ..part.clone() }
}

/// The greatest of all series at each time, as one.
fn greatest(all: &MetricSeries) -> Option<Series> {
    let first = all.series.first()?;
    let at = |place: usize| {
        let values = all.series.iter().filter_map(|series| series.points.get(place).copied().flatten());
        values.reduce(f64::max)
    };
    Some(Series { name: "limit".to_owned(), points: (0..first.points.len()).map(at).collect(), ..first.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_small_charts_have_four_digits_however_large_they_are() {
        let short = [123_456.0, -0.012_345_6, 1.0, 0.0, 1e15, 99_999.0].map(shortened);
        assert_eq!(short, [123_500.0, -0.012_35, 1.0, 0.0, 1e15, 100_000.0]);
        assert!(shortened(f64::NAN).is_nan());
        assert_eq!((shortened(f64::INFINITY), shortened(5e-324), shortened(3e-308)), (f64::INFINITY, 5e-324, 3e-308));
    }

    #[test]
    fn of_each_title_the_most_telling_name_is_chosen() {
        let name = |name: &str| MetricName {
            name: name.into(),
            kind: model::MetricKind::Gauge,
            unit: String::new(),
            description: String::new(),
            series: 1,
        };
        let names = ["process.cpu.time", "container.cpu.usage", "process.memory.usage", "other"].map(name);
        let told: Vec<_> = chosen(&names).iter().map(|(golden, name)| (golden.title, *name, golden.rate)).collect();
        assert_eq!(told, [("CPU", "container.cpu.usage", false), ("Memory", "process.memory.usage", false)]);
    }

    #[test]
    fn lines_are_told_apart_by_a_key_that_is_there() {
        let network = GOLDEN.iter().find(|golden| golden.title == "Network").unwrap();
        let label = |key: &str| MetricLabel { key: key.into(), values: Vec::new(), more: 0 };
        assert_eq!(network.query("n", &[label("direction")]).by, ["direction"]);
        assert_eq!(
            network.query("n", &[label("direction"), label("network.io.direction")]).by,
            ["network.io.direction"]
        );
        assert_eq!(network.query("n", &[]).by, [""; 0]);
        assert_eq!(GOLDEN[0].query("n", &[]).by, ["pod"]);
    }

    fn answer(all: &[(&str, &[Option<f64>])]) -> MetricSeries {
        let series = all.iter().map(|(name, points)| Series {
            name: (*name).into(),
            start: model::Timestamp(0),
            step: model::Step(1),
            points: points.to_vec(),
        });
        MetricSeries {
            kind: model::MetricKind::Counter,
            unit: "{period}".into(),
            series: series.collect(),
            more: 0,
            covered_from: None,
        }
    }

    #[test]
    fn what_has_not_ended_is_left_out_as_long_as_there_is_another() {
        let of = |all: &[(&str, &[Option<f64>])]| {
            let mut found = answer(all);
            leave_out(&mut found, 1);
            found.series.into_iter().map(|series| (series.name, series.points)).collect::<Vec<_>>()
        };
        let (one, two) = (Some(1.0), Some(2.0));
        let left = [("a".to_owned(), vec![one]), ("b".to_owned(), vec![None])];
        assert_eq!(of(&[("a", &[one, two]), ("b", &[None, two])]), left);
        assert_eq!(of(&[("a", &[None, two])]), [("a".to_owned(), vec![None, two])]);
    }

    #[test]
    fn a_share_is_of_the_same_series_and_nothing_of_nothing() {
        let part = answer(&[("a", &[Some(1.0), Some(0.0), None, Some(3.0)]), ("b", &[Some(1.0)])]);
        let whole = answer(&[("a", &[Some(4.0), Some(0.0), Some(1.0), Some(2.0)])]);
        let share = portion(&part, &whole);
        assert_eq!(share.unit, "%");
        assert_eq!(share.series.len(), 1);
        assert_eq!(share.series[0].points, [Some(25.0), None, None, Some(100.0)]);
    }

    #[test]
    fn the_limit_is_that_of_the_pod_that_may_have_most() {
        let limit = greatest(&answer(&[("a", &[Some(1.0), None]), ("b", &[Some(2.0), None])])).unwrap();
        assert_eq!((limit.name.as_str(), limit.points.as_slice()), ("limit", &[Some(2.0), None][..]));
        assert_eq!(greatest(&answer(&[])), None);
    }
}
