//! Seeded deploys with known truth: load, clustered errors, durations, rollout, injected degradation. Counts are
//! drawn a pod and minute at a time, so that thousands of deploys take seconds.
#![allow(dead_code, missing_docs, unreachable_pub)]

use std::collections::BTreeMap;
use std::sync::Arc;

use analysis::{
    Births, Cell, DeployFacts, EndpointFacts, KubernetesFacts, Look, Past, PastMinute, Peer, PodFacts, PodTally,
    Rollout, Rules, hangs_on_peers, judge,
};
use model::{
    Deploy, DeployId, DeployKind, DeployPhase, Histogram, MINUTE, Red, RevisionHash, ServiceId, Timestamp, Verdict,
};

#[path = "../random/mod.rs"]
mod random;

pub use random::Random;

/// A kind of service and what happens to it.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub name: &'static str,
    /// Requests a second, all pods and endpoints.
    pub rate: f64,
    pub pods: u32,
    pub endpoints: usize,
    /// Share of requests that fail.
    pub errors: f64,
    /// Variance of the error rate of a cell over its square: clusters of one pod.
    pub clustered: f64,
    /// Variance of the error rate shared by all pods of a minute.
    pub shared: f64,
    /// Chance that a minute begins ten of ten times the errors.
    pub flapping: f64,
    /// Amplitude of the day in load.
    pub diurnal: f64,
    /// Variance of the load of a minute.
    pub bursty: f64,
    /// Errors in the first two minutes of a pod.
    pub warm_up: f64,
    /// Variance of log duration that a whole minute, and a cell, shares.
    pub wander: f64,
    /// Minutes in which each pod is replaced.
    pub rollout: i32,
    /// Callers ask so many times more, and fail by so many points, from minute 0 on.
    pub incident: Option<(f64, f64)>,
    /// Every service fails by so many points more from minute 0 on.
    pub outage: f64,
    /// Injected on the new revision: points of errors, and times the duration, on the first endpoint or all.
    pub injected: (f64, f64),
    pub everywhere: bool,
    /// Hours of the past that are retained.
    pub history: i32,
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            name: "steady",
            rate: 20.0,
            pods: 3,
            endpoints: 3,
            errors: 0.005,
            clustered: 0.0,
            shared: 0.0,
            flapping: 0.0,
            diurnal: 0.0,
            bursty: 0.0,
            warm_up: 0.0,
            wander: 0.0,
            rollout: 3,
            incident: None,
            outage: 0.0,
            injected: (0.0, 1.0),
            everywhere: true,
            history: 6,
        }
    }
}

/// Classes of deploys that do nothing.
pub fn harmless() -> Vec<Scenario> {
    let base = Scenario::default;
    vec![
        base(),
        Scenario { name: "tiny, 0.05/s", rate: 0.05, errors: 0.02, ..base() },
        Scenario { name: "small, 1/s", rate: 1.0, errors: 0.01, ..base() },
        Scenario { name: "large, 5,000/s", rate: 5_000.0, clustered: 0.05, pods: 10, ..base() },
        Scenario { name: "clustered by pod", clustered: 4.0, ..base() },
        Scenario { name: "over-dispersed minutes", shared: 2.0, clustered: 1.0, ..base() },
        Scenario { name: "flapping", flapping: 0.01, ..base() },
        Scenario { name: "diurnal", diurnal: 0.6, shared: 0.5, wander: 0.01, ..base() },
        Scenario { name: "bursty load", bursty: 0.5, ..base() },
        Scenario { name: "latency wanders", wander: 0.05, ..base() },
        Scenario { name: "warm-up bursts", warm_up: 0.15, ..base() },
        Scenario { name: "slow canary", rollout: 20, clustered: 1.0, ..base() },
        Scenario { name: "caller's incident", incident: Some((4.0, 0.05)), ..base() },
        Scenario { name: "incident, no load", incident: Some((1.0, 0.05)), rollout: 8, ..base() },
        Scenario { name: "everything fails", outage: 0.04, ..base() },
        Scenario { name: "one pod", pods: 1, clustered: 1.0, ..base() },
        Scenario { name: "40 endpoints", endpoints: 40, rate: 100.0, clustered: 1.0, ..base() },
        Scenario { name: "short history", history: 1, shared: 1.0, ..base() },
    ]
}

