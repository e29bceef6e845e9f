//! False alarms and power on seeded deploys; modest sizes here, full tables in `examples/power.rs`.

mod scenario;

use analysis::{Rules, judge};
use model::VerdictLevel;
use scenario::{Scenario, draw, harmless, looks};

fn flagged(scenario: &Scenario, seed: u64, until: i32) -> Option<i32> {
    let drawn = draw(scenario, seed);
    looks().into_iter().filter(|(minutes, _)| *minutes <= until).find_map(|(minutes, look)| {
        let verdict = judge(&drawn.facts(minutes, look), &Rules::default());
        matches!(verdict.level, VerdictLevel::Degraded | VerdictLevel::Failed).then_some(minutes)
    })
}

#[test]
fn harmless_deploys_of_every_class_stay_unflagged() {
    // Ten of each, at every look: with a true rate of 1 % a class, four alarms in 180 are a chance of one in ten.
    let mut alarms = Vec::new();
    for scenario in harmless().into_iter().filter(|s| s.endpoints < 10 && s.rate < 1_000.0) {
        for seed in 0..8 {
            if let Some(minutes) = flagged(&scenario, seed * 7_919 + 1, 15) {
                alarms.push((scenario.name, seed, minutes));
            }
        }
    }
    assert!(alarms.len() <= 3, "{alarms:?}");
}

#[test]
fn plain_degradations_are_found_within_ten_minutes_and_mostly_sooner() {
    let errors = Scenario { injected: (0.10, 1.0), ..Scenario::default() };
    let slow = Scenario { injected: (0.0, 2.0), ..Scenario::default() };
    for scenario in [errors, slow] {
        let times: Vec<Option<i32>> = (0..8).map(|seed| flagged(&scenario, 1_000 + seed, 10)).collect();
        assert!(times.iter().all(Option::is_some), "{times:?}");
        assert!(times.iter().flatten().all(|minutes| *minutes <= 6), "{times:?}");
    }
}

#[test]
fn what_could_not_be_seen_is_never_called_healthy() {
    // Twice the errors on one request a second: ten minutes can't show it.
    let scenario = Scenario { rate: 1.0, injected: (0.006, 1.0), ..Scenario::default() };
    for seed in 0..8 {
        let drawn = draw(&scenario, seed);
        for (minutes, look) in looks().into_iter().filter(|(minutes, _)| *minutes <= 15) {
            assert_ne!(judge(&drawn.facts(minutes, look), &Rules::default()).level, VerdictLevel::Healthy);
        }
    }
}
