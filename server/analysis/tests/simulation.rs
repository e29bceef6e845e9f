//! False alarms and power on seeded deploys; modest sizes here, full tables in `examples/power.rs`.

mod scenario;

use analysis::{Look, Rules, judge};
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

#[test]
fn an_episode_in_the_hour_after_a_deploy_is_not_its_doing() {
    let flapping = harmless().into_iter().find(|scenario| scenario.name == "flapping").unwrap();
    // With one episode in the past, and with none; one, two or three in the hour after.
    for seed in [19_u64, 157, 210, 292] {
        assert_eq!(flagged(&flapping, 777_777 + seed * 2_654_435_761 + 17, 60), None, "{seed}");
    }
}

#[test]
fn a_rise_that_begins_late_and_stays_is_found_within_the_hour() {
    let (before, after) = (Scenario::default(), Scenario { injected: (0.05, 1.0), ..Scenario::default() });
    for seed in 0..4 {
        let mut facts = draw(&before, seed).facts(60, Look::Hour);
        let late = draw(&after, seed).facts(60, Look::Hour);
        for (endpoint, late) in facts.endpoints.iter_mut().zip(late.endpoints) {
            endpoint.new.retain(|cell| cell.minute < 20);
            endpoint.new.extend(late.new.into_iter().filter(|cell| cell.minute >= 20));
        }
        let level = judge(&facts, &Rules::default()).level;
        assert!(matches!(level, VerdictLevel::Degraded | VerdictLevel::Failed), "{seed}: {level:?}");
    }
}
