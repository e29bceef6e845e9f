//! What OTLP demands of a receiver, each demand over real sockets: both transports, both formats, packed or not.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod common;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use common::{
    EXPORT, Fake, GRPC, Mood, Receivers, call, code, gzip, packed_frame, post, raw_call, request, send, span, zstd,
};
use ingest::Limits;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse as Response;
use prost::Message;
use store::Short;
use tonic::Code;

const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");
const JSON: (&str, &str) = ("content-type", "application/json");
const GZIP: (&str, &str) = ("content-encoding", "gzip");
const ZSTD: (&str, &str) = ("content-encoding", "zstd");

async fn receivers() -> (Arc<Fake>, Receivers) {
    limited(Limits::default()).await
}

async fn limited(limits: Limits) -> (Arc<Fake>, Receivers) {
    let fake = Fake::new();
    let receivers = Receivers::over(&fake, limits).await;
    (fake, receivers)
}

/// `google.rpc.Status`, as a client knows it.
#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

#[derive(Clone, PartialEq, Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

fn has_retry_info(status: &tonic::Status) -> bool {
    let details = Status::decode(status.details()).unwrap();
    assert_eq!(details.code, status.code() as i32);
    details
        .details
        .iter()
        .any(|any| any.type_url == "type.googleapis.com/google.rpc.RetryInfo" && !any.value.is_empty())
}

#[tokio::test]
async fn http_takes_both_formats_packed_or_not_and_answers_in_the_format_of_the_request() {
    let (fake, receivers) = receivers().await;
    let message = request(vec![span(1), span(2)]);
    let protobuf = message.encode_to_vec();
    let json = serde_json::to_vec(&message).unwrap();
    let cases = [
        (vec![PROTOBUF], protobuf.clone()),
        (vec![PROTOBUF, GZIP], gzip(&protobuf)),
        (vec![PROTOBUF, ("content-encoding", "identity")], protobuf.clone()),
        (vec![JSON], json.clone()),
        (vec![JSON, GZIP], gzip(&json)),
        (vec![PROTOBUF, ZSTD], zstd(&protobuf)),
        (vec![JSON, ZSTD], zstd(&json)),
        (vec![("content-type", "application/json; charset=utf-8")], json.clone()),
    ];
    for (i, (headers, body)) in cases.into_iter().enumerate() {
        let answer = send(receivers.http, "POST /v1/traces", &headers, &body).await;
        assert_eq!(answer.status, 200, "{headers:?} {}", String::from_utf8_lossy(&answer.body));
        if headers[0].1.starts_with(JSON.1) {
            assert_eq!(answer.header("content-type"), Some("application/json"));
            assert_eq!(answer.json(), serde_json::json!({}));
        } else {
            assert_eq!(answer.header("content-type"), Some("application/x-protobuf"));
            assert_eq!(Response::decode(answer.body.as_slice()).unwrap(), Response::default());
        }
        assert_eq!(fake.spans(), 2 * (i as u64 + 1));
    }
    // The same message has the same hash, packed or not; that of JSON is its own.
    let hashes = fake.hashes.lock().unwrap().clone();
    assert!(hashes[0] == hashes[1] && hashes[0] == hashes[2] && hashes[3] == hashes[4] && hashes[0] != hashes[3]);
    assert!(hashes[5] == hashes[0] && hashes[6] == hashes[3]);
}

#[tokio::test]
async fn grpc_takes_messages_packed_or_not() {
    let (fake, receivers) = receivers().await;
    let message = request(vec![span(1)]).encode_to_vec();
    for packed in [false, true] {
        let answer = call(receivers.grpc, EXPORT, packed, message.clone()).await.unwrap();
        assert_eq!(Response::decode(answer.as_slice()).unwrap(), Response::default());
    }
    let answer = raw_call(&receivers, &[GRPC, ("grpc-encoding", "zstd")], &packed_frame(&zstd(&message))).await;
    assert_eq!(code(answer).await, "0");
    assert_eq!(fake.spans(), 3);
    let hashes = fake.hashes.lock().unwrap().clone();
    assert!(hashes.iter().all(|hash| *hash == hashes[0]));
}

