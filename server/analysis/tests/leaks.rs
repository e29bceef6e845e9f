//! Leaks on seeded weeks of memory; modest sizes here, the full table in `examples/leaks`.

mod memory;

use analysis::{Grown, LeakRules, leaks};
use memory::{Habit, LIMIT, QUIET, Week, at, draw, harmless};
use model::{MINUTE, PodId};

fn called(week: &Week, minute: i64) -> bool {
    !leaks(at(minute), &week.grown(minute), &[], &LeakRules::default()).is_empty()
}

#[test]
fn harmless_habits_are_not_leaks() {
    // A day and a half of three seeds a class, a look an hour; slow fills and teeth can't be told at first.
    let slow = ["slow sawtooth", "slow warm-up"];
    let mut alarms = Vec::new();
    for habit in harmless().into_iter().filter(|habit| !slow.contains(&habit.name)) {
        for seed in 100..103 {
            let week = draw(&habit, None, seed);
            let alarm = (2..36).map(|look| look * 60).find(|minute| called(&week, *minute));
            alarms.extend(alarm.map(|minute| (habit.name, seed, minute)));
        }
    }
    assert!(alarms.len() <= 1, "{alarms:?}");
}

#[test]
fn a_leak_is_found_with_the_time_that_is_left() {
    let (mut found, mut near) = (0, 0);
    for seed in 0..10 {
        let week = draw(&QUIET, Some((0.02, 0)), 300 + seed);
        let minute = 6 * 60;
        let Some(climbing) = leaks(at(minute), &week.grown(minute), &[], &LeakRules::default()).into_iter().next()
        else {
            continue;
        };
        found += 1;
        let (eta, left) = (climbing.eta.unwrap(), week.ends.unwrap() - minute as f64);
        assert!(eta.soonest <= eta.likely && eta.latest.is_none_or(|latest| latest >= eta.likely), "{eta:?}");
        near += usize::from((eta.likely as f64 / MINUTE as f64 - left).abs() <= 0.25 * left);
        assert!(climbing.rate_interval.0 <= climbing.rate && climbing.rate <= climbing.rate_interval.1);
        assert!(climbing.level > 0.2 * LIMIT && climbing.level < LIMIT);
    }
    assert!(found >= 9 && near >= 7, "found {found}, ETA near {near}");
}

#[test]
fn a_leak_from_the_start_is_found_within_two_hours() {
    let found = (0..20).filter(|seed| {
        let week = draw(&QUIET, Some((0.05, 0)), 900 + seed);
        (9..=12).any(|look| called(&week, look * 10))
    });
    let found = found.count();
    assert!(found >= 17, "{found}");
}

#[test]
fn a_leak_under_teeth_of_half_an_hour_is_found_within_three_hours_and_teeth_alone_are_not() {
    let teeth = Habit { teeth: (0.15, 0.15), teeth_minutes: (25.0, 35.0), ..QUIET };
    let called_in_time = |leak: Option<(f64, i64)>, seed: u64| {
        let week = draw(&teeth, leak, 1_900 + seed);
        (9..=18).any(|look| called(&week, look * 10))
    };
    let found = (0..12).filter(|seed| called_in_time(Some((0.05, 0)), *seed)).count();
    let alarms = (0..12).filter(|seed| called_in_time(None, *seed)).count();
    assert!(found >= 10 && alarms == 0, "{found} found, {alarms} alarms");
}

#[test]
fn a_single_pod_that_dies_within_two_hours_is_believed_before() {
    let found = (0..12).filter(|seed| {
        let week = draw(&QUIET, Some((0.4, 0)), 1_950 + seed);
        let end = week.ends.unwrap() as i64;
        (3..end / 10).any(|look| called(&week, look * 10))
    });
    let found = found.count();
    assert!(found >= 10, "{found}");
}

