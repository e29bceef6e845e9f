//! The signals of OTLP: where each is sent, what its records are called, how its requests are decoded.

use std::net::IpAddr;

use model::Timestamp;
use store::OwnerFacts;

use crate::charged::Charged;
use crate::envelope::Report;
use crate::wire::Malformed;
use crate::{Limits, json, logs, metrics, profiles, traces};

/// A signal of OTLP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Spans.
    Traces,
    /// Log records.
    Logs,
    /// Metric points.
    Metrics,
    /// Profiles.
    Profiles,
}

impl Signal {
    /// All that are received.
    pub(crate) const ALL: [Self; 4] = [Self::Traces, Self::Logs, Self::Metrics, Self::Profiles];

    /// Where it is sent over HTTP (OTLP specification, "OTLP/HTTP Request").
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Traces => "/v1/traces",
            Self::Logs => "/v1/logs",
            Self::Metrics => "/v1/metrics",
            Self::Profiles => "/v1development/profiles",
        }
    }

    /// Where it is sent over gRPC.
    pub(crate) fn method(self) -> &'static str {
        match self {
            Self::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            Self::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
            Self::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
            Self::Profiles => "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export",
        }
    }

    /// What its records are called.
    pub(crate) fn records(self) -> &'static str {
        match self {
            Self::Traces => "spans",
            Self::Logs => "log records",
            Self::Metrics => "metric points",
            Self::Profiles => "profiles",
        }
    }

    /// How a partial success of OTLP/JSON names those left out.
    pub(crate) fn rejected(self) -> &'static str {
        match self {
            Self::Traces => "rejectedSpans",
            Self::Logs => "rejectedLogRecords",
            Self::Metrics => "rejectedDataPoints",
            Self::Profiles => "rejectedProfiles",
        }
    }

    /// Reasons for which records are left out, in the order of [`Report::left_out`].
    pub(crate) fn reasons(self) -> [&'static str; 5] {
        match self {
            Self::Traces => [
                "span without a valid id",
                "span over the limit",
                "span of a resource over the limit",
                "span too old (clock wrong, or sent too late)",
                "span from the future (clock wrong)",
            ],
            Self::Logs => [
                "log record that is not valid",
                "log record over the limit",
                "log record of a resource over the limit",
                "log record too old (clock wrong, or sent too late)",
                "log record from the future (clock wrong)",
            ],
            Self::Metrics => [
                "metric point that is not valid",
                "metric point over the limit",
                "metric point of a resource over the limit",
                "metric point too old (clock wrong, or sent too late)",
                "metric point from the future (clock wrong)",
            ],
            Self::Profiles => [
                "profile that is not valid",
                "profile over the limit",
                "profile of a resource over the limit",
                "profile too old (clock wrong, or sent too late)",
                "profile from the future (clock wrong)",
            ],
        }
    }

    /// What is wrong with those that are not valid.
    pub(crate) fn fault(self) -> &'static str {
        match self {
            Self::Traces | Self::Logs => "have no valid trace id, span id or parent id",
            Self::Metrics => "have no name or no value, or buckets that do not fit their bounds",
            Self::Profiles => "do not say what they sample",
        }
    }

    /// How much longer the protobuf bytes may be than the text of JSON: numbers in arrays have no names.
    pub(crate) fn growth(self) -> usize {
        match self {
            Self::Traces | Self::Logs => 1,
            Self::Metrics | Self::Profiles => 5,
        }
    }

    /// The same request as protobuf bytes.
    pub(crate) fn of_json(self, text: &[u8]) -> Result<Vec<u8>, serde_json::Error> {
        match self {
            Self::Traces => json::traces(text),
            Self::Logs => json::logs(text),
            Self::Metrics => json::metrics(text),
            Self::Profiles => json::profiles(text),
        }
    }

    /// Decodes a request into rows.
    pub(crate) fn decode(
        self,
        body: &[u8],
        peer: Option<IpAddr>,
        found: &dyn Fn(&OwnerFacts) -> bool,
        limits: &Limits,
        now: Timestamp,
        rows: &mut Charged<'_>,
    ) -> Result<Report, Malformed> {
        match self {
            Self::Traces => traces::decode(body, peer, found, limits, now, rows),
            Self::Logs => logs::decode(body, peer, found, limits, now, rows),
            Self::Metrics => metrics::decode(body, peer, found, limits, now, rows),
            Self::Profiles => profiles::otlp::decode(body, peer, found, limits, now, rows),
        }
    }
}
