//! Which blocks hold a trace: the traces of a block as sorted fingerprints, and those of many blocks as a run. A
//! fingerprint is 32 bits of the trace id, so that once in millions of blocks one is decoded in vain; the ids in it
//! decide. Pure.

use model::TraceId;

use crate::Error;

/// Blocks of a run: fewer would be more runs to look into, more would wait longer for theirs. A place in a run is a byte.
pub(crate) const RUN: usize = 64;
/// Entries of a row: as many as fit on a page of 8 KiB.
const ROW: usize = 1_600;
const CHECKSUM: usize = 4;
/// Fingerprint and place.
const ENTRY: usize = 5;

/// The fingerprints of a block's traces, as stored.
pub(crate) fn fingerprints(traces: &[TraceId]) -> Vec<u8> {
    let mut all: Vec<u32> = traces.iter().map(|trace| fingerprint(*trace)).collect();
    all.sort_unstable();
    all.dedup();
    all.into_iter().flat_map(u32::to_be_bytes).collect()
}

/// Whether a block with these fingerprints may hold a trace.
pub(crate) fn may_hold(stored: &[u8], trace: TraceId) -> bool {
    let wanted = fingerprint(trace).to_be_bytes();
    let (stored, _) = stored.as_chunks::<4>();
    stored.binary_search(&wanted).is_ok()
}

/// Joins the fingerprints of at most [`RUN`] blocks: rows, each with the fingerprint that it begins with. Equal ones are
/// never in two rows.
pub(crate) fn run(blocks: &[Vec<u8>]) -> Vec<(u32, Vec<u8>)> {
    let of_block = |(place, stored): (usize, &Vec<u8>)| {
        let (stored, _) = stored.as_chunks::<4>();
        stored.iter().map(|bytes| (u32::from_be_bytes(*bytes), place as u8)).collect::<Vec<_>>()
    };
    let mut entries: Vec<(u32, u8)> = blocks.iter().take(RUN).enumerate().flat_map(of_block).collect();
    entries.sort_unstable();
    let mut rows = Vec::new();
    let mut rest = entries.as_slice();
    while let Some((first, _)) = rest.first() {
        let mut length = rest.len().min(ROW);
        if let Some((next, _)) = rest.get(length) {
            length = rest[..length].partition_point(|(own, _)| own < next);
        }
        let (row, after) = rest.split_at(length);
        rows.push((*first, row_of(row)));
        rest = after;
    }
    rows
}

fn row_of(entries: &[(u32, u8)]) -> Vec<u8> {
    let mut row = vec![0; CHECKSUM];
    entries.iter().for_each(|(own, _)| row.extend_from_slice(&own.to_be_bytes()));
    row.extend(entries.iter().map(|(_, place)| place));
    let checksum = crc32fast::hash(&row[CHECKSUM..]);
    row[..CHECKSUM].copy_from_slice(&checksum.to_le_bytes());
    row
}

/// Places in a run of the blocks that may hold a trace, from the row in which they would be.
pub(crate) fn places(row: &[u8], trace: TraceId) -> Result<&[u8], Error> {
    let damaged = || Error::Damaged("a row of traces is not as it was written".to_owned());
    let (checksum, entries) = row.split_first_chunk::<CHECKSUM>().ok_or_else(damaged)?;
    if !entries.len().is_multiple_of(ENTRY) || crc32fast::hash(entries) != u32::from_le_bytes(*checksum) {
        return Err(damaged());
    }
    let (stored, places) = entries.split_at(entries.len() / ENTRY * 4);
    let (stored, _) = stored.as_chunks::<4>();
    let wanted = fingerprint(trace).to_be_bytes();
    let (from, to) = (stored.partition_point(|own| *own < wanted), stored.partition_point(|own| *own <= wanted));
    Ok(&places[from..to])
}

/// Ids need not be random (some tracers count up or keep 64 bits zero), so all bytes go in.
pub(crate) fn fingerprint(trace: TraceId) -> u32 {
    let number = u128::from_be_bytes(trace.0);
    let mixed = ((number >> 64) as u64 ^ 0x9e37_79b9_7f4a_7c15).wrapping_mul(0xd6e8_feb8_6659_fd93) ^ number as u64;
    (mixed.wrapping_mul(0xd6e8_feb8_6659_fd93) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u128) -> TraceId {
        TraceId((number * number * 977 + 1).to_be_bytes())
    }

    #[test]
    fn traces_are_found_and_others_are_not() {
        let ids: Vec<TraceId> = (0..1_000).map(id).collect();
        let stored = fingerprints(&ids);
        assert!(ids.iter().all(|id| may_hold(&stored, *id)));
        let others =
            (2_000_000_000..2_000_010_000_u128).filter(|n| may_hold(&stored, TraceId(n.to_be_bytes()))).count();
        assert!(others < 3, "{others} of 10,000 others");
        assert!(!may_hold(&[], ids[0]));
    }

    #[test]
    fn a_run_says_of_each_trace_which_blocks_have_it() {
        // Traces of odd numbers are in two blocks that follow each other, and one is in all.
        let traces = |block: u128| (block * 100..block * 100 + 150).chain([7_777_777]).map(id).collect::<Vec<_>>();
        let blocks: Vec<Vec<u8>> = (0..RUN as u128).map(|block| fingerprints(&traces(block))).collect();
        let rows = run(&blocks);
        assert!(rows.len() > 4 && rows.is_sorted_by_key(|(first, _)| *first));
        assert!(rows.iter().all(|(_, row)| row.len() <= CHECKSUM + ROW * ENTRY));
        let found = |id: TraceId| {
            let at = rows.partition_point(|(first, _)| *first <= fingerprint(id));
            let row = at.checked_sub(1).map(|at| places(&rows[at].1, id).unwrap());
            row.unwrap_or_default().iter().map(|place| u128::from(*place)).collect::<Vec<_>>()
        };
        for number in 0..6_450 {
            let of = |block: &u128| (block * 100..block * 100 + 150).contains(&number);
            assert_eq!(found(id(number)), (0..64).filter(of).collect::<Vec<_>>(), "{number}");
        }
        assert_eq!(found(id(7_777_777)).len(), RUN);
        assert!((10_000..20_000).filter(|number| !found(id(*number)).is_empty()).count() < 3);
    }

    #[test]
    fn a_row_that_was_changed_is_damaged() {
        let (_, row) = run(&[fingerprints(&[id(1), id(2)])]).remove(0);
        for at in 0..row.len() {
            let mut wrong = row.clone();
            wrong[at] ^= 4;
            assert!(places(&wrong, id(1)).is_err(), "byte {at}");
            assert!(places(&row[..at], id(1)).is_err(), "cut at {at}");
        }
    }
}
