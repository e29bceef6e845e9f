//! Revisions, deploys and config changes, from what Kubernetes has.

mod support;

use model::{DeployKind, DeployPhase};
use serde_json::{Value, json};
use support::{Bench, at, container, deployment, iso, object, owned, pod, ready_pod, replica_set, template, with};

fn first() -> Vec<Value> {
    vec![deployment("shop/web:v1", 1, (1, 1, 1)), replica_set("aa", "shop/web:v1", 1, 0), pod("a", "aa", 0, Some(1))]
}

fn rolled(minute: i64) -> Vec<Value> {
    vec![
        deployment("shop/web:v2", 2, (1, 1, 1)),
        replica_set("aa", "shop/web:v1", 1, 0),
        replica_set("bb", "shop/web:v2", 2, minute),
        pod("b", "bb", minute, Some(minute + 1)),
    ]
}

#[test]
fn a_new_image_is_a_deploy_from_its_replica_set_to_the_last_ready_pod() {
    let mut bench = Bench::list(5, &first());
    bench.now = 10;
    bench.apply(&[
        with(deployment("shop/web:v2", 2, (1, 0, 1)), json!({"status": {"observedGeneration": 1}})),
        replica_set("bb", "shop/web:v2", 2, 10),
    ]);
    let deploy = bench.deploys().pop().unwrap();
    assert_eq!(
        (deploy.id.sequence, deploy.kind, deploy.phase, deploy.started),
        (2, DeployKind::Image, DeployPhase::RollingOut, at(10))
    );
    assert_eq!((deploy.from_name.as_deref(), &*deploy.to_name, deploy.reconstructed), (Some("v1"), "v2", false));
    assert_eq!(deploy.changes, ["image of app: shop/web:v1 → v2"]);
    bench.now = 12;
    bench.apply(&[pod("b", "bb", 10, Some(11)), deployment("shop/web:v2", 2, (1, 1, 1))]);
    assert_eq!(bench.deploys().pop().unwrap().phase, DeployPhase::RollingOut, "the old pod is still there");
    bench.delete(&[pod("a", "aa", 0, Some(1))]);
    let deploy = bench.deploys().pop().unwrap();
    assert_eq!(deploy.phase, DeployPhase::Settled { at: at(11) });
    assert_eq!(deploy.changes.len(), 1, "what changed is still said");
    assert_eq!(bench.service("Deployment/web").revision_name.as_deref(), Some("v2"));
}

#[test]
fn scaling_is_never_a_deploy() {
    let mut bench = Bench::list(5, &first());
    bench.apply(&[with(deployment("shop/web:v1", 1, (5, 1, 1)), json!({"metadata": {"generation": 2}}))]);
    assert_eq!(bench.deploys().len(), 1);
    let service = bench.service("Deployment/web");
    assert_eq!((service.wanted, service.ready, service.short_since), (5, 1, Some(at(5))));
}

#[test]
fn a_deploy_while_nobody_watched_is_there_once_and_reconstructed() {
    let before = Bench::list(5, &first());
    let mut bench = Bench::again(before, 90, &rolled(60));
    bench.relist(&rolled(60));
    let deploys = bench.deploys();
    let [deploy] = deploys.as_slice() else { panic!("{deploys:#?}") };
    assert_eq!((deploy.id.sequence, deploy.started, deploy.reconstructed), (2, at(60), true));
    assert_eq!(deploy.phase, DeployPhase::Settled { at: at(61) });
    assert_eq!(deploy.changes, ["image of app: shop/web:v1 → v2"]);
    let again = Bench::again(bench, 120, &rolled(60));
    assert!(again.deploys().is_empty(), "nothing new after another restart");
}

#[test]
fn the_first_list_gives_past_deploys() {
    let bench = Bench::list(90, &rolled(60));
    let deploys = bench.deploys();
    assert_eq!(deploys.iter().map(|deploy| deploy.kind).collect::<Vec<_>>(), [DeployKind::First, DeployKind::Image]);
    assert!(deploys.iter().all(|deploy| deploy.reconstructed && !deploy.phase.is_open()));
}

