//! Verdicts on a table of small deploys: each rule at work, level and headline as a person would say them.

mod scenario;

use std::collections::BTreeMap;
use std::sync::Arc;

use analysis::{Cell, DeployFacts, GroupFacts, Look, Past, PastMinute, PodTally, Rules, judge};
use model::{Against, DeployPhase, MINUTE, Outcome, Signal, Verdict, VerdictLevel};
use scenario::{Scenario, draw, start};

/// A quiet service ten minutes after its rollout: 3 pods, one endpoint, 20 requests a second.
fn quiet() -> DeployFacts {
    quiet_after(|_| {})
}

/// With a past that is changed.
fn quiet_after(change: impl FnOnce(&mut Vec<PastMinute>)) -> DeployFacts {
    let mut drawn = draw(&Scenario { endpoints: 1, ..Scenario::default() }, 3);
    let mut past = drawn.past.remove("GET /0").expect("its one endpoint");
    change(&mut past);
    let mut facts = drawn.facts(10, Look::Minute(10));
    facts.endpoints[0].endpoint = "POST /checkout".into();
    facts.past = Arc::new(Past::new(&BTreeMap::from([("POST /checkout".into(), past)])));
    facts
}

fn check(change: impl FnOnce(&mut DeployFacts), level: VerdictLevel, headline: &str) -> Verdict {
    let mut facts = quiet();
    change(&mut facts);
    let verdict = judge(&facts, &Rules::default());
    assert_eq!(verdict.level, level, "{}", verdict.headline);
    assert!(verdict.headline.to_string().contains(headline), "{}", verdict.headline);
    verdict
}

fn fail(cells: &mut [Cell], share: f64) {
    cells.iter_mut().for_each(|cell| cell.red.errors = (cell.red.requests * share).round());
}

#[test]
fn errors_of_a_new_revision_fail_it_with_the_numbers_of_the_evidence() {
    let verdict = check(
        |f| fail(&mut f.endpoints[0].new, 0.142),
        VerdictLevel::Failed,
        "POST /checkout fails 14.2 % of the time since v1.8.2; on v1.8.1 it was ",
    );
    let worst = &verdict.evidence[0];
    assert_eq!((worst.signal, worst.outcome), (Signal::Errors, Outcome::Flagged));
    assert_eq!(worst.new.value, Some(worst.new.numerator / worst.new.denominator));
    let test = worst.test.as_ref().unwrap();
    assert!(test.p <= test.threshold);
    assert!(verdict.evidence.iter().any(|e| e.outcome == Outcome::NotFlagged && !e.why.to_string().is_empty()));
    assert_eq!((verdict.rules, verdict.judged_at), (Rules::default().version, start().plus(10 * MINUTE)));
}

#[test]
fn errors_below_five_percent_degrade_and_below_the_gates_do_nothing() {
    check(|f| fail(&mut f.endpoints[0].new, 0.03), VerdictLevel::Degraded, "fails 3.0 %");
    let mut facts = quiet();
    fail(&mut facts.endpoints[0].new, 0.008);
    let verdict = judge(&facts, &Rules::default());
    assert_ne!(verdict.level, VerdictLevel::Degraded, "{}", verdict.headline);
}

#[test]
fn errors_that_old_pods_have_in_the_same_minutes_are_not_the_deploys() {
    let mut facts = draw(&Scenario { rollout: 20, ..Scenario::default() }, 5).facts(15, Look::Minute(15));
    for endpoint in &mut facts.endpoints {
        fail(&mut endpoint.new, 0.10);
        fail(&mut endpoint.old, 0.10);
    }
    let verdict = judge(&facts, &Rules::default());
    assert_eq!(verdict.level, VerdictLevel::RollingOut, "{}", verdict.headline);
}

#[test]
fn what_happens_to_all_services_at_once_is_discounted_and_said() {
    let verdict = check(
        |f| {
            fail(&mut f.endpoints[0].new, 0.05);
            f.peers.iter_mut().for_each(|peer| peer.now.errors = peer.now.requests * 0.05);
        },
        VerdictLevel::TooLittleData,
        "",
    );
    assert!(verdict.discounted.iter().any(|said| said.to_string().contains("other services fail more")));
}

