//! Random numbers from a seed (SplitMix64): the same seed gives the same records on every machine.

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    /// Of a seed and a number: each request has a generator of its own, so it does not matter which is made first.
    pub(crate) fn of(seed: u64, number: u64) -> Self {
        Self(seed.rotate_left(32) ^ number.wrapping_mul(0xa076_1d64_78bd_642f))
    }

    /// The next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below a bound, which must not be 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }

    /// One of several.
    pub(crate) fn one_of<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }

    /// Random bytes, as ids are.
    pub(crate) fn id<const N: usize>(&mut self) -> Vec<u8> {
        let mut id = vec![0; N];
        id.chunks_mut(8).for_each(|part| part.copy_from_slice(&self.next().to_be_bytes()[..part.len()]));
        id
    }
}