#[test]
fn a_rollback_is_named_so() {
    let mut bench = Bench::list(90, &rolled(60));
    bench.now = 100;
    bench.apply(&[replica_set("aa", "shop/web:v1", 3, 0), deployment("shop/web:v1", 3, (1, 0, 1))]);
    let deploy = bench.deploys().pop().unwrap();
    assert_eq!((deploy.id.sequence, deploy.rollback, &*deploy.to_name, deploy.started), (3, true, "v1", at(100)));
}

#[test]
fn config_restart_and_digest_are_told_apart_and_named() {
    let env = json!({"spec": {"containers": [{"name": "app", "image": "shop/web:v1", "env": [{"name": "LEVEL", "value": "debug"}]}]}});
    let restart = json!({"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": iso(10)}}});
    let digest = json!({"spec": {"containers": [{"name": "app", "image": "shop/web:v1@sha256:0123456789abcdef"}]}});
    let rows = [
        (env, DeployKind::Config, "config 9f2c", "env LEVEL of app added: debug".to_owned()),
        (restart, DeployKind::Restart, "restart 9f2c", format!("restarted at {}", iso(10))),
        (
            digest,
            DeployKind::Digest,
            "0123456789ab",
            "image of app: shop/web:v1 → shop/web:v1@sha256:0123456789abcdef".to_owned(),
        ),
    ];
    for (change, kind, name, line) in rows {
        let mut bench = Bench::list(5, &first());
        bench.now = 10;
        let set = with(replica_set("9f2c7d", "shop/web:v1", 2, 10), json!({"spec": {"template": change}}));
        bench.apply(&[set]);
        let deploy = bench.deploys().pop().unwrap();
        assert_eq!((deploy.kind, &*deploy.to_name, deploy.changes), (kind, name, vec![line]));
    }
}

#[test]
fn a_restart_that_brings_another_digest_under_the_same_tag_is_a_digest_deploy() {
    let mut bench = Bench::list(5, &first());
    bench.now = 10;
    let restart =
        json!({"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": iso(10)}}}}});
    bench.apply(&[with(replica_set("bb", "shop/web:v1", 2, 10), restart)]);
    bench.apply(&[container(pod("b", "bb", 10, Some(11)), json!({"imageID": "web@sha256:two"}))]);
    assert_eq!(bench.deploys().pop().unwrap().kind, DeployKind::Digest);
}

#[test]
fn a_stuck_rollout_says_why_and_is_an_adverse_event_while_it_lasts() {
    let mut bench = Bench::list(5, &first());
    bench.now = 10;
    let failed = json!({"status": {"conditions": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded",
        "message": "ReplicaSet \"web-bb\" has timed out progressing.", "lastTransitionTime": iso(20)}]}});
    bench.apply(&[replica_set("bb", "shop/web:v2", 2, 10)]);
    bench.now = 21;
    bench.apply(&[with(deployment("shop/web:v2", 2, (1, 1, 1)), failed)]);
    let deploy = bench.deploys().pop().unwrap();
    assert!(matches!(deploy.phase, DeployPhase::Stuck { since, .. } if since == at(20)), "{deploy:?}");
    let events = bench.adverse(model::AdverseKind::StuckRollout);
    assert!(events[0].current && events[0].message.contains("timed out"));
    bench.now = 30;
    bench.delete(&[pod("a", "aa", 0, Some(1))]);
    bench.apply(&[deployment("shop/web:v2", 2, (1, 1, 1)), pod("b", "bb", 22, Some(29))]);
    assert!(!bench.adverse(model::AdverseKind::StuckRollout)[0].current);
}

#[test]
fn ten_minutes_without_a_newly_ready_pod_are_stuck_though_nothing_is_heard() {
    let mut bench = Bench::list(5, &first());
    bench.now = 10;
    bench.apply(&[replica_set("bb", "shop/web:v2", 2, 10)]);
    bench.wait(11);
    assert!(matches!(bench.deploys().pop().unwrap().phase, DeployPhase::Stuck { .. }));
}

fn stateful(update: Value, hash: &str, partition: u32, counts: (u32, u32)) -> Value {
    let set = with(
        object("StatefulSet", "db", 0),
        json!({
            "metadata": {"generation": 2},
            "spec": {"replicas": 2, "template": template("shop/db:v2"),
                     "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": partition}}},
            "status": {"observedGeneration": 2, "replicas": 2, "updatedReplicas": counts.0, "availableReplicas": counts.1, "updateRevision": format!("db-{hash}")},
        }),
    );
    with(set, update)
}

