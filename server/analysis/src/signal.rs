//! What looking at a signal gives, and the words its evidence shares.

use model::{Evidence, MINUTE, Outcome, Timestamp, Unjudged, Window, probability_text};

use crate::{DeployFacts, Rules};

/// What came of a signal on the service and its endpoints.
#[derive(Debug, Clone, Default)]
pub(crate) struct Looked {
    pub(crate) evidence: Vec<Evidence>,
    pub(crate) unjudged: Vec<Unjudged>,
    pub(crate) unjudged_in_all: u32,
    /// Whatever passes the gates would have been found on the service.
    pub(crate) powered: bool,
    /// The smallest value of the service that would have been found.
    pub(crate) visible: Option<f64>,
}

impl Looked {
    /// Adds a comparison of the whole service.
    pub(crate) fn service(&mut self, evidence: Evidence, powered: bool, visible: Option<f64>) {
        self.powered |= powered;
        self.visible = match (self.visible, visible) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self.evidence.push(evidence);
    }

    /// Adds endpoints that were not flagged, the nearest first and not more than can be read; the last says how
    /// many were looked at in all.
    pub(crate) fn rest(&mut self, mut rest: Vec<Evidence>, tested: usize) {
        let p = |evidence: &Evidence| evidence.test.as_ref().map_or(1.0, |test| test.p);
        rest.sort_by(|a, b| p(a).total_cmp(&p(b)));
        rest.truncate(crate::errors::SHOWN);
        if let Some(last) = rest.last_mut().filter(|_| tested > crate::errors::SHOWN) {
            last.why = last
                .why
                .clone()
                .text(format!("; {tested} comparisons of endpoints were made, the others are further off"));
        }
        self.evidence.append(&mut rest);
    }

    /// Whether any of it is flagged.
    pub(crate) fn flagged(&self) -> bool {
        self.evidence.iter().any(|evidence| evidence.outcome == Outcome::Flagged)
    }
}

/// The time of minutes counted from the deploy's.
pub(crate) fn window(facts: &DeployFacts, span: (i32, i32)) -> Window {
    let at = |minute: i32| Timestamp(facts.deploy.started.floor(MINUTE).0.saturating_add(i64::from(minute) * MINUTE));
    if span.0 > span.1 { Window::new(at(0), at(0)) } else { Window::new(at(span.0), at(span.1.saturating_add(1))) }
}

/// A share in words: `14.2 %`.
pub(crate) fn percent(share: f64) -> String {
    let value = share * 100.0;
    if value != 0.0 && value.abs() < 0.1 { format!("{value:.2} %") } else { format!("{value:.1} %") }
}

/// A count in words: whole, since a weighted count is an estimate anyway.
pub(crate) fn number(count: f64) -> String {
    let digits = format!("{:.0}", count.max(0.0));
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Why so few are not called: `2 errors are too few to call: 10 are needed`.
pub(crate) fn too_few(count: f64, what: &str, rules: &Rules) -> String {
    let count = number(count);
    let words = if count == "1" { format!("{what} is") } else { format!("{what}s are") };
    format!("{count} {words} too few to call: {} are needed", rules.error_count)
}

/// Why a difference is not called.
pub(crate) fn can_be_chance(p: f64, threshold: f64) -> String {
    format!("can be chance: {}", above(p, threshold))
}

/// Which p did not reach what.
pub(crate) fn above(p: f64, threshold: f64) -> String {
    format!("p {} is above {}", probability_text(p), probability_text(threshold))
}
