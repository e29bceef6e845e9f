//! Log records: lines of a dozen patterns with numbers in them, each in a span of a trace.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use prost::Message;

use super::fleet::scope;
use super::{Place, number, word};
use crate::random::Random;

/// Records of a trace.
const TRACE: usize = 4;
/// One request in so many has the line that a search for something rare looks for.
const RARE: u64 = 100;

/// A request of records, and one of their trace ids.
pub(super) fn request(mut place: Place<'_>) -> (Vec<u8>, Option<Vec<u8>>) {
    let mut of_pods: Vec<Vec<LogRecord>> = vec![Vec::new(); place.fleet.pods()];
    let (mut trace, mut sample) = (Vec::new(), None);
    for row in 0..place.records {
        if row.is_multiple_of(TRACE) {
            trace = place.random.id::<16>();
            sample.get_or_insert(trace.clone());
        }
        let pod = place.random.below(of_pods.len());
        let mut record = record(&mut place.random, trace.clone());
        record.time_unix_nano = place.at(row);
        record.observed_time_unix_nano = record.time_unix_nano;
        if row == 0 && place.request.is_multiple_of(RARE) {
            record.body =
                text(format!("volume data-{} is write protected, its pods can't write", place.request / RARE));
        }
        of_pods[pod].push(record);
    }
    let sent = of_pods.into_iter().enumerate().filter(|(_, records)| !records.is_empty());
    let resource_logs = sent.map(|(pod, log_records)| ResourceLogs {
        resource: Some(place.fleet.resource(pod)),
        scope_logs: vec![ScopeLogs { scope: scope("load.App"), log_records, schema_url: String::new() }],
        schema_url: String::new(),
    });
    (ExportLogsServiceRequest { resource_logs: resource_logs.collect() }.encode_to_vec(), sample)
}

fn record(random: &mut Random, trace_id: Vec<u8>) -> LogRecord {
    let (severity_number, severity_text) = match random.below(100) {
        0..=4 => (17, "ERROR"),
        5..=14 => (13, "WARN"),
        _ => (9, "INFO"),
    };
    LogRecord {
        severity_number,
        severity_text: severity_text.to_owned(),
        body: text(line(random)),
        attributes: vec![
            word("thread.name", "http-nio-8080"),
            number("thread.id", 20 + random.below(50) as i64),
            word("code.namespace", random.one_of(&["shop.Orders", "shop.Carts", "shop.Search", "shop.Mail"])),
        ],
        trace_id,
        span_id: random.id::<8>(),
        flags: 1,
        ..LogRecord::default()
    }
}

fn text(text: String) -> Option<AnyValue> {
    Some(AnyValue { value: Some(Value::StringValue(text)) })
}

fn line(random: &mut Random) -> String {
    let mut number = |below: usize| random.below(below);
    let (a, b, c) = (number(1_000_000), number(10_000), number(1_000));
    match number(12) {
        0 => format!("order {a} was placed by customer {b} with {} items, total {c} EUR, paid", number(20)),
        1 => format!("order {a} left the warehouse after {c} minutes, parcel {b} is on its way"),
        2 => format!("cart {a} was read from the cache in {c} us, {} items are still in stock", number(20)),
        3 => format!("payment of order {a} was accepted by the bank after {c} ms, attempt {}", number(3)),
        4 => format!("could not reach the bank for order {a} within {c} ms, trying again in {b} ms"),
        5 => format!("search for a product returned {b} hits in {c} ms, page {} of the results", number(50)),
        6 => format!("customer {b} signed in from a new device, session {a} is valid for a day"),
        7 => format!("invoice {a} was written to the archive as document {b}, {c} kB in all"),
        8 => format!("mail {a} to customer {b} was handed to the mail server after {c} ms of waiting"),
        9 => format!("connection {c} of the pool was idle for {b} s and was closed, {} remain", number(40)),
        10 => format!("stock of product {b} fell below its minimum, {c} pieces were ordered as {a}"),
        _ => format!("request {a} took {c} ms, of which {} ms in the database, {b} rows were read", number(400)),
    }
}
