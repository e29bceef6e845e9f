//! One metric over time: series of all blocks joined, and what is made of them. Pure.

use std::ops::Range;
use std::sync::Arc;

use hashbrown::HashMap;
use model::{Aggregation, MetricKind, MetricSeries, Series, Timestamp, Window};

use super::cells::{Cells, Interval, LOOK_BACK, Pick, Told, intervals};
use super::found::section_of;
use super::identity::{Hashes, owned};
use super::{Take, quantile};
use crate::block::points::{OVERFLOW, PointBlock, Run};
use crate::query::part::Part;
use crate::{Error, MetricAsk};

/// More points are not looked at, which bounds memory.
const POINTS: usize = 4_000_000;
/// What stands for a value that a series does not have.
const NONE: &str = "(none)";

/// See the module.
pub(super) struct Streams {
    pub(super) ask: Arc<MetricAsk>,
    /// What is read: the window of the question, and what its first and last cells need of the time around it.
    pub(super) window: Window,
    groups: HashMap<Vec<String>, usize>,
    /// By identity; nothing for a series that is not asked for.
    streams: HashMap<u128, Option<Stream>>,
    points: usize,
    of: Option<(MetricKind, String)>,
}

/// The points of a series, in no order but that of the blocks they are of.
#[derive(Default)]
struct Stream {
    group: usize,
    /// Where the points of each block begin.
    parts: Vec<usize>,
    kind: MetricKind,
    bounds: Vec<f64>,
    at: Vec<i64>,
    start: Vec<i64>,
    value: Vec<f64>,
    count: Vec<u64>,
    min: Vec<f64>,
    max: Vec<f64>,
    buckets: Vec<u64>,
}

impl Streams {
    pub(super) fn new(ask: MetricAsk) -> Self {
        let aligned = ask.window.aligned(ask.step);
        Self {
            ask: Arc::new(MetricAsk { window: aligned, ..ask }),
            window: Window::new(aligned.from.plus(-LOOK_BACK), aligned.to.plus(LOOK_BACK)),
            groups: HashMap::new(),
            streams: HashMap::new(),
            points: 0,
            of: None,
        }
    }

    /// A series that was not met before: nothing if it is not asked for.
    fn stream(&mut self, part: &Part, block: &PointBlock, number: u32) -> Option<Stream> {
        let series = block.series.get(number);
        let labels = block.series.labels(number);
        let own = |key: &str| labels.iter().find(|(known, _)| block.texts.get(*known) == key);
        let value = |key: &str| match own(key) {
            Some((_, value)) => Some(block.texts.get(*value).to_owned()),
            None => part.of_owner(series.owner, key),
        };
        let query = &self.ask.query;
        // Totals of different series in one say nothing together.
        let is_mixed = own(OVERFLOW).is_some() && !series.kind.is_delta();
        if is_mixed || !query.filter.iter().all(|(key, wanted)| value(key).as_ref() == Some(wanted)) {
            return None;
        }
        let key: Vec<String> = query.by.iter().map(|key| value(key).unwrap_or_else(|| NONE.to_owned())).collect();
        let next = self.groups.len();
        let group = *self.groups.entry(key).or_insert(next);
        if self.of.is_none() {
            self.of = Some((series.kind, block.texts.get(series.unit).to_owned()));
        }
        let bounds = block.series.all_bounds()[series.bounds as usize].clone();
        Some(Stream { group, kind: series.kind, bounds, ..Stream::default() })
    }

    /// What is made of all of it.
    pub(super) fn finish(self) -> MetricSeries {
        let cells = Cells::of(self.ask.window, self.ask.step);
        let cells = if self.ask.query.rate { cells.until(self.covered()) } else { cells };
        let mut told = Told::default();
        let mut groups: Vec<Group> = (0..self.groups.len()).map(|_| Group::default()).collect();
        for mut stream in self.streams.into_values().flatten() {
            stream.sort();
            groups[stream.group].add(&stream, &self.ask, &cells, self.window.from.0, &mut told);
        }
        let seconds = if self.ask.query.rate { told.seconds(&cells) } else { vec![1.0; cells.count] };
        let mut names = vec![String::new(); groups.len()];
        for (key, group) in self.groups {
            names[group] = if key.is_empty() { self.ask.query.name.clone() } else { key.join(", ") };
        }
        let series = |(mut group, name): (Group, String)| Series {
            name,
            start: self.ask.window.from,
            step: self.ask.step,
            points: (0..cells.count).map(|cell| group.answer(cell, &self.ask, seconds[cell])).collect(),
        };
        let mut series: Vec<Series> = groups.into_iter().zip(names).map(series).collect();
        series.retain(|series| series.points.iter().any(Option::is_some));
        let size = |series: &Series| series.points.iter().flatten().sum::<f64>();
        series.sort_by(|a, b| size(b).total_cmp(&size(a)).then_with(|| a.name.cmp(&b.name)));
        let more = series.len().saturating_sub(self.ask.limit as usize) as u32;
        series.truncate(self.ask.limit as usize);
        let (kind, unit) = self.of.unwrap_or_default();
        MetricSeries { kind, unit, series, more, covered_from: None }
    }
}

