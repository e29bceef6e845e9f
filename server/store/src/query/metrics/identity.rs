//! Which series of different blocks are one: those with the same owner, name, kind, unit, scope, bounds and labels.
//! 128 bits of a hash stand for all of it. Pure.

use model::MetricKind;

use super::classic::BOUND;
use crate::block::hash::{fnv, mix};
use crate::block::points::PointBlock;
use crate::block::texts::Texts;
use crate::query::part::Part;

/// Hashes of a block's texts, made when they are first needed.
pub(super) struct Hashes<'a> {
    texts: &'a Texts,
    known: Vec<Option<u64>>,
}

impl<'a> Hashes<'a> {
    pub(super) fn of(block: &'a PointBlock) -> Self {
        Self { texts: &block.texts, known: vec![None; block.texts.len()] }
    }

    fn text(&mut self, number: u32) -> u64 {
        let texts = self.texts;
        *self.known[number as usize].get_or_insert_with(|| fnv(3, texts.get(number).bytes()))
    }

    /// The identity of a series.
    pub(super) fn series(&mut self, part: &Part, block: &PointBlock, number: u32) -> u128 {
        let series = block.series.get(number);
        let name = self.text(series.name);
        self.identity(part, block, number, (series.kind, name), |_| true)
    }

    /// The identity of the histogram of a name that a series belongs to: the same for all its buckets and its sum.
    pub(super) fn histogram(&mut self, part: &Part, block: &PointBlock, number: u32, name: &str) -> u128 {
        let is_told = |key: u32| block.texts.get(key) != BOUND;
        self.identity(part, block, number, (MetricKind::Histogram, fnv(3, name.bytes())), is_told)
    }

    fn identity(
        &mut self,
        part: &Part,
        block: &PointBlock,
        number: u32,
        (kind, name): (MetricKind, u64),
        is_told: impl Fn(u32) -> bool,
    ) -> u128 {
        let series = block.series.get(number);
        let owner = part.resolved.owners.get(series.owner as usize).map_or(0, |o| u128::from_be_bytes(o.known.hash));
        let (mut high, mut low) = ((owner >> 64) as u64, owner as u64);
        let mut add = |hash: u64| {
            high = mix(high.rotate_left(5) ^ hash).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            low = mix(low.wrapping_mul(0x0100_0000_01b3).wrapping_add(hash));
        };
        add(u64::from(kind.number()));
        add(name);
        for text in [series.unit, series.scope] {
            add(self.text(text));
        }
        block.series.all_bounds()[series.bounds as usize].iter().for_each(|bound| add(bound.to_bits()));
        for (key, value) in block.series.labels(number).iter().filter(|(key, _)| is_told(*key)) {
            add(self.text(*key));
            add(self.text(*value));
        }
        u128::from(high) << 64 | u128::from(low)
    }
}

/// Series of a block that belong to the service of a part.
pub(super) fn owned<'a>(
    part: &'a Part,
    block: &'a PointBlock,
    series: std::ops::Range<u32>,
) -> impl Iterator<Item = u32> + 'a {
    series.filter(|number| part.owners.binary_search(&block.series.get(*number).owner).is_ok())
}
