//! OTLP/JSON as the specification writes it.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest as Request;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use prost::Message;

use super::traces;

fn decode(text: &str) -> Request {
    Request::decode(traces(text.as_bytes()).unwrap().as_slice()).unwrap()
}

fn span(fields: &str) -> String {
    format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{{fields}}}]}}]}}]}}"#)
}

#[test]
fn the_specifications_example_is_read() {
    let request = decode(
        r#"{ "resourceSpans": [ {
            "resource": { "attributes": [ { "key": "service.name", "value": { "stringValue": "my.service" } } ] },
            "scopeSpans": [ {
                "scope": { "name": "my.library", "version": "1.0.0" },
                "spans": [ {
                    "traceId": "5B8EFFF798038103D269B633813FC60C", "spanId": "EEE19B7EC3C1B174",
                    "parentSpanId": "EEE19B7EC3C1B173", "name": "I'm a server span",
                    "startTimeUnixNano": "1544712660000000000", "endTimeUnixNano": 1544712661000000000,
                    "kind": 2, "attributes": [ { "key": "n", "value": { "intValue": "7" } } ],
                    "status": { "code": 2, "message": "bad" }
                } ] } ] } ] }"#,
    );
    let scope_spans = &request.resource_spans[0].scope_spans[0];
    let span = &scope_spans.spans[0];
    assert_eq!(scope_spans.scope.as_ref().unwrap().name, "my.library");
    assert_eq!(span.trace_id[..4], [0x5b, 0x8e, 0xff, 0xf7]);
    assert_eq!((span.kind, span.start_time_unix_nano), (2, 1_544_712_660_000_000_000));
    assert_eq!(span.end_time_unix_nano, 1_544_712_661_000_000_000);
    assert_eq!(span.attributes[0].value.as_ref().unwrap().value, Some(Value::IntValue(7)));
    assert_eq!(span.status.as_ref().unwrap().message, "bad");
}

#[test]
fn whole_numbers_come_as_numbers_or_text() {
    for number in ["-5", "\"-5\"", "-5.0", "-5e0"] {
        let fields = format!(r#""attributes":[{{"key":"n","value":{{"intValue":{number}}}}}]"#);
        let request = decode(&span(&fields));
        let value = request.resource_spans[0].scope_spans[0].spans[0].attributes[0].value.clone();
        assert_eq!(value.unwrap().value, Some(Value::IntValue(-5)), "{number}");
    }
}

#[test]
fn fractions_may_be_text_where_json_has_no_number() {
    for (number, want) in [("1.5", 1.5), ("3", 3.0), ("\"Infinity\"", f64::INFINITY), ("\"2.5\"", 2.5)] {
        let fields = format!(r#""attributes":[{{"key":"n","value":{{"doubleValue":{number}}}}}]"#);
        let request = decode(&span(&fields));
        let value = request.resource_spans[0].scope_spans[0].spans[0].attributes[0].value.clone();
        assert_eq!(value.unwrap().value, Some(Value::DoubleValue(want)), "{number}");
    }
}

#[test]
fn bytes_are_base64_of_either_alphabet() {
    for text in ["+/8=", "-_8=", "+/8", "-_8"] {
        let fields = format!(r#""attributes":[{{"key":"n","value":{{"bytesValue":"{text}"}}}}]"#);
        let request = decode(&span(&fields));
        let value = request.resource_spans[0].scope_spans[0].spans[0].attributes[0].value.clone();
        assert_eq!(value.unwrap().value, Some(Value::BytesValue(vec![0xfb, 0xff])), "{text}");
    }
}

#[test]
fn unknown_names_are_ignored_and_null_is_unset() {
    let known = decode(&span(r#""name":"x""#));
    let more = span(r#""name":"x","new":{"a":[1,{"b":null}]},"attributes":null,"status":null,"kind":null"#);
    assert_eq!(decode(&more), known);
    assert_eq!(decode(r#"{"resourceSpans":null,"more":1}"#), Request::default());
    assert_eq!(decode("{}"), Request::default());
}

#[test]
fn wrong_types_are_refused() {
    for fields in [
        r#""traceId":"5b8"#,
        r#""traceId":"5b8""#,
        r#""traceId":"zz""#,
        r#""traceId":5"#,
        r#""name":5"#,
        r#""name":["a"]"#,
        r#""kind":"SPAN_KIND_SERVER""#,
        r#""kind":1.5"#,
        r#""startTimeUnixNano":-1"#,
        r#""startTimeUnixNano":"18446744073709551616""#,
        r#""startTimeUnixNano":{}"#,
        r#""attributes":{}"#,
        r#""attributes":[null]"#,
        r#""attributes":[[]]"#,
        r#""attributes":[{"key":"a","value":{"boolValue":1}}]"#,
        r#""attributes":[{"key":"a","value":{"bytesValue":"*"}}]"#,
        r#""status":[]"#,
        r#""status":"x""#,
        r#""flags":4294967296"#,
    ] {
        assert!(traces(span(fields).as_bytes()).is_err(), "{fields}");
    }
    for text in ["", "null", "[]", "5", "{", "{}{}", r#"{"resourceSpans":{}}"#, "\u{feff}{}"] {
        assert!(traces(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn an_array_of_empty_objects_takes_no_more_room_than_its_text() {
    let text = span(&format!(r#""events":[{}{{}}]"#, "{},".repeat(100_000)));
    assert!(traces(text.as_bytes()).unwrap().len() < text.len());
}

#[test]
fn deep_nesting_is_refused_without_recursion() {
    let deep = format!(
        r#""attributes":[{{"key":"a","value":{}{}}}]"#,
        r#"{"arrayValue":{"values":["#.repeat(10_000),
        "]}}".repeat(10_000)
    );
    assert!(traces(span(&deep).as_bytes()).is_err());
}

#[test]
fn messages_longer_than_a_short_length_are_read() {
    let long = "x".repeat(100_000);
    let request = decode(&span(&format!(r#""name":"{long}","status":{{"message":"{long}"}}"#)));
    let span = &request.resource_spans[0].scope_spans[0].spans[0];
    assert_eq!((span.name.len(), span.status.as_ref().unwrap().message.len()), (100_000, 100_000));
}
