//! Nice ticks for values and times. Pure; uses only arithmetic that is the same in the browser and on the server
//! (logarithms and powers are not).

use model::{DAY, HOUR, MINUTE, SECOND, Timestamp, Window, Zone, age_text};

use crate::ui::number;

/// What the values of a chart are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Requests per second.
    Rate,
    /// Things, not per anything.
    Count,
    /// Any value.
    Number,
    /// Bytes.
    Bytes,
    /// Bytes per second.
    ByteRate,
    /// A share of 0 to 1.
    Share,
    /// Nanoseconds.
    Duration,
}

const MIB: f64 = 1_048_576.0;

impl Unit {
    /// A value with its unit.
    pub(crate) fn text(self, value: f64) -> String {
        match self {
            Self::Rate => format!("{}/s", number::rate(value)),
            Self::Count => number::count(value),
            Self::Number => number::any(value),
            Self::Bytes => model::bytes_text(value),
            Self::ByteRate => format!("{}/s", model::bytes_text(value)),
            Self::Share => number::share(value),
            Self::Duration => model::duration_text(value),
        }
    }

    /// The least top of an axis, so that noise near nothing is not blown up.
    fn floor(self) -> f64 {
        match self {
            Self::Rate => 1.0,
            Self::Count => 3.0,
            Self::Number => 0.01,
            Self::Bytes | Self::ByteRate => 1_024.0,
            Self::Share => 0.01,
            Self::Duration => 1e6,
        }
    }

    /// What a tick of one stands for, and its name, where the top is this high.
    fn step(self, top: f64) -> (f64, &'static str) {
        match self {
            Self::Rate | Self::Count | Self::Number => (1.0, ""),
            Self::Bytes if top < 10_240.0 => (1.0, " B"),
            Self::Bytes if top < 10.0 * MIB => (1_024.0, " KiB"),
            Self::Bytes if top < 10_240.0 * MIB => (MIB, " MiB"),
            Self::Bytes => (1_024.0 * MIB, " GiB"),
            Self::ByteRate if top < 10_240.0 => (1.0, " B/s"),
            Self::ByteRate if top < 10.0 * MIB => (1_024.0, " KiB/s"),
            Self::ByteRate if top < 10_240.0 * MIB => (MIB, " MiB/s"),
            Self::ByteRate => (1_024.0 * MIB, " GiB/s"),
            Self::Share => (0.01, " %"),
            Self::Duration if top < 1e6 => (1e3, " µs"),
            Self::Duration if top < 2e9 => (1e6, " ms"),
            Self::Duration if top < 120e9 => (1e9, " s"),
            Self::Duration => (60e9, " min"),
        }
    }
}

/// An axis from nothing to its top, with a few ticks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Axis {
    pub(crate) top: f64,
    /// Value and label, from the ground up.
    pub(crate) ticks: Vec<(f64, String)>,
}

/// An axis that holds `most`.
pub(crate) fn axis(most: f64, unit: Unit) -> Axis {
    let most = if most.is_finite() { most.max(unit.floor()) } else { unit.floor() };
    let most = if unit == Unit::Share { most.min(1.0) } else { most };
    let (one, name) = unit.step(most);
    let step = nice(most / one / 3.0);
    let decimals = decimals(step);
    let count = (1..=5).find(|n| step * f64::from(*n) * one >= most * 0.999_999).unwrap_or(5);
    let label = |value: f64| {
        let number = if value >= 10_000.0 { number::short(value) } else { format!("{value:.decimals$}") };
        format!("{number}{name}")
    };
    let ticks = (0..=count).map(|n| (step * f64::from(n) * one, label(step * f64::from(n)))).collect();
    Axis { top: step * f64::from(count) * one, ticks }
}

/// An axis of whole powers of ten.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Decades {
    /// The power of ten at the ground.
    low: u32,
    /// So many powers up to the top.
    count: u32,
}

impl Decades {
    /// One that holds durations in nanoseconds from the least to the most.
    pub(crate) fn of(least: i64, most: i64) -> Self {
        let low = least.max(1).ilog10();
        let most = most.max(1);
        let high = most.ilog10() + u32::from(most > 10_i64.pow(most.ilog10()));
        Self { low, count: high.saturating_sub(low).max(1) }
    }

