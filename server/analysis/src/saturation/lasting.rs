//! A value that has been too high for a while, and is until it has clearly fallen.

use model::{MINUTE, Timestamp};

/// When a value is too high, and when it is not any more.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    /// From this value on it is too high, …
    pub enter: f64,
    /// … and below this it is not any more.
    pub leave: f64,
    /// It counts once it has been too high for so long, in nanoseconds.
    pub after: i64,
}

/// Between values that lie further apart nobody knows what was, nor after one that is older.
const SILENT: i64 = 5 * MINUTE;

/// Since when a value has been too high; nothing where it is not, not yet, or where nobody knows. `values` ascend by
/// time.
pub fn lasting(values: &[(Timestamp, f64)], now: Timestamp, threshold: &Threshold) -> Option<Timestamp> {
    let mut since: Option<Timestamp> = None;
    let mut counts = false;
    let mut last = values.first()?.0;
    for (at, value) in values {
        if at.since(last) > SILENT {
            (since, counts) = (None, false);
        }
        last = *at;
        let bound = if counts { threshold.leave } else { threshold.enter };
        if *value >= bound {
            let began = *since.get_or_insert(*at);
            counts |= at.since(began) >= threshold.after;
        } else {
            (since, counts) = (None, false);
        }
    }
    since.filter(|_| counts && now.since(last) <= SILENT)
}
