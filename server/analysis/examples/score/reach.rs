//! Which degradations a test could find that knows the truth: 99 % power on nine minutes of data at the part of α that
//! goes to that comparison, past the gates.

use analysis::stats::normal_quantile;
use analysis::{Look, Rules, spend};
use model::Signal;

use crate::scenario::Scenario;

/// Standard deviations that leave 1 % below.
const CERTAIN: f64 = 2.326;
/// Spread of a log duration in scenarios.
const SPREAD: f64 = 0.7;

/// Whether it is.
pub(crate) fn is_in_reach(of: &Scenario, rules: &Rules) -> bool {
    let share = if of.everywhere { 1.0 } else { 1.0 / of.endpoints as f64 };
    // Pods come one by one over the rollout, and warm up for a minute.
    let minutes = 9.0 - f64::from(of.rollout) / 2.0 - 1.0;
    let requests = of.rate * 60.0 * minutes * share;
    let cell = of.rate * 60.0 * share / f64::from(of.pods);
    let (points, slow) = of.injected;
    if points > 0.0 {
        errors(of, (points, requests, cell), rules)
    } else {
        let z = normal_quantile(spend(rules.alpha, Signal::Latency, Look::Minute(9)) / 2.0);
        slow >= 1.0 + rules.latency_rise
            && slow.ln() * (requests / (SPREAD * SPREAD + of.wander * cell)).sqrt() >= z + CERTAIN
    }
}

fn errors(of: &Scenario, (points, requests, cell): (f64, f64, f64), rules: &Rules) -> bool {
    let (old, new) = (of.errors, of.errors + points);
    // The least number of errors is a gate too, and has to be passed as surely.
    let errors = new * requests;
    let passes = points >= rules.error_rise
        && new >= rules.error_ratio * old
        && errors - CERTAIN * errors.sqrt() >= rules.error_count;
    let deviation = |share: f64| {
        let clusters = 1.0 + (of.clustered + of.shared) * share * cell / (1.0 - share);
        (requests * share * (1.0 - share) * clusters).sqrt()
    };
    let z = normal_quantile(spend(rules.alpha, Signal::Errors, Look::Minute(9)) / 2.0);
    passes && requests * points >= z * deviation(old) + CERTAIN * deviation(new)
}
