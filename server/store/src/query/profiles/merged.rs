//! Profiles of one type merged: the stacks of all blocks as one tree, with what was measured of each, of what is
//! shown and of what it is compared with. Pure.

use std::ops::Range;

use model::{Cost, FrameTree, Timestamp};

use super::Take;
use super::pruned::{self, Sums};
use crate::block::profiles::{Head, ProfileBlock};
use crate::block::stacks::Stacks;
use crate::query::part::Part;
use crate::{Attribution, Error, ProfileAsk, ProfileSlice};

/// Stacks that are held at once.
const STACKS: usize = 2_000_000;

/// See the module.
pub(super) struct Merged {
    ask: ProfileAsk,
    /// What is looked for now.
    turn: Turn,
    stacks: Stacks,
    of: Side,
    against: Option<Side>,
}

/// Which of two slices is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Of,
    Against,
}

/// What was measured of one slice.
#[derive(Default)]
struct Side {
    /// By stack.
    sums: Vec<i64>,
    profiles: u64,
}

impl Merged {
    pub(super) fn new(ask: ProfileAsk) -> Self {
        let against = ask.against.as_ref().map(|_| Side::default());
        Self { ask, turn: Turn::Of, stacks: Stacks::default(), of: Side::default(), against }
    }

    /// From now on, blocks are looked at for what is compared with.
    pub(super) fn turned(self) -> Self {
        Self { turn: Turn::Against, ..self }
    }

    pub(super) fn finish(mut self) -> FrameTree {
        let sides = [Some(&mut self.of), self.against.as_mut()];
        sides.into_iter().flatten().for_each(|side| side.sums.resize(self.stacks.len(), 0));
        let cost = |sums: &Sums, side: &Side| Cost { value: sums.total[0], profiles: side.profiles };
        let of = Sums::of(&self.stacks, &self.of.sums);
        let before = self.against.as_ref().map(|side| Sums::of(&self.stacks, &side.sums));
        FrameTree {
            all: cost(&of, &self.of),
            all_before: before.as_ref().zip(self.against.as_ref()).map(|(sums, side)| cost(sums, side)),
            ..pruned::tree(&self.stacks, &of, before.as_ref(), self.ask.nodes as usize)
        }
    }
}

impl Side {
    /// Adds the samples of some profiles of a block, by the block's stacks.
    fn add(&mut self, stacks: &mut Stacks, block: &ProfileBlock, sums: &[i64]) {
        let wanted: Vec<bool> = sums.iter().map(|sum| *sum != 0).collect();
        let numbers = stacks.add(&block.stacks, &wanted);
        self.sums.resize(stacks.len().max(self.sums.len()), 0);
        for (number, sum) in numbers.into_iter().zip(sums) {
            let own = &mut self.sums[number as usize];
            *own = own.saturating_add(*sum);
        }
    }
}

impl ProfileSlice {
    fn holds(&self, at: Timestamp, whose: &Attribution) -> bool {
        self.window.contains(at)
            && self.revision.as_ref().is_none_or(|revision| whose.revision.as_ref() == Some(revision))
            && self.pod.as_ref().is_none_or(|pod| whose.pod_name.as_deref() == Some(pod))
    }
}

impl Take for Merged {
    fn look(&mut self, part: &Part, block: &ProfileBlock) -> Result<(), Error> {
        let sample = (self.ask.sample.name.as_str(), self.ask.sample.unit.as_str());
        let found = block.sections().enumerate().find(|(_, profiles)| block.type_of(profiles) == sample);
        let Some((section, profiles)) = found else { return Ok(()) };
        let heads = &block.profiles[profiles];
        let turn = match self.turn {
            Turn::Of => Some((&self.ask.of, &mut self.of)),
            Turn::Against => self.ask.against.as_ref().zip(self.against.as_mut()),
        };
        let Some((slice, side)) = turn else { return Ok(()) };
        let chosen = chosen(heads, |head| {
            let at = Timestamp(head.at);
            part.is_of(head.owner, at, &self.ask.service)
                && part.whose(head.owner, at).is_some_and(|whose| slice.holds(at, whose))
        });
        if chosen.is_empty() {
            return Ok(());
        }
        let samples = block.samples(section)?;
        let mut sums = vec![0_i64; block.stacks.len()];
        side.profiles += chosen.len() as u64;
        for row in chosen.into_iter().flatten() {
            let sum = &mut sums[samples.stack[row] as usize];
            *sum = sum.saturating_add(samples.value[row]);
        }
        side.add(&mut self.stacks, block, &sums);
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.stacks.len() > STACKS
    }
}

/// Where the samples of those profiles of a section are that are asked for.
fn chosen(heads: &[Head], is_asked: impl Fn(&Head) -> bool) -> Vec<Range<usize>> {
    let mut end = 0;
    let mut chosen = Vec::new();
    for head in heads {
        let from = end;
        end += head.samples;
        if is_asked(head) {
            chosen.push(from..end);
        }
    }
    chosen
}
