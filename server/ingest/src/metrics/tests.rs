use model::{MetricKind, Owner, Timestamp};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest as Request;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint, Metric,
    NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint, exponential_histogram_data_point,
    metric::Data, number_data_point::Value, summary_data_point::ValueAtQuantile,
};
use prost::Message;
use store::{OwnerFacts, PointRow, STALE, SeriesRow};

use super::{Sink, decode};
use crate::envelope::{Owning, Report};
use crate::wire::Malformed;
use crate::{Limits, json};

/// A point as it went into the sink.
#[derive(Debug, Clone, PartialEq, Default)]
struct Told {
    name: String,
    kind: MetricKind,
    about: [String; 3],
    labels: Vec<(String, String)>,
    at: i64,
    start: i64,
    value: f64,
    count: u64,
    range: (Option<f64>, Option<f64>),
    bounds: Vec<f64>,
    buckets: Vec<u64>,
}

#[derive(Default)]
struct Points(Vec<Told>);

impl Owning for Points {
    fn owner(&mut self, _: Owner, _: OwnerFacts) -> u32 {
        0
    }
}

impl Sink for Points {
    fn push(&mut self, series: &SeriesRow<'_>, point: &PointRow<'_>) {
        let distribution = point.distribution.as_ref();
        self.0.push(Told {
            name: series.name.into(),
            kind: series.kind,
            about: [series.unit, series.description, series.scope].map(str::to_owned),
            labels: series.labels.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect(),
            at: point.at.0,
            start: point.start.0,
            value: point.value,
            count: distribution.map_or(0, |distribution| distribution.count),
            range: distribution.map_or((None, None), |distribution| (distribution.min, distribution.max)),
            bounds: series.bounds.to_vec(),
            buckets: distribution.map_or(Vec::new(), |distribution| distribution.buckets.to_vec()),
        });
    }
}

fn request(all: Vec<Data>) -> Vec<u8> {
    let scope = Some(InstrumentationScope { name: "shop".into(), ..InstrumentationScope::default() });
    let metric = |data| Metric {
        name: "m".into(),
        description: "d".into(),
        unit: "By".into(),
        metadata: vec![label("from", "prometheus")],
        data: Some(data),
    };
    let metrics = all.into_iter().map(metric).collect();
    let scope_metrics = vec![ScopeMetrics { scope, metrics, schema_url: String::new() }];
    Request { resource_metrics: vec![ResourceMetrics { resource: None, scope_metrics, schema_url: String::new() }] }
        .encode_to_vec()
}

fn label(key: &str, text: &str) -> KeyValue {
    let value = Some(AnyValue { value: Some(any_value::Value::StringValue(text.into())) });
    KeyValue { key: key.into(), value, ..KeyValue::default() }
}

fn read(bytes: &[u8]) -> Result<(Vec<Told>, Report), Malformed> {
    let mut points = Points::default();
    let report = decode(bytes, None, &|_| true, &Limits::default(), Timestamp(77), &mut points)?;
    Ok((points.0, report))
}

fn one(data: Data) -> Told {
    read(&request(vec![data])).unwrap().0.remove(0)
}

fn number(value: Option<Value>) -> NumberDataPoint {
    let exemplar = Exemplar { time_unix_nano: 3, filtered_attributes: vec![label("k", "v")], ..Exemplar::default() };
    NumberDataPoint {
        attributes: vec![label("z", "1"), label("a", "2"), label("z", "3")],
        start_time_unix_nano: 4,
        time_unix_nano: 5,
        exemplars: vec![exemplar],
        flags: 0,
        value,
    }
}

fn sum(aggregation_temporality: i32, is_monotonic: bool, value: Value) -> Data {
    Data::Sum(Sum { data_points: vec![number(Some(value))], aggregation_temporality, is_monotonic })
}

fn histogram() -> Data {
    let point = HistogramDataPoint {
        attributes: vec![label("a", "b")],
        time_unix_nano: 5,
        count: 6,
        sum: Some(1.5),
        bucket_counts: vec![1, 2, 3],
        explicit_bounds: vec![0.5, 1.0],
        min: Some(0.25),
        ..HistogramDataPoint::default()
    };
    Data::Histogram(Histogram { data_points: vec![point], aggregation_temporality: 2 })
}

fn exponential() -> Data {
    let positive = exponential_histogram_data_point::Buckets { offset: -1, bucket_counts: vec![2, 300] };
    let point = ExponentialHistogramDataPoint {
        count: 303,
        sum: Some(9.0),
        scale: -1,
        zero_count: 1,
        positive: Some(positive),
        time_unix_nano: 5,
        ..ExponentialHistogramDataPoint::default()
    };
    Data::ExponentialHistogram(ExponentialHistogram { data_points: vec![point], aggregation_temporality: 1 })
}

fn summary() -> Data {
    let quantile_values =
        vec![ValueAtQuantile { quantile: 0.5, value: 2.0 }, ValueAtQuantile { quantile: 1.0, value: 3.0 }];
    let attributes = vec![label("a", "b"), label("z", "y")];
    let point = SummaryDataPoint {
        attributes,
        time_unix_nano: 5,
        count: 4,
        sum: 7.0,
        quantile_values,
        ..SummaryDataPoint::default()
    };
    Data::Summary(Summary { data_points: vec![point] })
}

