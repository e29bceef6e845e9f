//! What went wrong, in plain words, joined over its repeats.

mod support;

use model::{AdverseKind, PodPhase};
use serde_json::{Value, json};
use store::ClusterRecord;
use support::{Bench, at, container, deployment, iso, object, pod, replica_set, with};

fn running() -> Vec<Value> {
    vec![deployment("v1", 1, (1, 1, 1)), replica_set("aa", "v1", 1, 0), pod("p", "aa", 0, Some(1))]
}

fn ended(restarts: u32, code: i32, reason: &str, minute: i64) -> Value {
    let last = json!({"exitCode": code, "reason": reason, "startedAt": iso(minute - 1), "finishedAt": iso(minute)});
    container(pod("p", "aa", 0, Some(1)), json!({"restartCount": restarts, "lastState": {"terminated": last}}))
}

#[test]
fn restarts_are_counted_with_exit_code_and_reason() {
    let mut bench = Bench::list(5, &running());
    bench.now = 10;
    bench.apply(&[ended(1, 1, "Error", 9)]);
    bench.now = 20;
    bench.apply(&[ended(3, 1, "Error", 19)]);
    bench.apply(&[ended(3, 1, "Error", 19)]);
    let events = bench.adverse(AdverseKind::Restart);
    let [event] = events.as_slice() else { panic!("{events:#?}") };
    assert_eq!(
        (event.count, event.exit_code, &*event.reason, event.first, event.last),
        (3, Some(1), "Error", at(9), at(19))
    );
    assert_eq!((event.times.as_slice(), event.reconstructed), ([at(9), at(19)].as_slice(), false));
    assert_eq!(event.pod.as_deref(), Some("p"));
    assert_eq!(bench.service("Deployment/web").restarts, 3);
}

#[test]
fn a_kill_for_memory_names_the_limit_though_kubernetes_writes_no_event() {
    let mut bench = Bench::list(5, &running());
    bench.now = 10;
    bench.apply(&[ended(1, 137, "OOMKilled", 9)]);
    let event = &bench.adverse(AdverseKind::OomKill)[0];
    assert_eq!(event.message, "Used more memory than its limit of 256 MiB; exit code 137.");
    assert_eq!((event.exit_code, event.current), (Some(137), false));
}

#[test]
fn a_kill_for_memory_names_the_limit_of_the_pod_where_the_container_has_none() {
    let mut bench = Bench::list(5, &running());
    bench.now = 10;
    let mut killed = ended(1, 137, "OOMKilled", 9);
    killed["spec"]["containers"][0]["resources"] = json!({});
    killed["spec"]["resources"] = json!({"limits": {"memory": "1Gi"}});
    bench.apply(&[killed]);
    assert_eq!(
        bench.adverse(AdverseKind::OomKill)[0].message,
        "Was killed because its pod used more memory than the limit of 1.0 GiB that its containers share; exit code 137."
    );
}

#[test]
fn a_kill_that_is_seen_first_as_a_state_and_then_as_the_last_one_is_one() {
    let mut bench = Bench::list(5, &running());
    bench.now = 9;
    let end = json!({"exitCode": 137, "reason": "OOMKilled", "finishedAt": iso(9)});
    bench.apply(&[container(pod("p", "aa", 0, Some(1)), json!({"state": {"running": null, "terminated": end}}))]);
    bench.now = 10;
    bench.apply(&[ended(1, 137, "OOMKilled", 9)]);
    assert_eq!(bench.adverse(AdverseKind::OomKill)[0].count, 1);
}

#[test]
fn what_happened_while_nobody_watched_is_reconstructed_from_last_states() {
    let before = Bench::list(5, &running());
    let mut objects = running();
    objects[2] = ended(2, 137, "OOMKilled", 30);
    let bench = Bench::again(before, 60, &objects);
    let event = &bench.adverse(AdverseKind::OomKill)[0];
    assert_eq!((event.count, event.last, event.reconstructed), (2, at(30), true));
    let again = Bench::again(bench, 90, &objects);
    assert!(again.adverse(AdverseKind::OomKill).is_empty(), "counted once");
}

