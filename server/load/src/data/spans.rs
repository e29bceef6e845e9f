//! Spans: a trace goes through four services, each of which serves a request and calls the next or its database.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1::span::{Event, SpanKind};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;

use super::fleet::{PODS, scope};
use super::{Place, number, word};
use crate::random::Random;

/// Services that a trace goes through, each with two spans.
const DEPTH: usize = 4;
/// Spans of a trace.
pub(super) const TRACE: usize = 2 * DEPTH;
/// One in so many spans has an exception.
const FAILS: usize = 10;
/// Different things of a kind that paths name.
const THINGS: usize = 1_000;

const THINGS_OF: [&str; 5] = ["orders", "carts", "products", "customers", "invoices"];
const AGENTS: [&str; 4] = ["okhttp/4.12.0", "Go-http-client/2.0", "axios/1.7.7", "Mozilla/5.0 (X11; Linux x86_64)"];
const EXCEPTIONS: [(&str, &str, &str); 3] = [
    ("java.net.SocketTimeoutException", "Read timed out", "okio.SocketAsyncTimeout.newTimeoutException"),
    ("java.sql.SQLTransientConnectionException", "Connection is not available", "com.zaxxer.hikari.pool.HikariPool"),
    ("java.lang.IllegalStateException", "the cart was already checked out", "shop.cart.Cart.checkOut"),
];

/// A request of traces, and one of their ids.
pub(super) fn request(mut place: Place<'_>) -> (Vec<u8>, Option<Vec<u8>>) {
    let mut of_pods: Vec<Vec<Span>> = vec![Vec::new(); place.fleet.pods()];
    let mut sample = None;
    for first in (0..place.records).step_by(TRACE) {
        let (at, spans) = (place.at(first), TRACE.min(place.records - first));
        let id = place.random.id::<16>();
        trace(&mut place, &id, at, spans, &mut of_pods);
        sample.get_or_insert(id);
    }
    let sent = of_pods.into_iter().enumerate().filter(|(_, spans)| !spans.is_empty());
    let resource_spans = sent.map(|(pod, spans)| ResourceSpans {
        resource: Some(place.fleet.resource(pod)),
        scope_spans: vec![ScopeSpans {
            scope: scope("io.opentelemetry.tomcat-10.0"),
            spans,
            schema_url: String::new(),
        }],
        schema_url: String::new(),
    });
    (ExportTraceServiceRequest { resource_spans: resource_spans.collect() }.encode_to_vec(), sample)
}

/// Adds the spans of a trace to those of the pods.
fn trace(place: &mut Place<'_>, id: &[u8], at: u64, spans: usize, of_pods: &mut [Vec<Span>]) {
    let (services, random) = (place.fleet.len(), &mut place.random);
    let entry = random.below(services);
    let mut parent = Vec::new();
    let (mut start, mut left) = (at, 20_000_000 + random.below(200_000_000) as u64);
    for depth in 0..spans {
        let service = (entry + depth / 2) % services;
        let pod = service * PODS + (id[0] as usize + depth / 2) % PODS;
        let is_call = depth % 2 == 1;
        let peer = place.fleet.name((service + 1) % services);
        let mut span = if is_call { call(random, peer) } else { served(random, place.fleet.name(service)) };
        if random.below(FAILS) == 0 {
            fail(random, &mut span, start + left);
        }
        span.trace_id = id.to_vec();
        span.span_id = random.id::<8>();
        span.parent_span_id = std::mem::replace(&mut parent, span.span_id.clone());
        span.start_time_unix_nano = start;
        span.end_time_unix_nano = start + left;
        of_pods[pod].push(span);
        start += 50_000 + random.below(1_000_000) as u64;
        left = left * 9 / 10;
    }
}

/// A request that was served.
fn served(random: &mut Random, service: &str) -> Span {
    let (things, method) = (random.one_of(&THINGS_OF), random.one_of(&["GET", "GET", "GET", "POST"]));
    let attributes = vec![
        word("http.request.method", method),
        word("http.route", format!("/api/v1/{things}/{{id}}")),
        word("url.path", format!("/api/v1/{things}/{}", random.below(THINGS))),
        word("url.scheme", "http"),
        number("http.response.status_code", status(random)),
        number("http.request.body.size", random.below(4_096) as i64),
        word("server.address", format!("{service}.load")),
        number("server.port", 8_080),
        word("network.protocol.version", "1.1"),
        word("user_agent.original", random.one_of(&AGENTS)),
        word("client.address", format!("10.42.0.{}", random.below(250))),
        number("thread.id", 20 + random.below(50) as i64),
    ];
    span(SpanKind::Server, format!("{method} /api/v1/{things}/{{id}}"), attributes)
}

/// A call of another service.
fn call(random: &mut Random, service: &str) -> Span {
    let (things, method) = (random.one_of(&THINGS_OF), random.one_of(&["GET", "GET", "GET", "POST"]));
    let attributes = vec![
        word("http.request.method", method),
        word("url.full", format!("http://{service}.load:8080/api/v1/{things}/{}", random.below(THINGS))),
        number("http.response.status_code", status(random)),
        word("server.address", format!("{service}.load")),
        number("server.port", 8_080),
        word("network.protocol.name", "http"),
        word("network.protocol.version", "1.1"),
        word("network.peer.address", format!("10.43.0.{}", random.below(250))),
        number("network.peer.port", 8_080),
        number("http.response.body.size", random.below(16_384) as i64),
        word("thread.name", "http-nio-8080-exec"),
        number("thread.id", 20 + random.below(50) as i64),
    ];
    span(SpanKind::Client, method.to_owned(), attributes)
}

fn status(random: &mut Random) -> i64 {
    match random.below(100) {
        0..=93 => 200,
        94..=96 => 404,
        97 => 409,
        _ => 503,
    }
}

fn span(kind: SpanKind, name: String, attributes: Vec<KeyValue>) -> Span {
    Span { kind: kind as i32, name, attributes, flags: 1, ..Span::default() }
}

fn fail(random: &mut Random, span: &mut Span, at: u64) {
    let (kind, message, place) = EXCEPTIONS[random.below(EXCEPTIONS.len())];
    let trace = format!(
        "{kind}: {message}\n\tat {place}({}.java:{})\n\tat java.base/java.lang.Thread.run(Thread.java:1583)",
        place.rsplit('.').next().unwrap_or_default(),
        100 + random.below(20)
    );
    span.events = vec![Event {
        time_unix_nano: at,
        name: "exception".to_owned(),
        attributes: vec![
            word("exception.type", kind),
            word("exception.message", message),
            word("exception.stacktrace", trace),
        ],
        dropped_attributes_count: 0,
    }];
    span.status = Some(Status { message: message.to_owned(), code: 2 });
}
