//! Pairs of numbers, each once, in the order in which they came. Pure.

use hashbrown::HashMap;

/// See the module.
#[derive(Debug, Default, Clone)]
pub(crate) struct Pairs {
    list: Vec<(u32, u32)>,
    /// Numbers by pair; empty after decoding until one is asked for.
    numbers: HashMap<(u32, u32), u32>,
}

impl Pairs {
    /// Of pairs that are all different.
    pub(super) fn of(list: Vec<(u32, u32)>) -> Self {
        Self { list, numbers: HashMap::new() }
    }

    /// The number of a pair, given when it is new.
    pub(crate) fn number(&mut self, pair: (u32, u32)) -> u32 {
        let Self { list, numbers } = self;
        if numbers.is_empty() {
            numbers.extend(list.iter().enumerate().map(|(at, pair)| (*pair, at as u32)));
        }
        *numbers.entry(pair).or_insert_with(|| {
            list.push(pair);
            (list.len() - 1) as u32
        })
    }

    /// A pair by its number.
    pub(crate) fn get(&self, number: u32) -> (u32, u32) {
        self.list[number as usize]
    }

    /// All of them, by number.
    pub(crate) fn all(&self) -> &[(u32, u32)] {
        &self.list
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_has_one_number_also_after_decoding() {
        let mut pairs = Pairs::default();
        assert_eq!((pairs.number((1, 2)), pairs.number((2, 1)), pairs.number((1, 2))), (0, 1, 0));
        let mut read = Pairs::of(pairs.all().to_vec());
        assert_eq!((read.number((2, 1)), read.number((3, 3)), read.len()), (1, 2, 3));
        assert_eq!(read.get(2), (3, 3));
    }
}
