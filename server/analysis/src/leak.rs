//! What leaks: a container's memory or a volume that climbs until its limit is reached. One run of a container is
//! looked at on its own (`climb`); what the pods of a service say together is a leak.
//!
//! Coroot's rule (`auditor/memory.go`) fits a line by least squares and asks for a tenth of the limit an hour. Here
//! slopes are medians, a test says how sure they are, and what is slower than that is found over longer horizons.

mod bins;
mod climb;
mod curve;
mod load;
mod room;
mod saw;
mod sentence;
mod trend;

use model::{DAY, Eta, HOUR, MINUTE, PodId, Timestamp};

use crate::stats::median;
use climb::{Climb, Watch};
pub use sentence::leak_sentence;

/// One run of a container from its start on, or a volume: what it holds over time.
#[derive(Debug, Clone)]
pub struct Grown {
    /// The pod.
    pub pod: PodId,
    /// When this run began.
    pub started: Timestamp,
    /// When it ended; nothing while it runs.
    pub ended: Option<Timestamp>,
    /// So long after its start nothing is judged, in nanoseconds.
    pub warm_up: i64,
    /// Bytes that no cache gives back (RSS, else the working set), ascending by time.
    pub points: Vec<(Timestamp, f64)>,
    /// Bytes that count against the limit (the working set), ascending by time.
    pub level: Vec<(Timestamp, f64)>,
    /// What it had to do, in any unit (CPU cores), ascending by time; empty where not known.
    pub load: Vec<(Timestamp, f64)>,
    /// Bytes at which it ends: its limit, else what its node has.
    pub limit: Option<f64>,
}

/// Numbers of the rule.
#[derive(Debug, Clone, PartialEq)]
pub struct LeakRules {
    /// p of a horizon's trend, at most.
    pub p: f64,
    /// The rise over a horizon against the noise around the line, at least.
    pub clear: f64,
    /// The rise over a horizon as a share of the limit, at least.
    pub share: f64,
    /// The rise over a horizon in bytes where there is no limit, at least.
    pub bytes: f64,
    /// The deepest fall of the day before within as long a time, as a share of the rise, at most.
    pub drop: f64,
    /// How far the last sixth lies below the line, as a share of what a level end would, at most.
    pub tail: f64,
    /// A third's rise as a share of the third's before (`curve`): less has slowed down.
    pub steady: f64,
    /// How far it stands above its own past and yesterday, as a share of the rise, at least.
    pub above: f64,
    /// Load that grew by this share explains as much memory.
    pub load: f64,
    /// The limit is reached within so many nanoseconds, or nobody needs to know.
    pub far: f64,
    /// A single pod is believed after it was watched for so long, in nanoseconds, or where it has no `room` left.
    pub alone: i64,
    /// What levelled off with so much of its limit levelled off by itself, at most.
    pub room: f64,
    /// Runs begin alike, so that earlier ones tell of later ones: true of containers, not of volumes.
    pub alike: bool,
}

impl Default for LeakRules {
    fn default() -> Self {
        Self {
            p: 1e-4,
            clear: 6.0,
            share: 0.04,
            bytes: 64.0 * 1_048_576.0,
            drop: 0.35,
            tail: 0.7,
            steady: 0.85,
            above: 0.4,
            load: 0.02,
            far: 30.0 * DAY as f64,
            alone: 90 * MINUTE,
            room: 0.8,
            alike: true,
        }
    }
}

/// Warm-up of a container: heaps, pools and caches are made.
pub const WARM_UP: i64 = 15 * MINUTE;

/// How one pod of a leak climbs.
#[derive(Debug, Clone, PartialEq)]
pub struct Climbing {
    /// The pod.
    pub pod: PodId,
    /// Bytes an hour.
    pub rate: f64,
    /// 95 % interval of the rate.
    pub rate_interval: (f64, f64),
    /// Bytes now.
    pub level: f64,
    /// The limit.
    pub limit: Option<f64>,
    /// Since when.
    pub since: Timestamp,
    /// Nanoseconds until the limit is reached: likely, at the soonest, at the latest (endless where the slowest rate
    /// is none). Nothing without a limit.
    pub eta: Option<Eta>,
    /// p of no rise, one-sided.
    pub p: f64,
}

