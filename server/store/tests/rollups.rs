//! Rollups against sums over the spans themselves, in every state of the files.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;

use model::*;
use sqlx::{ConnectOptions, Connection};
use store::*;
use support::*;

type Model = BTreeMap<(String, Option<String>, u32), Red>;

/// The same sums, from the spans themselves.
fn naive(spans: &[(usize, Request)], window: Window, step: i64, by_endpoint: bool) -> Model {
    let mut model = Model::new();
    for (owner, span) in spans {
        if !window.contains(span.start) || !span.kind.is_request() {
            continue;
        }
        let endpoint = by_endpoint.then(|| span.endpoint.to_owned());
        let cell = ((span.start.0 - window.from.0) / step) as u32;
        let red = model.entry((["checkout", "cart"][*owner].to_owned(), endpoint, cell)).or_default();
        let weight = f64::from(span.weight);
        red.requests += weight;
        red.errors += if span.error.is_empty() { 0.0 } else { weight };
        red.client_errors += if (400..500).contains(&span.http_status) { weight } else { 0.0 };
        red.server_errors += if span.http_status >= 500 { weight } else { 0.0 };
        red.duration += weight * span.duration as f64;
        red.histogram.add(span.duration, span.weight);
    }
    model
}

fn stored(rows: Vec<RedRow>) -> Model {
    let mut model = Model::new();
    for row in rows {
        for (cell, red) in row.cells {
            model.insert((row.service.name.clone(), row.endpoint.clone(), cell), red);
        }
    }
    model
}

fn random_spans(random: &mut Random, count: u64) -> Vec<(usize, Request)> {
    let span = |n| {
        let failed = random.below(5) == 0;
        let request = Request {
            trace: u128::from(random.below(50)) + 1,
            id: n + 1,
            start: NOW.plus(random.below(7_000) as i64 * SECOND - HOUR),
            duration: random.below(3_000_000_000) as i64,
            kind: SpanKind::from_number(random.below(6)),
            endpoint: ["GET /a", "POST /b", "GET /c"][random.below(3) as usize],
            http_status: [0, 200, 404, 503][random.below(4) as usize],
            error: if failed { "Oh" } else { "" },
            weight: [1.0, 1.0, 2.0, 16.0][random.below(4) as usize],
        };
        (random.below(2) as usize, request)
    };
    (0..count).map(span).collect()
}

async fn append_all(store: &Store, random: &mut Random, spans: &[(usize, Request)]) {
    let telemetry = store.telemetry();
    let mut rest = spans;
    let mut waiting = Vec::new();
    while !rest.is_empty() {
        let (now, later) = rest.split_at((1 + random.below(40) as usize).min(rest.len()));
        rest = later;
        let mut batch = Batch::new((random.0 as u128 ^ (rest.len() as u128) << 64).to_be_bytes());
        let owners =
            [("checkout", "p1"), ("cart", "p2")].map(|(name, pod)| batch.owner(owner(name), facts_of_pod(pod)));
        now.iter().for_each(|(owner, span)| push(&mut batch, owners[*owner], span));
        let telemetry = telemetry.clone();
        waiting.push(tokio::spawn(async move { telemetry.append(batch).await }));
        if waiting.len() == 10 {
            for task in waiting.drain(..) {
                assert_eq!(task.await.unwrap().unwrap(), Appended::Stored);
            }
        }
    }
    for task in waiting {
        assert_eq!(task.await.unwrap().unwrap(), Appended::Stored);
    }
}

async fn compare(store: &Store, spans: &[(usize, Request)], steps: &[i64]) {
    for step in steps {
        for by in [By::Service, By::Endpoint] {
            let asked = Window::new(NOW.plus(-50 * MINUTE), NOW.plus(40 * MINUTE));
            let window = asked.aligned(Step(*step));
            let rows = store.telemetry().red(ask(asked, *step, by)).await.unwrap();
            assert_eq!(stored(rows), naive(spans, window, *step, by == By::Endpoint), "step {step} {by:?}");
        }
    }
}

