//! Durations, on the service and on each endpoint: a rank statistic over bucketed durations with ties.

use std::borrow::Cow;

use model::{Against, Effect, Evidence, Outcome, Sentence, Side, Signal, Test, Unit as EffectUnit, duration_text};

use crate::baseline::{Baseline, Kept, Served};
use crate::budget::{holm, spend};
use crate::compare::{self, Compared, Unit};
use crate::dispersion::Dispersion;
use crate::errors::{CERTAIN, SHOWN, old_name};
use crate::past::Before;
use crate::ranks::{Counts, PER_DOUBLING, Ranks};
use crate::signal::{Looked, can_be_chance, window};
use crate::stats::{normal_tail, t_quantile, t_tail};
use crate::{DeployFacts, Rules};

struct Candidate<'a> {
    name: Option<String>,
    compared: Compared,
    /// The old side is the like time of earlier days.
    like: bool,
    new: Counts,
    old: Cow<'a, Counts>,
    /// Old pods since the deploy started.
    beside: compare::Tally,
    ranks: Cow<'a, Ranks>,
    unit_variance: f64,
    score: f64,
    p: f64,
}

/// Looks at durations.
pub(crate) fn latency(baseline: &Baseline<'_>, facts: &DeployFacts, rules: &Rules) -> Looked {
    let alpha = spend(rules.alpha, Signal::Latency, facts.look);
    let single = baseline.endpoints.len() <= 1;
    let own = if single { alpha } else { alpha / 2.0 };
    let mut looked = Looked::default();
    let mixed: &[Kept<'_>] = if single { &[] } else { &baseline.endpoints };
    let service = candidates(&baseline.service, mixed, baseline, facts, rules);
    for candidate in &service {
        let threshold = own / service.len() as f64;
        let result = (threshold, candidate.p <= threshold);
        let smallest = visible(candidate, threshold);
        let median = candidate.old.quantile(0.5);
        let worth = (median * (1.0 + rules.latency_rise)).max(median + rules.latency_nanos);
        let seen = smallest.map(|ratio| median * ratio);
        let evidence = evidence(candidate, result, seen.map(|nanos| nanos.max(worth)), facts, rules);
        looked.service(evidence, seen.is_some_and(|nanos| nanos <= worth), seen.map(|nanos| nanos.max(worth)));
    }
    if single {
        return looked;
    }
    let all: Vec<Vec<Candidate<'_>>> =
        baseline.endpoints.iter().map(|kept| candidates(kept, &[], baseline, facts, rules)).collect();
    let tested: Vec<&Candidate<'_>> = all.iter().flatten().collect();
    let p: Vec<f64> = tested.iter().map(|candidate| candidate.p).collect();
    let mut rest = Vec::new();
    for (candidate, result) in tested.iter().zip(holm(&p, alpha / 2.0)) {
        if result.1 || p.len() <= SHOWN || candidate.p < 0.05 {
            let found = evidence(candidate, result, None, facts, rules);
            if found.outcome == Outcome::Flagged { looked.evidence.push(found) } else { rest.push(found) }
        }
    }
    looked.rest(rest, p.len());
    looked
}

/// At least so many durations on the new side; fewer have no 95th percentile to speak of.
pub(crate) const LEAST: f64 = 20.0;

fn candidates<'a>(
    kept: &Kept<'a>,
    mixed: &[Kept<'_>],
    baseline: &Baseline<'_>,
    facts: &DeployFacts,
    rules: &Rules,
) -> Vec<Candidate<'a>> {
    let asked: f64 = kept.new.iter().map(|cell| cell.red.requests).sum();
    if asked < LEAST {
        return Vec::new();
    }
    let floor = facts.weight.max(1.0);
    let before = kept.before.filter(|_| !baseline.common_latency && kept.new_for_past().next().is_some());
    let past = before.and_then(|before| against(kept, before, mixed, floor, rules));
    let least = past.as_ref().map_or(LEAST, |past| past.compared.information / 20.0);
    let beside = (!kept.old.is_empty()).then(|| side_by_side(kept, floor, rules)).flatten();
    beside.filter(|beside| beside.compared.information >= least).into_iter().chain(past).collect()
}

/// Those of the minutes in which the others served as well.
fn together<'k, 'a>(served: &'k [Served<'a>], others: &[Served<'_>]) -> Vec<&'k Served<'a>> {
    let minutes: std::collections::BTreeSet<i32> = others.iter().map(|other| other.minute).collect();
    served.iter().filter(|served| minutes.contains(&served.minute)).collect()
}

