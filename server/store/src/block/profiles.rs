//! Profiles as columns: what a request is gathered into, what a commit joins, what a block holds. A record is a
//! sample: a stack and what was measured of it. Pure.

mod bytes;
mod open;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeSet;

use super::columns::{Columns, Counted, Signal};
use super::points::filter;
use super::stacks::{self, Stacks};
use crate::{Error, ProfileRow};
pub(crate) use open::{Head, ProfileBlock};

/// More samples than any block has; what claims more is damaged. Tests come to it sooner.
const SAMPLES: usize = if cfg!(test) { 1 << 16 } else { 1 << 24 };

/// Columns of one entry a profile, and of one entry a sample.
#[derive(Debug, Default, Clone)]
pub(crate) struct ProfileColumns {
    pub(crate) stacks: Stacks,
    owner: Vec<u32>,
    at: Vec<i64>,
    duration: Vec<i64>,
    /// Numbers of texts.
    kind: Vec<u32>,
    unit: Vec<u32>,
    /// Where each profile's samples end; they begin where those of the one before end.
    ends: Vec<u32>,
    stack: Vec<u32>,
    value: Vec<i64>,
}

/// The hash of what is sampled in which unit, by which blocks are chosen.
pub(crate) fn hash_of(kind: &str, unit: &str) -> u64 {
    filter::hash_name(&format!("{kind}:{unit}"))
}

impl ProfileColumns {
    /// Adds a profile. Of a stack that comes twice the sum counts; what has nothing to tell is left out.
    pub(crate) fn push(&mut self, row: &ProfileRow<'_>) {
        let known = self.stacks.len();
        let tells = |(stack, value): &&(u32, i64)| (*stack as usize) < known && *value > 0;
        let mut samples: Vec<(u32, i64)> = row.samples.iter().filter(tells).copied().collect();
        samples.sort_unstable_by_key(|(stack, _)| *stack);
        samples.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            kept.1 = if same { kept.1.saturating_add(next.1) } else { kept.1 };
            same
        });
        if samples.is_empty() {
            return;
        }
        let (kind, unit) = (self.stacks.texts.number(row.kind), self.stacks.texts.number(row.unit));
        self.push_head((row.owner, row.at.0, row.duration.max(0)), (kind, unit));
        self.stack.extend(samples.iter().map(|(stack, _)| *stack));
        self.value.extend(samples.iter().map(|(_, value)| *value));
        self.ends.push(self.stack.len() as u32);
    }

    fn push_head(&mut self, (owner, at, duration): (u32, i64, i64), (kind, unit): (u32, u32)) {
        self.owner.push(owner);
        self.at.push(at);
        self.duration.push(duration);
        self.kind.push(kind);
        self.unit.push(unit);
    }

    /// Where a profile's samples are.
    fn samples(&self, profile: usize) -> std::ops::Range<usize> {
        let from = if profile == 0 { 0 } else { self.ends[profile - 1] as usize };
        from..self.ends[profile] as usize
    }
}

impl Columns for ProfileColumns {
    const SIGNAL: Signal = Signal::Samples;
    const MERGED: i64 = 131_072;

    fn len(&self) -> usize {
        self.stack.len()
    }

    fn size(&self) -> usize {
        self.stacks.size() + self.owner.len() * 32 + self.stack.len() * 12
    }

    fn counted(&self) -> Vec<Counted> {
        let profiles = Counted { what: "profiles", count: self.owner.len(), most: stacks::MOST };
        let samples = Counted { what: "samples of profiles", count: self.stack.len(), most: SAMPLES };
        [profiles, samples].into_iter().chain(self.stacks.counted()).collect()
    }

    fn append(&mut self, other: &Self, owners: &[u32]) {
        let mut used = vec![false; other.stacks.len()];
        other.stack.iter().for_each(|stack| used[*stack as usize] = true);
        let stacks = self.stacks.add(&other.stacks, &used);
        for profile in 0..other.owner.len() {
            let text = |number: u32| other.stacks.texts.get(number);
            let kind = self.stacks.texts.number(text(other.kind[profile]));
            let unit = self.stacks.texts.number(text(other.unit[profile]));
            let owner = owners[other.owner[profile] as usize];
            self.push_head((owner, other.at[profile], other.duration[profile]), (kind, unit));
            let samples = other.samples(profile);
            self.stack.extend(other.stack[samples.clone()].iter().map(|stack| stacks[*stack as usize]));
            self.value.extend_from_slice(&other.value[samples]);
            self.ends.push(self.stack.len() as u32);
        }
    }

    fn owners(&self) -> &[u32] {
        &self.owner
    }

    fn bounds(&self) -> Option<(i64, i64)> {
        Some((*self.at.iter().min()?, *self.at.iter().max()?))
    }

    fn seal(&self, level: i32) -> Result<Vec<u8>, Error> {
        self.encode(level)
    }

    fn unseal(sealed: &[u8]) -> Result<Self, Error> {
        ProfileBlock::open(sealed)?.columns()
    }

    fn filter(&self) -> Vec<u8> {
        let text = |number: u32| self.stacks.texts.get(number);
        let types: BTreeSet<u64> =
            self.kind.iter().zip(&self.unit).map(|(kind, unit)| hash_of(text(*kind), text(*unit))).collect();
        filter::written(&self.owner.iter().copied().collect(), types.into_iter())
    }
}
