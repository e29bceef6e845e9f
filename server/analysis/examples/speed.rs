//! Times verdicts: one on many endpoints, and an hour of looks at many services. `cargo run --release -p analysis
//! --example speed -- ENDPOINTS SERVICES`.
#![allow(clippy::print_stdout, clippy::disallowed_methods)]

#[path = "../tests/scenario/mod.rs"]
mod scenario;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use analysis::{DeployFacts, Look, Past, PastMinute, Rules, judge};
use scenario::{Drawn, Scenario, draw, looks};

/// As in the server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How often one verdict is made; the best counts.
const ROUNDS: usize = 25;
/// Services of which an hour may cost no more than `TARGET`.
const SERVICES: u32 = 10_000;
const TARGET: Duration = Duration::from_secs(60);
/// Earlier days whose like time is part of the past.
const DAYS: i32 = 7;

fn main() {
    let number = |at| std::env::args().nth(at).and_then(|text| text.parse::<u32>().ok());
    one(number(1).unwrap_or(1_000) as usize);
    hour(number(2).unwrap_or(50));
}

fn one(endpoints: usize) {
    let scenario = Scenario { endpoints, rate: 2.0 * endpoints as f64, history: 1, ..Scenario::default() };
    let drawn = draw(&scenario, 1);
    let begun = Instant::now();
    std::hint::black_box(Past::new(&drawn.past));
    let past = begun.elapsed();
    let facts = drawn.facts(15, Look::Minute(15));
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        std::hint::black_box(judge(&facts, &Rules::default()));
        times.push(begun.elapsed());
    }
    times.sort();
    println!(
        "{endpoints} endpoints, 3 pods, 15 min, 1 h of past: {:.1?} (best of {ROUNDS}, target 50 ms); the past is summed \
         up once a deploy before that, in {past:.1?}",
        times[0]
    );
}

/// An hour of looks, as a server has them: the past is summed up once a deploy, facts are made outside.
fn hour(drawn: u32) {
    let scenario = Scenario { endpoints: 5, history: 12, ..Scenario::default() };
    let deploys: Vec<Drawn> = (0..u64::from(drawn)).map(|seed| draw(&scenario, seed)).collect();
    let minutes: Vec<_> = deploys.iter().map(with_like).collect();
    let (past, pasts) = timed(|| minutes.iter().map(|minutes| Arc::new(Past::new(minutes))).collect::<Vec<_>>());
    let mut facts: Vec<DeployFacts> = Vec::new();
    for (deploy, past) in deploys.iter().zip(&pasts) {
        let at = |(minutes, look)| DeployFacts { past: Arc::clone(past), ..deploy.facts(minutes, look) };
        facts.extend(looks().into_iter().map(at));
    }
    let (looking, _) = timed(|| facts.iter().map(|facts| judge(facts, &Rules::default())).collect::<Vec<_>>());
    let of = |time: Duration| time * SERVICES / drawn;
    println!(
        "{SERVICES} services with 5 endpoints, 3 pods, 20 requests/s, 12 h and {DAYS} like times of past, each with one \
         deploy in the hour and its {} looks: {:.1?} of processor time (target {TARGET:.0?}): {:.1?} for the pasts, \
         {:.1?} for looks; measured on {drawn}, without reading the store",
        looks().len(),
        of(past + looking),
        of(past),
        of(looking),
    );
}

/// The hours drawn, and on earlier days the two hours around the deploy's minute like the last two.
fn with_like(deploy: &Drawn) -> BTreeMap<String, Vec<PastMinute>> {
    let like = |minutes: &Vec<PastMinute>| -> Vec<PastMinute> {
        let last = minutes.iter().filter(|past| past.minute >= -120);
        let at = |day: i32| {
            last.clone().map(move |past| PastMinute { minute: past.minute + 90 - day * 1_440, ..past.clone() })
        };
        (1..=DAYS).rev().flat_map(at).chain(minutes.iter().cloned()).collect()
    };
    deploy.past.iter().map(|(endpoint, minutes)| (endpoint.clone(), like(minutes))).collect()
}

/// How much processor time of this thread something took: what else the machine does is not counted.
fn timed<T>(of: impl FnOnce() -> T) -> (Duration, T) {
    let processor = || {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
        Duration::from_nanos(text.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or_default())
    };
    let begun = processor();
    let made = of();
    (processor() - begun, made)
}
