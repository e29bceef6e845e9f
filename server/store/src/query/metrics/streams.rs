//! One metric over time: series of all blocks joined, and what is made of them. Pure.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use model::{MetricKind, MetricSeries, Series, Window};

use super::Take;
use super::cells::{Cells, LOOK_BACK};
use super::classic::{self, BOUND, Classic, Role};
use super::group::{Group, Making, width};
use super::joined::Joined;
use super::runs::{Own, Runs, later, value_of};
use crate::block::points::PointBlock;
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
    /// Those of a block's owner follow each other, and mostly have the same times.
    streams: Vec<Stream>,
    by_identity: HashMap<u128, u32>,
    /// Histograms by identity, of which streams are parts.
    classics: HashMap<u128, Classic>,
    blocks: Vec<Runs>,
    names: [(Role, String); 3],
    points: usize,
    /// Kind and unit, of the name itself where it has series.
    of: Option<(Role, MetricKind, String)>,
}

/// A series: which block's runs its points are, and which of these.
struct Stream {
    group: usize,
    role: Role,
    kind: MetricKind,
    bounds: Vec<f64>,
    parts: Vec<(u32, u32)>,
}

/// What was seen of a block, under each of the metric's names.
pub(super) struct Seen {
    block: PointBlock,
    runs: [Runs; 3],
}

impl Streams {
    pub(super) fn new(ask: MetricAsk) -> Self {
        let aligned = ask.window.aligned(ask.step);
        Self {
            names: classic::names(&ask.query.name),
            classics: HashMap::new(),
            ask: Arc::new(MetricAsk { window: aligned, ..ask }),
            window: Window::new(aligned.from.plus(-LOOK_BACK), aligned.to.plus(LOOK_BACK)),
            groups: HashMap::new(),
            streams: Vec::new(),
            by_identity: HashMap::new(),
            blocks: Vec::new(),
            points: 0,
            of: None,
        }
    }

    /// A series that was not met before.
    fn stream(&mut self, part: &Part, block: &PointBlock, role: Role, number: u32) -> Stream {
        let series = block.series.get(number);
        // Buckets are no series of their own.
        let own = |key: &String| (role == Role::Whole || key != BOUND).then(|| value_of(part, block, number, key));
        let value = |key: &String| own(key).flatten().unwrap_or_else(|| NONE.to_owned());
        let key: Vec<String> = self.ask.query.by.iter().map(value).collect();
        let next = self.groups.len();
        let group = *self.groups.entry(key).or_insert(next);
        let is_told = match &self.of {
            None => role == Role::Sum,
            Some((known, ..)) => *known == Role::Whole || role != Role::Whole,
        };
        if !is_told {
            let kind = if role == Role::Bucket { MetricKind::Histogram } else { series.kind };
            self.of = Some((role, kind, block.texts.get(series.unit).to_owned()));
        }
        let bounds = block.series.all_bounds()[series.bounds as usize].clone();
        Stream { group, role, kind: series.kind, bounds, parts: Vec::new() }
    }

    /// Adds a series that was not met before and returns its number.
    fn add(&mut self, part: &Part, block: &PointBlock, role: Role, own: &Own) -> u32 {
        let (stream, number) = (self.stream(part, block, role, own.number), self.streams.len() as u32);
        self.streams.push(stream);
        self.by_identity.insert(own.identity, number);
        if let Some((of, bound)) = own.part_of {
            self.classics.entry(of).or_default().add(bound, number);
        }
        number
    }

    /// What is made of all of it.
    pub(super) fn finish(self) -> MetricSeries {
        let cells = Cells::of(self.ask.window, self.ask.step);
        let cells = if self.ask.query.rate { cells.until(self.covered()) } else { cells };
        let mut making = Making::new(cells, self.window.from.0);
        let mut groups: Vec<Group> = (0..self.groups.len()).map(|_| Group::default()).collect();
        let mut points = Joined::default();
        for Stream { group, kind, bounds, parts, .. } in self.streams.iter().filter(|one| one.role == Role::Whole) {
            points.join(&self.blocks, parts, kind.is_distribution().then(|| width(bounds)));
            groups[*group].add(*kind, bounds, &points, &self.ask, &mut making);
        }
        // Where something else goes by the name itself, its buckets are asked for by theirs.
        let taken: HashSet<usize> =
            self.streams.iter().filter(|one| one.role == Role::Whole).map(|one| one.group).collect();
        for classic in self.classics.into_values() {
            let Some(first) = classic.first() else { continue };
            if taken.contains(&self.streams[first as usize].group) {
                continue;
            }
            let parts = |number: &u32| self.streams[*number as usize].parts.iter().copied();
            let join = |numbers: &[u32], into: &mut Joined| {
                into.join(&self.blocks, &numbers.iter().flat_map(parts).collect::<Vec<_>>(), None);
            };
            let Some(bounds) = classic.distribution(join, &mut points) else { continue };
            let group = &mut groups[self.streams[first as usize].group];
            group.add(MetricKind::Histogram, &bounds, &points, &self.ask, &mut making);
        }
        let seconds = if self.ask.query.rate { making.told.seconds(&cells) } else { vec![1.0; cells.count] };
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
        let (_, kind, unit) = self.of.unwrap_or_default();
        MetricSeries { kind, unit, series, more, covered_from: None }
    }
}

impl Streams {
    /// Until when all series have told: those that go on, since others have nothing more to tell. A change a second
    /// of a time that only some tell of would be too low. A kubelet measures when it wants, and one reading may fail:
    /// what comes within three times the last gap goes on.
    fn covered(&self) -> i64 {
        let told = || self.streams.iter().filter(|stream| stream.role != Role::Sum);
        let ends = || told().filter_map(|stream| self.end(stream));
        let newest = ends().map(|(end, _)| end).max().unwrap_or(i64::MAX);
        let going_on = ends().filter(|(end, gap)| newest.saturating_sub(*end) <= 3 * *gap);
        going_on.map(|(end, _)| end).min().unwrap_or(newest)
    }

    /// A series' last point, and how long after the one before it came, as long as that is not too long.
    fn end(&self, stream: &Stream) -> Option<(i64, i64)> {
        let parts = stream.parts.iter().map(|(block, series)| self.blocks[*block as usize].times(*series).ends);
        let (end, before) = parts.reduce(|ends, (end, before)| before.into_iter().fold(later(ends, end), later))?;
        Some((end, before.map_or(0, |before| end.saturating_sub(before).min(LOOK_BACK))))
    }
}

impl Take for Streams {
    type Seen = Seen;

    fn see(&self, part: &Part, block: PointBlock) -> Result<Seen, Error> {
        let of = |at: usize| {
            let (role, name) = &self.names[at];
            Runs::of(part, &block, (*role, name), &self.ask, self.window)
        };
        let runs = [of(0)?, of(1)?, of(2)?];
        Ok(Seen { block, runs })
    }

    fn take(&mut self, part: &Part, Seen { block, runs }: Seen) {
        for runs in runs.into_iter().filter(|runs| !runs.series.is_empty()) {
            let number = self.blocks.len() as u32;
            for (place, own) in runs.series.iter().enumerate() {
                let stream = match self.by_identity.get(&own.identity) {
                    Some(stream) => *stream,
                    None => self.add(part, &block, runs.role, own),
                };
                self.streams[stream as usize].parts.push((number, place as u32));
            }
            self.points += runs.points();
            self.blocks.push(runs);
        }
    }

    fn is_full(&self) -> bool {
        self.points > POINTS
    }
}
