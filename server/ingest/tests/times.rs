//! Records from the past and from the future, of each signal.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod common;

use std::time::Duration;

use common::{Fake, Receivers, request, send, span};
use ingest::Limits;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse as Response;
use prost::Message;

const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");

/// A request of records of these ages in seconds, of each signal, and where it goes.
fn aged(ages: &[i64]) -> [(&'static str, Vec<u8>); 4] {
    use opentelemetry_proto::tonic::collector::{logs::v1 as logs, metrics::v1 as metrics};
    use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
    use opentelemetry_proto::tonic::metrics::v1::{
        Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, metric, number_data_point,
    };
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as i64;
    let times = || ages.iter().map(|age| (now - age * 1_000_000_000) as u64);
    // The span began long ago; its end is what counts.
    let ended = |end| opentelemetry_proto::tonic::trace::v1::Span {
        start_time_unix_nano: end - 100_000_000_000,
        end_time_unix_nano: end,
        ..span(1)
    };
    // A log record that does not say when it happened was observed at some time.
    let observed = |at| LogRecord { observed_time_unix_nano: at, ..LogRecord::default() };
    let log_records = times().map(observed).collect();
    let scope_logs = vec![ScopeLogs { log_records, ..ScopeLogs::default() }];
    let resource_logs = vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }];
    let value = Some(number_data_point::Value::AsInt(1));
    let point = |at| NumberDataPoint { time_unix_nano: at, value, ..NumberDataPoint::default() };
    let data = Some(metric::Data::Gauge(Gauge { data_points: times().map(point).collect() }));
    let metrics = vec![Metric { name: "a".to_owned(), data, ..Metric::default() }];
    let scope_metrics = vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }];
    let resource_metrics = vec![ResourceMetrics { scope_metrics, ..ResourceMetrics::default() }];
    [
        ("/v1/traces", request(times().map(ended).collect()).encode_to_vec()),
        ("/v1/logs", logs::ExportLogsServiceRequest { resource_logs }.encode_to_vec()),
        ("/v1/metrics", metrics::ExportMetricsServiceRequest { resource_metrics }.encode_to_vec()),
        ("/v1development/profiles", profiles(times())),
    ]
}

/// A request of profiles of a minute that ended at these times.
fn profiles(times: impl Iterator<Item = u64>) -> Vec<u8> {
    use opentelemetry_proto::tonic::collector::profiles::v1development::ExportProfilesServiceRequest;
    use opentelemetry_proto::tonic::profiles::v1development::{
        Profile, ProfilesDictionary, ResourceProfiles, ScopeProfiles, ValueType,
    };
    let minute = 60_000_000_000;
    let profile = |end: u64| Profile {
        time_unix_nano: end - minute,
        duration_nano: minute,
        sample_type: Some(ValueType { type_strindex: 1, ..ValueType::default() }),
        ..Profile::default()
    };
    let scope_profiles = vec![ScopeProfiles { profiles: times.map(profile).collect(), ..ScopeProfiles::default() }];
    let resource_profiles = vec![ResourceProfiles { scope_profiles, ..ResourceProfiles::default() }];
    let string_table = vec![String::new(), "cpu".to_owned()];
    let dictionary = Some(ProfilesDictionary { string_table, ..ProfilesDictionary::default() });
    ExportProfilesServiceRequest { resource_profiles, dictionary }.encode_to_vec()
}

#[tokio::test]
async fn records_too_old_or_too_far_ahead_are_a_partial_success_that_says_what_to_do() {
    let (past, future) = (Duration::from_secs(3_600), Duration::from_secs(600));
    let receivers = Receivers::over(&Fake::new(), Limits { past, future, ..Limits::default() }).await;
    for (path, body) in aged(&[0, 3_500, 3_700, 90_000, -500, -700]) {
        let answer = send(receivers.http, &format!("POST {path}"), &[PROTOBUF], &body).await;
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
        let partial = Response::decode(answer.body.as_slice()).unwrap().partial_success.unwrap();
        assert_eq!(partial.rejected_spans, 3, "{path}: {}", partial.error_message);
        for said in ["2 ", " are older than 1h", "1 ", " are more than 10m ahead", "the sender's clock"] {
            assert!(partial.error_message.contains(said), "{path}: {}", partial.error_message);
        }
    }
    let taken = receivers.ingest.status();
    assert_eq!([taken.spans, taken.logs, taken.points, taken.profiles], [3; 4]);
    assert_eq!((receivers.rejected("too old"), receivers.rejected("from the future")), (2 * 4, 4));
    for signal in ["span ", "log record ", "metric point ", "profile "] {
        assert_eq!(receivers.rejected(&format!("{signal}too old")), 2, "{signal}");
    }
}
