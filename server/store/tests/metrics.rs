//! Questions over metrics against the points themselves, in every state of the files.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;

use model::*;
use store::*;
use support::*;

const ROUTES: [&str; 3] = ["/pay", "/cart", "/items"];

/// A counter's and a gauge's value of one series at one moment.
#[derive(Debug, Clone, Copy)]
struct Told {
    owner: usize,
    route: usize,
    second: i64,
    total: f64,
    level: f64,
}

/// Two owners, three routes, a point every ten seconds for an hour; totals begin again now and then.
fn random_points(random: &mut Random) -> Vec<Told> {
    let mut all = Vec::new();
    for owner in 0..2 {
        for route in 0..ROUTES.len() {
            let mut total = random.below(1_000) as f64;
            for second in (-2_400..1_200).step_by(10) {
                total = if random.below(50) == 0 { 0.0 } else { total + random.below(20) as f64 };
                let level = random.below(1_000) as f64 / 8.0;
                all.push(Told { owner, route, second, total, level });
            }
        }
    }
    all.sort_by_key(|told| told.second);
    all
}

fn row<'a>(owner: u32, name: &'a str, kind: MetricKind, labels: &'a [(&'a str, &'a str)]) -> SeriesRow<'a> {
    SeriesRow { owner, name, kind, unit: "By", description: "what it is", scope: "shop", labels, bounds: &[] }
}

async fn append_all(store: &Store, told: &[Told], from: u128) {
    for (number, chunk) in told.chunks(97).enumerate() {
        let mut batch = Batch::new((from + number as u128).to_be_bytes());
        let owners =
            [("checkout", "p1"), ("cart", "p2")].map(|(name, pod)| batch.owner(owner(name), facts_of_pod(pod)));
        for told in chunk {
            let labels = [("http.route", ROUTES[told.route])];
            let owner = owners[told.owner];
            let point =
                |value| PointRow { at: NOW.plus(told.second * SECOND), start: Timestamp(0), value, distribution: None };
            batch.push_point(&row(owner, "requests", MetricKind::Counter, &labels), &point(told.total));
            batch.push_point(&row(owner, "memory", MetricKind::Gauge, &labels), &point(told.level));
        }
        assert_eq!(store.telemetry().append(batch).await.unwrap(), Appended::Stored);
    }
}

fn window() -> Window {
    Window::new(NOW.plus(-30 * MINUTE), NOW.plus(10 * MINUTE)).aligned(Step(MINUTE))
}

async fn ask(store: &Store, name: &str, by: &[&str], aggregation: Aggregation, rate: bool) -> MetricSeries {
    let query = MetricQuery {
        name: name.into(),
        filter: Vec::new(),
        by: by.iter().map(|key| (*key).to_owned()).collect(),
        aggregation,
        rate,
    };
    let ask = MetricAsk { service: id("checkout"), window: window(), step: Step(MINUTE), query, limit: 50 };
    store.telemetry().metric(ask).await.unwrap()
}

/// By route, what each second of a cell added, from the points as they were told.
fn rates(told: &[Told]) -> BTreeMap<String, Vec<f64>> {
    let cells = (window().length() / MINUTE) as usize;
    let mut rates = BTreeMap::new();
    for (route, name) in ROUTES.iter().enumerate() {
        let mut own: Vec<&Told> = told.iter().filter(|t| t.owner == 0 && t.route == route).collect();
        own.sort_by_key(|told| told.second);
        let mut sums = vec![0.0; cells];
        for pair in own.windows(2) {
            let added = if pair[1].total < pair[0].total { pair[1].total } else { pair[1].total - pair[0].total };
            for second in pair[0].second..pair[1].second {
                let at = NOW.plus(second * SECOND).since(window().from) / MINUTE;
                if NOW.plus(second * SECOND) >= window().from && (at as usize) < cells {
                    sums[at as usize] += added / (pair[1].second - pair[0].second) as f64 / 60.0;
                }
            }
        }
        rates.insert((*name).to_owned(), sums);
    }
    rates
}

fn by_name(found: &MetricSeries) -> BTreeMap<String, Vec<f64>> {
    let points = |series: &Series| series.points.iter().map(|point| point.unwrap_or(f64::NAN)).collect();
    found.series.iter().map(|series| (series.name.clone(), points(series))).collect()
}

