//! What happens at the limits of a request; that its fields are read right is `oracle`'s part.

use model::{SpanStatus, Value};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest as Request;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;

use crate::Limits;
use crate::limits::{KEY, VALUE};
use crate::oracle::{Rows, walk};
use crate::traces::Report;

fn attribute(key: &str, value: Any) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), key_strindex: 0 }
}

fn word(key: &str, value: &str) -> KeyValue {
    attribute(key, Any::StringValue(value.to_owned()))
}

fn span() -> Span {
    Span { trace_id: vec![1; 16], span_id: vec![2; 8], kind: 2, name: "GET /".to_owned(), ..Span::default() }
}

fn of_resource(attributes: Vec<KeyValue>, spans: Vec<Span>) -> ResourceSpans {
    ResourceSpans {
        resource: Some(Resource { attributes, ..Resource::default() }),
        scope_spans: vec![ScopeSpans { spans, ..ScopeSpans::default() }],
        ..ResourceSpans::default()
    }
}

fn request(spans: Vec<Span>) -> Request {
    Request { resource_spans: vec![of_resource(Vec::new(), spans)] }
}

fn read(request: &Request) -> (Rows, Report) {
    walk(&request.encode_to_vec(), &Limits::default()).unwrap()
}

fn nested(depth: usize, map: bool) -> Any {
    let mut value = Any::IntValue(1);
    for _ in 0..depth {
        let inner = AnyValue { value: Some(value) };
        value = if map {
            let pair = KeyValue { key: "k".to_owned(), value: Some(inner), key_strindex: 0 };
            Any::KvlistValue(KeyValueList { values: vec![pair] })
        } else {
            Any::ArrayValue(ArrayValue { values: vec![inner] })
        };
    }
    value
}

#[test]
fn value_nested_to_the_limit_is_taken_and_one_deeper_is_malformed() {
    for map in [false, true] {
        let with = |depth| {
            let span = Span { attributes: vec![attribute("a", nested(depth, map))], ..span() };
            walk(&request(vec![span]).encode_to_vec(), &Limits::default())
        };
        assert!(matches!(&with(32).unwrap().0.spans[0].attributes[0].1, Value::Json(_)));
        assert!(with(33).is_err());
    }
}

/// Bytes of a value nested so deep that prost could not even encode it by recursion.
fn abyss(depth: usize) -> Vec<u8> {
    fn prefix(tag: u8, inner: &[u8]) -> Vec<u8> {
        let mut length = Vec::new();
        prost::encode_length_delimiter(inner.len(), &mut length).unwrap();
        [&[tag], length.as_slice(), inner].concat()
    }
    let mut value = Vec::new();
    for _ in 0..depth {
        value = prefix(0x2a, &prefix(0x0a, &value));
    }
    let attribute = prefix(0x4a, &[prefix(0x0a, b"a"), prefix(0x12, &value)].concat());
    prefix(0x0a, &prefix(0x12, &prefix(0x12, &attribute)))
}

#[test]
fn value_nested_ten_thousand_deep_is_malformed() {
    assert!(walk(&abyss(20), &Limits::default()).is_ok());
    assert!(walk(&abyss(10_000), &Limits::default()).is_err());
}

#[test]
fn attributes_over_the_limit_are_left_out_with_a_warning() {
    let attributes = (0..1_030).map(|i| attribute(&format!("k{i}"), Any::IntValue(i))).collect();
    let (rows, report) = read(&request(vec![Span { attributes, ..span() }]));
    assert_eq!(rows.spans[0].attributes.len(), 1_024);
    assert_eq!((report.taken, report.cuts.dropped), (1, 6));
}

#[test]
fn events_and_links_over_the_limit_are_left_out_with_a_warning() {
    let link = Link { trace_id: vec![1; 16], span_id: vec![1; 8], ..Link::default() };
    let nowhere = Link::default();
    let events = vec![Event::default(); 1_025];
    let links = [vec![nowhere], vec![link; 1_026]].concat();
    let (rows, report) = read(&request(vec![Span { events, links, ..span() }]));
    assert_eq!((rows.spans[0].events.len(), rows.spans[0].links.len()), (1_024, 1_024));
    assert_eq!(report.cuts.dropped, 1 + 2 + 1);
}

#[test]
fn attribute_without_a_key_is_left_out() {
    let (rows, report) = read(&request(vec![Span { attributes: vec![word("", "x"), word("a", "x")], ..span() }]));
    assert_eq!((rows.spans[0].attributes.len(), report.cuts.dropped), (1, 1));
}

#[test]
fn long_keys_and_values_are_cut_between_characters_with_a_warning() {
    let long = "é".repeat(VALUE);
    let attributes = vec![word("a", &format!("x{long}")), word(&long, "b")];
    let (rows, report) = read(&request(vec![Span { attributes, ..span() }]));
    let kept = &rows.spans[0].attributes;
    assert!(matches!(&kept[0].1, Value::Text(text) if text.len() == VALUE - 1));
    assert_eq!(kept[1].0.len(), KEY);
    assert_eq!(report.cuts.values, 2);
}

