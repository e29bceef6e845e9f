//! The score of leaks by class, beside Coroot's rule on the same weeks: `cargo run --release -p analysis --example
//! leaks -- SEEDS [CLASS]`. A look every ten minutes, as the server has it. Each figure stands beside its target.
#![allow(clippy::print_stdout)]

mod coroot;
#[path = "../../tests/memory/mod.rs"]
mod memory;

use analysis::{LeakRules, leaks};
use memory::{Habit, MINUTES, QUIET, Week, at, draw, harmless};

fn main() {
    let seeds: u64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(40);
    let only = std::env::args().nth(2).unwrap_or_default();
    println!("harmless container-weeks called a leak | of | ours (target) | Coroot at 10 %/h | at 5 %/h");
    for habit in harmless().into_iter().filter(|habit| habit.name.contains(&only)) {
        let mut row = [0_u64; 3];
        for seed in 0..seeds {
            let week = draw(&habit, None, seed);
            row[0] += u64::from(first(&week, ours).is_some());
            row[1] += u64::from(first(&week, |week, minute| coroot::is_leak(week, minute, 0.10)).is_some());
            row[2] += u64::from(first(&week, |week, minute| coroot::is_leak(week, minute, 0.05)).is_some());
        }
        // A share of 1 %.
        println!("{} | {seeds} | {} (≤ {}) | {} | {}", habit.name, row[0], seeds / 100, row[1], row[2]);
    }
    println!(
        "\nleaks: %/h, habit | of | found in 2 h (target) | in 12 h (target) | before the end | median minutes | ETA within 25 %, of those found (target) | Coroot in 2 h | in 12 h"
    );
    for rate in [0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0] {
        for (habit, from) in leaking().into_iter().filter(|(habit, _)| habit.name.contains(&only)) {
            line(rate, &habit, from, seeds);
        }
    }
}

/// Habits on which leaks are laid, and the minute in which they begin.
fn leaking() -> Vec<(Habit, i64)> {
    let all = harmless();
    let named = |name: &str| all.iter().find(|habit| habit.name == name).copied().unwrap_or(QUIET);
    vec![
        (QUIET, 0),
        (Habit { name: "noise, from the second day on", ..QUIET }, 1_500),
        (named("sawtooth"), 0),
        (named("with the day's load"), 0),
        (named("warm-up"), 0),
        (Habit { name: "while load goes up and down", waves: (0.1, 0.3), ..QUIET }, 0),
    ]
}

fn line(rate: f64, habit: &Habit, from: i64, seeds: u64) {
    let (mut early, mut late, mut found, mut near, mut theirs) = (0, 0, 0, 0, [0; 2]);
    let mut minutes = Vec::new();
    for seed in 0..seeds {
        let week = draw(habit, Some((rate / 100.0, from)), 7_000 + seed);
        if let Some(minute) = first(&week, ours).filter(|minute| *minute >= from) {
            let after = minute - from;
            minutes.push(after);
            early += u64::from(after <= 120);
            late += u64::from(after <= 720);
            found += 1;
            near += u64::from(eta_is_near(&week, minute));
        }
        if let Some(minute) = first(&week, |week, minute| coroot::is_leak(week, minute, 0.05)).filter(|m| *m >= from) {
            theirs[0] += u64::from(minute - from <= 120);
            theirs[1] += u64::from(minute - from <= 720);
        }
    }
    minutes.sort_unstable();
    let median = minutes.get(minutes.len() / 2).map_or("-".into(), ToString::to_string);
    println!(
        "{rate}, {} | {seeds} | {} | {} | {found} | {median} | {near} ({found}) | {} | {}",
        habit.name,
        beside(early, (rate >= 5.0).then_some(seeds)),
        beside(late, (rate >= 1.0).then_some(seeds)),
        theirs[0],
        theirs[1]
    );
}

/// A figure and what it should be, where anything is asked of it.
fn beside(figure: u64, target: Option<u64>) -> String {
    target.map_or_else(|| figure.to_string(), |target| format!("{figure} ({target})"))
}

/// The minute of the first look that calls it, before the limit is reached.
fn first(week: &Week, is_called: impl Fn(&Week, i64) -> bool) -> Option<i64> {
    let end = week.ends.map_or(MINUTES, |minute| minute as i64);
    (1..=end / 10).map(|look| look * 10).filter(|minute| *minute < MINUTES).find(|minute| is_called(week, *minute))
}

fn ours(week: &Week, minute: i64) -> bool {
    !leaks(at(minute), &week.grown(minute), &[], &LeakRules::default()).is_empty()
}

/// Half an hour after the first call: within a quarter of what was true.
fn eta_is_near(week: &Week, minute: i64) -> bool {
    let Some(end) = week.ends else { return true };
    let minute = (minute + 30).min(end as i64 - 10);
    let found = leaks(at(minute), &week.grown(minute), &[], &LeakRules::default());
    let Some(eta) = found.first().and_then(|climbing| climbing.eta) else { return false };
    let (said, true_) = (eta.likely as f64 / model::MINUTE as f64, end - minute as f64);
    (said - true_).abs() <= 0.25 * true_
}
