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
struct Run<'a> {
    series: u32,
    points: &'a [u32],
}

impl PointColumns {
    /// A sealed block of all points.
    pub(super) fn encode(&self, level: i32) -> Result<Vec<u8>, Error> {
        let mut writer = Writer::default();
        writer.number(self.len() as u64);
        self.texts.write(&mut writer);
        let mut points = Vec::new();
        self.write_runs(&mut writer, &self.runs(&mut points), |text| text, level)?;
        block::seal(MAGIC, FORMAT, &writer.bytes, level)
    }

    /// The same in several bodies, each with texts of its own.
    pub(super) fn encode_groups(&self, level: i32) -> Result<Vec<u8>, Error> {
        let mut points = Vec::new();
        let runs = self.runs(&mut points);
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
    fn cut<'r, 'p>(&self, runs: &'r [Run<'p>]) -> Vec<&'r [Run<'p>]> {
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
        runs: &[Run<'_>],
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

    /// Series by name and owner, each with its points by time, which are put into one list.
    fn runs<'p>(&self, points: &'p mut Vec<u32>) -> Vec<Run<'p>> {
        // Where the points of each series begin, then where they end.
        let mut ends = vec![0_usize; self.series.len() + 1];
        self.of.iter().for_each(|series| ends[*series as usize + 1] += 1);
        (1..ends.len()).for_each(|at| ends[at] += ends[at - 1]);
        points.resize(self.len(), 0);
        for (point, series) in self.of.iter().enumerate() {
            let end = &mut ends[*series as usize];
            points[*end] = point as u32;
            *end += 1;
        }
        let (mut runs, mut rest, mut from) = (Vec::with_capacity(self.series.len()), points.as_mut_slice(), 0);
        for (series, end) in ends[..self.series.len()].iter().enumerate() {
            let (own, others) = std::mem::take(&mut rest).split_at_mut(end - from);
            if !own.is_sorted_by_key(|point| self.at[*point as usize]) {
                own.sort_by_key(|point| self.at[*point as usize]);
            }
            if !own.is_empty() {
                runs.push(Run { series: series as u32, points: own });
            }
            (rest, from) = (others, *end);
        }
        let places = self.places_of_names();
        runs.sort_by_key(|run| {
            let series = self.series.get(run.series);
            (places[series.name as usize], series.owner)
        });
        runs
    }

    /// The place of each text among the names of series; of those that are none it says nothing.
    fn places_of_names(&self) -> Vec<u32> {
        let mut is_name = vec![false; self.texts.len()];
        (0..self.series.len() as u32).for_each(|series| is_name[self.series.get(series).name as usize] = true);
        let mut names: Vec<u32> = (0..self.texts.len() as u32).filter(|text| is_name[*text as usize]).collect();
        names.sort_by_key(|name| self.texts.get(*name));
        let mut places = vec![0; self.texts.len()];
        names.iter().enumerate().for_each(|(place, name)| places[*name as usize] = place as u32);
        places
    }

    fn write_times(&self, writer: &mut Writer, runs: &[Run<'_>], level: i32) -> Result<(), Error> {
        let (mut grids, mut times) = (Grids::default(), Vec::new());
        let mut number = |run: &Run<'_>, column: &[i64]| {
            times.clear();
            times.extend(run.points.iter().map(|point| column[*point as usize]));
            grids.number(&times)
        };
        let at: Vec<u32> = runs.iter().map(|run| number(run, &self.at)).collect();
        let start: Vec<u32> = runs.iter().map(|run| number(run, &self.start)).collect();
        grids.write(writer, level)?;
        at.iter().chain(&start).for_each(|grid| writer.number(u64::from(*grid)));
        Ok(())
    }

    /// The values of some series.
    fn section(&self, runs: &[Run<'_>], level: i32) -> Result<Vec<u8>, Error> {
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
        let distributions: Vec<&Run<'_>> =
            runs.iter().filter(|run| self.series.get(run.series).kind.is_distribution()).collect();
        self.write_distributions(&mut writer, &distributions, level)?;
        Ok(writer.bytes)
    }

    fn write_distributions(&self, writer: &mut Writer, runs: &[&Run<'_>], level: i32) -> Result<(), Error> {
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
