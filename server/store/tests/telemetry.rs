//! Spans in, traces and rollups out.

mod support;

use std::collections::BTreeMap;

use model::*;
use store::*;
use support::*;

async fn with_services(folder: &std::path::Path) -> Store {
    let store = open(folder).await;
    let mut batch = record();
    batch.services = vec![service("checkout"), service("cart")];
    batch.pods = vec![pod("checkout", "p1", "10.0.0.1", 5), pod("cart", "p2", "10.0.0.2", 5)];
    store.record(batch).await.unwrap();
    store
}

#[tokio::test]
async fn a_trace_comes_back_with_every_field_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_services(folder.path()).await;
    let owner =
        Owner { attributes: vec![("k8s.pod.uid".into(), "p1".into())], peer: Some("10.9.9.9".parse().unwrap()) };
    let mut batch = SpanBatch::new([1; 16]);
    let number = batch.owner(owner.clone(), facts_of_pod("p1"));
    let attributes = [
        ("a", Value::Text("x".into())),
        ("b", Value::Int(-5)),
        ("c", Value::Double(0.25)),
        ("d", Value::Bool(true)),
        ("e", Value::Json("[1]".into())),
    ];
    let row = SpanRow {
        owner: number,
        trace: TraceId([3; 16]),
        id: SpanId([4; 8]),
        parent: Some(SpanId([5; 8])),
        kind: SpanKind::Consumer,
        name: "process orders",
        endpoint: "process orders",
        callee: "",
        start: NOW,
        duration: 77,
        status: SpanStatus::Error,
        status_message: "broken <b>",
        scope: "lib",
        http_status: 0,
        error: "Oh",
        weight: 4.0,
        sampled: true,
        attributes: &attributes,
        events: &[EventRow { at: NOW.plus(3), name: "exception", attributes: vec![("m", Value::Text("x".into()))] }],
        links: &[LinkRow { trace: TraceId([6; 16]), span: SpanId([7; 8]), attributes: vec![("l", Value::Int(1))] }],
    };
    batch.push(&row);
    assert_eq!((batch.len(), batch.is_empty()), (1, false));
    assert_eq!(store.telemetry().append_spans(batch).await.unwrap(), Appended::Stored);
    let owned = |pairs: &[(&str, Value)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect::<Vec<_>>();
    let span = Span {
        trace: row.trace,
        id: row.id,
        parent: row.parent,
        kind: row.kind,
        name: row.name.into(),
        endpoint: row.endpoint.into(),
        start: row.start,
        duration: row.duration,
        status: row.status,
        status_message: row.status_message.into(),
        scope: row.scope.into(),
        error: row.error.into(),
        attributes: owned(&attributes),
        events: vec![SpanEvent {
            at: NOW.plus(3),
            name: "exception".into(),
            attributes: owned(&row.events[0].attributes),
        }],
        links: vec![SpanLink {
            trace: TraceId([6; 16]),
            span: SpanId([7; 8]),
            attributes: owned(&row.links[0].attributes),
        }],
        owner,
    };
    let attribution = Attribution {
        service: Some(id("checkout")),
        revision: Some(RevisionHash("7d9f".into())),
        pod: Some(PodId("p1".into())),
        pod_name: Some("checkout-7d9f-p1".into()),
        rule: Rule::PodUid,
        reason: None,
    };
    let expected = [StoredSpan { span, attribution }];
    assert_eq!(store.telemetry().trace(TraceId([3; 16])).await.unwrap(), expected);
    assert!(store.telemetry().trace(TraceId([9; 16])).await.unwrap().is_empty());
    let rows = store.telemetry().red(ask(around(NOW), 10 * SECOND, By::Pod)).await.unwrap();
    assert_eq!((rows.len(), rows[0].sampled, totals(&rows)), (1, true, (4.0, 4.0)));
    store.close().await.unwrap();
    let store = open(folder.path()).await;
    assert_eq!(store.telemetry().trace(TraceId([3; 16])).await.unwrap(), expected);
    let status = store.status().await.unwrap();
    assert_eq!((status.spans, status.partitions, status.failing), (1, 1, None));
}

