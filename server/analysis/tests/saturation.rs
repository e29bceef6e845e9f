//! Each rule of what a service has too little of: just below its threshold, at it, above it, too short, and where
//! nothing is known.

use analysis::{Measured, SaturationRules, Threshold, lasting, saturation, throttled, told};
use model::{
    AdverseEvent, AdverseKind, DAY, HOUR, MINUTE, SECOND, Saturation, SaturationOf, ServiceId, ServiceState, Timestamp,
};

const NOW: Timestamp = Timestamp(1_800_000_000 * SECOND);
const MIB: f64 = 1_048_576.0;

/// Values of the last minutes, the last one now.
fn minutes(values: &[f64]) -> Vec<(Timestamp, f64)> {
    let last = values.len() as i64 - 1;
    values.iter().enumerate().map(|(i, value)| (NOW.plus((i as i64 - last) * MINUTE), *value)).collect()
}

/// The same for so many minutes.
fn flat(value: f64, count: i64) -> Vec<(Timestamp, f64)> {
    minutes(&vec![value; count as usize + 1])
}

fn measured(pod: &str, shares: Vec<(Timestamp, f64)>, whole: Option<f64>) -> Measured {
    Measured { pod: pod.into(), shares, whole }
}

fn cpu() -> SaturationOf {
    SaturationOf::Cpu { container: "app".into() }
}

fn memory() -> SaturationOf {
    SaturationOf::Memory { container: "app".into() }
}

fn volume() -> SaturationOf {
    SaturationOf::Volume { volume: "data".into() }
}

fn find(of: &SaturationOf, all: &[Measured]) -> Option<Saturation> {
    saturation(of, NOW, all, &SaturationRules::default())
}

/// Whether something of one pod is found, and whether it degrades.
fn check(of: &SaturationOf, shares: Vec<(Timestamp, f64)>, expect: Option<bool>) {
    let last = shares.last().copied();
    let got = find(of, &[measured("one", shares, Some(512.0 * MIB))]).map(|found| found.degrades);
    assert_eq!(got, expect, "{of:?} {last:?}");
}

#[test]
fn a_value_lasts_from_when_it_was_too_high_until_it_has_clearly_fallen() {
    let threshold = Threshold { enter: 0.9, leave: 0.8, after: 3 * MINUTE };
    let check = |values: &[f64], expect: Option<i64>| {
        let got = lasting(&minutes(values), NOW, &threshold).map(|since| NOW.since(since) / MINUTE);
        assert_eq!(got, expect, "{values:?}");
    };
    check(&[], None);
    check(&[0.9, 0.9, 0.9], None);
    check(&[0.9, 0.9, 0.9, 0.9], Some(3));
    check(&[0.899, 0.9, 0.9, 0.9], None);
    // Before it counts, one value below begins it anew; afterwards only a clear fall ends it.
    check(&[0.9, 0.9, 0.85, 0.9, 0.9, 0.9], None);
    check(&[0.9, 0.9, 0.9, 0.9, 0.8, 0.85], Some(5));
    check(&[0.9, 0.9, 0.9, 0.9, 0.79, 0.95], None);
    check(&[0.9, 0.9, 0.9, 0.9, 0.79, 0.95, 0.95, 0.95, 0.95], Some(3));
}

#[test]
fn where_nothing_was_measured_nothing_is_claimed() {
    let threshold = Threshold { enter: 0.9, leave: 0.8, after: 3 * MINUTE };
    let since = |values: &[(Timestamp, f64)], now| lasting(values, now, &threshold);
    let values = flat(1.0, 10);
    assert!(since(&values, NOW.plus(5 * MINUTE)).is_some());
    assert_eq!(since(&values, NOW.plus(5 * MINUTE + 1)), None, "it is silent");
    let mut gap = flat(1.0, 20);
    gap.retain(|(at, _)| NOW.since(*at) <= MINUTE || NOW.since(*at) >= 8 * MINUTE);
    assert_eq!(since(&gap, NOW), None, "what was between is not known");
    assert!(find(&memory(), &[]).is_none());
    assert!(find(&memory(), &[measured("one", vec![], Some(MIB))]).is_none());
}

