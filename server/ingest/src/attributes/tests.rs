//! Each rule of naming, with the conventions of today and those before.

use model::{SpanKind, SpanStatus, Timestamp, Value};
use store::EventRow;

use super::{Known, is_private, is_sampler};

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

/// Attributes from pairs; a number is a number.
fn attributes<'a>(pairs: &[(&'a str, &str)]) -> Vec<(&'a str, Value)> {
    let value = |value: &str| value.parse().map_or_else(|_| text(value), Value::Int);
    pairs.iter().map(|(key, v)| (*key, value(v))).collect()
}

fn endpoint(name: &str, pairs: &[(&str, &str)]) -> String {
    Known::of(&attributes(pairs)).endpoint(name, &mut String::from("left over")).to_owned()
}

fn error(message: &str, pairs: &[(&str, &str)], events: &[EventRow<'_>]) -> String {
    Known::of(&attributes(pairs)).error(message, events, &mut String::from("left over")).to_owned()
}

#[test]
fn http_request_is_method_and_route() {
    for pairs in [
        &[("http.request.method", "GET"), ("http.route", "/items/{id}")],
        &[("http.method", "GET"), ("http.route", "/items/{id}")],
    ] {
        assert_eq!(endpoint("GET /items/42", pairs), "GET /items/{id}");
    }
    assert_eq!(endpoint("x", &[("http.route", "/a")]), "/a");
    assert_eq!(endpoint("x", &[("http.request.method", "_OTHER"), ("http.route", "/a")]), "HTTP /a");
    let both = [("http.request.method", "GET"), ("http.method", "POST"), ("http.route", "/a")];
    assert_eq!(endpoint("x", &both), "GET /a");
}

#[test]
fn route_counts_before_the_remote_procedure() {
    let pairs = [("http.request.method", "POST"), ("http.route", "/rpc"), ("rpc.service", "S"), ("rpc.method", "M")];
    assert_eq!(endpoint("x", &pairs), "POST /rpc");
}

#[test]
fn remote_procedure_is_service_and_method() {
    assert_eq!(endpoint("x", &[("rpc.service", "shop.Cart"), ("rpc.method", "Add")]), "shop.Cart/Add");
    assert_eq!(endpoint("x", &[("rpc.method", "shop.Cart/Add")]), "shop.Cart/Add");
    assert_eq!(endpoint("x", &[("rpc.service", "shop.Cart"), ("rpc.method", "shop.Cart/Add")]), "shop.Cart/Add");
    assert_eq!(endpoint("x", &[("rpc.service", "shop.Cart")]), "shop.Cart");
}

#[test]
fn message_is_operation_and_destination() {
    for (pairs, want) in [
        (&[("messaging.operation.name", "process"), ("messaging.destination.name", "orders")][..], "process orders"),
        (&[("messaging.operation", "receive"), ("messaging.destination", "orders")], "receive orders"),
        (&[("messaging.operation.type", "process"), ("messaging.destination.name", "orders")], "process orders"),
        (
            &[
                ("messaging.operation.name", "poll"),
                ("messaging.destination.name", "orders-42"),
                ("messaging.destination.template", "orders-{tenant}"),
            ],
            "poll orders-{tenant}",
        ),
    ] {
        assert_eq!(endpoint("x", pairs), want);
    }
    let passing = [
        ("messaging.operation.name", text("process")),
        ("messaging.destination.name", text("amq.gen-8f3a")),
        ("messaging.destination.temporary", Value::Bool(true)),
    ];
    assert_eq!(Known::of(&passing).endpoint("x", &mut String::new()), "process (temporary)");
}

#[test]
fn anything_else_is_its_name_without_ids() {
    assert_eq!(endpoint("GET /items/42", &[("http.request.method", "GET")]), "GET /items/{id}");
    assert_eq!(endpoint("job 3f2504e0-4f89-11d3-9a0c-0305e82c3301", &[]), "job {id}");
    assert_eq!(endpoint("", &[]), "(unnamed)");
}

#[test]
fn long_endpoints_are_cut() {
    let long = "é".repeat(500);
    assert!(endpoint("x", &[("http.request.method", &long), ("http.route", &long)]).len() <= 200);
    assert!(endpoint(&long, &[]).len() <= 200);
}

#[test]
fn request_fails_by_its_status_or_by_http_500_but_not_by_http_404() {
    let failed = |status, code: &str| Known::of(&attributes(&[("http.response.status_code", code)])).failed(status);
    assert!(failed(SpanStatus::Error, "200"));
    assert!(failed(SpanStatus::Unset, "500"));
    assert!(failed(SpanStatus::Ok, "503"));
    assert!(!failed(SpanStatus::Unset, "404"));
    assert!(!failed(SpanStatus::Unset, "200"));
}

#[test]
fn http_status_is_read_from_either_convention_and_nonsense_is_none() {
    let status = |key, value: Value| Known::of(&[(key, value)]).http_status;
    assert_eq!(status("http.response.status_code", Value::Int(404)), 404);
    assert_eq!(status("http.status_code", Value::Int(404)), 404);
    assert_eq!(status("http.status_code", text("503")), 503);
    for wrong in [Value::Int(-1), Value::Int(1 << 40), Value::Int(99), text("x"), Value::Bool(true)] {
        assert_eq!(status("http.response.status_code", wrong), 0);
    }
    let both = attributes(&[("http.response.status_code", "200"), ("http.status_code", "500")]);
    assert_eq!(Known::of(&both).http_status, 200);
}

fn exception(kind: &str) -> EventRow<'static> {
    EventRow { at: Timestamp(0), name: "exception", attributes: vec![("exception.type", text(kind))] }
}

