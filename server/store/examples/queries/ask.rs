//! The questions, each asked often enough for its slowest answers to show.

use std::path::Path;
use std::time::Instant;

use model::{
    Aggregation, HOUR, LogFilter, MINUTE, MetricQuery, SECOND, SpanFilter, SpanOrder, Step, Timestamp, TraceId, Window,
};
use store::{By, LogAsk, MetricAsk, RedQuery, SpanAsk, Store};

use super::{Failure, Report, disk, fleet, print};

/// How often each is asked.
const TIMES: usize = 50;
/// What takes longer is asked less often.
const FEW: usize = 20;
/// A page of results.
const PAGE: u32 = 20;

/// Durations of answers in milliseconds, and what all of them took of the processors, which other processes do not
/// stretch.
pub(super) struct Times {
    all: Vec<f64>,
    cpu: f64,
}

impl Times {
    pub(super) fn new() -> Result<Self, Failure> {
        Ok(Self { all: Vec::new(), cpu: disk::cpu_seconds()? })
    }

    pub(super) fn since(&mut self, begun: Instant) {
        self.all.push(begun.elapsed().as_secs_f64() * 1e3);
    }

    /// The least that so many percent do not exceed.
    fn percentile(&mut self, percent: usize) -> f64 {
        self.all.sort_by(f64::total_cmp);
        let at = (self.all.len() * percent).div_ceil(100).max(1) - 1;
        self.all.get(at).copied().unwrap_or(f64::NAN)
    }

    /// Prints the 99th percentile, with the median and the time on processors in the note.
    pub(super) fn print(mut self, name: &str, note: &str) -> Result<(), Failure> {
        let cpu = (disk::cpu_seconds()? - self.cpu) * 1e3 / self.all.len() as f64;
        let (p50, count) = (self.percentile(50), self.all.len());
        print(name, self.percentile(99), &format!("p99 of {count}, p50 {p50:.1} ms, CPU {cpu:.0} ms each, {note}"))
    }
}

/// The last hour of the report.
fn hour(report: &Report) -> Window {
    let to = Timestamp(report.to);
    Window::new(to.plus(-HOUR), to)
}

/// Traces by id: with nothing of the store in the page cache, and others with all of it.
pub(super) async fn traces(store: &Store, data: &Path, report: &Report) -> Result<(), Failure> {
    let step = (report.traces.len() / TIMES).max(1);
    let ids = report.traces.iter().step_by(step).take(TIMES);
    let note = format!("{} spans", report.acknowledged);
    for (name, is_cold) in [("trace cold", true), ("trace warm", false)] {
        let mut times = Times::new()?;
        for id in ids.clone() {
            let id: TraceId = id.parse().map_err(|_| format!("{id} is no trace id"))?;
            if is_cold {
                disk::forget(data)?;
            }
            let begun = Instant::now();
            let spans = store.telemetry().trace(id).await?.spans.len();
            times.since(begun);
            if spans != 8 {
                return Err(format!("trace {id} has {spans} spans instead of 8").into());
            }
        }
        times.print(name, &note)?;
        // Read once, so that the page cache has what the same traces need again.
        disk::remember(data)?;
    }
    Ok(())
}

/// A search over spans by service, status, duration and an attribute: the newest that match, and all of them plotted.
pub(super) async fn spans(store: &Store, report: &Report, services: usize) -> Result<(), Failure> {
    for (name, plot) in [("spans", false), ("spans plotted", true)] {
        let (mut times, mut found, mut covered) = (Times::new()?, 0, true);
        for round in 0..FEW {
            let text = format!("status:error duration:>=50ms client.address=10.42.0.{round}");
            let ask = SpanAsk {
                service: fleet::id(round % services),
                window: hour(report),
                filter: text.parse::<SpanFilter>()?,
                all_kinds: false,
                order: SpanOrder::Newest,
                after: None,
                limit: PAGE,
                plot,
            };
            let begun = Instant::now();
            let answer = store.telemetry().spans(ask).await?;
            times.since(begun);
            found += answer.spans.len();
            covered &= answer.covered_from.is_none();
        }
        if found == 0 {
            return Err("no span was found".into());
        }
        times.print(name, &format!("{} spans{}", report.acknowledged, cut(covered)))?;
    }
    Ok(())
}

fn cut(covered: bool) -> &'static str {
    if covered { "" } else { ", cut at the limit of a search" }
}

/// A service's requests, errors and durations over an hour of minutes by endpoint, and those of all services.
pub(super) async fn red(store: &Store, report: &Report, services: usize) -> Result<(), Failure> {
    let ask = |services| RedQuery { services, window: hour(report), step: Step(MINUTE), by: By::Endpoint };
    let first = Instant::now();
    store.telemetry().red(ask(Some(vec![fleet::id(0)]))).await?;
    let first = first.elapsed().as_secs_f64() * 1e3;
    let mut rows = 0;
    let mut one = Times::new()?;
    for round in 0..TIMES {
        let begun = Instant::now();
        rows += store.telemetry().red(ask(Some(vec![fleet::id(round * services / TIMES)]))).await?.len();
        one.since(begun);
    }
    one.print("red", &format!("{services} services, the first time {first:.1} ms"))?;
    let mut all = Times::new()?;
    for _ in 0..FEW {
        let begun = Instant::now();
        rows += store.telemetry().red(RedQuery { by: By::Service, ..ask(None) }).await?.len();
        all.since(begun);
    }
    if rows == 0 {
        return Err("no request was counted".into());
    }
    all.print("red of all", &format!("{services} services"))
}

/// Phrases in log records: one that few blocks can hold, and one whose words all of them hold.
pub(super) async fn logs(store: &Store, report: &Report) -> Result<(), Failure> {
    for (name, text, few) in
        [("logs rare", "\"is write protected\"", true), ("logs scanned", "\"order customer\"", false)]
    {
        let (mut times, mut found, mut covered) = (Times::new()?, 0, true);
        for round in 0..FEW {
            let ask = LogAsk {
                service: fleet::id(round % 10),
                window: hour(report),
                step: Step(10 * SECOND),
                filter: text.parse::<LogFilter>()?,
                after: None,
                limit: PAGE,
                count: true,
            };
            let begun = Instant::now();
            let answer = store.telemetry().logs(ask).await?;
            times.since(begun);
            found += answer.lines.len();
            covered &= answer.covered_from.is_none();
        }
        if few == (found == 0) {
            return Err(format!("{found} lines with {text} were found").into());
        }
        times.print(name, &format!("{} lines, {text}{}", report.acknowledged, cut(covered)))?;
    }
    Ok(())
}

/// The change a second of a counter of 2,000 series, summed, over an hour of minutes.
pub(super) async fn metrics(store: &Store, report: &Report) -> Result<(), Failure> {
    let (mut times, mut covered) = (Times::new()?, true);
    for round in 0..FEW {
        let query = MetricQuery {
            name: "http.server.requests".to_owned(),
            filter: Vec::new(),
            by: Vec::new(),
            aggregation: Aggregation::Sum,
            rate: true,
        };
        let window = Window::new(Timestamp(report.from.max(report.to - HOUR)), Timestamp(report.to));
        let ask = MetricAsk { service: fleet::id(round % 4), window, step: Step(MINUTE), query, limit: 10 };
        let begun = Instant::now();
        let answer = store.telemetry().metric(ask).await?;
        times.since(begun);
        covered &= answer.covered_from.is_none();
        if answer.series.len() != 1 {
            return Err(format!("{} series instead of one", answer.series.len()).into());
        }
    }
    times.print("metric", &format!("2,000 series, {} points in all{}", report.acknowledged, cut(covered)))
}