    /// Where a duration stands, 0 to 100.
    pub(crate) fn percent(self, nanos: i64) -> f64 {
        let share = (log2(nanos.max(1) as f64) / log2(10.0) - f64::from(self.low)) / f64::from(self.count);
        share.clamp(0.0, 1.0) * 100.0
    }

    /// Ticks at the powers, every other one where there are many.
    pub(crate) fn axis(self) -> Axis {
        const UNITS: [&str; 4] = ["ns", "µs", "ms", "s"];
        let step = if self.count > 4 { 2 } else { 1 };
        let label = |power: u32| {
            let unit = (power / 3).min(3);
            format!("{} {}", 10_u64.pow(power - unit * 3), UNITS[unit as usize])
        };
        let tick = |n: u32| (f64::from(n) / f64::from(self.count) * 100.0, label(self.low + n));
        Axis { top: 100.0, ticks: (0..=self.count).step_by(step).map(tick).collect() }
    }
}

/// The logarithm of a number that is at least one, bit by bit.
fn log2(mut number: f64) -> f64 {
    let mut whole = 0.0;
    while number >= 2.0 {
        number /= 2.0;
        whole += 1.0;
    }
    let mut bit = 1.0;
    for _ in 0..20 {
        bit /= 2.0;
        number *= number;
        if number >= 2.0 {
            number /= 2.0;
            whole += bit;
        }
    }
    whole
}

/// The least of 1, 2, 2.5, 5 times a power of ten that is not less than `least`.
pub(crate) fn nice(least: f64) -> f64 {
    let mut power = 1.0;
    while power > least {
        power /= 10.0;
    }
    while power * 10.0 <= least {
        power *= 10.0;
    }
    [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|m| m * power).find(|step| *step >= least * 0.999_999).unwrap_or(power)
}

/// How many decimals tell multiples of a step apart.
fn decimals(step: f64) -> usize {
    (0..6)
        .find(|n| {
            let scaled = (0..*n).fold(step, |value, _| value * 10.0);
            (scaled - scaled.round()).abs() < 1e-6
        })
        .unwrap_or(6)
}

/// What the x axis of a chart is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Along {
    /// The page's range; dragging chooses another.
    Range,
    /// The page's range and what is expected after it.
    Beyond,
    /// Instants that the page's range does not choose.
    Clock,
    /// Time since something began, counted from the epoch.
    Age,
}

/// Steps between labels of a time axis.
const STEPS: [i64; 18] = [
    10 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    5 * DAY,
    10 * DAY,
    30 * DAY,
];

/// The least step that gives so many labels at most.
fn time_step(window: Window, most: i64) -> i64 {
    let length = window.length().max(1);
    STEPS.into_iter().find(|step| length / step <= most).unwrap_or(100 * DAY)
}

/// Times to label on an axis: place in percent and text.
pub(crate) fn times(window: Window, zone: &Zone, most: i64) -> Vec<(f64, String)> {
    let (length, step) = (window.length(), time_step(window, most));
    // Ticks stand on the zone's own hours and days.
    let offset = i64::from(zone.offset(window.from)) * SECOND;
    let mut at = Timestamp(window.from.plus(offset + step - 1).floor(step).0 - offset);
    let mut out = Vec::new();
    while at < window.to && out.len() < 24 {
        let civil = zone.civil(at);
        let text = match step {
            s if s < MINUTE => civil.clock_seconds(),
            s if s < DAY && (civil.hour, civil.minute) == (0, 0) && length > 12 * HOUR => civil.day_month(),
            s if s < DAY => civil.clock(),
            _ => civil.day_month(),
        };
        out.push((percent(at, window), text));
        at = at.plus(step);
    }
    out
}

/// Ages to label on an axis: place in percent and text.
pub(crate) fn ages(window: Window, most: i64) -> Vec<(f64, String)> {
    let step = time_step(window, most);
    let ticks = (0..).map(|n| Timestamp(n * step)).take_while(|at| *at < window.to);
    ticks.map(|at| (percent(at, window), age_text(at.0))).collect()
}

