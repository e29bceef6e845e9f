//! Verdicts on first revisions, which nothing can be held against: what decides is absolute, and the headline says so.

mod scenario;

use std::sync::Arc;

use analysis::{DeployFacts, Look, PodTally, Rules, judge};
use model::{
    Against, DAY, DeployKind, DeployPhase, Eta, HOUR, Leak, LeakOf, LeakingPod, MINUTE, Outcome, PodId, Sentence,
    Signal, Verdict, VerdictLevel,
};
use scenario::{Scenario, draw, start};

const NOTHING: &str = "; a first revision has nothing to be compared with";

/// A service ten minutes after its first pods: 20 requests a second on two endpoints.
fn first() -> DeployFacts {
    let mut facts = draw(&Scenario { endpoints: 2, ..Scenario::default() }, 3).facts(10, Look::Minute(10));
    facts.deploy.kind = DeployKind::First;
    (facts.deploy.from, facts.deploy.from_name) = (None, None);
    for (endpoint, name) in facts.endpoints.iter_mut().zip(["POST /checkout", "GET /cart"]) {
        endpoint.endpoint = name.into();
        endpoint.old = Vec::new();
    }
    facts.past = Arc::default();
    fail(&mut facts, 0, 0.002);
    fail(&mut facts, 1, 0.002);
    facts.earlier.clear();
    facts.resources.clear();
    facts.kubernetes.old = PodTally::default();
    facts
}

/// So much of an endpoint's requests fails.
fn fail(facts: &mut DeployFacts, endpoint: usize, share: f64) {
    facts.endpoints[endpoint].new.iter_mut().for_each(|cell| cell.red.errors = cell.red.requests * share);
}

fn check(change: impl FnOnce(&mut DeployFacts), level: VerdictLevel, headline: &str) -> Verdict {
    let mut facts = first();
    change(&mut facts);
    let verdict = judge(&facts, &Rules::default());
    assert_eq!(verdict.level, level, "{}", verdict.headline);
    assert_eq!(verdict.headline.to_string(), format!("{headline}{NOTHING}"));
    verdict
}

fn outcome(verdict: &Verdict, signal: Signal) -> Option<Outcome> {
    verdict.evidence.iter().find(|evidence| evidence.signal == signal).map(|evidence| evidence.outcome)
}

#[test]
fn one_that_works_is_healthy_and_says_what_was_not_judged() {
    let verdict = check(|_| {}, VerdictLevel::Healthy, "Nothing is wrong with v1.8.2: 0.2 % of requests fail");
    assert_eq!((verdict.against, verdict.rules), (Some(Against::Nothing), Rules::default().version));
    assert_eq!(outcome(&verdict, Signal::Errors), Some(Outcome::NotFlagged));
    assert_eq!(outcome(&verdict, Signal::OomKills), Some(Outcome::NotFlagged));
    for signal in [Signal::Latency, Signal::ErrorGroup, Signal::LogPattern, Signal::Throughput, Signal::Cpu] {
        assert_eq!(outcome(&verdict, signal), Some(Outcome::NotJudged), "{signal:?}");
    }
    assert!(verdict.evidence.iter().all(|evidence| evidence.old.is_none() && !evidence.why.to_string().is_empty()));
}

#[test]
fn errors_decide_by_the_rules_of_health_and_name_the_endpoint_that_has_them() {
    let verdict =
        check(|f| fail(f, 0, 0.142), VerdictLevel::Failed, "POST /checkout fails 14.2 % of the time since v1.8.2");
    let worst = &verdict.evidence[0];
    assert_eq!((worst.signal, worst.against, worst.test.is_none()), (Signal::Errors, Against::Nothing, true));
    assert_eq!(worst.new.value, Some(worst.new.numerator / worst.new.denominator));
    let note = analysis::judged(1, &verdict).note;
    assert!(note.contains(" requests · ") && !note.contains("against"), "{note}");
    let both = |share| move |f: &mut DeployFacts| (0..2).for_each(|at| fail(f, at, share));
    check(both(0.02), VerdictLevel::Degraded, "Requests fail 2.0 % of the time since v1.8.2");
    check(both(0.009), VerdictLevel::Healthy, "Nothing is wrong with v1.8.2: 0.9 % of requests fail");
}

#[test]
fn errors_that_other_services_have_at_the_same_time_are_not_its_own() {
    let mut facts = first();
    (0..2).for_each(|at| fail(&mut facts, at, 0.05));
    facts.peers.iter_mut().for_each(|peer| peer.now.errors = peer.now.requests * 0.05);
    let verdict = judge(&facts, &Rules::default());
    assert_eq!(verdict.level, VerdictLevel::TooLittleData, "nor is it called healthy: {}", verdict.headline);
    assert!(verdict.discounted.iter().any(|said| said.to_string().contains("other services fail more")));
}