#[tokio::test]
async fn many_calls_share_a_connection() {
    let (fake, receivers) = receivers().await;
    let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{}", receivers.grpc)).unwrap();
    let channel = endpoint.connect().await.unwrap();
    let mut calls = tokio::task::JoinSet::new();
    for i in 0..50 {
        let mut client = tonic::client::Grpc::new(channel.clone());
        calls.spawn(async move {
            client.ready().await.unwrap();
            let body = tonic::Request::new(request(vec![span(i)]).encode_to_vec());
            client.unary(body, http::uri::PathAndQuery::from_static(EXPORT), common::Raw).await.unwrap();
        });
    }
    calls.join_all().await;
    assert_eq!(fake.spans(), 50);
}

#[tokio::test]
async fn empty_request_succeeds_and_stores_nothing() {
    let (fake, receivers) = receivers().await;
    assert_eq!(post(receivers.http, b"").await.status, 200);
    assert_eq!(send(receivers.http, "POST /v1/traces", &[JSON], b"{}").await.json(), serde_json::json!({}));
    assert_eq!(call(receivers.grpc, EXPORT, false, Vec::new()).await.unwrap(), b"");
    assert_eq!(fake.batches(), 0);
    assert_eq!(receivers.ingest.status().requests, 3);
}

#[tokio::test]
async fn spans_without_valid_ids_are_left_out_as_a_partial_success() {
    let (fake, receivers) = receivers().await;
    let zero = opentelemetry_proto::tonic::trace::v1::Span { trace_id: vec![0; 16], ..span(1) };
    let short = opentelemetry_proto::tonic::trace::v1::Span { span_id: vec![1; 7], ..span(1) };
    let message = request(vec![span(1), zero, short]);
    let check = |bytes: &[u8]| {
        let partial = Response::decode(bytes).unwrap().partial_success.unwrap();
        assert_eq!(partial.rejected_spans, 2);
        assert!(partial.error_message.contains("no valid trace id"));
    };
    check(&post(receivers.http, &message.encode_to_vec()).await.body);
    check(&call(receivers.grpc, EXPORT, false, message.encode_to_vec()).await.unwrap());
    let answer = send(receivers.http, "POST /v1/traces", &[JSON], &serde_json::to_vec(&message).unwrap()).await;
    assert_eq!((answer.status, &answer.json()["partialSuccess"]["rejectedSpans"]), (200, &serde_json::json!("2")));
    assert_eq!(fake.spans(), 3);
    assert_eq!(receivers.rejected("without a valid id"), 6);
}

#[tokio::test]
async fn what_was_cut_is_a_warning_with_nothing_rejected() {
    let (_, receivers) = receivers().await;
    let message = request(vec![opentelemetry_proto::tonic::trace::v1::Span { name: "x".repeat(100_000), ..span(1) }]);
    let answer = post(receivers.http, &message.encode_to_vec()).await;
    let partial = Response::decode(answer.body.as_slice()).unwrap().partial_success.unwrap();
    assert_eq!(partial.rejected_spans, 0);
    assert!(partial.error_message.contains("cut"));
}

#[tokio::test]
async fn malformed_is_400_or_invalid_argument_and_nothing_is_stored() {
    let (fake, receivers) = receivers().await;
    let whole = request(vec![span(1), span(2)]).encode_to_vec();
    let cut = &whole[..whole.len() - 1];
    let answer = post(receivers.http, cut).await;
    assert_eq!((answer.status, answer.header("content-type")), (400, Some("application/x-protobuf")));
    let status = Status::decode(answer.body.as_slice()).unwrap();
    assert_eq!((status.code, status.details.is_empty()), (Code::InvalidArgument as i32, true));
    let answer = send(receivers.http, "POST /v1/traces", &[JSON], b"{\"resourceSpans\":5}").await;
    assert_eq!((answer.status, &answer.json()["code"]), (400, &serde_json::json!(3)));
    assert_eq!(send(receivers.http, "POST /v1/traces", &[PROTOBUF, GZIP], &whole).await.status, 400);
    let status = call(receivers.grpc, EXPORT, false, cut.to_vec()).await.unwrap_err();
    assert_eq!((status.code(), has_retry_info(&status)), (Code::InvalidArgument, false));
    assert_eq!(fake.batches(), 0);
    assert_eq!(receivers.rejected("malformed"), 4);
}

