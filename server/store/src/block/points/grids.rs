//! Times of points: series that are measured together have the same, so each run of times stands once. Pure.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::Error;
use crate::block::bytes::{Reader, Writer, damaged};
use crate::block::numbers::{read_whole, write_whole};

/// Runs of times by their number.
#[derive(Debug, Default)]
pub(super) struct Grids {
    times: Vec<i64>,
    ends: Vec<u32>,
    /// The one that was asked for last.
    last: Option<u32>,
    numbers: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

fn slice<'a>(times: &'a [i64], ends: &[u32], number: u32) -> &'a [i64] {
    let at = number as usize;
    let from = if at == 0 { 0 } else { ends[at - 1] as usize };
    &times[from..ends[at] as usize]
}

impl Grids {
    /// A run by its number.
    pub(super) fn get(&self, number: u32) -> &[i64] {
        slice(&self.times, &self.ends, number)
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The number of a run, given when it is new.
    pub(super) fn number(&mut self, run: &[i64]) -> u32 {
        // Of series that are measured together each has the times of the one before.
        if let Some(last) = self.last.filter(|last| self.get(*last) == run) {
            return last;
        }
        let number = self.number_of(run);
        self.last = Some(number);
        number
    }

    fn number_of(&mut self, run: &[i64]) -> u32 {
        let Self { times, ends, numbers, hasher, .. } = self;
        let hash = hasher.hash_one(run);
        if let Some(number) = numbers.find(hash, |number| slice(times, ends, *number) == run) {
            return *number;
        }
        let number = ends.len() as u32;
        times.extend_from_slice(run);
        ends.push(times.len() as u32);
        numbers.insert_unique(hash, number, |other| hasher.hash_one(slice(times, ends, *other)));
        number
    }

    /// The first time of a run is written as what it differs by from that of the run before; the second as its
    /// distance; the others as changes of the distance, which are mostly nothing.
    pub(super) fn write(&self, writer: &mut Writer, level: i32) -> Result<(), Error> {
        writer.number(self.len() as u64);
        let mut firsts = Vec::with_capacity(self.len());
        let mut changes = Vec::with_capacity(self.times.len());
        let mut before = 0;
        for number in 0..self.len() as u32 {
            let run = self.get(number);
            writer.number(run.len() as u64);
            let Some(first) = run.first() else { continue };
            firsts.push(first.wrapping_sub(before));
            before = *first;
            let (mut last, mut distance) = (*first, 0_i64);
            for time in &run[1..] {
                let next = time.wrapping_sub(last);
                changes.push(next.wrapping_sub(distance));
                (last, distance) = (*time, next);
            }
        }
        write_whole(writer, &firsts, level)?;
        write_whole(writer, &changes, level)
    }

    /// Reads all runs; no run may be longer than there are points.
    pub(super) fn read(reader: &mut Reader<'_>, points: usize) -> Result<Self, Error> {
        let count = reader.length()?;
        let mut lengths = Vec::with_capacity(count);
        for _ in 0..count {
            lengths.push(reader.index(points + 1)? as usize);
        }
        let filled = lengths.iter().filter(|length| **length > 0).count();
        let total: usize = lengths.iter().sum();
        // Two runs a series: when they were measured, and since when they count.
        if total > points.saturating_mul(2) {
            return Err(damaged("there are more times than points"));
        }
        let firsts = read_whole(reader, filled)?;
        let changes = read_whole(reader, total - filled)?;
        let (mut firsts, mut changes) = (firsts.into_iter(), changes.into_iter());
        let mut read = Self { times: Vec::with_capacity(total), ..Self::default() };
        let mut before = 0_i64;
        for length in lengths {
            if length > 0 {
                before = before.wrapping_add(firsts.next().unwrap_or_default());
                read.times.push(before);
                let (mut last, mut distance) = (before, 0_i64);
                for change in changes.by_ref().take(length - 1) {
                    distance = distance.wrapping_add(change);
                    last = last.wrapping_add(distance);
                    read.times.push(last);
                }
            }
            read.ends.push(read.times.len() as u32);
        }
        Ok(read)
    }
}
