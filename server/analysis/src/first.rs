//! A first revision has nothing to be compared with. The share of its requests that fail, and what its pods do, are
//! judged by the rules of health, which need no past; of everything else it is said that nothing can be.

use model::{Against, DeployKind, Evidence, Outcome, Sentence, Side, Signal};

use crate::baseline::{Baseline, Kept};
use crate::compare::{Tally, Unit};
use crate::dispersion::spread;
use crate::errors::{CERTAIN, side, units};
use crate::signal::{Looked, number, percent, too_few, window};
use crate::{DeployFacts, Rules};

/// Signals that are nothing but a comparison, and why they say nothing here.
const COMPARED: [(Signal, &str); 6] = [
    (Signal::Latency, "how long requests took before is not known"),
    (Signal::ErrorGroup, "every error of a first revision is new"),
    (Signal::LogPattern, "every line of a first revision is new"),
    (Signal::Throughput, "nothing was served before"),
    (Signal::Cpu, "what a request needed before is not known"),
    (Signal::Memory, "what a pod held before is not known"),
];

/// Whether a deploy brought the first revision of its service.
pub(crate) fn is_first(facts: &DeployFacts) -> bool {
    facts.deploy.kind == DeployKind::First
}

/// Looks at the share of requests that fail, on the service; endpoints are named where the service is flagged.
pub(crate) fn errors(baseline: &Baseline<'_>, facts: &DeployFacts, rules: &Rules) -> Looked {
    let mut looked = Looked::default();
    let Some(service) = Failing::of(&baseline.service, facts, rules) else { return looked };
    // What all services suffer is not this one's, and hides what may be.
    let shared = baseline.common_errors > 1.05;
    let found = service.evidence(shared, facts, rules);
    let is_flagged = found.outcome == Outcome::Flagged;
    let visible = service.visible(rules);
    let powered = !shared && visible.is_some_and(|share| share <= rules.first_visible);
    looked.service(found, powered, visible);
    if is_flagged && baseline.endpoints.len() > 1 {
        let all = baseline.endpoints.iter().filter_map(|kept| Failing::of(kept, facts, rules));
        let found = all.map(|endpoint| endpoint.evidence(shared, facts, rules));
        looked.evidence.extend(found.filter(|evidence| evidence.outcome == Outcome::Flagged));
    }
    looked
}

/// Whether it would have shown were as many requests to fail as a first revision has to be called healthy below.
pub(crate) fn would_show(baseline: &Baseline<'_>, facts: &DeployFacts, rules: &Rules) -> bool {
    let visible = Failing::of(&baseline.service, facts, rules).and_then(|service| service.visible(rules));
    visible.is_some_and(|share| share <= rules.first_visible)
}

/// What was not judged, and why.
pub(crate) fn not_judged(facts: &DeployFacts) -> impl Iterator<Item = Evidence> + '_ {
    COMPARED.into_iter().map(|(signal, why)| Evidence {
        signal,
        endpoint: None,
        subject: None,
        outcome: Outcome::NotJudged,
        why: Sentence::plain(why),
        against: Against::Nothing,
        old: None,
        new: Side {
            name: facts.deploy.to_name.clone(),
            window: window(facts, (0, 0)),
            numerator: 0.0,
            denominator: 0.0,
            value: None,
            cells: 0,
        },
        effect: None,
        test: None,
    })
}

/// Requests of the new pods, past their warm-up.
struct Failing {
    name: Option<String>,
    tally: Tally,
    dispersion: f64,
}

impl Failing {
    /// Nothing where there are none.
    fn of(kept: &Kept<'_>, facts: &DeployFacts, rules: &Rules) -> Option<Self> {
        let cells: Vec<Unit> = units(&kept.new);
        let tally = Tally::of(&cells);
        let is_known = cells.len() >= rules.least_cells && tally.x > 0.0;
        let known = is_known.then(|| spread(&cells, tally.mean(), &|p| p * (1.0 - p), |_| 1.0).0);
        let dispersion = known.unwrap_or(rules.unknown_dispersion).max(facts.weight).max(1.0);
        (tally.n > 0.0).then(|| Self { name: kept.name.clone(), tally, dispersion })
    }

    /// What has to fail, to be called.
    fn least(&self, rules: &Rules) -> f64 {
        rules.error_count.max(self.tally.n * rules.first_share)
    }

    /// The smallest share of failures that would have been called with 99 % certainty, by bisection.
    fn visible(&self, rules: &Rules) -> Option<f64> {
        let n = self.tally.n;
        let is_called = |p: f64| n * p - CERTAIN * (n * p * (1.0 - p) * self.dispersion).sqrt() >= self.least(rules);
        if !is_called(1.0) {
            return None;
        }
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..20 {
            let middle = 0.5 * (low + high);
            if is_called(middle) { high = middle } else { low = middle }
        }
        Some(high)
    }

    fn evidence(&self, shared: bool, facts: &DeployFacts, rules: &Rules) -> Evidence {
        let Tally { x, n, .. } = self.tally;
        let reason = if x < rules.error_count {
            Err(too_few(x, "error", rules))
        } else if x < self.least(rules) {
            Err(format!("{} is less than {}", percent(x / n), percent(rules.first_share)))
        } else if shared {
            Err("other services fail more at the same time".into())
        } else {
            Ok(format!("{} of {} fail", number(x), number(n)))
        };
        Evidence {
            signal: Signal::Errors,
            endpoint: self.name.clone(),
            subject: None,
            outcome: if reason.is_ok() { Outcome::Flagged } else { Outcome::NotFlagged },
            why: Sentence::plain(match reason {
                Ok(text) | Err(text) => text,
            }),
            against: Against::Nothing,
            old: None,
            new: side(&self.tally, facts.deploy.to_name.clone(), facts),
            effect: None,
            test: None,
        }
    }
}