#[test]
fn few_requests_are_too_little_to_call_it_healthy() {
    let few = |facts: &mut DeployFacts, left: f64| {
        facts.endpoints.iter_mut().flat_map(|endpoint| &mut endpoint.new).for_each(|cell| {
            cell.red.requests = left;
            cell.red.errors = 0.0;
        });
    };
    let mut facts = first();
    few(&mut facts, 20.0);
    let said = judge(&facts, &Rules::default());
    assert_eq!(said.level, VerdictLevel::TooLittleData);
    let headline = said.headline.to_string();
    assert!(headline.contains("of requests failing would not show") && headline.ends_with(NOTHING), "{headline}");
    few(&mut facts, 200.0);
    assert_eq!(judge(&facts, &Rules::default()).level, VerdictLevel::Healthy);
}

#[test]
fn what_happens_to_its_pods_decides_without_a_past() {
    let tally = |change: fn(&mut PodTally)| {
        move |f: &mut DeployFacts| {
            f.kubernetes.new = PodTally { minutes: 30.0, ..PodTally::default() };
            change(&mut f.kubernetes.new);
        }
    };
    let kill = |t: &mut PodTally| (t.kills, t.kill_pods) = (1, 1);
    check(tally(kill), VerdictLevel::Degraded, "OOM killed once since v1.8.2");
    let restarts = |t: &mut PodTally| (t.restarts, t.restart_pods) = (2, 1);
    check(tally(restarts), VerdictLevel::Degraded, "Containers restarted 2 times since v1.8.2");
    let probes = |t: &mut PodTally| (t.probes, t.probe_pods) = (12, 2);
    check(tally(probes), VerdictLevel::Degraded, "Probes failed 12 times since v1.8.2");
    let unready = |t: &mut PodTally| (t.unready, t.unready_pods) = (7.5, 1);
    check(tally(unready), VerdictLevel::Degraded, "Pods were not ready 7 min since v1.8.2");
    let little = |t: &mut PodTally| (t.restarts, t.probes, t.unready) = (1, 9, 4.0);
    check(tally(little), VerdictLevel::Healthy, "Nothing is wrong with v1.8.2: 0.2 % of requests fail");
}

#[test]
fn what_kubernetes_says_of_the_rollout_decides_first() {
    let crash = |f: &mut DeployFacts| f.kubernetes.crashing = vec![("checkout-7".into(), "exit code 1".into())];
    check(crash, VerdictLevel::Failed, "Pods of v1.8.2 keep crashing: checkout-7, exit code 1");
    let pull = |f: &mut DeployFacts| f.kubernetes.unpullable = vec!["shop/x:v9".into()];
    check(pull, VerdictLevel::Failed, "Image shop/x:v9 of v1.8.2 can't be pulled");
    let stuck = |f: &mut DeployFacts| {
        f.deploy.phase = DeployPhase::Stuck { since: start(), why: "deadline exceeded".into() };
    };
    check(stuck, VerdictLevel::Stuck, "Rollout of v1.8.2 is stuck: deadline exceeded");
    let moving = |f: &mut DeployFacts| {
        f.deploy.phase = DeployPhase::RollingOut;
        (f.kubernetes.new_ready, f.kubernetes.new_pods) = (1, 3);
    };
    let headline = "Rolling out v1.8.2: 1 of 3 new pods ready, nothing is wrong so far";
    check(moving, VerdictLevel::RollingOut, headline);
}

#[test]
fn without_requests_its_pods_alone_decide() {
    let silent = |f: &mut DeployFacts| f.endpoints.clear();
    let headline = "No request data on v1.8.2: its pods are ready and nothing happened to them";
    check(silent, VerdictLevel::Healthy, headline);
    check(
        |f| {
            silent(f);
            f.kubernetes.first_pod = Some(f.now.plus(-MINUTE));
        },
        VerdictLevel::TooLittleData,
        "No request data on v1.8.2: its pods say too little yet",
    );
}

#[test]
fn a_leak_that_ends_within_a_day_degrades_it_and_a_slow_one_does_not() {
    let leak = |likely: i64| Leak {
        of: LeakOf::Memory { container: "app".into() },
        revision: None,
        revision_name: "v1.8.2".into(),
        pods: vec![LeakingPod {
            pod: PodId("p".into()),
            name: "checkout-7".into(),
            rate: 1e6,
            rate_interval: (1e6, 1e6),
            level: 1e8,
            limit: Some(2e8),
            since: start(),
            eta: Some(Eta { likely, soonest: likely, latest: None }),
            ..LeakingPod::default()
        }],
        watched: 3,
        before: None,
        before_name: None,
        sentence: Sentence::plain("Memory grows"),
        as_of: start(),
    };
    check(|f| f.leaks = Some(vec![leak(5 * HOUR)]), VerdictLevel::Degraded, "Memory grows");
    let fine = "Nothing is wrong with v1.8.2: 0.2 % of requests fail";
    let slow = check(|f| f.leaks = Some(vec![leak(3 * DAY)]), VerdictLevel::Healthy, fine);
    assert_eq!(outcome(&slow, Signal::Leak), Some(Outcome::NotFlagged));
}
