//! What is compared with what: which minutes count, which are set apart and why, and what of the difference
//! hit every service or came with the callers' load.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use model::{Histogram, Red, Sentence};

use crate::stats::median;
use crate::usual::{Usual, usual};
use crate::{Cell, DeployFacts, EndpointFacts, PastMinute, Rules};

/// Minutes in a day.
const DAY: i32 = 1_440;

/// What was served in a minute: by a pod, or by all of them in the past. An endpoint's is the facts' own.
#[derive(Debug, Clone)]
pub(crate) struct Served<'a> {
    pub(crate) pod: u32,
    pub(crate) minute: i32,
    pub(crate) red: Cow<'a, Red>,
}

impl<'a> Served<'a> {
    fn by_pod(cell: &'a Cell) -> Self {
        Self { pod: cell.pod, minute: cell.minute, red: Cow::Borrowed(&cell.red) }
    }

    fn before(past: &'a PastMinute) -> Self {
        Self { pod: 0, minute: past.minute, red: Cow::Borrowed(&past.red) }
    }
}

/// One endpoint, or the service as the sum of them, with what counts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Kept<'a> {
    pub(crate) name: Option<String>,
    /// New pods past their warm-up.
    pub(crate) new: Vec<Served<'a>>,
    /// Of those, minutes that can be held against the past.
    pub(crate) new_for_past: Vec<Served<'a>>,
    /// Old pods beside them, without their last minute.
    pub(crate) old: Vec<Served<'a>>,
    /// The hours before the deploy.
    pub(crate) recent: Vec<Served<'a>>,
    /// The like time on earlier days.
    pub(crate) like: Vec<Served<'a>>,
}

/// All that is decided before anything is compared.
#[derive(Debug, Clone, Default)]
pub(crate) struct Baseline<'a> {
    pub(crate) service: Kept<'a>,
    pub(crate) endpoints: Vec<Kept<'a>>,
    /// How many times their errors all other services have: expected of this one as well.
    pub(crate) common_errors: f64,
    /// All other services got slower at once.
    pub(crate) common_latency: bool,
    /// What was set apart.
    pub(crate) discounted: Vec<Sentence>,
    /// Nothing of the old revision is retained or counted.
    pub(crate) any_requests: bool,
}

/// Decides it.
pub(crate) fn baseline<'a>(facts: &'a DeployFacts, rules: &Rules) -> Baseline<'a> {
    let usual = usual(&facts.earlier, rules);
    let (loaded, load_sentence) = loaded_minutes(facts, rules);
    let mut warming = Red::default();
    let endpoints: Vec<Kept<'_>> =
        facts.endpoints.iter().map(|endpoint| keep(endpoint, facts, &usual, &loaded, &mut warming)).collect();
    let (common_errors, common_latency, peer_sentence) = common(facts, rules);
    let discounted = usual.sentence(&warming).into_iter().chain(load_sentence).chain(peer_sentence).collect();
    let any_requests = facts.endpoints.iter().any(|e| e.new.iter().any(|cell| cell.red.requests > 0.0));
    Baseline { service: sum(&endpoints, &loaded), endpoints, common_errors, common_latency, discounted, any_requests }
}

