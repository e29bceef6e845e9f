//! Which service a pod belongs to.

mod support;

use cluster::Kind;
use serde_json::{Value, json};
use support::{Bench, deployment, object, owned, pod, ready_pod, replica_set, template, with};

fn bare_pod(name: &str, owner: Option<(&str, &str)>) -> Value {
    let pod = owner.map_or_else(|| object("Pod", name, 0), |owner| owned("Pod", name, 0, owner));
    ready_pod(pod, 0, Some(1))
}

#[test]
fn a_pod_belongs_to_the_first_workload_above_its_replica_set_or_job() {
    let rows: [(&str, Vec<Value>, Value); 6] = [
        (
            "Deployment/web",
            vec![deployment("v1", 1, (1, 1, 1)), replica_set("aa", "v1", 1, 0)],
            pod("p", "aa", 0, Some(1)),
        ),
        ("StatefulSet/db", vec![object("StatefulSet", "db", 0)], bare_pod("p", Some(("StatefulSet", "db")))),
        ("DaemonSet/agent", vec![object("DaemonSet", "agent", 0)], bare_pod("p", Some(("DaemonSet", "agent")))),
        (
            "CronJob/nightly",
            vec![object("CronJob", "nightly", 0), owned("Job", "nightly-1", 0, ("CronJob", "nightly"))],
            bare_pod("p", Some(("Job", "nightly-1"))),
        ),
        (
            "Rollout.argoproj.io/pay",
            vec![object("Rollout", "pay", 0), owned("ReplicaSet", "pay-1", 0, ("Rollout", "pay"))],
            bare_pod("p", Some(("ReplicaSet", "pay-1"))),
        ),
        ("ReplicaSet/lone", vec![object("ReplicaSet", "lone", 0)], bare_pod("p", Some(("ReplicaSet", "lone")))),
    ];
    for (service, mut objects, pod) in rows {
        objects.push(pod);
        let bench = Bench::list(5, &objects);
        assert_eq!(bench.services(), [service]);
        assert_eq!(bench.pod("p").service.local(), format!("shop/{service}"));
    }
}

#[test]
fn jobs_and_static_and_bare_pods_are_their_own_and_grouped() {
    let bench = Bench::list(
        5,
        &[
            object("Job", "once", 0),
            bare_pod("once-1", Some(("Job", "once"))),
            bare_pod("static", Some(("Node", "n1"))),
            bare_pod("bare", None),
        ],
    );
    assert_eq!(bench.services(), ["Job/once", "Pod/bare", "Pod/static"]);
    for name in ["Job/once", "Pod/bare", "Pod/static"] {
        assert!(bench.service(name).grouped, "{name}");
    }
}

#[test]
fn what_owns_a_workload_is_shown_and_not_followed() {
    let set = owned("StatefulSet", "prometheus-main", 0, ("Prometheus", "main"));
    let bench = Bench::list(5, &[set]);
    let service = bench.service("StatefulSet/prometheus-main");
    assert_eq!((service.managed_by.as_deref(), service.grouped), (Some("Prometheus/main"), false));
}

#[test]
fn a_pod_that_comes_before_its_replica_set_waits_for_it() {
    let mut bench = Bench::list(5, &[deployment("v1", 1, (1, 1, 1))]);
    assert!(bench.apply(&[pod("p", "aa", 5, Some(5))]).pods.is_empty());
    bench.apply(&[replica_set("aa", "v1", 1, 5)]);
    assert_eq!(bench.pod("p").service.local(), "shop/Deployment/web");
    assert_eq!(bench.services(), ["Deployment/web"]);
}

#[test]
fn owners_that_come_after_patience_ran_out_take_their_pods_back() {
    let job = || owned("Job", "nightly-1", 5, ("CronJob", "nightly"));
    let rows: [(Value, Value, Value, &str, &str); 2] = [
        (
            deployment("v1", 1, (1, 1, 1)),
            replica_set("aa", "v1", 1, 5),
            pod("p", "aa", 5, Some(5)),
            "ReplicaSet/web-aa",
            "Deployment/web",
        ),
        (
            object("CronJob", "nightly", 0),
            job(),
            bare_pod("p", Some(("Job", "nightly-1"))),
            "Job/nightly-1",
            "CronJob/nightly",
        ),
    ];
    for (root, between, pod, without, with) in rows {
        let mut bench = Bench::list(5, &[]);
        bench.apply(&[pod]);
        bench.wait(2);
        assert_eq!(bench.services(), [without]);
        bench.now += 1;
        bench.apply(&[between]);
        assert_eq!(bench.pod("p").service.local(), format!("shop/{with}"), "by reference");
        assert_eq!(bench.service(without).deleted, Some(support::at(8)), "{without}");
        bench.apply(&[root]);
        assert_eq!(bench.services(), [with]);
        assert_eq!(bench.service(with).ready, 1);
    }
}

