//! The common data set, by which engines are compared: how many records a request has, of whom, when. Pure.

mod fleet;
mod logs;
mod metrics;
mod spans;
#[cfg(test)]
mod tests;

use std::time::Duration;

use bytes::Bytes;
use clap::ValueEnum;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use serde::Serialize;

use crate::random::Random;
use fleet::Fleet;

/// A kind of telemetry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Signal {
    /// 8 spans a trace over four services, 12 attributes, one in ten with an exception: about 503 bytes each
    Spans,
    /// Lines of about 75 characters with 3 attributes and the ids of trace and span: about 227 bytes each
    Logs,
    /// 10,000 series of 3 attributes, one in five a gauge: about 142 bytes a point
    Metrics,
}

impl Signal {
    /// Where it is sent over HTTP (OTLP specification, "OTLP/HTTP Request").
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Spans => "/v1/traces",
            Self::Logs => "/v1/logs",
            Self::Metrics => "/v1/metrics",
        }
    }

    /// Where it is sent over gRPC.
    pub(crate) fn method(self) -> &'static str {
        match self {
            Self::Spans => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            Self::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
            Self::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        }
    }
}

/// What is sent in all.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    pub(crate) signal: Signal,
    pub(crate) requests: u64,
    /// Records a request.
    pub(crate) batch: usize,
    /// Services that send.
    pub(crate) services: usize,
    pub(crate) seed: u64,
    /// The time before now that the records cover.
    pub(crate) past: Duration,
}

/// A request, encoded.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) bytes: Bytes,
    pub(crate) records: u64,
    /// One of its traces.
    pub(crate) trace: Option<Vec<u8>>,
    /// The earliest and the latest time of its records, in nanoseconds since 1970.
    pub(crate) times: (u64, u64),
}

/// Makes requests by their number.
#[derive(Debug)]
pub(crate) struct Data {
    shape: Shape,
    fleet: Fleet,
}

/// When requests' records happened, in nanoseconds since 1970.
#[derive(Debug, Clone, Copy)]
enum When {
    /// In the second before the present.
    Live { now: u64 },
    /// Each in its part of the time that the run covers.
    Past { from: u64, part: u64 },
}

impl When {
    /// From when to when those of a request are.
    fn of(self, request: u64) -> (u64, u64) {
        match self {
            Self::Live { now } => (now - SECOND, now),
            Self::Past { from, part } => (from + part * request, from + part * (request + 1)),
        }
    }
}

const SECOND: u64 = 1_000_000_000;

/// Where a request's records come from and when they happened.
struct Place<'a> {
    fleet: &'a Fleet,
    random: Random,
    /// The request's number.
    request: u64,
    /// Its records.
    records: usize,
    when: When,
    /// When the pods began.
    started: u64,
}

impl Place<'_> {
    /// When a record of so many happened: they follow each other.
    fn at(&self, record: usize) -> u64 {
        let (from, to) = self.when.of(self.request);
        from + (to - from) / self.records as u64 * record as u64
    }
}

impl Data {
    pub(crate) fn new(shape: Shape) -> Self {
        let fleet = Fleet::new(if shape.signal == Signal::Metrics { metrics::SERVICES } else { shape.services });
        Self { shape, fleet }
    }

    /// The request of a number. `begun` is when the run began and `now` the present, in nanoseconds since 1970.
    pub(crate) fn request(&self, number: u64, begun: u64, now: u64) -> Request {
        let Shape { signal, requests, batch, seed, past, .. } = self.shape;
        let past = past.as_nanos() as u64;
        let when = match past {
            0 => When::Live { now },
            past => When::Past { from: begun - past, part: past / requests },
        };
        let (random, started) = (Random::of(seed, number), begun - past - 3_600 * SECOND);
        let place = Place { fleet: &self.fleet, random, request: number, records: batch, when, started };
        let (bytes, trace) = match signal {
            Signal::Spans => spans::request(place),
            Signal::Logs => logs::request(place),
            Signal::Metrics => (metrics::request(&place), None),
        };
        Request { bytes: bytes.into(), records: batch as u64, trace, times: when.of(number) }
    }
}

fn word(key: &str, value: impl Into<String>) -> KeyValue {
    attribute(key, Value::StringValue(value.into()))
}

fn number(key: &str, value: i64) -> KeyValue {
    attribute(key, Value::IntValue(value))
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), key_strindex: 0 }
}
