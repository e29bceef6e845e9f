//! Metric points as columns: what a request is gathered into, what a commit joins, what a block holds. A series stands
//! once, its points name it. Pure.

mod bytes;
pub(crate) mod filter;
mod grids;
mod open;
pub(crate) mod series;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use hashbrown::HashMap;
use model::MetricKind;

use super::columns::{Columns, Counted, Signal};
use super::numbers;
use super::texts::Texts;
use crate::{Error, PointRow, SeriesRow};
pub(crate) use open::{PointBlock, Run};
use series::{Series, SeriesTable};

/// Series that an owner may have in a block. What is beyond shares one overflow series a metric, as the
/// specification of OpenTelemetry's SDK does ("Cardinality limits").
const SERIES: u32 = 5_000;
/// Overflow series that an owner may have in a block; what is beyond shares one.
const OVERFLOWS: u32 = 500;
/// More points than any block has; what claims more is damaged.
const MOST: usize = 1 << 26;
/// The label of an overflow series.
pub(crate) const OVERFLOW: &str = "otel.metric.overflow";

/// Columns of one entry a point, but for distributions: theirs have one entry a point of a series that is one.
#[derive(Debug, Default, Clone)]
pub(crate) struct PointColumns {
    pub(crate) texts: Texts,
    pub(crate) series: SeriesTable,
    /// Series of each point.
    of: Vec<u32>,
    at: Vec<i64>,
    start: Vec<i64>,
    value: Vec<f64>,
    /// Where each point's distribution is; nothing sensible where it has none.
    place: Vec<u32>,
    count: Vec<u64>,
    /// NaN where not known.
    min: Vec<f64>,
    max: Vec<f64>,
    /// Where each distribution's buckets begin.
    starts: Vec<u32>,
    buckets: Vec<u64>,
    overflowed: u64,
    /// The series of the point before and its labels: much of the next is the same.
    before: (Series, Vec<(u32, u32)>),
}

/// A point without its series.
#[derive(Debug, Clone, Copy)]
struct Point<'a> {
    at: i64,
    start: i64,
    value: f64,
    count: u64,
    min: f64,
    max: f64,
    buckets: &'a [u64],
}

impl PointColumns {
    pub(crate) fn push(&mut self, row: &SeriesRow<'_>, point: &PointRow<'_>) {
        let (before, mut labels) = std::mem::take(&mut self.before);
        labels.resize(row.labels.len(), (0, 0));
        for ((key, value), known) in row.labels.iter().zip(&mut labels) {
            *known = (self.texts.number_after(key, known.0), self.texts.number_after(value, known.1));
        }
        let series = Series {
            owner: row.owner,
            name: self.texts.number_after(row.name, before.name),
            kind: row.kind,
            unit: self.texts.number_after(row.unit, before.unit),
            description: self.texts.number_after(row.description, before.description),
            scope: self.texts.number_after(row.scope, before.scope),
            bounds: self.series.bounds_number(row.bounds),
        };
        let number = self.number(series, &labels);
        self.before = (series, labels);
        let distribution = point.distribution.as_ref();
        self.push_point(
            number,
            Point {
                at: point.at.0,
                start: point.start.0,
                value: point.value,
                count: distribution.map_or(0, |distribution| distribution.count),
                min: distribution.and_then(|distribution| distribution.min).unwrap_or(f64::NAN),
                max: distribution.and_then(|distribution| distribution.max).unwrap_or(f64::NAN),
                buckets: distribution.map_or(&[], |distribution| distribution.buckets),
            },
        );
    }

    /// The number of a series; that of an overflow series where its owner has too many.
    fn number(&mut self, series: Series, labels: &[(u32, u32)]) -> u32 {
        let hash = self.series.hash(&series, labels);
        if let Some(number) = self.series.find(hash, &series, labels) {
            return number;
        }
        if let Some(number) = self.series.add(hash, series, labels, SERIES) {
            return number;
        }
        self.overflowed += 1;
        let overflow = [(self.texts.number(OVERFLOW), self.texts.number("true"))];
        if let Some(number) = self.known_or_added(series, &overflow, SERIES + OVERFLOWS) {
            return number;
        }
        let others = Series { name: overflow[0].0, ..Series::gauge_of(series.owner) };
        self.known_or_added(others, &overflow, u32::MAX).expect("no owner has so many series")
    }

