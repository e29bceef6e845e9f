//! What lives in the simulated cluster: the shop's past, rollouts, logs, kubelets, objects by the thousand.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use serde_json::{Value, json};
use simulator::{Options, Scenario};
use support::{names, simulator};

fn shop() -> Options {
    Options { rate: 0.0, ..Options::default() }
}

fn named<'a>(list: &'a Value, name: &str) -> &'a Value {
    list["items"].as_array().unwrap().iter().find(|item| item["metadata"]["name"] == name).unwrap()
}

fn state(pod: &Value) -> &Value {
    &pod["status"]["containerStatuses"][0]
}

#[tokio::test]
async fn the_shop_has_its_past_and_its_incidents() {
    let running = simulator(shop()).await;
    let reader = &running.reader;
    let deployments = reader.get("/apis/apps/v1/deployments").await;
    let payments = named(&deployments, "payments");
    assert_eq!(
        payments["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "4",
        "deployed and rolled back"
    );
    assert_eq!(payments["status"]["updatedReplicas"], 2);
    let sets = reader.get("/apis/apps/v1/namespaces/payments/replicasets?labelSelector=app%3Dpayments").await;
    assert_eq!(names(&sets).len(), 3);
    let pods = reader.get("/api/v1/pods").await;
    let pods = pods["items"].as_array().unwrap();
    let waits = |reason: &str| pods.iter().find(|pod| state(pod)["state"]["waiting"]["reason"] == reason);
    let crashing = waits("CrashLoopBackOff").expect("a crash loop");
    assert_eq!(state(crashing)["lastState"]["terminated"]["exitCode"], 1);
    assert!(state(crashing)["restartCount"].as_i64().unwrap() >= 3);
    assert!(
        waits("ImagePullBackOff").unwrap()["spec"]["containers"][0]["image"]
            .as_str()
            .unwrap()
            .ends_with("thumbs:2.4.0-rc.0")
    );
    let killed =
        pods.iter().find(|pod| state(pod)["lastState"]["terminated"]["reason"] == "OOMKilled").expect("an OOM kill");
    assert_eq!((&killed["metadata"]["namespace"], &state(killed)["restartCount"]), (&json!("payments"), &json!(1)));
    assert_eq!(state(killed)["ready"], true);
    let events = reader.get("/api/v1/events?fieldSelector=reason%3DNodeNotReady").await;
    assert_eq!(events["items"][0]["involvedObject"]["name"], "node-3");
    let jobs = reader.get("/apis/batch/v1/jobs").await;
    let finished = jobs["items"].as_array().unwrap().iter().filter(|job| job["status"]["succeeded"] == 1);
    // Another one runs where its time has come just now.
    assert_eq!(finished.count(), 3, "{jobs}");
    let slices = reader.get("/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices?labelSelector=kubernetes.io/service-name%3Dstorefront").await;
    let endpoints = slices["items"][0]["endpoints"].as_array().unwrap();
    let ready = endpoints.iter().filter(|endpoint| endpoint["conditions"]["ready"] == true);
    assert_eq!(ready.count(), 3, "one that ends on the lost node is not ready");
}

#[tokio::test]
async fn a_crash_loop_has_telling_last_words() {
    let running = simulator(shop()).await;
    let pods = running.reader.get("/api/v1/namespaces/platform/pods?labelSelector=app%3Dnotifications").await;
    let crashing = pods["items"].as_array().unwrap().iter().find(|pod| state(pod)["restartCount"] != 0).unwrap();
    let path = format!("/api/v1/namespaces/platform/pods/{}/log", crashing["metadata"]["name"].as_str().unwrap());
    let log = running.reader.get(&format!("{path}?tailLines=1")).await;
    assert_eq!(log, "FATAL cannot start: missing environment variable SMTP_RELAY_TOKEN\n");
    let stamped = running.reader.get(&format!("{path}?timestamps=true")).await;
    assert!(stamped.as_str().unwrap().starts_with("2"), "{stamped}");
    assert_eq!(
        running.reader.refused(400, "GET", &format!("{path}?container=other"), None).await["reason"],
        "BadRequest"
    );
}

#[tokio::test]
async fn the_same_seed_gives_the_same_cluster() {
    let (one, other) = tokio::join!(simulator(shop()), simulator(shop()));
    let path = "/api/v1/pods";
    let (one, other) = (one.reader.get(path).await, other.reader.get(path).await);
    assert_eq!(names(&one), names(&other));
}

#[tokio::test]
async fn every_workload_rolls_as_kubernetes_rolls_it() {
    let running = simulator(Options { scenario: Scenario::idle(), rate: 0.0, ..Options::default() }).await;
    let admin = &running.admin;
    let template = |tag: &str| json!({"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [{"name": "app", "image": format!("r/x:{tag}")}]}});
    for (plural, kind, hash_is_whole_name) in
        [("statefulsets", "StatefulSet", true), ("daemonsets", "DaemonSet", false)]
    {
        let path = format!("/apis/apps/v1/namespaces/default/{plural}");
        let mut spec = json!({"selector": {"matchLabels": {"app": "x"}}, "template": template("1")});
        if kind == "StatefulSet" {
            spec["replicas"] = json!(1);
            spec["serviceName"] = json!("x");
        }
        admin
            .create(&path, json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "x"}, "spec": spec}))
            .await;
        let settled = move |it: &Value| {
            let status = &it["status"];
            let (ready, updated, wanted) = if kind == "StatefulSet" {
                (&status["readyReplicas"], &status["updatedReplicas"], json!(1))
            } else {
                (&status["numberReady"], &status["updatedNumberScheduled"], json!(3))
            };
            status["observedGeneration"] == it["metadata"]["generation"] && *ready == wanted && *updated == wanted
        };
        let one = format!("{path}/x");
        admin.until(&one, settled).await;
        let revisions = admin.get("/apis/apps/v1/namespaces/default/controllerrevisions").await;
        let name = names(&revisions)[0].to_owned();
        let pods = admin.get("/api/v1/namespaces/default/pods").await;
        let hash = pods["items"][0]["metadata"]["labels"]["controller-revision-hash"].as_str().unwrap();
        assert_eq!(if hash_is_whole_name { hash.to_owned() } else { format!("x-{hash}") }, name);
        admin.delete(&one).await;
        admin.until("/api/v1/namespaces/default/pods", |list| names(list).is_empty()).await;
    }
}

