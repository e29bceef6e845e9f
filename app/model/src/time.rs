//! Time as data: instants, windows, steps and a zone's offsets. Nothing here knows what time it is now.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::as_text;

/// One second in nanoseconds.
pub const SECOND: i64 = 1_000_000_000;
/// One minute in nanoseconds.
pub const MINUTE: i64 = 60 * SECOND;
/// One hour in nanoseconds.
pub const HOUR: i64 = 60 * MINUTE;
/// One day in nanoseconds.
pub const DAY: i64 = 24 * HOUR;

/// An instant: nanoseconds since the Unix epoch, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The instant so many whole seconds after the epoch.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(SECOND))
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(SECOND)
    }

    /// Whole milliseconds since the epoch, rounded down.
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// This instant moved by so many nanoseconds, saturating.
    pub const fn plus(self, nanos: i64) -> Self {
        Self(self.0.saturating_add(nanos))
    }

    /// Nanoseconds from `earlier` to this instant, saturating; negative when this one is earlier.
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Rounded down to a multiple of `step` nanoseconds.
    pub const fn floor(self, step: i64) -> Self {
        Self(self.0 - self.0.rem_euclid(step))
    }
}

/// A window of time, `from` included and `to` left out. As text: both ends in milliseconds, `from-to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window {
    /// The first instant.
    pub from: Timestamp,
    /// The first instant after it.
    pub to: Timestamp,
}

impl Window {
    /// The window between two instants; an end before the start makes it empty.
    pub fn new(from: Timestamp, to: Timestamp) -> Self {
        Self { from, to: to.max(from) }
    }

    /// The window of so many nanoseconds that ends at `to`.
    pub fn before(to: Timestamp, nanos: i64) -> Self {
        Self::new(to.plus(-nanos), to)
    }

    /// Its length in nanoseconds.
    pub fn length(self) -> i64 {
        self.to.since(self.from)
    }

    /// Whether an instant lies in it.
    pub fn contains(self, at: Timestamp) -> bool {
        self.from <= at && at < self.to
    }

    /// The window of equal length that ends where this one begins.
    pub fn previous(self) -> Self {
        Self::before(self.from, self.length())
    }

    /// The step that gives at most `points` buckets: the least of the usual ones that does.
    pub fn step(self, points: i64) -> Step {
        const STEPS: [i64; 13] = [
            10 * SECOND,
            20 * SECOND,
            30 * SECOND,
            MINUTE,
            2 * MINUTE,
            5 * MINUTE,
            10 * MINUTE,
            20 * MINUTE,
            30 * MINUTE,
            HOUR,
            3 * HOUR,
            6 * HOUR,
            DAY,
        ];
        let least = self.length() / points.max(1);
        Step(STEPS.into_iter().find(|step| *step >= least).unwrap_or(DAY))
    }

    /// Widened outwards to whole steps, so that buckets align between requests.
    pub fn aligned(self, step: Step) -> Self {
        let to = self.to.floor(step.0);
        Self::new(self.from.floor(step.0), if to < self.to { to.plus(step.0) } else { to })
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.from.millis(), self.to.millis())
    }
}

/// Why a text is not a window.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a window is two times in milliseconds, from-to, of at most 400 days; got {0:?}")]
pub struct WindowError(String);

impl FromStr for Window {
    type Err = WindowError;

    fn from_str(text: &str) -> Result<Self, WindowError> {
        let wrong = || WindowError(text.chars().take(64).collect());
        let (from, to) = text.split_once('-').ok_or_else(wrong)?;
        let parse =
            |part: &str| part.parse::<u32>().map(i64::from).or_else(|_| part.parse::<i64>()).map_err(|_| wrong());
        let (from, to) = (parse(from)?, parse(to)?);
        let fits = |ms: i64| ms.checked_mul(1_000_000).map(Timestamp).ok_or_else(wrong);
        let (from, to) = (fits(from)?, fits(to)?);
        if to < from || to.since(from) > 400 * DAY {
            return Err(wrong());
        }
        Ok(Self { from, to })
    }
}

as_text!(Window);

/// The width of a bucket in nanoseconds, greater than nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Step(pub i64);

impl Step {
    /// Its width in seconds.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / SECOND as f64
    }
}

/// A time zone as the server sends it: its IANA name and its offsets over the range a page shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zone {
    /// The IANA name, `Europe/Berlin`.
    pub name: String,
    /// From when on which offset from UTC in seconds holds, oldest first; the first holds before its time too.
    pub offsets: Vec<(Timestamp, i32)>,
}

impl Zone {
    /// UTC, until the browser's zone is known.
    pub fn utc() -> Self {
        Self { name: "UTC".into(), offsets: Vec::new() }
    }

    /// The offset from UTC in seconds at an instant.
    pub fn offset(&self, at: Timestamp) -> i32 {
        let after = self.offsets.partition_point(|(from, _)| *from <= at);
        self.offsets.get(after.saturating_sub(1)).map_or(0, |(_, offset)| *offset)
    }

    /// The calendar reading of an instant in this zone.
    pub fn civil(&self, at: Timestamp) -> Civil {
        Civil::from_seconds(at.seconds() + i64::from(self.offset(at)))
    }
}

/// A date and time of day in some zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Civil {
    /// The year, Gregorian.
    pub year: i64,
    /// The month, from 1.
    pub month: u8,
    /// The day of the month, from 1.
    pub day: u8,
    /// The hour, 0 to 23.
    pub hour: u8,
    /// The minute.
    pub minute: u8,
    /// The second.
    pub second: u8,
}