/// What climbs among the runs of one container of a service, those that reach their limit first at the front. Runs
/// that ended bear out those that live. Nothing where they don't bear each other out, or where the revision before
/// climbed alike and levelled off.
pub fn leaks(now: Timestamp, runs: &[Grown], before: &[Grown], rules: &LeakRules) -> Vec<Climbing> {
    let climb = |grown: &Grown| Watch { grown, now: grown.ended.unwrap_or(now), rules }.goes_on();
    let found: Vec<(&Grown, Climb)> = runs.iter().filter_map(|run| climb(run).map(|climb| (run, climb))).collect();
    // What has used up most of its limit has no room to level off in.
    let is_late = |(grown, climb): &(&Grown, Climb)| grown.limit.is_some_and(|limit| climb.level > rules.room * limit);
    let is_long = |(_, climb): &(&Grown, Climb)| climb.watched >= rules.alone;
    let is_backed = found.len() >= 2 || found.iter().any(|one| is_long(one) || is_late(one));
    if !is_backed || levelled_off_before(now, &found, runs, before, rules) {
        return Vec::new();
    }
    let living = found.into_iter().filter(|(grown, _)| grown.ended.is_none());
    let mut climbing: Vec<Climbing> = living.map(|(grown, climb)| climbing(now, grown, climb)).collect();
    climbing.sort_by(|a, b| {
        let soon = |c: &Climbing| c.eta.map_or(i64::MAX, |eta| eta.likely);
        soon(a).cmp(&soon(b)).then_with(|| b.rate.total_cmp(&a.rate)).then_with(|| a.pod.cmp(&b.pod))
    });
    climbing
}

fn climbing(now: Timestamp, grown: &Grown, climb: Climb) -> Climbing {
    let eta = grown.limit.map(|limit| {
        let room = (limit - climb.band.1).max(0.0);
        let even = |rate: f64| (room / rate * HOUR as f64).min(i64::MAX as f64) as i64;
        let of_day = |rate: f64| if climb.by_days { room::until(&grown.level, now, rate, limit) } else { None };
        let after = |rate: f64| (rate > 0.0).then(|| of_day(rate).unwrap_or_else(|| even(rate)));
        Eta {
            likely: after(climb.rate).unwrap_or(i64::MAX),
            soonest: after(climb.interval.1).unwrap_or(i64::MAX),
            latest: after(climb.interval.0),
        }
    });
    Climbing {
        pod: grown.pod.clone(),
        rate: climb.rate,
        rate_interval: climb.interval,
        level: climb.level,
        limit: grown.limit,
        since: climb.since,
        eta,
        p: climb.p,
    }
}

/// Whether all that climbs does what was seen before: runs of the revision before, and earlier ones of this, grew as much
/// by the same age and, in as long a time again, hardly more, far from their limit. One that ended while it climbed says
/// that it does not.
fn levelled_off_before(
    now: Timestamp,
    found: &[(&Grown, Climb)],
    runs: &[Grown],
    before: &[Grown],
    rules: &LeakRules,
) -> bool {
    let climbed = |run: &Grown| found.iter().any(|(grown, _)| std::ptr::eq(*grown, run));
    let mut living = found.iter().filter(|(grown, _)| grown.ended.is_none());
    living.all(|(grown, _)| {
        let age = now.since(grown.started);
        let Some(rise) = growth(grown, grown.warm_up, age) else { return false };
        let levelled = |past: &Grown| {
            let grew =
                growth(past, past.warm_up, age).zip(growth(past, age, 2 * age)).zip(around(past, &past.level, 2 * age));
            let Some(((by_then, later), level)) = grew else {
                return (past.ended.is_some() && climbed(past)).then_some(false);
            };
            let has_room = past.limit.or(grown.limit).is_none_or(|limit| level <= rules.room * limit);
            Some(by_then >= 0.6 * rise && later <= 0.3 * rise && has_room)
        };
        let earlier = runs.iter().filter(|run| rules.alike && run.started < grown.started);
        let likes: Vec<bool> = before.iter().chain(earlier).filter_map(levelled).collect();
        !likes.is_empty() && likes.iter().all(|is_like| *is_like)
    })
}

/// Bytes an hour that runs of the revision before grew at the age that others have now: their median, of those that
/// lived as long. Warm-up is left out.
pub fn rate_before(now: Timestamp, runs: &[Grown], before: &[Grown]) -> Option<f64> {
    let age = runs.iter().filter(|run| run.ended.is_none()).map(|run| now.since(run.started)).max()?;
    let hours = |run: &Grown| (age - run.warm_up) as f64 / HOUR as f64;
    let rates = before.iter().filter_map(|run| Some(growth(run, run.warm_up, age)? / hours(run)));
    median(&rates.filter(|rate| rate.is_finite()).collect::<Vec<_>>())
}

/// What a run grew between two ages.
fn growth(run: &Grown, from: i64, to: i64) -> Option<f64> {
    Some(around(run, &run.points, to)? - around(run, &run.points, from + 5 * MINUTE)?)
}

/// What a run held in the five minutes before an age.
fn around(run: &Grown, points: &[(Timestamp, f64)], age: i64) -> Option<f64> {
    let at = run.started.0 + age;
    bins::bins(points, Timestamp(at - 5 * MINUTE), Timestamp(at), 1).map(|values| values[0])
}