#[test]
fn numbers_are_read_whole() {
    let point = one(Data::Gauge(Gauge { data_points: vec![number(Some(Value::AsDouble(0.5)))] }));
    let labels = [("a", "2"), ("z", "1")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!((point.name.as_str(), point.kind, point.value), ("m", MetricKind::Gauge, 0.5));
    assert_eq!((point.about.join(" "), point.at, point.start), ("By d shop".into(), 5, 4));
    assert_eq!(point.labels, labels, "sorted, of a key that comes twice the first");
    for (temporality, is_monotonic, kind) in [
        (2, true, MetricKind::Counter),
        (2, false, MetricKind::UpDownCounter),
        (1, true, MetricKind::DeltaCounter),
        (1, false, MetricKind::DeltaUpDownCounter),
        (0, true, MetricKind::Counter),
    ] {
        let point = one(sum(temporality, is_monotonic, Value::AsInt(-3)));
        assert_eq!((point.kind, point.value), (kind, -3.0));
    }
}

#[test]
fn distributions_are_read_whole() {
    let point = one(histogram());
    assert_eq!((point.kind, point.count, point.value), (MetricKind::Histogram, 6, 1.5));
    assert_eq!((point.bounds, point.buckets, point.range), (vec![0.5, 1.0], vec![1, 2, 3], (Some(0.25), None)));
    let point = one(exponential());
    assert_eq!((point.kind, point.count, point.buckets.iter().sum::<u64>()), (MetricKind::DeltaHistogram, 303, 303));
    let of_4 = point.bounds.iter().position(|bound| *bound == 4.0).unwrap();
    assert_eq!((point.buckets[of_4], point.buckets[of_4 - 1]), (300, 2));
    let (points, report) = read(&request(vec![summary()])).unwrap();
    assert_eq!((points[0].kind, points[0].count, points[0].value), (MetricKind::Summary, 4, 7.0));
    assert_eq!((points[2].name.as_str(), points[2].kind, points[2].value), ("m.quantile", MetricKind::Gauge, 3.0));
    let labels = [("a", "b"), ("quantile", "1"), ("z", "y")].map(|(k, v)| (k.to_owned(), v.to_owned()));
    assert_eq!((&points[2].labels[..], report.taken), (&labels[..], 1));
}

#[test]
fn a_series_that_ended_and_a_point_without_a_value_are_told_apart() {
    let ended = NumberDataPoint { flags: 1, ..number(None) };
    let (points, report) = read(&request(vec![Data::Gauge(Gauge { data_points: vec![ended, number(None)] })])).unwrap();
    assert_eq!((points.len(), report.taken, report.invalid), (1, 1, 1));
    assert_eq!(points[0].value.to_bits(), STALE.to_bits());
    let Data::Histogram(mut wrong) = histogram() else { panic!("no histogram") };
    wrong.data_points[0].bucket_counts.push(1);
    assert_eq!(read(&request(vec![Data::Histogram(wrong.clone())])).unwrap().1.invalid, 1);
    wrong.data_points[0].flags = 1;
    wrong.data_points[0].bucket_counts.pop();
    let point = one(Data::Histogram(wrong));
    assert_eq!((point.value.to_bits(), point.count, point.buckets), (STALE.to_bits(), 0, vec![0; 3]));
}

#[test]
fn json_says_the_same_as_protobuf() {
    let all = vec![sum(2, true, Value::AsInt(-7)), histogram(), exponential(), summary()];
    let bytes = request(all);
    let text = serde_json::to_vec(&Request::decode(&bytes[..]).unwrap()).unwrap();
    let of_json = json::metrics(&text).unwrap();
    assert_eq!(read(&of_json).unwrap(), read(&bytes).unwrap(), "{}", String::from_utf8_lossy(&text));
    let wrong =
        br#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"histogram":{"dataPoints":[{"bucketCounts":5}]}}]}]}]}"#;
    assert!(json::metrics(wrong).is_err());
}

#[test]
fn damage_is_refused_whole_and_never_a_panic() {
    let gauge = Data::Gauge(Gauge { data_points: vec![number(Some(Value::AsDouble(0.5))); 2] });
    let bytes = request(vec![gauge, sum(2, true, Value::AsInt(5)), histogram(), exponential(), summary()]);
    let whole = read(&bytes).unwrap();
    for end in 1..bytes.len() {
        if let Ok((points, _)) = read(&bytes[..end]) {
            assert!(points.len() <= whole.0.len());
        }
    }
    for at in 0..bytes.len() {
        for change in [0x55, 0x01, 0x80, 0x08, 0x04] {
            let mut damaged = bytes.clone();
            damaged[at] ^= change;
            let ours = read(&damaged).map(|_| ());
            // Protobuf merges them; no encoder writes them.
            if let Err(Malformed("a metric's data is set twice" | "an attribute's value is set twice")) = ours {
                continue;
            }
            assert_eq!(ours.is_ok(), Request::decode(&damaged[..]).is_ok(), "byte {at}: {ours:?}");
        }
    }
}

#[test]
fn points_over_the_limit_are_counted() {
    let limits = Limits { records: 2, ..Limits::default() };
    let mut points = Points::default();
    let bytes = request(vec![Data::Gauge(Gauge { data_points: vec![number(Some(Value::AsInt(1))); 5] })]);
    let report = decode(&bytes, None, &|_| true, &limits, Timestamp(0), &mut points).unwrap();
    assert_eq!((report.taken, report.over, points.0.len()), (2, 3, 2));
}