#[test]
fn crash_loops_and_pulls_fail_a_deploy_unless_old_pods_do_it_too() {
    let crash = |f: &mut DeployFacts| f.kubernetes.crashing = vec![("checkout-7".into(), "exit code 1".into())];
    check(crash, VerdictLevel::Failed, "Pods of v1.8.2 keep crashing: checkout-7, exit code 1");
    check(
        |f| f.kubernetes.unpullable = vec!["shop/x:v9".into()],
        VerdictLevel::Failed,
        "Image shop/x:v9 of v1.8.2 can't be pulled",
    );
    let mut facts = quiet();
    crash(&mut facts);
    facts.kubernetes.old_failing = true;
    assert_ne!(judge(&facts, &Rules::default()).level, VerdictLevel::Failed);
}

#[test]
fn two_oom_kills_on_two_pods_degrade_and_one_does_not() {
    let kills = |count| {
        move |f: &mut DeployFacts| {
            f.kubernetes.new = PodTally { kills: count, kill_pods: count, minutes: 30.0, ..PodTally::default() }
        }
    };
    check(kills(2), VerdictLevel::Degraded, "OOM killed 2 times since v1.8.2; 0 in ");
    let mut facts = quiet();
    kills(1)(&mut facts);
    assert_ne!(judge(&facts, &Rules::default()).level, VerdictLevel::Degraded);
}

#[test]
fn an_error_group_never_seen_before_degrades_and_a_known_one_does_not() {
    let group = |known| GroupFacts {
        endpoint: Some("POST /checkout".into()),
        name: "NullPointerException".into(),
        count: 40.0,
        pods: 3,
        cells: 24,
        beside: 0.0,
        known,
    };
    let long = |f: &mut DeployFacts| f.births.minutes = 90.0 * 1_440.0 * 10.0;
    check(
        |f| {
            long(f);
            f.groups = vec![group(false)];
        },
        VerdictLevel::Degraded,
        "New error since v1.8.2: NullPointerException on POST /checkout, 40 times",
    );
    let mut facts = quiet();
    long(&mut facts);
    facts.groups = vec![group(true)];
    assert_ne!(judge(&facts, &Rules::default()).level, VerdictLevel::Degraded);
}

#[test]
fn without_requests_pods_alone_decide_and_the_headline_says_so() {
    let silent = |f: &mut DeployFacts| {
        f.endpoints.clear();
        f.past = Arc::default();
    };
    check(silent, VerdictLevel::Healthy, "No request data on v1.8.2");
    check(
        |f| {
            silent(f);
            f.kubernetes.new_ready = 0;
        },
        VerdictLevel::TooLittleData,
        "No request data",
    );
}

#[test]
fn who_served_and_serves_nothing_now_has_lost_its_requests() {
    check(|f| f.endpoints.clear(), VerdictLevel::Degraded, "Serves 0.0 requests a minute since v1.8.2");
}

#[test]
fn little_traffic_names_what_would_have_been_seen() {
    let facts = draw(&Scenario { rate: 1.0, endpoints: 1, ..Scenario::default() }, 3).facts(10, Look::Minute(10));
    let verdict = judge(&facts, &Rules::default());
    assert_eq!(verdict.level, VerdictLevel::TooLittleData);
    assert!(verdict.headline.to_string().contains(" would not show"), "{}", verdict.headline);
}

/// A service with little traffic ten minutes after it was taken back from a revision that ran for seven minutes and
/// failed in so many of a hundred requests, and whose requests took so many times as long.
fn taken_back(failing: f64, slower: f64) -> DeployFacts {
    let mut drawn = draw(&Scenario { rate: 3.0, endpoints: 1, errors: 0.001, ..Scenario::default() }, 3);
    let past = drawn.past.remove("GET /0").expect("its one endpoint");
    let at = |minutes: std::ops::Range<i32>| past.iter().filter(move |past| minutes.contains(&past.minute)).cloned();
    let mut bad: Vec<PastMinute> = at(-7..0).collect();
    for PastMinute { red, .. } in &mut bad {
        red.errors = (red.requests * failing).round();
        let by = (8.0 * f64::log2(slower)).round() as u16;
        red.histogram.buckets.iter_mut().for_each(|(bucket, _)| *bucket += by);
    }
    let mut facts = drawn.facts(10, Look::Minute(10));
    let of = |minutes: Vec<PastMinute>| Arc::new(Past::new(&BTreeMap::from([("GET /0".into(), minutes)])));
    (facts.past, facts.replaced) = (of(at(-20..-7).collect()), of(bad));
    facts.deploy.rollback = true;
    facts.endpoints[0].old.clear();
    facts
}

