//! Passes over many rollups: rows are read a few megabytes at a time and decoded one after the other, so that what is held
//! does not grow with the cluster. Pure.

use crate::rollup::Rollup;

/// Data of rows that are held at a time, and of a range of owners that are gathered at a time, roughly.
pub(crate) const BYTES: i64 = 8 << 20;

/// The numbers of rows, given with the lengths of their data, in portions of no more than `BYTES` but where one row is.
pub(crate) fn portions(rows: &[(i64, i64)]) -> Vec<Vec<i64>> {
    let mut portions: Vec<Vec<i64>> = Vec::new();
    let mut left = 0;
    for (id, length) in rows {
        match portions.last_mut() {
            Some(portion) if *length <= left => portion.push(*id),
            _ => {
                portions.push(vec![*id]);
                left = BYTES;
            }
        }
        left = left.saturating_sub(*length);
    }
    portions
}

/// Ranges of numbers from the first to the last, so many that each has about `BYTES` of so many. The numbers up to `count`
/// are spread evenly; the last range has all beyond.
pub(crate) fn ranges(bytes: i64, count: u32) -> Vec<(u32, u32)> {
    let ranges = (bytes / BYTES + 1).clamp(1, i64::from(count).max(1));
    let start = |place: i64| (place * i64::from(count) / ranges) as u32;
    let end = |place: i64| if place + 1 == ranges { u32::MAX } else { start(place + 1) - 1 };
    (0..ranges).map(|place| (start(place), end(place))).collect()
}

/// Calls `take` with each row's rollup in which every owner's number is below `owners`; says what is wrong with the others.
pub(crate) fn each(rows: Vec<(i64, Vec<u8>)>, owners: usize, mut take: impl FnMut(&Rollup)) -> Vec<String> {
    let mut damaged = Vec::new();
    for (id, data) in rows {
        match Rollup::decode(&data) {
            Ok(rollup) if rollup.greatest_owner().is_none_or(|owner| (owner as usize) < owners) => take(&rollup),
            Ok(_) => damaged.push(format!("rollup {id} names an unknown owner")),
            Err(error) => damaged.push(format!("rollup {id}: {error}")),
        }
    }
    damaged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn portions_hold_every_row_once_and_no_more_than_they_may() {
        assert_eq!(portions(&[]), Vec::<Vec<i64>>::new());
        let rows = [(1, BYTES - 1), (2, 1), (3, 1), (4, 3 * BYTES), (5, 0), (6, BYTES), (7, 1)];
        assert_eq!(portions(&rows), [vec![1, 2], vec![3], vec![4], vec![5, 6], vec![7]]);
    }

    #[test]
    fn ranges_have_every_number_once() {
        assert_eq!(ranges(0, 0), [(0, u32::MAX)]);
        assert_eq!(ranges(BYTES - 1, 7), [(0, u32::MAX)]);
        assert_eq!(ranges(2 * BYTES, 7), [(0, 1), (2, 3), (4, u32::MAX)]);
        assert_eq!(ranges(1_000 * BYTES, 2), [(0, 0), (1, u32::MAX)], "an owner is one range at least");
    }
}