fn keep<'a>(
    endpoint: &'a EndpointFacts,
    facts: &DeployFacts,
    usual: &Usual,
    loaded: &BTreeSet<i32>,
    warming: &mut Red,
) -> Kept<'a> {
    let pod = |cell: &Cell| facts.pods.get(cell.pod as usize);
    let mut new = Vec::with_capacity(endpoint.new.len());
    for cell in endpoint.new.iter().filter(|cell| cell.red.requests > 0.0) {
        let age = cell.minute - pod(cell).map_or(0, |pod| pod.first);
        if age < i32::from(usual.warm_up) { warming.merge(&cell.red) } else { new.push(Served::by_pod(cell)) }
    }
    // A pod that is being ended answers its last requests badly: that is not its revision's rate.
    let ending = |cell: &Cell| pod(cell).and_then(|pod| pod.last).is_some_and(|last| cell.minute >= last);
    let old = endpoint.old.iter().filter(|cell| cell.red.requests > 0.0 && !ending(cell)).map(Served::by_pod).collect();
    let span = (new.iter().map(|c| c.minute).min().unwrap_or(0), new.iter().map(|c| c.minute).max().unwrap_or(0));
    // Whether a whole number of days lies between it and some minute of the span, half an hour more on both sides.
    let alike = |minute: i32| (minute - span.0 + 30).rem_euclid(DAY) <= span.1 - span.0 + 60;
    let past = endpoint.past.iter().filter(|minute| minute.minute < 0 && minute.red.requests > 0.0);
    let (recent, earlier): (Vec<_>, Vec<_>) = past.map(Served::before).partition(|minute| minute.minute >= -DAY / 2);
    let like = earlier.into_iter().filter(|minute| alike(minute.minute)).collect();
    let new_for_past = new.iter().filter(|cell| !loaded.contains(&cell.minute)).cloned().collect();
    Kept { name: Some(endpoint.endpoint.clone()), new, new_for_past, old, recent, like }
}

/// The service is the sum of its endpoints, cell by cell.
fn sum<'a>(endpoints: &[Kept<'a>], loaded: &BTreeSet<i32>) -> Kept<'a> {
    let new = total(endpoints.iter().flat_map(|kept| &kept.new));
    Kept {
        name: match endpoints {
            [only] => only.name.clone(),
            _ => None,
        },
        new_for_past: new.iter().filter(|served| !loaded.contains(&served.minute)).cloned().collect(),
        new,
        old: total(endpoints.iter().flat_map(|kept| &kept.old)),
        recent: total(endpoints.iter().flat_map(|kept| &kept.recent)),
        like: total(endpoints.iter().flat_map(|kept| &kept.like)),
    }
}

/// Sums by minute and pod. Durations are added up by bucket in a table: with many endpoints, most of the work is here.
fn total<'k, 'a: 'k>(all: impl Iterator<Item = &'k Served<'a>>) -> Vec<Served<'a>> {
    let mut sums: BTreeMap<(i32, u32), (Red, Vec<f32>)> = BTreeMap::new();
    for served in all {
        let (sum, counts) = sums.entry((served.minute, served.pod)).or_default();
        let red = &*served.red;
        sum.requests += red.requests;
        sum.errors += red.errors;
        let most = red.histogram.buckets.last().map_or(0, |(bucket, _)| usize::from(*bucket) + 1);
        if counts.len() < most {
            counts.resize(most, 0.0);
        }
        red.histogram.buckets.iter().for_each(|(bucket, count)| counts[usize::from(*bucket)] += count);
    }
    let served = |((minute, pod), (sum, counts)): ((i32, u32), (Red, Vec<f32>))| {
        let buckets = (0_u16..).zip(counts).filter(|(_, count)| *count > 0.0).collect();
        Served { pod, minute, red: Cow::Owned(Red { histogram: Histogram { buckets }, ..sum }) }
    };
    sums.into_iter().map(served).collect()
}

/// Requests and errors by minute, all endpoints and pods.
fn by_minute<'a>(cells: impl Iterator<Item = (i32, &'a Red)>) -> BTreeMap<i32, (f64, f64)> {
    let mut sums: BTreeMap<i32, (f64, f64)> = BTreeMap::new();
    for (minute, red) in cells {
        let sum = sums.entry(minute).or_default();
        sum.0 += red.requests;
        sum.1 += red.errors;
    }
    sums
}