fn assert_near(found: &BTreeMap<String, Vec<f64>>, expected: &BTreeMap<String, Vec<f64>>) {
    assert!(found.keys().eq(expected.keys()), "{:?}", found.keys());
    for (name, points) in expected {
        assert_eq!(found[name].len(), points.len());
        for (at, (a, b)) in found[name].iter().zip(points).enumerate() {
            assert!((a - b).abs() < 1e-6, "{name}, cell {at}: {a} is not {b}");
        }
    }
}

async fn compare(store: &Store, told: &[Told]) {
    let found = ask(store, "requests", &["http.route"], Aggregation::Sum, true).await;
    assert_eq!((found.kind, found.unit.as_str(), found.more), (MetricKind::Counter, "By", 0));
    assert_eq!(found.covered_from, None);
    assert_near(&by_name(&found), &rates(told));
    let all: Vec<f64> =
        rates(told).values().fold(vec![0.0; 41], |sum, one| sum.iter().zip(one).map(|(a, b)| a + b).collect());
    let found = ask(store, "requests", &[], Aggregation::Sum, true).await;
    assert_near(&by_name(&found), &BTreeMap::from([("requests".to_owned(), all)]));
    for (aggregation, made) in [
        (Aggregation::Max, (|v: &[f64]| v.iter().copied().fold(f64::MIN, f64::max)) as fn(&[f64]) -> f64),
        (Aggregation::Min, |v| v.iter().copied().fold(f64::MAX, f64::min)),
        (Aggregation::Avg, |v| v.iter().sum::<f64>() / v.len() as f64),
    ] {
        let found = ask(store, "memory", &["pod"], aggregation, false).await;
        let cell = |at: i64| {
            let from = window().from.plus(at * MINUTE);
            let inside =
                |t: &&Told| t.owner == 0 && Window::new(from, from.plus(MINUTE)).contains(NOW.plus(t.second * SECOND));
            made(&told.iter().filter(inside).map(|t| t.level).collect::<Vec<f64>>())
        };
        let expected = (0..41).map(cell).collect();
        assert_near(&by_name(&found), &BTreeMap::from([("checkout-7d9f-p1".to_owned(), expected)]));
    }
    let found = ask(store, "memory", &[], Aggregation::Count, false).await;
    assert!(by_name(&found)["memory"].iter().all(|count| *count == 3.0));
    let names = store.telemetry().metric_names(&id("checkout"), window()).await.unwrap();
    let told: Vec<_> = names.names.iter().map(|name| (name.name.as_str(), name.kind, name.series)).collect();
    assert_eq!(told, [("memory", MetricKind::Gauge, 3), ("requests", MetricKind::Counter, 3)]);
    assert_eq!((names.names[0].unit.as_str(), names.names[0].description.as_str()), ("By", "what it is"));
    let labels = store.telemetry().metric_labels(&id("checkout"), window(), "requests").await.unwrap();
    let values = ["/cart", "/items", "/pay"].map(str::to_owned).to_vec();
    assert_eq!(labels, [MetricLabel { key: "http.route".into(), values, more: 0 }]);
}

#[tokio::test]
async fn answers_equal_a_naive_model_live_merged_and_reopened() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_services(folder.path()).await;
    let mut told = random_points(&mut Random(7));
    // What comes late is found like what came in time.
    let half = told.len() / 2;
    append_all(&store, &told[half..], 1_000).await;
    append_all(&store, &told[..half - 100], 2_000).await;
    let late = told.split_off(half - 100)[..100].to_vec();
    let told: Vec<Told> = random_points(&mut Random(7));
    store.maintain(clock().plus(3 * MINUTE)).await.unwrap();
    append_all(&store, &late, 3_000).await;
    compare(&store, &told).await;
    store.maintain(clock().plus(3 * MINUTE)).await.unwrap();
    compare(&store, &told).await;
    store.close().await.unwrap();
    let store = open(folder.path()).await;
    compare(&store, &told).await;
    assert_eq!(store.status().await.unwrap().points, 2 * told.len() as u64);
}