#[test]
fn a_replica_set_that_is_adopted_leaves_with_its_pods_and_one_that_is_let_go_stands_alone() {
    let lone = with(replica_set("aa", "v1", 1, 0), json!({"metadata": {"ownerReferences": null}}));
    let mut bench = Bench::list(5, &[deployment("v1", 1, (1, 1, 1)), lone.clone(), pod("p", "aa", 0, Some(1))]);
    assert_eq!(bench.services(), ["Deployment/web", "ReplicaSet/web-aa"]);
    assert_eq!((bench.service("Deployment/web").ready, bench.service("ReplicaSet/web-aa").ready), (0, 1));
    bench.apply(&[replica_set("aa", "v1", 1, 0)]);
    assert_eq!(bench.services(), ["Deployment/web"]);
    assert_eq!(bench.service("Deployment/web").ready, 1);
    bench.apply(&[lone]);
    assert_eq!(bench.services(), ["Deployment/web", "ReplicaSet/web-aa"]);
    assert_eq!((bench.service("Deployment/web").ready, bench.service("ReplicaSet/web-aa").ready), (0, 1));
    assert_eq!(bench.pod("p").service.local(), "shop/ReplicaSet/web-aa");
}

#[test]
fn names_say_nothing_of_the_service() {
    let bench = Bench::list(5, &[deployment("v1", 1, (1, 1, 1)), bare_pod("web-aa-xyz", None)]);
    assert_eq!(bench.pod("web-aa-xyz").service.local(), "shop/Pod/web-aa-xyz");
}

#[test]
fn nothing_is_told_before_every_list_was_made() {
    use cluster::slim::Object;
    use cluster::world::World;
    use cluster::{Redactor, Values};
    let scopes = [(Kind::Deployment, None), (Kind::Pod, None), (Kind::Rollout, None)];
    let redactor = Redactor::new([0; 32], Values::Safe);
    let mut world = World::new(model::ClusterId("c".into()), redactor, Default::default(), scopes.clone());
    let now = support::at(5);
    world.replace(&scopes[0], vec![Object::parse(Kind::Deployment, deployment("v1", 1, (1, 1, 1))).unwrap()], now);
    assert!(world.settle(now).record.is_empty());
    world.forbidden(&scopes[2]);
    assert!(world.settle(now).record.is_empty());
    world.replace(&scopes[1], Vec::new(), now);
    assert_eq!(world.settle(now).record.services.len(), 1);
}

#[test]
fn what_a_new_list_does_not_hold_is_gone_and_what_it_holds_is_not_told_again() {
    let all = [
        deployment("v1", 1, (1, 1, 1)),
        replica_set("aa", "v1", 1, 0),
        pod("p", "aa", 0, Some(1)),
        object("DaemonSet", "agent", 0),
    ];
    let mut bench = Bench::list(5, &all);
    bench.now = 9;
    let record = bench.relist(&all[..2]);
    assert_eq!(bench.pod("p").ended, Some(support::at(9)));
    assert_eq!(bench.service("DaemonSet/agent").deleted, Some(support::at(9)));
    assert_eq!(record.services.len(), 2, "the Deployment is short of its pod now");
    assert!(bench.relist(&all[..2]).is_empty(), "the same list says nothing new");
}

#[test]
fn services_and_pods_that_went_while_nobody_watched_are_ended() {
    let all = [deployment("v1", 1, (1, 1, 1)), replica_set("aa", "v1", 1, 0), pod("p", "aa", 0, Some(1))];
    let bench = Bench::again(Bench::list(5, &all), 60, &[]);
    assert_eq!(bench.pod("p").ended, Some(support::at(60)));
    assert_eq!(bench.service("Deployment/web").deleted, Some(support::at(60)));
}

#[test]
fn a_service_has_team_aliases_and_images() {
    let labels = json!({"metadata": {"labels": {"app.kubernetes.io/part-of": "storefront", "app.kubernetes.io/name": "checkout"}},
        "spec": {"template": {"metadata": {"labels": {"app.kubernetes.io/instance": "checkout-eu"}}}}});
    let bench = Bench::list(5, &[with(deployment("shop/web:v1", 1, (1, 1, 1)), labels)]);
    let service = bench.service("Deployment/web");
    assert_eq!(service.team.as_deref(), Some("storefront"));
    assert_eq!(service.aliases, ["checkout", "checkout-eu"]);
    assert_eq!(service.images, ["shop/web:v1"]);
    assert_eq!(template("x")["spec"]["containers"][0]["image"], "x");
}

#[test]
fn what_may_not_be_listed_at_the_start_is_not_gone() {
    let all = [
        deployment("v1", 1, (1, 1, 1)),
        replica_set("aa", "v1", 1, 0),
        pod("p", "aa", 0, Some(1)),
        pod("q", "aa", 0, Some(1)),
        object("DaemonSet", "agent", 0),
    ];
    let denied = [Kind::Deployment, Kind::ReplicaSet, Kind::DaemonSet, Kind::Pod];
    let mut bench = Bench::again_without(Bench::list(5, &all), 60, &all, &denied);
    let told = &bench.all;
    assert!(told.services.is_empty() && told.pods.is_empty() && told.deploys.is_empty(), "{told:#?}");
    bench.now = 61;
    let without = [all[0].clone(), all[1].clone(), all[2].clone()];
    let record = bench.relist(&without);
    let ended: Vec<_> = record.pods.iter().map(|pod| (&*pod.name, pod.ended)).collect();
    assert_eq!(ended, [("q", Some(support::at(61)))], "the other is as it was told");
    let deleted = record.services.iter().filter(|service| service.deleted.is_some());
    assert_eq!(deleted.map(|service| &*service.id.name).collect::<Vec<_>>(), ["agent"]);
}
