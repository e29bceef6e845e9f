//! Coroot's rule on deploys (`model/application_deployment.go`): half an hour in, the new revision's window against
//! the one before; bad when an objective is missed and the measure per request grew by more than a twentieth.

use analysis::{DeployFacts, Look};
use model::Red;

use crate::scenario::Drawn;

/// Its numbers: objectives are its defaults, 99 % of requests well and within half a second.
pub(crate) struct Rule {
    pub(crate) change: f64,
    objective: f64,
    nanos: f64,
}

impl Default for Rule {
    fn default() -> Self {
        Self { change: 0.05, objective: 0.99, nanos: 5e8 }
    }
}

impl Rule {
    pub(crate) fn is_flagged(&self, facts: &DeployFacts, drawn: &Drawn) -> bool {
        let sum = |reds: &mut dyn Iterator<Item = &Red>| {
            let mut sum = Red::default();
            reds.for_each(|red| sum.merge(red));
            sum
        };
        // Ten minutes after it settled; the drawn rollouts end within twenty.
        let late = facts.endpoints.iter().flat_map(|e| &e.new).filter(|cell| cell.minute >= 13);
        let now = sum(&mut late.map(|cell| &cell.red));
        let hour = drawn.past.values().flatten().filter(|past| past.minute >= -20);
        let then = sum(&mut hour.map(|past| &past.red));
        if now.requests <= 0.0 || then.requests <= 0.0 {
            return false;
        }
        let failing = |red: &Red| red.errors / red.requests;
        let slow = |red: &Red| {
            let within = |(bucket, _): &&(u16, f32)| model::Histogram::lower(*bucket) >= self.nanos;
            let slow: f64 = red.histogram.buckets.iter().filter(within).map(|(_, count)| f64::from(*count)).sum();
            slow / red.requests
        };
        let grew = |now: f64, then: f64| now > 1.0 - self.objective && now > then * (1.0 + self.change);
        grew(failing(&now), failing(&then)) || grew(slow(&now), slow(&then))
    }
}

/// The least change with no more false alarms than one in a hundred.
pub(crate) fn tuned(harmless: &[Drawn]) -> Rule {
    let facts: Vec<DeployFacts> = harmless.iter().map(|drawn| drawn.facts(30, Look::Half)).collect();
    let rules = (0..60).map(|step| Rule { change: 0.05 * 1.15_f64.powi(step), ..Rule::default() });
    let is_quiet = |rule: &Rule| {
        facts.iter().zip(harmless).filter(|(facts, drawn)| rule.is_flagged(facts, drawn)).count() * 100 <= facts.len()
    };
    rules.into_iter().find(is_quiet).unwrap_or(Rule { change: f64::INFINITY, ..Rule::default() })
}