    fn known_or_added(&mut self, series: Series, labels: &[(u32, u32)], most: u32) -> Option<u32> {
        let hash = self.series.hash(&series, labels);
        self.series.find(hash, &series, labels).or_else(|| self.series.add(hash, series, labels, most))
    }

    fn push_point(&mut self, series: u32, point: Point<'_>) {
        self.of.push(series);
        self.at.push(point.at);
        self.start.push(point.start);
        self.value.push(point.value);
        self.place.push(self.count.len() as u32);
        if self.series.get(series).kind.is_distribution() {
            self.count.push(point.count);
            self.min.push(point.min);
            self.max.push(point.max);
            self.starts.push(self.buckets.len() as u32);
            let width = self.series.width(series);
            self.buckets.extend((0..width).map(|at| point.buckets.get(at).copied().unwrap_or_default()));
        }
    }

    /// A point, which may be of another series than it was sent to.
    fn point(&self, at: usize) -> Point<'_> {
        let (series, place) = (self.of[at], self.place[at] as usize);
        let plain = Point {
            at: self.at[at],
            start: self.start[at],
            value: self.value[at],
            count: 0,
            min: f64::NAN,
            max: f64::NAN,
            buckets: &[],
        };
        if !self.series.get(series).kind.is_distribution() {
            return plain;
        }
        let from = self.starts[place] as usize;
        let buckets = &self.buckets[from..from + self.series.width(series)];
        Point { count: self.count[place], min: self.min[place], max: self.max[place], buckets, ..plain }
    }

    /// Whether all series of both can be told apart in one block: what was told apart before a merge is after it. An
    /// owner that has as many as it may have already lost nothing more by others.
    fn keeps_series(&self, other: &Self) -> bool {
        let mut of_owner: HashMap<u32, u32> = HashMap::new();
        other.series.owners().iter().for_each(|owner| *of_owner.entry(*owner).or_default() += 1);
        let own = |owner: u32| self.series.count_of(owner);
        of_owner.retain(|owner, count| own(*owner) < SERIES && own(*owner) + *count > SERIES);
        if of_owner.is_empty() {
            return true;
        }
        let mut new: HashMap<u32, u32> = HashMap::new();
        for number in 0..other.series.len() as u32 {
            let owner = other.series.get(number).owner;
            if of_owner.contains_key(&owner) && self.number_of(other, number).is_none() {
                *new.entry(owner).or_default() += 1;
            }
        }
        new.into_iter().all(|(owner, count)| own(owner) + count <= SERIES)
    }

    /// The number here of another's series, if it is here.
    fn number_of(&self, other: &Self, number: u32) -> Option<u32> {
        let text = |number: u32| self.texts.find(other.texts.get(number));
        let series = other.series.get(number);
        let pair = |(key, value): &(u32, u32)| Some((text(*key)?, text(*value)?));
        let labels: Vec<(u32, u32)> = other.series.labels(number).iter().map(pair).collect::<Option<_>>()?;
        let bounds = &other.series.all_bounds()[series.bounds as usize];
        let here = Series {
            name: text(series.name)?,
            unit: text(series.unit)?,
            description: 0,
            scope: text(series.scope)?,
            bounds: self.series.all_bounds().iter().position(|known| known == bounds)? as u32,
            ..*series
        };
        self.series.find(self.series.hash(&here, &labels), &here, &labels)
    }

    fn append_all(&mut self, other: &Self, owner: impl Fn(u32) -> u32) {
        if other.len() == 0 {
            return;
        }
        let texts = self.texts.add_all(&other.texts);
        let bounds: Vec<u32> = other.series.all_bounds().iter().map(|one| self.series.bounds_number(one)).collect();
        let mut labels = Vec::new();
        let mut numbers = Vec::with_capacity(other.series.len());
        for number in 0..other.series.len() as u32 {
            let series = other.series.get(number);
            labels.clear();
            labels.extend(
                other.series.labels(number).iter().map(|(key, value)| (texts[*key as usize], texts[*value as usize])),
            );
            let series = Series {
                owner: owner(series.owner),
                name: texts[series.name as usize],
                kind: series.kind,
                unit: texts[series.unit as usize],
                description: texts[series.description as usize],
                scope: texts[series.scope as usize],
                bounds: bounds[series.bounds as usize],
            };
            numbers.push(self.number(series, &labels));
        }
        self.overflowed += other.overflowed;
        if !other.count.is_empty() {
            (0..other.len()).for_each(|at| self.push_point(numbers[other.of[at] as usize], other.point(at)));
            return;
        }
        // Without distributions points are as they are, whatever series they go to.
        self.of.extend(other.of.iter().map(|series| numbers[*series as usize]));
        self.at.extend_from_slice(&other.at);
        self.start.extend_from_slice(&other.start);
        self.value.extend_from_slice(&other.value);
        self.place.resize(self.of.len(), self.count.len() as u32);
    }

    /// Owners that have a series of one of these names.
    pub(crate) fn owners_of(&self, names: &[&str]) -> BTreeSet<u32> {
        let names: Vec<u32> = names.iter().filter_map(|name| self.texts.find(name)).collect();
        if names.is_empty() {
            return BTreeSet::new();
        }
        let all = (0..self.series.len() as u32).map(|number| self.series.get(number));
        all.filter(|series| names.contains(&series.name)).map(|series| series.owner).collect()
    }

    /// Points that went into overflow series here.
    pub(crate) fn overflowed(&self) -> u64 {
        self.overflowed
    }
}

