//! Times a verdict on many endpoints: `cargo run --release -p analysis --example speed -- ENDPOINTS`.
#![allow(clippy::print_stdout, clippy::disallowed_methods)]

#[path = "../tests/scenario/mod.rs"]
mod scenario;

use std::time::Instant;

use analysis::{Look, Rules, judge};
use scenario::{Scenario, draw};

fn main() {
    let endpoints = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1_000);
    let scenario = Scenario { endpoints, rate: 2.0 * endpoints as f64, history: 1, ..Scenario::default() };
    let facts = draw(&scenario, 1).facts(15, Look::Minute(15));
    let rounds = std::env::args().nth(2).and_then(|text| text.parse().ok()).unwrap_or(25);
    let mut times = Vec::new();
    for _ in 0..rounds {
        let begun = Instant::now();
        std::hint::black_box(judge(&facts, &Rules::default()));
        times.push(begun.elapsed());
    }
    times.sort();
    println!("{endpoints} endpoints, 3 pods, 15 min, 1 h of past: {:?} (best of 25)", times[0]);
}
