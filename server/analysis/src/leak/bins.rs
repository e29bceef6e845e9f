//! Points gathered into values at equal distances.

use model::{MINUTE, Timestamp};

use crate::stats::median;

/// Medians of so many equal parts of a span; a part without points is not finite. Nothing where too many have none.
pub(super) fn bins(points: &[(Timestamp, f64)], from: Timestamp, to: Timestamp, count: usize) -> Option<Vec<f64>> {
    gather(points, from, to, count, |part| median(part).unwrap_or(f64::NAN))
}

/// The least of each part: where a collector has just been.
pub(super) fn lows(points: &[(Timestamp, f64)], from: Timestamp, to: Timestamp, count: usize) -> Option<Vec<f64>> {
    gather(points, from, to, count, |part| part.iter().copied().fold(f64::INFINITY, f64::min))
}

/// Medians of the three thirds.
pub(super) fn thirds(values: &[f64]) -> Option<[f64; 3]> {
    let third = values.len() / 3;
    let part = |at: usize| {
        let part: Vec<f64> = values[at * third..(at + 1) * third].iter().copied().filter(|v| v.is_finite()).collect();
        median(&part)
    };
    Some([part(0)?, part(1)?, part(2)?])
}

/// The level just now: the median of the last five minutes.
pub(super) fn level(points: &[(Timestamp, f64)], now: Timestamp) -> Option<f64> {
    bins(points, Timestamp(now.0 - 5 * MINUTE), now, 1).map(|values| values[0])
}

fn gather(
    points: &[(Timestamp, f64)],
    from: Timestamp,
    to: Timestamp,
    count: usize,
    of: impl Fn(&[f64]) -> f64,
) -> Option<Vec<f64>> {
    let first = points.partition_point(|(at, _)| *at < from);
    let span = to.since(from).max(1) as f64;
    let mut parts: Vec<Vec<f64>> = vec![Vec::new(); count];
    for (at, value) in points[first..].iter().take_while(|(at, _)| *at < to) {
        let part = (at.since(from) as f64 / span * count as f64) as usize;
        parts[part.min(count - 1)].push(*value);
    }
    let filled = parts.iter().filter(|part| !part.is_empty()).count();
    (5 * filled >= 4 * count)
        .then(|| parts.iter().map(|part| if part.is_empty() { f64::NAN } else { of(part) }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points() -> Vec<(Timestamp, f64)> {
        (0..60).map(|minute| (Timestamp(minute * MINUTE), minute as f64)).collect()
    }

    #[test]
    fn parts_are_of_equal_length_and_the_end_is_not_in() {
        let hour = Timestamp(60 * MINUTE);
        assert_eq!(bins(&points(), Timestamp(0), hour, 4), Some(vec![7.0, 22.0, 37.0, 52.0]));
        assert_eq!(lows(&points(), Timestamp(0), hour, 4), Some(vec![0.0, 15.0, 30.0, 45.0]));
        assert_eq!(bins(&points(), Timestamp(0), Timestamp(MINUTE), 1), Some(vec![0.0]));
    }

    #[test]
    fn too_many_gaps_are_nothing() {
        let some: Vec<_> = points().into_iter().filter(|(at, _)| at.0 < 30 * MINUTE).collect();
        assert_eq!(bins(&some, Timestamp(0), Timestamp(60 * MINUTE), 10), None);
        assert_eq!(level(&some, Timestamp(60 * MINUTE)), None);
        assert_eq!(level(&some, Timestamp(30 * MINUTE)), Some(27.0));
    }
}
