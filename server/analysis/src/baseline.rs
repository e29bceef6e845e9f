//! What is compared with what: which minutes count, which are set apart and why, and what of the difference
//! hit every service or came with the callers' load.

use std::collections::{BTreeMap, BTreeSet};

use model::{Red, Sentence};

use crate::stats::median;
use crate::usual::{Usual, usual};
use crate::{Cell, DeployFacts, EndpointFacts, PastMinute, Rules};

/// Minutes in a day.
const DAY: i32 = 1_440;

/// One endpoint, or the service as the sum of them, with what counts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Kept {
    pub(crate) name: Option<String>,
    /// New pods past their warm-up.
    pub(crate) new: Vec<Cell>,
    /// Of those, minutes that can be held against the past.
    pub(crate) new_for_past: Vec<Cell>,
    /// Old pods beside them, without their last minute.
    pub(crate) old: Vec<Cell>,
    /// The hours before the deploy.
    pub(crate) recent: Vec<PastMinute>,
    /// The like time on earlier days.
    pub(crate) like: Vec<PastMinute>,
}

/// All that is decided before anything is compared.
#[derive(Debug, Clone, Default)]
pub(crate) struct Baseline {
    pub(crate) service: Kept,
    pub(crate) endpoints: Vec<Kept>,
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
pub(crate) fn baseline(facts: &DeployFacts, rules: &Rules) -> Baseline {
    let usual = usual(&facts.earlier, rules);
    let (loaded, load_sentence) = loaded_minutes(facts, rules);
    let mut warming = Red::default();
    let endpoints: Vec<Kept> =
        facts.endpoints.iter().map(|endpoint| keep(endpoint, facts, &usual, &loaded, &mut warming)).collect();
    let (common_errors, common_latency, peer_sentence) = common(facts, rules);
    let discounted = usual.sentence(&warming).into_iter().chain(load_sentence).chain(peer_sentence).collect();
    let any_requests = facts.endpoints.iter().any(|e| e.new.iter().any(|cell| cell.red.requests > 0.0));
    Baseline { service: sum(&endpoints), endpoints, common_errors, common_latency, discounted, any_requests }
}

fn keep(
    endpoint: &EndpointFacts,
    facts: &DeployFacts,
    usual: &Usual,
    loaded: &BTreeSet<i32>,
    warming: &mut Red,
) -> Kept {
    let pod = |cell: &Cell| facts.pods.get(cell.pod as usize);
    let mut new = Vec::with_capacity(endpoint.new.len());
    for cell in endpoint.new.iter().filter(|cell| cell.red.requests > 0.0) {
        let age = cell.minute - pod(cell).map_or(0, |pod| pod.first);
        if age < i32::from(usual.warm_up) { warming.merge(&cell.red) } else { new.push(cell.clone()) }
    }
    // A pod that is being ended answers its last requests badly: that is not its revision's rate.
    let ending = |cell: &Cell| pod(cell).and_then(|pod| pod.last).is_some_and(|last| cell.minute >= last);
    let old = endpoint.old.iter().filter(|cell| cell.red.requests > 0.0 && !ending(cell)).cloned().collect();
    let span = (new.iter().map(|c| c.minute).min().unwrap_or(0), new.iter().map(|c| c.minute).max().unwrap_or(0));
    let alike = |minute: i32| (span.0 - 30..=span.1 + 30).any(|at| (at - minute).rem_euclid(DAY) == 0);
    let past = endpoint.past.iter().filter(|minute| minute.minute < 0 && minute.red.requests > 0.0);
    let (recent, earlier): (Vec<_>, Vec<_>) = past.cloned().partition(|minute| minute.minute >= -DAY / 2);
    let like = earlier.into_iter().filter(|minute| alike(minute.minute)).collect();
    let new_for_past = new.iter().filter(|cell| !loaded.contains(&cell.minute)).cloned().collect();
    Kept { name: Some(endpoint.endpoint.clone()), new, new_for_past, old, recent, like }
}

/// The service is the sum of its endpoints, cell by cell.
fn sum(endpoints: &[Kept]) -> Kept {
    let cells = |of: fn(&Kept) -> &Vec<Cell>| -> Vec<Cell> {
        let keyed = endpoints.iter().flat_map(of).map(|cell| ((cell.minute, cell.pod), &cell.red));
        total(keyed).into_iter().map(|((minute, pod), red)| Cell { pod, minute, red }).collect()
    };
    let minutes = |of: fn(&Kept) -> &Vec<PastMinute>| -> Vec<PastMinute> {
        let keyed = endpoints.iter().flat_map(of).map(|minute| ((minute.minute, 0), &minute.red));
        total(keyed).into_iter().map(|((minute, _), red)| PastMinute { minute, red }).collect()
    };
    Kept {
        name: match endpoints {
            [only] => only.name.clone(),
            _ => None,
        },
        new: cells(|kept| &kept.new),
        new_for_past: cells(|kept| &kept.new_for_past),
        old: cells(|kept| &kept.old),
        recent: minutes(|kept| &kept.recent),
        like: minutes(|kept| &kept.like),
    }
}

fn total<'a>(cells: impl Iterator<Item = ((i32, u32), &'a Red)>) -> BTreeMap<(i32, u32), Red> {
    let mut sums: BTreeMap<(i32, u32), Red> = BTreeMap::new();
    for (key, red) in cells {
        sums.entry(key).or_default().merge(red);
    }
    sums
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

impl Kept {
    /// The side of the past: the recent hours, or the like time of earlier days where that was worse.
    pub(crate) fn base(&self, worse: impl Fn(&[PastMinute]) -> Option<f64>) -> (&[PastMinute], bool) {
        match (worse(&self.recent), worse(&self.like)) {
            (Some(recent), Some(like)) if like > recent => (&self.like, true),
            (None, Some(_)) => (&self.like, true),
            _ => (&self.recent, false),
        }
    }

    /// All minutes of the past, ascending.
    pub(crate) fn past(&self) -> impl Iterator<Item = &PastMinute> {
        self.like.iter().chain(&self.recent)
    }
}
