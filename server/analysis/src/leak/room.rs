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

/// Nanoseconds until a limit is reached by what stood highest in each hour of the last day, each day grown on by a day's
/// rate (seasonal naïve forecast with drift: Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 5.2). Who
/// climbs with the day reaches it at the time of day at which it stands high, not when its mean would.
pub(super) fn until(points: &[(Timestamp, f64)], now: Timestamp, rate: f64, limit: f64) -> Option<i64> {
    let a_day = rate * (DAY / HOUR) as f64;
    let high = |hour: i64| {
        let (from, to) = (Timestamp(now.0 - DAY + hour * HOUR), Timestamp(now.0 - DAY + (hour + 1) * HOUR));
        let within = points.partition_point(|(at, _)| *at < from)..points.partition_point(|(at, _)| *at < to);
        let mut seen: Vec<f64> = points[within].iter().map(|(_, value)| *value).filter(|v| v.is_finite()).collect();
        seen.sort_unstable_by(f64::total_cmp);
        seen.get((seen.len() as f64 * HIGH) as usize).copied()
    };
    let then = |hour: i64| {
        let days = ((limit - high(hour)?) / a_day).ceil().max(1.0) - 1.0;
        Some((days * DAY as f64 + hour as f64 * HOUR as f64 + HOUR as f64 / 2.0).min(i64::MAX as f64) as i64)
    };
    let by_day = (0..DAY / HOUR).filter_map(then).min()?;
    // Who stands within an hour of it now need not wait for yesterday's time of day.
    let from_here = high(DAY / HOUR - 1).map(|high| ((limit - high).max(0.0) / rate * HOUR as f64) as i64);
    Some(from_here.filter(|left| *left < HOUR).map_or(by_day, |left| left.min(by_day)))
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
    fn the_limit_is_reached_at_the_time_of_day_that_stands_high() {
        // 100 higher from the 6th to the 12th hour of each day, 2 an hour from day to day.
        let day = |hour: f64| 2.0 * hour + if (6.0..12.0).contains(&(hour % 24.0)) { 100.0 } else { 0.0 };
        let (points, now) = (points(36 * 60, day), Timestamp(36 * HOUR));
        let hours = |limit: f64| until(&points, now, 2.0, limit).map(|nanos| nanos as f64 / HOUR as f64);
        assert_eq!(hours(176.0), Some(18.5), "when tomorrow's high hours begin");
        assert_eq!(
            hours(220.0),
            Some(42.5),
            "not quite by the end of tomorrow's high hours, so when the next day's begin"
        );
        assert!(hours(172.0).is_some_and(|left| left < 0.2), "it stands there now: {:?}", hours(172.0));
        assert_eq!(hours(150.0), Some(0.0));
        assert_eq!(until(&[], now, 2.0, 160.0), None);
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