impl Streams {
    /// Until when all series have told: those that go on, since others have nothing more to tell. A change a second
    /// of a time that only some tell of would be too low.
    fn covered(&self) -> i64 {
        let ends = || self.streams.values().flatten().filter_map(Stream::end);
        let newest = ends().map(|(end, _)| end).max().unwrap_or(i64::MAX);
        let going_on = ends().filter(|(end, gap)| newest.saturating_sub(*end) <= 2 * *gap);
        going_on.map(|(end, _)| end).min().unwrap_or(newest)
    }
}

impl Take for Streams {
    fn look(&mut self, part: &Part, block: &PointBlock) -> Result<(), Error> {
        let Some((section, numbers)) = section_of(block, &self.ask.query.name) else { return Ok(()) };
        let mut hashes = Hashes::of(block);
        let mut values = None;
        for number in owned(part, block, numbers) {
            let identity = hashes.series(part, block, number);
            if !self.streams.contains_key(&identity) {
                let stream = self.stream(part, block, number);
                self.streams.insert(identity, stream);
            }
            let Some(Some(stream)) = self.streams.get_mut(&identity) else { continue };
            if values.is_none() {
                values = Some(block.values(section)?);
            }
            let Some(values) = values.as_ref() else { continue };
            let timeline = &part.resolved.timelines[block.series.get(number).owner as usize];
            let service = Some(&self.ask.service);
            let run = block.run(section, number, values);
            let from = run.at.partition_point(|at| *at < self.window.from.0);
            let to = run.at.partition_point(|at| *at < self.window.to.0);
            self.points += to - from;
            if timeline.all().all(|whose| whose.service.as_ref() == service) {
                stream.take(&run, from..to);
            } else {
                let is_own = |at: &usize| timeline.at(Timestamp(run.at[*at])).service.as_ref() == service;
                (from..to).filter(is_own).for_each(|at| stream.take(&run, at..at + 1));
            }
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.points > POINTS
    }
}

impl Stream {
    fn width(&self) -> usize {
        if self.bounds.is_empty() { 0 } else { self.bounds.len() + 1 }
    }

    fn take(&mut self, run: &Run<'_>, points: Range<usize>) {
        if points.is_empty() {
            return;
        }
        self.parts.push(self.at.len());
        self.at.extend_from_slice(&run.at[points.clone()]);
        self.start.extend_from_slice(&run.start[points.clone()]);
        self.value.extend_from_slice(&run.value[points.clone()]);
        if self.kind.is_distribution() {
            let width = self.width();
            self.count.extend_from_slice(&run.count[points.clone()]);
            self.min.extend_from_slice(&run.min[points.clone()]);
            self.max.extend_from_slice(&run.max[points.clone()]);
            self.buckets.extend_from_slice(&run.buckets[points.start * width..points.end * width]);
        }
    }

    /// Its last point, and how long after the one before it came, as long as that is not too long.
    fn end(&self) -> Option<(i64, i64)> {
        let (mut end, mut before) = (*self.at.first()?, None);
        for at in self.at.iter().copied() {
            if at > end {
                (end, before) = (at, Some(end));
            } else if at < end && before.is_none_or(|known| known < at) {
                before = Some(at);
            }
        }
        Some((end, before.map_or(0, |before| end.saturating_sub(before).min(LOOK_BACK))))
    }

