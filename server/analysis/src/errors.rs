//! Shares of requests that fail, on the service and on each endpoint. Errors come in clusters, so counts are
//! divided by how many times more they vary than independent ones would; what remains is tested exactly.

use std::collections::BTreeMap;

use model::{Against, Effect, Evidence, Outcome, Sentence, Side, Signal, Test, Unit as EffectUnit, Unjudged};

use crate::baseline::{Baseline, Kept, Served};
use crate::budget::{holm, spend};
use crate::compare::{self, Compared, Unit};
use crate::dispersion::CLUSTERED;
use crate::signal::{Looked, can_be_chance, number, percent, too_few, window};
use crate::stats::{
    binomial_tail, fisher, incomplete_beta, newcombe, normal_quantile, normal_tail, t_quantile, t_tail,
};
use crate::{DeployFacts, Rules};

/// Standard deviations that leave 1 % below: what *would have been seen* is seen 99 times of 100.
pub(crate) const CERTAIN: f64 = 2.326;
/// So many unflagged endpoints a signal are shown one by one, the nearest first.
pub(crate) const SHOWN: usize = 20;

struct Candidate {
    name: Option<String>,
    compared: Compared,
    /// How many times the old rate is expected anyway.
    common: f64,
    like: bool,
    /// Old pods since the deploy started.
    beside: (f64, f64),
    test: Test,
}

/// Looks at errors.
pub(crate) fn errors(baseline: &Baseline<'_>, facts: &DeployFacts, rules: &Rules) -> Looked {
    let alpha = spend(rules.alpha, Signal::Errors, facts.look);
    let single = baseline.endpoints.len() <= 1;
    let own = if single { alpha } else { alpha / 2.0 };
    let expected = standardised(baseline);
    let mut looked = Looked::default();
    let service = candidates(&baseline.service, baseline, expected, facts, rules);
    for candidate in &service {
        let threshold = own / service.len() as f64;
        let smallest = visible(candidate, &mut Cuts::at(threshold), rules);
        let evidence = evidence(candidate, (threshold, candidate.test.p <= threshold), false, smallest, facts, rules);
        let worth = worth(candidate, rules);
        // Judged well enough when whatever passes the gates would have passed the test.
        // And never where part of a rise was laid on something else.
        let excused = candidate.common > 1.05 || (candidate.compared.against == Against::Past && shared(candidate));
        let powered = !excused
            && smallest.is_some_and(|share| share <= worth)
            && candidate.compared.new.n * worth >= rules.error_count;
        looked.service(evidence, powered, smallest.map(|share| share.max(worth)));
    }
    if !single {
        // What old pods show as a whole, few of them on one endpoint may not.
        let alike = service.iter().any(|c| c.compared.against == Against::Past && shared(c));
        endpoints(baseline, facts, rules, (alpha / 2.0, alike), &mut looked);
    }
    looked
}

/// Endpoints that are named though they could not be judged.
const UNJUDGED: usize = 20;

fn endpoints(
    baseline: &Baseline<'_>,
    facts: &DeployFacts,
    rules: &Rules,
    (alpha, alike): (f64, bool),
    looked: &mut Looked,
) {
    let all: Vec<Vec<Candidate>> =
        baseline.endpoints.iter().map(|kept| candidates(kept, baseline, 1.0, facts, rules)).collect();
    // Whether an endpoint is tested is decided by sizes and its past alone, so that choosing costs nothing.
    let least = alpha / all.iter().map(Vec::len).sum::<usize>().max(1) as f64;
    let mut cuts = Cuts::at(least);
    let mut tested: Vec<(&Candidate, Option<f64>)> = Vec::new();
    for (at, candidates) in all.iter().enumerate() {
        let seen = candidates.iter().map(|candidate| (candidate, visible(candidate, &mut cuts, rules)));
        let strong: Vec<_> = seen.filter(|(_, share)| share.is_some_and(|share| share <= 0.5)).collect();
        let share = strong.iter().filter_map(|(_, share)| *share).reduce(f64::min);
        let requests: f64 = baseline.endpoints[at].new.iter().map(|cell| cell.red.requests).sum();
        let weak = strong.iter().all(|(c, share)| share.is_none_or(|share| share > worth(c, rules)));
        if weak && requests > 0.0 {
            let endpoint = baseline.endpoints[at].name.clone().unwrap_or_default();
            looked.unjudged.push(Unjudged { endpoint, requests, visible: share });
        }
        tested.extend(strong);
    }
    looked.unjudged.sort_by(|a, b| b.requests.total_cmp(&a.requests));
    looked.unjudged_in_all = looked.unjudged.len() as u32;
    looked.unjudged.truncate(UNJUDGED);
    let p: Vec<f64> = tested.iter().map(|(candidate, _)| candidate.test.p).collect();
    let mut rest = Vec::new();
    for ((candidate, share), result) in tested.iter().zip(holm(&p, alpha)) {
        if result.1 || p.len() <= SHOWN || candidate.test.p < 0.05 {
            let found = evidence(candidate, result, alike, share.map(|s| s.max(worth(candidate, rules))), facts, rules);
            if found.outcome == Outcome::Flagged { looked.evidence.push(found) } else { rest.push(found) }
        }
    }
    looked.rest(rest, p.len());
}