#[test]
fn waiting_reasons_hold_until_the_container_runs() {
    let waits = |reason: &str, message: &str| {
        container(pod("p", "aa", 0, None), json!({"state": {"waiting": {"reason": reason, "message": message}}}))
    };
    for (reason, kind) in [
        ("ImagePullBackOff", AdverseKind::FailedPull),
        ("InvalidImageName", AdverseKind::FailedPull),
        ("CreateContainerConfigError", AdverseKind::FailedStart),
        ("RunContainerError", AdverseKind::FailedStart),
    ] {
        let mut bench = Bench::list(5, &running()[..2]);
        bench.apply(&[waits(reason, "manifest unknown")]);
        assert!(bench.adverse(kind)[0].current, "{reason}");
        assert_eq!(bench.pod("p").reason.as_deref(), Some(reason));
        bench.now = 6;
        bench.apply(&[pod("p", "aa", 0, Some(6))]);
        assert!(!bench.adverse(kind)[0].current, "{reason}");
    }
}

#[test]
fn two_reasons_of_one_failed_pull_are_one_event() {
    let mut bench = Bench::list(5, &running()[..2]);
    for reason in ["ErrImagePull", "ImagePullBackOff", "ErrImagePull"] {
        bench.apply(&[container(
            pod("p", "aa", 0, None),
            json!({"state": {"waiting": {"reason": reason, "message": "not found"}}}),
        )]);
    }
    let events = bench.adverse(AdverseKind::FailedPull);
    assert_eq!((events.len(), events[0].count), (1, 1));
    assert!(events[0].message.contains("misspelt"));
}

#[test]
fn a_crash_loop_lasts_until_the_container_has_run_for_two_minutes() {
    let mut bench = Bench::list(5, &running());
    let last = json!({"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": iso(5)}});
    let waits = json!({"state": {"running": null, "waiting": {"reason": "CrashLoopBackOff"}}, "restartCount": 4, "lastState": last});
    bench.apply(&[container(pod("p", "aa", 0, None), waits)]);
    assert!(bench.adverse(AdverseKind::CrashLoop)[0].current);
    bench.now = 6;
    let runs = json!({"state": {"running": {"startedAt": iso(6)}}, "restartCount": 5, "lastState": last});
    bench.apply(&[container(pod("p", "aa", 0, Some(6)), runs)]);
    assert!(bench.adverse(AdverseKind::CrashLoop)[0].current);
    bench.wait(2);
    let event = &bench.adverse(AdverseKind::CrashLoop)[0];
    assert_eq!((event.current, event.count), (false, 1));
}

