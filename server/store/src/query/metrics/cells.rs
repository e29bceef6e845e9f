//! The points of one series laid out over the cells of an answer: its level in each, or how it changed. Pure.

use std::num::NonZeroU32;

use model::{MINUTE, MetricKind, SECOND, Step, Window};

use crate::metrics::is_stale;

/// A value holds for so long when none comes after it, as in Prometheus.
pub(super) const LOOK_BACK: i64 = 5 * MINUTE;

/// A grid over a window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cells {
    from: i64,
    step: i64,
    pub(super) count: usize,
    /// What was added after it is left out.
    until: i64,
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
        Self { from: window.from.0, step: step.0, count: (window.length() / step.0) as usize, until: i64::MAX }
    }

    /// The same, without what was added after a time.
    pub(super) fn until(self, until: i64) -> Self {
        Self { until, ..self }
    }

    fn at(&self, time: i64) -> Option<usize> {
        let cell = time.checked_sub(self.from)?.div_euclid(self.step);
        usize::try_from(cell).ok().filter(|cell| *cell < self.count)
    }

    /// The cells that an interval touches, and the share of it in each.
    pub(super) fn spread(&self, interval: &Interval, mut each: impl FnMut(usize, f64)) {
        let (from, to) = (interval.from, interval.to.min(self.until));
        if interval.to <= from {
            self.at(to).into_iter().for_each(|cell| each(cell, 1.0));
            return;
        }
        let length = interval.to.saturating_sub(from) as f64;
        let first = from.saturating_sub(self.from).div_euclid(self.step).max(0);
        for cell in first..self.count as i64 {
            let begins = self.from + cell * self.step;
            if begins >= to || from >= to {
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
}

/// Shares that are kept for the next series, at most: 6 MB.
const MOST_SHARES: usize = 1 << 18;

/// What points add to cells: the difference of two, or one, in so many parts of the whole.
#[derive(Debug, Default)]
pub(super) struct Shares {
    intervals: Vec<Interval>,
    /// Found once, unless there are too many: an interval may be as long as a sender likes.
    kept: Option<Vec<Share>>,
    /// No total begins again or ends, so that any series that goes on at the same times has the same shares.
    pub(super) goes_on: bool,
}

/// A share of what a point tells, in one cell.
#[derive(Debug, Clone, Copy)]
pub(super) struct Share {
    part: f64,
    cell: u32,
    point: u32,
    before: Option<NonZeroU32>,
}

impl Shares {
    /// Whether totals never begin again and none is the end of its series.
    pub(super) fn goes_on(kind: MetricKind, totals: &[f64]) -> bool {
        !totals.iter().any(|total| is_stale(*total)) && (!kind.is_cumulative() || totals.is_sorted())
    }

    pub(super) fn of(cells: &Cells, intervals: Vec<Interval>, goes_on: bool) -> Self {
        let most = (4 * intervals.len() + cells.count).min(MOST_SHARES);
        let mut kept = Vec::with_capacity(most.min(2 * intervals.len()));
        for interval in &intervals {
            Share::each(cells, interval, |share| kept.push(share));
            if kept.len() > most {
                return Self { intervals, kept: None, goes_on };
            }
        }
        Self { intervals, kept: Some(kept), goes_on }
    }

    pub(super) fn each(&self, cells: &Cells, mut each: impl FnMut(Share)) {
        match &self.kept {
            Some(kept) => kept.iter().copied().for_each(each),
            None => self.intervals.iter().for_each(|interval| Share::each(cells, interval, &mut each)),
        }
    }

    /// How much was added in each cell; NaN where that is not known.
    pub(super) fn changes(&self, cells: &Cells, value: &[f64]) -> Vec<f64> {
        let mut changes = vec![f64::NAN; cells.count];
        self.each(cells, |share| {
            let change = &mut changes[share.cell()];
            *change = share.of(|point| value[point]) + if change.is_nan() { 0.0 } else { *change };
        });
        changes
    }
}

impl Share {
    fn each(cells: &Cells, interval: &Interval, mut each: impl FnMut(Self)) {
        let (point, before) = (interval.point as u32, interval.before);
        // One more than its place, since a place may be the first.
        let before = before.and_then(|before| NonZeroU32::new(before as u32 + 1));
        cells.spread(interval, |cell, part| each(Self { part, cell: cell as u32, point, before }));
    }

    pub(super) fn cell(&self) -> usize {
        self.cell as usize
    }

    pub(super) fn point(&self) -> usize {
        self.point as usize
    }

    /// What it adds, of what is told at points.
    pub(super) fn of(&self, told: impl Fn(usize) -> f64) -> f64 {
        let before = self.before.map_or(0.0, |before| told(before.get() as usize - 1));
        (told(self.point()) - before) * self.part
    }
}

/// The time of which anything is told, by any series: a change a second is of that time, not of the whole cell.
#[derive(Debug, Default)]
pub(super) struct Told {
    spans: Vec<(i64, i64)>,
}

impl Told {
    /// Adds what the points of a series tell of. One that does not say since when tells of its cell.
    pub(super) fn add(&mut self, cells: &Cells, intervals: &[Interval]) {
        for Interval { from, to, .. } in intervals.iter().copied() {
            let begins = to.saturating_sub(to.saturating_sub(cells.from).rem_euclid(cells.step));
            let (from, to) = if from < to { (from, to) } else { (begins, begins.saturating_add(cells.step)) };
            match self.spans.last_mut() {
                Some((first, last)) if *first <= from && from <= *last => *last = to.max(*last),
                _ => self.spans.push((from, to)),
            }
        }
    }

    /// How many seconds of each cell are told of.
    pub(super) fn seconds(mut self, cells: &Cells) -> Vec<f64> {
        self.spans.sort_unstable();
        let mut seconds = vec![0.0; cells.count];
        let mut reached = i64::MIN;
        for (from, to) in self.spans {
            let span = Interval { from: from.max(reached), to, point: 0, before: None };
            if span.from < to {
                let length = to.saturating_sub(span.from) as f64 / SECOND as f64;
                cells.spread(&span, |cell, share| seconds[cell] += length * share);
                reached = to;
            }
        }
        seconds
    }
}

/// How long a level holds: twice the longest time between two points, as far as that is known.
fn hold(at: &[i64]) -> i64 {
    let longest = at.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).max();
    longest.filter(|gap| *gap > 0).map_or(LOOK_BACK, |gap| gap.saturating_mul(2).min(LOOK_BACK))
}

/// What each point says and of which time. `totals` say when something that only grows began again; what began before
/// `known` is not known from its beginning. A first point tells the sum since its start time, but not when in that time:
/// where the start is further back than points are apart, it is only what the next one is compared with
/// (https://opentelemetry.io/docs/specs/otel/metrics/data-model/#cumulative-streams-handling-unknown-start-time).
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
                let near = |began: &i64| *began >= known && to.saturating_sub(*began) <= hold(at);
                began.filter(near).map(|from| Interval { from, to, point, before: None })
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
    use model::Timestamp;

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
        let intervals = intervals(kind, &times(at), &times(start), value, 0);
        Shares::of(&cells(4), intervals, false).changes(&cells(4), value)
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
    fn what_a_total_held_long_before_its_first_point_is_not_spread_over_that_time() {
        let nan = f64::NAN;
        let kind = MetricKind::Counter;
        assert!(is(&changes(kind, &[130, 135], &[100; 2], &[900.0, 905.0]), &[nan, nan, nan, 5.0]));
        assert!(is(&changes(kind, &[130, 150], &[100; 2], &[900.0, 905.0]), &[300.0, 300.0, 300.0, 2.5]));
    }

    #[test]
    fn the_time_that_is_told_of_counts_once_and_what_comes_later_not_at_all() {
        let of = |spans: &[(i64, i64)], until: i64| {
            let cells = cells(4).until(until * S);
            let mut told = Told::default();
            for (from, to) in spans {
                told.add(&cells, &[Interval { from: from * S, to: to * S, point: 0, before: None }]);
            }
            told.seconds(&cells)
        };
        assert!(is(&of(&[(95, 105), (105, 112), (104, 111)], 999), &[10.0, 2.0, 0.0, 0.0]));
        assert!(is(&of(&[(125, 140), (103, 112)], 128), &[7.0, 2.0, 3.0, 0.0]));
        assert!(is(&of(&[(115, 115)], 999), &[0.0, 10.0, 0.0, 0.0]), "it does not say since when");
        let (intervals, totals) = (vec![Interval { from: 100 * S, to: 140 * S, point: 0, before: None }], [8.0]);
        let cells = cells(4).until(125 * S);
        let until = Shares::of(&cells, intervals, true).changes(&cells, &totals);
        assert!(is(&until, &[2.0, 2.0, 1.0, f64::NAN]));
    }

    #[test]
    fn points_that_say_they_began_long_ago_are_laid_out_without_being_kept() {
        let interval = |point: usize| Interval { from: 100 * S, to: (101 + point as i64) * S, point, before: None };
        let intervals: Vec<Interval> = (0..10_000).map(interval).collect();
        let shares = Shares::of(&cells(1_000), intervals, true);
        assert!(shares.kept.is_none(), "five million of them");
        let added: f64 = shares.changes(&cells(1_000), &[1.0; 10_000]).iter().sum();
        assert!((added - 10_000.0).abs() < 1e-6, "{added}");
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