#[test]
fn the_time_that_is_left_ends_at_the_top_of_the_teeth() {
    let teeth = Habit { teeth: (0.25, 0.25), teeth_minutes: (20.0, 20.0), ..QUIET };
    let (mut found, mut near) = (0, 0);
    for seed in 0..10 {
        let week = draw(&teeth, Some((0.05, 0)), 950 + seed);
        let minute = 5 * 60;
        let climbing = leaks(at(minute), &week.grown(minute), &[], &LeakRules::default()).into_iter().next();
        let Some(eta) = climbing.and_then(|climbing| climbing.eta) else { continue };
        found += 1;
        let left = week.ends.unwrap() - minute as f64;
        near += usize::from((eta.likely as f64 / MINUTE as f64 - left).abs() <= 0.25 * left);
    }
    assert!(found >= 8 && near + 1 >= found, "found {found}, ETA near {near}");
}

#[test]
fn what_is_called_a_leak_stays_one_at_the_next_looks() {
    let teeth = Habit { teeth: (0.05, 0.3), teeth_minutes: (3.0, 60.0), ..QUIET };
    let (mut found, mut gone) = (0, 0);
    for seed in 0..20 {
        let week = draw(&teeth, Some((0.05, 0)), 980 + seed);
        let Some(first) = (9..30).map(|look| look * 10).find(|minute| called(&week, *minute)) else { continue };
        found += 1;
        gone += usize::from((1..=3).any(|look| !called(&week, first + look * 10)));
    }
    assert!(found >= 10 && gone <= 1, "found {found}, gone {gone}");
}

#[test]
fn a_leak_is_found_though_load_rises_meanwhile() {
    let waves = Habit { waves: (0.2, 0.2), ..QUIET };
    let found = (0..20).filter(|seed| {
        let week = draw(&waves, Some((0.05, 0)), 500 + seed);
        called(&week, 3 * 60)
    });
    assert!(found.count() >= 18);
}

/// A run that climbs evenly from its start, a value a minute.
fn line(pod: &str, started: i64, until: i64, an_hour: f64) -> Grown {
    let wobble = |minute: i64| if minute % 2 == 0 { 0.001 } else { -0.001 };
    let value = |minute: i64| (0.3 + wobble(minute) + an_hour * (minute - started) as f64 / 60.0) * LIMIT;
    let points: Vec<_> = (started..until).map(|minute| (at(minute), value(minute))).collect();
    Grown {
        pod: PodId(pod.into()),
        started: at(started),
        ended: None,
        warm_up: 15 * MINUTE,
        level: points.clone(),
        load: Vec::new(),
        points,
        limit: Some(LIMIT),
    }
}

#[test]
fn one_pod_is_believed_after_a_while_and_two_at_once() {
    let rules = LeakRules::default();
    let minute = 80;
    assert_eq!(leaks(at(minute), &[line("a", 0, minute, 0.15)], &[], &rules), []);
    let both = [line("a", 0, minute, 0.15), line("b", 0, minute, 0.2), line("flat", 0, minute, 0.0)];
    let found = leaks(at(minute), &both, &[], &rules);
    let pods: Vec<&str> = found.iter().map(|climbing| climbing.pod.0.as_str()).collect();
    assert_eq!(pods, ["b", "a"], "the one that ends first stands at the front");
    assert!(!leaks(at(130), &[line("a", 0, 130, 0.15)], &[], &rules).is_empty());
}

#[test]
fn a_run_that_was_killed_bears_out_the_next() {
    let rules = LeakRules::default();
    let killed = Grown { ended: Some(at(140)), ..line("a", 0, 140, 0.3) };
    let again = line("a", 141, 221, 0.3);
    assert_eq!(leaks(at(221), std::slice::from_ref(&again), &[], &rules), []);
    let found = leaks(at(221), &[killed.clone(), again], &[], &rules);
    assert_eq!(found.len(), 1, "{found:?}");
    let eta = found[0].eta.unwrap();
    assert!(eta.likely < 70 * MINUTE && eta.likely > 10 * MINUTE, "{eta:?}");
    assert_eq!(leaks(at(400), &[killed.clone(), killed], &[], &rules), [], "nobody lives who could leak");
}