    /// Brings the points into the order of time.
    fn sort(&mut self) {
        if self.at.is_sorted() {
            return;
        }
        if let Some(parts) = self.parts_by_time() {
            let width = self.width();
            (self.at, self.start) = (joined(&self.at, &parts, 1), joined(&self.start, &parts, 1));
            (self.value, self.count) = (joined(&self.value, &parts, 1), joined(&self.count, &parts, 1));
            (self.min, self.max) = (joined(&self.min, &parts, 1), joined(&self.max, &parts, 1));
            self.buckets = joined(&self.buckets, &parts, width);
            return;
        }
        let mut order: Vec<u32> = (0..self.at.len() as u32).collect();
        order.sort_by_key(|point| self.at[*point as usize]);
        let pick = |column: &[f64]| order.iter().filter_map(|point| column.get(*point as usize).copied()).collect();
        (self.value, self.min, self.max) = (pick(&self.value), pick(&self.min), pick(&self.max));
        self.count = order.iter().filter_map(|point| self.count.get(*point as usize).copied()).collect();
        let width = self.width();
        let buckets = |point: &u32| &self.buckets[*point as usize * width..(*point as usize + 1) * width];
        if self.kind.is_distribution() {
            self.buckets = order.iter().flat_map(buckets).copied().collect();
        }
        self.start = order.iter().map(|point| self.start[*point as usize]).collect();
        self.at = order.iter().map(|point| self.at[*point as usize]).collect();
    }
}

impl Stream {
    /// The points of each block in the order of time, where blocks follow each other: they come newest first, and
    /// whole parts are moved much faster than points.
    fn parts_by_time(&self) -> Option<Vec<Range<usize>>> {
        let ends = self.parts.iter().skip(1).copied().chain([self.at.len()]);
        let mut parts: Vec<Range<usize>> = self.parts.iter().zip(ends).map(|(from, to)| *from..to).collect();
        parts.sort_by_key(|part| self.at[part.start]);
        let follow = parts.windows(2).all(|pair| self.at[pair[0].end - 1] < self.at[pair[1].start]);
        let is_sorted = follow && parts.iter().all(|part| self.at[part.clone()].is_sorted());
        is_sorted.then_some(parts)
    }
}

/// A column's parts in another order; nothing of a column that the series does not have.
fn joined<T: Copy>(column: &[T], parts: &[Range<usize>], width: usize) -> Vec<T> {
    let mut all = Vec::with_capacity(column.len());
    let of = |part: &Range<usize>| column.get(part.start * width..part.end * width).unwrap_or_default();
    parts.iter().for_each(|part| all.extend_from_slice(of(part)));
    all
}

/// Cells of one answer: of values, and of distributions.
#[derive(Default)]
struct Group {
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
    fn add(&mut self, stream: &Stream, ask: &MetricAsk, cells: &Cells, known: i64, told: &mut Told) {
        if stream.kind.is_distribution() {
            self.shape.get_or_insert_with(|| Shape::new(cells.count)).add(stream, cells, known, told);
            return;
        }
        let values = if stream.kind.is_delta() || ask.query.rate {
            let intervals = intervals(stream.kind, &stream.at, &stream.start, &stream.value, known);
            told.add(cells, &intervals);
            cells.changes(&intervals, &stream.value)
        } else {
            let pick = match ask.query.aggregation {
                Aggregation::Min => Pick::Least,
                Aggregation::Max => Pick::Greatest,
                Aggregation::Avg => Pick::Mean,
                _ => Pick::Last,
            };
            cells.levels(&stream.at, &stream.value, pick)
        };
        self.values.resize(cells.count, Vec::new());
        for (cell, value) in self.values.iter_mut().zip(values) {
            if !value.is_nan() {
                cell.push(value);
            }
        }
    }

    /// The answer of a cell: what is added is divided by so many seconds, which are those told of; none without any.
    fn answer(&mut self, cell: usize, ask: &MetricAsk, seconds: f64) -> Option<f64> {
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

    fn add(&mut self, stream: &Stream, cells: &Cells, known: i64, told: &mut Told) {
        // A point that says only that the series ended has no count either.
        let is_stale = |point: usize| crate::metrics::is_stale(stream.value[point]);
        let total = |point: usize| if is_stale(point) { crate::STALE } else { stream.count[point] as f64 };
        let totals: Vec<f64> = (0..stream.at.len()).map(total).collect();
        let intervals = intervals(stream.kind, &stream.at, &stream.start, &totals, known);
        told.add(cells, &intervals);
        let width = stream.width();
        let buckets = match self.buckets.iter().position(|(bounds, _)| *bounds == stream.bounds) {
            Some(at) => at,
            None => {
                self.buckets.push((stream.bounds.clone(), vec![0.0; width * cells.count]));
                self.buckets.len() - 1
            }
        };
        for interval in &intervals {
            let Interval { point, before, .. } = *interval;
            let less = |of: &dyn Fn(usize) -> f64| of(point) - before.map_or(0.0, of);
            let (count, sum) = (less(&|at| totals[at]), less(&|at| stream.value[at]));
            cells.spread(interval, |cell, share| {
                self.is_known[cell] = true;
                self.count[cell] += count * share;
                self.sum[cell] += sum * share;
                self.min[cell] = self.min[cell].min(stream.min[point]);
                self.max[cell] = self.max[cell].max(stream.max[point]);
                let into = &mut self.buckets[buckets].1[cell * width..(cell + 1) * width];
                for (at, bucket) in into.iter_mut().enumerate() {
                    *bucket += less(&|point| stream.buckets[point * width + at] as f64).max(0.0) * share;
                }
            });
        }
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
