//! Prometheus remote write 1: `WriteRequest` bytes to metric points. Pure. A series' kind is told by its name, as
//! Prometheus' own conventions have it, since metadata comes in requests of its own; buckets of classic histograms
//! stay counters; native histograms and exemplars are left out.

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use model::{MetricKind, Owner, Timestamp};
use store::{PointRow, SeriesRow};

use crate::Limits;
use crate::envelope::Report;
use crate::metrics::Sink;
use crate::owner::facts;
use crate::traces::short;
use crate::value::Cuts;
use crate::wire::{Cursor, Malformed, WRONG_TYPE, Wire, text};

/// Labels that say where a series comes from, and what resources call that.
const OWNER: [(&str, &str); 5] = [
    ("container", "k8s.container.name"),
    ("instance", "service.instance.id"),
    ("job", "service.name"),
    ("namespace", "k8s.namespace.name"),
    ("pod", "k8s.pod.name"),
];
const NAME: &str = "__name__";

/// Decodes a request into a sink. Who sent it is a Prometheus, so its address says nothing of what it sends.
pub(crate) fn decode(body: &[u8], limits: &Limits, now: Timestamp, sink: &mut impl Sink) -> Result<Report, Malformed> {
    let mut decoder =
        Decoder { limits, sink, now, report: Report::default(), owners: HashMap::new(), labels: Vec::new() };
    let mut cursor = Cursor::new(body);
    while let Some(field) = cursor.field()? {
        match field {
            (1, Wire::Bytes(bytes)) => decoder.series(bytes)?,
            (3, Wire::Bytes(_)) => {}
            (1 | 3, _) => return Err(WRONG_TYPE),
            _ => {}
        }
    }
    Ok(decoder.report)
}

struct Decoder<'a, 'l, S> {
    limits: &'l Limits,
    sink: &'l mut S,
    now: Timestamp,
    report: Report,
    /// Numbers of owners by the values of their labels.
    owners: HashMap<[&'a str; OWNER.len()], u32>,
    /// Used again for every series.
    labels: Vec<(&'a str, &'a str)>,
}

impl<'a, S: Sink> Decoder<'a, '_, S> {
    /// Labels may stand after samples, so they are read first.
    fn series(&mut self, bytes: &'a [u8]) -> Result<(), Malformed> {
        let (mut name, mut whose) = ("", [""; OWNER.len()]);
        self.labels.clear();
        let mut cuts = Cuts::default();
        let mut cursor = Cursor::new(bytes);
        while let Some(field) = cursor.field()? {
            match field {
                (1, Wire::Bytes(bytes)) => {
                    let (key, value) = label(bytes)?;
                    let value = short(value, &mut cuts);
                    match OWNER.iter().position(|(known, _)| *known == key) {
                        Some(at) => whose[at] = value,
                        None if key == NAME => name = value,
                        None if key.is_empty() || self.labels.len() >= self.limits.nested_attributes => {
                            cuts.dropped += 1
                        }
                        None => self.labels.push((short(key, &mut cuts), value)),
                    }
                }
                (2..=4, Wire::Bytes(_)) => {}
                (1..=4, _) => return Err(WRONG_TYPE),
                _ => {}
            }
        }
        self.labels.sort_by_key(|(key, _)| *key);
        self.labels.dedup_by_key(|(key, _)| *key);
        self.report.cuts.add(cuts);
        let mut owner = None;
        let mut cursor = Cursor::new(bytes);
        while let Some(field) = cursor.field()? {
            match field {
                (2, Wire::Bytes(bytes)) => {
                    let (value, millis) = sample(bytes)?;
                    if name.is_empty() {
                        self.report.invalid += 1;
                    } else {
                        let owner = *owner.get_or_insert_with(|| self.owner(whose));
                        self.report.without_owner = owner.is_none();
                        let at = Timestamp(millis.saturating_mul(1_000_000));
                        if self.report.takes(self.limits, at, self.now) {
                            self.push(owner.unwrap_or_default(), name, value, at);
                        }
                    }
                }
                (4, Wire::Bytes(_)) => self.report.invalid += 1,
                _ => {}
            }
        }
        Ok(())
    }

    fn push(&mut self, owner: u32, name: &str, value: f64, at: Timestamp) {
        let labels = &self.labels;
        let kind = kind(name);
        let series = SeriesRow { owner, name, kind, unit: "", description: "", scope: "", labels, bounds: &[] };
        self.sink.push(&series, &PointRow { at, start: Timestamp(0), value, distribution: None });
    }

    /// The number of an owner; none when the request has as many as it may have.
    fn owner(&mut self, whose: [&'a str; OWNER.len()]) -> Option<u32> {
        if let Some(number) = self.owners.get(&whose) {
            return Some(*number);
        }
        if self.owners.len() >= self.limits.owners {
            return None;
        }
        let mut attributes: Vec<(String, String)> = Vec::new();
        for ((label, key), value) in OWNER.iter().zip(whose).filter(|(_, value)| !value.is_empty()) {
            // A job may be `namespace/name` (OpenTelemetry, "Prometheus and OpenMetrics Compatibility").
            let value = match value.rsplit_once('/').filter(|_| *label == "job") {
                Some((namespace, name)) => {
                    attributes.push(("service.namespace".to_owned(), namespace.to_owned()));
                    name
                }
                None => value,
            };
            attributes.push(((*key).to_owned(), value.to_owned()));
        }
        attributes.sort_by(|a, b| a.0.cmp(&b.0));
        let facts = facts(&attributes);
        let number = self.sink.owner(Owner { attributes, peer: None }, facts);
        self.owners.insert(whose, number);
        Some(number)
    }
}

/// What a name says of its points.
fn kind(name: &str) -> MetricKind {
    let grows = ["_total", "_count", "_sum", "_bucket"].iter().any(|end| name.ends_with(end));
    if grows { MetricKind::Counter } else { MetricKind::Gauge }
}

fn label(bytes: &[u8]) -> Result<(&str, &str), Malformed> {
    let (mut key, mut value) = ("", "");
    let mut cursor = Cursor::new(bytes);
    while let Some(field) = cursor.field()? {
        match field {
            (1, Wire::Bytes(bytes)) => key = text(bytes)?,
            (2, Wire::Bytes(bytes)) => value = text(bytes)?,
            (1 | 2, _) => return Err(WRONG_TYPE),
            _ => {}
        }
    }
    Ok((key, value))
}

fn sample(bytes: &[u8]) -> Result<(f64, i64), Malformed> {
    let (mut value, mut millis) = (0.0, 0);
    let mut cursor = Cursor::new(bytes);
    while let Some(field) = cursor.field()? {
        match field {
            (1, Wire::Fixed64(bits)) => value = f64::from_bits(bits),
            (2, Wire::Varint(number)) => millis = number as i64,
            (1 | 2, _) => return Err(WRONG_TYPE),
            _ => {}
        }
    }
    Ok((value, millis))
}