fn ring(hash: &str, image: &str, number: i64, minute: i64) -> Value {
    let name = format!("db-{hash}");
    with(
        owned("ControllerRevision", &name, minute, ("StatefulSet", "db")),
        json!({"revision": number, "data": {"spec": {"template": template(image)}}}),
    )
}

fn member(name: &str, hash: &str, minute: i64) -> Value {
    let pod = owned("Pod", name, minute, ("StatefulSet", "db"));
    ready_pod(
        with(pod, json!({"metadata": {"labels": {"controller-revision-hash": format!("db-{hash}")}}})),
        minute,
        Some(minute),
    )
}

#[test]
fn a_stateful_set_rolls_by_controller_revisions_and_is_paused_by_its_partition() {
    let mut bench = Bench::list(
        5,
        &[
            stateful(json!({}), "aa", 0, (2, 2)),
            ring("aa", "shop/db:v1", 1, 0),
            member("db-0", "aa", 0),
            member("db-1", "aa", 0),
        ],
    );
    assert_eq!(bench.pod("db-0").revision.unwrap().0, "aa");
    bench.now = 10;
    bench.apply(&[stateful(json!({}), "bb", 1, (1, 2)), ring("bb", "shop/db:v2", 2, 10)]);
    bench.delete(&[member("db-1", "aa", 0)]);
    bench.apply(&[with(member("db-1", "bb", 11), json!({"metadata": {"uid": "new"}}))]);
    let deploy = bench.deploys().pop().unwrap();
    assert!(matches!(&deploy.phase, DeployPhase::Paused { why } if why.contains("partition 1")), "{deploy:?}");
    assert_eq!((&*deploy.to_name, deploy.kind), ("v2", DeployKind::Image));
}

/// A cluster before a change of template, and what the change brings.
type Change = (Vec<Value>, Vec<Value>);

/// A Deployment whose new ReplicaSet has no pod yet.
fn of_deployment(spec: Value) -> Change {
    let set = with(deployment("shop/web:v2", 2, (1, 0, 1)), json!({ "spec": spec }));
    (first(), vec![set, replica_set("bb", "shop/web:v2", 2, 10)])
}

/// A StatefulSet or DaemonSet of two pods, of which `moved` are of the new revision.
fn of_set(kind: &str, strategy: &Value, moved: usize) -> Change {
    let set = |generation: i64, updated: usize| {
        let status = if kind == "DaemonSet" {
            json!({"desiredNumberScheduled": 2, "updatedNumberScheduled": updated, "numberAvailable": 2, "numberReady": 2})
        } else {
            json!({"replicas": 2, "updatedReplicas": updated, "availableReplicas": 2, "readyReplicas": 2})
        };
        let spec = json!({"template": template("shop/db:v2"), "updateStrategy": strategy});
        let spec = if kind == "DaemonSet" { spec } else { with(spec, json!({"replicas": 2})) };
        let set = with(object(kind, "db", 0), json!({"metadata": {"generation": generation}, "spec": spec}));
        with(set, json!({"status": with(status, json!({"observedGeneration": generation}))}))
    };
    let ring = |hash: &str, image: &str, number: i64, minute: i64| {
        let ring = owned("ControllerRevision", &format!("db-{hash}"), minute, (kind, "db"));
        with(ring, json!({"revision": number, "data": {"spec": {"template": template(image)}}}))
    };
    let pod = |number: usize, hash: &str| {
        let pod = owned("Pod", &format!("db-{number}"), 0, (kind, "db"));
        let hash = if kind == "DaemonSet" { hash.to_owned() } else { format!("db-{hash}") };
        ready_pod(with(pod, json!({"metadata": {"labels": {"controller-revision-hash": hash}}})), 0, Some(1))
    };
    let before = vec![set(1, 2), ring("aa", "shop/db:v1", 1, 0), pod(0, "aa"), pod(1, "aa")];
    let mut after = vec![set(2, moved), ring("bb", "shop/db:v2", 2, 10)];
    after.extend((2 - moved..2).map(|number| pod(number, "bb")));
    (before, after)
}

