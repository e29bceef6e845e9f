//! A sealed block of profiles, opened: stacks and what each profile is of are read, samples only of the types that
//! are asked for. Every number is checked.

use std::ops::Range;

use super::bytes::{FORMAT, MAGIC};
use super::{ProfileColumns, SAMPLES};
use crate::Error;
use crate::block;
use crate::block::bytes::{Reader, damaged};
use crate::block::numbers::read_whole;
use crate::block::stacks::{Stacks, below, counted};

/// See the module.
pub(crate) struct ProfileBlock {
    pub(crate) stacks: Stacks,
    /// Sorted by type, owner and time.
    pub(crate) profiles: Vec<Head>,
    sections: Vec<Section>,
    body: Vec<u8>,
}

/// Profiles of one type, and where in the body their samples are.
type Section = (Range<usize>, Range<usize>);

/// What a profile is of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head {
    /// Numbers of texts.
    pub(crate) kind: u32,
    pub(crate) unit: u32,
    pub(crate) owner: u32,
    pub(crate) at: i64,
    pub(crate) duration: i64,
    /// How many samples it has.
    pub(crate) samples: usize,
}

/// Samples of profiles, one profile's after the other.
pub(crate) struct Samples {
    pub(crate) stack: Vec<u32>,
    pub(crate) value: Vec<i64>,
}

impl ProfileBlock {
    pub(crate) fn open(sealed: &[u8]) -> Result<Self, Error> {
        let body = block::open(MAGIC, FORMAT, sealed)?;
        let mut reader = Reader::new(&body);
        let stacks = Stacks::read(&mut reader)?;
        let count = counted(&mut reader)?;
        let mut column = || read_whole(&mut reader, count);
        let (kinds, units, owners) = (column()?, column()?, column()?);
        let (at, durations, lengths) = (column()?, column()?, column()?);
        let mut profiles = Vec::with_capacity(count);
        let mut all = 0_usize;
        for one in 0..count {
            let samples = below(lengths[one], SAMPLES + 1)? as usize;
            all += samples;
            profiles.push(Head {
                kind: below(kinds[one], stacks.texts.len())?,
                unit: below(units[one], stacks.texts.len())?,
                owner: below(owners[one], u32::MAX as usize)?,
                at: at[one],
                duration: durations[one],
                samples,
            });
        }
        if all > SAMPLES {
            return Err(damaged("it claims too many samples"));
        }
        let sections = sections(reader, &profiles, body.len())?;
        Ok(Self { stacks, profiles, sections, body })
    }

    /// Sections by number: the profiles of each, which are of one type.
    pub(crate) fn sections(&self) -> impl Iterator<Item = Range<usize>> {
        self.sections.iter().map(|(profiles, _)| profiles.clone())
    }

    /// What a section's profiles sampled, and its unit.
    pub(crate) fn type_of(&self, profiles: &Range<usize>) -> (&str, &str) {
        let head = &self.profiles[profiles.start];
        (self.stacks.texts.get(head.kind), self.stacks.texts.get(head.unit))
    }

    /// Unpacks a section's samples.
    pub(crate) fn samples(&self, section: usize) -> Result<Samples, Error> {
        let (profiles, bytes) = &self.sections[section];
        let lengths = self.profiles[profiles.clone()].iter().map(|head| head.samples);
        let count = lengths.clone().sum();
        let mut reader = Reader::new(&self.body[bytes.clone()]);
        let mut steps = read_whole(&mut reader, count)?.into_iter();
        let value = read_whole(&mut reader, count)?;
        reader.end()?;
        let mut stack = Vec::with_capacity(count);
        for length in lengths {
            let mut at = 0_i64;
            for step in steps.by_ref().take(length) {
                at = at.saturating_add(step);
                stack.push(below(at, self.stacks.len())?);
            }
        }
        Ok(Samples { stack, value })
    }

    /// All profiles as columns.
    pub(super) fn columns(self) -> Result<ProfileColumns, Error> {
        let mut columns = ProfileColumns::default();
        for (section, profiles) in self.sections().enumerate() {
            let samples = self.samples(section)?;
            let mut end = columns.stack.len();
            columns.stack.extend(samples.stack);
            columns.value.extend(samples.value);
            for head in &self.profiles[profiles] {
                end += head.samples;
                columns.push_head((head.owner, head.at, head.duration), (head.kind, head.unit));
                columns.ends.push(end as u32);
            }
        }
        Ok(ProfileColumns { stacks: self.stacks, ..columns })
    }
}

/// Where the samples of each type are; the sections are what is left of the body.
fn sections(mut reader: Reader<'_>, profiles: &[Head], end: usize) -> Result<Vec<Section>, Error> {
    let runs: Vec<usize> = profiles.chunk_by(|a, b| (a.kind, a.unit) == (b.kind, b.unit)).map(<[Head]>::len).collect();
    let lengths = runs.iter().map(|_| reader.length()).collect::<Result<Vec<usize>, Error>>()?;
    let mut at = end - reader.rest().len();
    let mut first = 0;
    let mut sections = Vec::with_capacity(runs.len());
    for (run, length) in runs.into_iter().zip(lengths) {
        let next = at.checked_add(length).filter(|next| *next <= end).ok_or_else(|| damaged("it ends too early"))?;
        sections.push((first..first + run, at..next));
        (first, at) = (first + run, next);
    }
    if at == end { Ok(sections) } else { Err(damaged("bytes are left over")) }
}