#[test]
fn throttling_from_a_quarter_for_a_quarter_of_an_hour_is_said_and_from_half_degrades() {
    check(&cpu(), flat(0.249, 60), None);
    check(&cpu(), flat(0.25, 14), None);
    check(&cpu(), flat(0.25, 15), Some(false));
    check(&cpu(), flat(0.499, 60), Some(false));
    check(&cpu(), flat(0.5, 60), Some(true));
    let pods =
        [measured("a", flat(0.38, 20), None), measured("b", flat(0.1, 20), None), measured("c", flat(0.3, 18), None)];
    let found = find(&cpu(), &pods).unwrap();
    assert_eq!(
        found.sentence.to_string(),
        "Container app was throttled up to 38 % of the last 20 min in 2 of 3 pods: it is held at its CPU limit"
    );
    assert_eq!((found.pods.as_slice(), NOW.since(found.since)), (&["a".into(), "c".into()][..], 20 * MINUTE));
    let alone = find(&cpu(), &pods[..1]).unwrap();
    assert_eq!(
        alone.sentence.to_string(),
        "Container app was throttled 38 % of the last 20 min: it is held at its CPU limit"
    );
}

#[test]
fn a_pod_that_is_throttled_as_a_whole_is_judged_as_a_container_is() {
    check(&SaturationOf::PodCpu, flat(0.249, 60), None);
    check(&SaturationOf::PodCpu, flat(0.25, 15), Some(false));
    check(&SaturationOf::PodCpu, flat(0.5, 60), Some(true));
    let pods = [measured("a", flat(0.38, 20), None), measured("b", flat(0.1, 20), None)];
    let said = "The whole pod was throttled 38 % of the last 20 min in 1 of 2 pods: it is held at its CPU limit";
    assert_eq!(find(&SaturationOf::PodCpu, &pods).unwrap().sentence.to_string(), said);
}

#[test]
fn the_share_that_is_throttled_is_over_five_minutes_and_of_containers_that_run() {
    let last = |periods: &[f64], held: &[f64]| throttled(&minutes(periods), &minutes(held)).last().map(|(_, s)| *s);
    assert_eq!(last(&[10.0; 5], &[0.0, 0.0, 0.0, 0.0, 5.0]), Some(0.1));
    assert_eq!(last(&[10.0; 6], &[10.0, 0.0, 0.0, 0.0, 0.0, 0.0]), Some(0.0), "that is longer ago");
    assert_eq!(last(&[1.0; 5], &[0.5; 5]), Some(0.5));
    assert_eq!(last(&[0.99; 5], &[0.5; 5]), Some(0.0), "it hardly runs");
    assert_eq!(last(&[10.0; 5], &[]), None, "nobody says how long it is held");
    assert_eq!(last(&[], &[1.0]), None);
}

#[test]
fn memory_from_95_per_cent_of_its_limit_for_ten_minutes_degrades() {
    check(&memory(), flat(0.949, 60), None);
    check(&memory(), flat(0.95, 9), None);
    check(&memory(), flat(0.95, 10), Some(true));
    let mut falls = flat(0.97, 60);
    falls.last_mut().unwrap().1 = 0.92;
    check(&memory(), falls.clone(), Some(true));
    falls.last_mut().unwrap().1 = 0.919;
    check(&memory(), falls, None);
    let whole = Some(512.0 * MIB);
    let pods = [("a", 0.5), ("b", 0.969), ("c", 0.6)].map(|(pod, share)| measured(pod, flat(share, 30), whole));
    let found = find(&memory(), &pods).unwrap();
    assert_eq!(found.sentence.to_string(), "Container app is at 96 % of its memory limit of 512 MiB in 1 of 3 pods");
    assert_eq!(found.pods, ["b"]);
}

/// A volume that fills at a steady pace by what is left of it in so long, for so long, with this share used now.
fn filling(used: f64, full_in: i64, watched: i64) -> Vec<(Timestamp, f64)> {
    let pace = (1.0 - used) / full_in as f64;
    let back = |minute: i64| used - pace * ((watched / MINUTE - minute) * MINUTE) as f64;
    minutes(&(0..=watched / MINUTE).map(back).collect::<Vec<_>>())
}

#[test]
fn a_volume_with_less_than_three_per_cent_left_degrades() {
    check(&volume(), flat(0.969, 60), None);
    check(&volume(), flat(0.97, 0), None);
    check(&volume(), flat(0.97, 1), Some(true));
    let found = find(&volume(), &[measured("orders-db-0", flat(0.97, 60), Some(10_240.0 * MIB))]).unwrap();
    assert_eq!(found.sentence.to_string(), "Volume data of orders-db-0 is 97 % full: 307 MiB left");
    let two = ["a", "b"].map(|pod| measured(pod, flat(0.98, 60), None));
    assert_eq!(find(&volume(), &two).unwrap().sentence.to_string(), "Volume data is up to 98 % full in all 2 pods");
}