pub const LAST: i32 = 60;

/// Everything drawn of one deploy, cut into looks afterwards.
pub struct Drawn {
    scenario: Scenario,
    endpoints: Vec<EndpointFacts>,
    /// Minutes of the past by endpoint.
    pub past: BTreeMap<String, Vec<PastMinute>>,
    known: Arc<Past>,
    pods: Vec<PodFacts>,
    peers: Vec<(Red, f64)>,
    earlier: Vec<Rollout>,
}

struct Minute {
    load: f64,
    errors: f64,
    log_duration: f64,
}

fn minute(s: &Scenario, at: i32, flap: &mut i32, r: &mut Random) -> Minute {
    if *flap == 0 && r.unit() < s.flapping {
        *flap = 10;
    }
    let flapping = if *flap > 0 { 10.0 } else { 1.0 };
    *flap = (*flap - 1).max(0);
    let day = 1.0 + s.diurnal * (std::f64::consts::TAU * f64::from(at) / 1_440.0).sin();
    let incident = s.incident.filter(|_| at >= 0);
    Minute {
        load: day * r.gamma(s.bursty) * incident.map_or(1.0, |(load, _)| load),
        errors: s.errors * r.gamma(s.shared) * flapping
            + incident.map_or(0.0, |(_, points)| points)
            + if at >= 0 { s.outage } else { 0.0 },
        log_duration: (0.5 * s.wander).sqrt() * r.normal(),
    }
}

/// Requests of a cell: the clusters of a pod, and a log-normal of durations around 80 ms.
fn cell(s: &Scenario, requests: f64, share: f64, log_duration: f64, slow: f64, r: &mut Random) -> Red {
    let n = r.poisson(requests);
    let clustered = r.gamma(s.clustered);
    let errors = r.binomial(n, (share * clustered).min(1.0));
    let middle = (80e6 * slow).ln() + log_duration + (0.5 * s.wander).sqrt() * r.normal();
    let mut histogram = Histogram::default();
    // Above 800 requests a few draws are weighted: the spread of their sum is a cell's, and drawing stays cheap.
    let draws = n.min(800.0);
    for _ in 0..draws as u32 {
        histogram.add((middle + 0.7 * r.normal()).exp() as i64, (n / draws) as f32);
    }
    Red { requests: n, errors, histogram, ..Red::default() }
}

pub fn draw(s: &Scenario, seed: u64) -> Drawn {
    let r = &mut Random(seed);
    let names: Vec<String> = (0..s.endpoints).map(|at| format!("GET /{at}")).collect();
    let mut endpoints: Vec<EndpointFacts> =
        names.iter().map(|name| EndpointFacts { endpoint: name.clone(), ..EndpointFacts::default() }).collect();
    let of = |load: f64| s.rate * 60.0 * load / s.endpoints as f64;
    let mut flap = 0;
    let mut past: BTreeMap<String, Vec<PastMinute>> = BTreeMap::new();
    for at in -s.history * 60..0 {
        let now = minute(s, at, &mut flap, r);
        for endpoint in &endpoints {
            let mut red = Red::default();
            for _ in 0..s.pods {
                red.merge(&cell(s, of(now.load) / f64::from(s.pods), now.errors, now.log_duration, 1.0, r));
            }
            past.entry(endpoint.endpoint.clone()).or_default().push(PastMinute { minute: at, red });
        }
    }
    let starts = |pod: u32| (pod as i32 + 1) * s.rollout / s.pods as i32;
    let mut pods: Vec<PodFacts> = (0..s.pods).map(|pod| PodFacts { first: -600, last: Some(starts(pod)) }).collect();
    pods.extend((0..s.pods).map(|pod| PodFacts { first: starts(pod), last: None }));
    for at in 0..LAST {
        let now = minute(s, at, &mut flap, r);
        for (e, endpoint) in endpoints.iter_mut().enumerate() {
            let hit = s.everywhere || e == 0;
            for pod in 0..s.pods {
                let new = at >= starts(pod);
                let age = at - starts(pod);
                let warm = if new && age < 2 { s.warm_up } else { 0.0 };
                let (points, slow) = if new && hit { s.injected } else { (0.0, 1.0) };
                let share = now.errors + points + warm;
                let red = cell(s, of(now.load) / f64::from(s.pods), share, now.log_duration, slow, r);
                let side = if new { &mut endpoint.new } else { &mut endpoint.old };
                side.push(Cell { pod: if new { pod + s.pods } else { pod }, minute: at, red });
            }
        }
    }
    let steady = Red { requests: 10_000.0, errors: 10_000.0 * s.errors, ..Red::default() };
    let rollout = |r: &mut Random| Rollout {
        ages: (0..5)
            .map(|age| cell(s, s.rate * 60.0, s.errors + if age < 2 { s.warm_up } else { 0.0 }, 0.0, 1.0, r))
            .collect(),
        steady: steady.clone(),
    };
    let earlier = (0..3).map(|_| rollout(r)).collect();
    let peers = (0..5).map(|_| (Red { requests: 20_000.0, errors: 20.0, ..Red::default() }, s.outage)).collect();
    let known = Arc::new(Past::new(&past));
    Drawn { scenario: s.clone(), endpoints, past, known, pods, peers, earlier }
}

