//! Adverse events joined over pods.
#![allow(clippy::unwrap_used, reason = "a test may")]

use analysis::{Joined, joined};
use model::{AdverseEvent, AdverseKind, MINUTE, Timestamp};

fn at(minute: i64) -> Timestamp {
    Timestamp::from_seconds(1_800_000_000).plus(minute * MINUTE)
}

/// An event of a pod whose times are minutes; the pod's name is its uid.
fn event(kind: AdverseKind, pod: &str, exit_code: Option<i32>, times: &[i64]) -> AdverseEvent {
    let times: Vec<Timestamp> = times.iter().map(|minute| at(*minute)).collect();
    AdverseEvent {
        key: format!("c1|{pod}|{kind:?}|app|"),
        pod: Some(pod.into()),
        container: Some("app".into()),
        kind,
        exit_code,
        message: format!("of {pod}"),
        first: times[0],
        last: *times.last().unwrap(),
        count: times.len() as u32,
        times,
        ..AdverseEvent::default()
    }
}

#[test]
fn sixty_pods_that_fail_alike_are_one_with_the_latest_first() {
    let pods = (0..60).map(|n| event(AdverseKind::FailedPull, &format!("web-{n}"), None, &[n, n + 1])).collect();
    let [one] = &joined(pods, &[], at(60))[..] else { panic!("one") };
    let group = &one.group;
    assert_eq!((group.pod_count, group.pods.len(), group.count), (60, 50, 120));
    assert_eq!((group.first, group.last, group.message.as_str()), (at(0), at(60), "of web-59"));
    assert_eq!(
        (group.times.len(), one.events.len(), group.current),
        (61, 60, false),
        "times that fall together are one"
    );
    assert!(group.next.is_some());
}

#[test]
fn other_exit_codes_containers_marks_and_kinds_stay_apart() {
    let sidecar = AdverseEvent {
        key: "c1|a|Restart|proxy|".into(),
        container: Some("proxy".into()),
        ..event(AdverseKind::Restart, "a", Some(1), &[1])
    };
    let probe = |mark: &str| {
        let mut event = event(AdverseKind::FailedProbe, mark, None, &[1]);
        event.key.push_str(mark);
        event
    };
    let events = vec![
        event(AdverseKind::Restart, "a", Some(1), &[1]),
        event(AdverseKind::Restart, "b", Some(137), &[2]),
        event(AdverseKind::OomKill, "b", Some(137), &[2]),
        sidecar,
        probe("Unhealthy:refused"),
        probe("Unhealthy:timeout"),
    ];
    assert_eq!(joined(events, &[], at(60)).len(), 6);
}

#[test]
fn two_volumes_that_fill_are_two() {
    let full = |volume: &str| AdverseEvent {
        key: format!("c1|shop/StatefulSet/db|VolumeFull|{volume}|"),
        container: None,
        ..event(AdverseKind::VolumeFull, "db-0", None, &[1])
    };
    assert_eq!(joined(vec![full("data"), full("wal")], &[], at(60)).len(), 2);
}

#[test]
fn what_holds_on_any_pod_holds_and_its_stretches_are_united() {
    let held = |pod: &str, from, to, current| AdverseEvent {
        last: at(to),
        current,
        ..event(AdverseKind::FailedScheduling, pod, None, &[from])
    };
    let events = vec![held("a", 0, 10, false), held("b", 5, 12, false), held("c", 30, 40, true)];
    let group = joined(events, &[], at(60)).remove(0).group;
    assert!(group.current);
    assert_eq!(group.held, [(at(0), at(12)), (at(30), at(60))]);
}

#[test]
fn restarts_of_a_crash_loop_are_told_with_it_and_others_by_themselves() {
    let long_ago = [-3 * 24 * 60, -3 * 24 * 60 + 1];
    let events = vec![
        event(AdverseKind::CrashLoop, "old", Some(9), &[3]),
        event(AdverseKind::Restart, "old", Some(9), &[&long_ago[..], &[2, 3]].concat()),
        event(AdverseKind::CrashLoop, "a", Some(1), &[3]),
        event(AdverseKind::Restart, "a", Some(1), &[1, 2, 3, 4]),
        event(AdverseKind::CrashLoop, "z", Some(3), &[3]),
        event(AdverseKind::Restart, "y", Some(3), &[1]),
    ];
    let groups = joined(events, &[], at(60));
    let told: Vec<_> = groups.iter().map(|one| (one.group.kind, one.group.exit_code, one.group.count)).collect();
    let all = [
        (AdverseKind::CrashLoop, Some(9), 2),
        (AdverseKind::Restart, Some(9), 2),
        (AdverseKind::CrashLoop, Some(1), 4),
        (AdverseKind::CrashLoop, Some(3), 1),
        (AdverseKind::Restart, Some(3), 1),
    ];
    for one in all {
        assert!(told.contains(&one), "{one:?} of {told:?}");
    }
    assert_eq!(told.len(), all.len(), "{told:?}");
    let looping = &groups.iter().find(|one| one.group.exit_code == Some(1)).unwrap().group;
    assert_eq!((looping.first, looping.times.len()), (at(1), 4));
    let is_old = |one: &&Joined| one.group.exit_code == Some(9) && one.group.kind == AdverseKind::CrashLoop;
    let old = &groups.iter().find(is_old).unwrap().group;
    assert_eq!(old.first, at(2), "what was days ago did not lead to it");
}
