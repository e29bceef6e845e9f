//! Error groups and log patterns that the service never had in all that is retained.

use model::{Against, Evidence, Outcome, Sentence, Side, Signal, Test};

use crate::budget::spend;
use crate::signal::{above, number, too_few, window};
use crate::stats::binomial_tail;
use crate::{DeployFacts, GroupFacts, Rules};

/// So many that were not flagged are shown, the most frequent first.
const SHOWN: usize = 10;

/// Looks at error groups and log patterns.
pub(crate) fn groups(facts: &DeployFacts, requests: f64, rules: &Rules) -> Vec<Evidence> {
    let mut found = of(facts, &facts.groups, Signal::ErrorGroup, f64::from(facts.births.groups), requests, rules);
    found.extend(of(facts, &facts.patterns, Signal::LogPattern, f64::from(facts.births.patterns), requests, rules));
    found
}

fn of(
    facts: &DeployFacts,
    all: &[GroupFacts],
    signal: Signal,
    births: f64,
    requests: f64,
    rules: &Rules,
) -> Vec<Evidence> {
    let threshold = spend(rules.alpha, signal, facts.look);
    let minutes = (facts.now.since(facts.deploy.started) as f64 / model::MINUTE as f64).max(1.0);
    let passing = |group: &&GroupFacts| gate(group, facts, rules).is_ok();
    let new = all.iter().filter(passing).count().max(1) as f64;
    // That so many appear in so short a time, when so many appeared in the service's life: two Poisson counts
    // (Przyborowski & Wilenski 1940), the life counted with one birth it has not seen.
    let share = minutes / (minutes + facts.births.minutes.max(1.0));
    let chance = binomial_tail(new, new + births + 1.0, share);
    let mut sorted: Vec<&GroupFacts> = all.iter().collect();
    sorted.sort_by(|a, b| b.count.total_cmp(&a.count).then_with(|| a.name.cmp(&b.name)));
    let mut left = SHOWN;
    let mut found = Vec::new();
    for group in sorted {
        let side = beside(group, facts);
        let p = (chance * side).min(1.0);
        let reason = gate(group, facts, rules).and_then(|()| {
            if p <= threshold {
                Ok(())
            } else if births > 0.0 {
                Err(format!("something new appears by itself as well: {}", above(p, threshold)))
            } else {
                Err(format!(
                    "too little is kept of the service before to tell that new is rare: {}",
                    above(p, threshold)
                ))
            }
        });
        if reason.is_err() {
            if left == 0 {
                continue;
            }
            left -= 1;
        }
        found.push(evidence(group, signal, reason, (p, threshold), requests, facts));
    }
    found
}

/// Chance that all its cells are new ones, where both revisions ran: one half for each cell is on the safe side
/// while at least half of the pods were old.
fn beside(group: &GroupFacts, facts: &DeployFacts) -> f64 {
    let (mut new, mut old) = (0.0, 0.0);
    for endpoint in facts.endpoints.iter().filter(|e| group.endpoint.as_ref().is_none_or(|name| *name == e.endpoint)) {
        new += endpoint.new.iter().map(|cell| cell.red.requests).sum::<f64>();
        old += endpoint.old.iter().map(|cell| cell.red.requests).sum::<f64>();
    }
    let share = if new + old > 0.0 { new / (new + old) } else { 1.0 };
    let clusters = f64::from(group.cells.max(1)).min(group.count.max(1.0));
    if group.beside > 0.0 { 1.0 } else { share.powf(clusters) }
}

fn gate(group: &GroupFacts, facts: &DeployFacts, rules: &Rules) -> Result<(), String> {
    let pods = facts.kubernetes.new_pods.max(1);
    if group.known {
        Err("seen before this deploy".into())
    } else if group.beside > 0.0 {
        Err("old pods had it in the same minutes".into())
    } else if group.count < rules.error_count {
        Err(too_few(group.count, "time", rules))
    } else if group.cells < 3 || (pods > 1 && group.pods < 2) {
        Err("on one pod or in one moment only".into())
    } else {
        Ok(())
    }
}

fn evidence(
    group: &GroupFacts,
    signal: Signal,
    reason: Result<(), String>,
    (p, threshold): (f64, f64),
    requests: f64,
    facts: &DeployFacts,
) -> Evidence {
    let last = (facts.now.since(facts.deploy.started) / model::MINUTE).clamp(1, i64::from(i32::MAX)) as i32 - 1;
    let words = format!("{} times on {} new pods, never before", number(group.count), group.pods);
    Evidence {
        signal,
        endpoint: group.endpoint.clone(),
        subject: Some(group.name.clone()),
        outcome: if reason.is_ok() { Outcome::Flagged } else { Outcome::NotFlagged },
        why: Sentence::plain(reason.err().unwrap_or(words)),
        against: Against::Ever,
        old: None,
        new: Side {
            name: facts.deploy.to_name.clone(),
            window: window(facts, (0, last)),
            numerator: group.count,
            denominator: requests,
            value: (requests > 0.0).then(|| group.count / requests),
            cells: group.cells,
        },
        effect: None,
        test: (!group.known).then(|| Test {
            name: "Chance of something new by itself, on new pods only".into(),
            statistic: crate::stats::normal_quantile(p.min(1.0 - 1e-12)),
            freedom: None,
            p,
            threshold,
            dispersion: 1.0,
        }),
    }
}
