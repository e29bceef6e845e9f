//! Little that wants to become much, in each signal and over both wires: values nested beyond reason, attributes
//! without end, compressed nothing, and very many senders that never finish. Others are served meanwhile.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod common;

use std::time::Duration;

use common::{EXPORT, Fake, Receivers, call, gzip, post, request, send, span};
use ingest::Limits;
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::Code;

/// A field of a message, by its tag and what is in it.
fn field(tag: u8, inner: &[u8]) -> Vec<u8> {
    let mut outer = vec![tag];
    prost::encode_length_delimiter(inner.len(), &mut outer).unwrap();
    outer.extend_from_slice(inner);
    outer
}

/// Fields around a record, from the inside out.
fn within(inner: &[u8], tags: &[u8]) -> Vec<u8> {
    tags.iter().fold(inner.to_vec(), |inner, tag| field(*tag, &inner))
}

/// A list in a list in a list.
fn abyss(depth: usize) -> Vec<u8> {
    (0..depth).fold(Vec::new(), |value, _| within(&value, &[0x0a, 0x2a]))
}

/// A key "a" with a value.
fn pair(value: &[u8]) -> Vec<u8> {
    [field(0x0a, b"a"), field(0x12, value)].concat()
}

const LOGS: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
const METRICS: &str = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
const PATHS: [(&str, &str); 3] = [("POST /v1/traces", EXPORT), ("POST /v1/logs", LOGS), ("POST /v1/metrics", METRICS)];

/// A gauge "a" of one point around these fields.
fn metric(fields: &[u8]) -> Vec<u8> {
    // time_unix_nano and as_int, then what is asked for.
    let now = 1_700_000_000_000_000_000_u64.to_le_bytes();
    let point = [&[0x19][..], &now, &[0x31], &1_u64.to_le_bytes(), fields].concat();
    [field(0x0a, b"a"), field(0x2a, &field(0x0a, &point))].concat()
}

/// A log record around these fields.
fn record(fields: &[u8]) -> Vec<u8> {
    let now = 1_700_000_000_000_000_000_u64.to_le_bytes();
    [&[0x09][..], &now, fields].concat()
}

/// A request of one record around these fields, of each signal.
fn point(fields: &[u8]) -> Vec<u8> {
    within(&metric(fields), &[0x12, 0x12, 0x0a])
}

fn line(fields: &[u8]) -> Vec<u8> {
    within(&record(fields), &[0x12, 0x12, 0x0a])
}

fn traced(fields: &[u8]) -> Vec<u8> {
    within(&[&span(1).encode_to_vec(), fields].concat(), &[0x12, 0x12, 0x0a])
}

const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");

