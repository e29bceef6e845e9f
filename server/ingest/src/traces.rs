//! `ExportTraceServiceRequest` bytes to span rows: pure, borrowed from the request, nothing kept but scratch space.

mod span;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use model::{Owner, SpanKind, SpanStatus, Timestamp};
use store::{OwnerFacts, SpanRow};

use crate::Limits;
use crate::attributes::Known;
use crate::envelope::{self, Owning, Records, Report, Scope};
use crate::owner::Owners;
use crate::sampling;
use crate::value::Cuts;
use crate::wire::Malformed;
use span::{Scratch, parent_id};
pub(crate) use span::{instant, short, span_id, trace_id};

/// Where rows go: a batch for the store, or a test's list.
pub(crate) trait Sink: Owning {
    /// Takes a span.
    fn push(&mut self, row: &SpanRow<'_>);
}

/// Decodes a request into a sink. `found` says whether attributes alone tell which service an owner is; spans may end so
/// long before `now`, or after it, as the limits say.
pub(crate) fn decode(
    body: &[u8],
    peer: Option<IpAddr>,
    found: &dyn Fn(&OwnerFacts) -> bool,
    limits: &Limits,
    now: Timestamp,
    sink: &mut impl Sink,
) -> Result<Report, Malformed> {
    let owners = Owners::new(peer, found, limits);
    let mut decoder = Decoder { limits, sink, now, scratch: Scratch::new(limits.nested) };
    envelope::walk(body, owners, limits, &mut decoder)
}

struct Decoder<'a, 'l, S> {
    limits: &'l Limits,
    sink: &'l mut S,
    now: Timestamp,
    scratch: Scratch<'a>,
}

impl<'a, S: Sink> Records<'a> for Decoder<'a, '_, S> {
    fn owner(&mut self, owner: Owner, facts: OwnerFacts) -> u32 {
        self.sink.owner(owner, facts)
    }

    fn record(&mut self, scope: Scope<'a>, bytes: &'a [u8], report: &mut Report) -> Result<(), Malformed> {
        let mut cuts = Cuts::default();
        let raw = self.scratch.read(bytes, self.limits, &mut cuts)?;
        let (Some(trace), Some(id), Ok(parent)) = (trace_id(raw.trace), span_id(raw.id), parent_id(raw.parent)) else {
            report.invalid += 1;
            return Ok(());
        };
        if !report.takes(self.limits, instant(raw.end.max(raw.start)), self.now) {
            return Ok(());
        }
        report.cuts.add(cuts);
        let Scratch { attributes, events, links, endpoint, error, .. } = &mut self.scratch;
        let kind = SpanKind::from_number(raw.kind);
        let status = SpanStatus::from_number(raw.status);
        let known = Known::of(attributes);
        let sampling = sampling::of_tracestate(raw.state);
        let request = kind.is_request();
        self.sink.push(&SpanRow {
            owner: scope.owner,
            trace,
            id,
            parent,
            kind,
            name: raw.name,
            endpoint: if request { known.endpoint(raw.name, endpoint) } else { "" },
            callee: known.callee(kind),
            start: instant(raw.start),
            duration: i64::try_from(raw.end.saturating_sub(raw.start)).unwrap_or(i64::MAX),
            status,
            status_message: raw.message,
            scope: scope.name,
            http_status: known.http_status,
            error: if request && known.failed(status) { known.error(raw.message, events, error) } else { "" },
            weight: sampling.weight,
            sampled: sampling.unknown || (sampling.weight == 1.0 && (known.sampled || scope.sampled)),
            attributes,
            events,
            links,
        });
        Ok(())
    }
}
