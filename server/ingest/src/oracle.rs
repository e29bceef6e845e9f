//! The walker against prost: random requests, every truncation, random damage. Seeded, so a failure repeats.

use model::{Owner, Span, SpanEvent, SpanId, SpanKind, SpanLink, SpanStatus, Timestamp, TraceId, Value};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest as Request;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span as Sent, Status};
use prost::Message;
use store::{OwnerFacts, SpanRow};

use crate::traces::{Report, Sink, decode};
use crate::wire::Malformed;
use crate::{Limits, json};

/// A sink that keeps what it is given.
#[derive(Default)]
pub(crate) struct Rows {
    owners: Vec<Owner>,
    pub(crate) spans: Vec<Span>,
    pub(crate) weights: Vec<(f32, bool)>,
}

impl Rows {
    /// How many owners there are.
    pub(crate) fn owners(&self) -> usize {
        self.owners.len()
    }
}

impl Sink for Rows {
    fn owner(&mut self, owner: Owner, _: OwnerFacts) -> u32 {
        self.owners.push(owner);
        self.owners.len() as u32 - 1
    }

    fn push(&mut self, row: &SpanRow<'_>) {
        let owned = |attributes: &[(&str, Value)]| -> Vec<(String, Value)> {
            attributes.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
        };
        let event = |event: &store::EventRow<'_>| SpanEvent {
            at: event.at,
            name: event.name.to_owned(),
            attributes: owned(&event.attributes),
        };
        let link = |link: &store::LinkRow<'_>| SpanLink {
            trace: link.trace,
            span: link.span,
            attributes: owned(&link.attributes),
        };
        self.weights.push((row.weight, row.sampled));
        self.spans.push(Span {
            trace: row.trace,
            id: row.id,
            parent: row.parent,
            kind: row.kind,
            name: row.name.to_owned(),
            endpoint: row.endpoint.to_owned(),
            start: row.start,
            duration: row.duration,
            status: row.status,
            status_message: row.status_message.to_owned(),
            scope: row.scope.to_owned(),
            error: row.error.to_owned(),
            attributes: owned(row.attributes),
            events: row.events.iter().map(event).collect(),
            links: row.links.iter().map(link).collect(),
            owner: self.owners[row.owner as usize].clone(),
        });
    }
}

/// Decodes with the walker.
pub(crate) fn walk(bytes: &[u8], limits: &Limits) -> Result<(Rows, Report), Malformed> {
    let mut rows = Rows::default();
    let report = decode(bytes, None, &|_| false, limits, &mut rows)?;
    Ok((rows, report))
}

/// Numbers from a seed (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn many<T>(&mut self, most: usize, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(most + 1)).map(|_| make(self)).collect()
    }

    fn text(&mut self) -> String {
        const TEXTS: [&str; 8] = ["", "a", "http.route", "/items/{id}", "größe", "\u{0}\"\\\n<b>", "日本語", "GET /x/42"];
        TEXTS[self.below(TEXTS.len())].repeat(1 + self.below(3))
    }

    fn id(&mut self, length: usize) -> Vec<u8> {
        match self.below(12) {
            0 => vec![0; length],
            1 => vec![7; length - 1],
            2 => Vec::new(),
            _ => (0..length).map(|_| self.next() as u8).collect(),
        }
    }

    fn time(&mut self) -> u64 {
        match self.below(8) {
            0 => 0,
            1 => u64::MAX,
            _ => 1_700_000_000_000_000_000 + self.next() % 1_000_000_000_000,
        }
    }

    /// A value; `json` leaves out what OTLP/JSON cannot say.
    fn value(&mut self, depth: usize, json: bool) -> Option<AnyValue> {
        let value = match self.below(if depth == 0 { 5 } else { 8 }) {
            0 => Any::StringValue(self.text()),
            1 => Any::BoolValue(self.one_in(2)),
            2 => Any::IntValue(self.next() as i64),
            3 if json => Any::DoubleValue(self.next() as f64 / 3.0),
            3 => Any::DoubleValue(f64::from_bits(self.next())),
            4 => Any::BytesValue(self.id(5)),
            5 => Any::ArrayValue(ArrayValue {
                values: self.many(4, |r| r.value(depth - 1, json).unwrap_or_default()),
            }),
            6 => Any::KvlistValue(KeyValueList { values: self.many(4, |r| r.attribute(depth - 1, json)) }),
            _ if json => Any::IntValue(0),
            _ => return if self.one_in(2) { None } else { Some(AnyValue { value: None }) },
        };
        Some(AnyValue { value: Some(value) })
    }

    fn attribute(&mut self, depth: usize, json: bool) -> KeyValue {
        KeyValue { key: self.text(), value: self.value(depth, json), key_strindex: 0 }
    }

    fn attributes(&mut self, json: bool) -> Vec<KeyValue> {
        self.many(6, |r| r.attribute(3, json))
    }

    fn span(&mut self, json: bool) -> Sent {
        Sent {
            trace_id: self.id(16),
            span_id: self.id(8),
            trace_state: self.text(),
            parent_span_id: self.id(8),
            flags: self.next() as u32,
            name: self.text(),
            kind: self.below(8) as i32 - 1,
            start_time_unix_nano: self.time(),
            end_time_unix_nano: self.time(),
            attributes: self.attributes(json),
            dropped_attributes_count: self.below(3) as u32,
            events: self.many(3, |r| Event {
                time_unix_nano: r.time(),
                name: r.text(),
                attributes: r.attributes(json),
                dropped_attributes_count: 1,
            }),
            dropped_events_count: 1,
            links: self.many(2, |r| Link {
                trace_id: r.id(16),
                span_id: r.id(8),
                trace_state: r.text(),
                attributes: r.attributes(json),
                dropped_attributes_count: 0,
                flags: 1,
            }),
            dropped_links_count: 0,
            status: (!self.one_in(3)).then(|| Status { message: self.text(), code: self.below(5) as i32 - 1 }),
        }
    }

    fn request(&mut self, json: bool) -> Request {
        Request {
            resource_spans: self.many(3, |r| ResourceSpans {
                resource: (!r.one_in(4)).then(|| Resource {
                    attributes: r.attributes(json),
                    dropped_attributes_count: 0,
                    entity_refs: Vec::new(),
                }),
                scope_spans: r.many(3, |r| ScopeSpans {
                    scope: (!r.one_in(4)).then(|| InstrumentationScope {
                        name: r.text(),
                        version: r.text(),
                        attributes: r.attributes(json),
                        dropped_attributes_count: 0,
                    }),
                    spans: r.many(3, |r| r.span(json)),
                    schema_url: r.text(),
                }),
                schema_url: r.text(),
            }),
        }
    }
}

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
fn expected(request: &Request) -> (Vec<Span>, u64) {
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
        owner,
    })
}