#[tokio::test]
async fn quantiles_come_from_the_buckets_of_what_was_added() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_services(folder.path()).await;
    let mut batch = Batch::new([1; 16]);
    let owner = batch.owner(owner("checkout"), facts_of_pod("p1"));
    let bounds = [1.0, 2.0, 4.0];
    let row = SeriesRow { bounds: &bounds, ..row(owner, "took", MetricKind::Histogram, &[]) };
    for minute in 0..30_u64 {
        // Until the middle all are in the first bucket, then all in the third.
        let buckets = [10 * minute.min(15), 0, 10 * minute.saturating_sub(15), 0];
        let distribution = DistributionRow { count: 10 * minute, min: None, max: None, buckets: &buckets };
        let at = window().from.plus(minute as i64 * MINUTE);
        let sum = 5.0 * minute as f64;
        batch.push_point(&row, &PointRow { at, start: Timestamp(1), value: sum, distribution: Some(distribution) });
    }
    store.telemetry().append(batch).await.unwrap();
    for (aggregation, rate, early, late) in [
        (Aggregation::P50, false, 0.5, 3.0),
        (Aggregation::Avg, false, 0.5, 0.5),
        (Aggregation::Count, true, 10.0 / 60.0, 10.0 / 60.0),
        (Aggregation::Sum, false, 5.0, 5.0),
    ] {
        let found = ask(&store, "took", &[], aggregation, rate).await;
        let points = &found.series[0].points;
        for (cell, expected) in [(3, early), (20, late)] {
            assert!((points[cell].unwrap() - expected).abs() < 1e-9, "{aggregation:?}: {:?}", points[cell]);
        }
        assert_eq!(points[35], None);
    }
}

#[tokio::test]
async fn a_filter_takes_labels_and_resources() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_services(folder.path()).await;
    append_all(&store, &random_points(&mut Random(3)), 1).await;
    for (key, value, series) in [
        ("http.route", "/pay", 1.0),
        ("service.name", "checkout", 3.0),
        ("pod", "checkout-7d9f-p1", 3.0),
        ("http.route", "/none", 0.0),
    ] {
        let filter = vec![(key.to_owned(), value.to_owned())];
        let query =
            MetricQuery { name: "memory".into(), filter, aggregation: Aggregation::Count, ..MetricQuery::default() };
        let ask = MetricAsk { service: id("checkout"), window: window(), step: Step(MINUTE), query, limit: 5 };
        let found = store.telemetry().metric(ask).await.unwrap();
        let count = found.series.first().and_then(|series| series.points[5]).unwrap_or_default();
        assert!((count - series).abs() < 1e-9, "{key}={value}: {count}");
    }
}

#[tokio::test]
async fn a_rate_is_of_the_time_that_is_told_by_all() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_services(folder.path()).await;
    let mut batch = Batch::new([9; 16]);
    let owner = batch.owner(owner("checkout"), facts_of_pod("p1"));
    // The last one missed two readings, and its third is late.
    for (label, phase, last) in [("a", 0, 40), ("b", 7, 40), ("gone", 3, 12), ("late", 7, 37)] {
        let labels = [("of", label)];
        let row = row(owner, "sent", MetricKind::Counter, &labels);
        // Four a second, told every quarter of a minute; the newest cell only in part.
        for told in 0..last {
            let second = 15 * told + phase;
            let at = window().from.plus(second * SECOND);
            let point = PointRow { at, start: Timestamp(1), value: 4.0 * second as f64, distribution: None };
            batch.push_point(&row, &point);
        }
    }
    store.telemetry().append(batch).await.unwrap();
    let found = ask(&store, "sent", &["of"], Aggregation::Sum, true).await;
    for series in found.series.iter().filter(|series| series.name != "gone") {
        let shown: Vec<f64> = series.points.iter().flatten().copied().collect();
        assert_eq!(shown.len(), 10, "{}: the last minute as far as all is told: {shown:?}", series.name);
        assert!(shown[1..].iter().all(|rate| (rate - 4.0).abs() < 1e-9), "{}: {shown:?}", series.name);
    }
}

