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
        let spans = store.telemetry().trace(TraceId([number; 16])).await.unwrap();
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
    assert_eq!(store.telemetry().trace(TraceId([1; 16])).await.unwrap().len(), 1);
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
    assert!(store.telemetry().trace(TraceId([1; 16])).await.unwrap().is_empty());
}
