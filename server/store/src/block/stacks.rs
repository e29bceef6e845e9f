//! Stacks as a tree: a stack is its outermost frames' stack and one frame more, so what many have in common stands
//! once. Pure.

use super::bytes::{Reader, Writer, damaged};
use super::columns::Counted;
use super::numbers::{read_whole, write_whole};
use super::pairs::Pairs;
use super::texts::Texts;
use crate::Error;

/// Frames and stacks, numbered. Stack 0 has no frame; every other has a number above that of the one it continues.
#[derive(Debug, Clone)]
pub(crate) struct Stacks {
    pub(crate) texts: Texts,
    /// A function's name and its file.
    frames: Pairs,
    /// The stack that it continues, and its innermost frame.
    stacks: Pairs,
}

impl Default for Stacks {
    fn default() -> Self {
        let mut stacks = Self { texts: Texts::default(), frames: Pairs::default(), stacks: Pairs::default() };
        stacks.frames.number((0, 0));
        stacks.stacks.number((0, 0));
        stacks
    }
}

impl Stacks {
    /// The number of a frame. One without a name can't be told from none.
    pub(crate) fn frame(&mut self, name: &str, file: &str) -> u32 {
        let name = if name.is_empty() { UNKNOWN } else { name };
        let pair = (self.texts.number(name), self.texts.number(file));
        self.frames.number(pair)
    }

    /// The number of a stack that continues another by a frame.
    pub(crate) fn stack(&mut self, outer: u32, frame: u32) -> u32 {
        self.stacks.number((outer, frame))
    }

    /// How many stacks there are.
    pub(crate) fn len(&self) -> usize {
        self.stacks.len()
    }

    /// How many frames there are.
    pub(crate) fn frames(&self) -> usize {
        self.frames.len()
    }

    /// Which stack a stack continues, and by which frame.
    pub(crate) fn get(&self, stack: u32) -> (u32, u32) {
        self.stacks.get(stack)
    }

    /// A frame's function and file.
    pub(crate) fn frame_of(&self, frame: u32) -> (&str, &str) {
        let (name, file) = self.frames.get(frame);
        (self.texts.get(name), self.texts.get(file))
    }

    /// What a block can hold a limited number of.
    pub(super) fn counted(&self) -> [Counted; 2] {
        let counted = |what, count| Counted { what, count, most: MOST };
        [counted("frames of stacks", self.frames.len()), counted("stacks", self.len())]
    }

    /// Bytes that they take in memory, roughly.
    pub(crate) fn size(&self) -> usize {
        self.texts.size() + (self.frames.len() + self.stacks.len()) * 24
    }

    /// Adds those of another's stacks that are marked, with all they continue; returns the numbers of all here, those
    /// that were not added being 0.
    pub(crate) fn add(&mut self, other: &Self, wanted: &[bool]) -> Vec<u32> {
        let mut wanted = wanted.to_vec();
        for stack in (1..other.len()).rev() {
            if wanted[stack] {
                wanted[other.stacks.all()[stack].0 as usize] = true;
            }
        }
        let mut frames = vec![0_u32; other.frames.len()];
        let mut numbers = vec![0_u32; other.len()];
        for stack in (1..other.len()).filter(|stack| wanted[*stack]) {
            let (outer, frame) = other.stacks.all()[stack];
            let own = &mut frames[frame as usize];
            if *own == 0 {
                let (name, file) = other.frame_of(frame);
                *own = self.frame(name, file);
            }
            numbers[stack] = self.stack(numbers[outer as usize], *own);
        }
        numbers
    }

    /// Stacks in the order in which they are written: each before those that continue it, and these before others.
    pub(crate) fn order(&self) -> Vec<u32> {
        let all = self.stacks.all();
        // Those that continue a stack, as a list through `next`, the last numbered first.
        let (mut first, mut next) = (vec![0_u32; all.len()], vec![0_u32; all.len()]);
        for stack in 1..all.len() {
            let outer = all[stack].0 as usize;
            next[stack] = first[outer];
            first[outer] = stack as u32;
        }
        let mut order = Vec::with_capacity(all.len());
        let mut waiting = vec![0];
        while let Some(stack) = waiting.pop() {
            order.push(stack);
            let mut inner = first[stack as usize];
            while inner != 0 {
                waiting.push(inner);
                inner = next[inner as usize];
            }
        }
        order
    }

    /// How many frames each stack has.
    pub(crate) fn depths(&self) -> Vec<u32> {
        let all = self.stacks.all();
        let mut depths = vec![0_u32; all.len()];
        for stack in 1..all.len() {
            depths[stack] = depths[all[stack].0 as usize] + 1;
        }
        depths
    }

