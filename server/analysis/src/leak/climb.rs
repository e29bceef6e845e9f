//! Whether one run of a container, or one volume, climbs towards its limit: by horizon, the longest that says so.

use std::cell::OnceCell;

use model::{DAY, HOUR, MINUTE, Timestamp};

use super::bins::{bins, level, lows, thirds};
use super::curve::rises;
use super::load::ignores;
use super::room::{band, rate_by_days};
use super::saw::flattened;
use super::trend::{Trend, trend};
use super::{Grown, LeakRules};

/// A climb that goes on.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Climb {
    /// Bytes an hour.
    pub rate: f64,
    /// 95 % interval of the rate.
    pub interval: (f64, f64),
    /// Bytes now.
    pub level: f64,
    /// Bytes now at the bottom and at the top of its teeth, or of its day.
    pub band: (f64, f64),
    /// Its rate is from day to day.
    pub by_days: bool,
    /// Since when.
    pub since: Timestamp,
    /// How long it was watched, its warm-up left out.
    pub watched: i64,
    /// One-sided p of no rise.
    pub p: f64,
}

/// Over how long it is looked.
const HORIZONS: [i64; 9] =
    [HOUR, 90 * MINUTE, 2 * HOUR, 4 * HOUR, 8 * HOUR, 16 * HOUR, 32 * HOUR, 72 * HOUR, 168 * HOUR];
/// How far apart looks are that must agree: one alone sees too many waves.
const AGAIN: i64 = 10 * MINUTE;
/// What was found so lately goes on, though a look now may miss it.
const HOLD: i64 = 2 * HOUR;
/// Values of a horizon.
const BINS: usize = 30;
/// Values where only the lowest of each part count, since a garbage collector draws teeth.
const LOW_BINS: usize = 12;

/// So long ago values are still dense enough to show teeth.
const DENSE: i64 = 6 * HOUR;

/// Values of a horizon in which falls are looked for.
const FALL_BINS: i64 = 10;

/// What is climbed, at a moment.
#[derive(Clone, Copy)]
pub(super) struct Watch<'a> {
    pub grown: &'a Grown,
    pub now: Timestamp,
    pub rules: &'a LeakRules,
}