/// A Rollout of Argo with two pods, at a revision number, of which so many are new.
fn rollout(image: &str, number: i64, updated: u32, pause: &str) -> Value {
    let pauses = if pause.is_empty() { json!([]) } else { json!([{"reason": pause, "startTime": iso(11)}]) };
    let steps = json!([{"setWeight": 50}, {"pause": {}}]);
    with(
        object("Rollout", "pay", 0),
        json!({
            "metadata": {"generation": number, "annotations": {"rollout.argoproj.io/revision": number.to_string()}},
            "spec": {"replicas": 2, "template": template(image), "strategy": {"canary": {"steps": steps}}},
            "status": {"observedGeneration": number.to_string(), "replicas": 2, "updatedReplicas": updated,
                       "availableReplicas": 2, "readyReplicas": 2, "pauseConditions": pauses},
        }),
    )
}

/// A ReplicaSet of the Rollout.
fn argo_set(hash: &str, image: &str, number: i64, minute: i64) -> Value {
    let label = json!({"metadata": {"labels": {"rollouts-pod-template-hash": hash}}});
    let note = json!({"metadata": {"annotations": {"rollout.argoproj.io/revision": number.to_string()}}});
    let set = with(owned("ReplicaSet", &format!("pay-{hash}"), minute, ("Rollout", "pay")), label.clone());
    with(with(set, note), json!({"spec": {"replicas": 1, "template": with(template(image), label)}}))
}

/// A pod of a ReplicaSet of the Rollout, ready a minute after it was created.
fn argo_pod(name: &str, hash: &str, minute: i64) -> Value {
    let pod = owned("Pod", name, minute, ("ReplicaSet", &format!("pay-{hash}")));
    let label = json!({"metadata": {"labels": {"rollouts-pod-template-hash": hash}}});
    ready_pod(with(pod, label), minute, Some(minute + 1))
}

/// A Rollout that has replaced one of its two pods.
fn of_rollout(pause: &str) -> Change {
    let before = vec![
        rollout("shop/pay:v1", 1, 2, ""),
        argo_set("aa", "shop/pay:v1", 1, 0),
        argo_pod("pay-1", "aa", 0),
        argo_pod("pay-2", "aa", 0),
    ];
    let mut after = vec![rollout("shop/pay:v2", 2, 1, pause), argo_set("bb", "shop/pay:v2", 2, 10)];
    after.push(with(argo_pod("pay-2", "bb", 10), json!({"metadata": {"uid": "new"}})));
    (before, after)
}

#[test]
fn a_rollout_that_is_held_on_purpose_says_by_what_and_is_never_stuck() {
    let on_delete = json!({"type": "OnDelete"});
    let rolling = json!({"type": "RollingUpdate"});
    let partition = |number: u32| json!({"type": "RollingUpdate", "rollingUpdate": {"partition": number}});
    let by_hand = Some("update strategy OnDelete: a pod moves when it is deleted");
    let by_number = Some("partition 1: pods with a lower number keep the old revision");
    let rows = [
        (of_deployment(json!({"paused": true})), Some("the Deployment is paused")),
        (of_deployment(json!({"paused": false})), None),
        (of_set("DaemonSet", &on_delete, 0), by_hand),
        (of_set("DaemonSet", &on_delete, 1), by_hand),
        (of_set("DaemonSet", &rolling, 1), None),
        (of_set("StatefulSet", &on_delete, 0), by_hand),
        (of_set("StatefulSet", &rolling, 1), None),
        (of_set("StatefulSet", &partition(1), 1), by_number),
        (of_set("StatefulSet", &partition(1), 0), None),
        (of_rollout("CanaryPauseStep"), Some("canary step")),
        (of_rollout("InconclusiveAnalysisRun"), Some("InconclusiveAnalysisRun")),
        (of_rollout(""), None),
    ];
    for (row, ((before, after), why)) in rows.into_iter().enumerate() {
        let mut bench = Bench::list(5, &before);
        bench.now = 12;
        bench.apply(&after);
        let phase = |bench: &Bench| bench.deploys().pop().map(|deploy| (deploy.id.sequence, deploy.phase)).unwrap();
        let expected = why.map_or(DeployPhase::RollingOut, |why| DeployPhase::Paused { why: why.into() });
        assert_eq!(phase(&bench), (2, expected.clone()), "row {row}");
        bench.wait(60);
        match why {
            Some(_) => assert_eq!(phase(&bench), (2, expected), "row {row}, an hour later"),
            None => assert!(matches!(phase(&bench), (2, DeployPhase::Stuck { .. })), "row {row}, an hour later"),
        }
    }
}