/// Errors of requests, cell by cell.
pub(crate) fn units<'k, 'a: 'k>(served: impl IntoIterator<Item = &'k Served<'a>>) -> Vec<Unit> {
    let unit = |served: &Served<'_>| Unit { minute: served.minute, x: served.red.errors, n: served.red.requests };
    served.into_iter().map(unit).collect()
}

/// How many times the service's old share its new mix of endpoints is expected to have, at least 1 (indirect
/// standardisation): callers who ask more for what fails more are not the deploy's doing.
fn standardised(baseline: &Baseline<'_>) -> f64 {
    let (mut expected, mut requests) = (0.0, 0.0);
    for kept in &baseline.endpoints {
        let Some(before) = kept.before else { continue };
        let asked: f64 = kept.new_for_past().map(|cell| cell.red.requests).sum();
        expected += asked * before.failing.tally.mean();
        requests += asked;
    }
    match baseline.service.before.map(|before| before.failing.tally.mean()) {
        Some(old) if old > 0.0 && requests > 0.0 => (expected / requests / old).max(1.0),
        _ => 1.0,
    }
}

fn candidates(
    kept: &Kept<'_>,
    baseline: &Baseline<'_>,
    mix: f64,
    facts: &DeployFacts,
    rules: &Rules,
) -> Vec<Candidate> {
    let variance = |p: f64| p * (1.0 - p);
    let new = units(&kept.new);
    if new.is_empty() {
        return Vec::new();
    }
    let for_past = units(kept.new_for_past());
    let minutes = |units: &[Unit]| {
        let span = compare::Tally::of(units).span;
        span.1.saturating_sub(span.0).saturating_add(1)
    };
    let floor = facts.weight.max(1.0);
    let of = |length| kept.before.and_then(|before| before.failing_varies(length));
    let beside = compare::beside(&new, &units(&kept.old), &variance, of(1), floor, rules);
    let base = kept.before.filter(|_| !for_past.is_empty()).map(|before| before.failing);
    let like = base.is_some_and(|base| base.like);
    let against = base
        .and_then(|base| compare::with_past(&for_past, base.tally, &variance, of(minutes(&for_past)), floor, rules));
    let common = baseline.common_errors * mix;
    let least = against.map_or(0.0, |past| past.information / 20.0);
    // A glimpse of old pods beside hours of the past would only take half the budget.
    let beside = beside.filter(|beside| beside.information >= least.max(10.0)).map(|compared| (compared, 1.0, false));
    let against = against.map(|compared| (compared, common, like));
    let running = kept.old.iter().fold((0.0, 0.0), |sum, cell| (sum.0 + cell.red.errors, sum.1 + cell.red.requests));
    let make = |(compared, common, like)| {
        let test = test(&compared, common);
        Candidate { name: kept.name.clone(), compared, common, like, beside: running, test }
    };
    beside.into_iter().chain(against).map(make).collect()
}

