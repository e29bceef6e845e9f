//! What a fuzzer calls (`server/fuzz`), and a test that calls it with the corpus and damage to it.

use model::{Timestamp, Window};

use crate::Error;
use crate::block::columns::Columns;
use crate::block::logs::{LogColumns, LogReader};
use crate::block::points::{PointBlock, PointColumns};
use crate::block::profiles::{ProfileBlock, ProfileColumns};
use crate::block::seal;
use crate::block::spans::{SpanColumns, SpanReader};
use crate::rollup::Rollup;

const EVER: Window = Window { from: Timestamp(i64::MIN), to: Timestamp(i64::MAX) };

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
    again::<SpanColumns>(sealed, search_spans);
    again::<LogColumns>(sealed, search_logs);
    again::<PointColumns>(sealed, search_points);
    again::<ProfileColumns>(sealed, |_| Ok(()));
    if let Ok(block) = ProfileBlock::open(sealed) {
        for (section, profiles) in block.sections().enumerate() {
            block.type_of(&profiles);
            drop(block.samples(section));
        }
    }
    drop(Rollup::decode(sealed));
}

/// Whatever is read is searched, written in both forms and read again.
fn again<C: Columns>(sealed: &[u8], search: fn(&[u8]) -> Result<(), Error>) {
    drop(search(sealed));
    let Ok(columns) = C::unseal(sealed) else { return };
    drop((columns.bounds(), columns.filter(), columns.words()));
    for written in [columns.seal(1), columns.seal_merged(1)].into_iter().flatten() {
        let read = C::unseal(&written);
        assert!(read.is_ok_and(|read| read.len() == columns.len()), "it does not read what it wrote");
        assert!(search(&written).is_ok(), "what it wrote can't be searched");
    }
}

fn search_spans(sealed: &[u8]) -> Result<(), Error> {
    let mut reader = SpanReader::open(sealed)?;
    for group in 0..reader.len() {
        reader.may_have(group, &[1], EVER)?;
        let mut block = reader.group(group)?;
        reader.read_ids(&mut block)?;
        block.read_attributes(&["http.route"])?;
    }
    Ok(())
}

fn search_logs(sealed: &[u8]) -> Result<(), Error> {
    let mut reader = LogReader::open(sealed)?;
    for group in 0..reader.len() {
        reader.may_have(group, &[1], EVER)?;
        let mut block = reader.group(group)?;
        reader.read_traces(&mut block)?;
        block.read_attributes()?;
    }
    Ok(())
}

fn search_points(sealed: &[u8]) -> Result<(), Error> {
    drop(PointBlock::open(sealed, &[1], &[1])?);
    for block in PointBlock::open_all(sealed)? {
        for (section, series) in block.sections().enumerate() {
            let values = block.values(section)?;
            series.for_each(|series| assert_eq!(block.run(section, series, &values).at, block.times(series)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    include!("../../fuzz/damage.rs");

    #[test]
    fn damaged_blocks_are_refused_and_what_is_read_is_written_again() {
        feed("block", 1_500, super::block);
    }
}
