//! Findings in what was measured of containers and volumes.

use model::{DAY, MINUTE, Saturation, SaturationOf, Timestamp};

use super::lasting::lasting;
use super::{SaturationRules, sentence};
use crate::stats::median;

/// What of one pod was measured over time.
#[derive(Debug, Clone)]
pub struct Measured {
    /// The pod's name.
    pub pod: String,
    /// Shares of what it may have, ascending by time.
    pub shares: Vec<(Timestamp, f64)>,
    /// Bytes that it may have now; nothing for a processor.
    pub whole: Option<f64>,
}

/// A pod that has too little.
#[derive(Debug, Clone)]
pub(super) struct Lacking<'a> {
    pub(super) pod: &'a str,
    pub(super) since: Timestamp,
    /// The share: of a processor the mean since it began, else the last one.
    pub(super) share: f64,
    pub(super) whole: Option<f64>,
    /// Of a volume that fills, the nanoseconds until it is full.
    pub(super) full_in: Option<i64>,
}

/// Whether there is too little of something, from what was measured of it in all living pods.
pub fn saturation(of: &SaturationOf, now: Timestamp, all: &[Measured], rules: &SaturationRules) -> Option<Saturation> {
    let mut lacking: Vec<Lacking<'_>> = all.iter().filter_map(|one| lacks(of, one, now, rules)).collect();
    lacking.sort_by(|a, b| {
        let soon = |one: &Lacking<'_>| one.full_in.unwrap_or(0);
        soon(a).cmp(&soon(b)).then_with(|| b.share.total_cmp(&a.share)).then_with(|| a.pod.cmp(b.pod))
    });
    let worst = lacking.first()?;
    let degrades = match of {
        SaturationOf::Cpu { .. } | SaturationOf::PodCpu => worst.share >= rules.held,
        SaturationOf::Volume { .. } => worst.full_in.is_none_or(|left| left < rules.soon),
        _ => true,
    };
    Some(Saturation {
        since: lacking.iter().map(|one| one.since).min()?,
        degrades,
        pods: lacking.iter().map(|one| one.pod.to_owned()).collect(),
        sentence: sentence::measured(of, &lacking, all.len(), now),
        of: of.clone(),
    })
}

fn lacks<'a>(of: &SaturationOf, one: &'a Measured, now: Timestamp, rules: &SaturationRules) -> Option<Lacking<'a>> {
    let last = one.shares.last()?.1;
    let found = |since, share, full_in| Lacking { pod: &one.pod, since, share, whole: one.whole, full_in };
    match of {
        SaturationOf::Cpu { .. } | SaturationOf::PodCpu => {
            let since = lasting(&one.shares, now, &rules.throttled)?;
            let while_it_lasts = || one.shares.iter().filter(move |(at, _)| *at >= since).map(|(_, share)| *share);
            Some(found(since, while_it_lasts().sum::<f64>() / while_it_lasts().count().max(1) as f64, None))
        }
        SaturationOf::Memory { .. } | SaturationOf::PodMemory => {
            Some(found(lasting(&one.shares, now, &rules.memory)?, last, None))
        }
        SaturationOf::Volume { .. } => match lasting(&one.shares, now, &rules.full) {
            Some(since) => Some(found(since, last, None)),
            None => {
                let since = lasting(&one.shares, now, &rules.filling)?;
                let left = left(&one.shares, now, rules).filter(|left| *left < rules.ahead)?;
                Some(found(since, last, Some(left)))
            }
        },
        SaturationOf::Autoscaler | SaturationOf::Quota => None,
    }
}

/// Nanoseconds until a volume is full, by the median slope of its last hours (Theil 1950, Sen 1968): a deletion or a
/// burst does not bend it. Nothing where it does not fill, or was not watched for as long as the trend is.
fn left(shares: &[(Timestamp, f64)], now: Timestamp, rules: &SaturationRules) -> Option<i64> {
    /// Values that the slope is made of: every one more doubles the work.
    const STEP: i64 = 10 * MINUTE;
    let from = now.plus(-rules.trend);
    let mut steps: Vec<(Timestamp, f64)> = Vec::new();
    for (at, share) in shares.iter().filter(|(at, _)| *at >= from) {
        if steps.last().is_none_or(|(last, _)| at.since(*last) >= STEP) {
            steps.push((*at, *share));
        }
    }
    let watched = steps.last()?.0.since(steps.first()?.0);
    if watched < rules.trend - 2 * STEP {
        return None;
    }
    let pairs = steps.iter().enumerate().flat_map(|(i, a)| steps[i + 1..].iter().map(move |b| (a, b)));
    let slopes: Vec<f64> = pairs.map(|(a, b)| (b.1 - a.1) / b.0.since(a.0) as f64).collect();
    let slope = median(&slopes).filter(|slope| *slope > 0.0)?;
    let left = (1.0 - shares.last()?.1).max(0.0) / slope;
    (left < 365.0 * DAY as f64).then_some(left as i64)
}

/// Shares of time that a container or a pod was held at its CPU limit: of the periods in which it wanted to run, those
/// in which it was held, each over the five minutes before it, as the alert has it. Both are given a second.
///
/// A container that hardly runs is now and then held in most of its few periods, which nobody notices: with fewer than
/// one period a second (a tenth of the time at the usual 100 ms) its share is 0.
pub fn throttled(periods: &[(Timestamp, f64)], held: &[(Timestamp, f64)]) -> Vec<(Timestamp, f64)> {
    const OVER: i64 = 5 * MINUTE;
    const LEAST: f64 = 1.0;
    let mean = |values: &[(Timestamp, f64)], at: Timestamp| {
        let near = values.iter().filter(|(other, _)| *other <= at && at.since(*other) < OVER);
        let (sum, count) = near.fold((0.0, 0), |(sum, count), (_, value)| (sum + value, count + 1));
        (count > 0).then(|| sum / f64::from(count))
    };
    let share = |at: Timestamp| {
        let (whole, part) = (mean(periods, at)?, mean(held, at)?);
        Some((at, if whole < LEAST { 0.0 } else { (part / whole).clamp(0.0, 1.0) }))
    };
    periods.iter().filter_map(|(at, _)| share(*at)).collect()
}
