//! What is left until the limit: from what stands highest, and over more than a day at the rate from day to day.

use model::{DAY, HOUR, Timestamp};

use super::bins::bins;
use crate::stats::median;

/// Hours from which on days are held against days: so many pairs that their median is no accident.
const HOURS: i64 = 30;
/// What stands above the line so rarely is an outlier.
const HIGH: f64 = 0.95;

/// What is grown an hour by the median of slopes between hours that lie whole days apart: what comes and goes with the
/// day is not in it (seasonal Kendall slope: Hirsch, Slack & Smith 1982, Water Resources Research 18). Nothing where it
/// was not watched for long enough, or nothing grew.
pub(super) fn rate_by_days(points: &[(Timestamp, f64)], since: Timestamp, now: Timestamp) -> Option<f64> {
    let count = now.since(since) / HOUR;
    if count < HOURS {
        return None;
    }
    let hours = bins(points, Timestamp(now.0 - count * HOUR), now, count as usize)?;
    let apart = |lag: usize| hours.iter().zip(&hours[lag..]).map(move |(then, later)| (later - then) / lag as f64);
    let slopes: Vec<f64> = (24..hours.len()).step_by(24).flat_map(apart).filter(|slope| slope.is_finite()).collect();
    median(&slopes).filter(|slope| *slope > 0.0)
}

/// Where the lowest and the highest now stand of what was seen since then, at most a day, each grown on at so much an
/// hour: between them lie a collector's teeth and the day. Its top reaches the limit first; what is below has fallen.
pub(super) fn band(points: &[(Timestamp, f64)], since: Timestamp, now: Timestamp, rate: f64) -> Option<(f64, f64)> {
    let since = since.max(Timestamp(now.0 - DAY));
    let first = points.partition_point(|(at, _)| *at < since);
    let seen = points[first..].iter().take_while(|(at, _)| *at < now).filter(|(_, value)| value.is_finite());
    let mut grown: Vec<f64> = seen.map(|(at, value)| value + rate * now.since(*at) as f64 / HOUR as f64).collect();
    grown.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| grown.get((grown.len() as f64 * share) as usize).copied();
    Some((at(1.0 - HIGH)?, at(HIGH)?))
}

#[cfg(test)]
mod tests {
    use model::MINUTE;

    use super::*;

    fn points(minutes: i64, of: impl Fn(f64) -> f64) -> Vec<(Timestamp, f64)> {
        (0..minutes).step_by(5).map(|minute| (Timestamp(minute * MINUTE), of(minute as f64 / 60.0))).collect()
    }

    #[test]
    fn the_days_swing_is_not_in_the_rate() {
        let swings = points(33 * 60, |hour| 2.0 * hour + 100.0 * (hour * std::f64::consts::TAU / 24.0).sin());
        let rate = rate_by_days(&swings, Timestamp(0), Timestamp(33 * HOUR)).unwrap();
        assert!((rate - 2.0).abs() < 0.05, "{rate}");
        assert_eq!(rate_by_days(&swings, Timestamp(4 * HOUR), Timestamp(33 * HOUR)), None, "too short");
        assert_eq!(rate_by_days(&points(33 * 60, |hour| -hour), Timestamp(0), Timestamp(33 * HOUR)), None, "falls");
    }

    #[test]
    fn the_band_holds_the_teeth_whatever_one_outlier_says() {
        let mut teeth = points(600, |hour| 10.0 * hour + 60.0 * hour.fract());
        teeth[40].1 = 1e9;
        // The last tooth has just fallen, to 100; they rise by 55 from value to value.
        let (low, high) = band(&teeth, Timestamp(0), Timestamp(10 * HOUR), 10.0).unwrap();
        assert!((99.9..=106.0).contains(&low) && (149.0..=156.0).contains(&high), "{low} {high}");
        assert_eq!(band(&teeth, Timestamp(11 * HOUR), Timestamp(12 * HOUR), 10.0), None);
    }
}