/// Where an instant stands in a window, 0 to 100.
pub(crate) fn percent(at: Timestamp, window: Window) -> f64 {
    (at.since(window.from) as f64 / window.length().max(1) as f64 * 100.0).clamp(0.0, 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(most: f64, unit: Unit) -> Vec<String> {
        axis(most, unit).ticks.into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn axes_have_few_round_ticks_with_one_unit() {
        assert_eq!(labels(430.0, Unit::Rate), ["0", "200", "400", "600"]);
        assert_eq!(labels(0.043, Unit::Share), ["0 %", "2 %", "4 %", "6 %"]);
        assert_eq!(labels(0.0, Unit::Share), ["0.0 %", "0.5 %", "1.0 %"]);
        assert_eq!(labels(405e6, Unit::Duration), ["0 ms", "200 ms", "400 ms", "600 ms"]);
        assert_eq!(labels(42_000.0, Unit::Rate), ["0", "20k", "40k", "60k"]);
        assert_eq!(labels(150.0 * MIB, Unit::Bytes), ["0 MiB", "50 MiB", "100 MiB", "150 MiB"]);
        assert_eq!(labels(150.0 * MIB, Unit::ByteRate), ["0 MiB/s", "50 MiB/s", "100 MiB/s", "150 MiB/s"]);
    }

    #[test]
    fn decades_hold_what_they_are_of_and_stand_evenly() {
        let ms = 1_000_000;
        let decades = Decades::of(3 * ms, 842 * ms);
        let labels: Vec<_> = decades.axis().ticks;
        assert_eq!(labels.iter().map(|(_, text)| &**text).collect::<Vec<_>>(), ["1 ms", "10 ms", "100 ms", "1 s"]);
        for (nanos, percent) in [(ms, 0.0), (10 * ms, 33.333), (100 * ms, 66.667), (1_000 * ms, 100.0), (0, 0.0)] {
            assert!((decades.percent(nanos) - percent).abs() < 0.01, "{nanos}: {}", decades.percent(nanos));
        }
        assert_eq!(Decades::of(0, 0), Decades { low: 0, count: 1 });
        assert_eq!(Decades::of(ms, ms), Decades { low: 6, count: 1 });
        let widest = Decades::of(1, i64::MAX);
        assert_eq!(widest.axis().ticks.len(), 10);
        assert!(widest.percent(i64::MAX) > 99.0);
    }

    #[test]
    fn axes_hold_their_highest_value_whatever_it_is() {
        for unit in [Unit::Rate, Unit::Share, Unit::Duration, Unit::Number, Unit::Bytes] {
            for most in [0.0, 1e-9, 0.37, 1.0, 9.99, 10.0, 1e7, 3.3e9, 7.2e12, f64::NAN, f64::INFINITY] {
                let axis = axis(most, unit);
                let held = if unit == Unit::Share { most.min(1.0) } else { most };
                assert!(!most.is_finite() || axis.top >= held * 0.999, "{most} {axis:?}");
                assert!((2..=6).contains(&axis.ticks.len()), "{most} {axis:?}");
            }
        }
    }

    #[test]
    fn times_stand_on_the_zones_own_hours() {
        let zone = Zone { name: "X".into(), offsets: vec![(Timestamp(0), 1_800)] };
        let window = Window::new(Timestamp::from_seconds(0), Timestamp::from_seconds(14_400));
        let texts: Vec<_> = times(window, &zone, 4).into_iter().map(|(_, text)| text).collect();
        assert_eq!(texts, ["01:00", "02:00", "03:00", "04:00"]);
        assert!(times(Window::new(Timestamp(0), Timestamp(400 * DAY)), &zone, 5).len() <= 5);
    }

    #[test]
    fn ages_count_from_nothing() {
        let texts = |minutes: i64| -> Vec<String> {
            let window = Window::new(Timestamp(0), Timestamp(minutes * MINUTE));
            ages(window, 5).into_iter().map(|(_, text)| text).collect()
        };
        assert_eq!(texts(8), ["0 s", "2 min", "4 min", "6 min"]);
        assert_eq!(texts(360), ["0 s", "2 h", "4 h"]);
        assert!(texts(0).is_empty());
    }
}