#[tokio::test]
async fn an_identical_request_counts_once_in_a_group_later_and_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_services(folder.path()).await;
    let same = || batch(7, (owner("checkout"), facts_of_pod("p1")), &[Request::default()]);
    let telemetry = store.telemetry();
    let (a, b) = tokio::join!(telemetry.append_spans(same()), telemetry.append_spans(same()));
    let mut both = [a.unwrap(), b.unwrap()];
    both.sort_by_key(|appended| *appended == Appended::Duplicate);
    assert_eq!(both, [Appended::Stored, Appended::Duplicate]);
    assert_eq!(telemetry.append_spans(same()).await.unwrap(), Appended::Duplicate);
    store.close().await.unwrap();
    let store = open(folder.path()).await;
    assert_eq!(store.telemetry().append_spans(same()).await.unwrap(), Appended::Duplicate);
    let rows = store.telemetry().red(ask(around(NOW), MINUTE, By::Service)).await.unwrap();
    assert_eq!(totals(&rows), (1.0, 0.0));
    assert_eq!(store.status().await.unwrap().spans, 1);
}

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
        let mut batch = SpanBatch::new((random.0 as u128 ^ (rest.len() as u128) << 64).to_be_bytes());
        let owners =
            [("checkout", "p1"), ("cart", "p2")].map(|(name, pod)| batch.owner(owner(name), facts_of_pod(pod)));
        now.iter().for_each(|(owner, span)| push(&mut batch, owners[*owner], span));
        let telemetry = telemetry.clone();
        waiting.push(tokio::spawn(async move { telemetry.append_spans(batch).await }));
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
        let fine = [10 * SECOND, 30 * SECOND, MINUTE, 5 * MINUTE];
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
        assert!(store.telemetry().trace(TraceId(1_u128.to_be_bytes())).await.unwrap().is_empty());
        compare(&store, &spans, &[MINUTE, 5 * MINUTE]).await;
        store.close().await.unwrap();
        let store = open(folder.path()).await;
        compare(&store, &spans, &[MINUTE, 5 * MINUTE]).await;
    }
}

#[tokio::test]
async fn traces_are_whole_after_their_blocks_were_merged() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_services(folder.path()).await;
    let mut random = Random(5);
    let spans = random_spans(&mut random, 600);
    append_all(&store, &mut random, &spans).await;
    let before = store.telemetry().trace(TraceId(4_u128.to_be_bytes())).await.unwrap();
    store.maintain(clock().plus(3 * MINUTE)).await.unwrap();
    let after = store.telemetry().trace(TraceId(4_u128.to_be_bytes())).await.unwrap();
    assert_eq!(after.len(), spans.iter().filter(|(_, span)| span.trace == 4).count());
    assert_eq!(before, after);
}

#[tokio::test]
async fn a_pod_seen_late_takes_what_came_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let telemetry = store.telemetry();
    telemetry.append_spans(batch(1, (owner("x"), facts_of_pod("late")), &[Request::default()])).await.unwrap();
    assert!(telemetry.red(ask(around(NOW), MINUTE, By::Service)).await.unwrap().is_empty());
    let window = around(clock());
    let unknown = telemetry.unattributed(window).await.unwrap();
    assert_eq!((unknown.len(), unknown[0].name.as_str(), unknown[0].spans), (1, "x", 1));
    assert!(!unknown[0].reason.is_empty());
    assert_eq!(telemetry.last_request(&id("checkout")).await.unwrap(), None);
    let mut batch = record();
    batch.services = vec![service("checkout")];
    batch.pods = vec![pod("checkout", "late", "10.0.0.9", 5)];
    store.record(batch).await.unwrap();
    let rows = telemetry.red(ask(around(NOW), MINUTE, By::Pod)).await.unwrap();
    assert_eq!((rows[0].service.clone(), rows[0].pod.clone()), (id("checkout"), Some(PodId("late".into()))));
    assert!(telemetry.unattributed(window).await.unwrap().is_empty());
    assert_eq!(telemetry.last_request(&id("checkout")).await.unwrap(), Some(NOW));
    let spans = telemetry.trace(TraceId(1_u128.to_be_bytes())).await.unwrap();
    assert_eq!(spans[0].attribution.rule, Rule::PodUid);
}