#[test]
fn a_pod_that_finds_no_node_and_one_that_is_put_out_say_why() {
    let mut bench = Bench::list(5, &running()[..2]);
    let stuck = json!({"status": {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
        "message": "0/3 nodes are available: 3 Insufficient cpu.", "lastTransitionTime": iso(4)}]}});
    let mut pending = pod("p", "aa", 4, None);
    pending["status"]["containerStatuses"] = json!([]);
    bench.apply(&[with(pending, stuck)]);
    let event = &bench.adverse(AdverseKind::FailedScheduling)[0];
    assert_eq!(
        (event.current, &*event.message),
        (true, "No node takes it: 0/3 nodes are available: 3 Insufficient cpu.")
    );
    let out =
        json!({"status": {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."}});
    bench.apply(&[with(pod("q", "aa", 4, None), out)]);
    let event = &bench.adverse(AdverseKind::Eviction)[0];
    assert_eq!(event.message, "Its node put it out: The node was low on resource: memory.");
    assert_eq!(bench.pod("q").phase, PodPhase::Failed);
}

#[test]
fn what_a_pod_says_last_is_told_though_it_is_gone_at_once() {
    let mut bench = Bench::list(5, &running());
    let since = json!({"type": "DisruptionTarget", "status": "True", "reason": "DeletionByPodGC",
        "lastTransitionTime": iso(5)});
    let last = with(running()[2].clone(), json!({"status": {"conditions": [since]}}));
    bench.applied_and_deleted(&last);
    let event = &bench.adverse(AdverseKind::Eviction)[0];
    assert_eq!((event.message.as_str(), event.count, event.current), ("Its node is gone.", 1, false));
    assert_eq!(event.service.as_ref().unwrap().name, "web");
    // What was settled before is not counted again.
    let mut slow = Bench::list(5, &running());
    slow.apply(std::slice::from_ref(&last));
    slow.now += 1;
    slow.delete(&[last]);
    assert_eq!(slow.adverse(AdverseKind::Eviction)[0].count, 1);
}

fn event(about: &str, reason: &str, message: &str, count: u32, minute: i64) -> Value {
    let (kind, name) = about.split_once('/').expect("kind and name");
    let part = if kind == "Pod" { "spec.containers{app}" } else { "" };
    with(
        object("Event", &format!("{name}-{reason}"), minute),
        json!({"type": "Warning", "reason": reason, "message": message, "count": count,
        "firstTimestamp": iso(5), "lastTimestamp": iso(minute),
        "involvedObject": {"kind": kind, "name": name, "namespace": "shop", "uid": format!("{kind}-{name}"), "fieldPath": part}}),
    )
}

#[test]
fn events_of_a_pod_are_kept_while_it_waits_for_its_owner() {
    let mut bench = Bench::list(5, &[deployment("v1", 1, (1, 1, 1))]);
    bench.apply(&[pod("p", "aa", 5, Some(5)), event("Pod/p", "Unhealthy", "Readiness probe failed: no", 3, 5)]);
    bench.wait(1);
    assert!(bench.adverse(AdverseKind::FailedProbe).is_empty(), "nobody knows whose it is");
    bench.apply(&[replica_set("aa", "v1", 1, 5)]);
    let [probe] = &bench.adverse(AdverseKind::FailedProbe)[..] else { panic!("{:?}", bench.all.adverse) };
    assert_eq!(probe.service.as_ref().unwrap().local(), "shop/Deployment/web");
}

#[test]
fn trouble_of_a_replica_set_goes_on_when_it_is_adopted() {
    let denied = json!({"status": {"conditions": [{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate",
        "message": "denied the request", "lastTransitionTime": iso(5)}]}});
    let set = with(replica_set("aa", "v1", 1, 0), denied);
    let lone = with(set.clone(), json!({"metadata": {"ownerReferences": null}}));
    let mut bench = Bench::list(5, &[deployment("v1", 1, (1, 1, 1)), lone]);
    bench.now = 6;
    bench.apply(&[set]);
    let [failed] = &bench.adverse(AdverseKind::FailedCreate)[..] else { panic!("{:?}", bench.all.adverse) };
    assert_eq!((failed.current, failed.service.as_ref().unwrap().kind.as_str()), (true, "Deployment"));
}

#[test]
fn events_are_joined_over_their_repeats_and_lists() {
    let mut bench = Bench::list(5, &running());
    bench.now = 20;
    let failed = |count, minute| {
        event("Pod/p", "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503", count, minute)
    };
    bench.apply(&[failed(3, 10)]);
    bench.apply(&[failed(4, 12)]);
    let mut all = running();
    all.push(failed(4, 12));
    bench.relist(&all);
    let events = bench.adverse(AdverseKind::FailedProbe);
    assert_eq!((events.len(), events[0].count, events[0].first, events[0].last), (1, 4, at(5), at(12)));
    assert!(events[0].message.starts_with("Its readiness probe failed (HTTP probe failed"), "{}", events[0].message);
    assert_eq!(events[0].container.as_deref(), Some("app"));
    assert_eq!(events[0].service.as_ref().unwrap().name, "web");
}

fn failed_probe(count: u32, first: i64, last: i64) -> Value {
    let failed =
        event("Pod/p", "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503", count, last);
    with(failed, json!({"firstTimestamp": iso(first)}))
}

#[test]
fn an_event_is_kept_beyond_the_hour_for_which_the_api_server_has_it() {
    type Way = fn(&mut Bench) -> ClusterRecord;
    let ways: [(&str, Way); 2] = [
        ("deleted", |bench| bench.delete(&[failed_probe(4, 5, 12)])),
        ("not listed any more", |bench| bench.relist(&running())),
    ];
    let seen = |bench: &Bench| -> Vec<_> {
        bench.adverse(AdverseKind::FailedProbe).iter().map(|event| (event.count, event.first, event.last)).collect()
    };
    for (how, forget) in ways {
        let mut bench = Bench::list(5, &running());
        bench.now = 20;
        bench.apply(&[failed_probe(4, 5, 12)]);
        bench.now = 80;
        assert_eq!(forget(&mut bench).adverse, [], "{how}");
        assert_eq!(seen(&bench), [(4, at(5), at(12))], "{how}");
        // A new event counts from one again: only with what was kept is it the fifth and sixth time.
        bench.now = 90;
        bench.apply(&[failed_probe(2, 85, 88)]);
        assert_eq!(seen(&bench), [(6, at(5), at(88))], "{how}");
        let mut again = Bench::again(bench, 160, &running());
        assert_eq!(again.all.adverse, [], "{how}, and the process was down");
        again.now = 170;
        again.apply(&[failed_probe(4, 165, 169)]);
        again.now = 240;
        assert_eq!(forget(&mut again).adverse, [], "{how}, after the process was down");
        assert_eq!(seen(&again), [(10, at(5), at(169))], "{how}, after the process was down");
    }
}

#[test]
fn events_that_status_tells_better_are_left_to_it() {
    let mut bench = Bench::list(5, &running());
    let record = bench.apply(&[
        event("Pod/p", "BackOff", "Back-off restarting failed container", 9, 5),
        event("Pod/p", "Failed", "Error: ErrImagePull", 9, 5),
        event("Pod/p", "Evicted", "The node was low on resource", 1, 5),
    ]);
    assert!(record.adverse.is_empty(), "{record:#?}");
    let record = bench.apply(&[
        event("Pod/p", "FailedMount", "MountVolume.SetUp failed for volume \"c\"", 2, 5),
        event("Pod/p", "Odd", "odd thing", 1, 5),
    ]);
    let kinds: Vec<AdverseKind> = record.adverse.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [AdverseKind::FailedVolume, AdverseKind::Warning]);
}

#[test]
fn an_event_of_a_pod_that_is_gone_still_finds_its_service() {
    let mut bench = Bench::list(5, &running());
    bench.delete(&running()[2..]);
    let record = bench.apply(&[event("Pod/p", "ExceededGracePeriod", "did not stop in time", 1, 5)]);
    assert_eq!(record.adverse[0].service.as_ref().unwrap().name, "web");
}

#[test]
fn pods_that_cannot_be_created_are_told_by_their_replica_set() {
    let mut bench = Bench::list(5, &running());
    let refusal = "admission webhook \"policy\" denied the request: no";
    let denied = json!({"status": {"conditions": [{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate",
        "message": refusal, "lastTransitionTime": iso(5)}]}});
    bench.apply(&[with(replica_set("aa", "v1", 1, 0), denied)]);
    bench.apply(&[event("ReplicaSet/web-aa", "FailedCreate", refusal, 5, 5)]);
    let events = bench.adverse(AdverseKind::FailedCreate);
    assert!(events.iter().any(|event| event.current && event.message.contains("denied the request")));
    assert_eq!(events[0].service.as_ref().unwrap().name, "web");
}

#[test]
fn a_quota_that_refuses_pods_is_told_by_condition_and_event_as_one_until_it_lets_them() {
    let mut bench = Bench::list(5, &running());
    let refusal = "pods \"web-x\" is forbidden: exceeded quota: compute, requested: requests.cpu=500m, used: \
                   requests.cpu=4, limited: requests.cpu=4";
    let refused = |status: &str| {
        json!({"status": {"conditions": [{"type": "ReplicaFailure", "status": status, "reason": "FailedCreate",
            "message": refusal, "lastTransitionTime": iso(5)}]}})
    };
    bench.apply(&[with(replica_set("aa", "v1", 1, 0), refused("True"))]);
    bench.apply(&[event("ReplicaSet/web-aa", "FailedCreate", refusal, 5, 5)]);
    let [quota] = &bench.adverse(AdverseKind::Quota)[..] else { panic!("{:?}", bench.all.adverse) };
    assert!(quota.current && quota.first == at(5));
    assert!(quota.message.starts_with("Quota compute refuses its pods: requests.cpu 4 of 4 used, 500m more wanted."));
    bench.apply(&[with(replica_set("aa", "v1", 1, 0), refused("False"))]);
    assert!(!bench.adverse(AdverseKind::Quota)[0].current);
}

fn autoscaler(limited: &str) -> serde_json::Value {
    let conditions = json!([{"type": "ScalingLimited", "status": limited, "reason": "TooManyReplicas",
        "lastTransitionTime": iso(3)}]);
    let target = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"});
    with(
        object("HorizontalPodAutoscaler", "web", 0),
        json!({"spec": {"scaleTargetRef": target, "maxReplicas": 5},
            "status": {"currentReplicas": 5, "conditions": conditions}}),
    )
}

#[test]
fn an_autoscaler_at_its_maximum_is_told_of_its_service_while_it_is() {
    let all = |limited| [running(), vec![autoscaler(limited)]].concat();
    let mut bench = Bench::list(5, &all("True"));
    let event = bench.adverse(AdverseKind::Autoscaler).remove(0);
    assert_eq!((event.current, event.first, event.times.as_slice()), (true, at(3), &[at(3)][..]));
    assert_eq!(event.service.as_ref().unwrap().name, "web");
    assert!(event.message.starts_with("The autoscaler web is at its maximum of 5 pods and wants more."));
    // Nothing changes, and it still holds.
    bench.wait(90);
    let event = bench.adverse(AdverseKind::Autoscaler).remove(0);
    assert_eq!((event.current, event.last, event.count), (true, at(95), 1));
    bench.apply(&[autoscaler("False")]);
    assert!(!bench.adverse(AdverseKind::Autoscaler)[0].current);
    bench.apply(&[autoscaler("True")]);
    assert!(bench.adverse(AdverseKind::Autoscaler)[0].current);
    bench.delete(&[autoscaler("True")]);
    assert!(!bench.adverse(AdverseKind::Autoscaler)[0].current, "it is gone");
}

#[test]
fn what_went_while_nobody_watched_is_over() {
    let bench = Bench::list(5, &[running(), vec![autoscaler("True")]].concat());
    let there = Bench::again(bench, 60, &[running(), vec![autoscaler("True")]].concat());
    let event = there.adverse(AdverseKind::Autoscaler).remove(0);
    assert_eq!((event.current, event.count), (true, 1), "it is the same one");
    let gone = Bench::again(there, 90, &running());
    assert!(!gone.adverse(AdverseKind::Autoscaler)[0].current);
}

#[test]
fn a_job_that_gives_up_says_so_at_its_cron_job() {
    let cron = object("CronJob", "nightly", 0);
    let failed = json!({"status": {"conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "lastTransitionTime": iso(4)}]}});
    let job = with(support::owned("Job", "nightly-1", 0, ("CronJob", "nightly")), failed);
    let bench = Bench::list(5, &[cron, job.clone()]);
    let event = &bench.adverse(AdverseKind::FailedJob)[0];
    assert_eq!((event.service.as_ref().unwrap().name.as_str(), event.count), ("nightly", 1));
    let related = &bench.all.related.last().unwrap().1;
    assert!(related.iter().any(|row| row.kind == "Job" && row.state == "failed"));
}

#[test]
fn a_node_that_is_not_ready_belongs_to_no_service() {
    let node = |ready: &str| {
        with(
            object("Node", "n1", 0),
            json!({"status": {"conditions": [
        {"type": "Ready", "status": ready, "lastTransitionTime": iso(4)}, {"type": "MemoryPressure", "status": "False"}]}}),
        )
    };
    let mut bench = Bench::list(5, &[node("Unknown")]);
    let event = &bench.adverse(AdverseKind::Node)[0];
    assert_eq!((event.current, event.service.is_none(), event.node.as_deref()), (true, true, Some("n1")));
    bench.apply(&[node("True")]);
    assert!(!bench.adverse(AdverseKind::Node)[0].current);
}

#[test]
fn what_a_pod_was_between_its_start_and_its_last_readiness_is_known_only_where_it_was_watched() {
    let ready_since = |minute: i64| {
        let ready = json!({"type": "Ready", "status": "True", "lastTransitionTime": iso(minute)});
        with(pod("p", "aa", 0, Some(1)), json!({"status": {"conditions": [ready]}}))
    };
    let listed = |minute: i64| {
        let mut objects = running();
        objects[2] = ready_since(minute);
        Bench::list(60, &objects).pod("p").history
    };
    let then = |phase, ready| [(at(0), PodPhase::Pending), (at(1), phase), (at(ready), PodPhase::Ready)];
    assert_eq!(listed(9), then(PodPhase::Starting, 9), "so long a start may take");
    assert_eq!(listed(50), then(PodPhase::Unknown, 50), "it may have been ready before");
    let mut objects = running();
    let waits = json!({"status": {"conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": iso(0)}]}});
    objects[2] = with(pod("p", "aa", 0, Some(1)), waits);
    let mut bench = Bench::list(5, &objects);
    bench.now = 51;
    bench.apply(&[ready_since(50)]);
    assert_eq!(bench.pod("p").history, then(PodPhase::Starting, 50), "it was watched all the time");
}

#[test]
fn the_phases_of_a_pod_come_from_its_conditions_and_continue_what_was_known() {
    let mut objects = running();
    let bench = Bench::list(5, &objects);
    assert_eq!(
        bench.pod("p").history,
        [(at(0), PodPhase::Pending), (at(1), PodPhase::Starting), (at(1), PodPhase::Ready)]
    );
    let lost = json!({"status": {"conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": iso(40)}]}});
    objects[2] = with(pod("p", "aa", 0, Some(1)), lost);
    let mut bench = Bench::again(bench, 60, &objects);
    assert_eq!(bench.pod("p").history.last(), Some(&(at(40), PodPhase::NotReady)));
    let service = bench.service("Deployment/web");
    assert_eq!((service.ready, service.short_since, service.down_since), (0, Some(at(40)), Some(at(40))));
    bench.now = 70;
    let going = json!({"metadata": {"deletionTimestamp": iso(71), "deletionGracePeriodSeconds": 60}});
    bench.apply(&[with(pod("p", "aa", 0, Some(1)), going)]);
    assert_eq!(bench.pod("p").history.last(), Some(&(at(70), PodPhase::Terminating)));
}