impl Columns for PointColumns {
    const SIGNAL: Signal = Signal::Points;
    const MERGED: i64 = 262_144;

    fn len(&self) -> usize {
        self.at.len()
    }

    fn size(&self) -> usize {
        let distributions = self.count.len() * 28 + self.buckets.len() * 8;
        self.len() * 32 + distributions + self.texts.size() + self.series.size()
    }

    fn counted(&self) -> Vec<Counted> {
        let points = Counted { what: "metric points", count: self.len(), most: MOST };
        vec![points, Counted { what: "buckets of metric points", count: self.buckets.len(), most: numbers::MOST }]
    }

    fn fits_beside(&self, other: &Self) -> bool {
        let fits =
            self.counted().into_iter().zip(other.counted()).all(|(own, other)| own.count + other.count <= own.most);
        fits && self.keeps_series(other)
    }

    fn reserve(&mut self, others: &[&Self]) {
        let points = others.iter().map(|other| other.len()).sum();
        self.of.reserve(points);
        self.at.reserve(points);
        self.start.reserve(points);
        self.value.reserve(points);
        self.place.reserve(points);
    }

    fn append(&mut self, other: &Self, owners: &[u32]) {
        self.append_all(other, |owner| owners[owner as usize]);
    }

    fn owners(&self) -> &[u32] {
        self.series.owners()
    }

    fn bounds(&self) -> Option<(i64, i64)> {
        Some((*self.at.iter().min()?, *self.at.iter().max()?))
    }

    fn seal(&self, level: i32) -> Result<Vec<u8>, Error> {
        self.encode(level)
    }

    fn seal_merged(&self, level: i32) -> Result<Vec<u8>, Error> {
        self.encode_groups(level)
    }

    fn count(sealed: &[u8]) -> Result<usize, Error> {
        PointBlock::open_all(sealed)?.into_iter().try_fold(0, |count, block| Ok(count + block.columns()?.len()))
    }

    fn unseal(sealed: &[u8]) -> Result<Self, Error> {
        let mut all = Vec::new();
        for block in PointBlock::open_all(sealed)? {
            all.push(block.columns()?);
        }
        if all.len() == 1 {
            return Ok(all.remove(0));
        }
        let mut joined = Self::default();
        all.iter().for_each(|columns| joined.append_all(columns, |owner| owner));
        Ok(joined)
    }

    fn filter(&self) -> Vec<u8> {
        filter::of(self)
    }
}

impl Series {
    /// A gauge of an owner with nothing else to tell it.
    fn gauge_of(owner: u32) -> Self {
        Self { owner, name: 0, kind: MetricKind::Gauge, unit: 0, description: 0, scope: 0, bounds: 0 }
    }
}
