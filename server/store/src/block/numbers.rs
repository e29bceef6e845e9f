//! Runs of numbers as bytes: a few as they are, many by pco, which finds what they have in common. Pure.

use pco::data_types::Number;
use pco::{ChunkConfig, standalone};

use crate::Error;
use crate::block::bytes::{Reader, Writer, damaged};

/// Fewer are written one by one: a chunk of pco has a head.
const FEW: usize = 48;
/// More in one run can only be damage.
pub(super) const MOST: usize = 1 << 27;

/// Writes whole numbers, the less they are the shorter.
pub(crate) fn write_whole(writer: &mut Writer, numbers: &[i64], level: i32) -> Result<(), Error> {
    if numbers.len() < FEW {
        numbers.iter().for_each(|number| writer.signed(*number));
        return Ok(());
    }
    pack(writer, numbers, level)
}

/// Writes fractions.
pub(crate) fn write_fractions(writer: &mut Writer, numbers: &[f64], level: i32) -> Result<(), Error> {
    if numbers.len() < FEW {
        numbers.iter().for_each(|number| writer.raw(&number.to_bits().to_le_bytes()));
        return Ok(());
    }
    pack(writer, numbers, level)
}

fn pack<T: Number>(writer: &mut Writer, numbers: &[T], level: i32) -> Result<(), Error> {
    let effort = if level > 1 { 8 } else { 3 };
    let config = ChunkConfig::default().with_compression_level(effort);
    let packed = standalone::simple_compress(numbers, &config)
        .map_err(|error| Error::Damaged(format!("numbers can't be packed: {error}")))?;
    writer.number(packed.len() as u64);
    writer.raw(&packed);
    Ok(())
}

/// Reads so many whole numbers.
pub(crate) fn read_whole(reader: &mut Reader<'_>, count: usize) -> Result<Vec<i64>, Error> {
    if count < FEW { (0..count).map(|_| reader.signed()).collect() } else { unpack(reader, count) }
}

/// Reads so many fractions.
pub(crate) fn read_fractions(reader: &mut Reader<'_>, count: usize) -> Result<Vec<f64>, Error> {
    if count < FEW {
        return (0..count).map(|_| Ok(f64::from_bits(u64::from_le_bytes(reader.array()?)))).collect();
    }
    unpack(reader, count)
}

fn unpack<T: Number + Default>(reader: &mut Reader<'_>, count: usize) -> Result<Vec<T>, Error> {
    if count > MOST {
        return Err(damaged("a run of numbers is too long"));
    }
    let length = reader.length()?;
    let mut numbers = vec![T::default(); count];
    let progress = standalone::simple_decompress_into(reader.raw(length)?, &mut numbers)
        .map_err(|error| damaged(&format!("numbers: {error}")))?;
    if progress.n_processed == count { Ok(numbers) } else { Err(damaged("a run of numbers is too short")) }
}
