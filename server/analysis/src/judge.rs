//! The verdict: every signal is looked at, the worst that is flagged gives level and headline.

use std::cmp::Reverse;

use model::{Deploy, DeployPhase, Evidence, Outcome, Sentence, Signal, Verdict, VerdictLevel};

use crate::baseline::{Baseline, baseline};
use crate::signal::Looked;
use crate::{DeployFacts, Rules, errors, first, groups, kubernetes, latency, recovery, sentence, usage};

/// Judges a deploy at one look. The same facts and rules give the same verdict.
pub fn judge(facts: &DeployFacts, rules: &Rules) -> Verdict {
    let baseline = baseline(facts, rules);
    let (failing, slow) = requests(&baseline, facts, rules);
    let mut evidence: Vec<Evidence> = kubernetes::kubernetes(facts, rules);
    evidence.extend(failing.evidence.iter().chain(&slow.evidence).cloned());
    evidence.extend(recovery::recovery(&baseline, facts, rules));
    if first::is_first(facts) {
        evidence.extend(first::not_judged(facts));
    } else {
        // All since the deploy, as groups are counted.
        let requests = facts.endpoints.iter().flat_map(|endpoint| &endpoint.new).map(|cell| cell.red.requests).sum();
        evidence.extend(groups::groups(facts, requests, rules));
        evidence.extend(usage::usage(facts, rules));
    }
    freeze(&mut evidence, facts);
    sort(&mut evidence);
    let (level, mut headline) = conclude(&evidence, &baseline, (&failing, &slow), facts, rules);
    if first::is_first(facts) {
        headline = headline.text("; a first revision has nothing to be compared with");
    }
    let compared = failing.evidence.iter().chain(&slow.evidence).next();
    Verdict {
        level,
        headline,
        rules: rules.version,
        judged_at: facts.now,
        against: compared.map(|evidence| evidence.against),
        discounted: baseline.discounted,
        unjudged: failing.unjudged,
        unjudged_in_all: failing.unjudged_in_all,
        evidence,
    }
}

/// Whether other services may discount what a verdict that was made without them calls: where it calls nothing that
/// they could share, they change no more than what is said of power, and need not be asked.
pub fn hangs_on_peers(verdict: &Verdict) -> bool {
    let shared = |signal| matches!(signal, Signal::Errors | Signal::Latency | Signal::Throughput);
    verdict.evidence.iter().any(|evidence| evidence.outcome == Outcome::Flagged && shared(evidence.signal))
}

/// Errors and durations. Of a first revision nothing is known of durations, and so nothing is missed.
fn requests(baseline: &Baseline<'_>, facts: &DeployFacts, rules: &Rules) -> (Looked, Looked) {
    if first::is_first(facts) {
        return (first::errors(baseline, facts, rules), Looked { powered: true, ..Looked::default() });
    }
    (errors::errors(baseline, facts, rules), latency::latency(baseline, facts, rules))
}

/// A look that is had again tests a second time at a level that is spent: whatever rests on a test stays as it was.
fn freeze(evidence: &mut [Evidence], facts: &DeployFacts) {
    let Some(called) = &facts.spent else { return };
    let name = |e: &Evidence| (e.signal, e.endpoint.clone(), e.subject.clone());
    let is_new = |e: &&mut Evidence| {
        e.outcome == Outcome::Flagged && e.test.is_some() && !called.iter().any(|known| name(known) == name(e))
    };
    for evidence in evidence.iter_mut().filter(is_new) {
        evidence.outcome = Outcome::NotFlagged;
        evidence.why = evidence.why.clone().text("; not called when this look was had first");
    }
}

/// Flagged ones first, by how much they hurt; then what was not flagged, nearest first.
fn sort(evidence: &mut [Evidence]) {
    let service = evidence
        .iter()
        .find(|e| e.signal == Signal::Errors && e.endpoint.is_none() && e.outcome == Outcome::Flagged)
        .map(excess);
    let rank = |e: &Evidence| match e.signal {
        Signal::FailedPull => 0,
        Signal::CrashLoop => 1,
        Signal::NeverReady => 2,
        // An endpoint that has most of the service's excess is what a person would name.
        Signal::Errors if e.endpoint.is_some() && service.is_some_and(|all| excess(e) < 0.6 * all) => 4,
        Signal::Errors if e.endpoint.is_some() => 3,
        Signal::Errors => 3 + u8::from(service.is_none()),
        Signal::Latency => 5 + u8::from(e.endpoint.is_none()),
        Signal::ErrorGroup => 7,
        Signal::OomKills => 8,
        Signal::Restarts => 9,
        _ => 10,
    };
    let key = |e: &Evidence| {
        let named = u8::from(e.endpoint.is_none());
        let p = e.test.as_ref().map_or(1.0, |test| test.p);
        (e.outcome, rank(e), named, Reverse(excess(e).max(0.0) as u64), p.to_bits())
    };
    evidence.sort_by_cached_key(key);
}

