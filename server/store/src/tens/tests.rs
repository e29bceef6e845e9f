//! Runs of minutes, and what moves a service.

use model::SECOND;

use super::*;
use crate::Error;

fn service(name: &str) -> ServiceId {
    ServiceId::new("c", "shop", "Deployment", name)
}

fn whose(name: Option<&str>, revision: &str) -> Arc<Attribution> {
    Arc::new(Attribution {
        service: name.map(service).map(Arc::new),
        revision: name.map(|_| RevisionHash(revision.into())),
        pod: None,
        pod_name: None,
        rule: Rule::PodName,
        reason: None,
    })
}

fn timeline(stretches: &[(i64, Option<&str>)]) -> Timeline {
    let stretch = |(from, name): &(i64, Option<&str>)| (Timestamp(*from), whose(*name, "r"));
    stretches.iter().map(stretch).collect::<Vec<_>>().into()
}

#[test]
fn stretches_of_minutes_say_what_the_timeline_says_at_each_of_them() {
    let names = [Some("a"), None, Some("b"), Some("a"), Some("c")];
    for shift in [0, 1, 17 * SECOND, 59 * SECOND] {
        let begins = [i64::MIN, MINUTE, 3 * MINUTE + shift, 3 * MINUTE + shift + SECOND, 7 * MINUTE - shift];
        let stretches: Vec<_> = begins.into_iter().zip(names).collect();
        let timeline = timeline(&stretches);
        for (first, last) in [(-3, 12), (3, 4), (4, 4), (8, 20), (-9, -2)] {
            let told = minutes(&timeline, first, last);
            let told: Vec<(i32, &Arc<Attribution>)> =
                told.flat_map(|(from, to, whose)| (from..=to).map(move |minute| (minute, whose))).collect();
            let at = |minute: i32| (minute, timeline.at(Timestamp(i64::from(minute) * MINUTE)));
            assert_eq!(told, (first..=last).map(at).collect::<Vec<_>>(), "{shift} {first} {last}");
        }
    }
}

fn making() -> Making {
    let parties = vec![
        (service("a"), None),
        (service("a"), Some(RevisionHash("r".into()))),
        (service("b"), Some(RevisionHash("r".into()))),
    ];
    let run = |owner, first, last, party| Run { owner, first, last, party };
    let runs = vec![run(0, 5, 9, Some(1)), run(0, 10, 20, Some(2)), run(1, -4, 20, None), run(2, 5, 20, Some(2))];
    Making::new(parties, runs)
}

#[test]
fn a_service_is_moved_by_what_it_won_and_lost_in_minutes_that_count() {
    let moved = |owners: Vec<Timeline>| {
        let moved = making().moved(&Arc::new(owners));
        moved.map(|services| services.iter().map(|service| service.name.clone()).collect::<Vec<_>>())
    };
    let first = || timeline(&[(i64::MIN, Some("a")), (9 * MINUTE + 1, Some("b"))]);
    let (nobody, second) = (|| timeline(&[(i64::MIN, None)]), || timeline(&[(i64::MIN, Some("b"))]));
    assert_eq!(moved(vec![first(), nobody(), second()]).unwrap(), [""; 0]);
    let earlier = timeline(&[(i64::MIN, Some("c")), (4 * MINUTE + 1, Some("a")), (10 * MINUTE, Some("b"))]);
    assert_eq!(moved(vec![earlier, nobody(), second()]).unwrap(), [""; 0], "no minute of it");
    let found = timeline(&[(i64::MIN, None), (20 * MINUTE, Some("c"))]);
    assert_eq!(moved(vec![first(), found, second()]).unwrap(), ["c"]);
    assert_eq!(moved(vec![first(), nobody(), nobody()]).unwrap(), ["b"]);
    let later = timeline(&[(i64::MIN, Some("a")), (12 * MINUTE, Some("b"))]);
    assert_eq!(moved(vec![later, nobody(), second()]).unwrap(), ["a", "b"]);
    let other = Timeline::always(whose(Some("b"), "other"));
    assert_eq!(moved(vec![first(), nobody(), other]).unwrap(), ["b"], "another revision");
    assert_eq!(moved(vec![first(), nobody()]), None, "an owner that is not known");
}

#[test]
fn a_making_comes_back_whole_and_every_flipped_byte_is_found() {
    let sealed = making().encode().unwrap();
    let read = Making::decode(&sealed).unwrap();
    assert_eq!((&read.parties, &read.runs), (&making().parties, &making().runs));
    assert_eq!((read.of_service(&service("a")), read.of_service(&service("b"))), ((0, 2), (2, 3)));
    let (from, to) = read.of_service(&service("aa"));
    assert_eq!(from, to, "none of a service that is not there");
    for at in 0..sealed.len() {
        let mut wrong = sealed.clone();
        wrong[at] ^= 0x10;
        assert!(matches!(Making::decode(&wrong), Err(Error::Damaged(_))), "byte {at}");
    }
}
