//! Throughput against windows of equal length in the past, CPU per request and memory by pod at equal age.

use std::collections::BTreeMap;

use model::{Against, Effect, Evidence, Outcome, Sentence, Side, Signal, Test, Unit};

use crate::budget::spend;
use crate::signal::{can_be_chance, percent, window};
use crate::stats::{deviation, median, normal_quantile, t_tail};
use crate::{DeployFacts, ResourceFacts, Rules};

/// Looks at throughput, CPU and memory.
pub(crate) fn usage(facts: &DeployFacts, rules: &Rules) -> Vec<Evidence> {
    let resources = facts.resources.iter().filter_map(|resource| resource_evidence(resource, facts, rules));
    throughput(facts, rules).into_iter().chain(resources).collect()
}

/// Requests of both revisions since the rollout, as a logarithm against windows of the past by median and median
/// absolute deviation, so that one outage does not set the measure.
fn throughput(facts: &DeployFacts, rules: &Rules) -> Option<Evidence> {
    let length = (facts.now.since(facts.deploy.started) / model::MINUTE) as i32;
    if length < 10 {
        return None;
    }
    let cells = facts.endpoints.iter().flat_map(|e| e.new.iter().chain(&e.old));
    // From 0, since a sum of nothing is −0.
    let now = cells.filter(|cell| cell.minute > 0).fold(0.0, |sum, cell| sum + cell.red.requests);
    let mut sums: BTreeMap<i32, (f64, u32)> = BTreeMap::new();
    for (minute, requests) in facts.past.requests() {
        let sum = sums.entry(minute.div_euclid(length)).or_default();
        sum.0 += requests;
        sum.1 += 1;
    }
    let whole = sums.values().filter(|(_, minutes)| 2 * *minutes as i32 >= length);
    let rates: Vec<f64> = whole.map(|(requests, _)| requests / f64::from(length)).collect();
    if rates.len() < 8 || now <= 0.0 && rates.is_empty() {
        return None;
    }
    let logs: Vec<f64> = rates.iter().map(|rate| (rate * f64::from(length) + 1.0).ln()).collect();
    let middle = median(&logs)?;
    // Not less than what counting alone varies by.
    let spread = deviation(&logs)?.max(1.5 * (-middle / 2.0).exp()).max(0.05);
    let score = (middle - (now + 1.0).ln()) / spread;
    let p = t_tail(score, logs.len() as f64 - 1.0);
    let threshold = spend(rules.alpha, Signal::Throughput, facts.look);
    let (now, then) = (now / f64::from(length - 1).max(1.0), median(&rates)?);
    let peers_fell =
        facts.peers.iter().filter(|p| p.before.requests >= 50.0 && p.now.requests < 0.7 * expected(p, length)).count();
    let reason = if now > then * rules.throughput_share {
        Err(format!("{:.1} a minute against {:.1}: not half lost", now, then))
    } else if p > threshold {
        Err(can_be_chance(p, threshold))
    } else if 3 * peers_fell > facts.peers.len() {
        Err("other services lost requests at the same time".into())
    } else {
        Ok(format!("{:.1} a minute against {:.1}", now, then))
    };
    let side = |name: &str, value: f64, span| Side {
        name: name.to_owned(),
        window: window(facts, span),
        numerator: value * f64::from(length),
        denominator: f64::from(length),
        value: Some(value),
        cells: 0,
    };
    let test = ("Windows of equal length, median and MAD", score, Some(logs.len() as f64 - 1.0), p, threshold);
    let sides = (side("before", then, (-length, -1)), side(&facts.deploy.to_name, now, (0, length - 1)));
    Some(evidence(Signal::Throughput, Unit::Count, Against::Past, reason, sides, test))
}

/// What a peer would have served since the start at the rate of the hour before.
fn expected(peer: &crate::Peer, length: i32) -> f64 {
    peer.before.requests * f64::from(length) / 60.0
}

/// Welch's t test (1947) on logarithms, a value a pod: pods, not samples, are what is independent.
fn resource_evidence(resource: &ResourceFacts, facts: &DeployFacts, rules: &Rules) -> Option<Evidence> {
    let (signal, unit) = if resource.cpu { (Signal::Cpu, Unit::CpuSeconds) } else { (Signal::Memory, Unit::Bytes) };
    let logs =
        |values: &[f64]| values.iter().filter(|v| **v > 0.0 && v.is_finite()).map(|v| v.ln()).collect::<Vec<_>>();
    let (new, old) = (logs(&resource.new), logs(&resource.old));
    if new.len() < 2 || old.len() < 2 {
        return None;
    }
    let moments = |logs: &[f64]| {
        let n = logs.len() as f64;
        let mean = logs.iter().sum::<f64>() / n;
        // Pods of one template rarely differ by less than 2 %: fewer pods must not pretend to.
        let variance = logs.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
        (mean, variance.max(0.0004) / n, n)
    };
    let ((m1, v1, n1), (m0, v0, n0)) = (moments(&new), moments(&old));
    let freedom = (v1 + v0).powi(2) / (v1 * v1 / (n1 - 1.0) + v0 * v0 / (n0 - 1.0));
    let score = (m1 - m0) / (v1 + v0).sqrt();
    let p = t_tail(score, freedom);
    let threshold = spend(rules.alpha, signal, facts.look);
    let rise = (m1 - m0).exp() - 1.0;
    let reason = if rise < rules.resource_rise {
        Err(format!("{} more is less than {}", percent(rise), percent(rules.resource_rise)))
    } else if p > threshold {
        Err(can_be_chance(p, threshold))
    } else {
        Ok(format!("{} more", percent(rise)))
    };
    let side = |name: String, mean: f64, n: f64| Side {
        name,
        window: window(facts, (0, 0)),
        numerator: mean.exp() * n,
        denominator: n,
        value: Some(mean.exp()),
        cells: n as u32,
    };
    let from = facts.deploy.from_name.clone().unwrap_or_else(|| "before".into());
    let sides = (side(from, m0, n0), side(facts.deploy.to_name.clone(), m1, n1));
    let test = ("Welch's t on logarithms by pod", score, Some(freedom), p, threshold);
    Some(evidence(signal, unit, Against::SideBySide, reason, sides, test))
}

fn evidence(
    signal: Signal,
    unit: Unit,
    against: Against,
    reason: Result<String, String>,
    (old, new): (Side, Side),
    (name, statistic, freedom, p, threshold): (&str, f64, Option<f64>, f64, f64),
) -> Evidence {
    let (then, now) = (old.value.unwrap_or(0.0), new.value.unwrap_or(0.0));
    Evidence {
        signal,
        endpoint: None,
        subject: None,
        outcome: if reason.is_ok() { Outcome::Flagged } else { Outcome::NotFlagged },
        why: Sentence::plain(match reason {
            Ok(text) | Err(text) => text,
        }),
        against,
        old: Some(old),
        new,
        effect: Some(Effect {
            unit,
            difference: now - then,
            ratio: (then > 0.0).then(|| now / then),
            interval: None,
            method: "Medians, or geometric means of pods".into(),
            smallest: None,
        }),
        test: Some(Test {
            name: name.into(),
            statistic: if statistic.is_finite() { statistic } else { normal_quantile(p) },
            freedom,
            p,
            threshold,
            dispersion: 1.0,
        }),
    }
}
