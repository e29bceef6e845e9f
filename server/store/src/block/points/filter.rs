//! What tells without a block of points whether it can hold what is asked for: its owners and the hashes of its
//! metrics' names. Pure.

use std::collections::BTreeSet;

use super::PointColumns;
use crate::Error;
use crate::block::bytes::{Reader, Writer};
use crate::block::hash::fnv;

/// The hash of a metric's name.
pub(crate) fn hash_name(name: &str) -> u64 {
    fnv(2, name.bytes())
}

/// The filter of a block, as stored.
pub(super) fn of(points: &PointColumns) -> Vec<u8> {
    let owners = points.series.owners().iter().copied().collect();
    let names: BTreeSet<u32> = (0..points.series.len() as u32).map(|series| points.series.get(series).name).collect();
    written(&owners, names.into_iter().map(|name| hash_name(points.texts.get(name))))
}

/// Owners, and hashes of what is asked for by name.
pub(crate) fn written(owners: &BTreeSet<u32>, names: impl Iterator<Item = u64>) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.number(owners.len() as u64);
    let mut before = 0;
    for owner in owners {
        writer.number(u64::from(owner - before));
        before = *owner;
    }
    names.for_each(|name| writer.raw(&name.to_le_bytes()));
    writer.bytes
}

/// Whether a block may have points of any of these owners, which ascend, and of a metric of these names, if any is named.
pub(crate) fn may_match(stored: &[u8], owners: &[u32], wanted: &[u64]) -> Result<bool, Error> {
    let mut reader = Reader::new(stored);
    let (mut owner, mut is_owned) = (0_u32, false);
    for _ in 0..reader.length()? {
        owner = owner.saturating_add(reader.index(u32::MAX as usize)?);
        is_owned |= owners.binary_search(&owner).is_ok();
    }
    let mut names = reader.rest().chunks_exact(8);
    let is_wanted = |known: &[u8]| wanted.iter().any(|name| known == name.to_le_bytes());
    Ok(is_owned && (wanted.is_empty() || names.any(is_wanted)))
}
