//! What fuzzers call (`server/fuzz`), and tests that call it with the corpus and damage to it.

use model::Timestamp;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest as Logs;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest as Metrics;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest as Traces;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use prost::Message;
use store::Batch;

use crate::body::{Packing, inflate, unsnap};
use crate::charged::{Charged, Held};
use crate::envelope::Report;
use crate::limits::Budget;
use crate::signal::Signal;
use crate::wire::Malformed;
use crate::{Limits, oracle};

/// A budget that nothing here uses up.
const BYTES: usize = 64 << 20;

/// Decodes a request of the signal that the first byte says, and compares with what prost makes of it.
///
/// # Panics
/// Where a decoder does, or says something else than prost.
pub fn otlp(bytes: &[u8]) {
    if let Some((signal, message)) = split(bytes) {
        agree(signal, message);
    }
}

/// Writes JSON of the signal that the first byte says as protobuf, and decodes that.
///
/// # Panics
/// As [`otlp`], and where the bytes are more than may be charged for them.
pub fn json(bytes: &[u8]) {
    if let Some((signal, text)) = split(bytes)
        && let Ok(message) = signal.of_json(text)
    {
        assert!(message.len() <= signal.growth() * text.len(), "{} bytes of {}", message.len(), text.len());
        agree(signal, &message);
    }
}

/// Unpacks a body that is packed as the first byte says, to no more than its limit.
///
/// # Panics
/// Where that fails otherwise than with an error, or the budget is not given back.
pub fn body(bytes: &[u8]) {
    const MOST: usize = 1 << 20;
    let Some((first, packed)) = bytes.split_first() else { return };
    let budget = Budget::new(BYTES);
    let mut charge = budget.charge();
    let unpacked = match first % 3 {
        0 => inflate(Packing::Gzip, packed, MOST, &mut charge),
        1 => inflate(Packing::Zstd, packed, MOST, &mut charge),
        _ => unsnap(packed, MOST, &mut charge),
    };
    assert!(unpacked.is_ok_and(|unpacked| unpacked.len() <= MOST) || charge.raise(0).is_ok());
    drop(charge);
    assert!(budget.charge().raise(BYTES).is_ok(), "the budget is given back");
}

fn split(bytes: &[u8]) -> Option<(Signal, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    Some((Signal::ALL[usize::from(*first) % Signal::ALL.len()], rest))
}

/// Both decoders, on the same bytes: the same is refused, and as many records are there.
fn agree(signal: Signal, message: &[u8]) {
    if signal == Signal::Traces {
        oracle::compare(message, 0);
    }
    let ours = decode(signal, message);
    let theirs = match signal {
        Signal::Traces => Traces::decode(message).map(|request| spans(&request)),
        Signal::Logs => Logs::decode(message).map(|request| lines(&request)),
        Signal::Metrics => Metrics::decode(message).map(|request| points(&request)),
        // Of those prost is not told the types.
        Signal::Profiles => return,
    };
    match (ours, theirs) {
        (Ok(report), Ok(records)) => {
            assert_eq!(report.taken + report.left_out().iter().sum::<u64>(), records as u64, "{report:?}");
        }
        (Err(_), Err(_)) => {}
        // Protobuf merges them; no encoder writes them.
        (Err(Malformed(why)), Ok(_)) => assert!(why.ends_with("is set twice"), "only the walker refuses: {why}"),
        (Ok(_), Err(why)) => panic!("only prost refuses: {why}"),
    }
}

/// Decodes as a receiver does.
fn decode(signal: Signal, message: &[u8]) -> Result<Report, Malformed> {
    let held = Held::new(Budget::new(BYTES).charge(), message.len());
    let mut rows = Charged::new(Batch::new([0; 16]), &held);
    let report = signal.decode(message, None, &|_| true, &Limits::default(), Timestamp(0), &mut rows)?;
    // Few bytes may stand for more rows than there is room for, which is no fault.
    drop(rows.finish());
    Ok(report)
}

fn spans(request: &Traces) -> usize {
    request.resource_spans.iter().flat_map(|one| &one.scope_spans).map(|one| one.spans.len()).sum()
}

fn lines(request: &Logs) -> usize {
    request.resource_logs.iter().flat_map(|one| &one.scope_logs).map(|one| one.log_records.len()).sum()
}

fn points(request: &Metrics) -> usize {
    let scopes = request.resource_metrics.iter().flat_map(|one| &one.scope_metrics);
    let each = scopes.flat_map(|one| &one.metrics).map(|metric| match &metric.data {
        None => 0,
        Some(Data::Gauge(gauge)) => gauge.data_points.len(),
        Some(Data::Sum(sum)) => sum.data_points.len(),
        Some(Data::Histogram(histogram)) => histogram.data_points.len(),
        Some(Data::ExponentialHistogram(histogram)) => histogram.data_points.len(),
        Some(Data::Summary(summary)) => summary.data_points.len(),
    });
    each.sum()
}

#[cfg(test)]
mod tests {
    include!("../../fuzz/damage.rs");

    #[test]
    fn damaged_requests_are_to_the_walker_what_they_are_to_prost() {
        feed("otlp", 1_500, super::otlp);
    }

    #[test]
    fn damaged_json_is_refused_or_becomes_a_request() {
        feed("json", 1_500, super::json);
    }

    #[test]
    fn damaged_bodies_are_refused_within_the_budget() {
        feed("body", 1_500, super::body);
    }
}