impl Watch<'_> {
    /// The climb that goes on: two looks that agree, the later of them not long ago, and no fall since then. Every other
    /// look is asked first: of two neighbours it is one.
    pub(super) fn goes_on(&self) -> Option<Climb> {
        let level = level(&self.grown.level, self.now)?;
        let then = |back: i64| Watch { now: Timestamp(self.now.0 - back), ..*self }.climb();
        let agreed = |back: i64| {
            let climb = then(back)?;
            let later = if back > 0 { then(back - AGAIN) } else { None };
            match later {
                Some(later) => Some((back - AGAIN, later)),
                None => then(back + AGAIN).map(|_| (back, climb)),
            }
        };
        (0..=HOLD).step_by(2 * AGAIN as usize).find_map(|back| {
            let (back, climb) = agreed(back).filter(|(back, climb)| *back == 0 || level >= climb.band.0)?;
            let more = climb.rate * back as f64 / HOUR as f64;
            Some(Climb { level, band: (climb.band.0 + more, climb.band.1 + more), ..climb })
        })
    }

    /// The climb up to now, if there is one: the longest horizon over which it is sure.
    fn climb(&self) -> Option<Climb> {
        let begin = self.begin();
        let watched = self.now.since(begin);
        let dense = begin.max(Timestamp(self.now.0 - DENSE));
        let flat = OnceCell::new();
        let flat = || flat.get_or_init(|| flattened(&self.grown.points, dense, self.now)).as_deref();
        let whole = Course { points: &self.grown.points, begin, gather: bins };
        let low = Course { gather: lows, ..whole };
        let mut found = None;
        for horizon in HORIZONS {
            let length = horizon.min(watched);
            if 4 * length < 3 * horizon {
                break;
            }
            let from = Timestamp(self.now.0 - length);
            let over = |course: Course<'_>, count| self.over(course, from, count, watched);
            let even = || {
                let points = flat()?;
                let first = points.first()?.0;
                // Points stand in the middle of their minutes; further on begins only what came since a gap.
                let begin = if first.since(dense) <= 2 * MINUTE { dense } else { first.floor(MINUTE) };
                over(Course { points, begin, ..whole }, BINS)
            };
            found = over(whole, BINS).or_else(|| over(low, LOW_BINS)).or_else(even).or(found);
        }
        found
    }

    /// From when on it is judged: it has warmed up, and was watched.
    fn begin(&self) -> Timestamp {
        let first = self.grown.points.first().map_or(self.now, |(at, _)| at.floor(MINUTE));
        Timestamp(self.grown.started.0 + self.grown.warm_up).max(first)
    }

    /// All that must be true of a climb, the cheapest first.
    fn over(&self, course: Course<'_>, from: Timestamp, count: usize, watched: i64) -> Option<Climb> {
        if from < course.begin {
            return None;
        }
        let values = (course.gather)(course.points, from, self.now, count)?;
        let shape = Shape { values, span: self.now.since(from) };
        let found = trend(&shape.values)?;
        let rise = found.slope * (shape.values.len() - 1) as f64;
        let is_sure = found.p <= self.rules.p && rise > 0.0;
        let is_clear = rise >= self.rules.clear * found.noise && rise >= self.material(shape.span);
        if !is_sure || !is_clear || !self.has_not_levelled_off(course, &shape, &found) {
            return None;
        }
        let is_unlike = self.is_unlike_before(course, &shape, rise);
        if !is_unlike || !self.is_above_yesterday(course, rise) || self.follows_load(course, &shape, from) {
            return None;
        }
        let (at, line) = shape.bend();
        let hours = shape.step() / HOUR as f64;
        let level = level(&self.grown.level, self.now).unwrap_or(line.end);
        let since = Timestamp(from.0 + (shape.step() * at as f64) as i64);
        let by_days = rate_by_days(&self.grown.points, since, self.now);
        let rate = by_days.unwrap_or(line.slope / hours);
        let climb = Climb {
            rate,
            interval: (rate.min(line.interval.0.max(0.0) / hours), rate.max(line.interval.1 / hours)),
            level,
            band: band(&self.grown.level, since, self.now, rate).unwrap_or((level, level)),
            by_days: by_days.is_some(),
            since,
            watched,
            p: found.p,
        };
        self.is_near(&climb).then_some(climb)
    }

    /// What a rise over so long must be at least: half as much again where it was watched shortly.
    fn material(&self, span: i64) -> f64 {
        let least = self.grown.limit.map_or(self.rules.bytes, |limit| self.rules.share * limit);
        least * (1.0 + 0.5 * (2 * HOUR) as f64 / span.max(2 * HOUR) as f64)
    }

    /// The limit is reached in a time that anyone plans for; without a limit, a day's growth must be a lot.
    fn is_near(&self, climb: &Climb) -> bool {
        match self.grown.limit {
            Some(limit) => limit - climb.level <= climb.rate * self.rules.far / HOUR as f64,
            None => climb.rate * 24.0 >= climb.level.max(8.0 * self.rules.bytes) / 2.0,
        }
    }

    /// It has not levelled off, nor does what it slows down to stay below the limit (a cache that fills).
    fn has_not_levelled_off(&self, course: Course<'_>, shape: &Shape, found: &Trend) -> bool {
        let (count, tail) = (shape.values.len(), shape.values.len() / 6);
        let line = found.end - found.slope * (tail as f64 - 1.0) / 2.0;
        let flat = self.rules.tail * found.slope * tail as f64 / 2.0;
        if shape.mean(count - tail..count) - line < -flat.max(found.noise) {
            return false;
        }
        // A horizon of at least half the run: then the run's own beginning tells more.
        let run = || bins(course.points, course.begin, self.now, BINS);
        let whole = if self.now.since(course.begin) < 2 * shape.span { run() } else { None };
        [Some(&shape.values), whole.as_ref()].into_iter().flatten().all(|values| self.is_steady(values))
    }

    fn is_steady(&self, values: &[f64]) -> bool {
        let Some((early, late)) = rises(values) else { return false };
        if late >= self.rules.steady * early {
            return true;
        }
        if late <= 0.0 {
            return false;
        }
        // Each third adds the same share of what the one before added: a geometric series.
        let share = late / early;
        let rest = late * share / (1.0 - share);
        self.grown.limit.zip(level(&self.grown.level, self.now)).is_some_and(|(limit, level)| level + rest > limit)
    }

    /// In the day before, or twice as long as it is looked at, it never fell as far within as long a time: what does,
    /// wanders or draws teeth.
    fn is_unlike_before(&self, course: Course<'_>, shape: &Shape, rise: f64) -> bool {
        let from = course.begin.max(Timestamp(self.now.0 - (2 * shape.span).max(DAY)));
        let step = shape.span / FALL_BINS;
        let count = (self.now.since(from) / step) as usize;
        let Some(values) = (course.gather)(course.points, from, self.now, count) else { return false };
        fall(&values, FALL_BINS as usize) <= self.rules.drop * rise
    }

    /// It stands higher than a day ago: what follows the day does not.
    fn is_above_yesterday(&self, course: Course<'_>, rise: f64) -> bool {
        let day = Timestamp(self.now.0 - 24 * HOUR);
        let from = Timestamp(day.0 - HOUR);
        if from < course.begin {
            return true;
        }
        let hour = |to: Timestamp| bins(course.points, Timestamp(to.0 - HOUR), to, 1);
        match (hour(self.now), hour(day)) {
            (Some(now), Some(then)) => now[0] - then[0] >= self.rules.above * rise,
            _ => true,
        }
    }

    /// Memory grows by as much as load did, over less than a day: it may go back with it.
    fn follows_load(&self, course: Course<'_>, shape: &Shape, from: Timestamp) -> bool {
        if shape.span >= 24 * HOUR {
            return false;
        }
        let Some(load) = bins(&self.grown.load, from, self.now, BINS) else { return false };
        let (Some(loads), Some([first, _, end])) = (thirds(&load), thirds(&shape.values)) else {
            return false;
        };
        let more = (loads[2] - loads[0]) / loads[0].max(1e-9);
        let is_enough = more >= self.rules.load && end / first - 1.0 <= 1.5 * more;
        let heeds = || {
            let memory = bins(course.points, from, self.now, BINS);
            memory.is_none_or(|memory| !ignores(&memory, &load, shape.span, (end - first) / (loads[2] - loads[0])))
        };
        is_enough && heeds()
    }
}

