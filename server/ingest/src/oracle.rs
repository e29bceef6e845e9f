//! The walker against prost: random requests, every truncation, random damage. Seeded, so a failure repeats.

mod expected;
mod random;

use std::sync::Arc;

use model::{Owner, Span, SpanEvent, SpanLink, Timestamp, Value};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest as Request;
use prost::Message;
use store::{OwnerFacts, SpanRow};

use crate::envelope::{Owning, Report};
use crate::traces::{Sink, decode};
use crate::wire::Malformed;
use crate::{Limits, json};
use expected::expected;
use random::Random;

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

impl Owning for Rows {
    fn owner(&mut self, owner: Owner, _: OwnerFacts) -> u32 {
        self.owners.push(owner);
        self.owners.len() as u32 - 1
    }
}

impl Sink for Rows {
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
            owner: Arc::new(self.owners[row.owner as usize].clone()),
        });
    }
}

/// Decodes with the walker.
pub(crate) fn walk(bytes: &[u8], limits: &Limits) -> Result<(Rows, Report), Malformed> {
    let mut rows = Rows::default();
    let report = decode(bytes, None, &|_| false, limits, Timestamp(0), &mut rows)?;
    Ok((rows, report))
}

/// Both decoders on the same bytes: the same verdict, the same spans.
pub(crate) fn compare(bytes: &[u8], seed: u64) {
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
            assert!(format!("{ours_plain:?}") == format!("{spans:?}"), "seed {seed}");
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
    for seed in 0..1_000 {
        compare(&Random(seed).request(false).encode_to_vec(), seed);
    }
}

#[test]
fn requests_cut_at_every_byte_never_panic_and_agree_with_prost() {
    for seed in 0..6 {
        let bytes = Random(seed).request(false).encode_to_vec();
        for end in 0..bytes.len().min(4_000) {
            compare(&bytes[..end], seed);
        }
    }
}

#[test]
fn damaged_requests_never_panic_and_agree_with_prost() {
    for seed in 0..8_000 {
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
    for seed in 0..500 {
        let request = Random(seed).request(true);
        let bytes = json::traces(&serde_json::to_vec(&request).unwrap()).unwrap();
        assert!(Request::decode(bytes.as_slice()).unwrap() == request, "seed {seed}");
    }
}

#[test]
fn damaged_json_never_panics() {
    for seed in 0..3_000 {
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
