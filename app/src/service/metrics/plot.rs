//! A metric's answer as a chart, in the unit that it has.

use std::collections::{BTreeMap, BTreeSet};

use leptos::prelude::*;
use model::{Aggregation, Marks, MetricChart, MetricKind, MetricQuery, MetricSeries, Series, Window};

use crate::charts::frame::{Plot, chart};
use crate::charts::path::Line;
use crate::charts::scale::{Along, Unit};
use crate::service::overview::SERIES;
use crate::ui::number;

/// The colours of the lines of charts that stand together: what one key tells apart has the same colour in all of them.
#[derive(Debug, Default)]
pub(crate) struct Colours<'a> {
    /// By keys, all names in order.
    names: BTreeMap<&'a [String], BTreeSet<&'a str>>,
}

impl<'a> Colours<'a> {
    /// Of some charts.
    pub(crate) fn of(charts: impl IntoIterator<Item = (&'a MetricQuery, &'a MetricSeries)>) -> Self {
        let mut colours = Self::default();
        for (query, answer) in charts {
            let names = answer.series.iter().map(|series| series.name.as_str());
            colours.names.entry(&query.by).or_default().extend(names);
        }
        colours
    }

    /// The style class of a line; what comes after the colours is quiet, since a colour twice would say that two are one.
    fn class(&self, query: &MetricQuery, name: &str) -> &'static str {
        let place = self.names.get(query.by.as_slice()).and_then(|names| names.iter().position(|known| *known == name));
        place.and_then(|place| SERIES.get(place).copied()).unwrap_or("quiet")
    }
}

/// The charts of what says how the service is; nothing where it has none of it.
pub(super) fn golden(charts: &[MetricChart], window: Window, marks: &Marks, deploys: &str) -> AnyView {
    if charts.is_empty() {
        return ().into_any();
    }
    let colours = Colours::of(charts.iter().map(|chart| (&chart.query, &chart.answer)));
    let one = |one: &MetricChart| chart(of_golden(one, &colours, window, marks, deploys));
    view! { <div class="charts golden">{charts.iter().map(one).collect_view()}</div> }.into_any()
}

/// What says how the service is, with what is kept free and what is allowed.
pub(crate) fn of_golden(
    one: &MetricChart,
    colours: &Colours<'_>,
    window: Window,
    marks: &Marks,
    deploys: &str,
) -> Plot {
    let mut plot = plot(&one.query, &one.answer, colours, window, marks, deploys);
    plot.headline = headline(&one.query, &plot);
    plot.subtitle = subtitle(&one.query, &one.answer);
    let (_, factor) = unit(&one.query, &one.answer);
    let beside = |class, line: &Option<Series>| {
        line.as_ref().map(|line| Line { class, series: scaled(line, factor), area: false })
    };
    plot.lines.extend(beside("request", &one.request));
    plot.lines.extend(beside("limit", &one.limit));
    Plot { testid: "chart-golden", title: one.title.clone(), ..plot }
}