#[test]
fn what_levelled_off_on_the_revision_before_is_no_leak() {
    let rules = LeakRules::default();
    let now = 1_000;
    let fresh = line("new", now - 150, now, 0.1);
    assert_eq!(leaks(at(now), std::slice::from_ref(&fresh), &[], &rules).len(), 1);
    let mut before = line("old", 0, 900, 0.1);
    let full = before.points[150].1;
    before.points.iter_mut().for_each(|(_, value)| *value = value.min(full));
    assert_eq!(leaks(at(now), std::slice::from_ref(&fresh), std::slice::from_ref(&before), &rules), []);
    // One that was taken away meanwhile changes nothing.
    let mut gone = line("gone", now - 150, now - 20, 0.1);
    gone.ended = Some(at(now - 20));
    assert_eq!(leaks(at(now), &[fresh.clone(), gone], &[before.clone()], &rules), []);
    // One that went on growing says nothing against it.
    assert_eq!(leaks(at(now), &[fresh], &[line("old", 0, 900, 0.1)], &rules).len(), 1);
}

#[test]
fn without_a_limit_there_is_no_time_left_but_a_leak() {
    let endless = Grown { limit: None, ..line("a", 0, 240, 0.2) };
    let found = leaks(at(240), &[endless], &[], &LeakRules::default());
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].eta, None);
}

#[test]
fn nothing_and_nonsense_are_no_leak() {
    let rules = LeakRules::default();
    assert_eq!(leaks(at(0), &[], &[], &rules), []);
    let mut broken = line("a", 0, 240, 0.1);
    broken.points.iter_mut().for_each(|(_, value)| *value = f64::NAN);
    assert_eq!(leaks(at(240), &[broken], &[], &rules), []);
    let future = line("a", 500, 600, 0.1);
    assert_eq!(leaks(at(240), &[future], &[], &rules), []);
}

#[test]
fn a_run_that_is_watched_since_an_hour_alone_is_judged_by_that_hour() {
    let rules = LeakRules::default();
    let since_an_hour = |pod: &str| {
        let mut run = line(pod, 0, 600, 0.1);
        run.points.retain(|(moment, _)| *moment >= at(540));
        Grown { level: run.points.clone(), ..run }
    };
    assert_eq!(leaks(at(600), &[since_an_hour("a"), since_an_hour("b")], &[], &rules).len(), 2);
}

#[test]
fn what_earlier_runs_did_tells_of_a_later_one_but_not_where_they_ended_climbing_or_at_their_limit() {
    let rules = LeakRules::default();
    // Each climbs for two hours from its start and then stays; the last is two hours old.
    let run = |started: i64, ended: Option<i64>, from: f64| {
        let until = ended.unwrap_or(1_000);
        let wobble = |minute: i64| if minute % 2 == 0 { 0.001 } else { -0.001 };
        let value = |minute: i64| (from + wobble(minute) + 0.15 * ((minute - started) as f64 / 60.0).min(2.2)) * LIMIT;
        let points: Vec<_> = (started..until).map(|minute| (at(minute), value(minute))).collect();
        let base = line("a", 0, 1, 0.0);
        Grown { started: at(started), ended: ended.map(at), level: points.clone(), points, ..base }
    };
    let said = |earlier: Vec<Grown>, rules: &LeakRules| {
        let runs: Vec<Grown> = earlier.into_iter().chain([run(870, None, 0.3)]).collect();
        !leaks(at(1_000), &runs, &[], rules).is_empty()
    };
    assert!(said(vec![], &rules), "a first run");
    let levelled = || run(0, Some(600), 0.3);
    assert!(!said(vec![levelled()], &rules), "the one before levelled off");
    assert!(said(vec![levelled()], &LeakRules { alike: false, ..rules.clone() }), "of a volume it says nothing");
    assert!(said(vec![levelled(), run(700, Some(860), 0.3)], &rules), "another ended while it climbed");
    assert!(said(vec![run(0, Some(600), 0.6)], &rules), "it levelled off at its limit");
}
