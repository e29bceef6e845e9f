//! How fast what is kept grows, and how long there is room for it.

use serde::{Deserialize, Serialize};

use crate::DAY;

/// A family of stored files: how much there is, how much comes, what is kept of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Growth {
    /// Bytes there are.
    pub bytes: u64,
    /// Bytes that a day brings, by the last days; nothing where too little has come to say.
    pub per_day: Option<u64>,
    /// Nanoseconds for which it is kept.
    pub age: i64,
    /// Bytes of it that are kept.
    pub most: u64,
}

impl Growth {
    /// Bytes there will be once the oldest goes for its age or for the room that it takes.
    pub fn full(&self) -> Option<u64> {
        let days = self.age as f64 / DAY as f64;
        self.per_day.map(|per_day| self.most.min((per_day as f64 * days) as u64))
    }

    /// Days that will be kept.
    pub fn days(&self) -> Option<f64> {
        let days = self.age as f64 / DAY as f64;
        self.per_day.map(|per_day| days.min(self.most as f64 / per_day.max(1) as f64))
    }

    /// Whether the oldest goes for the room it takes before it goes for its age.
    pub fn is_cut_by_bytes(&self) -> bool {
        self.days().is_some_and(|days| days < self.age as f64 / DAY as f64)
    }
}

/// Days until so many bytes of room are used up; nothing where they suffice for good, or where nothing is known.
pub fn lasts(families: &[Growth], room: u64) -> Option<f64> {
    // What a family still grows by, and how fast.
    let mut growing: Vec<(f64, f64)> = families
        .iter()
        .filter_map(|family| Some((family.full()?.saturating_sub(family.bytes) as f64, family.per_day? as f64)))
        .filter(|(left, per_day)| *left > 0.0 && *per_day > 0.0)
        .collect();
    growing.sort_by(|(left, rate), (other, other_rate)| (left / rate).total_cmp(&(other / other_rate)));
    let (mut room, mut days) = (room as f64, 0.0);
    for at in 0..growing.len() {
        let rate: f64 = growing[at..].iter().map(|(_, rate)| rate).sum();
        let (left, own) = growing[at];
        // Until this one is as large as it gets, all of the rest grow.
        let until = (left / own - days).max(0.0);
        if rate * until > room {
            return Some(days + room / rate);
        }
        room -= rate * until;
        days += until;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn family(bytes: u64, per_day: u64, days: i64, most: u64) -> Growth {
        Growth { bytes, per_day: Some(per_day), age: days * DAY, most }
    }

    #[test]
    fn a_family_grows_until_its_age_or_its_bytes_are_reached() {
        let by_age = family(0, 100, 7, 1_000);
        assert_eq!((by_age.full(), by_age.days(), by_age.is_cut_by_bytes()), (Some(700), Some(7.0), false));
        let by_bytes = family(0, 100, 20, 1_000);
        assert_eq!((by_bytes.full(), by_bytes.days(), by_bytes.is_cut_by_bytes()), (Some(1_000), Some(10.0), true));
        let unknown = Growth { per_day: None, ..by_age };
        assert_eq!((unknown.full(), unknown.days(), unknown.is_cut_by_bytes()), (None, None, false));
        assert_eq!(family(5, 0, 7, 1_000).days(), Some(7.0));
    }

    #[test]
    fn room_lasts_until_what_still_grows_has_used_it_up() {
        let (raw, summaries) = (family(100, 100, 7, 10_000), family(0, 10, 90, 10_000));
        assert_eq!(lasts(&[raw], 600), None, "it never needs more");
        assert_eq!(lasts(&[raw], 599), Some(5.99));
        // Six days of both, then only summaries.
        assert_eq!(lasts(&[raw, summaries], 330), Some(3.0));
        assert_eq!(lasts(&[raw, summaries], 660 + 100), Some(16.0));
        assert_eq!(lasts(&[raw, summaries], 600 + 900), None);
        assert_eq!(lasts(&[Growth { per_day: None, ..raw }], 0), None);
        assert_eq!(lasts(&[raw], 0), Some(0.0));
    }
}