/// Points that are judged from a moment on, and how they are gathered into values.
#[derive(Clone, Copy)]
struct Course<'a> {
    points: &'a [(Timestamp, f64)],
    begin: Timestamp,
    gather: Gather,
}

type Gather = fn(&[(Timestamp, f64)], Timestamp, Timestamp, usize) -> Option<Vec<f64>>;

/// Values at equal distances over a horizon.
struct Shape {
    values: Vec<f64>,
    span: i64,
}

impl Shape {
    /// Nanoseconds from one value to the next.
    fn step(&self) -> f64 {
        self.span as f64 / self.values.len() as f64
    }

    fn mean(&self, part: std::ops::Range<usize>) -> f64 {
        let values = self.values[part].iter().filter(|value| value.is_finite());
        let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
        sum / count
    }

    /// Where it began: flat before, a line after, with the least absolute error; and that line.
    fn bend(&self) -> (usize, Trend) {
        let whole =
            trend(&self.values).unwrap_or(Trend { slope: 0.0, interval: (0.0, 0.0), p: 1.0, end: 0.0, noise: 0.0 });
        let error = |line: &Trend, part: &[f64]| -> f64 {
            let last = part.len() as f64 - 1.0;
            let of = |(i, value): (usize, &f64)| (value - line.end + line.slope * (last - i as f64)).abs();
            part.iter().enumerate().filter(|(_, value)| value.is_finite()).map(of).sum()
        };
        let mut best = (error(&whole, &self.values), 0, whole);
        for at in 3..self.values.len().saturating_sub(8) {
            let (flat, rising) = self.values.split_at(at);
            let Some(line) = trend(rising) else { continue };
            let flat_level = line.end - line.slope * (rising.len() as f64 - 1.0);
            let off: f64 = flat.iter().filter(|value| value.is_finite()).map(|value| (value - flat_level).abs()).sum();
            let sum = off + error(&line, rising);
            // A bend must explain a good deal more than the line does.
            if sum < 0.75 * best.0 {
                best = (sum, at, line);
            }
        }
        (best.1, best.2)
    }
}

/// The deepest fall from a value to one of the next so many.
fn fall(values: &[f64], within: usize) -> f64 {
    let falls = values.iter().enumerate().flat_map(|(i, high)| {
        values[i + 1..].iter().take(within).map(move |low| high - low).filter(|fall| fall.is_finite())
    });
    falls.fold(0.0, f64::max)
}
