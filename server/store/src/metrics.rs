//! Metric points on their way in: series and points borrowed from the wire.

use model::{MetricKind, Timestamp};

/// What tells a series from others, as a receiver sees it.
#[derive(Debug, Clone)]
pub struct SeriesRow<'a> {
    /// Index into the batch's owners.
    pub owner: u32,
    /// The metric's name.
    pub name: &'a str,
    /// What its points are.
    pub kind: MetricKind,
    /// Its unit.
    pub unit: &'a str,
    /// What its sender says of it; does not tell series apart.
    pub description: &'a str,
    /// Instrumentation scope.
    pub scope: &'a str,
    /// Labels, ascending by key, each key once.
    pub labels: &'a [(&'a str, &'a str)],
    /// Upper bounds of a distribution's buckets but the last, ascending; empty where it has no buckets.
    pub bounds: &'a [f64],
}

/// A point of a series.
#[derive(Debug, Clone)]
pub struct PointRow<'a> {
    /// When it was measured.
    pub at: Timestamp,
    /// Since when a total counts; the epoch where that is not known.
    pub start: Timestamp,
    /// Its value; of a distribution the sum of its values. [`STALE`] says that the series has ended.
    pub value: f64,
    /// Of distributions only.
    pub distribution: Option<DistributionRow<'a>>,
}

/// How values are distributed.
#[derive(Debug, Clone)]
pub struct DistributionRow<'a> {
    /// How many values there are.
    pub count: u64,
    /// The least, where known.
    pub min: Option<f64>,
    /// The greatest, where known.
    pub max: Option<f64>,
    /// Values in each bucket: one more than the series has bounds, or none where it has none.
    pub buckets: &'a [u64],
}

/// The value of a point that says only that its series has ended: OTLP's flag for no recorded value, and Prometheus'
/// stale marker, whose bits these are.
pub const STALE: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

/// Whether a value is [`STALE`]; any other NaN is a value.
pub(crate) fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE.to_bits()
}
