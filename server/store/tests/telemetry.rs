//! Spans in, traces and rollups out.
#![allow(clippy::unwrap_used)]

mod support;

use model::*;
use store::*;
use support::*;

/// A span with everything, and the same as it is to come back.
fn full_span(batch: &mut Batch) -> Span {
    let peer = Some("10.9.9.9".parse().unwrap());
    let owner = Owner { attributes: vec![("k8s.pod.uid".into(), "p1".into())], peer };
    let number = batch.owner(owner.clone(), facts_of_pod("p1"));
    let attributes = vec![
        ("a".to_owned(), Value::Text("x".into())),
        ("b".to_owned(), Value::Int(-5)),
        ("c".to_owned(), Value::Double(0.25)),
        ("d".to_owned(), Value::Bool(true)),
        ("e".to_owned(), Value::Json("[1]".into())),
    ];
    let span = Span {
        trace: TraceId([3; 16]),
        id: SpanId([4; 8]),
        parent: Some(SpanId([5; 8])),
        kind: SpanKind::Consumer,
        name: "process".into(),
        endpoint: "process orders".into(),
        start: NOW,
        duration: 77,
        status: SpanStatus::Error,
        status_message: "broken <b>".into(),
        scope: "lib".into(),
        error: "Oh".into(),
        events: vec![SpanEvent { at: NOW.plus(3), name: "exception".into(), attributes: attributes[..2].to_vec() }],
        links: vec![SpanLink { trace: TraceId([6; 16]), span: SpanId([7; 8]), attributes: attributes[1..].to_vec() }],
        attributes,
        owner: std::sync::Arc::new(owner),
    };
    push_full(batch, number, &span);
    span
}

fn push_full(batch: &mut Batch, owner: u32, span: &Span) {
    let borrowed = |pairs: &'static [(String, Value)]| pairs.iter().map(|(k, v)| (k.as_str(), v.clone())).collect();
    // Leaked, because a row borrows and a test ends.
    let span: &'static Span = Box::leak(Box::new(span.clone()));
    let attributes: Vec<(&str, Value)> = borrowed(&span.attributes);
    let events: Vec<EventRow<'_>> = span
        .events
        .iter()
        .map(|event| EventRow { at: event.at, name: &event.name, attributes: borrowed(&event.attributes) })
        .collect();
    let links: Vec<LinkRow<'_>> = span
        .links
        .iter()
        .map(|link| LinkRow { trace: link.trace, span: link.span, attributes: borrowed(&link.attributes) })
        .collect();
    batch.push(&SpanRow {
        owner,
        trace: span.trace,
        id: span.id,
        parent: span.parent,
        kind: span.kind,
        name: &span.name,
        endpoint: &span.endpoint,
        callee: "",
        start: span.start,
        duration: span.duration,
        status: span.status,
        status_message: &span.status_message,
        scope: &span.scope,
        http_status: 0,
        error: &span.error,
        weight: 4.0,
        sampled: true,
        attributes: &attributes,
        events: &events,
        links: &links,
    });
}

#[tokio::test]
async fn a_trace_comes_back_with_every_field_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_services(folder.path()).await;
    let mut batch = Batch::new([1; 16]);
    let span = full_span(&mut batch);
    assert_eq!((batch.len(), batch.is_empty()), (1, false));
    assert_eq!(store.telemetry().append(batch).await.unwrap(), Appended::Stored);
    let attribution = Attribution {
        service: Some(std::sync::Arc::new(id("checkout"))),
        revision: Some(RevisionHash("7d9f".into())),
        pod: Some(PodId("p1".into())),
        pod_name: Some("checkout-7d9f-p1".into()),
        rule: Rule::PodUid,
        reason: None,
    };
    let expected = [StoredSpan { span, attribution }];
    assert_eq!(store.telemetry().trace(TraceId([3; 16])).await.unwrap().spans, expected);
    assert!(store.telemetry().trace(TraceId([9; 16])).await.unwrap().spans.is_empty());
    let rows = store.telemetry().red(ask(around(NOW), 10 * SECOND, By::Pod)).await.unwrap();
    assert_eq!((rows.len(), rows[0].sampled, totals(&rows)), (1, true, (4.0, 4.0)));
    store.close().await.unwrap();
    let store = open(folder.path()).await;
    assert_eq!(store.telemetry().trace(TraceId([3; 16])).await.unwrap().spans, expected);
    let status = store.status().await.unwrap();
    assert_eq!((status.spans, status.partitions, status.failing), (1, 1, None));
}

#[tokio::test]
async fn an_identical_request_counts_once_in_a_group_later_and_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_services(folder.path()).await;
    let same = || batch(7, (owner("checkout"), facts_of_pod("p1")), &[Request::default()]);
    let telemetry = store.telemetry();
    let (a, b) = tokio::join!(telemetry.append(same()), telemetry.append(same()));
    let mut both = [a.unwrap(), b.unwrap()];
    both.sort_by_key(|appended| *appended == Appended::Duplicate);
    assert_eq!(both, [Appended::Stored, Appended::Duplicate]);
    assert_eq!(telemetry.append(same()).await.unwrap(), Appended::Duplicate);
    store.close().await.unwrap();
    let store = open(folder.path()).await;
    assert_eq!(store.telemetry().append(same()).await.unwrap(), Appended::Duplicate);
    let rows = store.telemetry().red(ask(around(NOW), MINUTE, By::Service)).await.unwrap();
    assert_eq!(totals(&rows), (1.0, 0.0));
    assert_eq!(store.status().await.unwrap().spans, 1);
}

