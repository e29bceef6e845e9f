//! The service before a deploy, summed up once for all looks at it: what each look needs of thousands of minutes is a
//! few sums and how much they vary. Knows nothing of the deploy.

use std::collections::BTreeMap;

use model::Red;

use crate::PastMinute;
use crate::compare::{Tally, Unit};
use crate::dispersion::{Dispersion, sums, varies};
use crate::ranks::{Counts, Ranks};
use crate::stats::median;

/// Minutes in a day.
const DAY: i32 = 1_440;
/// The like time of earlier days: so many minutes before the deploy's, until so many after.
const LIKE: (i32, i32) = (30, 90);
/// Lengths of windows are told apart by doublings, up to a day and more.
const DOUBLINGS: usize = 12;
/// So many durations have a middle.
const LEAST: f64 = 20.0;
/// Minutes from which on a past says what load is usual.
const LOADS: usize = 20;

type Minute<'a> = (i32, &'a Red);

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct Past {
    endpoints: BTreeMap<String, Before>,
    service: Before,
    /// Requests by minute, ascending.
    requests: Vec<(i32, f64)>,
    /// The load of the middle minute, and of one in fifty.
    loads: Option<(f64, f64)>,
}

impl Past {
    /// Minutes of each endpoint before the deploy: the last hours, and the like time of earlier days.
    pub fn new(endpoints: &BTreeMap<String, Vec<PastMinute>>) -> Self {
        let mut all: [Vec<Minute<'_>>; 2] = Default::default();
        let mut sums: [Counts; 2] = Default::default();
        let mut known = BTreeMap::new();
        for (name, minutes) in endpoints {
            let asked = minutes.iter().filter(|past| past.minute < 0 && past.red.requests > 0.0);
            let is_alike = |past: &&PastMinute| (past.minute + LIKE.0).rem_euclid(DAY) <= LIKE.0 + LIKE.1;
            let (recent, earlier): (Vec<_>, Vec<_>) = asked.partition(|past| past.minute >= -DAY / 2);
            let stretches = [recent, earlier.into_iter().filter(is_alike).collect()];
            let own: [Vec<Minute<'_>>; 2] =
                stretches.map(|minutes| minutes.into_iter().map(|past| (past.minute, &past.red)).collect());
            let counts = [&own[0], &own[1]].map(|stretch| Counts::of(stretch.iter().map(|(_, red)| *red)));
            sums.iter_mut().zip(&counts).for_each(|(sum, own)| sum.add(own));
            known.insert(name.clone(), Before::of(&own, counts));
            all.iter_mut().zip(own).for_each(|(all, own)| all.extend(own));
        }
        let minutes = by_minute(&[all[1].as_slice(), &all[0]].concat(), failed);
        let requests: Vec<(i32, f64)> = minutes.iter().map(|minute| (minute.minute, minute.n)).collect();
        Self { endpoints: known, service: Before::of(&all, sums), loads: loads(&requests), requests }
    }

    /// What it takes in memory, about.
    pub fn bytes(&self) -> usize {
        let sums: usize = self.endpoints.values().chain([&self.service]).map(Before::bytes).sum();
        sums + size_of_val(self.requests.as_slice())
    }

    /// Whether nothing was asked of it.
    pub fn is_empty(&self) -> bool {
        self.endpoints.is_empty()
    }

    /// Endpoints that had requests.
    pub fn endpoints(&self) -> impl Iterator<Item = &str> {
        self.endpoints.keys().map(String::as_str)
    }

    pub(crate) fn endpoint(&self, name: &str) -> Option<&Before> {
        self.endpoints.get(name)
    }

    pub(crate) fn service(&self) -> &Before {
        &self.service
    }

    pub(crate) fn requests(&self) -> &[(i32, f64)] {
        &self.requests
    }

    pub(crate) fn loads(&self) -> Option<(f64, f64)> {
        self.loads
    }
}

/// One endpoint before the deploy, or the service as the sum of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Before {
    /// The side that errors are held against: the recent hours, or the like time of earlier days where that was worse.
    pub(crate) failing: Side,
    /// The side that durations are held against.
    pub(crate) slow: Side,
    /// Its durations, their ranks, and the variance of one rank.
    pub(crate) counts: Counts,
    pub(crate) ranks: Ranks,
    pub(crate) variance: f64,
    failing_varies: Vec<Option<Dispersion>>,
    slow_varies: Vec<Option<Dispersion>>,
}

/// A side of the past in sum.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Side {
    pub(crate) tally: Tally,
    /// It is the like time of earlier days.
    pub(crate) like: bool,
}

