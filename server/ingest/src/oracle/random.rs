//! Random requests, the same for the same seed: texts that need escaping, ids of wrong lengths, times at the ends.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest as Request;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span as Sent, Status};

/// Numbers from a seed (splitmix64).
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub(super) fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn many<T>(&mut self, most: usize, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(most + 1)).map(|_| make(self)).collect()
    }

    fn text(&mut self) -> String {
        const TEXTS: [&str; 8] =
            ["", "a", "http.route", "/items/{id}", "größe", "\u{0}\"\\\n<b>", "日本語", "GET /x/42"];
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
            // serde_json reads long fractions to the last digit but one.
            3 if json => Any::DoubleValue(self.below(1 << 20) as f64 / 8.0),
            3 => Any::DoubleValue(f64::from_bits(self.next())),
            4 => Any::BytesValue(self.id(5)),
            5 => Any::ArrayValue(ArrayValue { values: self.many(4, |r| r.value(depth - 1, json).unwrap_or_default()) }),
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

    pub(super) fn request(&mut self, json: bool) -> Request {
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
