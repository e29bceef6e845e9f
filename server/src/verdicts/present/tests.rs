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
        subject: (signal == Signal::ErrorGroup).then(|| "Timeout".into()),
        outcome: Outcome::Flagged,
        why: Sentence::plain(""),
        against: Against::Past,
        old: Some(side(0.01)),
        new: side(0.21),
        effect: None,
        test: None,
    }
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
        Recent { service: &service, requests: &requests, errors: &errors, events: 0, short: false }.shows(&evidence)
    };
    assert!(shows(100.0, 20.0) && shows(100.0, 8.0));
    assert!(!shows(100.0, 1.0) && !shows(0.0, 0.0));
}

#[test]
fn an_error_group_counts_while_this_service_has_it() {
    let (own, other) = (service(), ServiceId::new("c", "shop", "Deployment", "cart"));
    let shows = |errors: BTreeSet<ErrorName>| {
        let requests = BTreeMap::new();
        let facts = Recent { service: &own, requests: &requests, errors: &errors, events: 0, short: false };
        facts.shows(&flagged(Signal::ErrorGroup))
    };
    assert!(shows(BTreeSet::from([error(&own, "Timeout")])));
    assert!(!shows(BTreeSet::from([error(&own, "Refused"), error(&other, "Timeout")])));
}
