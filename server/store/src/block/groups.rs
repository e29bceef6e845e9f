//! Rows of a block in groups that are read each for itself. A block's rows are sorted by owner, so that a group has few
//! owners and a service few groups. Pure.

use std::ops::Range;

use model::Window;

use super::bytes::{Reader, Writer, damaged};
use super::filter;
use crate::Error;

/// A group ends with its owner when it has so many rows: fewer would compress badly.
const LEAST: usize = 512;
/// It has no more.
const MOST: usize = 2_048;

/// The rows of a block and what is told of them.
#[derive(Debug)]
pub(crate) struct Group {
    /// Places in the block.
    pub(crate) rows: Range<usize>,
    /// Least and greatest event time.
    bounds: (i64, i64),
    /// Numbers of owners, written as differences.
    owners: Vec<u8>,
}

impl Group {
    /// Whether any of its rows can be of these owners, which ascend, in a window.
    pub(crate) fn may_have(&self, owners: &[u32], window: Window) -> Result<bool, Error> {
        let is_in_time = self.bounds.1 >= window.from.0 && self.bounds.0 < window.to.0;
        Ok(is_in_time && filter::read_owners(&mut Reader::new(&self.owners), owners)?)
    }
}

/// Cuts rows into groups, by the owner of each place.
pub(crate) fn cut(rows: usize, owner: impl Fn(usize) -> u32) -> Vec<Range<usize>> {
    let (mut groups, mut from) = (Vec::new(), 0);
    for at in 1..=rows {
        let length = at - from;
        if at == rows || length == MOST || length >= LEAST && owner(at) != owner(at - 1) {
            groups.push(from..at);
            from = at;
        }
    }
    groups
}

/// Writes what is told of a group: the owners of its rows and their event times.
pub(crate) fn write(writer: &mut Writer, owners: &[u32], times: impl Iterator<Item = i64>) {
    let bounds = times.fold((i64::MAX, i64::MIN), |(first, last), time| (first.min(time), last.max(time)));
    let mut own = Writer::default();
    filter::write_owners(&mut own, owners);
    writer.number(owners.len() as u64);
    writer.raw(&bounds.0.to_le_bytes());
    writer.raw(&bounds.1.to_le_bytes());
    writer.number(own.bytes.len() as u64);
    writer.raw(&own.bytes);
}

/// Reads what is told of all groups.
pub(crate) fn read(about: &[u8]) -> Result<Vec<Group>, Error> {
    let mut reader = Reader::new(about);
    let (mut groups, mut from) = (Vec::new(), 0_usize);
    for _ in 0..reader.length()? {
        let rows = reader.index(MOST + 1)? as usize;
        let bounds = (i64::from_le_bytes(reader.array()?), i64::from_le_bytes(reader.array()?));
        let length = reader.length()?;
        groups.push(Group { rows: from..from + rows, bounds, owners: reader.raw(length)?.to_vec() });
        from += rows;
    }
    if reader.rest().is_empty() { Ok(groups) } else { Err(damaged("bytes are left over")) }
}

#[cfg(test)]
mod tests {
    use model::Timestamp;

    use super::*;

    #[test]
    fn groups_end_with_their_owner_and_are_neither_small_nor_large() {
        let owners = |lengths: &[usize]| -> Vec<u32> {
            let of = |(owner, length): (usize, &usize)| vec![owner as u32; *length];
            lengths.iter().enumerate().flat_map(of).collect()
        };
        let lengths = |owners: &[u32]| -> Vec<usize> {
            cut(owners.len(), |at| owners[at]).into_iter().map(|rows| rows.len()).collect()
        };
        assert_eq!(lengths(&owners(&[600, 300, 300, 5_000, 1])), [600, 600, 2_048, 2_048, 904, 1]);
        assert_eq!(lengths(&owners(&[3])), [3]);
        assert!(lengths(&[]).is_empty());
    }

    #[test]
    fn a_group_is_passed_over_where_it_has_nothing_of_what_is_asked() {
        let mut writer = Writer::default();
        writer.number(2);
        write(&mut writer, &[3, 3, 9], [5, -7, 20].into_iter());
        write(&mut writer, &[10], [i64::MAX].into_iter());
        let groups = read(&writer.bytes).unwrap();
        assert_eq!((groups[0].rows.clone(), groups[1].rows.clone()), (0..3, 3..4));
        let may =
            |owners: &[u32], from, to| groups[0].may_have(owners, Window::new(Timestamp(from), Timestamp(to))).unwrap();
        assert!(may(&[1, 9], -10, 0) && may(&[3], 20, 21));
        assert!(!may(&[4, 10], -10, 30) && !may(&[3], 21, 30) && !may(&[3], -20, -7));
        assert!((0..writer.bytes.len()).all(|at| read(&writer.bytes[..at]).is_err()));
    }
}
