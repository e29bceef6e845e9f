//! A sealed block of points, opened: its series and their times are read, values only of those metrics that are asked
//! for. Every number is checked.

use std::ops::Range;

use super::bytes::{FORMAT, FRACTIONS, GROUPED, MAGIC, WHOLE};
use super::grids::Grids;
use super::series::SeriesTable;
use super::{MOST, Point, PointColumns, filter};
use crate::Error;
use crate::block;
use crate::block::bytes::{Reader, damaged};
use crate::block::numbers::{read_fractions, read_whole};
use crate::block::sections::Sections;
use crate::block::texts::Texts;

/// See the module.
pub(crate) struct PointBlock {
    pub(crate) texts: Texts,
    /// Sorted by name and owner.
    pub(crate) series: SeriesTable,
    grids: Grids,
    /// Runs of times of each series.
    at: Vec<u32>,
    start: Vec<u32>,
    sections: Vec<Section>,
    body: Vec<u8>,
}

/// Series of one name, and where in the body their values are.
type Section = (Range<u32>, Range<usize>);

/// The values of a section: of its series one after the other.
#[derive(Debug, Default)]
pub(crate) struct Values {
    pub(crate) value: Vec<f64>,
    /// Where each series' points begin in `value`.
    from: Vec<usize>,
    /// Of distributions.
    pub(crate) count: Vec<u64>,
    pub(crate) min: Vec<f64>,
    pub(crate) max: Vec<f64>,
    pub(crate) buckets: Vec<u64>,
    /// Where each series' distributions and their buckets begin.
    places: Vec<(usize, usize)>,
}

/// The points of one series: columns of equal length, those of distributions empty where it is none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run<'a> {
    pub(crate) at: &'a [i64],
    pub(crate) start: &'a [i64],
    pub(crate) value: &'a [f64],
    pub(crate) count: &'a [u64],
    pub(crate) min: &'a [f64],
    pub(crate) max: &'a [f64],
    /// As many a point as the series has buckets.
    pub(crate) buckets: &'a [u64],
}

impl PointBlock {
    /// Of a sealed block those bodies that may have series of these owners, which ascend, and of a metric, if any names
    /// are told by their hashes. A block that is not of several bodies is one.
    pub(crate) fn open(sealed: &[u8], owners: &[u32], names: &[u64]) -> Result<Vec<Self>, Error> {
        Self::open_where(sealed, |told| filter::may_match(told, owners, names))
    }

    /// All bodies of a sealed block.
    pub(crate) fn open_all(sealed: &[u8]) -> Result<Vec<Self>, Error> {
        Self::open_where(sealed, |_| Ok(true))
    }

    fn open_where(sealed: &[u8], is_wanted: impl Fn(&[u8]) -> Result<bool, Error>) -> Result<Vec<Self>, Error> {
        if block::format(sealed) != GROUPED {
            return Ok(vec![Self::of_body(block::open(MAGIC, FORMAT, sealed)?)?]);
        }
        let sections = Sections::open(MAGIC, GROUPED, sealed)?;
        let mut about = Reader::new(sections.about());
        if about.length()? != sections.len() {
            return Err(damaged("its sections are not those that are told of"));
        }
        let mut found = Vec::new();
        for section in 0..sections.len() {
            let length = about.length()?;
            if is_wanted(about.raw(length)?)? {
                found.push(Self::of_body(sections.get(section)?)?);
            }
        }
        about.end()?;
        Ok(found)
    }

    fn of_body(body: Vec<u8>) -> Result<Self, Error> {
        let mut reader = Reader::new(&body);
        let points = reader.number()?;
        if points > MOST as u64 {
            return Err(damaged("it claims too many points"));
        }
        let texts = Texts::read(&mut reader)?;
        let series = SeriesTable::read(&mut reader, &texts)?;
        let grids = Grids::read(&mut reader, points as usize)?;
        let mut column = || (0..series.len()).map(|_| reader.index(grids.len())).collect::<Result<Vec<u32>, Error>>();
        let (at, start) = (column()?, column()?);
        let lengths = at.iter().zip(&start).map(|(at, start)| (grids.get(*at).len(), grids.get(*start).len()));
        if lengths.clone().any(|(at, start)| at != start || at == 0)
            || lengths.map(|(at, _)| at as u64).sum::<u64>() != points
        {
            return Err(damaged("the times of a series are not those of its points"));
        }
        let sections = sections(reader, &series, body.len())?;
        Ok(Self { texts, series, grids, at, start, sections, body })
    }

    /// Sections by number: the series of each, which have one name.
    pub(crate) fn sections(&self) -> impl Iterator<Item = Range<u32>> {
        self.sections.iter().map(|(series, _)| series.clone())
    }

    /// When a series was measured.
    pub(crate) fn times(&self, series: u32) -> &[i64] {
        self.grids.get(self.at[series as usize])
    }

    /// Which of the block's times a series was measured at, and counts since: series with the same were measured together.
    pub(crate) fn times_of(&self, series: u32) -> (u32, u32) {
        (self.at[series as usize], self.start[series as usize])
    }

