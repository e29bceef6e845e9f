//! Which blocks hold a trace: the traces of a block as sorted fingerprints. A fingerprint is 32 bits of the trace
//! id, so that once in millions of blocks one is decoded in vain; the ids in it decide. Pure.

use model::TraceId;

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
    let (mut from, mut to) = (0, stored.len() / 4);
    while from < to {
        let middle = from + (to - from) / 2;
        match stored[middle * 4..middle * 4 + 4].cmp(&wanted[..]) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => from = middle + 1,
            std::cmp::Ordering::Greater => to = middle,
        }
    }
    false
}

/// Ids need not be random (some tracers count up or keep 64 bits zero), so all bytes go in.
fn fingerprint(trace: TraceId) -> u32 {
    let number = u128::from_be_bytes(trace.0);
    let mixed = ((number >> 64) as u64 ^ 0x9e37_79b9_7f4a_7c15).wrapping_mul(0xd6e8_feb8_6659_fd93) ^ number as u64;
    (mixed.wrapping_mul(0xd6e8_feb8_6659_fd93) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_are_found_and_others_are_not() {
        let ids: Vec<TraceId> = (0..1_000_u128).map(|n| TraceId((n * n * 977).to_be_bytes())).collect();
        let stored = fingerprints(&ids);
        assert!(ids.iter().all(|id| may_hold(&stored, *id)));
        let others =
            (2_000_000_000..2_000_010_000_u128).filter(|n| may_hold(&stored, TraceId(n.to_be_bytes()))).count();
        assert!(others < 3, "{others} of 10,000 others");
        assert!(!may_hold(&[], ids[0]));
    }
}