/// Requests that fail more than they did.
fn excess(evidence: &Evidence) -> f64 {
    let old = evidence.old.as_ref().and_then(|old| old.value).unwrap_or(0.0);
    evidence.new.numerator - old * evidence.new.denominator
}

fn conclude(
    evidence: &[Evidence],
    baseline: &Baseline<'_>,
    (failing, slow): (&Looked, &Looked),
    facts: &DeployFacts,
    rules: &Rules,
) -> (VerdictLevel, Sentence) {
    let deploy = &facts.deploy;
    let worst = evidence.first().filter(|evidence| evidence.outcome == Outcome::Flagged);
    let said = worst.map(|evidence| sentence::flagged(evidence, deploy));
    if facts.rolled_back.is_some() {
        return (VerdictLevel::RolledBack, rolled_back(deploy, said));
    }
    if let (Some(worst), Some(said)) = (worst, said) {
        let failed = kubernetes::broken(evidence) || evidence.iter().any(|e| is_failure(e, rules));
        return match (failed, worst.signal) {
            (true, _) => (VerdictLevel::Failed, said),
            (false, Signal::Stuck) => (VerdictLevel::Stuck, said),
            (false, _) => (VerdictLevel::Degraded, said),
        };
    }
    match &deploy.phase {
        DeployPhase::RollingOut | DeployPhase::Paused { .. } => {
            let fine = if first::is_first(facts) { "wrong" } else { "worse" };
            let pods = format!(
                ": {} of {} new pods ready, nothing is {fine} so far",
                facts.kubernetes.new_ready, facts.kubernetes.new_pods
            );
            return (
                VerdictLevel::RollingOut,
                Sentence::plain("Rolling out ").strong(deploy.to_name.clone()).text(pods),
            );
        }
        DeployPhase::Stuck { why, .. } => {
            let why = facts.kubernetes.elsewhere.clone().unwrap_or_else(|| why.clone());
            let said = Sentence::plain("Rollout of ").strong(deploy.to_name.clone()).text(format!(" is stuck: {why}"));
            return (VerdictLevel::Stuck, said);
        }
        DeployPhase::Settled { .. } | DeployPhase::Superseded { .. } => {}
    }
    if !baseline.any_requests {
        let watched = facts.kubernetes.first_pod.map_or(0, |first| facts.now.since(first));
        let quiet = watched >= rules.quiet && facts.kubernetes.new_ready > 0;
        let level = if quiet { VerdictLevel::Healthy } else { VerdictLevel::TooLittleData };
        return (level, sentence::no_requests(deploy, quiet));
    }
    if recovery::is_enough(evidence, baseline, failing.powered, facts, rules) {
        return (VerdictLevel::Healthy, recovery::sentence(evidence, deploy));
    }
    if failing.powered && slow.powered && !failing.flagged() && !slow.flagged() {
        let is_held_against = |e: &&Evidence| e.signal == Signal::Errors && e.outcome != Outcome::Better;
        return (VerdictLevel::Healthy, sentence::healthy(deploy, evidence.iter().find(is_held_against)));
    }
    if evidence.iter().any(|evidence| evidence.outcome == Outcome::Better) {
        let said = recovery::sentence(evidence, deploy).text("; of the rest too little is known");
        return (VerdictLevel::TooLittleData, said);
    }
    // What is flagged and was not called when this look was had first can't be told either.
    let unseen = |looked: &Looked| (!looked.powered || looked.flagged()).then_some(looked.visible);
    (VerdictLevel::TooLittleData, sentence::unsure(deploy, unseen(failing), unseen(slow)))
}

fn is_failure(evidence: &Evidence, rules: &Rules) -> bool {
    evidence.outcome == Outcome::Flagged
        && evidence.signal == Signal::Errors
        && evidence.new.value.is_some_and(|share| share >= rules.failed_share)
        && evidence.new.numerator >= rules.failed_count
}

fn rolled_back(deploy: &Deploy, said: Option<Sentence>) -> Sentence {
    let sentence = Sentence::default().strong(deploy.to_name.clone()).text(" was taken back");
    match said {
        Some(said) => said.parts.into_iter().fold(sentence.text(". Said of it was: "), |mut sentence, part| {
            sentence.parts.push(part);
            sentence
        }),
        None => sentence,
    }
}
