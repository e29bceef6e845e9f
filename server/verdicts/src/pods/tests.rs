//! Pods that follow each other under one name, and looks that are had late.

use model::{Asked, DeployId, DeployPhase, PodId, RevisionHash, ServiceId};

use super::*;
use store::fixtures;

fn at(minutes: i64) -> Timestamp {
    Timestamp(1_000_000 * MINUTE + minutes * MINUTE)
}

fn id() -> ServiceId {
    ServiceId::new("c", "data", "StatefulSet", "db")
}

fn pod(uid: &str, revision: &str, created: i64, ended: Option<i64>) -> PodState {
    PodState {
        id: PodId(uid.into()),
        revision: Some(RevisionHash(revision.into())),
        ended: ended.map(at),
        containers: vec![ContainerState {
            asked: Asked { image: format!("db:{revision}").into(), ..Asked::default() },
            ..fixtures::container("db")
        }],
        ..fixtures::pod(id(), "db-0", at(created))
    }
}

fn deploy() -> Deploy {
    Deploy {
        id: DeployId { service: id(), sequence: 2 },
        from: Some(RevisionHash("a".into())),
        to: RevisionHash("b".into()),
        from_name: None,
        to_name: "b".into(),
        kind: DeployKind::Image,
        phase: DeployPhase::RollingOut,
        started: at(0),
        rollback: false,
        reconstructed: false,
        cause: None,
        changes: vec![],
    }
}

fn event(kind: AdverseKind, times: &[i64]) -> AdverseEvent {
    let times: Vec<Timestamp> = times.iter().map(|minutes| at(*minutes)).collect();
    let (pod, container) = (Some("db-0".into()), Some("db".into()));
    AdverseEvent { pod, container, exit_code: Some(3), ..fixtures::adverse(Some(id()), kind, &times) }
}

fn check(pods: &[PodState], events: &[AdverseEvent], late: i64) -> KubernetesFacts {
    facts(&deploy(), pods, events, &[], (Window::new(at(-60), at(10)), at(10 + late)))
}

#[test]
fn what_the_next_pod_of_a_name_does_is_not_its_predecessors() {
    let pods = [pod("1", "a", -50, Some(1)), pod("2", "b", 2, None)];
    let facts = check(&pods, &[event(AdverseKind::Restart, &[-20, 4, 5, 6])], 0);
    assert_eq!((facts.old.restarts, facts.new.restarts), (1, 3));
    assert_eq!((facts.old.restart_pods, facts.new.restart_pods), (1, 1));
}

#[test]
fn a_look_that_is_had_late_goes_by_events_and_not_by_what_containers_do_now() {
    let mut pods = [pod("2", "b", 2, None)];
    pods[0].containers[0].state = "CrashLoopBackOff".into();
    assert_eq!(check(&pods, &[], 1).crashing.len(), 1, "in time");
    assert!(check(&pods, &[], 30).crashing.is_empty(), "that began later");
    assert!(check(&pods, &[event(AdverseKind::CrashLoop, &[20, 30])], 30).crashing.is_empty(), "and so did this");
    assert!(check(&pods, &[event(AdverseKind::CrashLoop, &[3, 4])], 30).crashing.is_empty(), "this was over");
    let crash = event(AdverseKind::CrashLoop, &[4, 30]);
    assert_eq!(check(&pods, &[crash], 30).crashing, [("db-0".to_owned(), "exit code 3".to_owned())]);
    let pull = event(AdverseKind::FailedPull, &[4, 9]);
    assert_eq!(check(&pods, &[pull], 30).unpullable, ["db:b"]);
}