#[test]
fn a_pod_that_is_met_when_its_node_is_lost_was_not_pending_until_then() {
    let met = |state: Value| {
        let mut objects = running();
        objects[2] = with(pod("p", "aa", 0, Some(1)), state);
        Bench::list(60, &objects).pod("p").history
    };
    let ready = |status: &str, minute: i64| {
        let started = json!({"type": "Initialized", "status": "True", "lastTransitionTime": iso(0)});
        json!([started, {"type": "Ready", "status": status, "lastTransitionTime": iso(minute)}])
    };
    let going = json!({"deletionTimestamp": iso(41), "deletionGracePeriodSeconds": 30});
    let before = [(at(0), PodPhase::Pending), (at(1), PodPhase::Starting)];
    let lost = met(json!({"metadata": going, "status": {"conditions": ready("False", 40)}}));
    let until = lost.iter().position(|(_, phase)| *phase == PodPhase::NotReady).unwrap();
    assert_eq!(lost[until].0, at(40));
    assert_eq!(lost[until - 1].1, PodPhase::Ready, "{lost:?}");
    assert_eq!(lost.last().map(|(_, phase)| *phase), Some(PodPhase::Terminating));
    let served = met(json!({"metadata": going, "status": {"conditions": ready("True", 2)}}));
    assert_eq!(served[..3], [before[0], before[1], (at(2), PodPhase::Ready)]);
    let unheard = [before[0], (at(1), PodPhase::Unknown)];
    assert_eq!(met(json!({"status": {"conditions": ready("Unknown", 40)}})), unheard);
    let both = met(json!({"metadata": going, "status": {"conditions": ready("Unknown", 40)}}));
    assert_eq!((&both[..2], both[2].1), (&unheard[..], PodPhase::Terminating));
}

#[test]
fn a_service_is_given_its_progress_deadline_until_it_was_ready_once_and_when_it_recreates() {
    let mut objects = vec![
        with(deployment("v1", 1, (1, 1, 0)), json!({"spec": {"progressDeadlineSeconds": 120}})),
        replica_set("aa", "v1", 1, 0),
    ];
    let mut bench = Bench::list(1, &objects);
    assert_eq!(bench.service("Deployment/web").grace, Some(120));
    bench.apply(&[pod("p", "aa", 0, Some(1))]);
    assert_eq!(bench.service("Deployment/web").grace, None);
    objects[0] = with(deployment("v1", 1, (1, 1, 1)), json!({"spec": {"strategy": {"type": "Recreate"}}}));
    bench.apply(&objects[..1]);
    assert_eq!(bench.service("Deployment/web").grace, Some(600));
}
