//! The score of verdicts by class, beside two baselines on the same deploys: `cargo run --release -p analysis
//! --example score -- SEEDS`. Baselines are shown as shipped, and tuned on other seeds to no more false alarms than
//! verdicts have.
#![allow(clippy::print_stdout)]

mod coroot;
mod kayenta;
mod reach;
#[path = "../../tests/scenario/mod.rs"]
mod scenario;

use analysis::{Look, Rules};
use model::VerdictLevel;
use scenario::{Drawn, Scenario, draw, harmless, looks};

/// Seeds on which baselines are tuned; others are reported.
const TUNED_ON: u64 = 1 << 40;

fn main() {
    let seeds: u64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(20);
    let harmless: Vec<Scenario> = harmless().into_iter().filter(is_quick).collect();
    let bad: Vec<Scenario> = degradations();
    let tuning: Vec<Drawn> = harmless.iter().flat_map(|of| drawn(of, seeds.div_ceil(4), TUNED_ON)).collect();
    let (coroot, kayenta) = (coroot::tuned(&tuning), kayenta::tuned(&tuning));
    println!("tuned: Coroot's change {:.2}, Kayenta's effect {:.2}\n", coroot.change, kayenta.effect);

    println!("harmless deploys flagged | of | verdicts | Coroot | tuned | Kayenta | tuned");
    let mut sums = [0; 5];
    for of in &harmless {
        let row = counts(&drawn(of, seeds, 0), 60, &coroot, &kayenta);
        println!("{} | {seeds} | {}", of.name, words(row));
        (0..5).for_each(|at| sums[at] += row[at]);
    }
    println!("all | {} | {}\n", seeds * harmless.len() as u64, words(sums));

    println!("degradations found in 10 min (Coroot: 30) | of | verdicts | Coroot | tuned | Kayenta | tuned | in reach");
    let (mut found, mut of_reach) = (0, 0);
    for of in &bad {
        let row = counts(&drawn(of, seeds, 0), 10, &coroot, &kayenta);
        let in_reach = reach::is_in_reach(of, &Rules::default());
        if in_reach {
            found += row[0];
            of_reach += seeds;
        }
        println!("{} | {seeds} | {} | {}", title(of), words(row), if in_reach { "yes" } else { "no" });
    }
    println!("all in reach | {of_reach} | {found}");
}

/// Classes that take long to draw are `power`'s.
fn is_quick(of: &Scenario) -> bool {
    of.endpoints <= 10 && of.rate <= 1_000.0
}

fn degradations() -> Vec<Scenario> {
    let mut all = Vec::new();
    for rate in [1.0, 20.0, 100.0] {
        for injected in [(0.01, 1.0), (0.03, 1.0), (0.1, 1.0), (0.0, 1.3), (0.0, 2.0)] {
            for clustered in [0.0, 2.0] {
                all.push(Scenario { rate, injected, clustered, ..Scenario::default() });
            }
        }
        all.push(Scenario { rate, injected: (0.1, 1.0), everywhere: false, ..Scenario::default() });
    }
    all
}

fn title(of: &Scenario) -> String {
    let where_ = if of.everywhere { "" } else { ", one endpoint" };
    let (points, slow) = of.injected;
    let what = if points > 0.0 { format!("+{} pt errors", points * 100.0) } else { format!("{slow} × as slow") };
    format!("{}/s, {what}{where_}, clusters {}", of.rate, of.clustered)
}

fn drawn(of: &Scenario, seeds: u64, base: u64) -> Vec<Drawn> {
    (0..seeds).map(|seed| draw(of, base + seed * 2_654_435_761 + 17)).collect()
}

/// Flagged by verdicts until a minute, by Coroot's rule as shipped and tuned, by Kayenta's as shipped and tuned.
fn counts(all: &[Drawn], until: i32, coroot: &coroot::Rule, kayenta: &kayenta::Rule) -> [u64; 5] {
    let mut row = [0; 5];
    for drawn in all {
        let (ten, half) = (drawn.facts(10, Look::Minute(10)), drawn.facts(30, Look::Half));
        let flags = [
            is_flagged(drawn, until),
            coroot::Rule::default().is_flagged(&half, drawn),
            coroot.is_flagged(&half, drawn),
            kayenta::Rule::default().is_flagged(&ten, drawn),
            kayenta.is_flagged(&ten, drawn),
        ];
        (0..5).for_each(|at| row[at] += u64::from(flags[at]));
    }
    row
}

fn is_flagged(drawn: &Drawn, until: i32) -> bool {
    looks().into_iter().filter(|(minutes, _)| *minutes <= until).any(|(minutes, look)| {
        let level = drawn.judged(minutes, look).level;
        matches!(level, VerdictLevel::Degraded | VerdictLevel::Failed)
    })
}

fn words(row: [u64; 5]) -> String {
    row.map(|count| count.to_string()).join(" | ")
}
