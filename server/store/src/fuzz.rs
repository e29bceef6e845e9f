//! What a fuzzer calls (`server/fuzz`), and a test that calls it with the corpus and damage to it.

use crate::block::columns::Columns;
use crate::block::logs::LogColumns;
use crate::block::points::{PointBlock, PointColumns};
use crate::block::profiles::{ProfileBlock, ProfileColumns};
use crate::block::seal;
use crate::block::spans::{SpanBlock, SpanColumns};
use crate::rollup::Rollup;

/// Reads bytes as a block of every kind. The first five are magic and format; what follows is read as it is, and as a
/// body in a frame that is right, which is how damage gets past the checksum.
///
/// # Panics
/// Where a reader does, or does not read what it wrote.
pub fn block(bytes: &[u8]) {
    read(bytes);
    if let Some(([a, b, c, d, format], body)) = bytes.split_first_chunk()
        && let Ok(sealed) = seal([*a, *b, *c, *d], *format, body, 1)
    {
        read(&sealed);
    }
}

fn read(sealed: &[u8]) {
    again::<SpanColumns>(sealed);
    again::<LogColumns>(sealed);
    again::<PointColumns>(sealed);
    again::<ProfileColumns>(sealed);
    drop(SpanBlock::open(sealed).and_then(|mut block| block.read_attributes(&["http.route"])));
    if let Ok(block) = PointBlock::open(sealed) {
        for (section, series) in block.sections().enumerate() {
            let Ok(values) = block.values(section) else { continue };
            series.for_each(|series| assert_eq!(block.run(section, series, &values).at, block.times(series)));
        }
    }
    if let Ok(block) = ProfileBlock::open(sealed) {
        for (section, profiles) in block.sections().enumerate() {
            block.type_of(&profiles);
            drop(block.samples(section));
        }
    }
    drop(Rollup::decode(sealed));
}

/// Whatever is read is searched, written and read again.
fn again<C: Columns>(sealed: &[u8]) {
    let Ok(columns) = C::unseal(sealed) else { return };
    drop((columns.bounds(), columns.filter(), columns.words()));
    let Ok(written) = columns.seal(1) else { return };
    let read = C::unseal(&written);
    assert!(read.is_ok_and(|read| read.len() == columns.len()), "it does not read what it wrote");
}

#[cfg(test)]
mod tests {
    include!("../../fuzz/damage.rs");

    #[test]
    fn damaged_blocks_are_refused_and_what_is_read_is_written_again() {
        feed("block", 1_500, super::block);
    }
}
