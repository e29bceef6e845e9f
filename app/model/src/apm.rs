//! Requests, errors and durations of a service over time, by endpoint, by revision, and its kinds of error.

use serde::{Deserialize, Serialize};

use crate::{Histogram, RevisionHash, ServiceId, Step, Timestamp, TraceId, Window};

/// What is counted of requests: SERVER and CONSUMER spans. Counts are weighted by the adjusted count of sampled
/// traces, so they are not whole numbers.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Red {
    /// Requests.
    pub requests: f64,
    /// Requests that failed: span status ERROR, or HTTP 5xx answered.
    pub errors: f64,
    /// Requests answered with HTTP 4xx; not errors.
    pub client_errors: f64,
    /// Requests answered with HTTP 5xx.
    pub server_errors: f64,
    /// Sum of durations in nanoseconds.
    pub duration: f64,
    /// Durations.
    pub histogram: Histogram,
}

impl Red {
    /// Adds all of another's counts.
    pub fn merge(&mut self, other: &Self) {
        self.requests += other.requests;
        self.errors += other.errors;
        self.client_errors += other.client_errors;
        self.server_errors += other.server_errors;
        self.duration += other.duration;
        self.histogram.merge(&other.histogram);
    }

    /// The share of requests that failed, 0 to 1; nothing without requests.
    pub fn error_share(&self) -> Option<f64> {
        (self.requests > 0.0).then(|| self.errors / self.requests)
    }
}

/// Values on a regular grid: point `i` covers `[start + i·step, start + (i+1)·step)`. `None` is not measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// What it is a series of: `p95`, a revision's name.
    pub name: String,
    /// Start of the first bucket.
    pub start: Timestamp,
    /// Width of a bucket.
    pub step: Step,
    /// One value a bucket.
    #[serde(with = "crate::short")]
    pub points: Vec<Option<f64>>,
}

/// The charts of a service's overview, all on one grid. Rates are per second, shares 0 to 1, durations
/// nanoseconds. The unfinished last bucket is left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Apm {
    /// The window asked for.
    pub window: Window,
    /// All requests, or one series a revision.
    pub requests: Vec<Series>,
    /// Share of requests that failed; or one series a revision.
    pub errors: Vec<Series>,
    /// Share of requests answered 4xx.
    pub client_errors: Series,
    /// p50, p95 and p99 of all; or p95 by revision.
    pub latency: Vec<Series>,
    /// By revision: the place of each series' revision in the history of the service, the oldest at 0, which its
    /// colour is made of; nothing where it is not known.
    pub places: Vec<Option<u32>>,
    /// The whole window summed.
    pub total: Summary,
    /// For how many nanoseconds of the window requests were measured, which is what the total is of.
    pub measured: i64,
    /// Some of it came from traces sampled at an unknown rate: the page says "of received traces".
    pub sampled: bool,
    /// When the last request that was counted arrived; nothing means no request data in the retention.
    pub last_request: Option<Timestamp>,
}

/// Whether charts show all requests together or one line a revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Split {
    /// All together.
    #[default]
    Together,
    /// One series a revision.
    Revision,
}

/// A window in a few numbers.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Summary {
    /// Requests per second.
    pub rate: Option<f64>,
    /// Share of requests that failed, 0 to 1.
    pub error_share: Option<f64>,
    /// Median duration in nanoseconds.
    pub p50: Option<f64>,
    /// 95th percentile in nanoseconds.
    pub p95: Option<f64>,
    /// 99th percentile in nanoseconds.
    pub p99: Option<f64>,
    /// Requests counted.
    pub requests: f64,
    /// Of them failed.
    pub errors: f64,
}

impl Summary {
    /// Counts over so many nanoseconds in a few numbers; without requests every one is "not measured".
    pub fn of(red: &Red, nanos: i64) -> Self {
        let any = red.requests > 0.0 && nanos > 0;
        Self {
            rate: any.then(|| red.requests / (nanos as f64 / 1e9)),
            error_share: red.error_share(),
            p50: red.histogram.quantile(0.5),
            p95: red.histogram.quantile(0.95),
            p99: red.histogram.quantile(0.99),
            requests: red.requests,
            errors: red.errors,
        }
    }
}

/// One endpoint of a service, beside the period of equal length before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EndpointRow {
    /// The endpoint, `POST /checkout`.
    pub endpoint: String,
    /// In the window.
    pub now: Summary,
    /// In the window before.
    pub before: Summary,
    /// Its share of the time that the service spent, 0 to 1.
    pub time_share: f64,
}

/// One group of errors of a service: endpoint and error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ErrorRow {
    /// `exception.type`, else `error.type`, else status and pattern of the message.
    pub error: String,
    /// The endpoint on which it happened.
    pub endpoint: String,
    /// How often in the window.
    pub count: f64,
    /// First seen in the retained history.
    pub first_seen: Timestamp,
    /// Last seen.
    pub last_seen: Timestamp,
    /// The revision that was the first to have it, by its shown name.
    pub revision: Option<String>,
    /// A trace that has it.
    pub sample: TraceId,
    /// Counts over the window for a sparkline.
    pub spark: Vec<f64>,
}

/// The revision a request was served by, as a series is named after it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RevisionKey {
    /// The service.
    pub service: ServiceId,
    /// Its revision; nothing when the sender's pod is not known.
    pub revision: Option<RevisionHash>,
}
