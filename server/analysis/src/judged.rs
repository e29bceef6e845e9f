//! A verdict in short: its headline, and in one line what that rests on.

use std::collections::BTreeSet;

use model::{Against, Evidence, Judged, Outcome, Signal, Verdict};

use crate::signal::number;

/// The short form of a verdict on the deploy with this number.
pub fn judged(sequence: u32, verdict: &Verdict) -> Judged {
    Judged {
        sequence,
        level: verdict.level,
        headline: verdict.headline.clone(),
        note: note(verdict),
        judged_at: verdict.judged_at,
    }
}

/// `98 of 14,120 requests against 1,998 of 14,070, old and new pods side by side · p < 0.0001 · 7 others not flagged`.
fn note(verdict: &Verdict) -> String {
    let flagged = |evidence: &&Evidence| evidence.outcome == Outcome::Flagged;
    let signals = |keep: &dyn Fn(&&Evidence) -> bool| -> BTreeSet<Signal> {
        verdict.evidence.iter().filter(|e| keep(e)).map(|e| e.signal).collect()
    };
    let called = signals(&flagged);
    let quiet = signals(&|e| e.outcome == Outcome::NotFlagged).difference(&called).count();
    let mut parts = Vec::new();
    if let Some(worst) = verdict.evidence.first().filter(flagged) {
        parts.extend(counts(worst));
        parts.extend(worst.test.as_ref().map(model::Test::p_text));
        let others: Vec<&str> = called.iter().filter(|s| **s != worst.signal).map(|s| s.word()).collect();
        if !others.is_empty() {
            parts.push(format!("also {}", others.join(", ").to_lowercase()));
        }
    }
    if quiet > 0 {
        let plural = if quiet == 1 { "signal" } else { "signals" };
        let other = if called.is_empty() { "" } else { "other " };
        parts.push(format!("{quiet} {other}{plural} not flagged"));
    }
    parts.join(" · ")
}

fn counts(evidence: &Evidence) -> Option<String> {
    if evidence.signal != Signal::Errors {
        return None;
    }
    let Some(old) = &evidence.old else {
        return Some(format!("{} of {} requests", number(evidence.new.numerator), number(evidence.new.denominator)));
    };
    let how = match evidence.against {
        Against::SideBySide => ", old and new pods side by side",
        _ => "",
    };
    let (new, of) = (&evidence.new, |n: f64| number(n));
    Some(format!(
        "{} of {} requests against {} of {}{how}",
        of(old.numerator),
        of(old.denominator),
        of(new.numerator),
        of(new.denominator)
    ))
}