/// Minutes in which callers asked for more than the past has seen: these say nothing against the past. More
/// requests because requests fail (clients try again, mostly up to three times) are the failures' doing, and stay.
fn loaded_minutes(facts: &DeployFacts, rules: &Rules) -> (BTreeSet<i32>, Option<Sentence>) {
    let past = by_minute(facts.endpoints.iter().flat_map(|e| e.past.iter().map(|m| (m.minute, &m.red))));
    let mut loads: Vec<f64> = past.values().map(|(requests, _)| *requests).collect();
    loads.sort_unstable_by(f64::total_cmp);
    let Some(middle) = median(&loads).filter(|middle| loads.len() >= 20 && *middle > 0.0) else {
        return (BTreeSet::new(), None);
    };
    let most = loads[(loads.len() - 1) * 98 / 100] * rules.load_ratio;
    let now = by_minute(facts.endpoints.iter().flat_map(|e| e.new.iter().chain(&e.old).map(|c| (c.minute, &c.red))));
    let loaded: BTreeSet<i32> = now
        .iter()
        .filter(|(_, (requests, errors))| {
            let retries = 3.0 * errors / requests.max(1.0);
            // A few requests more a minute are chance.
            *requests > most + 5.0 && requests / middle - 1.0 > retries
        })
        .map(|(minute, _)| *minute)
        .collect();
    let asked: f64 = loaded.iter().map(|minute| now[minute].0).sum::<f64>() / loaded.len().max(1) as f64;
    let sentence = (!loaded.is_empty()).then(|| {
        Sentence::plain("Came with the callers' load, so not held against the past: ")
            .strong(format!("{} of {} min", loaded.len(), now.len()))
            .text(format!(" with {:.1} times the usual requests", asked / middle))
    });
    (loaded, sentence)
}

/// What happened to all services at once: more than half of the others, and at least three of them, got worse by
/// the same gates.
fn common(facts: &DeployFacts, rules: &Rules) -> (f64, bool, Option<Sentence>) {
    let seen: Vec<_> = facts.peers.iter().filter(|p| p.before.requests >= 50.0 && p.now.requests >= 50.0).collect();
    let rate = |red: &Red| (red.errors + 0.5) / (red.requests + 1.0);
    let ratios: Vec<f64> = seen.iter().map(|peer| rate(&peer.now) / rate(&peer.before)).collect();
    let failing = seen.iter().filter(|peer| {
        let (now, before) = (rate(&peer.now), rate(&peer.before));
        now - before >= rules.error_rise && now >= rules.error_ratio * before
    });
    let slower = seen.iter().filter(|peer| {
        let middle = |red: &Red| red.histogram.quantile(0.5).unwrap_or(0.0);
        let (now, before) = (middle(&peer.now), middle(&peer.before));
        now - before >= rules.latency_nanos && now >= (1.0 + rules.latency_rise) * before
    });
    let (failing, slower) = (failing.count(), slower.count());
    let most = |count: usize| count >= rules.least_peers && 2 * count > seen.len();
    let factor = if most(failing) { median(&ratios).unwrap_or(1.0).max(1.0) } else { 1.0 };
    let what = match (most(failing), most(slower)) {
        (true, _) => format!("{failing} of {} other services fail more at the same time", seen.len()),
        (_, true) => format!("{slower} of {} other services are slower at the same time", seen.len()),
        _ => return (1.0, false, None),
    };
    (factor, most(slower), Some(Sentence::plain("Not this deploy's alone, so discounted: ").strong(what)))
}

impl<'a> Kept<'a> {
    /// The side of the past: the recent hours, or the like time of earlier days where that was worse.
    pub(crate) fn base(&self, worse: impl Fn(&[Served<'a>]) -> Option<f64>) -> (&[Served<'a>], bool) {
        if self.like.is_empty() {
            return (&self.recent, false);
        }
        match (worse(&self.recent), worse(&self.like)) {
            (Some(recent), Some(like)) if like > recent => (&self.like, true),
            (None, Some(_)) => (&self.like, true),
            _ => (&self.recent, false),
        }
    }

    /// All minutes of the past, ascending.
    pub(crate) fn past(&self) -> impl Iterator<Item = &Served<'a>> {
        self.like.iter().chain(&self.recent)
    }
}
