//! What is compared with what: which minutes count, which are set apart and why, and what of the difference
//! hit every service or came with the callers' load.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use model::{Histogram, Red, Sentence};

use crate::past::Before;
use crate::stats::median;
use crate::usual::{Usual, usual};
use crate::{Cell, DeployFacts, EndpointFacts, Past, Rules};

/// What a pod served in a minute. An endpoint's is the facts' own.
#[derive(Debug, Clone)]
pub(crate) struct Served<'a> {
    pub(crate) pod: u32,
    pub(crate) minute: i32,
    pub(crate) red: Cow<'a, Red>,
    /// Callers asked for more than the past has seen: it says nothing against the past.
    is_loaded: bool,
}

impl<'a> Served<'a> {
    fn by_pod(cell: &'a Cell, loaded: &BTreeSet<i32>) -> Self {
        let is_loaded = loaded.contains(&cell.minute);
        Self { pod: cell.pod, minute: cell.minute, red: Cow::Borrowed(&cell.red), is_loaded }
    }
}

/// One endpoint, or the service as the sum of them, with what counts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Kept<'a> {
    pub(crate) name: Option<String>,
    /// New pods past their warm-up.
    pub(crate) new: Vec<Served<'a>>,
    /// Old pods beside them, without their last minute.
    pub(crate) old: Vec<Served<'a>>,
    /// Before the deploy; nothing where there were no requests.
    pub(crate) before: Option<&'a Before>,
}

impl<'a> Kept<'a> {
    /// Of the new pods, what can be held against the past.
    pub(crate) fn new_for_past(&self) -> impl Iterator<Item = &Served<'a>> {
        self.new.iter().filter(|served| !served.is_loaded)
    }
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
    Baseline {
        service: sum(&endpoints, &facts.past, &loaded),
        endpoints,
        common_errors,
        common_latency,
        discounted,
        any_requests,
    }
}

fn keep<'a>(
    endpoint: &'a EndpointFacts,
    facts: &'a DeployFacts,
    usual: &Usual,
    loaded: &BTreeSet<i32>,
    warming: &mut Red,
) -> Kept<'a> {
    let pod = |cell: &Cell| facts.pods.get(cell.pod as usize);
    let mut new = Vec::with_capacity(endpoint.new.len());
    for cell in endpoint.new.iter().filter(|cell| cell.red.requests > 0.0) {
        let age = cell.minute - pod(cell).map_or(0, |pod| pod.first);
        if age < i32::from(usual.warm_up) { warming.merge(&cell.red) } else { new.push(Served::by_pod(cell, loaded)) }
    }
    // A pod that is being ended answers its last requests badly: that is not its revision's rate.
    let ending = |cell: &Cell| pod(cell).and_then(|pod| pod.last).is_some_and(|last| cell.minute >= last);
    let old = endpoint
        .old
        .iter()
        .filter(|cell| cell.red.requests > 0.0 && !ending(cell))
        .map(|cell| Served::by_pod(cell, loaded))
        .collect();
    Kept { name: Some(endpoint.endpoint.clone()), new, old, before: facts.past.endpoint(&endpoint.endpoint) }
}

/// The service is the sum of its endpoints, cell by cell.
fn sum<'a>(endpoints: &[Kept<'a>], past: &'a Past, loaded: &BTreeSet<i32>) -> Kept<'a> {
    Kept {
        name: match endpoints {
            [only] => only.name.clone(),
            _ => None,
        },
        new: total(endpoints.iter().flat_map(|kept| &kept.new), loaded),
        old: total(endpoints.iter().flat_map(|kept| &kept.old), loaded),
        before: Some(past.service()).filter(|_| !past.is_empty()),
    }
}

/// Sums by minute and pod. Durations are added up by bucket in a table: with many endpoints, most of the work is here.
fn total<'k, 'a: 'k>(all: impl Iterator<Item = &'k Served<'a>>, loaded: &BTreeSet<i32>) -> Vec<Served<'a>> {
    let mut sums: BTreeMap<(i32, u32), (Red, Vec<f32>)> = BTreeMap::new();
    for Served { minute, pod, red, .. } in all {
        let (sum, counts) = sums.entry((*minute, *pod)).or_default();
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
        let red = Cow::Owned(Red { histogram: Histogram { buckets }, ..sum });
        Served { pod, minute, red, is_loaded: loaded.contains(&minute) }
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
    let Some((middle, most)) = facts.past.loads() else { return (BTreeSet::new(), None) };
    let most = most * rules.load_ratio;
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
