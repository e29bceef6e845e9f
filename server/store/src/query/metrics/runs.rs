//! What is kept of a block: the points of the series that are asked for, of times that are the service's. Several
//! threads make it at once. Pure.

use std::ops::Range;

use hashbrown::HashMap;
use model::{MetricKind, Timestamp, Window};

use super::classic::{self, Role};
use super::found::section_of;
use super::identity::{Hashes, owned};
use crate::block::points::{OVERFLOW, PointBlock, Run};
use crate::query::part::Part;
use crate::{Error, MetricAsk};

/// See the module.
#[derive(Default)]
pub(super) struct Runs {
    pub(super) role: Role,
    /// Each once, however many series were measured then.
    times: Vec<Times>,
    pub(super) series: Vec<Own>,
    value: Vec<f64>,
    /// Of distributions.
    count: Vec<u64>,
    min: Vec<f64>,
    max: Vec<f64>,
    buckets: Vec<u64>,
}

/// When points were measured, and since when they count.
pub(super) struct Times {
    at: Vec<i64>,
    start: Vec<i64>,
    /// The last, and the one before.
    pub(super) ends: (i64, Option<i64>),
}

/// A series, by its number in the block, and where its points begin.
pub(super) struct Own {
    pub(super) number: u32,
    pub(super) identity: u128,
    /// The histogram that it is a part of, and up to where if it is a bucket.
    pub(super) part_of: Option<(u128, Option<f64>)>,
    /// Which of the times are its own.
    pub(super) times: u32,
    value: usize,
    place: usize,
    bucket: usize,
}

impl Runs {
    /// What a block has, under a name that a metric's series may stand, of a question whose points are in a window that
    /// is wider than its own.
    pub(super) fn of(
        part: &Part,
        block: &PointBlock,
        (role, name): (Role, &str),
        ask: &MetricAsk,
        window: Window,
    ) -> Result<Self, Error> {
        let mut runs = Self { role, ..Self::default() };
        let Some((section, numbers)) = section_of(block, name) else { return Ok(runs) };
        let asked: Vec<u32> =
            owned(part, block, numbers).filter(|number| is_asked(part, block, role, *number, ask)).collect();
        if asked.is_empty() {
            return Ok(runs);
        }
        let values = block.values(section)?;
        let owner = |number: &u32| block.series.get(*number).owner;
        let mut hashes = Hashes::of(block);
        // Times of series by those of the block: their place here, and which of the points have them.
        let mut known: HashMap<(u32, u32), (u32, Range<usize>)> = HashMap::new();
        for same in asked.chunk_by(|a, b| owner(a) == owner(b)) {
            let timeline = &part.resolved.timelines[owner(&same[0]) as usize];
            let is_own = |at: i64| timeline.at(Timestamp(at)).service.as_deref() == Some(&ask.service);
            let is_whole = timeline.all().all(|whose| whose.service.as_deref() == Some(&ask.service));
            for number in same.iter().copied() {
                let run = block.run(section, number, &values);
                let identity = hashes.series(part, block, number);
                let part_of = (role != Role::Whole).then(|| {
                    let bound = classic::bucket(block, number).map(|(_, bound)| bound);
                    (hashes.histogram(part, block, number, &ask.query.name), bound)
                });
                let own = (number, identity, part_of);
                if is_whole {
                    let (times, points) = known.entry(block.times_of(number)).or_insert_with(|| {
                        let points = inside(run.at, window);
                        (runs.keep(run.at[points.clone()].to_vec(), run.start[points.clone()].to_vec()), points)
                    });
                    let (times, points) = (*times, points.clone());
                    runs.add(own, times, &run, &[points]);
                } else {
                    let points = inside(run.at, window).filter(|point| is_own(run.at[*point]));
                    let points: Vec<Range<usize>> = points.map(|point| point..point + 1).collect();
                    let of = |column: &[i64]| points.iter().map(|point| column[point.start]).collect();
                    let times = runs.keep(of(run.at), of(run.start));
                    runs.add(own, times, &run, &points);
                }
            }
        }
        Ok(runs)
    }

