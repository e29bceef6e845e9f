//! What the servers wrote while they served, as SDKs with a log bridge send it: a line a request, in its trace.

use std::sync::Arc;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::trace::v1::Span;

use super::Batch;
use super::spans::{Kind, resource};
use crate::fleet::Server;
use crate::story::Scenario;

/// `SeverityNumber` and its name.
const INFO: (i32, &str) = (9, "INFO");
const WARN: (i32, &str) = (13, "WARN");
const ERROR: (i32, &str) = (17, "ERROR");

/// The request that carries the lines of a batch.
pub(crate) fn lines(scenario: &Scenario, batch: &Batch) -> ExportLogsServiceRequest {
    let scope = InstrumentationScope { name: "shop.access".into(), ..InstrumentationScope::default() };
    let of_server = |(server, spans): &(Arc<Server>, super::Spans)| {
        let log_records: Vec<LogRecord> = spans.all().iter().filter_map(line).collect();
        let scope_logs = vec![ScopeLogs { scope: Some(scope.clone()), log_records, schema_url: String::new() }];
        ResourceLogs { resource: Some(resource(scenario, server)), scope_logs, schema_url: String::new() }
    };
    ExportLogsServiceRequest { resource_logs: batch.values().map(of_server).collect() }
}

/// What a server wrote at the end of a request that it served.
fn line(span: &Span) -> Option<LogRecord> {
    if span.kind != Kind::Server as i32 && span.kind != Kind::Consumer as i32 {
        return None;
    }
    let find = |key: &str| span.attributes.iter().find(|pair| pair.key == key)?.value.as_ref()?.value.as_ref();
    let status = match find("http.response.status_code") {
        Some(Value::IntValue(status)) => Some(*status),
        _ => None,
    };
    let millis = (span.end_time_unix_nano.saturating_sub(span.start_time_unix_nano)) as f64 / 1e6;
    let failure = span.events.first().map(|event| event.attributes.as_slice());
    let ((severity_number, severity_text), body) = match (failure, &span.status) {
        (Some([kind, ..]), Some(failed)) => {
            let kind = match kind.value.as_ref().and_then(|value| value.value.as_ref()) {
                Some(Value::StringValue(kind)) => kind.as_str(),
                _ => "Error",
            };
            (ERROR, format!("{} failed: {kind}: {}", span.name, failed.message))
        }
        _ if status == Some(404) => (WARN, format!("{} 404 nothing there", span.name)),
        _ => match status {
            Some(status) => (INFO, format!("{} {status} {millis:.1} ms", span.name)),
            None => (INFO, format!("{} done in {millis:.1} ms", span.name)),
        },
    };
    Some(LogRecord {
        time_unix_nano: span.end_time_unix_nano,
        observed_time_unix_nano: span.end_time_unix_nano,
        severity_number,
        severity_text: severity_text.to_owned(),
        body: Some(AnyValue { value: Some(Value::StringValue(body)) }),
        attributes: span.attributes.clone(),
        trace_id: span.trace_id.clone(),
        span_id: span.span_id.clone(),
        flags: 1,
        ..LogRecord::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traffic::{Traffic, tests::fleet};

    #[test]
    fn each_request_that_was_served_leaves_a_line_in_its_trace() {
        let traffic = Traffic::new(Arc::new(Scenario::shop()), 1, 400.0);
        let mut batch = Batch::new();
        // Nobody pays, so that checkouts fail.
        let mut servers = fleet(traffic.scenario()).to_vec();
        servers[traffic.scenario().find("payments/payments").unwrap()].clear();
        traffic.second(1_000, &Arc::new(servers), 0, &mut batch);
        let served: usize =
            batch.values().flat_map(|(_, spans)| spans.all()).filter(|span| line(span).is_some()).count();
        let request = lines(traffic.scenario(), &batch);
        let all: Vec<&LogRecord> =
            request.resource_logs.iter().flat_map(|r| &r.scope_logs).flat_map(|s| &s.log_records).collect();
        assert!(served > 400 && all.len() == served);
        assert!(all.iter().all(|record| record.trace_id.len() == 16));
        assert!(all.iter().any(|record| record.severity_text == "ERROR"));
    }
}
