use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data as Points;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use prost::Message;

use super::*;

const NOW: u64 = 1_790_000_000 * SECOND;
const HOUR: u64 = 3_600 * SECOND;

fn data(signal: Signal, requests: u64, past: u64) -> Data {
    Data::new(Shape { signal, requests, batch: 1_000, services: 10, seed: 3, past: Duration::from_nanos(past) })
}

/// Bytes of a record, and packed with gzip.
fn sizes(signal: Signal) -> (f64, f64) {
    let request = data(signal, 100, HOUR).request(50, NOW, NOW);
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(&request.bytes).unwrap();
    let a_record = |bytes: usize| bytes as f64 / request.records as f64;
    (a_record(request.bytes.len()), a_record(packed.finish().unwrap().len()))
}

#[test]
fn records_are_as_large_as_those_that_peers_were_measured_with() {
    for (signal, bytes, packed) in [
        (Signal::Spans, 480.0..525.0, 60.0..80.0),
        (Signal::Logs, 215.0..240.0, 50.0..75.0),
        (Signal::Metrics, 130.0..150.0, 5.0..20.0),
    ] {
        let found = sizes(signal);
        assert!(bytes.contains(&found.0) && packed.contains(&found.1), "{signal:?}: {found:?}");
    }
}

#[test]
fn a_seed_gives_the_same_records_and_another_others() {
    for signal in [Signal::Spans, Signal::Logs, Signal::Metrics] {
        let request = |number| data(signal, 100, HOUR).request(number, NOW, NOW + 5);
        assert_eq!(request(7).bytes, request(7).bytes);
        assert_ne!(request(7).bytes, request(8).bytes);
    }
}

#[test]
fn traces_are_whole_and_their_times_follow_each_other() {
    let data = data(Signal::Spans, 100, HOUR);
    let (mut ids, mut failed, mut last) = (BTreeSet::new(), 0, 0);
    for number in [0, 1, 99] {
        let request = data.request(number, NOW, NOW);
        assert!(request.times.0 >= last && request.times.1 <= NOW);
        last = request.times.1;
        let decoded = ExportTraceServiceRequest::decode(request.bytes).unwrap();
        let mut traces: BTreeMap<Vec<u8>, Vec<Vec<u8>>> = BTreeMap::new();
        for resource in decoded.resource_spans {
            assert_eq!(resource.resource.unwrap().attributes.len(), 10);
            for span in resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                assert_eq!(span.attributes.len(), 12);
                assert!(
                    span.start_time_unix_nano >= request.times.0 && span.end_time_unix_nano > span.start_time_unix_nano
                );
                failed += span.events.len();
                assert!(ids.insert(span.span_id.clone()), "an id comes twice");
                traces.entry(span.trace_id).or_default().push(span.parent_span_id);
            }
        }
        assert_eq!(traces.len(), 125);
        assert!(traces.contains_key(&request.trace.unwrap()));
        assert!(traces.values().all(|spans| spans.len() == 8 && spans.iter().filter(|p| p.is_empty()).count() == 1));
    }
    assert!((240..360).contains(&failed), "{failed} of 3,000 failed");
}

#[test]
fn logs_have_a_line_that_is_rare() {
    let data = data(Signal::Logs, 200, 0);
    let rare = |number| {
        let decoded = ExportLogsServiceRequest::decode(data.request(number, NOW, NOW).bytes).unwrap();
        let scopes = decoded.resource_logs.into_iter().flat_map(|resource| resource.scope_logs);
        let records: Vec<_> = scopes.flat_map(|scope| scope.log_records).collect();
        assert_eq!(records.len(), 1_000);
        let is_rare = |body: &AnyValue| matches!(&body.value, Some(super::Value::StringValue(text)) if text.contains("write protected"));
        records.iter().filter(|record| record.body.as_ref().is_some_and(is_rare)).count()
    };
    assert_eq!((rare(0), rare(1), rare(100)), (1, 0, 1));
}

#[test]
fn series_go_on_from_round_to_round_and_counters_never_fall() {
    let data = data(Signal::Metrics, 30, HOUR);
    let mut points: BTreeMap<Vec<u8>, Vec<(u64, Value)>> = BTreeMap::new();
    for number in 0..30 {
        let decoded = ExportMetricsServiceRequest::decode(data.request(number, NOW, NOW).bytes).unwrap();
        for resource in decoded.resource_metrics {
            let owner = resource.resource.unwrap().encode_to_vec();
            for metric in resource.scope_metrics.into_iter().flat_map(|scope| scope.metrics) {
                let (is_counter, all) = match metric.data.unwrap() {
                    Points::Sum(sum) => (true, sum.data_points),
                    Points::Gauge(gauge) => (false, gauge.data_points),
                    other => panic!("{other:?}"),
                };
                for point in all {
                    let labels = point.attributes.iter().flat_map(Message::encode_to_vec);
                    let key = owner.iter().copied().chain(labels).collect();
                    assert_eq!(point.attributes.len(), 3);
                    assert_eq!(matches!(point.value, Some(Value::AsInt(_))), is_counter);
                    points.entry(key).or_default().push((point.time_unix_nano, point.value.unwrap()));
                }
            }
        }
    }
    assert_eq!(points.len(), metrics::SERIES);
    for series in points.values() {
        assert_eq!(series.len(), 3);
        for pair in series.windows(2) {
            assert_eq!(pair[1].0 - pair[0].0, HOUR / 3);
            if let (Value::AsInt(before), Value::AsInt(after)) = (&pair[0].1, &pair[1].1) {
                assert!(before <= after);
            }
        }
    }
}