#[tokio::test]
async fn rollups_equal_a_naive_model_live_folded_merged_reopened_and_after_the_spans_are_gone() {
    for seed in [3, 77] {
        let folder = tempfile::tempdir().unwrap();
        let store = with_services(folder.path()).await;
        let mut random = Random(seed);
        let spans = random_spans(&mut random, 1_500);
        append_all(&store, &mut random, &spans).await;
        let fine = [10 * SECOND, 30 * SECOND, MINUTE, 5 * MINUTE, 10 * MINUTE, HOUR];
        compare(&store, &spans, &fine).await;
        let now = clock();
        store.maintain(now.plus(3 * MINUTE)).await.unwrap();
        compare(&store, &spans, &fine).await;
        let more = random_spans(&mut random, 300);
        append_all(&store, &mut random, &more).await;
        let spans = [spans, more].concat();
        compare(&store, &spans, &fine).await;
        store.close().await.unwrap();
        let store = open(folder.path()).await;
        compare(&store, &spans, &fine).await;
        store.maintain(now.plus(13 * HOUR)).await.unwrap();
        compare(&store, &spans, &fine).await;
        store.maintain(now.plus(8 * DAY)).await.unwrap();
        assert_eq!(store.status().await.unwrap().partitions, 0);
        assert!(store.telemetry().trace(TraceId(1_u128.to_be_bytes())).await.unwrap().spans.is_empty());
        compare(&store, &spans, &[MINUTE, 5 * MINUTE, 10 * MINUTE, HOUR]).await;
        store.close().await.unwrap();
        let store = open(folder.path()).await;
        compare(&store, &spans, &[MINUTE, 5 * MINUTE, 10 * MINUTE, HOUR]).await;
    }
}

#[tokio::test]
async fn traces_are_whole_after_their_blocks_were_merged() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_services(folder.path()).await;
    let mut random = Random(5);
    let spans = random_spans(&mut random, 600);
    append_all(&store, &mut random, &spans).await;
    let before = store.telemetry().trace(TraceId(4_u128.to_be_bytes())).await.unwrap().spans;
    store.maintain(clock().plus(3 * MINUTE)).await.unwrap();
    let after = store.telemetry().trace(TraceId(4_u128.to_be_bytes())).await.unwrap().spans;
    assert_eq!(after.len(), spans.iter().filter(|(_, span)| span.trace == 4).count());
    assert_eq!(before, after);
}

/// Requests and errors of services as the store tells them, asked one by one and together.
async fn told(store: &Store, services: &[ServiceId], window: Window) -> Vec<(ServiceId, (f64, f64), f64)> {
    let telemetry = store.telemetry();
    let mut lives = telemetry.error_life(services, window).await.unwrap();
    let mut told = Vec::new();
    for service in services {
        let asked = RedQuery { services: Some(vec![service.clone()]), ..ask(window, MINUTE, By::Service) };
        let totals = totals(&telemetry.red(asked).await.unwrap());
        let alone = telemetry.error_life(std::slice::from_ref(service), window).await.unwrap();
        let life = lives.remove(service);
        assert_eq!(alone.get(service), life.as_ref(), "asked alone or with others");
        let groups = life.unwrap_or_default().groups;
        told.push((service.clone(), totals, groups.iter().flat_map(|row| &row.cells).map(|(_, count)| count).sum()));
    }
    told
}

