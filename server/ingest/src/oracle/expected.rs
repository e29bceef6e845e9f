//! What a request should give, by way of prost and plain code.

use std::sync::Arc;

use model::{Owner, Span, SpanEvent, SpanId, SpanKind, SpanLink, SpanStatus, Timestamp, TraceId, Value};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest as Request;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span as Sent;
use opentelemetry_proto::tonic::trace::v1::span::Link;

/// JSON text of a value, written plainly.
fn text_of(value: Option<&AnyValue>) -> String {
    use base64::Engine;
    let Some(value) = value.and_then(|value| value.value.as_ref()) else { return "null".to_owned() };
    let quoted = |text: &str| serde_json::to_string(text).unwrap();
    match value {
        Any::StringValue(text) => quoted(text),
        Any::BoolValue(yes) => yes.to_string(),
        Any::IntValue(number) => number.to_string(),
        Any::DoubleValue(number) if number.is_nan() => quoted("NaN"),
        Any::DoubleValue(number) if number.is_infinite() => {
            quoted(if *number > 0.0 { "Infinity" } else { "-Infinity" })
        }
        Any::DoubleValue(number) => serde_json::to_string(number).unwrap(),
        Any::BytesValue(bytes) => quoted(&base64::engine::general_purpose::STANDARD.encode(bytes)),
        Any::ArrayValue(array) => {
            format!("[{}]", array.values.iter().map(|v| text_of(Some(v))).collect::<Vec<_>>().join(","))
        }
        Any::KvlistValue(map) => {
            let pair = |kv: &KeyValue| format!("{}:{}", quoted(&kv.key), text_of(kv.value.as_ref()));
            format!("{{{}}}", map.values.iter().map(pair).collect::<Vec<_>>().join(","))
        }
        Any::StringValueStrindex(_) => "null".to_owned(),
    }
}

fn value_of(value: &Any) -> Option<Value> {
    Some(match value {
        Any::StringValue(text) => Value::Text(text.clone()),
        Any::BoolValue(yes) => Value::Bool(*yes),
        Any::IntValue(number) => Value::Int(*number),
        Any::DoubleValue(number) => Value::Double(*number),
        Any::StringValueStrindex(_) => return None,
        nested => Value::Json(text_of(Some(&AnyValue { value: Some(nested.clone()) }))),
    })
}

fn attributes_of(attributes: &[KeyValue]) -> Vec<(String, Value)> {
    let kept = attributes.iter().filter(|kv| !kv.key.is_empty());
    kept.filter_map(|kv| Some((kv.key.clone(), value_of(kv.value.as_ref()?.value.as_ref()?)?))).collect()
}

fn owner_of(resource: Option<&Resource>) -> Owner {
    let mut attributes: Vec<(String, String)> = Vec::new();
    for (key, value) in attributes_of(resource.map_or(&[], |resource| &resource.attributes)) {
        if !attributes.iter().any(|(known, _)| *known == key) {
            attributes.push((key, value.to_string()));
        }
    }
    attributes.sort();
    Owner { attributes, peer: None }
}

/// The spans that a request should give, by way of prost, and how many are left out.
pub(super) fn expected(request: &Request) -> (Vec<Span>, u64) {
    let (mut spans, mut invalid) = (Vec::new(), 0);
    for resource_spans in &request.resource_spans {
        for scope_spans in &resource_spans.scope_spans {
            for sent in &scope_spans.spans {
                let scope = scope_spans.scope.as_ref().map_or("", |scope| &scope.name);
                match span_of(sent, scope, owner_of(resource_spans.resource.as_ref())) {
                    Some(span) => spans.push(span),
                    None => invalid += 1,
                }
            }
        }
    }
    (spans, invalid)
}

fn instant(nanos: u64) -> Timestamp {
    Timestamp(nanos.min(i64::MAX as u64) as i64)
}

fn span_of(sent: &Sent, scope: &str, owner: Owner) -> Option<Span> {
    let trace = |bytes: &[u8]| <[u8; 16]>::try_from(bytes).ok().filter(|id| *id != [0; 16]).map(TraceId);
    let span = |bytes: &[u8]| <[u8; 8]>::try_from(bytes).ok().filter(|id| *id != [0; 8]).map(SpanId);
    let parent = match sent.parent_span_id.as_slice() {
        [] | [0, 0, 0, 0, 0, 0, 0, 0] => None,
        bytes => Some(span(bytes)?),
    };
    let link = |link: &Link| {
        let attributes = attributes_of(&link.attributes);
        Some(SpanLink { trace: trace(&link.trace_id)?, span: span(&link.span_id)?, attributes })
    };
    let status = sent.status.clone().unwrap_or_default();
    let (start, end) = (sent.start_time_unix_nano, sent.end_time_unix_nano);
    Some(Span {
        trace: trace(&sent.trace_id)?,
        id: span(&sent.span_id)?,
        parent,
        kind: SpanKind::from_number(sent.kind as u64),
        name: sent.name.clone(),
        endpoint: String::new(),
        start: instant(start),
        duration: instant(end.saturating_sub(start)).0,
        status: SpanStatus::from_number(status.code as u64),
        status_message: status.message,
        scope: scope.to_owned(),
        error: String::new(),
        attributes: attributes_of(&sent.attributes),
        events: sent
            .events
            .iter()
            .map(|event| SpanEvent {
                at: instant(event.time_unix_nano),
                name: event.name.clone(),
                attributes: attributes_of(&event.attributes),
            })
            .collect(),
        links: sent.links.iter().filter_map(link).collect(),
        owner: Arc::new(owner),
    })
}
