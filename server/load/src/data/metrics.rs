//! Metric points: 10,000 series of four services, 2,000 counters and 500 gauges each. A request carries a part of one
//! round over all series, so that series go on from round to round.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum,
};
use prost::Message;

use super::fleet::{PODS, scope};
use super::{Place, word};
use crate::random::Random;

/// Services that send metrics, from their first pods.
pub(super) const SERVICES: usize = 4;
/// Counters of a service: 4 methods, 100 routes, 5 statuses.
const COUNTERS: usize = 2_000;
/// Gauges of a service.
const GAUGES: usize = 500;
/// Series in all.
pub(super) const SERIES: usize = SERVICES * (COUNTERS + GAUGES);

const METHODS: [&str; 4] = ["GET", "POST", "PUT", "DELETE"];
const STATUSES: [&str; 5] = ["200", "201", "404", "409", "503"];

/// The points of a request: those that follow what the request before had.
pub(super) fn request(place: &Place<'_>) -> Vec<u8> {
    let first = place.request * place.records as u64;
    let mut of_metrics: Vec<Vec<NumberDataPoint>> = vec![Vec::new(); SERVICES * 2];
    for point in first..first + place.records as u64 {
        let (round, series) = (point / SERIES as u64, (point % SERIES as u64) as usize);
        let (service, own) = (series / (COUNTERS + GAUGES), series % (COUNTERS + GAUGES));
        let is_gauge = own >= COUNTERS;
        let value = if is_gauge { level(series, round) } else { total(series, round) };
        of_metrics[service * 2 + usize::from(is_gauge)].push(NumberDataPoint {
            attributes: if is_gauge { pool(own - COUNTERS) } else { route(own) },
            start_time_unix_nano: if is_gauge { 0 } else { place.started },
            // All series of a round are read at once.
            time_unix_nano: place.when.of(round * SERIES as u64 / place.records as u64).0,
            value: Some(value),
            ..NumberDataPoint::default()
        });
    }
    let sent = of_metrics.into_iter().enumerate().filter(|(_, points)| !points.is_empty());
    let resource_metrics = sent.map(|(metric, points)| ResourceMetrics {
        resource: Some(place.fleet.resource(metric / 2 * PODS)),
        scope_metrics: vec![ScopeMetrics {
            scope: scope("load.meter"),
            metrics: vec![if metric % 2 == 1 { gauges(points) } else { counters(points) }],
            schema_url: String::new(),
        }],
        schema_url: String::new(),
    });
    ExportMetricsServiceRequest { resource_metrics: resource_metrics.collect() }.encode_to_vec()
}

fn counters(data_points: Vec<NumberDataPoint>) -> Metric {
    let temporality = AggregationTemporality::Cumulative as i32;
    let data = Data::Sum(Sum { data_points, aggregation_temporality: temporality, is_monotonic: true });
    metric("http.server.requests", "{request}", data)
}

fn gauges(data_points: Vec<NumberDataPoint>) -> Metric {
    metric("db.client.pool.usage", "1", Data::Gauge(Gauge { data_points }))
}

fn metric(name: &str, unit: &str, data: Data) -> Metric {
    Metric { name: name.to_owned(), unit: unit.to_owned(), data: Some(data), ..Metric::default() }
}

fn route(own: usize) -> Vec<KeyValue> {
    vec![
        word("http.request.method", METHODS[own % 4]),
        word("http.route", format!("/api/v1/things/{}/{{id}}", own / 20)),
        word("http.response.status_code", STATUSES[own / 4 % 5]),
    ]
}

fn pool(own: usize) -> Vec<KeyValue> {
    vec![
        word("db.client.connection.pool.name", format!("pool-{}", own / 2)),
        word("db.client.connection.state", ["idle", "used"][own % 2]),
        word("db.system.name", "postgresql"),
    ]
}

/// What a counter has come to by a round: a rate of its own, and what chance adds.
fn total(series: usize, round: u64) -> Value {
    let rate = Random::of(7, series as u64).below(400) as u64;
    let chance = Random::of(series as u64, round).below(rate as usize / 4 + 1) as u64;
    Value::AsInt((rate * round + chance) as i64)
}

/// A share in thousandths that wanders around a middle of its own.
fn level(series: usize, round: u64) -> Value {
    let middle = Random::of(11, series as u64).below(900);
    let chance = Random::of(series as u64, round).below(100);
    Value::AsDouble((middle + chance) as f64 / 1_000.0)
}
