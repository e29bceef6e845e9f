//! What of a verdict is still there, by what the last minutes show.

use model::{Against, Outcome, Sentence, Side};

use super::*;

fn service() -> ServiceId {
    ServiceId::new("c", "shop", "Deployment", "pay")
}

fn side(value: f64) -> Side {
    let window = Window::new(Timestamp(0), Timestamp(MINUTE));
    Side { name: "v".into(), window, numerator: 0.0, denominator: 0.0, value: Some(value), cells: 0 }
}

fn flagged(signal: Signal) -> Evidence {
    Evidence {
        signal,
        endpoint: Some("POST /pay".into()),
        subject: matches!(signal, Signal::ErrorGroup | Signal::LogPattern).then(|| "Timeout".into()),
        outcome: Outcome::Flagged,
        why: Sentence::plain(""),
        against: Against::Past,
        old: Some(side(0.01)),
        new: side(0.21),
        effect: None,
        test: None,
    }
}

/// Nothing happens to a service.
fn quiet(service: &ServiceId) -> Recent<'_> {
    static REQUESTS: Requests = BTreeMap::new();
    static ERRORS: BTreeSet<ErrorName> = BTreeSet::new();
    static PATTERNS: BTreeSet<String> = BTreeSet::new();
    Recent { service, requests: &REQUESTS, errors: &ERRORS, patterns: &PATTERNS, leaks: false, events: 0, short: false }
}

fn error(of: &ServiceId, error: &str) -> ErrorName {
    ErrorName { service: of.clone(), endpoint: "POST /pay".into(), error: error.into() }
}

#[test]
fn errors_that_ended_do_not_count_any_more() {
    let evidence = flagged(Signal::Errors);
    let shows = |requests: f64, errors: f64| {
        let red = Red { requests, errors, ..Red::default() };
        let (service, requests) = (service(), BTreeMap::from([(evidence.endpoint.clone(), red)]));
        let errors = BTreeSet::new();
        Recent { requests: &requests, errors: &errors, ..quiet(&service) }.shows(&evidence)
    };
    assert!(shows(100.0, 20.0) && shows(100.0, 8.0));
    assert!(!shows(100.0, 1.0) && !shows(0.0, 0.0));
}

#[test]
fn an_error_group_counts_while_this_service_has_it() {
    let (own, other) = (service(), ServiceId::new("c", "shop", "Deployment", "cart"));
    let shows =
        |errors: BTreeSet<ErrorName>| Recent { errors: &errors, ..quiet(&own) }.shows(&flagged(Signal::ErrorGroup));
    assert!(shows(BTreeSet::from([error(&own, "Timeout")])));
    assert!(!shows(BTreeSet::from([error(&own, "Refused"), error(&other, "Timeout")])));
}

#[test]
fn a_line_that_is_not_logged_any_more_and_a_leak_that_ended_do_not_count() {
    let own = service();
    let logged = |pattern: &str| {
        let patterns = BTreeSet::from([pattern.to_owned()]);
        Recent { patterns: &patterns, ..quiet(&own) }.shows(&flagged(Signal::LogPattern))
    };
    assert!(logged("Timeout") && !logged("Refused"));
    let leaking = |leaks| Recent { leaks, ..quiet(&own) }.shows(&flagged(Signal::Leak));
    assert!(leaking(true) && !leaking(false));
}