#[tokio::test]
async fn larger_than_the_limit_after_decompression_is_413_or_resource_exhausted_without_retry_info() {
    let (fake, receivers) = limited(Limits { message: 1 << 20, ..Limits::default() }).await;
    let large = vec![0; (1 << 20) + 1];
    let packed = [(vec![PROTOBUF, GZIP], gzip(&large)), (vec![PROTOBUF, ZSTD], zstd(&large))];
    for (headers, body) in packed.into_iter().chain([(vec![PROTOBUF], large.clone())]) {
        let answer = send(receivers.http, "POST /v1/traces", &headers, &body).await;
        assert_eq!((answer.status, answer.header("retry-after")), (413, None), "{headers:?}");
    }
    for packed in [false, true] {
        let status = call(receivers.grpc, EXPORT, packed, large.clone()).await.unwrap_err();
        assert_eq!((status.code(), has_retry_info(&status)), (Code::ResourceExhausted, false), "{packed}");
    }
    let answer = raw_call(&receivers, &[GRPC, ("grpc-encoding", "zstd")], &packed_frame(&zstd(&large))).await;
    assert_eq!(code(answer).await, "8");
    assert_eq!(fake.batches(), 0);
    assert_eq!(receivers.rejected("too large"), 6);
}

#[tokio::test]
async fn message_of_exactly_the_limit_is_taken() {
    let message = request(vec![opentelemetry_proto::tonic::trace::v1::Span { name: "x".repeat(70_000), ..span(1) }]);
    let bytes = message.encode_to_vec();
    let (fake, receivers) = limited(Limits { message: bytes.len(), ..Limits::default() }).await;
    assert_eq!(post(receivers.http, &bytes).await.status, 200);
    call(receivers.grpc, EXPORT, true, bytes.clone()).await.unwrap();
    call(receivers.grpc, EXPORT, false, bytes).await.unwrap();
    assert_eq!(fake.spans(), 3);
}

#[tokio::test]
async fn default_limit_is_64_mib() {
    assert_eq!(Limits::default().message, 64 << 20);
}

#[tokio::test]
async fn busy_or_failing_store_is_503_with_retry_after_or_unavailable_with_retry_info() {
    let (fake, receivers) = receivers().await;
    for mood in [Mood::Busy, Mood::Broken] {
        *fake.mood.lock().unwrap() = mood;
        let message = request(vec![span(1)]).encode_to_vec();
        let answer = post(receivers.http, &message).await;
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
        let status = Status::decode(answer.body.as_slice()).unwrap();
        assert_eq!(status.details.len(), 1);
        let status = call(receivers.grpc, EXPORT, false, message).await.unwrap_err();
        assert_eq!((status.code(), has_retry_info(&status)), (Code::Unavailable, true));
        // What the store says of its files is not for senders.
        assert!(!status.message().contains("disk full") && !status.message().contains("broken"));
    }
    assert_eq!(receivers.ingest.status().requests, 0);
}

