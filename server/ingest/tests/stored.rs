//! From the socket into a real store and back out of it.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod common;

use common::{EXPORT, Receivers, call, gzip, post, request, send, span};
use ingest::{Ingest, Limits};
use model::{DAY, SpanKind, TraceId, Value};
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use prost::Message;
use store::{Config, Keep, Store};

async fn open(path: &std::path::Path) -> Store {
    let keep = Keep { age: 3_650 * DAY, bytes: 1 << 30 };
    Store::open(Config { path: path.to_owned(), raw: keep, summaries: keep }).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn span_sent_either_way_is_found_by_its_trace_after_the_answer_and_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await;
    let receivers = Receivers::of(Ingest::new(store.clone(), Limits::default())).await;
    let mut sent = span(1);
    let route = AnyValue { value: Some(Any::StringValue("/items/{id}".to_owned())) };
    sent.attributes = vec![KeyValue { key: "http.route".to_owned(), value: Some(route), key_strindex: 0 }];
    assert_eq!(post(receivers.http, &request(vec![sent]).encode_to_vec()).await.status, 200);
    call(receivers.grpc, EXPORT, true, request(vec![span(2)]).encode_to_vec()).await.unwrap();
    let json = gzip(&serde_json::to_vec(&request(vec![span(3)])).unwrap());
    let headers = [("content-type", "application/json"), ("content-encoding", "gzip")];
    assert_eq!(send(receivers.http, "POST /v1/traces", &headers, &json).await.status, 200);
    check(&store).await;
    drop(receivers);
    store.close().await.unwrap();
    drop(store);
    check(&open(directory.path()).await).await;
}

async fn check(store: &Store) {
    for number in 1..=3u8 {
        let spans = store.telemetry().trace(TraceId([number; 16])).await.unwrap().spans;
        assert_eq!(spans.len(), 1, "trace {number}");
        let span = &spans[0].span;
        assert_eq!((span.kind, span.duration), (SpanKind::Server, 5_000_000));
        assert_eq!(span.owner.get("service.name"), Some("checkout"));
        assert_eq!(span.owner.peer, Some("127.0.0.1".parse().unwrap()));
        if number == 1 {
            assert_eq!(span.endpoint, "/items/{id}");
            assert_eq!(span.attributes, [("http.route".to_owned(), Value::Text("/items/{id}".to_owned()))]);
        } else {
            assert_eq!(span.endpoint, "GET /items/{id}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn identical_retry_by_another_transport_is_stored_once() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await;
    let receivers = Receivers::of(Ingest::new(store.clone(), Limits::default())).await;
    let message = request(vec![span(1), span(2)]).encode_to_vec();
    assert_eq!(post(receivers.http, &message).await.status, 200);
    assert_eq!(post(receivers.http, &message).await.status, 200);
    call(receivers.grpc, EXPORT, true, message).await.unwrap();
    let status = receivers.ingest.status();
    assert_eq!((status.requests, status.duplicates, status.spans), (3, 2, 2));
    assert_eq!(store.telemetry().trace(TraceId([1; 16])).await.unwrap().spans.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_request_leaves_nothing_in_the_store() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await;
    let receivers = Receivers::of(Ingest::new(store.clone(), Limits::default())).await;
    let message = request(vec![span(1), span(2)]).encode_to_vec();
    for end in (1..message.len()).step_by(7) {
        assert_eq!(post(receivers.http, &message[..end]).await.status, 400);
    }
    assert!(store.telemetry().trace(TraceId([1; 16])).await.unwrap().spans.is_empty());
}

/// A counter's points of a minute, as JSON of OTLP.
fn points_json(name: &str) -> Vec<u8> {
    let point = |second: u64| {
        let nanos = (1_700_000_000 + second) * 1_000_000_000;
        format!(r#"{{"timeUnixNano":"{nanos}","asInt":"{}","attributes":[]}}"#, second * 2)
    };
    let points: Vec<String> = (0..=60).step_by(10).map(point).collect();
    let resource = r#"{"attributes":[{"key":"service.name","value":{"stringValue":"checkout"}}]}"#;
    let sum = format!(r#"{{"isMonotonic":true,"aggregationTemporality":2,"dataPoints":[{}]}}"#, points.join(","));
    format!(
        r#"{{"resourceMetrics":[{{"resource":{resource},"scopeMetrics":[{{"metrics":[{{"name":"{name}","sum":{sum}}}]}}]}}]}}"#
    )
    .into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_sent_over_http_and_by_prometheus_are_stored() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await;
    let receivers = Receivers::of(Ingest::new(store.clone(), Limits::default())).await;
    let json = [("content-type", "application/json")];
    assert_eq!(send(receivers.http, "POST /v1/metrics", &json, &points_json("orders")).await.status, 200);
    // One series `up{job="a"}` with one sample, by hand.
    let label = |name: &str, value: &str| {
        let mut bytes = vec![0x0a, name.len() as u8];
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(&[0x12, value.len() as u8]);
        bytes.extend_from_slice(value.as_bytes());
        bytes
    };
    let mut series = Vec::new();
    for one in [label("__name__", "up"), label("job", "a")] {
        series.extend_from_slice(&[0x0a, one.len() as u8]);
        series.extend_from_slice(&one);
    }
    series.extend_from_slice(&[0x12, 11, 0x09, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0x10, 0x05]);
    let mut body = vec![0x0a, series.len() as u8];
    body.extend_from_slice(&series);
    let packed = snap::raw::Encoder::new().compress_vec(&body).unwrap();
    let remote = [("content-type", "application/x-protobuf"), ("content-encoding", "snappy")];
    let answer = send(receivers.http, "POST /api/v1/write", &remote, &packed).await;
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    assert_eq!(send(receivers.http, "POST /api/v1/write", &remote[..1], &body).await.status, 415);
    let second = [("content-type", "application/x-protobuf;proto=io.prometheus.write.v2.Request"), remote[1]];
    assert_eq!(send(receivers.http, "POST /api/v1/write", &second, &packed).await.status, 415);
    assert_eq!(send(receivers.http, "POST /api/v1/write", &remote, b"no snappy").await.status, 400);
    let status = receivers.ingest.status();
    assert_eq!((status.points, store.status().await.unwrap().points), (8, 8));
}