fn side_by_side<'a>(kept: &Kept<'_>, floor: f64, rules: &Rules) -> Option<Candidate<'a>> {
    let (new, old) = (together(&kept.new, &kept.old), together(&kept.old, &kept.new));
    let reference = Counts::of(new.iter().chain(&old).map(|served| &*served.red));
    let ranks = reference.ranks();
    let variance = reference.variance(&ranks);
    let fixed = |_: f64| variance;
    let historic = kept.before.and_then(|before| before.slow_varies(1));
    let compared = compare::beside(
        &units(&ranks, new.iter().copied()),
        &units(&ranks, old.iter().copied()),
        &fixed,
        historic,
        floor,
        rules,
    )?;
    if !compared.by_cells && historic.is_none() {
        return None;
    }
    let [new, old] = [new, old].map(|side| Counts::of(side.into_iter().map(|served| &*served.red)));
    Some(candidate(kept, compared, new, Cow::Owned(old), Cow::Owned(ranks), variance))
}

/// Cell by cell.
fn units<'k, 'a: 'k>(ranks: &Ranks, served: impl IntoIterator<Item = &'k Served<'a>>) -> Vec<Unit> {
    served.into_iter().map(|served| ranks.unit(served.minute, &served.red)).collect()
}

fn against<'a>(
    kept: &Kept<'a>,
    before: &'a Before,
    mixed: &[Kept<'_>],
    floor: f64,
    rules: &Rules,
) -> Option<Candidate<'a>> {
    let Before { ranks, variance, .. } = before;
    let fixed = |_: f64| *variance;
    let new = units(ranks, kept.new_for_past());
    let span = compare::Tally::of(&new).span;
    let historic = before.slow_varies(span.1.saturating_sub(span.0).saturating_add(1));
    let mut compared = compare::with_past(&new, before.slow.tally, &fixed, historic, floor, rules)?;
    if !compared.by_cells && historic.is_none() {
        return None;
    }
    // Callers who ask more for what is slow are not the deploy's doing.
    let (mut expected, mut asked) = (0.0, 0.0);
    for endpoint in mixed {
        let now: f64 = endpoint.new_for_past().map(|cell| cell.red.requests).sum();
        if let Some(old) = endpoint.before.map(|before| &before.counts).filter(|counts| counts.total > 0.0) {
            expected += now * ranks.score(old) / old.total;
            asked += now;
        }
    }
    if asked > 0.0 {
        compared.expected = compared.expected.max(compared.new.n * expected / asked);
    }
    let new = Counts::of(kept.new_for_past().map(|served| &*served.red));
    let (old, ranks) = (Cow::Borrowed(&before.counts), Cow::Borrowed(ranks));
    Some(Candidate { like: before.slow.like, ..candidate(kept, compared, new, old, ranks, *variance) })
}

fn candidate<'a>(
    kept: &Kept<'_>,
    compared: Compared,
    new: Counts,
    old: Cow<'a, Counts>,
    ranks: Cow<'a, Ranks>,
    variance: f64,
) -> Candidate<'a> {
    let (score, p) = score(&compared, variance);
    let beside = compare::Tally::of(&units(&ranks, &kept.old));
    let name = kept.name.clone();
    Candidate { name, compared, like: false, new, old, beside, ranks, unit_variance: variance, score, p }
}

/// By how many of its standard deviations the new side's score is above what is expected, and the one-sided p of that;
/// `variance` is that of one duration's rank.
pub(crate) fn score(compared: &Compared, variance: f64) -> (f64, f64) {
    let deviation = (variance * compared.dispersion.factor * compared.information).sqrt();
    let above = compared.new.x - compared.expected;
    // Side by side, what is expected holds the new side's own part. The past's mean does not, and is as uncertain as the
    // past is short: the difference of both means counts, on the requests that carry it.
    let above = match compared.against {
        Against::Past => above / compared.new.n.max(1e-9) * compared.information,
        _ => above,
    };
    let score = if deviation > 0.0 { above / deviation } else { 0.0 };
    let freedom = compared.dispersion.freedom;
    let p = if freedom.is_finite() { t_tail(score, freedom) } else { normal_tail(score) };
    (score, p.max(compared.by_episodes(compared.new.x, 1.0)))
}

/// The test as it is told; its threshold is not known yet.
pub(crate) fn test(score: f64, p: f64, dispersion: &Dispersion) -> Test {
    Test {
        name: "Mann–Whitney on bucketed durations, variance from cells".into(),
        statistic: score,
        freedom: dispersion.freedom.is_finite().then_some(dispersion.freedom),
        p,
        threshold: 0.0,
        dispersion: dispersion.factor,
    }
}