#[tokio::test]
async fn an_error_group_keeps_its_first_sight_and_revision_after_its_spans_are_gone() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_services(folder.path()).await;
    let telemetry = store.telemetry();
    let failing = |trace, start| Request { trace, id: trace as u64, start, error: "Oh", ..Request::default() };
    let whose = || (owner("checkout"), facts_of_pod("p1"));
    let old = NOW.plus(-5 * HOUR);
    telemetry.append_spans(batch(1, whose(), &[failing(1, old)])).await.unwrap();
    telemetry
        .append_spans(batch(2, whose(), &[failing(2, NOW), failing(3, NOW.plus(-1)), Request::default()]))
        .await
        .unwrap();
    let check = async |store: &Store| {
        let groups = store.telemetry().errors(&id("checkout"), around(NOW), Step(MINUTE)).await.unwrap();
        assert_eq!(groups.len(), 1);
        let group = &groups[0];
        assert_eq!((group.endpoint.as_str(), group.error.as_str()), ("GET /", "Oh"));
        assert_eq!((group.first_seen, group.last_seen), (old, NOW));
        assert_eq!(group.first_revision, Some(RevisionHash("7d9f".into())));
        assert_eq!(group.sample, TraceId(2_u128.to_be_bytes()));
        assert_eq!(group.cells.iter().map(|(_, count)| count).sum::<f64>(), 2.0);
        assert!(store.telemetry().errors(&id("cart"), around(NOW), Step(MINUTE)).await.unwrap().is_empty());
        assert_eq!(store.telemetry().last_request(&id("checkout")).await.unwrap(), Some(NOW));
    };
    check(&store).await;
    store.maintain(clock().plus(13 * HOUR)).await.unwrap();
    check(&store).await;
    store.maintain(clock().plus(8 * DAY)).await.unwrap();
    assert_eq!(store.status().await.unwrap().partitions, 0);
    store.close().await.unwrap();
    check(&open(folder.path()).await).await;
}

#[tokio::test]
async fn summaries_know_whose_they_are_when_the_pod_is_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_services(folder.path()).await;
    let whose = (owner("checkout"), facts_of_pod("p1"));
    store.telemetry().append_spans(batch(1, whose, &[Request::default()])).await.unwrap();
    store.maintain(clock().plus(13 * HOUR)).await.unwrap();
    let mut ended = record();
    ended.pods = vec![PodState { ended: Some(NOW), ..pod("checkout", "p1", "10.0.0.1", 5) }];
    store.record(ended).await.unwrap();
    store.maintain(clock().plus(80 * DAY)).await.unwrap();
    assert!(store.directory().resolve(&facts_of_pod("p1"), NOW).service.is_none());
    let rows = store.telemetry().red(ask(around(NOW), MINUTE, By::Revision)).await.unwrap();
    assert_eq!(
        (rows[0].service.clone(), rows[0].revision.clone()),
        (id("checkout"), Some(RevisionHash("7d9f".into())))
    );
    store.maintain(clock().plus(200 * DAY)).await.unwrap();
    assert!(store.telemetry().red(ask(around(NOW), MINUTE, By::Service)).await.unwrap().is_empty());
    assert_eq!(std::fs::read_dir(folder.path().join("summaries")).unwrap().count(), 0);
}