#[test]
fn a_volume_that_fills_is_said_from_85_per_cent_where_it_is_full_within_four_days() {
    check(&volume(), flat(0.93, 600), None);
    check(&volume(), filling(0.93, 2 * DAY, 6 * HOUR), Some(false));
    check(&volume(), filling(0.93, 4 * DAY + HOUR, 6 * HOUR), None);
    check(&volume(), filling(0.93, 20 * HOUR, 6 * HOUR), Some(true));
    check(&volume(), filling(0.93, 2 * DAY, 5 * HOUR), None);
    check(&volume(), filling(0.855, DAY, 6 * HOUR), None);
    let pods = [measured("orders-db-0", filling(0.93, 2 * DAY + HOUR, 6 * HOUR), None)];
    let said = find(&volume(), &pods).unwrap().sentence.to_string();
    assert_eq!(said, "Volume data of orders-db-0 is 93 % full, and full in 2 d at this rate");
    // One that is written to and tidied up comes nowhere.
    let sawtooth: Vec<f64> = (0..=600).map(|minute| 0.88 + 0.04 * f64::from(minute % 60) / 60.0).collect();
    check(&volume(), minutes(&sawtooth), None);
}

fn event(kind: AdverseKind, message: &str, times: &[i64], current: bool) -> AdverseEvent {
    let times: Vec<Timestamp> = times.iter().map(|minutes| NOW.plus(-minutes * MINUTE)).collect();
    let (first, last) = (times[0], if current { NOW } else { times[times.len() - 1] });
    AdverseEvent {
        key: "k".into(),
        cluster: "c".into(),
        service: None,
        pod: None,
        container: None,
        node: None,
        kind,
        reason: String::new(),
        message: message.into(),
        exit_code: None,
        first,
        last,
        count: times.len() as u32,
        times,
        current,
        reconstructed: false,
    }
}

fn service(ready: u32) -> ServiceState {
    ServiceState {
        id: ServiceId::new("c", "shop", "StatefulSet", "db"),
        uid: "u".into(),
        created: NOW.plus(-DAY),
        deleted: None,
        managed_by: None,
        team: None,
        aliases: vec![],
        grouped: false,
        wanted: 3,
        ready,
        updated: 3,
        available: ready,
        revision: None,
        revision_name: None,
        images: vec![],
        short_since: None,
        down_since: None,
        grace: None,
        restarts: 0,
    }
}

fn says(event: &AdverseEvent, ready: u32) -> Option<String> {
    let found = told(event, &service(ready), NOW, &SaturationRules::default())?;
    assert!(found.degrades);
    Some(found.sentence.to_string())
}

#[test]
fn containers_that_share_the_limit_of_their_pod_are_judged_together() {
    let of = |share: f64| find(&SaturationOf::PodMemory, &[measured("one", flat(share, 20), Some(512.0 * MIB))]);
    assert_eq!(of(0.94), None);
    let found = of(0.96).unwrap();
    assert!(found.degrades);
    let said = "Containers together are at 96 % of their pod's memory limit of 512 MiB";
    assert_eq!(found.sentence.to_string(), said);
}

#[test]
fn an_autoscaler_at_its_maximum_degrades_after_a_quarter_of_an_hour() {
    let at_most = |minutes, current| {
        let message = "The autoscaler web is at its maximum of 10 pods and wants more.";
        says(&event(AdverseKind::Autoscaler, message, &[300, minutes], current), 3)
    };
    assert_eq!(at_most(14, true), None);
    let said = "The autoscaler web is at its maximum of 10 pods and wants more, for 15 min";
    assert_eq!(at_most(15, true).as_deref(), Some(said), "earlier times are over");
    assert_eq!(at_most(21, false), None, "it is over");
}

#[test]
fn a_quota_that_refuses_pods_degrades_after_five_minutes() {
    let message = "Quota compute refuses its pods: requests.cpu 4 of 4 used, 500m more wanted.";
    let refuses = |times: &[i64], current, ready| says(&event(AdverseKind::Quota, message, times, current), ready);
    assert_eq!(refuses(&[4], true, 2), None);
    let said = "Quota compute refuses its pods: requests.cpu 4 of 4 used, 500m more wanted, for 5 min";
    assert_eq!(refuses(&[5], true, 3).as_deref(), Some(said), "a rollout may be held while all old pods are ready");
    // A StatefulSet has no condition for it: only events, ever more rarely, and they say nothing of the end.
    assert_eq!(refuses(&[4, 2, 1], false, 2), None);
    assert!(refuses(&[60, 41, 25, 9], false, 2).unwrap().ends_with("for 1 h"));
    assert!(refuses(&[60, 25, 9], false, 2).unwrap().ends_with("for 25 min"));
    assert_eq!(refuses(&[60, 41, 25, 21], false, 2), None, "nothing was refused lately");
    assert_eq!(refuses(&[60, 41, 25, 9], false, 3), None, "its pods are there");
    assert_eq!(says(&event(AdverseKind::FailedCreate, message, &[60], true), 2), None, "refused by something else");
}
