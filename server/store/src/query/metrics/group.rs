//! What is made of the series of one answer: their values in each cell, or the distributions. Pure.

use model::{Aggregation, MetricKind};

use super::cells::{Cells, Pick, Shares, Told, intervals};
use super::joined::Joined;
use super::quantile;
use crate::MetricAsk;
use crate::metrics::is_stale;

/// How many buckets a distribution of these bounds has.
pub(super) fn width(bounds: &[f64]) -> usize {
    if bounds.is_empty() { 0 } else { bounds.len() + 1 }
}

/// What all series of an answer are laid out on.
pub(super) struct Making {
    pub(super) cells: Cells,
    /// What began before is not known from its beginning.
    known: i64,
    pub(super) told: Told,
    /// The shares of the series before, which mostly are those of the next; those of which kind and times.
    shares: Option<(MetricKind, u32, Shares)>,
}

impl Making {
    pub(super) fn new(cells: Cells, known: i64) -> Self {
        Self { cells, known, told: Told::default(), shares: None }
    }

    /// What a series' points add to cells, where its totals are these.
    fn shares(&mut self, kind: MetricKind, points: &Joined, totals: &[f64]) -> &Shares {
        let goes_on = Shares::goes_on(kind, totals);
        let is_same = |(of, round, shares): &(MetricKind, u32, Shares)| {
            (*of, *round) == (kind, points.round) && shares.goes_on && goes_on
        };
        if !self.shares.as_ref().is_some_and(is_same) {
            let intervals = intervals(kind, &points.at, &points.start, totals, self.known);
            self.told.add(&self.cells, &intervals);
            self.shares = Some((kind, points.round, Shares::of(&self.cells, intervals, goes_on)));
        }
        &self.shares.get_or_insert_with(|| (kind, points.round, Shares::default())).2
    }
}

/// Cells of one answer: of values, and of distributions.
#[derive(Default)]
pub(super) struct Group {
    /// The values of all series in each cell.
    values: Vec<Vec<f64>>,
    shape: Option<Shape>,
}

/// What distributions of a group say of each cell.
struct Shape {
    is_known: Vec<bool>,
    count: Vec<f64>,
    sum: Vec<f64>,
    min: Vec<f64>,
    max: Vec<f64>,
    /// By bounds: buckets of all cells.
    buckets: Vec<(Vec<f64>, Vec<f64>)>,
}

impl Group {
    /// Adds a series; of a distribution with its bounds.
    pub(super) fn add(
        &mut self,
        kind: MetricKind,
        bounds: &[f64],
        points: &Joined,
        ask: &MetricAsk,
        made: &mut Making,
    ) {
        if kind.is_distribution() {
            self.shape.get_or_insert_with(|| Shape::new(made.cells.count)).add(kind, bounds, points, made);
            return;
        }
        let cells = made.cells;
        let values = if kind.is_delta() || ask.query.rate {
            made.shares(kind, points, &points.value).changes(&cells, &points.value)
        } else {
            let pick = match ask.query.aggregation {
                Aggregation::Min => Pick::Least,
                Aggregation::Max => Pick::Greatest,
                Aggregation::Avg => Pick::Mean,
                _ => Pick::Last,
            };
            cells.levels(&points.at, &points.value, pick)
        };
        self.values.resize(cells.count, Vec::new());
        for (cell, value) in self.values.iter_mut().zip(values) {
            if !value.is_nan() {
                cell.push(value);
            }
        }
    }

    /// The answer of a cell: what is added is divided by so many seconds, which are those told of; none without any.
    pub(super) fn answer(&mut self, cell: usize, ask: &MetricAsk, seconds: f64) -> Option<f64> {
        if seconds <= 0.0 {
            return None;
        }
        let aggregation = ask.query.aggregation;
        if let Some(shape) = &self.shape {
            return shape.answer(cell, aggregation, seconds);
        }
        let values = self.values.get_mut(cell).filter(|values| !values.is_empty())?;
        let sum = || values.iter().sum::<f64>();
        let value = match aggregation {
            Aggregation::Count => return Some(values.len() as f64),
            Aggregation::Sum => sum(),
            Aggregation::Avg => sum() / values.len() as f64,
            Aggregation::Min => values.iter().copied().fold(f64::INFINITY, f64::min),
            Aggregation::Max => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            _ => quantile::of_values(values, aggregation.quantile()?)?,
        };
        Some(value / seconds).filter(|value| value.is_finite())
    }
}

impl Shape {
    fn new(cells: usize) -> Self {
        Self {
            is_known: vec![false; cells],
            count: vec![0.0; cells],
            sum: vec![0.0; cells],
            min: vec![f64::NAN; cells],
            max: vec![f64::NAN; cells],
            buckets: Vec::new(),
        }
    }

    fn add(&mut self, kind: MetricKind, bounds: &[f64], points: &Joined, made: &mut Making) {
        // A point that says only that the series ended has no count either.
        let total = |(value, count): (&f64, &u64)| if is_stale(*value) { crate::STALE } else { *count as f64 };
        let totals: Vec<f64> = points.value.iter().zip(&points.count).map(total).collect();
        let width = width(bounds);
        let buckets = match self.buckets.iter().position(|(known, _)| known == bounds) {
            Some(at) => at,
            None => {
                self.buckets.push((bounds.to_vec(), vec![0.0; width * made.cells.count]));
                self.buckets.len() - 1
            }
        };
        let cells = made.cells;
        made.shares(kind, points, &totals).each(&cells, |share| {
            let (cell, point) = (share.cell(), share.point());
            self.is_known[cell] = true;
            self.count[cell] += share.of(|at| totals[at]);
            self.sum[cell] += share.of(|at| points.value[at]);
            self.min[cell] = self.min[cell].min(points.min[point]);
            self.max[cell] = self.max[cell].max(points.max[point]);
            let into = &mut self.buckets[buckets].1[cell * width..(cell + 1) * width];
            for (at, bucket) in into.iter_mut().enumerate() {
                *bucket += share.of(|point| points.buckets[point * width + at] as f64).max(0.0);
            }
        });
    }

    fn answer(&self, cell: usize, aggregation: Aggregation, seconds: f64) -> Option<f64> {
        let value = match aggregation {
            _ if !self.is_known[cell] => return None,
            Aggregation::Count => self.count[cell] / seconds,
            Aggregation::Sum => self.sum[cell] / seconds,
            Aggregation::Avg => self.sum[cell] / self.count[cell],
            Aggregation::Min => self.min[cell],
            Aggregation::Max => self.max[cell],
            _ => {
                let part = |(bounds, buckets): &'_ (Vec<f64>, Vec<f64>)| {
                    let width = buckets.len() / self.count.len().max(1);
                    (bounds.clone(), buckets[cell * width..(cell + 1) * width].to_vec())
                };
                let parts: Vec<(Vec<f64>, Vec<f64>)> = self.buckets.iter().map(part).collect();
                let parts: Vec<(&[f64], &[f64])> = parts.iter().map(|(a, b)| (a.as_slice(), b.as_slice())).collect();
                quantile::of(&parts, aggregation.quantile()?)?
            }
        };
        Some(value).filter(|value| value.is_finite())
    }
}