fn better(verdict: &Verdict) -> Vec<Signal> {
    verdict.evidence.iter().filter(|e| e.outcome == Outcome::Better).map(|e| e.signal).collect()
}

#[test]
fn a_rollback_that_took_back_what_its_revision_brought_is_healthy_however_little_is_known_of_before() {
    let judged = |facts: &DeployFacts| judge(facts, &Rules::default());
    let verdict = judged(&taken_back(0.22, 1.0));
    assert_eq!(verdict.level, VerdictLevel::Healthy, "{}", verdict.headline);
    assert_eq!(better(&verdict), [Signal::Errors]);
    let said = verdict.headline.to_string();
    assert!(
        said.contains("Better with v1.8.2: ") && said.contains("fails 0.") && said.contains("22.0 % on v1.8.1"),
        "{said}"
    );
    let verdict = judged(&taken_back(0.001, 3.0));
    // Of so few requests it would hardly show were a few to fail.
    assert_eq!((verdict.level, better(&verdict)), (VerdictLevel::TooLittleData, vec![Signal::Latency]));
    let said = verdict.headline.to_string();
    assert!(said.starts_with("Better with v1.8.2: ") && said.contains("of the rest too little is known"), "{said}");
    // The same without a bad revision, and as another kind of deploy.
    let harmless = judged(&taken_back(0.001, 1.0));
    assert_eq!((harmless.level, better(&harmless)), (VerdictLevel::TooLittleData, vec![]), "{}", harmless.headline);
    let mut facts = taken_back(0.22, 1.0);
    facts.deploy.rollback = false;
    assert_eq!(judged(&facts).level, VerdictLevel::TooLittleData);
    // Better than it was, and not well.
    let mut facts = taken_back(0.5, 1.0);
    facts.past = Arc::default();
    fail(&mut facts.endpoints[0].new, 0.03);
    let verdict = judged(&facts);
    assert_eq!(
        (verdict.level, better(&verdict)),
        (VerdictLevel::TooLittleData, vec![Signal::Errors]),
        "{}",
        verdict.headline
    );
    // Errors are gone, and it is slower than it ever was before, as far as so little tells.
    let mut facts = taken_back(0.22, 1.0);
    let mut cells = facts.endpoints[0].new.split_off(4);
    cells.truncate(3);
    for cell in &mut cells {
        cell.red.histogram.buckets.iter_mut().for_each(|(bucket, _)| *bucket += 3);
    }
    facts.endpoints[0].new = cells;
    let verdict = judged(&facts);
    assert_eq!(verdict.level, VerdictLevel::TooLittleData, "{} {:#?}", verdict.headline, verdict.evidence);
    // Nobody calls it now: that nothing fails says nothing.
    let mut facts = taken_back(0.22, 1.0);
    facts.endpoints[0].new.truncate(2);
    assert_ne!(judged(&facts).level, VerdictLevel::Healthy);
}

#[test]
fn a_rollback_from_a_revision_that_harmed_nothing_is_not_better_however_long_that_ran() {
    for (seed, ran) in (0..400).zip([7, 60, 300].into_iter().cycle()) {
        let mut drawn = draw(&Scenario { rate: 0.17, endpoints: 1, ..Scenario::default() }, seed);
        let past = drawn.past.remove("GET /0").expect("its one endpoint");
        let replaced: Vec<PastMinute> = past.into_iter().filter(|past| (-ran..0).contains(&past.minute)).collect();
        let mut facts = drawn.facts(3, Look::Minute(3));
        (facts.past, facts.deploy.rollback) = (Arc::default(), true);
        facts.replaced = Arc::new(Past::new(&BTreeMap::from([("GET /0".into(), replaced)])));
        let verdict = judge(&facts, &Rules::default());
        assert_eq!(better(&verdict), [], "{seed}, {ran} minutes: {}", verdict.headline);
    }
}

#[test]
fn a_rollback_is_not_healthy_while_one_endpoint_fails() {
    let mut facts = taken_back(0.22, 1.0);
    let mut rare = facts.endpoints[0].clone();
    rare.endpoint = "POST /refund".into();
    for cell in &mut rare.new {
        (cell.red.requests, cell.red.errors) = (0.4, 0.4);
    }
    facts.endpoints.push(rare);
    let verdict = judge(&facts, &Rules::default());
    assert_eq!(verdict.level, VerdictLevel::TooLittleData, "{}", verdict.headline);
    assert!(better(&verdict).contains(&Signal::Errors), "{}", verdict.headline);
}