pub fn start() -> Timestamp {
    Timestamp(1_800_000_000_000_000_000).floor(MINUTE)
}

pub fn deploy(phase: DeployPhase) -> Deploy {
    Deploy {
        id: DeployId { service: ServiceId::new("c", "shop", "Deployment", "checkout"), sequence: 4 },
        from: Some(RevisionHash("a".into())),
        to: RevisionHash("b".into()),
        from_name: Some("v1.8.1".into()),
        to_name: "v1.8.2".into(),
        kind: DeployKind::Image,
        phase,
        started: start(),
        rollback: false,
        reconstructed: false,
        cause: None,
        changes: vec![],
    }
}

impl Drawn {
    /// The verdict after so many minutes, as the server makes it: other services are asked where anything hangs on them.
    pub fn judged(&self, minutes: i32, look: Look) -> Verdict {
        let facts = self.facts(minutes, look);
        let verdict = judge(&DeployFacts { peers: vec![], ..facts.clone() }, &Rules::default());
        if hangs_on_peers(&verdict) { judge(&facts, &Rules::default()) } else { verdict }
    }

    /// The facts after so many minutes.
    pub fn facts(&self, minutes: i32, look: Look) -> DeployFacts {
        let s = &self.scenario;
        let until = |cells: &[Cell]| cells.iter().filter(|cell| cell.minute < minutes).cloned().collect();
        let endpoints = self.endpoints.iter().map(|endpoint| EndpointFacts {
            endpoint: endpoint.endpoint.clone(),
            new: until(&endpoint.new),
            old: until(&endpoint.old),
        });
        let settled = DeployPhase::Settled { at: start().plus(i64::from(s.rollout) * MINUTE) };
        let phase = if minutes > s.rollout { settled } else { DeployPhase::RollingOut };
        let tally = |minutes: f64| PodTally { minutes: minutes * f64::from(s.pods), ..PodTally::default() };
        DeployFacts {
            now: start().plus(i64::from(minutes) * MINUTE),
            deploy: deploy(phase),
            look,
            spent: None,
            replaced: Arc::default(),
            endpoints: endpoints.collect(),
            past: Arc::clone(&self.known),
            pods: self.pods.clone(),
            groups: vec![],
            patterns: vec![],
            births: Births { minutes: 10_000.0, ..Births::default() },
            kubernetes: KubernetesFacts {
                new: tally(f64::from(minutes)),
                old: tally(10_000.0),
                new_pods: s.pods,
                new_ready: s.pods,
                ever_ready: s.pods,
                first_pod: Some(start()),
                ..KubernetesFacts::default()
            },
            peers: self
                .peers
                .iter()
                .map(|(before, more)| Peer {
                    name: "other".into(),
                    before: before.clone(),
                    now: Red { errors: before.errors + more * before.requests, ..before.clone() },
                })
                .collect(),
            earlier: self.earlier.clone(),
            resources: vec![],
            leaks: None,
            weight: 1.0,
            rolled_back: None,
        }
    }
}

/// Looks at which a simulated deploy is judged: all of them.
pub fn looks() -> Vec<(i32, Look)> {
    (1..=15).map(|m| (m, Look::Minute(m as u8))).chain([(30, Look::Half), (60, Look::Hour)]).collect()
}