#[test]
fn all_pods_that_are_deleted_by_hand_end_a_rollout_on_delete() {
    for kind in ["DaemonSet", "StatefulSet"] {
        let (before, after) = of_set(kind, &json!({"type": "OnDelete"}), 2);
        let mut bench = Bench::list(5, &before);
        bench.now = 12;
        bench.apply(&after);
        assert!(matches!(bench.deploys().pop().unwrap().phase, DeployPhase::Settled { .. }), "{kind}");
    }
}

#[test]
fn a_rollout_of_argo_deploys_by_its_own_hash_and_is_paused_at_a_canary_step() {
    let (before, after) = of_rollout("CanaryPauseStep");
    let mut bench = Bench::list(5, &before);
    assert_eq!(bench.pod("pay-1").revision.unwrap().0, "aa");
    assert_eq!(bench.service("Rollout.argoproj.io/pay").revision_name.as_deref(), Some("v1"));
    bench.now = 12;
    bench.delete(&before[3..]);
    bench.apply(&after);
    assert_eq!(bench.pod("pay-2").revision.unwrap().0, "bb");
    let deploy = bench.deploys().pop().unwrap();
    assert_eq!(deploy.id.service.local(), "shop/Rollout.argoproj.io/pay");
    assert_eq!((deploy.id.sequence, deploy.kind, deploy.started), (2, DeployKind::Image, at(10)));
    assert_eq!((deploy.from.unwrap().0, deploy.to.0), ("aa".into(), "bb".into()));
    assert_eq!((deploy.from_name.as_deref(), &*deploy.to_name), (Some("v1"), "v2"));
    assert_eq!(deploy.phase, DeployPhase::Paused { why: "canary step".into() });
    let service = bench.service("Rollout.argoproj.io/pay");
    assert_eq!((service.wanted, service.ready, service.updated), (2, 2, 1));
    // Somebody promotes it.
    bench.now = 74;
    bench.delete(&before[2..3]);
    bench.apply(&[argo_pod("pay-3", "bb", 72), rollout("shop/pay:v2", 2, 2, "")]);
    assert_eq!(bench.deploys().pop().unwrap().phase, DeployPhase::Settled { at: at(73) });
    // An old ReplicaSet that is used again gets a new number.
    bench.now = 80;
    bench.apply(&[argo_set("aa", "shop/pay:v1", 3, 0), rollout("shop/pay:v1", 3, 0, "")]);
    let back = bench.deploys().pop().unwrap();
    assert_eq!((back.id.sequence, back.rollback, &*back.to_name), (3, true, "v1"));
}

#[test]
fn a_daemon_set_pod_carries_only_the_hash() {
    let pod = with(
        owned("Pod", "agent-x", 0, ("DaemonSet", "agent")),
        json!({"metadata": {"labels": {"controller-revision-hash": "aa"}}}),
    );
    let ring = with(
        owned("ControllerRevision", "agent-aa", 0, ("DaemonSet", "agent")),
        json!({
        "metadata": {"labels": {"controller-revision-hash": "aa"}}, "revision": 1, "data": {"spec": {"template": template("agent:v1")}}}),
    );
    let set = with(object("DaemonSet", "agent", 0), json!({"status": {"desiredNumberScheduled": 3, "numberReady": 1}}));
    let bench = Bench::list(5, &[set, ring, ready_pod(pod, 0, Some(1))]);
    let service = bench.service("DaemonSet/agent");
    assert_eq!(bench.pod("agent-x").revision, service.revision);
    assert_eq!((service.wanted, service.ready, service.revision_name.as_deref()), (3, 1, Some("v1")));
}