#[tokio::test]
async fn a_disk_that_is_nearly_full_is_retryable_later_and_counted() {
    let (fake, receivers) = receivers().await;
    let message = request(vec![span(1)]).encode_to_vec();
    *fake.mood.lock().unwrap() = Mood::Short(Short::Disk);
    for body in [&message, &vec![0; 1 << 20]] {
        let answer = post(receivers.http, body).await;
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("10")));
    }
    let status = call(receivers.grpc, EXPORT, false, message.clone()).await.unwrap_err();
    assert_eq!((status.code(), has_retry_info(&status)), (Code::Unavailable, true));
    assert_eq!(receivers.rejected("disk nearly full"), 3);
    assert_eq!(fake.begun.load(Ordering::SeqCst), 0, "nothing came to the store");
    *fake.mood.lock().unwrap() = Mood::Well;
    assert_eq!(post(receivers.http, &message).await.status, 200);
}

#[tokio::test]
async fn while_memory_is_short_requests_are_taken_nearly_one_by_one() {
    let (fake, receivers) = limited(Limits { in_flight_bytes: 256 << 10, ..Limits::default() }).await;
    *fake.mood.lock().unwrap() = Mood::Short(Short::Memory);
    let large = request(vec![opentelemetry_proto::tonic::trace::v1::Span { name: "x".repeat(60_000), ..span(1) }]);
    let small = request(vec![span(2)]).encode_to_vec();
    let held = fake.gate.write().await;
    let address = receivers.http;
    let first = tokio::spawn(async move { post(address, &large.encode_to_vec()).await });
    while fake.begun.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    let answer = post(receivers.http, &small).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    let status = call(receivers.grpc, EXPORT, false, small.clone()).await.unwrap_err();
    assert_eq!((status.code(), has_retry_info(&status)), (Code::Unavailable, true));
    assert_eq!(receivers.rejected("memory nearly used up"), 2);
    drop(held);
    assert_eq!(first.await.unwrap().status, 200);
    assert_eq!(post(receivers.http, &small).await.status, 200);
}

#[tokio::test]
async fn what_the_store_cannot_hold_is_refused_for_good_and_said() {
    let (fake, receivers) = receivers().await;
    *fake.mood.lock().unwrap() = Mood::TooMuch;
    let message = request(vec![span(1)]).encode_to_vec();
    let answer = post(receivers.http, &message).await;
    assert_eq!((answer.status, answer.header("retry-after")), (413, None));
    let status = call(receivers.grpc, EXPORT, false, message).await.unwrap_err();
    assert_eq!((status.code(), has_retry_info(&status)), (Code::ResourceExhausted, false));
    assert!(status.message().contains("9 samples"), "{}", status.message());
}

#[tokio::test]
async fn identical_retry_is_acknowledged_and_counted() {
    let (fake, receivers) = receivers().await;
    *fake.mood.lock().unwrap() = Mood::Seen;
    assert_eq!(post(receivers.http, &request(vec![span(1)]).encode_to_vec()).await.status, 200);
    let status = receivers.ingest.status();
    assert_eq!((status.requests, status.duplicates, status.spans), (1, 1, 0));
}

#[tokio::test]
async fn too_many_requests_at_once_are_told_to_try_again() {
    let (fake, receivers) = limited(Limits { in_flight_requests: 1, ..Limits::default() }).await;
    let held = fake.gate.write().await;
    let message = request(vec![span(1)]).encode_to_vec();
    let mut posts = tokio::task::JoinSet::new();
    for _ in 0..2 {
        let (address, message) = (receivers.http, message.clone());
        posts.spawn(async move { post(address, &message).await });
    }
    // One waits for its commit; the other is answered at once.
    let answer = posts.join_next().await.unwrap().unwrap();
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    let status = call(receivers.grpc, EXPORT, false, message).await.unwrap_err();
    assert_eq!((status.code(), has_retry_info(&status)), (Code::Unavailable, true));
    drop(held);
    assert_eq!(posts.join_next().await.unwrap().unwrap().status, 200);
}

#[tokio::test]
async fn a_commit_that_takes_too_long_is_retryable() {
    let (fake, receivers) = limited(Limits { commit: Duration::from_millis(50), ..Limits::default() }).await;
    let _held = fake.gate.write().await;
    let answer = post(receivers.http, &request(vec![span(1)]).encode_to_vec()).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
}

