//! Prints false alarms, detections and times to a verdict by class: `cargo run --release -p analysis --example
//! power -- SEEDS [CLASS]`.
#![allow(clippy::print_stdout)]

#[path = "../tests/scenario/mod.rs"]
mod scenario;

use std::collections::BTreeMap;

use analysis::{Rules, judge};
use model::{Outcome, VerdictLevel};
use scenario::{Scenario, draw, harmless, looks};

fn main() {
    let seeds: u64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(100);
    println!("harmless class | deploys | flagged at any of 17 looks | by signal | healthy at 15 and 60 min");
    // A class by the beginning of its name, or all.
    let class = std::env::args().nth(2).unwrap_or_default();
    for scenario in harmless().into_iter().filter(|scenario| scenario.name.starts_with(&class)) {
        let seeds = if scenario.endpoints > 10 || scenario.rate > 1_000.0 { seeds.div_ceil(10) } else { seeds };
        alarms(&scenario, seeds);
    }
    if !class.is_empty() {
        return;
    }
    println!("injected | deploys | found by 3, 5, 10 min, 60 min | median minute | healthy though injected, at 10 min");
    for rate in [1.0, 20.0, 200.0] {
        for injected in [(0.01, 1.0), (0.02, 1.0), (0.05, 1.0), (0.14, 1.0), (0.0, 1.3), (0.0, 1.6), (0.0, 2.5)] {
            for clustered in [0.0, 2.0] {
                found(&Scenario { rate, injected, clustered, ..Scenario::default() }, seeds.div_ceil(4));
            }
        }
    }
}

fn alarms(scenario: &Scenario, seeds: u64) {
    let (mut flagged, mut signals, mut healthy) = (0, BTreeMap::<String, u32>::new(), [0, 0]);
    for seed in 0..seeds {
        let drawn = draw(scenario, seed * 2_654_435_761 + 17);
        let mut any = false;
        for (minutes, look) in looks() {
            let verdict = judge(&drawn.facts(minutes, look), &Rules::default());
            if let Some(worst) = verdict.evidence.first().filter(|e| e.outcome == Outcome::Flagged && !any) {
                *signals.entry(format!("{:?}/{:?}@{minutes}", worst.signal, worst.against)).or_default() += 1;
                any = true;
            }
            healthy[0] += u32::from(minutes == 15 && verdict.level == VerdictLevel::Healthy);
            healthy[1] += u32::from(minutes == 60 && verdict.level == VerdictLevel::Healthy);
        }
        flagged += u32::from(any);
    }
    println!("{} | {seeds} | {flagged} | {signals:?} | {healthy:?}", scenario.name);
}

fn found(scenario: &Scenario, seeds: u64) {
    let (mut times, mut wrong) = (Vec::new(), 0);
    for seed in 0..seeds {
        let drawn = draw(scenario, seed * 40_503 + 5);
        let mut first = None;
        for (minutes, look) in looks() {
            let level = judge(&drawn.facts(minutes, look), &Rules::default()).level;
            if minutes == 10 && level == VerdictLevel::Healthy {
                wrong += 1;
            }
            if matches!(level, VerdictLevel::Degraded | VerdictLevel::Failed) {
                first = Some(minutes);
                break;
            }
        }
        times.push(first.unwrap_or(i32::MAX));
    }
    times.sort_unstable();
    let by = |minutes: i32| times.iter().filter(|time| **time <= minutes).count();
    println!(
        "{}/s +{} ×{} clustered {} | {seeds} | {} {} {} {} | {} | {wrong}",
        scenario.rate,
        scenario.injected.0,
        scenario.injected.1,
        scenario.clustered,
        by(3),
        by(5),
        by(10),
        by(60),
        times[times.len() / 2],
    );
}
