//! The points of one series laid out over the cells of an answer: its level in each, or how it changed. Pure.

use model::{MINUTE, MetricKind, Step, Window};

use crate::metrics::is_stale;

/// A value holds for so long when none comes after it, as in Prometheus.
pub(super) const LOOK_BACK: i64 = 5 * MINUTE;

/// A grid over a window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cells {
    from: i64,
    step: i64,
    pub(super) count: usize,
}

/// Which of a series' values of one cell counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pick {
    Last,
    Mean,
    Least,
    Greatest,
}

/// From when to when a point says what happened, and the point before if it says it by the difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Interval {
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) point: usize,
    pub(super) before: Option<usize>,
}

impl Cells {
    /// Of a window that is aligned to the step.
    pub(super) fn of(window: Window, step: Step) -> Self {
        Self { from: window.from.0, step: step.0, count: (window.length() / step.0) as usize }
    }

    /// How many cells have ended by a time.
    pub(super) fn ended_by(&self, time: i64) -> usize {
        let cells = time.saturating_sub(self.from).div_euclid(self.step);
        usize::try_from(cells).unwrap_or(0).min(self.count)
    }

    fn at(&self, time: i64) -> Option<usize> {
        let cell = time.checked_sub(self.from)?.div_euclid(self.step);
        usize::try_from(cell).ok().filter(|cell| *cell < self.count)
    }

    /// The cells that an interval touches, and the share of it in each.
    pub(super) fn spread(&self, interval: &Interval, mut each: impl FnMut(usize, f64)) {
        let (from, to) = (interval.from, interval.to);
        if to <= from {
            self.at(to).into_iter().for_each(|cell| each(cell, 1.0));
            return;
        }
        let length = to.saturating_sub(from) as f64;
        let first = from.saturating_sub(self.from).div_euclid(self.step).max(0);
        for cell in first..self.count as i64 {
            let begins = self.from + cell * self.step;
            if begins >= to {
                return;
            }
            let inside = to.min(begins + self.step) - from.max(begins);
            each(cell as usize, inside as f64 / length);
        }
    }

    /// The level of a series in each cell; NaN where it has none. A cell without points has the last level before
    /// it, if that is not too old: a series that told its level every quarter of a minute and stopped has none, long
    /// before one that tells it every few minutes has.
    pub(super) fn levels(&self, at: &[i64], value: &[f64], pick: Pick) -> Vec<f64> {
        let mut levels = vec![f64::NAN; self.count];
        let hold = hold(at);
        let mut next = 0;
        let mut last: Option<(i64, f64)> = None;
        for (cell, level) in levels.iter_mut().enumerate() {
            let end = self.from + (cell as i64 + 1) * self.step;
            let (mut sum, mut count) = (0.0, 0_u32);
            let (mut least, mut greatest) = (f64::INFINITY, f64::NEG_INFINITY);
            while next < at.len() && at[next] < end {
                let own = value[next];
                last = Some((at[next], own)).filter(|_| !is_stale(own));
                if !is_stale(own) && at[next] >= end - self.step {
                    (sum, count) = (sum + own, count + 1);
                    (least, greatest) = (least.min(own), greatest.max(own));
                }
                next += 1;
            }
            let held = last.filter(|(then, _)| end.saturating_sub(*then) <= hold + self.step);
            *level = match pick {
                _ if count == 0 => held.map_or(f64::NAN, |(_, value)| value),
                Pick::Last => last.map_or(f64::NAN, |(_, value)| value),
                Pick::Mean => sum / f64::from(count),
                Pick::Least => least,
                Pick::Greatest => greatest,
            };
        }
        levels
    }

    /// How much was added in each cell; NaN where that is not known.
    pub(super) fn changes(&self, intervals: &[Interval], value: &[f64]) -> Vec<f64> {
        let mut changes = vec![f64::NAN; self.count];
        for interval in intervals {
            let amount = value[interval.point] - interval.before.map_or(0.0, |before| value[before]);
            self.spread(interval, |cell, share| {
                let change = &mut changes[cell];
                *change = amount * share + if change.is_nan() { 0.0 } else { *change };
            });
        }
        changes
    }
}

/// How long a level holds: twice the longest time between two points, as far as that is known.
fn hold(at: &[i64]) -> i64 {
    let longest = at.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).max();
    longest.filter(|gap| *gap > 0).map_or(LOOK_BACK, |gap| gap.saturating_mul(2).min(LOOK_BACK))
}