/// One-sided p of the new side failing more. Given how many fail in all, how many of them are new is binomial with
/// the new side's share of what is expected (Przyborowski & Wilenski 1940), exactly so for rare errors; strata of
/// minutes only narrow that (Hoeffding 1956). Counts are divided by their dispersion first (quasi-likelihood,
/// Wedderburn 1974), and the doubt about the dispersion makes the normal score a t score. With few cells: Fisher's
/// exact test on counts divided by the historic dispersion.
pub(crate) fn test(compared: &Compared, common: f64) -> Test {
    let (new, old) = (compared.new, compared.old);
    let dispersion = compared.dispersion;
    let (p, name) = tail(compared, common, new.x, dispersion.factor);
    let score = normal_quantile(p);
    let p = if dispersion.freedom.is_finite() { t_tail(score, dispersion.freedom).max(p) } else { p };
    // Where the new side is not worse there is nothing to test.
    let p = if new.mean() <= old.mean() * common { 1.0 } else { p };
    Test {
        name: name.into(),
        statistic: score,
        freedom: dispersion.freedom.is_finite().then_some(dispersion.freedom),
        p,
        threshold: 0.0,
        dispersion: dispersion.factor,
    }
}

fn tail(compared: &Compared, common: f64, errors: f64, factor: f64) -> (f64, &'static str) {
    let (new, old) = (compared.new, compared.old);
    let all = new.x + old.x;
    // The new side's share of what would fail if both were alike, weighted by what is expected anyway.
    let share = if all > 0.0 { compared.expected / all } else { new.n / (new.n + old.n) };
    let share = if compared.against == Against::Past { new.n / (new.n + old.n) } else { share };
    let odds = share / (1.0 - share).max(1e-12) * common;
    let share = (odds / (1.0 + odds)).clamp(1e-12, 1.0 - 1e-12);
    if errors <= (errors + old.x) * share {
        return (0.5, "not worse");
    }
    // Clusters of uneven size have a longer tail than as many clusters of one size: gamma rates, so the new side's
    // part of all is beta. Asked only where there are clusters.
    let clustered = if factor > CLUSTERED {
        let all = (errors + old.x) / factor;
        incomplete_beta(all * (1.0 - share), all * share, old.x / (errors + old.x))
    } else {
        0.0
    };
    let (p, name) = exact(compared, errors, factor, share);
    let (p, episodes) = (p.max(clustered), compared.by_episodes(errors, common));
    if episodes > p { (episodes, "Exact binomial on episodes like the past's") } else { (p, name) }
}

fn exact(compared: &Compared, errors: f64, factor: f64, share: f64) -> (f64, &'static str) {
    let (new, old) = (compared.new, compared.old);
    if compared.by_cells {
        let mean = (errors + old.x) / (new.n + old.n);
        let factor = factor * (1.0 - mean).max(0.05);
        (
            binomial_tail(errors / factor, (errors + old.x) / factor, share),
            "Exact binomial on effective counts, variance from cells",
        )
    } else {
        let size = new.n * (1.0 - share) / share;
        (
            fisher(errors / factor, new.n / factor, old.x / factor, size / factor),
            "Fisher's exact test on counts by historic dispersion",
        )
    }
}

/// What passes the gates, as a share.
fn worth(candidate: &Candidate, rules: &Rules) -> f64 {
    let old = candidate.compared.old.mean() * candidate.common;
    (old + rules.error_rise).max(old * rules.error_ratio)
}

/// What a normal tail has to come down to so that the t tail of the same score is at most `alpha`, by freedom: one
/// search for all endpoints of as many cells.
struct Cuts {
    alpha: f64,
    known: BTreeMap<u64, f64>,
}

impl Cuts {
    fn at(alpha: f64) -> Self {
        Self { alpha, known: BTreeMap::new() }
    }

    fn of(&mut self, freedom: f64) -> f64 {
        let alpha = self.alpha;
        *self.known.entry(freedom.to_bits()).or_insert_with(|| normal_tail(t_quantile(alpha, freedom)))
    }
}

