//! Senders that mean harm, or are merely broken: bombs, slow bodies, lies about lengths, the wrong port.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod common;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use common::{
    EXPORT, Fake, GRPC, Receivers, call, code, gzip, packed_frame, post, raw_call, read, request, send, span, zstd,
};
use http_body_util::BodyExt;
use hyper_util::rt::{TokioExecutor, TokioIo};
use ingest::Limits;
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::Code;

const HEAD: &str =
    "POST /v1/traces HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/x-protobuf\r\n";

async fn limited(limits: Limits) -> (Arc<Fake>, Receivers) {
    let fake = Fake::new();
    let receivers = Receivers::over(&fake, limits).await;
    (fake, receivers)
}

fn impatient() -> Limits {
    let short = Duration::from_millis(100);
    Limits { head: short, pause: short, body: Duration::from_millis(400), drain: short, ..Limits::default() }
}

#[tokio::test]
async fn packed_bombs_are_refused_while_others_are_served() {
    // 1 GiB out of about 1 MiB, and out of far less.
    let zeros = vec![0; 16 << 20];
    for (encoding, member) in [("gzip", gzip(&zeros)), ("zstd", zstd(&zeros))] {
        let (fake, receivers) = limited(Limits::default()).await;
        let bomb = member.repeat(64);
        let headers = [("content-type", "application/x-protobuf"), ("content-encoding", encoding)];
        let mut bombs = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let (address, bomb) = (receivers.http, bomb.clone());
            bombs.spawn(async move { send(address, "POST /v1/traces", &headers, &bomb).await.status });
        }
        assert_eq!(post(receivers.http, &request(vec![span(1)]).encode_to_vec()).await.status, 200);
        let answer = raw_call(&receivers, &[GRPC, ("grpc-encoding", encoding)], &packed_frame(&bomb)).await;
        // 14 where the budget is taken by the others.
        let code = code(answer).await;
        assert!(matches!(code.as_str(), "8" | "14"), "{encoding} {code}");
        for status in bombs.join_all().await {
            assert!(matches!(status, 413 | 503), "{encoding} {status}");
        }
        assert_eq!(fake.batches(), 1);
    }
}

#[tokio::test]
async fn slow_body_is_given_up() {
    let (_, receivers) = limited(impatient()).await;
    let mut stream = TcpStream::connect(receivers.http).await.unwrap();
    stream.write_all(format!("{HEAD}content-length: 100\r\n\r\nabc").as_bytes()).await.unwrap();
    let answer = read(stream).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    assert_eq!(receivers.rejected("too slow"), 1);
}

#[tokio::test]
async fn body_that_trickles_is_given_up_in_the_end() {
    let (_, receivers) = limited(impatient()).await;
    let stream = TcpStream::connect(receivers.http).await.unwrap();
    let (reader, mut writer) = tokio::io::split(stream);
    writer.write_all(format!("{HEAD}content-length: 100000\r\n\r\n").as_bytes()).await.unwrap();
    let trickle = tokio::spawn(async move {
        while writer.write_all(b"\0").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let mut reader = reader;
    let mut bytes = vec![0; 12];
    reader.read_exact(&mut bytes).await.unwrap();
    assert_eq!(bytes, b"HTTP/1.1 503");
    trickle.abort();
}

#[tokio::test]
async fn slow_head_is_given_up() {
    let (_, receivers) = limited(impatient()).await;
    for address in [receivers.http, receivers.grpc] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"P").await.unwrap();
        let mut rest = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut rest)).await;
        assert!(read.is_ok(), "the connection is still open");
    }
}

