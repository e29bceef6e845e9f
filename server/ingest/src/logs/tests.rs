use model::{Level, LogLine, Owner, Timestamp, Value};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest as Request;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, KeyValueList, any_value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use prost::Message;
use store::{LogRow, OwnerFacts};

use super::{Sink, decode};
use crate::envelope::{Owning, Report};
use crate::wire::Malformed;
use crate::{Limits, json};

#[derive(Default)]
struct Lines(Vec<LogLine>);

impl Owning for Lines {
    fn owner(&mut self, _: Owner, _: OwnerFacts) -> u32 {
        0
    }
}

impl Sink for Lines {
    fn push(&mut self, row: &LogRow<'_>) {
        self.0.push(LogLine {
            at: row.at,
            level: row.level,
            severity: row.severity.to_owned(),
            body: row.body.to_owned(),
            pattern: row.pattern.to_owned(),
            scope: row.scope.to_owned(),
            trace: row.trace,
            span: row.span,
            pod: None,
            revision: None,
            attributes: row.attributes.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect(),
        });
    }
}

fn text(text: &str) -> Option<AnyValue> {
    Some(AnyValue { value: Some(any_value::Value::StringValue(text.into())) })
}

fn request(records: Vec<LogRecord>) -> Vec<u8> {
    let scope = Some(InstrumentationScope { name: "shop.db".into(), ..InstrumentationScope::default() });
    let scope_logs = vec![ScopeLogs { scope, log_records: records, schema_url: String::new() }];
    Request { resource_logs: vec![ResourceLogs { resource: None, scope_logs, schema_url: String::new() }] }
        .encode_to_vec()
}

fn read(bytes: &[u8]) -> Result<(Vec<LogLine>, Report), Malformed> {
    let mut lines = Lines::default();
    let report = decode(bytes, None, &|_| true, &Limits::default(), Timestamp(77), &mut lines)?;
    Ok((lines.0, report))
}

fn one(record: LogRecord) -> LogLine {
    read(&request(vec![record])).unwrap().0.remove(0)
}

#[test]
fn a_record_is_read_whole() {
    let line = one(LogRecord {
        time_unix_nano: 5,
        observed_time_unix_nano: 6,
        severity_number: 17,
        severity_text: "ERR".into(),
        body: text("order 42 failed"),
        attributes: vec![KeyValue { key: "k".into(), value: text("v"), ..KeyValue::default() }],
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        event_name: "order.failed".into(),
        ..LogRecord::default()
    });
    assert_eq!((line.at, line.level, line.severity.as_str()), (Timestamp(5), Level::Error, "ERR"));
    assert_eq!(
        (line.body.as_str(), line.pattern.as_str(), line.scope.as_str()),
        ("order 42 failed", "order failed", "shop.db")
    );
    assert!(line.trace.is_some() && line.span.is_some());
    let value = |text: &str| Value::Text(text.into());
    assert_eq!(line.attributes, [("k".into(), value("v")), ("event.name".into(), value("order.failed"))]);
}

#[test]
fn what_a_sender_does_not_know_is_found_elsewhere() {
    assert_eq!(one(LogRecord { observed_time_unix_nano: 6, ..LogRecord::default() }).at, Timestamp(6));
    assert_eq!(one(LogRecord::default()).at, Timestamp(77));
    assert_eq!(one(LogRecord { severity_text: "Warning".into(), ..LogRecord::default() }).level, Level::Warn);
    assert_eq!(one(LogRecord { body: text("x ERROR y"), ..LogRecord::default() }).level, Level::Error);
    assert_eq!(one(LogRecord { event_name: "e".into(), ..LogRecord::default() }).body, "e");
    let no_trace = LogRecord { trace_id: vec![0; 16], span_id: vec![1; 3], ..LogRecord::default() };
    assert_eq!((one(no_trace.clone()).trace, one(no_trace).span), (None, None));
}

#[test]
fn structured_bodies_are_flattened() {
    let list = KeyValueList {
        values: vec![
            KeyValue { key: "message".into(), value: text("hello"), ..KeyValue::default() },
            KeyValue {
                key: "http".into(),
                value: Some(AnyValue {
                    value: Some(any_value::Value::KvlistValue(KeyValueList {
                        values: vec![KeyValue { key: "code".into(), value: text("200"), ..KeyValue::default() }],
                    })),
                }),
                ..KeyValue::default()
            },
        ],
    };
    let body = Some(AnyValue { value: Some(any_value::Value::KvlistValue(list)) });
    let as_text = text(r#"{"message":"hello","http":{"code":"200"}}"#);
    for body in [body, as_text] {
        let line = one(LogRecord { body, ..LogRecord::default() });
        assert_eq!(line.body, "hello");
        assert_eq!(line.attributes, [("http.code".to_owned(), Value::Text("200".into()))]);
    }
}

#[test]
fn json_says_the_same_as_protobuf() {
    let json_text = br#"{"resourceLogs":[{"scopeLogs":[{"scope":{"name":"shop.db"},"logRecords":[{"timeUnixNano":"5",
        "severityNumber":9,"body":{"stringValue":"hi"},"traceId":"01010101010101010101010101010101",
        "spanId":"0202020202020202","attributes":[{"key":"n","value":{"intValue":"3"}}]}]}]}]}"#;
    let (lines, report) = read(&json::logs(json_text).unwrap()).unwrap();
    assert_eq!((report.taken, lines[0].body.as_str(), lines[0].level), (1, "hi", Level::Info));
    assert_eq!(lines[0].attributes, [("n".to_owned(), Value::Int(3))]);
}

#[test]
fn damage_is_refused_whole_and_never_a_panic() {
    let bytes = request(vec![LogRecord { body: text("some words"), trace_id: vec![1; 16], ..LogRecord::default() }; 3]);
    let whole = read(&bytes).unwrap();
    for end in 1..bytes.len() {
        if let Ok((lines, _)) = read(&bytes[..end]) {
            assert!(lines.len() <= whole.0.len());
        }
    }
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x55;
        assert_eq!(read(&damaged).is_ok(), Request::decode(&damaged[..]).is_ok(), "byte {at}");
    }
}

#[test]
fn records_over_the_limit_are_counted() {
    let limits = Limits { records: 2, ..Limits::default() };
    let mut lines = Lines::default();
    let bytes = request(vec![LogRecord::default(); 5]);
    let report = decode(&bytes, None, &|_| true, &limits, Timestamp(0), &mut lines).unwrap();
    assert_eq!((report.taken, report.over, lines.0.len()), (2, 3, 2));
}