    /// Writes them in an order that [`Self::order`] made.
    pub(super) fn write(&self, writer: &mut Writer, order: &[u32], level: i32) -> Result<(), Error> {
        self.texts.write(writer);
        writer.number(self.frames.len() as u64);
        write_whole(writer, &self.frames.all().iter().map(|frame| i64::from(frame.0)).collect::<Vec<_>>(), level)?;
        write_whole(writer, &self.frames.all().iter().map(|frame| i64::from(frame.1)).collect::<Vec<_>>(), level)?;
        writer.number(order.len() as u64);
        let depths = self.depths();
        let deep: Vec<i64> = order.iter().skip(1).map(|stack| i64::from(depths[*stack as usize])).collect();
        write_whole(writer, &deep, level)?;
        let frames: Vec<i64> = order.iter().skip(1).map(|stack| i64::from(self.get(*stack).1)).collect();
        write_whole(writer, &frames, level)
    }

    /// Reads them; every number is checked.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let texts = Texts::read(reader)?;
        let count = counted(reader)?;
        let mut column = || -> Result<Vec<u32>, Error> {
            read_whole(reader, count)?.into_iter().map(|number| below(number, texts.len())).collect()
        };
        let (names, files) = (column()?, column()?);
        let frames = Pairs::of(names.into_iter().zip(files).collect());
        let stacks = counted(reader)?;
        if frames.len() == 0 || stacks == 0 {
            return Err(damaged("it has no root"));
        }
        let depths = read_whole(reader, stacks - 1)?;
        let innermost = read_whole(reader, stacks - 1)?;
        let mut list = vec![(0, 0)];
        // The stack of each depth that was read last.
        let mut path: Vec<u32> = vec![0];
        for (depth, frame) in depths.into_iter().zip(innermost) {
            let depth = below(depth, path.len() + 1)? as usize;
            let outer = depth.checked_sub(1).ok_or_else(|| damaged("it has two roots"))?;
            path.truncate(depth);
            let stack = list.len() as u32;
            list.push((path[outer], below(frame, frames.len())?));
            path.push(stack);
        }
        Ok(Self { texts, frames, stacks: Pairs::of(list) })
    }
}

/// The name of a frame that has none.
const UNKNOWN: &str = "(unknown)";

/// More of anything in one block can only be damage. Tests come to it sooner.
pub(super) const MOST: usize = if cfg!(test) { 1 << 16 } else { 1 << 24 };

/// A count of things that need not take a byte each.
pub(super) fn counted(reader: &mut Reader<'_>) -> Result<usize, Error> {
    let count = reader.number()?;
    if count > MOST as u64 { Err(damaged("it claims too much")) } else { Ok(count as usize) }
}

/// A number that must be an index.
pub(super) fn below(number: i64, bound: usize) -> Result<u32, Error> {
    let index = u32::try_from(number).ok().filter(|index| (*index as usize) < bound);
    index.ok_or_else(|| damaged("an index is out of range"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Stacks {
        let mut stacks = Stacks::default();
        let frames: Vec<u32> = ["main", "a", "b", ""].map(|name| stacks.frame(name, "x.rs")).to_vec();
        let main = stacks.stack(0, frames[0]);
        let (a, b) = (stacks.stack(main, frames[1]), stacks.stack(main, frames[2]));
        stacks.stack(b, frames[1]);
        stacks.stack(a, frames[3]);
        stacks.stack(0, frames[2]);
        stacks
    }

    /// All stacks as texts.
    fn told(stacks: &Stacks) -> Vec<String> {
        let mut all: Vec<String> = vec![String::new()];
        for stack in 1..stacks.len() as u32 {
            let (outer, frame) = stacks.get(stack);
            all.push(format!("{};{}", all[outer as usize], stacks.frame_of(frame).0));
        }
        all.sort();
        all
    }

    #[test]
    fn stacks_come_back_in_the_order_in_which_they_are_written() {
        let stacks = some();
        let mut writer = Writer::default();
        stacks.write(&mut writer, &stacks.order(), 3).unwrap();
        let mut read = Stacks::read(&mut Reader::new(&writer.bytes)).unwrap();
        assert_eq!(told(&read), told(&stacks));
        assert_eq!(read.order(), (0..read.len() as u32).collect::<Vec<_>>());
        let main = read.frame("main", "x.rs");
        assert_eq!(read.stack(0, main), 1);
        assert_eq!(read.len(), stacks.len());
    }

    #[test]
    fn only_what_is_wanted_is_added_with_what_it_continues() {
        let (stacks, mut other) = (some(), Stacks::default());
        let mut wanted = vec![false; stacks.len()];
        wanted[4] = true;
        let numbers = other.add(&stacks, &wanted);
        assert_eq!(told(&other), ["", ";main", ";main;b", ";main;b;a"]);
        assert_eq!((numbers[4], numbers[5]), (3, 0));
        other.add(&stacks, &vec![true; stacks.len()]);
        assert_eq!(told(&other), told(&stacks));
    }
}
