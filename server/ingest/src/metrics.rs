//! `ExportMetricsServiceRequest` bytes to metric points: pure. Exemplars are checked and left out; values are kept as
//! f64; labels are text.

mod exponential;
mod point;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use model::{MetricKind, Owner, Timestamp};
use store::{DistributionRow, OwnerFacts, PointRow, STALE, SeriesRow};

use crate::Limits;
use crate::envelope::{self, Owning, Records, Report, Scope};
use crate::owner::Owners;
use crate::traces::{instant, short};
use crate::value::{Cuts, attribute};
use crate::wire::{Cursor, Malformed, WRONG_TYPE, Wire, text};
use point::{Form, Point};

/// Where points go: a batch for the store, or a test's list.
pub(crate) trait Sink: Owning {
    /// Takes a point of a series.
    fn push(&mut self, series: &SeriesRow<'_>, point: &PointRow<'_>);
}

/// Decodes a request into a sink. `found` says whether attributes alone tell which service an owner is; `now` stands
/// for times that the sender does not know.
pub(crate) fn decode(
    body: &[u8],
    peer: Option<IpAddr>,
    found: &dyn Fn(&OwnerFacts) -> bool,
    limits: &Limits,
    now: Timestamp,
    sink: &mut impl Sink,
) -> Result<Report, Malformed> {
    let owners = Owners::new(peer, found, limits);
    let mut decoder = Decoder { limits, sink, now, point: Point::default() };
    envelope::walk(body, owners, limits, &mut decoder)
}

struct Decoder<'a, 'l, S> {
    limits: &'l Limits,
    sink: &'l mut S,
    now: Timestamp,
    /// Used again for every point.
    point: Point<'a>,
}

/// A metric's plain fields as they were sent.
#[derive(Default)]
struct Raw<'a> {
    name: &'a str,
    description: &'a str,
    unit: &'a str,
    data: Option<(Form, &'a [u8])>,
}

/// So many labels are gathered without an allocation for each point.
const FEW: usize = 12;

/// Protobuf would merge the two; no encoder writes them.
const TWICE: Malformed = Malformed("a metric's data is set twice");

impl<'a, S: Sink> Records<'a> for Decoder<'a, '_, S> {
    fn owner(&mut self, owner: Owner, facts: OwnerFacts) -> u32 {
        self.sink.owner(owner, facts)
    }

    fn record(&mut self, scope: Scope<'a>, bytes: &'a [u8], report: &mut Report) -> Result<(), Malformed> {
        let mut cuts = Cuts::default();
        let raw = self.read(bytes, &mut cuts)?;
        report.cuts.add(cuts);
        let Some((form, data)) = raw.data else { return Ok(()) };
        let kind = kind(form, data)?;
        let mut cursor = Cursor::new(data);
        while let Some(field) = cursor.field()? {
            if let (1, Wire::Bytes(bytes)) = field {
                self.point(scope, &raw, (form, kind), bytes, report)?;
            }
        }
        Ok(())
    }
}

/// What the points of a metric's data are; other fields than points are checked here.
fn kind(form: Form, data: &[u8]) -> Result<MetricKind, Malformed> {
    let (mut is_delta, mut is_monotonic) = (false, false);
    let mut cursor = Cursor::new(data);
    while let Some(field) = cursor.field()? {
        match field {
            (1, Wire::Bytes(_)) => {}
            (2, Wire::Varint(temporality)) if form.has_temporality() => is_delta = temporality == 1,
            (3, Wire::Varint(yes)) if form == Form::Sum => is_monotonic = yes != 0,
            (1, _) => return Err(WRONG_TYPE),
            (2, _) if form.has_temporality() => return Err(WRONG_TYPE),
            (3, _) if form == Form::Sum => return Err(WRONG_TYPE),
            _ => {}
        }
    }
    Ok(match (form, is_delta, is_monotonic) {
        (Form::Gauge, ..) => MetricKind::Gauge,
        (Form::Sum, false, true) => MetricKind::Counter,
        (Form::Sum, false, false) => MetricKind::UpDownCounter,
        (Form::Sum, true, true) => MetricKind::DeltaCounter,
        (Form::Sum, true, false) => MetricKind::DeltaUpDownCounter,
        (Form::Histogram | Form::Exponential, false, _) => MetricKind::Histogram,
        (Form::Histogram | Form::Exponential, true, _) => MetricKind::DeltaHistogram,
        (Form::Summary, ..) => MetricKind::Summary,
    })
}