#[tokio::test]
async fn a_long_cell_has_the_rate_of_the_time_in_it_that_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_services(folder.path()).await;
    let mut batch = Batch::new([9; 16]);
    let owner = batch.owner(owner("checkout"), facts_of_pod("p1"));
    let row = row(owner, "sent", MetricKind::Counter, &[]);
    // Four a second for ten minutes, of a process that ran for days before.
    let start = NOW.plus(-15 * DAY);
    for told in 0..40 {
        let at = NOW.plus(15 * told * SECOND);
        let point = PointRow { at, start, value: 1e6 + 60.0 * told as f64, distribution: None };
        batch.push_point(&row, &point);
    }
    store.telemetry().append(batch).await.unwrap();
    for (range, step) in [(HOUR, Step(MINUTE)), (7 * DAY, Step(3 * HOUR)), (30 * DAY, Step(6 * HOUR))] {
        let query =
            MetricQuery { name: "sent".into(), aggregation: Aggregation::Sum, rate: true, ..MetricQuery::default() };
        let window = Window::before(NOW.plus(10 * MINUTE), range);
        let ask = MetricAsk { service: id("checkout"), window, step, query, limit: 5 };
        let found = store.telemetry().metric(ask).await.unwrap();
        let shown: Vec<f64> = found.series[0].points.iter().flatten().copied().collect();
        assert!(shown.iter().all(|rate| (rate - 4.0).abs() < 1e-9), "{step:?}: {shown:?}");
        let cells = found.series[0].points.iter().enumerate().filter(|(_, point)| point.is_some());
        let begins = |cell: usize| window.aligned(step).from.plus(cell as i64 * step.0);
        let cells: Vec<Timestamp> = cells.map(|(cell, _)| begins(cell)).collect();
        assert!(cells.iter().all(|at| at.plus(step.0) > NOW), "{step:?}: nothing is told before the first point");
        assert!(!cells.is_empty(), "{step:?}");
    }
}

#[tokio::test]
async fn buckets_that_are_series_of_their_own_are_a_histogram() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_services(folder.path()).await;
    for half in 0..2_i64 {
        let mut batch = Batch::new([half as u8 + 1; 16]);
        let owner = batch.owner(owner("checkout"), facts_of_pod("p1"));
        for minute in 15 * half..15 * (half + 1) {
            let at = window().from.plus(minute * MINUTE);
            let mut push = |name: &str, labels: &[(&str, &str)], value: i64| {
                let row = row(owner, name, MetricKind::Counter, labels);
                batch.push_point(&row, &PointRow { at, start: Timestamp(0), value: value as f64, distribution: None });
            };
            // Of ten a minute on each route, until the middle all are below one, then all between two and four.
            for route in ["/cart", "/pay"] {
                let (early, all) = (10 * minute.min(15), 10 * minute);
                for (bound, total) in [("1", early), ("2.0", early), ("4.0", all), ("+Inf", all)] {
                    // Prometheus 3 writes it so.
                    let bound = if bound == "1" && minute >= 7 { "1.0" } else { bound };
                    push("took_bucket", &[("http.route", route), ("le", bound)], total);
                }
                push("took_count", &[("http.route", route)], all);
                push("took_sum", &[("http.route", route)], 5 * minute);
            }
        }
        store.telemetry().append(batch).await.unwrap();
        store.maintain(clock().plus(3 * MINUTE)).await.unwrap();
    }
    for (by, aggregation, rate, early, late) in [
        (&[][..], Aggregation::P50, false, 0.5, 3.0),
        (&["http.route"], Aggregation::P50, false, 0.5, 3.0),
        (&[], Aggregation::Avg, false, 0.5, 0.5),
        (&[], Aggregation::Count, true, 20.0 / 60.0, 20.0 / 60.0),
        (&["le"], Aggregation::Sum, false, 10.0, 10.0),
    ] {
        let found = ask(&store, "took", by, aggregation, rate).await;
        assert_eq!((found.kind, found.series.len()), (MetricKind::Histogram, if by == ["http.route"] { 2 } else { 1 }));
        let points = &found.series[0].points;
        for (cell, expected) in [(3, early), (20, late)] {
            assert!((points[cell].unwrap() - expected).abs() < 1e-9, "{aggregation:?}: {:?}", points[cell]);
        }
        assert_eq!(points[35], None);
    }
    let names = store.telemetry().metric_names(&id("checkout"), window()).await.unwrap().names;
    let told: Vec<_> = names.iter().map(|name| (name.name.as_str(), name.kind, name.series)).collect();
    assert_eq!(
        told,
        [
            ("took", MetricKind::Histogram, 2),
            ("took_bucket", MetricKind::Counter, 10),
            ("took_count", MetricKind::Counter, 2),
            ("took_sum", MetricKind::Counter, 2)
        ]
    );
    let labels = store.telemetry().metric_labels(&id("checkout"), window(), "took").await.unwrap();
    assert_eq!(labels.iter().map(|label| label.key.as_str()).collect::<Vec<_>>(), ["http.route"]);
    let parts = ask(&store, "took_bucket", &["le"], Aggregation::Sum, true).await;
    assert_eq!((parts.kind, parts.series.len()), (MetricKind::Counter, 5), "its parts are still there");
}