/// The smallest share of failures that would have been found with 99 % certainty, by bisection over the test itself.
fn visible(candidate: &Candidate, cuts: &mut Cuts, rules: &Rules) -> Option<f64> {
    let compared = &candidate.compared;
    let cut = cuts.of(compared.dispersion.freedom);
    let (new, old, dispersion) = (compared.new, compared.old, compared.dispersion);
    let base = (old.mean() * candidate.common).min(1.0);
    let found = |p: f64| {
        let errors = new.n * p - CERTAIN * (new.n * p * (1.0 - p) * dispersion.factor).sqrt();
        tail(compared, candidate.common, errors.max(0.0), dispersion.factor).0 <= cut && errors > new.n * base
    };
    if new.n < rules.error_count || !found(1.0) {
        return None;
    }
    let (mut low, mut high) = (base, 1.0);
    for _ in 0..14 {
        let middle = 0.5 * (low + high);
        if found(middle) { high = middle } else { low = middle }
    }
    Some(high)
}

fn evidence(
    candidate: &Candidate,
    (threshold, significant): (f64, bool),
    alike: bool,
    smallest: Option<f64>,
    facts: &DeployFacts,
    rules: &Rules,
) -> Evidence {
    let Compared { new, old, dispersion, against, .. } = candidate.compared;
    let (now, then) = (new.mean(), old.mean());
    let expected = then * candidate.common;
    let sides_failed_alike = against == Against::Past && (alike || shared(candidate));
    let reason = if now <= expected {
        Err(if candidate.common > 1.05 && now > then { "no more than what was discounted" } else { "not worse" }.into())
    } else if new.x < rules.error_count {
        Err(too_few(new.x, "error", rules))
    } else if now - expected < rules.error_rise {
        Err(format!("{} more is less than half a point", percent(now - expected)))
    } else if now < expected * rules.error_ratio {
        Err(format!("{:.2} times as many is less than {} times", now / expected, rules.error_ratio))
    } else if !significant {
        Err(can_be_chance(candidate.test.p, threshold))
    } else if sides_failed_alike {
        Err("old pods failed alike in the same minutes".into())
    } else {
        Ok(format!("{} of {} fail, {} of {} before", number(new.x), number(new.n), number(old.x), number(old.n)))
    };
    let effective = dispersion.factor;
    let interval = newcombe(new.x / effective, new.n / effective, old.x / effective, old.n / effective);
    Evidence {
        signal: Signal::Errors,
        endpoint: candidate.name.clone(),
        subject: None,
        outcome: if reason.is_ok() { Outcome::Flagged } else { Outcome::NotFlagged },
        why: Sentence::plain(match reason {
            Ok(text) | Err(text) => text,
        }),
        against,
        old: Some(side(&old, old_name(candidate.like, facts), facts)),
        new: side(&new, facts.deploy.to_name.clone(), facts),
        effect: Some(Effect {
            unit: EffectUnit::Share,
            difference: now - then,
            ratio: (then > 0.0).then(|| now / then),
            interval: Some(interval),
            method: "Newcombe on effective counts".into(),
            smallest: smallest.map(|share| share - then),
        }),
        test: Some(Test { threshold, ..candidate.test.clone() }),
    }
}

/// Whether old pods show at least half of the rise against the past as well, since the deploy started and with
/// enough requests to have shown it: then it is not the new revision's.
fn shared(candidate: &Candidate) -> bool {
    let then = candidate.compared.old.mean();
    let rise = candidate.compared.new.mean() - then;
    let (errors, requests) = candidate.beside;
    requests * rise >= 5.0 && errors / requests - then >= rise / 2.0
}

/// What the old side is called; `like` where it is the like time of earlier days.
pub(crate) fn old_name(like: bool, facts: &DeployFacts) -> String {
    if like {
        return "this time on earlier days".into();
    }
    facts.deploy.from_name.clone().unwrap_or_else(|| "before".into())
}

/// A side of a comparison of errors.
pub(crate) fn side(tally: &compare::Tally, name: String, facts: &DeployFacts) -> Side {
    Side {
        name,
        window: window(facts, tally.span),
        numerator: tally.x,
        denominator: tally.n,
        value: (tally.n > 0.0).then(|| tally.mean()),
        cells: tally.cells,
    }
}
