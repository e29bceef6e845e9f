//! What Kubernetes says of the new pods: states that speak for themselves, and counts held against the past.

use model::{Against, DeployPhase, Effect, Evidence, Leak, Outcome, Sentence, Side, Signal, Test, Unit};

use crate::budget::spend;
use crate::signal::{can_be_chance, window};
use crate::stats::binomial_tail;
use crate::{DeployFacts, Rules, first};

/// Looks at pods.
pub(crate) fn kubernetes(facts: &DeployFacts, rules: &Rules) -> Vec<Evidence> {
    let mut found = states(facts, rules);
    let (new, old) = (&facts.kubernetes.new, &facts.kubernetes.old);
    let counts = [
        (Signal::Restarts, (new.restarts, new.restart_pods), old.restarts),
        (Signal::OomKills, (new.kills, new.kill_pods), old.kills),
        (Signal::FailedProbes, (new.probes, new.probe_pods), old.probes),
        (Signal::Unready, (new.unready as u32, new.unready_pods), old.unready as u32),
    ];
    found.extend(facts.leaks.as_ref().map(|leaks| climbs(leaks, facts, rules)));
    if new.minutes > 0.0 {
        let is_first = first::is_first(facts);
        found.extend(counts.into_iter().map(|(signal, now, then)| match is_first {
            true => first_counted(signal, now, facts, rules),
            false => counted(signal, now, then, facts, rules),
        }));
    }
    found
}

/// Whether new pods do not work at all.
pub(crate) fn broken(evidence: &[Evidence]) -> bool {
    let kinds = [Signal::CrashLoop, Signal::FailedPull, Signal::NeverReady];
    evidence.iter().any(|e| e.outcome == Outcome::Flagged && kinds.contains(&e.signal))
}

fn states(facts: &DeployFacts, rules: &Rules) -> Vec<Evidence> {
    let kubernetes = &facts.kubernetes;
    let excuse = || {
        let old = kubernetes.old_failing.then(|| "old pods fail as well".to_owned());
        kubernetes.elsewhere.clone().or(old)
    };
    let waited = kubernetes.first_pod.map_or(0, |first| facts.now.since(first));
    let late = kubernetes.ever_ready == 0 && kubernetes.new_pods > 0 && waited >= rules.ready_patience;
    let stuck = match &facts.deploy.phase {
        DeployPhase::Stuck { why, .. } => Some(why.clone()),
        _ => None,
    };
    let crash = kubernetes.crashing.first().map(|(pod, exit)| (pod.clone(), exit.clone()));
    let pull = kubernetes.unpullable.first().map(|image| (image.clone(), "can't be pulled".to_owned()));
    let never = late.then(|| (String::new(), format!("no new pod was ready in {} min", waited / model::MINUTE)));
    let stopped = stuck.map(|why| (String::new(), if why.is_empty() { "does not move".into() } else { why }));
    let rows = [
        (Signal::CrashLoop, crash, kubernetes.crashing.len(), "no new pod is in a crash loop"),
        (Signal::FailedPull, pull, kubernetes.unpullable.len(), "every image could be pulled"),
        (Signal::NeverReady, never, usize::from(late), "new pods got ready, or have time left"),
        (Signal::Stuck, stopped, 1, "the rollout moves, or is done"),
    ];
    let rows = rows.into_iter().map(|(signal, seen, count, fine)| {
        let flagged = seen.is_some() && excuse().is_none();
        let (subject, text) = match seen {
            Some((subject, text)) => (Some(subject).filter(|s| !s.is_empty()), excuse().unwrap_or(text)),
            None => (None, fine.to_owned()),
        };
        let count = if subject.is_some() || flagged { count as f64 } else { 0.0 };
        state(signal, subject, flagged, text, count, facts)
    });
    rows.collect()
}

/// Memory that climbs is this deploy's where the revision before did not climb alike; of a first revision, where it
/// ends soon.
fn climbs(leaks: &[Leak], facts: &DeployFacts, rules: &Rules) -> Evidence {
    let Some(leak) = leaks.first() else {
        return state(Signal::Leak, None, false, "no new pod's memory climbs without end".into(), 0.0, facts);
    };
    let (subject, count) = (leak.pods.first().map(|pod| pod.name.clone()), leak.pods.len() as f64);
    let why = leak.sentence.to_string();
    // What is not known of the revision before can't be held against this one.
    let (is_its_own, why) = match leak.before {
        _ if first::is_first(facts) => (leak.eta().is_some_and(|eta| eta.likely < rules.first_leak), why),
        None => (false, format!("{why}; how the revision before grew at this age is not known")),
        Some(_) => (!leak.is_old(), why),
    };
    state(Signal::Leak, subject, is_its_own, why, count, facts)
}