/// How many times slower all durations would have to be to be found with 99 % certainty.
fn visible(candidate: &Candidate<'_>, alpha: f64) -> Option<f64> {
    let Compared { new, old, information, dispersion, .. } = candidate.compared;
    let deviation = (candidate.unit_variance * dispersion.factor / information.max(1e-9)).sqrt();
    let needed = t_quantile(alpha, dispersion.freedom.min(1e9)) * deviation;
    let still = candidate.old.shifted(&candidate.ranks, 0.0);
    let found = |by: f64| {
        let seen = candidate.old.shifted(&candidate.ranks, by) - still - CERTAIN * deviation;
        seen >= needed && candidate.compared.by_episodes(new.n * (old.mean() + seen), 1.0) <= alpha
    };
    if !found(64.0) {
        return None;
    }
    let (mut low, mut high) = (0.0, 64.0);
    for _ in 0..14 {
        let middle = 0.5 * (low + high);
        if found(middle) { high = middle } else { low = middle }
    }
    Some((high / PER_DOUBLING).exp2())
}

fn evidence(
    candidate: &Candidate<'_>,
    (threshold, significant): (f64, bool),
    smallest: Option<f64>,
    facts: &DeployFacts,
    rules: &Rules,
) -> Evidence {
    let Compared { new, old, dispersion, against, .. } = candidate.compared;
    let at = |q: f64, unit: EffectUnit| (candidate.old.quantile(q), candidate.new.quantile(q), unit);
    let passes = |(then, now, _): &(f64, f64, EffectUnit)| {
        now - then >= rules.latency_nanos && *now >= then * (1.0 + rules.latency_rise)
    };
    let (median, tail) = (at(0.5, EffectUnit::Median), at(0.95, EffectUnit::P95));
    let (then, now, unit) = if !passes(&median) && passes(&tail) { tail } else { median };
    let alike = against == Against::Past && shared(candidate);
    let name = if unit == EffectUnit::P95 { "p95" } else { "median" };
    let change = format!("{name} {} against {}", duration_text(now), duration_text(then));
    let reason = if candidate.score <= 0.0 {
        Err("not slower".into())
    } else if !passes(&(then, now, unit)) {
        Err(format!("{change} is less than 20 % and 5 ms"))
    } else if !significant {
        Err(can_be_chance(candidate.p, threshold))
    } else if alike {
        Err("old pods were as slow in the same minutes".into())
    } else {
        Ok(change)
    };
    let side = |tally: &compare::Tally, name: String, value: f64| Side {
        name,
        window: window(facts, tally.span),
        numerator: tally.n,
        denominator: tally.n,
        value: Some(value),
        cells: tally.cells,
    };
    let from = old_name(candidate.like, facts);
    Evidence {
        signal: Signal::Latency,
        endpoint: candidate.name.clone(),
        subject: None,
        outcome: if reason.is_ok() { Outcome::Flagged } else { Outcome::NotFlagged },
        why: Sentence::plain(match reason {
            Ok(text) | Err(text) => text,
        }),
        against,
        old: Some(side(&old, from, then)),
        new: side(&new, facts.deploy.to_name.clone(), now),
        effect: Some(Effect {
            unit,
            difference: now - then,
            ratio: (then > 0.0).then(|| now / then),
            interval: None,
            method: "Quantiles of both sides".into(),
            smallest: smallest.map(|nanos| nanos - candidate.old.quantile(0.5)),
        }),
        test: Some(Test { threshold, ..test(candidate.score, candidate.p, &dispersion) }),
    }
}

/// Whether old pods since the deploy started show at least half of the rise in ranks against the past as well.
fn shared(candidate: &Candidate<'_>) -> bool {
    let old = &candidate.beside;
    let rise = candidate.compared.new.mean() - candidate.compared.old.mean();
    let error = (candidate.unit_variance / old.n.max(1e-9)).sqrt();
    // Enough of them to have shown it: the rise is more than four of its standard errors.
    rise > 4.0 * error && old.mean() - candidate.compared.old.mean() >= rise / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_side_is_as_uncertain_whichever_side_it_is() {
        let side = |n: f64, mean: f64| compare::Tally { x: n * mean, n, cells: 9, span: (0, 9) };
        let of = |new: compare::Tally, old: compare::Tally| {
            let dispersion = Dispersion { factor: 2.0, freedom: f64::INFINITY, episodes: None };
            let information = new.n * old.n / (new.n + old.n);
            let (against, expected) = (Against::Past, new.n * old.mean());
            score(&Compared { against, new, old, expected, information, dispersion, by_cells: true }, 0.08).0
        };
        let (short, long) = (of(side(30.0, 0.1), side(2_000.0, 0.0)), of(side(2_000.0, 0.1), side(30.0, 0.0)));
        // The difference of the means over its standard deviation.
        let right = 0.1 / (0.08 * 2.0 * (1.0 / 30.0 + 1.0 / 2_000.0_f64)).sqrt();
        assert!((short - right).abs() < 1e-9 && (long - right).abs() < 1e-9, "{short} {long} {right}");
    }
}