    /// Unpacks a section's values.
    pub(crate) fn values(&self, section: usize) -> Result<Values, Error> {
        let (series, bytes) = &self.sections[section];
        let mut reader = Reader::new(&self.body[bytes.clone()]);
        let kinds = reader.raw(series.len())?;
        let lengths = || series.clone().map(|series| self.times(series).len()).zip(kinds);
        let whole = lengths().filter(|(_, kind)| **kind == WHOLE).map(|(length, _)| length);
        let firsts = read_whole(&mut reader, whole.clone().count())?;
        let changes = read_whole(&mut reader, whole.map(|length| length - 1).sum())?;
        let fractions = lengths().filter(|(_, kind)| **kind == FRACTIONS).map(|(length, _)| length).sum();
        let fractions = read_fractions(&mut reader, fractions)?;
        let mut values = Values::default();
        values.value.reserve(lengths().map(|(length, _)| length).sum());
        let (mut whole, mut fraction) = (Sums::new(&firsts, &changes), 0);
        for (length, kind) in lengths() {
            values.from.push(values.value.len());
            match *kind {
                WHOLE => whole.next(length, |value| values.value.push(value as f64)),
                FRACTIONS => {
                    values.value.extend_from_slice(&fractions[fraction..fraction + length]);
                    fraction += length;
                }
                _ => return Err(damaged("values are written in a way that is not known")),
            }
        }
        self.read_distributions(&mut reader, series.clone(), &mut values)?;
        reader.end()?;
        Ok(values)
    }

    fn read_distributions(
        &self,
        reader: &mut Reader<'_>,
        series: Range<u32>,
        values: &mut Values,
    ) -> Result<(), Error> {
        let is_one = |series: &u32| self.series.get(*series).kind.is_distribution();
        let all: Vec<(usize, usize)> =
            series.clone().filter(is_one).map(|series| (self.times(series).len(), self.series.width(series))).collect();
        let firsts = read_whole(reader, all.len())?;
        let points: usize = all.iter().map(|(length, _)| length).sum();
        let changes = read_whole(reader, points - all.len())?;
        values.buckets = read_whole(reader, all.iter().map(|(length, width)| length * width).sum())?
            .into_iter()
            .map(|n| n as u64)
            .collect();
        let mut sums = Sums::new(&firsts, &changes);
        let mut bucket = 0;
        for one in series {
            values.places.push((values.count.len(), bucket));
            if !is_one(&one) {
                continue;
            }
            let (length, width) = (self.times(one).len(), self.series.width(one));
            sums.next(length, |count| values.count.push(count as u64));
            for at in bucket + width..bucket + width * length {
                values.buckets[at] = values.buckets[at].wrapping_add(values.buckets[at - width]);
            }
            bucket += width * length;
        }
        for column in [&mut values.min, &mut values.max] {
            *column = match reader.byte()? {
                0 => vec![f64::NAN; points],
                _ => read_fractions(reader, points)?,
            };
        }
        Ok(())
    }

    /// A series' points, of the values of its section.
    pub(crate) fn run<'a>(&'a self, section: usize, series: u32, values: &'a Values) -> Run<'a> {
        let within = (series - self.sections[section].0.start) as usize;
        let at = self.times(series);
        let (from, (place, bucket)) = (values.from[within], values.places[within]);
        let distributions = if self.series.get(series).kind.is_distribution() { at.len() } else { 0 };
        Run {
            at,
            start: self.grids.get(self.start[series as usize]),
            value: &values.value[from..from + at.len()],
            count: &values.count[place..place + distributions],
            min: &values.min[place..place + distributions],
            max: &values.max[place..place + distributions],
            buckets: &values.buckets[bucket..bucket + distributions * self.series.width(series)],
        }
    }

    /// All points as columns.
    pub(super) fn columns(self) -> Result<PointColumns, Error> {
        let mut columns =
            PointColumns { texts: self.texts.clone(), series: self.series.clone(), ..PointColumns::default() };
        for section in 0..self.sections.len() {
            let values = self.values(section)?;
            for series in self.sections[section].0.clone() {
                let run = self.run(section, series, &values);
                let width = self.series.width(series);
                for at in 0..run.at.len() {
                    let known = |column: &[f64]| column.get(at).copied().unwrap_or(f64::NAN);
                    let point = Point {
                        at: run.at[at],
                        start: run.start[at],
                        value: run.value[at],
                        count: run.count.get(at).copied().unwrap_or_default(),
                        min: known(run.min),
                        max: known(run.max),
                        buckets: run.buckets.get(at * width..(at + 1) * width).unwrap_or_default(),
                    };
                    columns.push_point(series, point);
                }
            }
        }
        Ok(columns)
    }
}

/// Where the values of each name are; the sections are what is left of the body.
fn sections(mut reader: Reader<'_>, series: &SeriesTable, end: usize) -> Result<Vec<Section>, Error> {
    let count = reader.length()?;
    let lengths = (0..count).map(|_| reader.length()).collect::<Result<Vec<usize>, Error>>()?;
    let mut at = end - reader.rest().len();
    let mut sections = Vec::with_capacity(count);
    let mut first = 0;
    for length in lengths {
        let next = at.checked_add(length).filter(|next| *next <= end).ok_or_else(|| damaged("it ends too early"))?;
        let same = |number: &u32| series.get(*number).name == series.get(first).name;
        let last = (first..series.len() as u32).take_while(same).count() as u32 + first;
        sections.push((first..last, at..next));
        (at, first) = (next, last);
    }
    if at != end || first as usize != series.len() {
        return Err(damaged("its sections are not those of its series"));
    }
    Ok(sections)
}

/// Takes series of whole numbers apart from their first values and changes.
struct Sums<'a> {
    firsts: std::slice::Iter<'a, i64>,
    changes: std::slice::Iter<'a, i64>,
}

impl<'a> Sums<'a> {
    fn new(firsts: &'a [i64], changes: &'a [i64]) -> Self {
        Self { firsts: firsts.iter(), changes: changes.iter() }
    }

    fn next(&mut self, length: usize, mut each: impl FnMut(i64)) {
        let mut value = self.firsts.next().copied().unwrap_or_default();
        each(value);
        for change in self.changes.by_ref().take(length - 1) {
            value = value.wrapping_add(*change);
            each(value);
        }
    }
}