#[tokio::test]
async fn bytes_in_flight_are_bounded() {
    let limits = Limits { in_flight_bytes: 64 << 10, ..Limits::default() };
    let (_, receivers) = limited(limits).await;
    let answer = post(receivers.http, &vec![0; 128 << 10]).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    // What was charged is given back.
    assert_eq!(post(receivers.http, &request(vec![span(1)]).encode_to_vec()).await.status, 200);
    let status = call(receivers.grpc, EXPORT, false, vec![0; 128 << 10]).await.unwrap_err();
    assert_eq!((status.code(), has_retry_info(&status)), (Code::Unavailable, true));
}

#[tokio::test]
async fn other_content_types_are_415_and_other_methods_405() {
    let (_, receivers) = receivers().await;
    for headers in [&[][..], &[("content-type", "text/plain")], &[("content-type", "application/grpc")]] {
        assert_eq!(send(receivers.http, "POST /v1/traces", headers, b"").await.status, 415, "{headers:?}");
    }
    for method in ["GET", "PUT", "DELETE", "OPTIONS"] {
        let answer = send(receivers.http, &format!("{method} /v1/traces"), &[PROTOBUF], b"").await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")), "{method}");
    }
}

#[tokio::test]
async fn other_compressions_are_415_or_unimplemented() {
    let (_, receivers) = receivers().await;
    let answer = send(receivers.http, "POST /v1/traces", &[PROTOBUF, ("content-encoding", "br")], b"").await;
    assert_eq!((answer.status, answer.header("accept-encoding")), (415, Some("gzip,zstd")));
    let answer = raw_call(&receivers, &[GRPC, ("grpc-encoding", "br")], &packed_frame(b"")).await;
    assert_eq!(code(answer).await, "12");
}

#[tokio::test]
async fn other_paths_are_404_or_unimplemented() {
    let (_, receivers) = receivers().await;
    assert_eq!(send(receivers.http, "POST /v1/nothing", &[PROTOBUF], b"").await.status, 404);
    let status = call(receivers.grpc, "/some.Other/Method", false, Vec::new()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
}

#[tokio::test]
async fn browser_origins_are_refused_unless_listed_and_never_get_cors_headers() {
    let (fake, receivers) = limited(Limits { origins: vec!["https://shop.example".into()], ..Limits::default() }).await;
    let message = request(vec![span(1)]).encode_to_vec();
    for (origin, status) in [("https://evil.example", 403), ("null", 403), ("https://shop.example", 200)] {
        let headers = [PROTOBUF, ("origin", origin)];
        let answer = send(receivers.http, "POST /v1/traces", &headers, &message).await;
        assert_eq!(answer.status, status, "{origin}");
        assert!(!answer.head.to_ascii_lowercase().contains("access-control"));
    }
    assert_eq!(fake.batches(), 1);
}

#[tokio::test]
async fn counters_say_what_came_and_who_was_turned_away() {
    let (_, receivers) = receivers().await;
    let message = request(vec![span(1), span(2)]).encode_to_vec();
    post(receivers.http, &message).await;
    post(receivers.http, b"\x08").await;
    let status = receivers.ingest.status();
    assert_eq!((status.requests, status.spans, status.bytes), (1, 2, message.len() as u64));
    assert_eq!(status.rejected[0].peer, "127.0.0.1");
}

#[tokio::test]
async fn peer_becomes_part_of_an_owner_that_nothing_else_tells() {
    let (fake, receivers) = receivers().await;
    post(receivers.http, &request(vec![span(1)]).encode_to_vec()).await;
    call(receivers.grpc, EXPORT, false, request(vec![span(2)]).encode_to_vec()).await.unwrap();
    let owners = fake.owners.lock().unwrap().clone();
    assert_eq!(owners.len(), 2);
    for owner in owners {
        assert_eq!(owner.peer, Some("127.0.0.1".parse().unwrap()));
        assert_eq!(owner.get("service.name"), Some("checkout"));
    }
}