#[tokio::test]
async fn claimed_length_beyond_the_limit_is_refused_at_once() {
    let (_, receivers) = limited(Limits::default()).await;
    let mut stream = TcpStream::connect(receivers.http).await.unwrap();
    stream.write_all(format!("{HEAD}content-length: 10737418240\r\n\r\n").as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    assert_eq!(read(stream).await.status, 413);
}

#[tokio::test]
async fn body_in_chunks_ends_at_the_limit() {
    let (_, receivers) = limited(Limits { message: 100 << 10, ..Limits::default() }).await;
    let mut stream = TcpStream::connect(receivers.http).await.unwrap();
    stream.write_all(format!("{HEAD}transfer-encoding: chunked\r\n\r\n").as_bytes()).await.unwrap();
    let chunk = [&b"10000\r\n"[..], &[0; 0x10000], b"\r\n"].concat();
    for _ in 0..8 {
        if stream.write_all(&chunk).await.is_err() {
            break;
        }
    }
    assert_eq!(read(stream).await.status, 413);
}

#[tokio::test]
async fn sender_that_goes_away_stores_nothing() {
    let (fake, receivers) = limited(Limits::default()).await;
    let message = request(vec![span(1)]).encode_to_vec();
    let mut stream = TcpStream::connect(receivers.http).await.unwrap();
    stream.write_all(format!("{HEAD}content-length: {}\r\n\r\n", message.len() + 1).as_bytes()).await.unwrap();
    stream.write_all(&message).await.unwrap();
    drop(stream);
    while receivers.rejected("ended inside") == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(fake.batches(), 0);
}

#[tokio::test]
async fn connections_over_the_limit_wait_for_a_place() {
    let (_, receivers) = limited(Limits { connections: 2, ..Limits::default() }).await;
    let first = TcpStream::connect(receivers.http).await.unwrap();
    let _second = TcpStream::connect(receivers.http).await.unwrap();
    let message = request(vec![span(1)]).encode_to_vec();
    let third = tokio::spawn({
        let address = receivers.http;
        async move { post(address, &message).await.status }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!third.is_finished());
    drop(first);
    assert_eq!(third.await.unwrap(), 200);
}

#[tokio::test]
async fn idle_connections_stall_nobody() {
    let (_, receivers) = limited(Limits::default()).await;
    let mut idle = Vec::new();
    for i in 0..400 {
        idle.push(TcpStream::connect(if i % 2 == 0 { receivers.http } else { receivers.grpc }).await.unwrap());
    }
    assert_eq!(post(receivers.http, &request(vec![span(1)]).encode_to_vec()).await.status, 200);
    call(receivers.grpc, EXPORT, false, request(vec![span(1)]).encode_to_vec()).await.unwrap();
}

#[tokio::test]
async fn frames_that_lie_are_refused() {
    let (fake, receivers) = limited(Limits::default()).await;
    let message = request(vec![span(1)]).encode_to_vec();
    let length = u32::try_from(message.len()).unwrap();
    for (flag, length, headers, want) in [
        (0, length + 1, &[GRPC][..], "3"),
        (0, length - 1, &[GRPC], "3"),
        (0, u32::MAX, &[GRPC], "3"),
        (1, length, &[GRPC], "3"),
        (1, length, &[GRPC, ("grpc-encoding", "gzip")], "3"),
        (9, length, &[GRPC], "3"),
        (1, length, &[GRPC, ("grpc-encoding", "zstd")], "3"),
        (0, length, &[GRPC, ("grpc-encoding", "deflate")], "12"),
    ] {
        let body = [&[flag][..], &length.to_be_bytes(), &message].concat();
        let answer = raw_call(&receivers, headers, &body).await;
        assert_eq!(answer.headers()["grpc-accept-encoding"], "identity,gzip,zstd");
        assert_eq!(answer.status(), 200);
        assert_eq!(code(answer).await, want, "{flag} {length}");
    }
    assert_eq!(code(raw_call(&receivers, &[GRPC], b"").await).await, "3");
    assert_eq!(raw_call(&receivers, &[("content-type", "application/grpc-web")], b"").await.status(), 415);
    assert_eq!(fake.batches(), 0);
}

#[tokio::test]
async fn success_over_grpc_is_one_frame_and_trailers() {
    let (_, receivers) = limited(Limits::default()).await;
    let answer = raw_call(&receivers, &[GRPC], &[0; 5]).await;
    assert_eq!(answer.headers()["content-type"], "application/grpc");
    let body = answer.into_body().collect().await.unwrap();
    assert_eq!(body.trailers().unwrap()["grpc-status"], "0");
    assert_eq!(body.to_bytes(), [0; 5].as_slice());
}

#[tokio::test]
async fn http_on_the_port_of_grpc_is_told_so() {
    let (_, receivers) = limited(Limits::default()).await;
    let answer = post(receivers.grpc, b"").await;
    assert_eq!(answer.status, 400);
    assert!(String::from_utf8(answer.body).unwrap().contains("4318"));
    assert_eq!(receivers.rejected("not HTTP/2"), 1);
}

#[tokio::test]
async fn grpc_on_the_port_of_http_is_counted() {
    let (_, receivers) = limited(Limits::default()).await;
    let mut stream = TcpStream::connect(receivers.http).await.unwrap();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    let mut rest = Vec::new();
    _ = stream.read_to_end(&mut rest).await;
    while receivers.rejected("not HTTP/1.1") == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_million_attributes_are_taken_up_to_the_limit() {
    let (fake, receivers) = limited(Limits::default()).await;
    // Each is a key "a" without a value, 5 bytes.
    let mut bytes = span(1).encode_to_vec();
    bytes.extend_from_slice(&[0x4a, 3, 0x0a, 1, b'a'].repeat(1_000_000));
    let message = (0..3).fold(bytes, |inner, level| {
        let tag = if level == 2 { 0x0a } else { 0x12 };
        let mut outer = vec![tag];
        prost::encode_length_delimiter(inner.len(), &mut outer).unwrap();
        outer.extend_from_slice(&inner);
        outer
    });
    assert_eq!(post(receivers.http, &message).await.status, 200);
    assert_eq!(fake.spans(), 1);
}

#[tokio::test]
async fn shutdown_finishes_what_is_under_way_and_closes_the_idle() {
    let (fake, mut receivers) = limited(Limits::default()).await;
    let _idle = TcpStream::connect(receivers.http).await.unwrap();
    let held = fake.gate.write().await;
    let message = request(vec![span(1)]).encode_to_vec();
    let mut calls = tokio::task::JoinSet::new();
    let (http, grpc) = (receivers.http, receivers.grpc);
    calls.spawn({
        let message = message.clone();
        async move { post(http, &message).await.status == 200 }
    });
    calls.spawn(async move { call(grpc, EXPORT, false, message).await.is_ok() });
    while fake.begun.load(Ordering::Acquire) < 2 {
        tokio::task::yield_now().await;
    }
    receivers.shutdown.cancel();
    drop(held);
    assert_eq!(calls.join_all().await, [true, true]);
    while receivers.ended.join_next().await.is_some() {}
    assert!(TcpStream::connect(http).await.is_err());
}

#[tokio::test]
async fn shutdown_does_not_wait_for_those_who_never_end() {
    let (_, mut receivers) = limited(Limits { drain: Duration::from_millis(200), ..Limits::default() }).await;
    let mut stuck = TcpStream::connect(receivers.http).await.unwrap();
    stuck.write_all(format!("{HEAD}content-length: 100\r\n\r\n").as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let begun = Instant::now();
    receivers.shutdown.cancel();
    while receivers.ended.join_next().await.is_some() {}
    assert!(begun.elapsed() < Limits::default().pause);
}

#[tokio::test]
async fn slow_call_is_a_deadline_exceeded() {
    let (_, receivers) = limited(impatient()).await;
    let stream = TcpStream::connect(receivers.grpc).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let never = http_body_util::StreamBody::new(futures_pending());
    let call = http::Request::post(format!("http://{}{EXPORT}", receivers.grpc)).header(GRPC.0, GRPC.1);
    let answer = sender.send_request(call.body(never).unwrap()).await.unwrap();
    assert_eq!(code(answer).await, (Code::DeadlineExceeded as i32).to_string());
}

/// A body that never comes.
fn futures_pending() -> impl tokio_stream::Stream<Item = Result<hyper::body::Frame<Bytes>, std::io::Error>> + Unpin {
    tokio_stream::pending()
}