#[test]
fn what_is_not_called_when_its_look_is_had_again_is_not_told_as_nothing() {
    let mut facts = quiet();
    for cell in &mut facts.endpoints[0].new {
        cell.red.histogram.buckets.iter_mut().for_each(|(bucket, _)| *bucket += 8);
    }
    facts.spent = Some(Vec::new());
    let said = judge(&facts, &Rules::default()).headline.to_string();
    assert!(said.contains(" or a median of up to "), "{said}");
}

#[test]
fn a_stuck_rollout_is_stuck_and_one_taken_back_is_rolled_back() {
    let stuck = || DeployPhase::Stuck { since: start(), why: "deadline exceeded".into() };
    check(|f| f.deploy.phase = stuck(), VerdictLevel::Stuck, "stuck: deadline exceeded");
    check(|f| f.rolled_back = Some(start().plus(5 * MINUTE)), VerdictLevel::RolledBack, "v1.8.2 was taken back");
}

#[test]
fn a_warm_up_that_earlier_rollouts_had_is_set_apart_and_said() {
    let scenario = Scenario { warm_up: 0.2, ..Scenario::default() };
    let verdict = judge(&draw(&scenario, 11).facts(10, Look::Minute(10)), &Rules::default());
    assert!(verdict.level != VerdictLevel::Failed && verdict.level != VerdictLevel::Degraded, "{}", verdict.headline);
    assert!(verdict.discounted.iter().any(|said| said.to_string().contains("Usual while this service rolls out")));
}

#[test]
fn a_look_that_is_had_again_adds_nothing_by_chance() {
    let mut facts = quiet();
    fail(&mut facts.endpoints[0].new, 0.142);
    let first = judge(&facts, &Rules::default());
    facts.spent = Some(first.evidence.iter().filter(|e| e.outcome == Outcome::Flagged).cloned().collect());
    assert_eq!(judge(&facts, &Rules::default()).level, VerdictLevel::Failed, "what was called stays");
    facts.spent = Some(Vec::new());
    let again = judge(&facts, &Rules::default());
    assert!(again.evidence.iter().all(|e| e.outcome != Outcome::Flagged), "{}", again.headline);
    assert_eq!(again.level, VerdictLevel::TooLittleData, "nor is it called healthy: {}", again.headline);
    facts.kubernetes.crashing = vec![("web-1".into(), "exit code 1".into())];
    assert_eq!(judge(&facts, &Rules::default()).level, VerdictLevel::Failed, "what pods do is no chance");
}

#[test]
fn the_busiest_endpoints_that_could_not_be_judged_are_named_and_all_are_counted() {
    let facts = draw(&Scenario { rate: 1.0, endpoints: 50, ..Scenario::default() }, 3).facts(10, Look::Minute(10));
    let verdict = judge(&facts, &Rules::default());
    let requests: Vec<f64> = verdict.unjudged.iter().map(|endpoint| endpoint.requests).collect();
    assert_eq!(requests.len(), 20);
    assert!(requests.is_sorted_by(|a, b| a >= b) && verdict.unjudged_in_all > 20, "{}", verdict.unjudged_in_all);
}

#[test]
fn what_was_slower_at_this_time_on_earlier_days_is_what_it_is_held_against_and_is_named_so() {
    let slower = |past: &PastMinute| {
        let mut past = PastMinute { minute: past.minute - 1_440, ..past.clone() };
        past.red.histogram.buckets.iter_mut().for_each(|(bucket, _)| *bucket += 8);
        past
    };
    // Around the like time of yesterday.
    let mut facts = quiet_after(|past| {
        let earlier: Vec<PastMinute> = past.iter().filter(|past| past.minute >= -20).map(slower).collect();
        past.splice(0..0, earlier);
    });
    facts.endpoints[0].old.clear();
    let verdict = judge(&facts, &Rules::default());
    let latency = verdict.evidence.iter().find(|e| e.signal == Signal::Latency && e.against == Against::Past).unwrap();
    assert_eq!(latency.old.as_ref().unwrap().name, "this time on earlier days");
}