#[tokio::test]
async fn a_deployment_never_falls_below_its_minimum_and_keeps_its_history() {
    let running = simulator(Options { scenario: Scenario::idle(), rate: 0.0, ..Options::default() }).await;
    let admin = &running.admin;
    let path = "/apis/apps/v1/namespaces/default/deployments";
    let template =
        json!({"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [{"name": "app", "image": "r/x:1"}]}});
    let spec = json!({"replicas": 4, "selector": {"matchLabels": {"app": "x"}}, "template": template});
    admin.create(path, json!({"metadata": {"name": "x"}, "spec": spec})).await;
    let one = format!("{path}/x");
    let settled = |it: &Value| {
        it["status"]["observedGeneration"] == it["metadata"]["generation"]
            && it["status"]["updatedReplicas"] == 4
            && it["status"]["availableReplicas"] == 4
            && it["status"]["replicas"] == 4
    };
    let made = admin.until(&one, settled).await;
    let start = support::version(&made);
    let mut watch = admin.watch(&format!("{path}?watch=1&resourceVersion={start}")).await;
    let image = json!([{"name": "app", "image": "r/x:2"}]);
    admin.patch(&one, json!({"spec": {"template": {"spec": {"containers": image}}}})).await;
    loop {
        let (_, seen) = watch.change().await;
        let available = seen["status"]["availableReplicas"].as_i64().unwrap_or(0);
        let total = seen["status"]["replicas"].as_i64().unwrap_or(0);
        assert!(available >= 3 && total <= 5, "{}", seen["status"]);
        if settled(&seen) {
            break;
        }
    }
    let sets = admin.get("/apis/apps/v1/namespaces/default/replicasets").await;
    let mut replicas: Vec<i64> =
        sets["items"].as_array().unwrap().iter().map(|set| set["spec"]["replicas"].as_i64().unwrap()).collect();
    replicas.sort_unstable();
    assert_eq!(replicas, [0, 4]);
}

#[tokio::test]
async fn kubelets_measure_known_pods() {
    let running = simulator(shop()).await;
    let nodes = running.admin.get("/api/v1/nodes").await;
    for node in nodes["items"].as_array().unwrap() {
        let name = node["metadata"]["name"].as_str().unwrap();
        let port = node["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"].as_u64().unwrap();
        let kubelet = running.reader.at(&format!("127.0.0.1:{port}"));
        if name == "node-3" {
            kubelet.refused(503, "GET", "/metrics/cadvisor", None).await;
            continue;
        }
        let text = kubelet.get("/metrics/cadvisor").await;
        assert!(text.as_str().unwrap().contains("container_memory_working_set_bytes{container=\"app\""), "{name}");
        assert_eq!(kubelet.get("/stats/summary").await["node"]["nodeName"], name);
        assert!(kubelet.get("/metrics/resource").await.as_str().unwrap().contains("container_cpu_usage_seconds_total"));
        kubelet.with_token("nobody").refused(401, "GET", "/metrics/cadvisor", None).await;
    }
}

#[tokio::test]
async fn pods_that_are_limited_as_a_whole_are_measured_as_such() {
    let running = simulator(shop()).await;
    let pods = running.admin.get("/api/v1/namespaces/platform/pods?labelSelector=app%3Didentity").await;
    let pods = pods["items"].as_array().unwrap();
    assert_eq!(pods.len(), 2);
    let mut texts = Vec::new();
    for node in running.admin.get("/api/v1/nodes").await["items"].as_array().unwrap() {
        let port = node["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"].as_u64().unwrap();
        if node["metadata"]["name"] != "node-3" {
            texts.push(running.reader.at(&format!("127.0.0.1:{port}")).get("/metrics/cadvisor").await);
        }
    }
    let lines: Vec<&str> = texts.iter().filter_map(|text| text.as_str()).flat_map(str::lines).collect();
    for pod in pods.iter().filter(|pod| pod["spec"]["nodeName"] != "node-3") {
        assert_eq!(pod["spec"]["resources"]["limits"]["cpu"], "150m");
        assert!(pod["spec"]["containers"][0]["resources"].get("limits").is_none());
        let name = pod["metadata"]["name"].as_str().unwrap();
        let periods = |line: &&&str| line.starts_with("container_cpu_cfs_periods_total") && line.contains(name);
        let told: Vec<_> = lines.iter().filter(periods).collect();
        assert!(matches!(told[..], [line] if line.contains("{container=\"\",")), "{told:?}");
    }
}

#[tokio::test]
async fn objects_by_the_thousand_are_real_kubernetes_objects() {
    let size = Options {
        pods: 2_000,
        services: 150,
        nodes: 20,
        churn: 200.0,
        scenario: Scenario::idle(),
        rate: 0.0,
        ..Options::default()
    };
    let running = simulator(size).await;
    let first = running.reader.get("/api/v1/pods?limit=500").await;
    assert_eq!(first["metadata"]["remainingItemCount"], 1_500);
    let pod: k8s_openapi::api::core::v1::Pod = serde_json::from_value(first["items"][7].clone()).unwrap();
    assert_eq!(pod.spec.unwrap().containers.len(), 2);
    let bytes = first["items"][7].to_string().len();
    assert!((6_000..9_000).contains(&bytes), "{bytes} bytes");
    let mut watch =
        running.reader.watch(&format!("/api/v1/pods?watch=1&resourceVersion={}", support::version(&first))).await;
    let (change, pod) = watch.change().await;
    assert_eq!(change, "MODIFIED");
    let again = running
        .reader
        .get(&format!(
            "/api/v1/namespaces/{}/pods/{}",
            pod["metadata"]["namespace"].as_str().unwrap(),
            pod["metadata"]["name"].as_str().unwrap()
        ))
        .await;
    assert_eq!(again["metadata"]["uid"], pod["metadata"]["uid"]);
    for (path, count) in [
        ("/apis/apps/v1/deployments", 150),
        ("/apis/apps/v1/replicasets", 150),
        ("/api/v1/services", 150),
        ("/api/v1/nodes", 23),
    ] {
        assert_eq!(names(&running.reader.get(path).await).len(), count, "{path}");
    }
    let deployment = running.reader.get("/apis/apps/v1/namespaces/load-000/deployments/service-00000").await;
    serde_json::from_value::<k8s_openapi::api::apps::v1::Deployment>(deployment).unwrap();
}
