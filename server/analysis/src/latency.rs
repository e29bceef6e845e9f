//! Durations, on the service and on each endpoint: a rank statistic over bucketed durations with ties.

use model::{Against, Effect, Evidence, Outcome, Red, Sentence, Side, Signal, Test, Unit as EffectUnit, duration_text};

use crate::baseline::{Baseline, Kept};
use crate::budget::{holm, spend};
use crate::compare::{self, Compared, Unit};
use crate::errors::{CERTAIN, SHOWN};
use crate::signal::{Looked, window};
use crate::stats::{normal_tail, t_quantile, t_tail};
use crate::{Cell, DeployFacts, PastMinute, Rules};

/// Buckets of a duration that fits 63 bits.
const BUCKETS: usize = 512;
/// Buckets per doubling of the model's histogram.
const PER_DOUBLING: f64 = 8.0;

/// Durations as counts by bucket, dense.
struct Counts(Vec<f64>);

impl Counts {
    fn of<'a>(reds: impl Iterator<Item = &'a Red>) -> Self {
        let mut counts = vec![0.0; BUCKETS];
        for (bucket, count) in reds.flat_map(|red| &red.histogram.buckets) {
            counts[usize::from(*bucket).min(BUCKETS - 1)] += f64::from(*count);
        }
        Self(counts)
    }

    fn total(&self) -> f64 {
        self.0.iter().sum()
    }

    fn quantile(&self, q: f64) -> f64 {
        let rank = q * self.total();
        let mut below = 0.0;
        for (bucket, count) in self.0.iter().enumerate() {
            if *count > 0.0 && below + count >= rank {
                return ((bucket as f64 + ((rank - below) / count).clamp(0.0, 1.0)) / PER_DOUBLING).exp2();
            }
            below += count;
        }
        0.0
    }

    /// Mid-rank of each bucket, less a half: how much of the reference is faster, and half of what ties (ridits,
    /// Bross 1958). Their mean on another sample is Mann & Whitney's U/(n₁n₀) − ½ (1947).
    fn ranks(&self) -> Vec<f64> {
        let total = self.total().max(1e-300);
        let mut below = 0.0;
        let rank = |count: &f64| {
            let middle = (below + count / 2.0) / total - 0.5;
            below += count;
            middle
        };
        self.0.iter().map(rank).collect()
    }

    /// Variance of one duration's rank, ties and all.
    fn variance(&self, ranks: &[f64]) -> f64 {
        self.0.iter().zip(ranks).map(|(count, rank)| count * rank * rank).sum::<f64>() / self.total().max(1e-300)
    }

    /// Mean rank that these durations would have if each grew by so many buckets.
    fn shifted(&self, ranks: &[f64], by: f64) -> f64 {
        let at = |bucket: f64| ranks[(bucket as usize).min(BUCKETS - 1)];
        let (whole, part) = (by.floor(), by.fract());
        let rank = |b: usize| (1.0 - part) * at(b as f64 + whole) + part * at(b as f64 + whole + 1.0);
        self.0.iter().enumerate().map(|(b, count)| count * rank(b)).sum::<f64>() / self.total().max(1e-300)
    }
}

struct Candidate {
    name: Option<String>,
    compared: Compared,
    new: Counts,
    old: Counts,
    /// Old pods since the deploy started.
    beside: compare::Tally,
    ranks: Vec<f64>,
    unit_variance: f64,
    score: f64,
    p: f64,
}