    /// Keeps times and returns their place.
    fn keep(&mut self, at: Vec<i64>, start: Vec<i64>) -> u32 {
        let ends = at.iter().fold((i64::MIN, None), |ends, at| later(ends, *at));
        self.times.push(Times { at, start, ends });
        (self.times.len() - 1) as u32
    }

    /// Adds some points of a series, if there are any.
    fn add(
        &mut self,
        (number, identity, part_of): (u32, u128, Option<(u128, Option<f64>)>),
        times: u32,
        run: &Run<'_>,
        points: &[Range<usize>],
    ) {
        if self.times[times as usize].at.is_empty() {
            return;
        }
        let (value, place, bucket) = (self.value.len(), self.count.len(), self.buckets.len());
        self.series.push(Own { number, identity, part_of, times, value, place, bucket });
        let width = if run.count.is_empty() { 0 } else { run.buckets.len() / run.count.len() };
        for points in points {
            self.value.extend_from_slice(&run.value[points.clone()]);
            if !run.count.is_empty() {
                self.count.extend_from_slice(&run.count[points.clone()]);
                self.min.extend_from_slice(&run.min[points.clone()]);
                self.max.extend_from_slice(&run.max[points.clone()]);
                self.buckets.extend_from_slice(&run.buckets[points.start * width..points.end * width]);
            }
        }
    }

    /// How many points there are.
    pub(super) fn points(&self) -> usize {
        self.value.len()
    }

    /// The times of a series.
    pub(super) fn times(&self, series: u32) -> &Times {
        &self.times[self.series[series as usize].times as usize]
    }

    /// The points of a series; those of a distribution, which has so many buckets, where it is one.
    pub(super) fn run(&self, series: u32, width: Option<usize>) -> Run<'_> {
        let Own { value, place, bucket, .. } = self.series[series as usize];
        let Times { at, start, .. } = self.times(series);
        let (count, width) = (if width.is_some() { at.len() } else { 0 }, width.unwrap_or_default());
        Run {
            at,
            start,
            value: &self.value[value..value + at.len()],
            count: &self.count[place..place + count],
            min: &self.min[place..place + count],
            max: &self.max[place..place + count],
            buckets: &self.buckets[bucket..bucket + count * width],
        }
    }
}

/// The last time and the one before it, once another is known.
pub(super) fn later((end, before): (i64, Option<i64>), at: i64) -> (i64, Option<i64>) {
    if at > end {
        (at, Some(end).filter(|end| *end > i64::MIN))
    } else if at < end {
        (end, before.max(Some(at)))
    } else {
        (end, before)
    }
}

/// What a series says of a key: by its labels, else by its resource.
pub(super) fn value_of(part: &Part, block: &PointBlock, number: u32, key: &str) -> Option<String> {
    match own_label(block, number, key) {
        Some(value) => Some(value.to_owned()),
        None => part.of_owner(block.series.get(number).owner, key),
    }
}

fn own_label<'b>(block: &'b PointBlock, number: u32, key: &str) -> Option<&'b str> {
    let labels = block.series.labels(number);
    let (_, value) = labels.iter().find(|(known, _)| block.texts.get(*known) == key)?;
    Some(block.texts.get(*value))
}

/// Whether a series is asked for.
fn is_asked(part: &Part, block: &PointBlock, role: Role, number: u32, ask: &MetricAsk) -> bool {
    let kind = block.series.get(number).kind;
    let is_of = match role {
        Role::Whole => true,
        Role::Bucket => classic::bucket(block, number).is_some(),
        Role::Sum => kind == MetricKind::Counter,
    };
    // Totals of different series in one say nothing together.
    let is_mixed = || own_label(block, number, OVERFLOW).is_some() && !kind.is_delta();
    let has = |(key, wanted): &(String, String)| value_of(part, block, number, key).as_ref() == Some(wanted);
    is_of && ask.query.filter.iter().all(has) && !is_mixed()
}

/// Which of ascending times are in a window.
fn inside(at: &[i64], window: Window) -> Range<usize> {
    let before = |time: Timestamp| at.partition_point(|at| *at < time.0);
    before(window.from)..before(window.to).max(before(window.from))
}