#[test]
fn long_json_is_cut_and_no_json_any_more() {
    let many = ArrayValue { values: vec![AnyValue { value: None }; 1_000_000] };
    let one = ArrayValue { values: vec![AnyValue { value: Some(Any::StringValue("\0".repeat(VALUE))) }] };
    for value in [Any::ArrayValue(many), Any::ArrayValue(one), Any::BytesValue(vec![0; VALUE])] {
        let (rows, report) = read(&request(vec![Span { attributes: vec![attribute("a", value)], ..span() }]));
        assert!(matches!(&rows.spans[0].attributes[0].1, Value::Text(text) if text.len() <= VALUE));
        assert_eq!(report.cuts.values, 1);
    }
}

#[test]
fn spans_over_the_limit_are_rejected() {
    let limits = Limits { records: 2, ..Limits::default() };
    let (rows, report) = walk(&request(vec![span(); 5]).encode_to_vec(), &limits).unwrap();
    assert_eq!((rows.spans.len(), report.taken, report.over), (2, 2, 3));
}

#[test]
fn repeated_resources_are_one_owner() {
    let (checkout, cart) = (vec![word("service.name", "checkout")], vec![word("service.name", "cart")]);
    // The same attributes in other bytes: a key that comes twice.
    let twice = vec![word("service.name", "cart"), word("service.name", "other")];
    let resources = [checkout.clone(), cart.clone(), checkout, twice, cart];
    let resource_spans = resources.into_iter().map(|resource| of_resource(resource, vec![span()])).collect();
    let (rows, _) = read(&Request { resource_spans });
    let names: Vec<_> = rows.spans.iter().map(|span| span.owner.get("service.name").unwrap()).collect();
    assert_eq!(names, ["checkout", "cart", "checkout", "cart", "cart"]);
    assert_eq!(rows.owners(), 2);
}

#[test]
fn resource_without_spans_is_no_owner() {
    let empty = ResourceSpans { resource: Some(Resource::default()), ..ResourceSpans::default() };
    let (rows, _) = read(&Request { resource_spans: vec![empty] });
    assert_eq!(rows.owners(), 0);
}

#[test]
fn resource_after_its_spans_and_in_two_parts_is_still_theirs() {
    let spans = of_resource(Vec::new(), vec![span()]);
    let bytes = ResourceSpans { resource: None, ..spans }.encode_to_vec();
    let part = |key: &str| of_resource(vec![word(key, "x")], Vec::new());
    let part = |key: &str| ResourceSpans { scope_spans: Vec::new(), ..part(key) }.encode_to_vec();
    let whole = [part("a"), bytes, part("b")].concat();
    let mut request = vec![0x0a];
    prost::encode_length_delimiter(whole.len(), &mut request).unwrap();
    let (rows, _) = walk(&[request, whole].concat(), &Limits::default()).unwrap();
    assert_eq!((rows.spans[0].owner.get("a"), rows.spans[0].owner.get("b")), (Some("x"), Some("x")));
}

#[test]
fn only_requests_have_endpoints_and_error_groups() {
    let failed = Some(Status { code: 2, message: "it broke".to_owned() });
    for kind in 0..6 {
        let (rows, _) = read(&request(vec![Span { kind, status: failed.clone(), ..span() }]));
        let row = &rows.spans[0];
        let is_request = kind == 2 || kind == 5;
        assert_eq!(
            (row.endpoint.as_str(), row.error.as_str()),
            if is_request { ("GET /", "ERROR: it broke") } else { ("", "") }
        );
        assert_eq!(row.status, SpanStatus::Error);
    }
}

#[test]
fn client_error_is_no_error() {
    let attributes = vec![attribute("http.response.status_code", Any::IntValue(404))];
    let (rows, _) = read(&request(vec![Span { attributes, ..span() }]));
    assert_eq!(rows.spans[0].error, "");
}

#[test]
fn end_before_start_is_no_duration() {
    let backwards = Span { start_time_unix_nano: 5, end_time_unix_nano: 3, ..span() };
    assert_eq!(read(&request(vec![backwards])).0.spans[0].duration, 0);
}

#[test]
fn sampling_is_marked_only_where_something_says_so() {
    let state = |state: &str| Span { trace_state: state.to_owned(), ..span() };
    let rate = Span { attributes: vec![attribute("SampleRate", Any::IntValue(10))], ..span() };
    let (rows, _) = read(&request(vec![span(), state("ot=th:c"), state("ot=p:63"), rate]));
    assert_eq!(rows.weights, [(1.0, false), (4.0, false), (1.0, true), (1.0, true)]);
    let scope = InstrumentationScope {
        attributes: vec![word("tailsampling.policy", "slow")],
        ..InstrumentationScope::default()
    };
    let mut request = request(vec![span()]);
    request.resource_spans[0].scope_spans[0].scope = Some(scope);
    assert_eq!(read(&request).0.weights, [(1.0, true)]);
}