#[tokio::test]
async fn too_many_bytes_cost_the_oldest_partitions_and_not_their_charts() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.raw.bytes = 1 << 20;
    let store = Store::open(config).await.unwrap();
    let mut batch_of = record();
    batch_of.services = vec![service("checkout")];
    batch_of.pods = vec![pod("checkout", "p1", "10.0.0.1", 5)];
    store.record(batch_of).await.unwrap();
    let mut random = Random(9);
    let mut sent = 0;
    for request in 0..12 {
        let spans: Vec<Request> = (0..6_000)
            .map(|n| Request {
                trace: u128::from(random.below(u64::MAX)) << 64 | u128::from(random.below(u64::MAX)),
                id: random.below(u64::MAX),
                start: NOW.plus(n),
                ..Request::default()
            })
            .collect();
        sent += spans.len();
        let whose = (owner("checkout"), facts_of_pod("p1"));
        store.telemetry().append_spans(batch(request, whose, &spans)).await.unwrap();
    }
    let before = store.status().await.unwrap();
    assert!(before.partitions > 2 && before.raw_bytes > 1 << 20, "{before:?}");
    store.maintain(clock()).await.unwrap();
    let after = store.status().await.unwrap();
    assert!(after.raw_bytes <= 1 << 20 && after.partitions < before.partitions, "{after:?}");
    let rows = store.telemetry().red(ask(around(NOW), MINUTE, By::Service)).await.unwrap();
    assert_eq!(totals(&rows).0, sent as f64);
}

#[tokio::test]
async fn closing_commits_what_waits_and_refuses_what_comes_later() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_services(folder.path()).await;
    let telemetry = store.telemetry();
    let tasks: Vec<_> = (0..50_u64)
        .map(|n| {
            let telemetry = telemetry.clone();
            let span = Request { trace: u128::from(n) + 1, id: n + 1, ..Request::default() };
            let whose = (owner("checkout"), facts_of_pod("p1"));
            tokio::spawn(async move { telemetry.append_spans(batch(u128::from(n), whose, &[span])).await })
        })
        .collect();
    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    store.close().await.unwrap();
    store.close().await.unwrap();
    let mut acknowledged = 0.0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(appended) => {
                assert_eq!(appended, Appended::Stored);
                acknowledged += 1.0;
            }
            Err(error) => assert!(matches!(error, Error::Busy(_)), "{error}"),
        }
    }
    let late = batch(99, (owner("checkout"), facts_of_pod("p1")), &[Request::default()]);
    assert!(matches!(telemetry.append_spans(late).await, Err(Error::Busy(_))));
    let store = open(folder.path()).await;
    let rows = store.telemetry().red(ask(around(NOW), MINUTE, By::Service)).await.unwrap();
    assert!(acknowledged > 0.0);
    assert_eq!(totals(&rows).0, acknowledged);
}

#[tokio::test]
async fn a_damaged_block_is_an_error_and_a_damaged_rollup_is_left_out_and_said_so() {
    use sqlx::{ConnectOptions, Connection};
    let folder = tempfile::tempdir().unwrap();
    let store = with_services(folder.path()).await;
    let whose = (owner("checkout"), facts_of_pod("p1"));
    store.telemetry().append_spans(batch(1, whose, &[Request::default()])).await.unwrap();
    store.close().await.unwrap();
    let path = std::fs::read_dir(folder.path().join("raw")).unwrap().next().unwrap().unwrap().path();
    let mut connection = sqlx::sqlite::SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    sqlx::raw_sql("update blocks set data = unhex(hex(data) || '00'); update rollups set data = unhex(hex(data) || '00')")
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    let store = open(folder.path()).await;
    let trace = store.telemetry().trace(TraceId(1_u128.to_be_bytes())).await;
    assert!(matches!(trace, Err(Error::Damaged(_))));
    assert!(store.telemetry().red(ask(around(NOW), MINUTE, By::Service)).await.unwrap().is_empty());
    assert!(store.status().await.unwrap().failing.unwrap().contains("checksum"));
}