#[tokio::test]
async fn a_pod_seen_late_takes_what_came_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let telemetry = store.telemetry();
    telemetry.append(batch(1, (owner("x"), facts_of_pod("late")), &[Request::default()])).await.unwrap();
    assert!(telemetry.red(ask(around(NOW), MINUTE, By::Service)).await.unwrap().is_empty());
    let window = around(clock());
    let unknown = telemetry.unattributed(window).await.unwrap();
    assert_eq!((unknown.len(), unknown[0].name.as_str(), unknown[0].spans), (1, "x", 1));
    assert!(!unknown[0].reason.is_empty());
    assert_eq!(telemetry.last_request(&id("checkout")).await.unwrap(), None);
    let mut batch = record();
    batch.services = vec![service("checkout")];
    batch.pods = [pod("checkout", "late", "10.0.0.9", 5)].map(std::sync::Arc::new).into();
    store.record(&batch).await.unwrap();
    let rows = telemetry.red(ask(around(NOW), MINUTE, By::Pod)).await.unwrap();
    assert_eq!((rows[0].service.clone(), rows[0].pod.clone()), (id("checkout"), Some(PodId("late".into()))));
    assert!(telemetry.unattributed(window).await.unwrap().is_empty());
    assert_eq!(telemetry.last_request(&id("checkout")).await.unwrap(), Some(NOW));
    let spans = telemetry.trace(TraceId(1_u128.to_be_bytes())).await.unwrap().spans;
    assert_eq!(spans[0].attribution.rule, Rule::PodUid);
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
            tokio::spawn(async move { telemetry.append(batch(u128::from(n), whose, &[span])).await })
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
    assert!(matches!(telemetry.append(late).await, Err(Error::Busy(_))));
    let store = open(folder.path()).await;
    let rows = store.telemetry().red(ask(around(NOW), MINUTE, By::Service)).await.unwrap();
    assert!(acknowledged > 0.0);
    assert_eq!(totals(&rows).0, acknowledged);
}

#[tokio::test]
async fn a_damaged_block_and_a_damaged_rollup_are_left_out_and_said_so() {
    use sqlx::{ConnectOptions, Connection};
    let folder = tempfile::tempdir().unwrap();
    let store = with_services(folder.path()).await;
    let whose = (owner("checkout"), facts_of_pod("p1"));
    store.telemetry().append(batch(1, whose, &[Request::default()])).await.unwrap();
    store.close().await.unwrap();
    let path = std::fs::read_dir(folder.path().join("raw")).unwrap().next().unwrap().unwrap().path();
    let mut connection = sqlx::sqlite::SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    sqlx::raw_sql(
        "update blocks set data = unhex(hex(data) || '00'); update rollups set data = unhex(hex(data) || '00')",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    connection.close().await.unwrap();
    let store = open(folder.path()).await;
    let trace = store.telemetry().trace(TraceId(1_u128.to_be_bytes())).await;
    assert!(trace.unwrap().spans.is_empty());
    assert!(store.status().await.unwrap().failing.unwrap().contains("block 1"));
    assert!(store.telemetry().red(ask(around(NOW), MINUTE, By::Service)).await.unwrap().is_empty());
    assert!(store.status().await.unwrap().failing.unwrap().contains("checksum"));
}

#[tokio::test]
async fn a_request_larger_than_the_queue_is_taken_beside_others() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_services(folder.path()).await;
    let telemetry = store.telemetry();
    let mut large = Batch::new([9; 16]);
    let whose = large.owner(owner("checkout"), facts_of_pod("p1"));
    for n in 0..70_u64 {
        let name = format!("{n}{}", "x".repeat(1 << 20));
        large.push(&SpanRow {
            owner: whose,
            trace: TraceId([1; 16]),
            id: SpanId(n.to_be_bytes()),
            parent: None,
            kind: SpanKind::Internal,
            name: &name,
            endpoint: "",
            callee: "",
            start: NOW,
            duration: 1,
            status: SpanStatus::Unset,
            status_message: "",
            scope: "",
            http_status: 0,
            error: "",
            weight: 1.0,
            sampled: false,
            attributes: &[],
            events: &[],
            links: &[],
        });
    }
    assert!(large.size() > 64 << 20);
    let small = batch(1, (owner("checkout"), facts_of_pod("p1")), &[Request::default()]);
    let (small, large) = tokio::join!(telemetry.append(small), telemetry.append(large));
    assert_eq!((small.unwrap(), large.unwrap()), (Appended::Stored, Appended::Stored));
}
