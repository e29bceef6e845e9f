//! What belongs to a service by reference, its versions and who made them.
#![allow(clippy::unwrap_used, reason = "all of this runs in tests")]

mod support;

use model::{RESOURCES, RelatedResource, scale_of};
use serde_json::{Value, json};
use support::*;

/// An object of a kind in `shop`, or of the whole cluster where it says so.
fn object(kind: &str, name: &str, over: Value) -> Value {
    with(json!({"kind": kind, "metadata": {"name": name, "namespace": "shop", "uid": format!("{kind}-{name}")}}), over)
}

/// A Deployment `web` that mounts, reads and runs as things.
fn web() -> Vec<Value> {
    let template = json!({"spec": {"template": {"spec": {
        "serviceAccountName": "web",
        "imagePullSecrets": [{"name": "registry"}],
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "files"}},
                    {"name": "tls", "secret": {"secretName": "certificate"}}],
        "containers": [{"name": "app", "image": "web:v1",
            "envFrom": [{"secretRef": {"name": "database"}}]}]}}}});
    let helm = json!({"metadata": {"labels": {"app.kubernetes.io/managed-by": "Helm",
        "app.kubernetes.io/instance": "shop", "helm.sh/chart": "web-1.2.0"}}});
    vec![
        with(with(deployment("web:v1", 1, (2, 2, 2)), template.clone()), helm),
        with(replica_set("aa", "web:v1", 2, 0), template),
    ]
}

fn autoscaler(now: u64) -> Value {
    let target = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"});
    object(
        "HorizontalPodAutoscaler",
        "web",
        json!({"spec": {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 5},
            "status": {"currentReplicas": now}}),
    )
}

fn around() -> Vec<Value> {
    let backend = json!({"service": {"name": "web"}});
    let whole =
        |kind: &str, name: &str, over: Value| with(object(kind, name, over), json!({"metadata": {"namespace": ""}}));
    vec![
        object("Service", "web", json!({"spec": {"selector": {"app": "web"}}})),
        object(
            "Ingress",
            "shop",
            json!({"spec": {"rules": [{"host": "shop.test", "http": {"paths": [{"backend": backend}]}}]}}),
        ),
        autoscaler(2),
        object(
            "PodDisruptionBudget",
            "web",
            json!({"spec": {"selector": {"matchLabels": {"app": "web"}}},
            "status": {"disruptionsAllowed": 1, "currentHealthy": 2, "desiredHealthy": 1}}),
        ),
        object("NetworkPolicy", "all", json!({"spec": {"podSelector": {}, "policyTypes": ["Ingress"]}})),
        object("NetworkPolicy", "others", json!({"spec": {"podSelector": {"matchLabels": {"app": "cart"}}}})),
        object(
            "PersistentVolumeClaim",
            "files",
            json!({"spec": {"volumeName": "disk-1"},
            "status": {"phase": "Bound", "capacity": {"storage": "10Gi"}}}),
        ),
        whole(
            "PersistentVolume",
            "disk-1",
            json!({"spec": {"capacity": {"storage": "10Gi"}}, "status": {"phase": "Bound"}}),
        ),
        object("ServiceAccount", "web", json!({})),
        object(
            "RoleBinding",
            "web-reads",
            json!({"roleRef": {"kind": "Role", "name": "reads"},
            "subjects": [{"kind": "ServiceAccount", "name": "web", "namespace": "shop"}]}),
        ),
        object("Role", "reads", json!({"rules": [{}]})),
        whole(
            "ClusterRoleBinding",
            "web-views",
            json!({"roleRef": {"kind": "ClusterRole", "name": "view"},
            "subjects": [{"kind": "ServiceAccount", "name": "web", "namespace": "shop"}]}),
        ),
        whole("ClusterRole", "view", json!({"rules": [{}, {}]})),
    ]
}

fn related(bench: &Bench) -> Vec<RelatedResource> {
    bench.all.related.last().unwrap().1.clone()
}

fn lines(rows: &[RelatedResource]) -> Vec<String> {
    let line =
        |row: &RelatedResource| format!("{}{} {}: {}", "  ".repeat(row.depth.into()), row.kind, row.name, row.state);
    rows.iter().map(line).collect()
}

#[test]
fn everything_a_service_refers_to_and_is_referred_to_by_belongs_to_it() {
    let bench = Bench::list(5, &[web(), around()].concat());
    let rows = related(&bench);
    assert_eq!(
        lines(&rows),
        [
            "ReplicaSet web-aa: 0/1 ready",
            "Service web: 0 endpoints",
            "  Ingress shop: shop.test",
            "NetworkPolicy all: Ingress",
            "Secret certificate: mounted, by name only",
            "Secret database: env, by name only",
            "Secret registry: pulls images, by name only",
            "PersistentVolumeClaim files: bound, 10Gi",
            "  PersistentVolume disk-1: bound, 10Gi",
            "HorizontalPodAutoscaler web: 2 of 1–5 replicas",
            "PodDisruptionBudget web: 1 pod may be evicted",
            "ServiceAccount web: ",
            "  RoleBinding web-reads: gives Role reads",
            "    Role reads: 1 rule",
            "  ClusterRoleBinding web-views: gives ClusterRole view",
            "    ClusterRole view: 2 rules",
            "Helm release shop: chart web-1.2.0",
        ]
    );
    let volume = rows.iter().find(|row| row.kind == "PersistentVolume").unwrap();
    assert_eq!(volume.namespace.as_deref(), Some(""), "the whole cluster's");
}

