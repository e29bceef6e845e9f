//! Point columns → bytes. Series are sorted by name and owner, points by series and time. The values of one metric
//! stand together in a section, so that a question about a metric unpacks nothing else. A block that was merged has
//! bodies of few metrics and owners, each compressed for itself.

use std::collections::BTreeSet;
use std::ops::Range;

use super::grids::Grids;
use super::{PointColumns, filter, series};
use crate::Error;
use crate::block;
use crate::block::bytes::Writer;
use crate::block::columns::Columns;
use crate::block::numbers::{write_fractions, write_whole};
use crate::block::sections::SectionsWriter;
use crate::block::texts::Chosen;

pub(super) const MAGIC: [u8; 4] = *b"BNpo";
pub(super) const FORMAT: u8 = 1;
/// The format of a block of several bodies.
pub(super) const GROUPED: u8 = 2;

/// A body ends with its metric or owner when it has so many points: fewer would compress badly.
const LEAST: usize = 4_096;

/// How a series' values are written.
pub(super) const WHOLE: u8 = 0;
pub(super) const FRACTIONS: u8 = 1;

/// Whole numbers beyond this are not all whole numbers of f64.
const LARGEST: f64 = 9_007_199_254_740_992.0;

/// The points of a series: its number and theirs, in the order of time.
struct Run {
    series: u32,
    points: Vec<u32>,
}

impl PointColumns {
    /// A sealed block of all points.
    pub(super) fn encode(&self, level: i32) -> Result<Vec<u8>, Error> {
        let mut writer = Writer::default();
        writer.number(self.len() as u64);
        self.texts.write(&mut writer);
        self.write_runs(&mut writer, &self.runs(), |text| text, level)?;
        block::seal(MAGIC, FORMAT, &writer.bytes, level)
    }

    /// The same in several bodies, each with texts of its own.
    pub(super) fn encode_groups(&self, level: i32) -> Result<Vec<u8>, Error> {
        let runs = self.runs();
        let groups = self.cut(&runs);
        let mut sections = SectionsWriter::new(level)?;
        let mut about = Writer::default();
        about.number(groups.len() as u64);
        for runs in groups {
            let mut texts = Chosen::of(&self.texts);
            let mut columns = Writer::default();
            self.write_runs(&mut columns, runs, |text| texts.number(text), level)?;
            let mut body = Writer::with_capacity(columns.bytes.len() * 2);
            body.number(runs.iter().map(|run| run.points.len() as u64).sum());
            self.texts.write_chosen(&mut body, &texts);
            body.raw(&columns.bytes);
            sections.add(&body.bytes)?;
            let all = runs.iter().map(|run| self.series.get(run.series));
            let names: BTreeSet<u32> = all.clone().map(|series| series.name).collect();
            let names = names.into_iter().map(|name| filter::hash_name(self.texts.get(name)));
            let told = filter::written(&all.map(|series| series.owner).collect(), names);
            about.number(told.len() as u64);
            about.raw(&told);
        }
        sections.seal(MAGIC, GROUPED, &about.bytes)
    }