#[tokio::test]
async fn values_nested_ten_thousand_deep_are_refused_in_every_signal_and_place() {
    let fake = Fake::new();
    let receivers = Receivers::over(&fake, Limits::default()).await;
    let deep = abyss(10_000);
    let attribute = |tag| field(tag, &pair(&deep));
    let bodies = [
        (0, traced(&attribute(0x4a))),
        (0, traced(&field(0x5a, &attribute(0x1a)))),
        (0, field(0x0a, &field(0x0a, &attribute(0x0a)))),
        (1, line(&attribute(0x32))),
        (1, line(&field(0x2a, &deep))),
        (2, point(&attribute(0x3a))),
    ];
    for (n, (signal, body)) in bodies.into_iter().enumerate() {
        let (path, method) = PATHS[signal];
        assert_eq!(send(receivers.http, path, &[PROTOBUF], &body).await.status, 400, "body {n} over HTTP");
        let refused = call(receivers.grpc, method, n % 2 == 0, body).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "body {n} over gRPC");
    }
    let value = format!("{}{}", r#"{"arrayValue":{"values":["#.repeat(10_000), "]}}".repeat(10_000));
    let headers = [("content-type", "application/json")];
    for ((path, _), key) in PATHS.into_iter().zip(["resourceSpans", "resourceLogs", "resourceMetrics"]) {
        let json = format!(r#"{{"{key}":[{{"resource":{{"attributes":[{{"key":"a","value":{value}}}]}}}}]}}"#);
        assert_eq!(send(receivers.http, path, &headers, json.as_bytes()).await.status, 400, "{path} as JSON");
    }
    assert_eq!(post(receivers.http, &request(vec![span(1)]).encode_to_vec()).await.status, 200);
    assert_eq!(fake.batches(), 1);
}

#[tokio::test]
async fn a_million_attributes_are_taken_up_to_the_limit_in_every_signal() {
    let fake = Fake::new();
    let receivers = Receivers::over(&fake, Limits::default()).await;
    // Each is a key "a" without a value.
    let many = |tag: u8| [tag, 3, 0x0a, 1, b'a'].repeat(1_000_000);
    let bodies = [
        (0, traced(&field(0x5a, &many(0x1a)))),
        (0, field(0x0a, &[field(0x0a, &many(0x0a)), within(&span(1).encode_to_vec(), &[0x12, 0x12])].concat())),
        (1, line(&many(0x32))),
        (2, point(&many(0x3a))),
    ];
    for (n, (signal, body)) in bodies.into_iter().enumerate() {
        let (path, method) = PATHS[signal];
        let answer = send(receivers.http, path, &[PROTOBUF], &body).await;
        assert_eq!(answer.status, 200, "body {n}: {}", String::from_utf8_lossy(&answer.body));
        call(receivers.grpc, method, true, body).await.unwrap();
    }
    assert_eq!(fake.batches(), 8);
}

#[tokio::test]
async fn compressed_nothing_is_refused_by_every_signal_over_both_wires() {
    let fake = Fake::new();
    let receivers = Receivers::over(&fake, Limits::default()).await;
    // Lines of spaces: about eight hundred to one, and each is a record until the message is over its limit.
    let record = line(&field(0x2a, &field(0x0a, &[b' '; 60_000])));
    let bomb = gzip(&record.repeat((80 << 20) / record.len()));
    assert!(bomb.len() < 128 << 10, "{} bytes", bomb.len());
    let headers = [PROTOBUF, ("content-encoding", "gzip")];
    for (path, _) in PATHS {
        assert_eq!(send(receivers.http, path, &headers, &bomb).await.status, 413, "{path}");
    }
    let plain = record.repeat((80 << 20) / record.len());
    for (_, method) in PATHS {
        let refused = call(receivers.grpc, method, true, plain.clone()).await.unwrap_err();
        assert_eq!(refused.code(), Code::ResourceExhausted, "{method}");
    }
    assert_eq!(fake.batches(), 0);
    assert_eq!(post(receivers.http, &request(vec![span(1)]).encode_to_vec()).await.status, 200);
}

/// A resource with a number of its own, and what stands beside it.
fn resource(number: u32, beside: &[u8]) -> Vec<u8> {
    let resource = field(0x0a, &pair(&field(0x0a, number.to_string().as_bytes())));
    field(0x0a, &[field(0x0a, &resource), beside.to_vec()].concat())
}

#[tokio::test]
async fn resources_without_records_make_no_owners() {
    let fake = Fake::new();
    let receivers = Receivers::over(&fake, Limits::default()).await;
    // Each has a scope without a record.
    let many: Vec<u8> = (0..60_000).flat_map(|n| resource(n, &[0x12, 0])).collect();
    for ((path, _), one) in PATHS.into_iter().zip([traced(&[]), line(&[]), point(&[])]) {
        assert_eq!(send(receivers.http, path, &[PROTOBUF], &[&many[..], &one].concat()).await.status, 200);
        assert_eq!(std::mem::take(&mut *fake.owners.lock().unwrap()).len(), 1, "{path}");
    }
    // Series of Pyroscope: a label, and a sample without a profile.
    let label = |n: u32| field(0x0a, &[field(0x0a, b"service_name"), field(0x12, n.to_string().as_bytes())].concat());
    let series: Vec<u8> = (0..60_000).flat_map(|n| field(0x0a, &[label(n), field(0x12, &[])].concat())).collect();
    let pprof = include_bytes!("data/go-cpu.pprof");
    let last = field(0x0a, &[label(70_000), field(0x12, &field(0x0a, pprof))].concat());
    let headers = [("content-type", "application/proto")];
    let push = "POST /push.v1.PusherService/Push";
    assert_eq!(send(receivers.http, push, &headers, &[series, last].concat()).await.status, 200);
    assert_eq!(fake.owners.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn resources_over_the_limit_cost_their_records_and_are_counted() {
    let fake = Fake::new();
    let receivers = Receivers::over(&fake, Limits { owners: 3, ..Limits::default() }).await;
    for (signal, record) in [span(1).encode_to_vec(), record(&[]), metric(&[])].into_iter().enumerate() {
        let scope = within(&record, &[0x12, 0x12]);
        // The first comes again at the end and is still known.
        let body: Vec<u8> = [0, 1, 2, 3, 4, 0].into_iter().flat_map(|n| resource(n, &scope)).collect();
        fake.owners.lock().unwrap().clear();
        let before = fake.spans();
        let answer = send(receivers.http, PATHS[signal].0, &[PROTOBUF], &body).await;
        let said = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status, 200, "{said}");
        assert!(said.contains("2 ") && said.contains("resources over the limit of 3 a request"), "{said}");
        assert_eq!((fake.spans() - before, fake.owners.lock().unwrap().len()), (4, 3), "signal {signal}");
    }
    assert_eq!(receivers.rejected("of a resource over the limit"), 6);
    let series = |n: u32| {
        let label = |key: &str, value: &str| {
            field(0x0a, &[field(0x0a, key.as_bytes()), field(0x12, value.as_bytes())].concat())
        };
        let sample = [&[0x09][..], &1_f64.to_le_bytes(), &[0x10, 1]].concat();
        field(0x0a, &[label("__name__", "up"), label("job", &n.to_string()), field(0x12, &sample)].concat())
    };
    let written: Vec<u8> = (0..5).flat_map(series).collect();
    let packed = snap::raw::Encoder::new().compress_vec(&written).unwrap();
    let headers = [PROTOBUF, ("content-encoding", "snappy")];
    let answer = send(receivers.http, "POST /api/v1/write", &headers, &packed).await;
    assert_eq!(answer.status, 204, "{}", String::from_utf8_lossy(&answer.body));
    assert_eq!(receivers.rejected("of a resource over the limit"), 8);
}

/// A pprof of so many types and samples, each sample with a value of one byte for every type.
fn pprof(types: usize, samples: usize) -> Vec<u8> {
    let texts = [field(0x32, b""), field(0x32, b"kind")].concat();
    let kinds = field(0x0a, &[0x08, 1]).repeat(types);
    [texts, kinds, field(0x12, &field(0x12, &vec![1; types])).repeat(samples)].concat()
}

const PPROF: &str = "POST /v1/profiles?service.name=shop";
const PACKED: [(&str, &str); 1] = [("content-encoding", "gzip")];

#[tokio::test]
async fn samples_of_many_values_are_refused_before_they_fill_the_memory() {
    let fake = Fake::new();
    let receivers = Receivers::over(&fake, Limits::default()).await;
    let answer = send(receivers.http, PPROF, &PACKED, &gzip(&pprof(64, 500_000))).await;
    let said = String::from_utf8_lossy(&answer.body).into_owned();
    assert_eq!(answer.status, 400, "{said}");
    assert!(said.contains("more values"), "{said}");
    assert_eq!(send(receivers.http, PPROF, &PACKED, &gzip(&pprof(8, 50_000))).await.status, 200);
    assert_eq!(fake.batches(), 1);
    // The same takes more than a small receiver has for all messages.
    let small = Limits { in_flight_bytes: 4 << 20, message: 2 << 20, ..Limits::default() };
    let receivers = Receivers::over(&fake, small).await;
    let answer = send(receivers.http, PPROF, &PACKED, &gzip(&pprof(8, 50_000))).await;
    assert_eq!(answer.status, 413, "{}", String::from_utf8_lossy(&answer.body));
    assert_eq!(send(receivers.http, PPROF, &PACKED, &gzip(&pprof(8, 5_000))).await.status, 200);
}

/// A request of so many spans, each of so many events of nothing.
fn eventful(spans: usize, events: usize) -> Vec<u8> {
    let span = [span(1).encode_to_vec(), [0x5a, 0].repeat(events)].concat();
    field(0x0a, &field(0x12, &field(0x12, &span).repeat(spans)))
}

#[tokio::test]
async fn spans_of_many_events_are_cut_and_refused_before_they_fill_the_memory() {
    let fake = Fake::new();
    let receivers = Receivers::over(&fake, Limits { nested: 5_000, ..Limits::default() }).await;
    let answer = post(receivers.http, &eventful(10, 1_024)).await;
    let said = String::from_utf8_lossy(&answer.body).into_owned();
    assert_eq!((answer.status, fake.spans()), (200, 10), "{said}");
    assert!(said.contains(&format!("{} attributes, events or links", 10 * 1_024 - 5_000)), "{said}");
    // Four hundred thousand events in less than a megabyte.
    let small = Limits { in_flight_bytes: 4 << 20, message: 2 << 20, ..Limits::default() };
    let receivers = Receivers::over(&fake, small).await;
    let answer = post(receivers.http, &eventful(400, 1_024)).await;
    assert_eq!(answer.status, 413, "{}", String::from_utf8_lossy(&answer.body));
    assert_eq!(post(receivers.http, &eventful(20, 1_024)).await.status, 200);
}

#[tokio::test]
async fn hundreds_who_never_finish_hold_up_nobody_and_are_let_go() {
    let fake = Fake::new();
    let short = Duration::from_millis(300);
    let limits = Limits { head: short, pause: short, body: 2 * short, drain: short, ..Limits::default() };
    let receivers = Receivers::over(&fake, limits).await;
    let mut slow = tokio::task::JoinSet::new();
    for n in 0..300_usize {
        let address = if n % 3 == 2 { receivers.grpc } else { receivers.http };
        let words: &[u8] = match n % 3 {
            0 => b"POST /v1/traces HTTP/1.1\r\nx-slow: ",
            1 => b"POST /v1/logs HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\ncontent-length: 9999\r\n\r\n",
            _ => b"PRI * HTTP/2.0\r\n",
        };
        slow.spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(words).await.unwrap();
            let (mut reader, mut writer) = stream.into_split();
            let trickle = tokio::spawn(async move {
                while writer.write_all(b"a").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            });
            let mut rest = Vec::new();
            // Closed in order or reset, either is an end.
            _ = reader.read_to_end(&mut rest).await;
            trickle.abort();
        });
    }
    let body = request(vec![span(1)]).encode_to_vec();
    for _ in 0..20 {
        assert_eq!(post(receivers.http, &body).await.status, 200);
        call(receivers.grpc, EXPORT, false, body.clone()).await.unwrap();
    }
    tokio::time::timeout(Duration::from_secs(60), slow.join_all()).await.expect("all are let go");
}