#[test]
fn what_clusters_have_only_by_choice_and_endpoint_slices_belong_to_it_as_well() {
    let target = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"});
    let slice = |name: &str, ready: &[bool]| {
        let endpoint = |ready: &bool| json!({"addresses": ["10.0.0.1"], "conditions": {"ready": ready}});
        let endpoints: Vec<Value> = ready.iter().map(endpoint).collect();
        let labels = json!({"kubernetes.io/service-name": "web"});
        object(
            "EndpointSlice",
            name,
            json!({"metadata": {"labels": labels}, "addressType": "IPv4", "endpoints": endpoints}),
        )
    };
    let by_choice = [
        slice("web-b", &[true, true]),
        slice("web-a", &[false]),
        object(
            "HTTPRoute",
            "public",
            json!({"spec": {"hostnames": ["shop.test"], "rules": [{"backendRefs": [{"name": "web", "port": 80}]}]}}),
        ),
        object("HTTPRoute", "other", json!({"spec": {"rules": [{"backendRefs": [{"name": "cart", "port": 80}]}]}})),
        object(
            "VerticalPodAutoscaler",
            "web",
            json!({"spec": {"targetRef": target, "updatePolicy": {"updateMode": "Off"}}}),
        ),
        object(
            "ScaledObject",
            "web",
            json!({"spec": {"scaleTargetRef": {"name": "web"}, "triggers": [{"type": "kafka"}]}}),
        ),
    ];
    let bench = Bench::list(5, &[web(), around(), by_choice.to_vec()].concat());
    let rows = lines(&related(&bench));
    let at = rows.iter().position(|row| row.starts_with("Service web")).unwrap();
    assert_eq!(
        rows[at..at + 5],
        [
            "Service web: 2 of 3 endpoints ready",
            "  EndpointSlice web-a: 0 of 1 endpoints ready",
            "  EndpointSlice web-b: 2 endpoints",
            "  Ingress shop: shop.test",
            "  HTTPRoute public: shop.test",
        ]
    );
    for row in ["VerticalPodAutoscaler web: mode Off", "ScaledObject web: by kafka"] {
        assert!(rows.iter().any(|known| known == row), "{row} of {rows:#?}");
    }
    assert!(!rows.iter().any(|row| row.contains("HTTPRoute other")));
}

#[test]
fn a_change_of_what_refers_to_a_service_reaches_it_and_the_snapshot_is_kept() {
    let mut bench = Bench::list(5, &[web(), around()].concat());
    bench.now += 1;
    let record = bench.apply(&[autoscaler(4)]);
    assert!(lines(&record.related[0].1).contains(&"HorizontalPodAutoscaler web: 4 of 1–5 replicas".to_owned()));
    let snapshot = record.versions.iter().find(|version| version.kind == RESOURCES).unwrap();
    assert_eq!((snapshot.name.as_str(), snapshot.at), ("Deployment/web", at(6)));
    let kept: Vec<RelatedResource> = serde_json::from_str(&snapshot.text).unwrap();
    assert_eq!(kept, record.related[0].1);
    let record = bench.apply(&[autoscaler(4)]);
    assert!(record.related.is_empty() && record.versions.is_empty(), "nothing changed");
    let record = bench.delete(&[autoscaler(4)]);
    assert!(!lines(&record.related[0].1).iter().any(|line| line.starts_with("Horizontal")));
    let gone = record.versions.iter().find(|version| version.kind == "HorizontalPodAutoscaler").unwrap();
    assert_eq!(gone.text, "");
}

#[test]
fn a_claim_that_is_not_there_is_missing() {
    let bench = Bench::list(5, &web());
    let rows = related(&bench);
    let claim = rows.iter().find(|row| row.kind == "PersistentVolumeClaim").unwrap();
    assert_eq!((claim.state.as_str(), claim.good), ("missing", Some(false)));
}

#[test]
fn scaling_is_a_version_apart_and_the_author_is_who_asked() {
    let managed = |manager: &str, second: i64, fields: Value| json!({"manager": manager, "time": jiff::Timestamp::from_second(START + second).unwrap().to_string(), "fieldsV1": fields});
    let spec = managed("helm", 10, json!({"f:spec": {"f:template": {}}}));
    let scale = managed("kubectl-scale", 20, json!({"f:spec": {"f:replicas": {}}}));
    let mut objects = web();
    objects[0]["metadata"]["managedFields"] = json!([spec]);
    let mut bench = Bench::list(5, &objects);
    let first = bench.all.versions.iter().find(|version| version.kind == "Deployment").unwrap();
    assert_eq!(first.manager.as_deref(), Some("helm"));
    assert!(!first.text.contains("managedFields") && !first.text.contains("replicas"));
    objects[0]["spec"]["replicas"] = json!(7);
    objects[0]["metadata"]["managedFields"] = json!([spec, scale]);
    let record = bench.apply(&objects[..1]);
    let kinds: Vec<&str> = record.versions.iter().map(|version| version.kind.as_str()).collect();
    assert_eq!(kinds, [scale_of("Deployment").as_str()]);
    assert_eq!(record.versions[0].text, "replicas: 7\n");
    assert_eq!(record.versions[0].manager.as_deref(), Some("kubectl-scale"));
}