fn state(
    signal: Signal,
    subject: Option<String>,
    flagged: bool,
    why: String,
    count: f64,
    facts: &DeployFacts,
) -> Evidence {
    Evidence {
        signal,
        endpoint: None,
        subject,
        outcome: if flagged { Outcome::Flagged } else { Outcome::NotFlagged },
        why: Sentence::plain(why),
        against: Against::Nothing,
        old: None,
        new: side(facts, facts.deploy.to_name.clone(), count, f64::from(facts.kubernetes.new_pods)),
        effect: None,
        test: None,
    }
}

/// Events over pod minutes. Repeats on one pod mostly have one cause, so a repeat counts a third of a pod (and the
/// past, on the safe side, in full); then two Poisson counts are compared exactly (Przyborowski & Wilenski 1940).
fn counted(signal: Signal, (events, pods): (u32, u32), before: u32, facts: &DeployFacts, rules: &Rules) -> Evidence {
    let (new, old) = (&facts.kubernetes.new, &facts.kubernetes.old);
    let effective = f64::from(pods) + f64::from(events.saturating_sub(pods)) / 3.0;
    let share = new.minutes / (new.minutes + old.minutes).max(1e-9);
    // Half an event more in the past: what was never seen may still happen.
    let p = if events == 0 { 1.0 } else { binomial_tail(effective, effective + f64::from(before) + 0.5, share) };
    let threshold = spend(rules.alpha, signal, facts.look);
    let rate = |events: u32, minutes: f64| (minutes > 0.0).then(|| f64::from(events) / minutes * 60.0);
    let (now, then) = (rate(events, new.minutes).unwrap_or(0.0), rate(before, old.minutes).unwrap_or(0.0));
    let reason = if events == 0 {
        Err("none on new pods".to_owned())
    } else if events < 2 {
        Err("one alone is not called".to_owned())
    } else if old.minutes <= 0.0 {
        Err("there is no past to hold it against".to_owned())
    } else if now < 1.5 * then {
        Err("not half as often again as before".to_owned())
    } else if p > threshold {
        Err(can_be_chance(p, threshold))
    } else {
        Ok(format!("{events} on {pods} of {} new pods, {before} before", facts.kubernetes.new_pods))
    };
    let mut now_side = side(facts, facts.deploy.to_name.clone(), f64::from(events), new.minutes);
    now_side.value = Some(now);
    let name = facts.deploy.from_name.clone().unwrap_or_else(|| "before".into());
    let mut then_side = side(facts, name, f64::from(before), old.minutes);
    then_side.value = Some(then);
    Evidence {
        signal,
        endpoint: None,
        subject: None,
        outcome: if reason.is_ok() { Outcome::Flagged } else { Outcome::NotFlagged },
        why: Sentence::plain(match reason {
            Ok(text) | Err(text) => text,
        }),
        against: Against::Past,
        old: Some(then_side),
        new: now_side,
        effect: Some(Effect {
            unit: Unit::Rate,
            difference: now - then,
            ratio: (then > 0.0).then(|| now / then),
            interval: None,
            method: "Events a pod hour".into(),
            smallest: None,
        }),
        test: Some(Test {
            name: "Two Poisson counts, exact".into(),
            statistic: crate::stats::normal_quantile(p.min(1.0 - 1e-12)),
            freedom: None,
            p,
            threshold,
            dispersion: 1.0,
        }),
    }
}

/// Events on pods of a first revision: the rules of health need no past.
fn first_counted(signal: Signal, (events, pods): (u32, u32), facts: &DeployFacts, rules: &Rules) -> Evidence {
    let least = match signal {
        Signal::OomKills => rules.first_kills,
        Signal::Restarts => rules.first_restarts,
        Signal::FailedProbes => rules.first_probes,
        _ => rules.first_unready,
    };
    let unit = if signal == Signal::Unready { " min" } else { "" };
    let why = match events {
        0 => "none on new pods".to_owned(),
        _ if events < least => format!("{events}{unit} on new pods, called from {least}{unit} on"),
        _ => format!("{events}{unit} on {pods} of {} new pods", facts.kubernetes.new_pods),
    };
    let minutes = facts.kubernetes.new.minutes;
    let mut evidence = state(signal, None, events >= least, why, 0.0, facts);
    evidence.new = side(facts, facts.deploy.to_name.clone(), f64::from(events), minutes);
    evidence
}

fn side(facts: &DeployFacts, name: String, numerator: f64, denominator: f64) -> Side {
    let last = (facts.now.since(facts.deploy.started) / model::MINUTE).clamp(1, i64::from(i32::MAX)) as i32 - 1;
    let value = (denominator > 0.0).then(|| numerator / denominator);
    Side { name, window: window(facts, (0, last)), numerator, denominator, value, cells: 0 }
}