/// Looks at durations.
pub(crate) fn latency(baseline: &Baseline, facts: &DeployFacts, rules: &Rules) -> Looked {
    let alpha = spend(rules.alpha, Signal::Latency, facts.look);
    let single = baseline.endpoints.len() <= 1;
    let own = if single { alpha } else { alpha / 2.0 };
    let mut looked = Looked::default();
    let mixed: &[Kept] = if single { &[] } else { &baseline.endpoints };
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
    let all: Vec<Vec<Candidate>> =
        baseline.endpoints.iter().map(|kept| candidates(kept, &[], baseline, facts, rules)).collect();
    let tested: Vec<&Candidate> = all.iter().flatten().collect();
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

fn units(cells: &[Cell], ranks: &[f64]) -> Vec<Unit> {
    cells.iter().map(|cell| unit(cell.minute, &cell.red, ranks)).collect()
}

fn past_units<'a>(minutes: impl Iterator<Item = &'a PastMinute>, ranks: &[f64]) -> Vec<Unit> {
    minutes.map(|past| unit(past.minute, &past.red, ranks)).collect()
}

fn unit(minute: i32, red: &Red, ranks: &[f64]) -> Unit {
    let (x, n) = red.histogram.buckets.iter().fold((0.0, 0.0), |(x, n), (bucket, count)| {
        let count = f64::from(*count);
        (x + count * ranks[usize::from(*bucket).min(BUCKETS - 1)], n + count)
    });
    Unit { minute, x, n }
}

fn middle(minutes: &[PastMinute]) -> Option<f64> {
    let counts = Counts::of(minutes.iter().map(|past| &past.red));
    (counts.total() >= 20.0).then(|| counts.quantile(0.5))
}

/// At least so many durations on the new side; fewer have no 95th percentile to speak of.
const LEAST: f64 = 20.0;

fn candidates(kept: &Kept, mixed: &[Kept], baseline: &Baseline, facts: &DeployFacts, rules: &Rules) -> Vec<Candidate> {
    let asked: f64 = kept.new.iter().map(|cell| cell.red.requests).sum();
    if asked < LEAST {
        return Vec::new();
    }
    let (base, _) = kept.base(middle);
    let floor = facts.weight.max(1.0);
    let past = (!baseline.common_latency && !base.is_empty() && !kept.new_for_past.is_empty())
        .then(|| against(kept, base, mixed, floor, rules))
        .flatten();
    let least = past.as_ref().map_or(LEAST, |past| past.compared.information / 20.0);
    let beside = (!kept.old.is_empty()).then(|| side_by_side(kept, floor, rules)).flatten();
    beside.filter(|beside| beside.compared.information >= least).into_iter().chain(past).collect()
}

fn side_by_side(kept: &Kept, floor: f64, rules: &Rules) -> Option<Candidate> {
    let together = |cells: &[Cell], others: &[Cell]| -> Vec<Cell> {
        let minutes: std::collections::BTreeSet<i32> = others.iter().map(|cell| cell.minute).collect();
        cells.iter().filter(|cell| minutes.contains(&cell.minute)).cloned().collect()
    };
    let (new, old) = (together(&kept.new, &kept.old), together(&kept.old, &kept.new));
    let reference = Counts::of(new.iter().chain(&old).map(|cell| &cell.red));
    let ranks = reference.ranks();
    let variance = reference.variance(&ranks);
    let fixed = |_: f64| variance;
    let past = past_units(kept.past(), &ranks);
    let historic = compare::historic(&past, 1, &fixed);
    let compared = compare::beside(&units(&new, &ranks), &units(&old, &ranks), &fixed, historic, floor, rules)?;
    if !compared.by_cells && historic.is_none() {
        return None;
    }
    let of = |cells: &[Cell]| Counts::of(cells.iter().map(|cell| &cell.red));
    Some(candidate(kept, compared, of(&new), of(&old), ranks, variance))
}