    /// Cuts runs, which are sorted by name and owner, into those of a body each.
    fn cut<'a>(&self, runs: &'a [Run]) -> Vec<&'a [Run]> {
        let (mut groups, mut from, mut points) = (Vec::new(), 0, 0);
        let of = |at: usize| {
            let series: &series::Series = self.series.get(runs[at].series);
            (series.name, series.owner)
        };
        for at in 0..runs.len() {
            points += runs[at].points.len();
            if at + 1 == runs.len() || points >= LEAST && of(at) != of(at + 1) {
                groups.push(&runs[from..=at]);
                (from, points) = (at + 1, 0);
            }
        }
        groups
    }

    /// Series, times and values; `number` tells by which numbers texts are known to who reads.
    fn write_runs(
        &self,
        writer: &mut Writer,
        runs: &[Run],
        number: impl FnMut(u32) -> u32,
        level: i32,
    ) -> Result<(), Error> {
        let order: Vec<u32> = runs.iter().map(|run| run.series).collect();
        self.series.write(writer, &order, number);
        self.write_times(writer, runs, level)?;
        let names = runs.chunk_by(|a, b| self.series.get(a.series).name == self.series.get(b.series).name);
        let sections: Vec<Vec<u8>> = names.map(|runs| self.section(runs, level)).collect::<Result<_, _>>()?;
        writer.number(sections.len() as u64);
        sections.iter().for_each(|section| writer.number(section.len() as u64));
        sections.iter().for_each(|section| writer.raw(section));
        Ok(())
    }

    /// Series by name and owner, each with its points by time.
    fn runs(&self) -> Vec<Run> {
        let mut runs: Vec<Run> =
            (0..self.series.len() as u32).map(|series| Run { series, points: Vec::new() }).collect();
        for (point, series) in self.of.iter().enumerate() {
            runs[*series as usize].points.push(point as u32);
        }
        runs.retain(|run| !run.points.is_empty());
        for run in &mut runs {
            if !run.points.is_sorted_by_key(|point| self.at[*point as usize]) {
                run.points.sort_by_key(|point| self.at[*point as usize]);
            }
        }
        let key = |run: &Run| {
            let series: &series::Series = self.series.get(run.series);
            (self.texts.get(series.name), series.owner)
        };
        runs.sort_by(|a, b| key(a).cmp(&key(b)));
        runs
    }

    fn write_times(&self, writer: &mut Writer, runs: &[Run], level: i32) -> Result<(), Error> {
        let mut grids = Grids::default();
        let mut number = |run: &Run, column: &[i64]| {
            let times: Vec<i64> = run.points.iter().map(|point| column[*point as usize]).collect();
            grids.number(&times)
        };
        let at: Vec<u32> = runs.iter().map(|run| number(run, &self.at)).collect();
        let start: Vec<u32> = runs.iter().map(|run| number(run, &self.start)).collect();
        grids.write(writer, level)?;
        at.iter().chain(&start).for_each(|grid| writer.number(u64::from(*grid)));
        Ok(())
    }

    /// The values of some series.
    fn section(&self, runs: &[Run], level: i32) -> Result<Vec<u8>, Error> {
        let mut writer = Writer::default();
        let (mut firsts, mut changes, mut fractions) = (Vec::new(), Vec::new(), Vec::new());
        for run in runs {
            let values = run.points.iter().map(|point| self.value[*point as usize]);
            if values.clone().all(is_whole) {
                writer.byte(WHOLE);
                put_changes(values.map(|value| value as i64), &mut firsts, &mut changes);
            } else {
                writer.byte(FRACTIONS);
                fractions.extend(values);
            }
        }
        write_whole(&mut writer, &firsts, level)?;
        write_whole(&mut writer, &changes, level)?;
        write_fractions(&mut writer, &fractions, level)?;
        let distributions: Vec<&Run> =
            runs.iter().filter(|run| self.series.get(run.series).kind.is_distribution()).collect();
        self.write_distributions(&mut writer, &distributions, level)?;
        Ok(writer.bytes)
    }

    fn write_distributions(&self, writer: &mut Writer, runs: &[&Run], level: i32) -> Result<(), Error> {
        let (mut firsts, mut changes, mut buckets) = (Vec::new(), Vec::new(), Vec::new());
        let (mut min, mut max) = (Vec::new(), Vec::new());
        for run in runs {
            let places = run.points.iter().map(|point| self.place[*point as usize] as usize);
            put_changes(places.clone().map(|place| self.count[place] as i64), &mut firsts, &mut changes);
            min.extend(places.clone().map(|place| self.min[place]));
            max.extend(places.clone().map(|place| self.max[place]));
            let width = self.series.width(run.series);
            let of = |place: usize| &self.buckets[self.buckets_of(place, width)];
            let mut before: Option<&[u64]> = None;
            for place in places {
                let own = of(place);
                let change =
                    |(at, bucket): (usize, &u64)| bucket.wrapping_sub(before.map_or(0, |before| before[at])) as i64;
                buckets.extend(own.iter().enumerate().map(change));
                before = Some(own);
            }
        }
        write_whole(writer, &firsts, level)?;
        write_whole(writer, &changes, level)?;
        write_whole(writer, &buckets, level)?;
        for column in [min, max] {
            let known = column.iter().any(|value| !value.is_nan());
            writer.byte(u8::from(known));
            if known {
                write_fractions(writer, &column, level)?;
            }
        }
        Ok(())
    }

    fn buckets_of(&self, place: usize, width: usize) -> Range<usize> {
        let from = self.starts[place] as usize;
        from..from + width
    }
}

fn is_whole(value: f64) -> bool {
    value.fract() == 0.0 && value.abs() < LARGEST && !(value == 0.0 && value.is_sign_negative())
}

/// The first of a series, and how much each other differs from the one before.
fn put_changes(mut values: impl Iterator<Item = i64>, firsts: &mut Vec<i64>, changes: &mut Vec<i64>) {
    let Some(mut before) = values.next() else { return };
    firsts.push(before);
    for value in values {
        changes.push(value.wrapping_sub(before));
        before = value;
    }
}