impl<'a, S: Sink> Decoder<'a, '_, S> {
    fn read(&self, bytes: &'a [u8], cuts: &mut Cuts) -> Result<Raw<'a>, Malformed> {
        let mut raw = Raw::default();
        let mut cursor = Cursor::new(bytes);
        while let Some(field) = cursor.field()? {
            match field {
                (1, Wire::Bytes(bytes)) => raw.name = short(text(bytes)?, cuts),
                (2, Wire::Bytes(bytes)) => raw.description = short(text(bytes)?, cuts),
                (3, Wire::Bytes(bytes)) => raw.unit = short(text(bytes)?, cuts),
                // What other systems' metrics were before they were translated.
                (12, Wire::Bytes(bytes)) => attribute(bytes, 0, &mut Vec::new(), &mut Cuts::default())?,
                (5 | 7 | 9 | 10 | 11, Wire::Bytes(_)) if raw.data.is_some() => return Err(TWICE),
                (number @ (5 | 7 | 9 | 10 | 11), Wire::Bytes(data)) => raw.data = Form::of(number).map(|f| (f, data)),
                (1..=3 | 5 | 7 | 9..=12, _) => return Err(WRONG_TYPE),
                _ => {}
            }
        }
        Ok(raw)
    }

    fn point(
        &mut self,
        scope: Scope<'a>,
        raw: &Raw<'a>,
        (form, kind): (Form, MetricKind),
        bytes: &'a [u8],
        report: &mut Report,
    ) -> Result<(), Malformed> {
        let mut cuts = Cuts::default();
        self.point.read(form, bytes, self.limits.nested_attributes, &mut cuts)?;
        if raw.name.is_empty() || !self.point.finish(form) {
            report.invalid += 1;
            return Ok(());
        }
        let at = if self.point.time == 0 { self.now } else { instant(self.point.time) };
        if !report.takes(self.limits, at, self.now) {
            return Ok(());
        }
        report.cuts.add(cuts);
        let Point { labels, bounds, buckets, .. } = &self.point;
        let (mut few, mut many) = ([("", ""); FEW], Vec::new());
        let plain = match few.get_mut(..labels.len()) {
            Some(few) => few,
            None => {
                many.resize(labels.len(), ("", ""));
                &mut many[..]
            }
        };
        plain.iter_mut().zip(labels).for_each(|(plain, (key, value))| *plain = (*key, &**value));
        let series = SeriesRow {
            owner: scope.owner,
            name: raw.name,
            kind,
            unit: raw.unit,
            description: raw.description,
            scope: scope.name,
            labels: plain,
            bounds,
        };
        let start = instant(self.point.start);
        let (value, count) = (self.point.value.unwrap_or(STALE), self.point.count);
        let distribution = kind.is_distribution().then_some(DistributionRow {
            count,
            min: self.point.min,
            max: self.point.max,
            buckets,
        });
        self.sink.push(&series, &PointRow { at, start, value, distribution });
        quantiles(self.sink, &self.point.quantiles, &series, (at, start));
        Ok(())
    }
}

/// A summary's quantiles are gauges of their own, told apart by a label.
fn quantiles(
    sink: &mut impl Sink,
    quantiles: &[(f64, f64)],
    summary: &SeriesRow<'_>,
    (at, start): (Timestamp, Timestamp),
) {
    if quantiles.is_empty() {
        return;
    }
    let name = format!("{}.quantile", summary.name);
    for (quantile, value) in quantiles {
        let quantile = quantile.to_string();
        let mut labels: Vec<(&str, &str)> =
            summary.labels.iter().copied().filter(|(key, _)| *key != QUANTILE).collect();
        let place = labels.partition_point(|(key, _)| *key < QUANTILE);
        labels.insert(place, (QUANTILE, &quantile));
        let series = SeriesRow { name: &name, kind: MetricKind::Gauge, labels: &labels, ..summary.clone() };
        sink.push(&series, &PointRow { at, start, value: *value, distribution: None });
    }
}

/// The label of a summary's quantiles, as Prometheus has it.
const QUANTILE: &str = "quantile";