fn against(kept: &Kept, base: &[PastMinute], mixed: &[Kept], floor: f64, rules: &Rules) -> Option<Candidate> {
    let old = Counts::of(base.iter().map(|past| &past.red));
    let ranks = old.ranks();
    let variance = old.variance(&ranks);
    let fixed = |_: f64| variance;
    let new = units(&kept.new_for_past, &ranks);
    let span = compare::Tally::of(&new).span;
    let past = past_units(kept.past(), &ranks);
    let historic = compare::historic(&past, span.1 - span.0 + 1, &fixed);
    let before = past_units(base.iter(), &ranks);
    let mut compared = compare::with_past(&new, &before, &fixed, historic, floor, rules)?;
    if !compared.by_cells && historic.is_none() {
        return None;
    }
    // Callers who ask more for what is slow are not the deploy's doing.
    let (mut expected, mut asked) = (0.0, 0.0);
    for endpoint in mixed {
        let (base, _) = endpoint.base(middle);
        let old = compare::Tally::of(&past_units(base.iter(), &ranks));
        let now: f64 = endpoint.new_for_past.iter().map(|cell| cell.red.requests).sum();
        if old.n > 0.0 {
            expected += now * old.mean();
            asked += now;
        }
    }
    if asked > 0.0 {
        compared.expected = compared.expected.max(compared.new.n * expected / asked);
    }
    let new = Counts::of(kept.new_for_past.iter().map(|cell| &cell.red));
    Some(candidate(kept, compared, new, old, ranks, variance))
}

fn candidate(kept: &Kept, compared: Compared, new: Counts, old: Counts, ranks: Vec<f64>, variance: f64) -> Candidate {
    let deviation = (variance * compared.dispersion.factor * compared.information).sqrt();
    let score = if deviation > 0.0 { (compared.new.x - compared.expected) / deviation } else { 0.0 };
    let freedom = compared.dispersion.freedom;
    let p = if freedom.is_finite() { t_tail(score, freedom) } else { normal_tail(score) };
    let beside = compare::Tally::of(&units(&kept.old, &ranks));
    Candidate { name: kept.name.clone(), compared, new, old, beside, ranks, unit_variance: variance, score, p }
}

/// How many times slower all durations would have to be to be found with 99 % certainty.
fn visible(candidate: &Candidate, alpha: f64) -> Option<f64> {
    let Compared { information, dispersion, .. } = candidate.compared;
    let needed = (t_quantile(alpha, dispersion.freedom.min(1e9)) + CERTAIN)
        * (candidate.unit_variance * dispersion.factor / information.max(1e-9)).sqrt();
    let still = candidate.old.shifted(&candidate.ranks, 0.0);
    let found = |by: f64| candidate.old.shifted(&candidate.ranks, by) - still >= needed;
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
    candidate: &Candidate,
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
    let reason = if candidate.score <= 0.0 {
        Err("not slower".into())
    } else if !passes(&(then, now, unit)) {
        Err(format!("{} against {} is less than 20 % and 5 ms", duration_text(now), duration_text(then)))
    } else if !significant {
        Err(format!("can be chance: p {:.1e} is above {threshold:.1e}", candidate.p))
    } else if alike {
        Err("old pods were as slow in the same minutes".into())
    } else {
        Ok(format!("{} against {}", duration_text(now), duration_text(then)))
    };
    let side = |tally: &compare::Tally, name: String, value: f64| Side {
        name,
        window: window(facts, tally.span),
        numerator: tally.n,
        denominator: tally.n,
        value: Some(value),
        cells: tally.cells,
    };
    let from = facts.deploy.from_name.clone().unwrap_or_else(|| "before".into());
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
        test: Some(Test {
            name: "Mann–Whitney on bucketed durations, variance from cells".into(),
            statistic: candidate.score,
            freedom: dispersion.freedom.is_finite().then_some(dispersion.freedom),
            p: candidate.p,
            threshold,
            dispersion: dispersion.factor,
        }),
    }
}

/// Whether old pods since the deploy started show at least half of the rise in ranks against the past as well.
fn shared(candidate: &Candidate) -> bool {
    let old = &candidate.beside;
    let rise = candidate.compared.new.mean() - candidate.compared.old.mean();
    let error = (candidate.unit_variance / old.n.max(1e-9)).sqrt();
    // Enough of them to have shown it: the rise is more than four of its standard errors.
    rise > 4.0 * error && old.mean() - candidate.compared.old.mean() >= rise / 2.0
}