/// Both decoders on the same bytes: the same verdict, the same spans.
fn compare(bytes: &[u8], seed: u64) {
    let ours = walk(bytes, &Limits::default());
    let theirs = Request::decode(bytes);
    let (rows, report) = match (ours, theirs) {
        (Ok(ours), Ok(theirs)) => {
            let (spans, invalid) = expected(&theirs);
            assert_eq!(ours.1.invalid, invalid, "seed {seed}");
            assert_eq!(ours.1.taken, spans.len() as u64, "seed {seed}");
            let plain = |span: &Span| {
                assert_eq!(span.endpoint.is_empty(), !span.kind.is_request(), "seed {seed}");
                Span { endpoint: String::new(), error: String::new(), ..span.clone() }
            };
            // NaN differs from itself, so the texts are compared.
            let ours_plain: Vec<Span> = ours.0.spans.iter().map(plain).collect();
            assert_eq!(format!("{ours_plain:?}"), format!("{spans:?}"), "seed {seed}");
            ours
        }
        (Err(_), Err(_)) => return,
        // Protobuf merges them; no encoder writes them.
        (Err(Malformed("an attribute's value is set twice")), Ok(_)) => return,
        (Err(why), Ok(_)) => panic!("seed {seed}: only the walker refuses: {why:?}"),
        (Ok(_), Err(why)) => panic!("seed {seed}: only prost refuses: {why}"),
    };
    assert_eq!(rows.spans.len() as u64, report.taken);
}

#[test]
fn random_requests_give_what_prost_gives() {
    for seed in 0..3_000 {
        compare(&Random(seed).request(false).encode_to_vec(), seed);
    }
}

#[test]
fn requests_cut_at_every_byte_never_panic_and_agree_with_prost() {
    for seed in 0..40 {
        let bytes = Random(seed).request(false).encode_to_vec();
        for end in 0..bytes.len().min(4_000) {
            compare(&bytes[..end], seed);
        }
    }
}

#[test]
fn damaged_requests_never_panic_and_agree_with_prost() {
    for seed in 0..20_000 {
        let mut random = Random(seed);
        let mut bytes = Random(seed % 50).request(false).encode_to_vec();
        if bytes.is_empty() {
            continue;
        }
        for _ in 0..=random.below(3) {
            let at = random.below(bytes.len());
            bytes[at] = if random.one_in(2) { random.next() as u8 } else { bytes[at] ^ 1 << random.below(8) };
        }
        compare(&bytes, seed);
    }
}

#[test]
fn random_bytes_never_panic() {
    for seed in 0..20_000 {
        let mut random = Random(seed);
        let bytes: Vec<u8> = (0..random.below(200)).map(|_| random.next() as u8).collect();
        compare(&bytes, seed);
    }
}

#[test]
fn json_says_the_same_as_protobuf() {
    for seed in 0..1_000 {
        let request = Random(seed).request(true);
        let bytes = json::traces(&serde_json::to_vec(&request).unwrap()).unwrap();
        assert_eq!(Request::decode(bytes.as_slice()).unwrap(), request, "seed {seed}");
    }
}

#[test]
fn damaged_json_never_panics() {
    for seed in 0..5_000 {
        let mut random = Random(seed);
        let mut text = serde_json::to_vec(&Random(seed % 20).request(true)).unwrap();
        let at = random.below(text.len());
        text[at] = random.next() as u8;
        if let Ok(bytes) = json::traces(&text) {
            assert!(bytes.len() <= text.len(), "seed {seed}");
            compare(&bytes, seed);
        }
    }
}
