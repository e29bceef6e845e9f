//! A rollback is asked whether it is better than the revision that it replaced: the tests that others are asked whether
//! they are worse by, with the sides the other way round. Neither what all services share nor the mix of endpoints is
//! taken out, so nothing is said of what made it better. Everything else is held against the time before that revision.

use model::{
    Against, Deploy, Effect, Evidence, Outcome, Sentence, Side, Signal, Test, Unit as EffectUnit, duration_text,
};

use crate::baseline::{Baseline, Kept};
use crate::budget::{holm, spend};
use crate::compare::{self, Compared, Tally};
use crate::errors::{self, side, units};
use crate::latency;
use crate::past::Before;
use crate::ranks::Counts;
use crate::signal::{number, percent};
use crate::{DeployFacts, Rules, first};

/// What got better than it was on the revision that a rollback replaced, the service before its endpoints; nothing of
/// any other deploy.
pub(crate) fn recovery(baseline: &Baseline<'_>, facts: &DeployFacts, rules: &Rules) -> Vec<Evidence> {
    if !facts.deploy.rollback || facts.replaced.is_empty() {
        return Vec::new();
    }
    let endpoints = if baseline.endpoints.len() > 1 { baseline.endpoints.as_slice() } else { &[] };
    let named = endpoints.iter().filter_map(|kept| Some((kept, facts.replaced.endpoint(kept.name.as_deref()?)?)));
    let sides: Vec<(&Kept<'_>, &Before)> =
        [(&baseline.service, facts.replaced.service())].into_iter().chain(named).collect();
    let mut found = better(Signal::Errors, sides.iter().filter_map(|side| failing(*side, facts, rules)), facts, rules);
    found.extend(better(Signal::Latency, sides.iter().filter_map(|side| slow(*side, facts, rules)), facts, rules));
    found
}

/// Of the comparisons of a signal those that pass together and fell by enough to count: which are tested is not chosen by
/// what they show.
fn better(
    signal: Signal,
    compared: impl Iterator<Item = (Evidence, bool)>,
    facts: &DeployFacts,
    rules: &Rules,
) -> Vec<Evidence> {
    let all: Vec<(Evidence, bool)> = compared.collect();
    let p: Vec<f64> = all.iter().map(|(evidence, _)| evidence.test.as_ref().map_or(1.0, |test| test.p)).collect();
    let results = holm(&p, spend(rules.alpha, signal, facts.look));
    let passed = all.into_iter().zip(results).filter(|((_, counts), (_, passed))| *counts && *passed);
    passed
        .map(|((mut evidence, _), (threshold, _))| {
            evidence.test.iter_mut().for_each(|test| test.threshold = threshold);
            evidence
        })
        .collect()
}

/// Errors on both sides, and whether they fell by what would have been called a rise.
fn failing((kept, before): (&Kept<'_>, &Before), facts: &DeployFacts, rules: &Rules) -> Option<(Evidence, bool)> {
    let new = units(kept.new_for_past());
    let varies = before.failing_varies(minutes(&new));
    let floor = facts.weight.max(1.0);
    let compared = compare::with_past(&new, before.failing.tally, &|p| p * (1.0 - p), varies, floor, rules)?;
    let (now, then) = (compared.new.mean(), compared.old.mean());
    let counts =
        compared.old.x >= rules.error_count && then - now >= rules.error_rise && then >= now * rules.error_ratio;
    let effect = Effect {
        unit: EffectUnit::Share,
        difference: now - then,
        ratio: (then > 0.0).then(|| now / then),
        interval: None,
        method: "Shares of both sides".into(),
        smallest: None,
    };
    let of = |tally: &Tally| format!("{} of {}", number(tally.x), number(tally.n));
    let why = format!("{} fail, {} on the revision it replaced", of(&compared.new), of(&compared.old));
    let sides =
        [side(&compared.old, replaced(&facts.deploy), facts), side(&compared.new, facts.deploy.to_name.clone(), facts)];
    Some((evidence(Signal::Errors, kept, why, sides, effect, errors::test(&reversed(compared), 1.0)), counts))
}

/// Durations on both sides, and whether they fell by what would have been called a rise.
fn slow((kept, before): (&Kept<'_>, &Before), facts: &DeployFacts, rules: &Rules) -> Option<(Evidence, bool)> {
    let new: Vec<_> = kept.new_for_past().map(|served| before.ranks.unit(served.minute, &served.red)).collect();
    let varies = before.slow_varies(minutes(&new));
    let floor = facts.weight.max(1.0);
    let compared = compare::with_past(&new, before.slow.tally, &|_| before.variance, varies, floor, rules)?;
    let durations = Counts::of(kept.new_for_past().map(|served| &*served.red));
    if durations.total.min(before.counts.total) < latency::LEAST {
        return None;
    }
    let at = |q: f64, unit: EffectUnit| (before.counts.quantile(q), durations.quantile(q), unit);
    let passes = |(then, now, _): &(f64, f64, EffectUnit)| {
        then - now >= rules.latency_nanos && *then >= now * (1.0 + rules.latency_rise)
    };
    let (median, tail) = (at(0.5, EffectUnit::Median), at(0.95, EffectUnit::P95));
    let (then, now, unit) = if !passes(&median) && passes(&tail) { tail } else { median };
    let counts = passes(&(then, now, unit));
    let effect = Effect {
        unit,
        difference: now - then,
        ratio: (then > 0.0).then(|| now / then),
        interval: None,
        method: "Quantiles of both sides".into(),
        smallest: None,
    };
    let named = if unit == EffectUnit::P95 { "p95" } else { "median" };
    let why = format!("{named} {}, {} on the revision it replaced", duration_text(now), duration_text(then));
    let side = |tally: &Tally, name: String, value: f64| Side {
        numerator: tally.n,
        value: Some(value),
        ..side(tally, name, facts)
    };
    let sides =
        [side(&compared.old, replaced(&facts.deploy), then), side(&compared.new, facts.deploy.to_name.clone(), now)];
    let (score, p) = latency::score(&reversed(compared), before.variance);
    let test = latency::test(score, p, &compared.dispersion);
    Some((evidence(Signal::Latency, kept, why, sides, effect, test), counts))
}

/// Minutes from the first to the last.
fn minutes(units: &[compare::Unit]) -> i32 {
    let (first, last) = Tally::of(units).span;
    last.saturating_sub(first).saturating_add(1)
}

/// The replaced revision as the side that is asked about. What it varied by is known of the whole comparison; of its
/// episodes nothing is, once they are what is asked about.
fn reversed(compared: Compared) -> Compared {
    let Compared { new, old, mut dispersion, .. } = compared;
    dispersion.episodes = None;
    Compared { new: old, old: new, expected: old.n * new.mean(), dispersion, ..compared }
}

/// What the revision that was replaced is called.
fn replaced(deploy: &Deploy) -> String {
    deploy.from_name.clone().unwrap_or_else(|| "before".into())
}

fn evidence(
    signal: Signal,
    kept: &Kept<'_>,
    why: String,
    [old, new]: [Side; 2],
    effect: Effect,
    test: Test,
) -> Evidence {
    Evidence {
        signal,
        endpoint: kept.name.clone(),
        subject: None,
        outcome: Outcome::Better,
        why: Sentence::plain(why),
        against: Against::Past,
        old: Some(old),
        new,
        effect: Some(effect),
        test: Some(test),
    }
}

/// Whether what got better says that all is well, though what else there is to compare with tells too little: errors can
/// be judged, are better, or would have shown were as many as a first revision may not have; there are not as many, on no
/// endpoint; and nothing is as much worse as would be called were it sure.
pub(crate) fn is_enough(
    evidence: &[Evidence],
    baseline: &Baseline<'_>,
    can_judge_errors: bool,
    facts: &DeployFacts,
    rules: &Rules,
) -> bool {
    let better = || evidence.iter().filter(|evidence| evidence.outcome == Outcome::Better);
    let knows_errors = || {
        can_judge_errors
            || better().any(|evidence| evidence.signal == Signal::Errors)
            || first::would_show(baseline, facts, rules)
    };
    let fails = |kept: &Kept<'_>| {
        let tally = Tally::of(&units(&kept.new));
        tally.mean() >= rules.first_share && (kept.name.is_none() || tally.x >= 3.0)
    };
    better().next().is_some()
        && knows_errors()
        && ![&baseline.service].into_iter().chain(&baseline.endpoints).any(fails)
        && !evidence.iter().any(|evidence| may_be_worse(evidence, rules))
}

/// Whether errors or durations are above the gates, though it can be chance.
fn may_be_worse(evidence: &Evidence, rules: &Rules) -> bool {
    let old = evidence.old.as_ref().and_then(|old| old.value);
    let Some((now, then)) = evidence.new.value.zip(old) else { return false };
    match evidence.signal {
        Signal::Errors => {
            let is_seen = evidence.new.numerator >= rules.error_count;
            is_seen && now - then >= rules.error_rise && now >= then * rules.error_ratio
        }
        Signal::Latency => now - then >= rules.latency_nanos && now >= then * (1.0 + rules.latency_rise),
        _ => false,
    }
}

/// The share in which requests fail, or what they take, on both sides.
pub(crate) fn sentence(evidence: &[Evidence], deploy: &Deploy) -> Sentence {
    let to = || Sentence::default().strong(deploy.to_name.clone());
    let best = evidence.iter().find(|evidence| evidence.outcome == Outcome::Better);
    let values = best.and_then(|best| Some((best, best.new.value?, best.old.as_ref()?.value?)));
    let Some((best, now, then)) = values else { return to().text(" is as good as it was") };
    let on = format!(" on {}", replaced(deploy));
    let sentence = Sentence::plain("Better with ").strong(deploy.to_name.clone()).text(": ");
    match (best.signal, &best.endpoint) {
        (Signal::Errors, None) => sentence.strong(percent(now)).text(" of requests fail, "),
        (Signal::Errors, Some(endpoint)) => {
            sentence.strong(format!("{endpoint} fails {}", percent(now))).text(" of the time, ")
        }
        (_, endpoint) => sentence
            .strong(format!("{} takes {}", endpoint.as_deref().unwrap_or("a request"), duration_text(now)))
            .text(if best.effect.as_ref().is_some_and(|effect| effect.unit == EffectUnit::P95) {
                " (95th percentile), "
            } else {
                ", "
            }),
    }
    .text(match best.signal {
        Signal::Errors => percent(then),
        _ => duration_text(then),
    })
    .text(on)
}