impl Before {
    /// Of the recent hours and the like time, with their durations; a minute may come in parts.
    fn of(stretches: &[Vec<Minute<'_>>; 2], [recent_counts, like_counts]: [Counts; 2]) -> Self {
        let [recent, like] = stretches.each_ref().map(|stretch| by_minute(stretch, failed));
        let tallies = [Tally::of(&recent), Tally::of(&like)];
        let minutes = [like, recent].concat();
        let share = |tally: &Tally| (tally.n > 0.0).then(|| tally.mean());
        let failing_like = is_worse(share(&tallies[1]), share(&tallies[0]));
        let middle = |counts: &Counts| (counts.total >= LEAST).then(|| counts.quantile(0.5));
        let slow_like = is_worse(middle(&like_counts), middle(&recent_counts));
        let counts = if slow_like { like_counts } else { recent_counts };
        let ranks = counts.ranks();
        let variance = counts.variance(&ranks);
        let ranked = stretches.each_ref().map(|stretch| by_minute(stretch, |minute, red| ranks.unit(minute, red)));
        let slow = Side { tally: Tally::of(&ranked[usize::from(slow_like)]), like: slow_like };
        let [recent, like] = ranked;
        Self {
            failing: Side { tally: tallies[usize::from(failing_like)], like: failing_like },
            slow,
            failing_varies: varies(&minutes, DOUBLINGS, &|p| p * (1.0 - p)),
            slow_varies: varies(&[like, recent].concat(), DOUBLINGS, &|_| variance),
            counts,
            ranks,
            variance,
        }
    }

    /// How much errors of windows of so many minutes vary.
    pub(crate) fn failing_varies(&self, length: i32) -> Option<Dispersion> {
        self.failing_varies.get(doublings(length)).copied().flatten()
    }

    /// How much ranks of durations in windows of so many minutes vary.
    pub(crate) fn slow_varies(&self, length: i32) -> Option<Dispersion> {
        self.slow_varies.get(doublings(length)).copied().flatten()
    }

    fn bytes(&self) -> usize {
        let varies = self.failing_varies.len() + self.slow_varies.len();
        size_of::<Self>() + self.counts.bytes() + self.ranks.bytes() + varies * size_of::<Option<Dispersion>>()
    }
}

/// Whether the like time is what a deploy is held against.
fn is_worse(like: Option<f64>, recent: Option<f64>) -> bool {
    match (like, recent) {
        (Some(like), Some(recent)) => like > recent,
        (like, recent) => like.is_some() && recent.is_none(),
    }
}

/// The load of the middle minute, and of one in fifty; nothing where there are few minutes.
fn loads(requests: &[(i32, f64)]) -> Option<(f64, f64)> {
    let mut loads: Vec<f64> = requests.iter().map(|(_, requests)| *requests).collect();
    loads.sort_unstable_by(f64::total_cmp);
    let middle = median(&loads).filter(|middle| loads.len() >= LOADS && *middle > 0.0)?;
    Some((middle, loads[(loads.len() - 1) * 98 / 100]))
}

fn failed(minute: i32, red: &Red) -> Unit {
    Unit { minute, x: red.errors, n: red.requests }
}

/// Scores by minute, ascending.
fn by_minute(stretch: &[Minute<'_>], score: impl Fn(i32, &Red) -> Unit + Copy) -> Vec<Unit> {
    sums(stretch.iter().map(|(minute, red)| score(*minute, red)), 1)
}

/// How often a length was doubled from one minute.
fn doublings(length: i32) -> usize {
    (length.max(1).ilog2() as usize).min(DOUBLINGS - 1)
}
