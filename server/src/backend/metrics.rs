//! Metrics of a service: which there are, one of them, and those that say how the service is.

use app::AppError;
use model::{Aggregation, MetricChart, MetricLabel, MetricName, MetricNames, MetricQuery, MetricSeries, ServiceId};
use model::{Viewer, Window};
use store::MetricAsk;

use super::{Answers, failed};

/// Points of a chart.
const POINTS: i64 = 120;
/// Lines of a chart: more can't be told apart.
const LINES: u32 = 12;
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

/// A metric over time. The unfinished last bucket is left out.
pub(super) async fn series(
    answers: &Answers,
    _viewer: &Viewer,
    id: &ServiceId,
    window: Window,
    query: MetricQuery,
) -> Result<MetricSeries, AppError> {
    answers.known(id)?;
    let step = window.step(POINTS);
    let ask = MetricAsk { service: id.clone(), window, step, query, limit: LINES };
    let mut found = answers.store.telemetry().metric(ask).await.map_err(failed)?;
    let ended = (window.to.since(window.aligned(step).from) / step.0).max(0) as usize;
    found.series.iter_mut().for_each(|series| series.points.truncate(ended));
    Ok(found)
}

/// The metrics that say how a service is, those of them that it has.
pub(super) async fn golden(
    answers: &Answers,
    viewer: &Viewer,
    id: &ServiceId,
    window: Window,
) -> Result<Vec<MetricChart>, AppError> {
    let names = names(answers, viewer, id, window).await?.names;
    let mut charts = Vec::new();
    for (title, query) in chosen(&names) {
        let answer = series(answers, viewer, id, window, query.clone()).await?;
        if !answer.series.is_empty() {
            charts.push(MetricChart { title: title.to_owned(), query, answer });
        }
    }
    Ok(charts)
}

/// A metric that says how a service is.
struct Golden {
    title: &'static str,
    /// Names from the most telling on.
    names: &'static [&'static str],
    aggregation: Aggregation,
    rate: bool,
    by: &'static [&'static str],
}

impl Golden {
    const fn level(title: &'static str, names: &'static [&'static str], aggregation: Aggregation) -> Self {
        Self { title, names, aggregation, rate: false, by: &[] }
    }

    const fn rate(title: &'static str, names: &'static [&'static str], by: &'static [&'static str]) -> Self {
        Self { title, names, aggregation: Aggregation::Sum, rate: true, by }
    }
}

/// Kubelets' metrics come before those of runtimes (OpenTelemetry semantic conventions, Prometheus clients).
const GOLDEN: [Golden; 11] = [
    Golden::level("CPU", &["container.cpu.usage", "k8s.pod.cpu.usage", "jvm.cpu.recent_utilization"], Aggregation::Sum),
    Golden::rate("CPU", &["process.cpu.time", "process_cpu_seconds_total"], &[]),
    Golden::level(
        "Memory",
        &[
            "container.memory.working_set",
            "k8s.pod.memory.working_set",
            "process.memory.usage",
            "jvm.memory.used",
            "go.memory.used",
            "process_resident_memory_bytes",
        ],
        Aggregation::Sum,
    ),
    Golden::rate("Network", &["k8s.pod.network.io", "container.network.io", "system.network.io"], &["direction"]),
    Golden::rate("Throttled", &["container.cpu.throttled"], &[]),
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
];

/// The first name that there is of each title.
fn chosen(names: &[MetricName]) -> Vec<(&'static str, MetricQuery)> {
    let mut chosen: Vec<(&'static str, MetricQuery)> = Vec::new();
    for Golden { title, names: candidates, aggregation, rate, by } in GOLDEN {
        let found = candidates.iter().find(|name| names.iter().any(|known| known.name == **name));
        if let Some(name) = found.filter(|_| chosen.iter().all(|(known, _)| *known != title)) {
            let by = by.iter().map(|key| (*key).to_owned()).collect();
            chosen.push((title, MetricQuery { name: (*name).to_owned(), filter: Vec::new(), by, aggregation, rate }));
        }
    }
    chosen.truncate(CHARTS);
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let chosen = chosen(&names);
        let told: Vec<_> = chosen.iter().map(|(title, query)| (*title, query.name.as_str(), query.rate)).collect();
        assert_eq!(told, [("CPU", "container.cpu.usage", false), ("Memory", "process.memory.usage", false)]);
    }
}