impl Civil {
    /// From seconds since the epoch, already moved by the zone's offset. Days to dates as in Howard Hinnant,
    /// "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
    pub fn from_seconds(seconds: i64) -> Self {
        let days = seconds.div_euclid(86_400);
        let rest = seconds.rem_euclid(86_400);
        let z = days + 719_468;
        let era = z.div_euclid(146_097);
        let day_of_era = z.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        Self {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month: month as u8,
            day: (day_of_year - (153 * shifted + 2) / 5 + 1) as u8,
            hour: (rest / 3_600) as u8,
            minute: (rest % 3_600 / 60) as u8,
            second: (rest % 60) as u8,
        }
    }

    /// `14:05`.
    pub fn clock(self) -> String {
        format!("{:02}:{:02}", self.hour, self.minute)
    }

    /// `14:05:09`.
    pub fn clock_seconds(self) -> String {
        format!("{:02}:{:02}:{:02}", self.hour, self.minute, self.second)
    }

    /// `24 Nov`.
    pub fn day_month(self) -> String {
        const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        format!("{} {}", self.day, MONTHS[usize::from(self.month.clamp(1, 12) - 1)])
    }
}

impl fmt::Display for Civil {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:02}-{:02} {}", self.year, self.month, self.day, self.clock_seconds())
    }
}

/// Nanoseconds as a person says them: `850 µs`, `186 ms`, `1.25 s`, `3 min 10 s`, `5 h`, `2 d`.
pub fn duration_text(nanos: f64) -> String {
    let ms = nanos / 1e6;
    let seconds = nanos / 1e9;
    match seconds {
        s if s < 0.0 || s.is_nan() => "–".into(),
        _ if ms < 0.001 => format!("{nanos:.0} ns"),
        _ if ms < 1.0 => format!("{:.0} µs", ms * 1e3),
        _ if ms < 10.0 => format!("{ms:.1} ms"),
        _ if ms < 1_000.0 => format!("{ms:.0} ms"),
        s if s < 60.0 => format!("{s:.2} s"),
        _ => age_text(nanos as i64),
    }
}

/// A length of time in its two largest units at most: `12 s`, `3 min 10 s`, `2 h 5 min`, `3 d 4 h`.
pub fn age_text(nanos: i64) -> String {
    let s = nanos.max(0) / SECOND;
    let two = |a: i64, unit: &str, b: i64, sub: &str| {
        if b == 0 { format!("{a} {unit}") } else { format!("{a} {unit} {b} {sub}") }
    };
    match s {
        0..=59 => format!("{s} s"),
        60..=599 => two(s / 60, "min", s % 60, "s"),
        600..=3_599 => format!("{} min", s / 60),
        3_600..=35_999 => two(s / 3_600, "h", s % 3_600 / 60, "min"),
        36_000..=86_399 => format!("{} h", s / 3_600),
        86_400..=863_999 => two(s / 86_400, "d", s % 86_400 / 3_600, "h"),
        _ => format!("{} d", s / 86_400),
    }
}

/// A length of time in its largest unit: `12 s`, `3 min`, `2 h`, `4 d`.
pub fn short_age_text(nanos: i64) -> String {
    let s = nanos.max(0) / SECOND;
    match s {
        0..=59 => format!("{s} s"),
        60..=3_599 => format!("{} min", s / 60),
        3_600..=86_399 => format!("{} h", s / 3_600),
        _ => format!("{} d", s / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn civil_dates_are_right_over_leap_years_and_before_the_epoch() {
        for (seconds, text) in [
            (0, "1970-01-01 00:00:00"),
            (951_827_696, "2000-02-29 12:34:56"),
            (1_709_164_800, "2024-02-29 00:00:00"),
            (4_102_444_799, "2099-12-31 23:59:59"),
            (-1, "1969-12-31 23:59:59"),
        ] {
            assert_eq!(Civil::from_seconds(seconds).to_string(), text);
        }
    }

    #[test]
    fn zone_changes_its_offset_at_the_transition() {
        let change = Timestamp::from_seconds(1_000);
        let zone = Zone { name: "X".into(), offsets: vec![(Timestamp(0), 3_600), (change, 7_200)] };
        assert_eq!(zone.offset(change.plus(-1)), 3_600);
        assert_eq!(zone.offset(change), 7_200);
        assert_eq!(zone.offset(Timestamp(-5)), 3_600);
    }

    #[test]
    fn window_round_trips_even_empty_and_refuses_nonsense() {
        let window: Window = "1700000000000-1700003600000".parse().unwrap();
        assert_eq!(window.length(), HOUR);
        assert_eq!(window.to_string().parse(), Ok(window));
        let empty = Window::new(Timestamp(7), Timestamp(8));
        assert_eq!(empty.to_string().parse::<Window>().map(Window::length), Ok(0));
        for wrong in ["", "5", "9-5", "a-b", "0-99999999999999", "-1-5", "1-99999999999999999999"] {
            assert!(wrong.parse::<Window>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn step_gives_at_most_so_many_points() {
        let hour = Window::new(Timestamp(0), Timestamp(HOUR));
        assert_eq!(hour.step(240), Step(20 * SECOND));
        assert_eq!(Window::new(Timestamp(0), Timestamp(30 * DAY)).step(240), Step(3 * HOUR));
    }

    #[test]
    fn lengths_of_time_read_well() {
        for (nanos, text) in [
            (850e3, "850 µs"),
            (4.24e6, "4.2 ms"),
            (186e6, "186 ms"),
            (1.25e9, "1.25 s"),
            (190e9, "3 min 10 s"),
            (7_500e9, "2 h 5 min"),
        ] {
            assert_eq!(duration_text(nanos), text);
        }
    }
}
