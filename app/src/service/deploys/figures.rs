//! The numbers of evidence in words: the two sides, the difference, the test. Pure.

use model::{Effect, Evidence, Outcome, Side, Signal, Test, Unit, duration_text, probability_text};

use crate::ui::number;

/// A side: counts where it is a share, else its value.
pub(super) fn side(evidence: &Evidence, side: &Side) -> String {
    let Some(value) = side.value else { return number::NONE.to_owned() };
    match evidence.effect.as_ref().map(|effect| effect.unit) {
        Some(Unit::Share) => format!("{} / {}", number::count(side.numerator), number::count(side.denominator)),
        Some(Unit::Rate) => {
            format!("{} in {} pod h", number::count(side.numerator), number::any(side.denominator / 60.0))
        }
        Some(unit) => amount(unit, value),
        None => match evidence.signal {
            // All there were, while shares leave out minutes in which pods warm up or only one revision ran.
            Signal::ErrorGroup | Signal::LogPattern => format!("{}× since the deploy", number::count(side.numerator)),
            Signal::Restarts | Signal::OomKills | Signal::FailedProbes | Signal::Unready => {
                format!("{} in {} pod h", number::count(side.numerator), number::rate(side.denominator / 60.0))
            }
            _ => format!("{} / {}", number::count(side.numerator), number::count(side.denominator)),
        },
    }
}

/// A value in its unit.
pub(super) fn amount(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Share => number::share(value),
        Unit::Median | Unit::P95 => duration_text(value),
        Unit::Rate => format!("{} per pod h", number::any(value)),
        Unit::Count => number::any(value),
        Unit::CpuSeconds => duration_text(value * 1e9),
        Unit::Bytes => model::bytes_text(value),
    }
}

/// The difference: its interval where one was made.
pub(super) fn change(effect: &Effect) -> String {
    let signed = |value: f64| {
        let sign = if value < 0.0 { "−" } else { "+" };
        let text = match effect.unit {
            Unit::Share => format!("{} pt", number::trimmed(value.abs() * 100.0, 1)),
            unit => amount(unit, value.abs()),
        };
        format!("{sign}{text}")
    };
    match effect.interval {
        Some((from, to)) => format!("{} … {}", signed(from), signed(to)),
        None => signed(effect.difference),
    }
}

/// `Fisher's exact test · p 3e-92, needs 0.0002`.
pub(super) fn test(test: &Test) -> String {
    // A minus, where a hyphen would let a line end within a number.
    let number = |p| probability_text(p).replace('-', "−");
    format!("{} · p {}, needs {}", test.name, number(test.p), number(test.threshold))
}

/// What came of it, and its tone.
pub(super) fn called(evidence: &Evidence) -> (&'static str, &'static str) {
    match (evidence.outcome, evidence.signal) {
        (Outcome::Flagged, Signal::ErrorGroup | Signal::LogPattern) => ("new", "bad"),
        (Outcome::Flagged, Signal::Latency) => ("slower", "warn"),
        (Outcome::Flagged, _) => ("worse", "bad"),
        (Outcome::Better, Signal::Latency) => ("faster", "good"),
        (Outcome::Better, _) => ("better", "good"),
        (Outcome::NotFlagged, _) => ("not flagged", "plain"),
        (Outcome::NotJudged, _) => ("not judged", "plain"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_have_their_sign_and_interval() {
        let effect = |unit, difference, interval| Effect {
            unit,
            difference,
            ratio: None,
            interval,
            method: String::new(),
            smallest: None,
        };
        assert_eq!(change(&effect(Unit::Share, 0.135, Some((0.129, 0.141)))), "+12.9 pt … +14.1 pt");
        assert_eq!(change(&effect(Unit::Share, -0.001, None)), "−0.1 pt");
        assert_eq!(change(&effect(Unit::P95, 231e6, None)), "+231 ms");
    }

    #[test]
    fn what_nothing_is_compared_with_has_its_counts() {
        let window = model::Window::new(model::Timestamp(0), model::Timestamp(1));
        let new = Side { name: "v1".into(), window, numerator: 2.0, denominator: 90.0, value: Some(0.02), cells: 0 };
        let of = |signal| Evidence {
            signal,
            endpoint: None,
            subject: None,
            outcome: Outcome::Flagged,
            why: model::Sentence::default(),
            against: model::Against::Nothing,
            old: None,
            new: new.clone(),
            effect: None,
            test: None,
        };
        assert_eq!(side(&of(Signal::Restarts), &new), "2 in 1.5 pod h");
        assert_eq!(side(&of(Signal::Errors), &new), "2 / 90");
        assert_eq!(side(&of(Signal::ErrorGroup), &new), "2× since the deploy");
    }
}