#[test]
fn a_bare_replica_set_does_not_roll() {
    let bench = Bench::list(
        5,
        &[with(object("ReplicaSet", "lone", 0), json!({"spec": {"replicas": 1, "template": template("x:v1")}}))],
    );
    assert!(bench.deploys().is_empty());
    assert_eq!(bench.service("ReplicaSet/lone").images, ["x:v1"]);
}

#[test]
fn a_deleted_workload_is_not_rolled_back_on_its_way_out() {
    let mut bench = Bench::list(90, &rolled(60));
    bench.now = 95;
    bench.delete(&[replica_set("bb", "shop/web:v2", 2, 60)]);
    assert_eq!(bench.deploys().len(), 2);
}

fn config_map(value: &str) -> Value {
    with(
        object("ConfigMap", "flags", 0),
        json!({"data": {"level": value, "same": "1", "password": format!("pw-{value}")}}),
    )
}

#[test]
fn a_config_map_edited_in_place_names_its_keys_and_the_services_that_read_it() {
    let reads = json!({"spec": {"template": {"spec": {"volumes": [{"name": "c", "configMap": {"name": "flags"}}]}}}});
    let mut objects = vec![
        with(deployment("v1", 1, (1, 1, 1)), reads.clone()),
        with(replica_set("aa", "v1", 1, 0), reads),
        config_map("info"),
    ];
    let mut bench = Bench::list(5, &objects);
    assert!(bench.all.config_changes.is_empty(), "its first version is no change");
    bench.now = 20;
    bench.apply(&[config_map("debug")]);
    let change = bench.all.config_changes.pop().unwrap();
    assert_eq!((change.keys, change.at), (vec!["level".to_owned(), "password".into()], at(20)));
    assert_eq!(change.services[0].local(), "shop/Deployment/web");
    let related = &bench.all.related.last().unwrap().1;
    assert!(related.iter().any(|row| row.kind == "ConfigMap" && row.state == "mounted" && row.changed == Some(at(20))));
    assert!(bench.all.versions.iter().all(|version| !version.text.contains("pw-")), "its secret is hidden");
    objects[2] = config_map("trace");
    let bench = Bench::again(bench, 60, &objects);
    let change = &bench.all.config_changes[0];
    assert_eq!((change.services.len(), change.keys.len()), (1, 2), "edited while nobody watched");
}

#[test]
fn services_of_kubernetes_show_their_endpoints() {
    let network = with(object("Service", "web", 0), json!({"spec": {"selector": {"app": "web"}}}));
    let slice = |ready: bool| {
        with(
            object("EndpointSlice", "web-1", 0),
            json!({
        "metadata": {"labels": {"kubernetes.io/service-name": "web"}}, "addressType": "IPv4",
        "endpoints": [{"conditions": {"ready": ready}}, {"conditions": {}}]}),
        )
    };
    let mut objects = first();
    objects.extend([network, slice(true)]);
    let mut bench = Bench::list(5, &objects);
    let state = |bench: &Bench| {
        bench.all.related.last().unwrap().1.iter().find(|row| row.kind == "Service").unwrap().state.clone()
    };
    assert_eq!(state(&bench), "2 endpoints");
    bench.apply(&[slice(false)]);
    assert_eq!(state(&bench), "1 of 2 endpoints ready");
}

#[test]
fn secrets_of_a_workload_are_in_no_version() {
    let env = json!({"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "x:v1", "env": [{"name": "DB_PASSWORD", "value": "canary"}],
        "args": ["--token=canary"]}]}}}, "metadata": {"annotations": {"api-key": "canary", "kubectl.kubernetes.io/last-applied-configuration": "canary"}}});
    let bench = Bench::list(
        5,
        &[with(deployment("x:v1", 1, (1, 1, 1)), env.clone()), with(replica_set("aa", "x:v1", 1, 0), env)],
    );
    let kinds: Vec<&str> = bench.all.versions.iter().map(|version| &*version.kind).collect();
    assert_eq!(kinds, ["Scale/Deployment", "Deployment", "Template", "Resources"]);
    assert!(bench.all.versions.iter().all(|version| !version.text.contains("canary")));
    assert_eq!(bench.all.revisions[0].template, bench.all.versions[2].hash);
}