#[tokio::test]
async fn of_many_services_each_reads_its_own_rows_and_is_told_the_same() {
    const SERVICES: u64 = 300;
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let names: Vec<String> = (0..SERVICES).map(|n| format!("service-{n}")).collect();
    let services: Vec<ServiceId> = names.iter().map(|name| id(name)).collect();
    let mut known = record();
    known.services = names.iter().map(|name| service(name)).collect();
    known.pods = names.iter().map(|name| std::sync::Arc::new(pod(name, &format!("pod-{name}"), "", 5))).collect();
    store.record(&known).await.unwrap();
    let mut expected = BTreeMap::new();
    for request in 0..2 {
        let mut batch = Batch::new(u128::from(request + 1_u64).to_be_bytes());
        for (n, name) in names.iter().enumerate() {
            let owner = batch.owner(owner(name), facts_of_pod(&format!("pod-{name}")));
            // Twelve cells of ten seconds: more than one row's worth of all services, and none of some.
            for at in (0..12).filter(|at| (n as i64 + at) % 7 > 1) {
                let error = if (at + n as i64) % 5 == 0 { "Oh" } else { "" };
                let start = NOW.plus(at * 10 * SECOND + request as i64);
                push(&mut batch, owner, &Request { start, endpoint: "GET /a", error, ..Request::default() });
                let sums = expected.entry(n).or_insert((0.0, 0.0));
                *sums = (sums.0 + 1.0, sums.1 + if error.is_empty() { 0.0 } else { 1.0 });
            }
        }
        store.telemetry().append(batch).await.unwrap();
    }
    let window = Window::new(NOW.plus(-MINUTE), NOW.plus(5 * MINUTE));
    let expected: Vec<_> = (0..services.len())
        .map(|n| {
            (services[n].clone(), expected.get(&n).copied().unwrap_or_default(), expected.get(&n).map_or(0.0, |s| s.1))
        })
        .collect();
    assert_eq!(told(&store, &services, window).await, expected);
    store.maintain(clock().plus(3 * MINUTE)).await.unwrap();
    assert_eq!(told(&store, &services, window).await, expected, "merged");
    store.close().await.unwrap();
    let path = std::fs::read_dir(folder.path().join("raw")).unwrap().next().unwrap().unwrap().path();
    let mut connection = sqlx::sqlite::SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
    let rows: Vec<(u32, u32)> =
        sqlx::query_as("select least, most from rollups order by least").fetch_all(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    assert!(rows.len() > 1 && rows.windows(2).all(|pair| pair[0].1 < pair[1].0), "{rows:?}");
    let store = open(folder.path()).await;
    assert_eq!(told(&store, &services, window).await, expected, "opened again");
    store.maintain(clock().plus(13 * HOUR)).await.unwrap();
    assert_eq!(told(&store, &services, window).await, expected, "folded for good");
}

#[tokio::test]
async fn requests_that_follow_metrics_alone_are_seen_and_folded() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_services(folder.path()).await;
    let mut batch = Batch::new([9; 16]);
    let owner_of_metrics = batch.owner(owner("checkout"), facts_of_pod("p1"));
    let series = SeriesRow {
        owner: owner_of_metrics,
        name: "memory",
        kind: MetricKind::Gauge,
        unit: "",
        description: "",
        scope: "",
        labels: &[],
        bounds: &[],
    };
    batch.push_point(&series, &PointRow { at: NOW, start: Timestamp(0), value: 1.0, distribution: None });
    store.telemetry().append(batch).await.unwrap();
    // Folded and merged: nothing but how far it came is left of the rollup.
    store.maintain(clock().plus(3 * MINUTE)).await.unwrap();
    let request = Request { error: "Oh", ..Request::default() };
    store
        .telemetry()
        .append(crate::support::batch(1, (owner("checkout"), facts_of_pod("p1")), std::slice::from_ref(&request)))
        .await
        .unwrap();
    let telemetry = store.telemetry();
    assert_eq!(telemetry.last_request(&id("checkout")).await.unwrap(), Some(request.start));
    assert_eq!(telemetry.first_errors(&id("checkout")).await.unwrap().len(), 1);
    store.maintain(clock().plus(10 * MINUTE)).await.unwrap();
    assert_eq!(telemetry.last_request(&id("checkout")).await.unwrap(), Some(request.start), "folded");
}