#[test]
fn error_group_is_the_last_exceptions_type() {
    let other = EventRow { at: Timestamp(0), name: "log", attributes: vec![("exception.type", text("No"))] };
    let events = [exception("IOException"), exception("TimeoutException"), other];
    assert_eq!(error("boom", &[("error.type", "timeout")], &events), "TimeoutException");
}

#[test]
fn error_group_is_else_the_type_of_the_error() {
    assert_eq!(error("boom", &[("error.type", "timeout")], &[]), "timeout");
    assert_eq!(error("boom", &[("exception.type", "ValueError"), ("error.type", "timeout")], &[]), "ValueError");
}

#[test]
fn error_group_is_else_status_code_and_pattern() {
    for (message, pairs, want) in [
        ("user 42 not found", &[("http.response.status_code", "500")][..], "HTTP 500: user not found"),
        ("", &[("http.status_code", "503")], "HTTP 503"),
        ("deadline", &[("rpc.grpc.status_code", "4")], "gRPC 4: deadline"),
        ("deadline", &[("rpc.response.status_code", "DEADLINE_EXCEEDED")], "RPC DEADLINE_EXCEEDED: deadline"),
        ("it broke 17 times", &[], "ERROR: it broke times"),
        ("", &[("error.type", "_OTHER")], "ERROR"),
    ] {
        assert_eq!(error(message, pairs, &[]), want);
    }
}

#[test]
fn long_error_groups_are_cut() {
    assert!(error("", &[("error.type", &"é".repeat(500))], &[]).len() <= 200);
    assert!(error(&"word ".repeat(500), &[], &[]).len() <= 200);
}

#[test]
fn callee_is_said_by_calls_only() {
    let attributes = attributes(&[("peer.service", "cart"), ("server.address", "cart.shop.svc")]);
    let known = Known::of(&attributes);
    assert_eq!(known.callee(SpanKind::Client), "cart.shop.svc");
    assert_eq!(known.callee(SpanKind::Producer), "cart.shop.svc");
    assert_eq!(known.callee(SpanKind::Server), "");
    let old = [("net.peer.name", text("db"))];
    assert_eq!(Known::of(&old).callee(SpanKind::Client), "db");
    let peer = [("peer.service", text("cart"))];
    assert_eq!(Known::of(&peer).callee(SpanKind::Client), "cart");
}

#[test]
fn samplers_leave_their_names() {
    assert!(is_sampler("sampler.type", &text("probabilistic")));
    assert!(!is_sampler("sampler.type", &text("const")));
    assert!(is_sampler("tailsampling.policy", &text("errors")));
    assert!(is_sampler("SampleRate", &Value::Int(8)));
    assert!(!is_sampler("SampleRate", &Value::Int(1)));
    assert!(!is_sampler("http.route", &text("/")));
}

#[test]
fn command_lines_are_private() {
    assert!(is_private("process.command_args") && is_private("process.environment_variable.TOKEN"));
    assert!(!is_private("process.pid"));
}