/// What each point says and of which time. `totals` say when something that only grows began again; what began before
/// `known` is not known from its beginning.
pub(super) fn intervals(kind: MetricKind, at: &[i64], start: &[i64], totals: &[f64], known: i64) -> Vec<Interval> {
    let mut intervals = Vec::with_capacity(at.len());
    let mut last: Option<usize> = None;
    for (point, to) in at.iter().copied().enumerate() {
        if is_stale(totals[point]) {
            continue;
        }
        let began = Some(start[point]).filter(|start| 0 < *start && *start < to);
        let before = last.filter(|before| to.saturating_sub(at[*before]) <= 2 * LOOK_BACK);
        let interval = match last {
            _ if kind.is_delta() => {
                let from = began.unwrap_or_else(|| before.map_or(to, |before| at[before]));
                Some(Interval { from, to, point, before: None })
            }
            // The same moment told twice.
            Some(last) if at[last] == to => continue,
            Some(last) if kind.is_cumulative() && totals[point] < totals[last] => {
                let from = began.filter(|began| *began > at[last]).unwrap_or(at[last]);
                Some(Interval { from, to, point, before: None })
            }
            Some(last) if kind.is_cumulative() && began.is_some_and(|began| began >= at[last]) => {
                Some(Interval { from: start[point], to, point, before: None })
            }
            Some(last) => Some(Interval { from: at[last], to, point, before: Some(last) }),
            None if kind.is_cumulative() => {
                began.filter(|began| *began >= known).map(|from| Interval { from, to, point, before: None })
            }
            None => None,
        };
        intervals.extend(interval);
        last = Some(point);
    }
    intervals
}

#[cfg(test)]
mod tests {
    use model::{SECOND, Timestamp};

    use super::*;
    use crate::STALE;

    const S: i64 = SECOND;

    fn cells(count: i64) -> Cells {
        Cells::of(Window::new(Timestamp(100 * S), Timestamp((100 + 10 * count) * S)), Step(10 * S))
    }

    fn is(found: &[f64], expected: &[f64]) -> bool {
        let same = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-9 || a.is_nan() && b.is_nan();
        found.len() == expected.len() && found.iter().zip(expected).all(same)
    }

    fn changes(kind: MetricKind, at: &[i64], start: &[i64], value: &[f64]) -> Vec<f64> {
        let times = |seconds: &[i64]| seconds.iter().map(|second| second * S).collect::<Vec<_>>();
        cells(4).changes(&intervals(kind, &times(at), &times(start), value, 0), value)
    }

    #[test]
    fn a_level_holds_until_it_is_stale_or_old() {
        let levels = |at: &[i64], value: &[f64], pick| {
            let at: Vec<i64> = at.iter().map(|second| second * S).collect();
            cells(4).levels(&at, value, pick)
        };
        assert!(is(&levels(&[95, 112, 118], &[7.0, 1.0, 3.0], Pick::Last), &[7.0, 3.0, 3.0, 3.0]));
        let nan = f64::NAN;
        assert!(is(&levels(&[96, 98, 100], &[1.0, 2.0, 3.0], Pick::Last), &[3.0, nan, nan, nan]), "it stopped");
        assert!(is(&levels(&[95, 112, 118], &[7.0, 1.0, 3.0], Pick::Mean), &[7.0, 2.0, 3.0, 3.0]));
        assert!(is(&levels(&[95, 112, 118], &[7.0, 1.0, 3.0], Pick::Least), &[7.0, 1.0, 3.0, 3.0]));
        assert!(is(&levels(&[95, 112], &[7.0, STALE], Pick::Last), &[7.0, f64::NAN, f64::NAN, f64::NAN]));
        assert!(is(&levels(&[-195], &[7.0], Pick::Last), &[7.0, f64::NAN, f64::NAN, f64::NAN]));
    }

    #[test]
    fn a_cell_has_ended_when_its_end_is_told() {
        assert_eq!([99, 100, 109, 110, 129, 139, 140, 999].map(|s| cells(4).ended_by(s * S)), [0, 0, 0, 1, 2, 3, 4, 4]);
    }

    #[test]
    fn a_total_that_falls_began_again() {
        let nan = f64::NAN;
        let counter = MetricKind::Counter;
        assert!(is(&changes(counter, &[100, 110, 120, 130], &[0; 4], &[5.0, 9.0, 2.0, 4.0]), &[4.0, 2.0, 2.0, nan]));
        assert!(is(&changes(counter, &[100, 130], &[0; 2], &[5.0, 35.0]), &[10.0, 10.0, 10.0, nan]));
        let again = changes(counter, &[100, 120], &[50, 110], &[5.0, 9.0]);
        assert!((again[1] - 9.0).abs() < 1e-9, "it says itself that it began again");
        assert!(is(&changes(counter, &[110], &[0], &[5.0]), &[nan; 4]), "how much of it is new is not known");
        assert!(is(&changes(counter, &[110], &[100], &[5.0]), &[5.0, nan, nan, nan]), "it began here");
        assert!(is(&changes(counter, &[100, 110, 120], &[0; 3], &[5.0, STALE, 9.0]), &[2.0, 2.0, nan, nan]));
    }

    #[test]
    fn what_came_since_the_point_before_is_spread_over_its_time() {
        let nan = f64::NAN;
        assert!(is(&changes(MetricKind::DeltaCounter, &[120], &[100], &[6.0]), &[3.0, 3.0, nan, nan]));
        assert!(is(&changes(MetricKind::DeltaCounter, &[105, 105], &[0, 0], &[6.0, 1.0]), &[7.0, nan, nan, nan]));
        assert!(is(&changes(MetricKind::DeltaCounter, &[110], &[90], &[6.0]), &[3.0, nan, nan, nan]));
        assert!(is(&changes(MetricKind::UpDownCounter, &[100, 110], &[0; 2], &[6.0, 2.0]), &[-4.0, nan, nan, nan]));
    }
}