/// What its lines are.
fn subtitle(query: &MetricQuery, answer: &MetricSeries) -> String {
    let what = match (query.rate, answer.unit.as_str()) {
        (true, "s") if is_pressure(query) => "share of time waiting",
        // Seconds of processor time a second.
        (true, "s") => "cores",
        _ if query.by.is_empty() => query.aggregation.word(),
        _ => "",
    };
    let by: Vec<&str> = query.by.iter().filter_map(|key| key.rsplit('.').next()).collect();
    let by = if by.is_empty() { String::new() } else { format!("by {}", by.join(", ")) };
    [what, &by].into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The last value of a chart: that of its one line, else what all lines that go on sum up to, where that makes sense.
fn headline(query: &MetricQuery, plot: &Plot) -> String {
    let is_sum = query.aggregation == Aggregation::Sum && plot.unit != Unit::Share;
    if plot.lines.len() == 1 || !is_sum {
        return plot.headline.clone();
    }
    let last = plot.lines.iter().filter_map(|line| line.series.points.iter().rposition(Option::is_some)).max();
    let at = |last: usize| plot.lines.iter().filter_map(|line| *line.series.points.get(last)?).sum();
    // Beside a limit, which is each one's.
    number::or_none(last, |last| format!("{} total", plot.unit.text(at(last))))
}

/// A metric as a chart.
pub(super) fn plot(
    query: &MetricQuery,
    answer: &MetricSeries,
    colours: &Colours<'_>,
    window: Window,
    marks: &Marks,
    deploys: &str,
) -> Plot {
    let (unit, factor) = unit(query, answer);
    let area = answer.series.len() == 1;
    let line =
        |series: &Series| Line { class: colours.class(query, &series.name), series: scaled(series, factor), area };
    let lines: Vec<Line> = answer.series.iter().map(line).collect();
    let last =
        lines.first().filter(|_| area).and_then(|line| line.series.points.iter().rev().flatten().next().copied());
    let rate = if query.rate && unit != Unit::ByteRate && unit != Unit::Rate { " per second" } else { "" };
    Plot {
        testid: "chart-metric",
        title: query.name.clone(),
        subtitle: format!("{}{rate}", query.aggregation.word()),
        headline: number::or_none(last, |value| unit.text(value)),
        tone: "",
        unit,
        window,
        along: Along::Range,
        lines,
        stacked: false,
        band: None,
        empty: "Nothing measured in this range",
        marks: marks.clone(),
        deploys: deploys.to_owned(),
    }
}

/// What the values are, and what they are multiplied by to be that (UCUM units, as OpenTelemetry names them).
fn unit(query: &MetricQuery, answer: &MetricSeries) -> (Unit, f64) {
    let is_shape = matches!(answer.kind, MetricKind::Histogram | MetricKind::DeltaHistogram | MetricKind::Summary);
    if query.aggregation == Aggregation::Count {
        return (if query.rate && is_shape { Unit::Rate } else { Unit::Count }, 1.0);
    }
    // Of a distribution only sums are rates: a mean or a quantile is of the values.
    let rate = query.rate && (!is_shape || query.aggregation == Aggregation::Sum);
    let ends = |words: &[&str]| words.iter().any(|word| query.name.ends_with(word));
    let is_bytes =
        matches!(answer.unit.as_str(), "By" | "bytes") || answer.unit.is_empty() && ends(&["_bytes", "_bytes_total"]);
    let seconds = match answer.unit.as_str() {
        "s" | "seconds" => Some(1.0),
        "" if ends(&["_seconds", "_seconds_sum"]) => Some(1.0),
        "ms" => Some(1e-3),
        "us" => Some(1e-6),
        "ns" => Some(1e-9),
        _ => None,
    };
    match (is_bytes, seconds, rate) {
        (true, _, true) => (Unit::ByteRate, 1.0),
        (true, _, false) => (Unit::Bytes, 1.0),
        (_, Some(seconds), true) if is_pressure(query) => (Unit::Share, seconds),
        // Seconds a second: how many of something were busy.
        (_, Some(seconds), true) => (Unit::Number, seconds),
        (_, Some(seconds), false) => (Unit::Duration, seconds * 1e9),
        _ if answer.unit == "%" => (Unit::Share, 0.01),
        _ if answer.unit == "1" && ends(&["utilization", "ratio"]) && !rate => (Unit::Share, 1.0),
        (.., true) => (Unit::Rate, 1.0),
        _ => (Unit::Number, 1.0),
    }
}

/// Pressure stall information: seconds in which something waited (Linux, `accounting/psi.rst`).
fn is_pressure(query: &MetricQuery) -> bool {
    query.name.starts_with("container.pressure.")
}

fn scaled(series: &Series, factor: f64) -> Series {
    let points = series.points.iter().map(|point| point.map(|value| value * factor)).collect();
    Series { points, ..series.clone() }
}

#[cfg(test)]
mod tests {
    use model::{Step, Timestamp};

    use super::*;

    #[test]
    fn the_sum_of_several_lines_says_that_it_is_one() {
        let query = MetricQuery { aggregation: Aggregation::Sum, ..MetricQuery::default() };
        let of = |levels: &[f64]| {
            let one = |level: &f64| Series {
                name: String::new(),
                start: Timestamp(0),
                step: Step(1),
                points: vec![Some(level * 1_048_576.0)],
            };
            let series = levels.iter().map(one).collect();
            let answer =
                MetricSeries { kind: MetricKind::Gauge, unit: "By".into(), series, more: 0, covered_from: None };
            let window = Window::new(Timestamp(0), Timestamp(1));
            headline(&query, &plot(&query, &answer, &Colours::of([(&query, &answer)]), window, &Marks::default(), ""))
        };
        assert_eq!((of(&[300.0, 363.0]), of(&[300.0])), ("663 MiB total".into(), "300 MiB".into()));
    }

    #[test]
    fn a_pod_has_one_colour_on_all_charts_and_no_other_has_it() {
        let by = |key: &str, names: &[&str]| {
            let one = |name: &&str| Series { name: (*name).into(), start: Timestamp(0), step: Step(1), points: vec![] };
            let series = names.iter().map(one).collect();
            let query = MetricQuery { by: vec![key.into()], ..MetricQuery::default() };
            (query, MetricSeries { kind: MetricKind::Gauge, unit: "By".into(), series, more: 0, covered_from: None })
        };
        let charts = [
            by("pod", &["c", "a", "b"]),
            by("pod", &["b", "g", "f", "e", "d"]),
            by("direction", &["transmit", "receive"]),
        ];
        let colours = Colours::of(charts.iter().map(|(query, answer)| (query, answer)));
        let class = |chart: usize, name: &str| colours.class(&charts[chart].0, name);
        assert_eq!((class(0, "b"), class(1, "b")), (SERIES[1], SERIES[1]));
        assert_eq!(["a", "f", "g"].map(|pod| class(0, pod)), [SERIES[0], SERIES[5], "quiet"]);
        assert_eq!(class(2, "receive"), SERIES[0], "what is told apart by something else has colours of its own");
    }

    #[test]
    fn values_have_the_unit_that_their_metric_says() {
        let of = |name: &str, words: &str, kind: MetricKind, aggregation: Aggregation, rate: bool| {
            let query = MetricQuery { name: name.into(), aggregation, rate, ..MetricQuery::default() };
            let answer = MetricSeries { kind, unit: words.into(), series: Vec::new(), more: 0, covered_from: None };
            unit(&query, &answer)
        };
        let (gauge, shape) = (MetricKind::Gauge, MetricKind::Histogram);
        assert_eq!(of("m", "By", gauge, Aggregation::Sum, false), (Unit::Bytes, 1.0));
        assert_eq!(of("m", "By", MetricKind::Counter, Aggregation::Sum, true), (Unit::ByteRate, 1.0));
        assert_eq!(of("m_bytes", "", gauge, Aggregation::Max, false), (Unit::Bytes, 1.0));
        assert_eq!(of("took", "ms", shape, Aggregation::P95, false), (Unit::Duration, 1e6));
        assert_eq!(of("took", "s", shape, Aggregation::P95, true), (Unit::Duration, 1e9));
        assert_eq!(of("took", "s", shape, Aggregation::Count, true), (Unit::Rate, 1.0));
        assert_eq!(of("cpu.time", "s", MetricKind::Counter, Aggregation::Sum, true), (Unit::Number, 1.0));
        let pressure = of("container.pressure.waiting", "s", MetricKind::Counter, Aggregation::Max, true);
        assert_eq!(pressure, (Unit::Share, 1.0));
        assert_eq!(of("cpu.utilization", "1", gauge, Aggregation::Avg, false), (Unit::Share, 1.0));
        assert_eq!(of("threads", "{thread}", gauge, Aggregation::Sum, false), (Unit::Number, 1.0));
    }
}
