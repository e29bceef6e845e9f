//! Faults do to a client what they say, and spare the administrator.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use std::time::Duration;

use serde_json::{Value, json};
use simulator::Faults;
use support::{Client, idle, names, simulator, version};

const NODES: &str = "/api/v1/nodes";

async fn status(client: &Client, path: &str) -> Result<(u16, Value), String> {
    client.send("GET", path, "application/json", None).await
}

#[tokio::test]
async fn a_storm_refuses_and_passes() {
    let running = simulator(idle()).await;
    running.controls.set(Faults { storm: 1.0, storm_status: 429, ..Faults::default() });
    let (code, answer) = status(&running.reader, NODES).await.unwrap();
    assert_eq!((code, &answer["reason"]), (429, &json!("TooManyRequests")));
    assert_eq!(names(&running.admin.get(NODES).await).len(), 3, "the administrator is spared");
    running.controls.set(Faults::default());
    running.reader.get(NODES).await;
}

#[tokio::test]
async fn a_server_that_is_away_cuts_watches_and_answers_nobody() {
    let running = simulator(idle()).await;
    let start = version(&running.reader.get(NODES).await);
    let mut watch = running.reader.watch(&format!("{NODES}?watch=1&resourceVersion={start}")).await;
    running.controls.set(Faults { away: true, ..Faults::default() });
    assert_eq!(watch.next().await, None);
    assert!(status(&running.reader, NODES).await.is_err());
    running.controls.set(Faults::default());
    running.reader.get(NODES).await;
}

#[tokio::test]
async fn a_half_open_watch_is_silent_for_good() {
    let running = simulator(idle()).await;
    let start = version(&running.reader.get(NODES).await);
    running.controls.set(Faults { half_open: true, ..Faults::default() });
    let mut watch = running.reader.watch(&format!("{NODES}?watch=1&resourceVersion={start}&timeoutSeconds=1")).await;
    running.admin.patch("/api/v1/nodes/node-1", json!({"metadata": {"labels": {"x": "y"}}})).await;
    assert!(watch.is_silent(Duration::from_millis(300)).await);
    running.controls.set(Faults::default());
    assert!(watch.is_silent(Duration::from_millis(1_500)).await, "also after its own end");
}

#[tokio::test]
async fn events_are_doubled_and_pages_break_off() {
    let running = simulator(idle()).await;
    let start = version(&running.reader.get(NODES).await);
    running.controls.set(Faults { duplicates: 1.0, half_pages: 1.0, ..Faults::default() });
    let mut watch = running.reader.watch(&format!("{NODES}?watch=1&resourceVersion={start}")).await;
    running.admin.patch("/api/v1/nodes/node-1", json!({"metadata": {"labels": {"x": "y"}}})).await;
    let (first, second) = (watch.change().await, watch.change().await);
    assert_eq!(first, second);
    assert!(status(&running.reader, NODES).await.is_err(), "half a page is no answer");
}

#[tokio::test]
async fn rights_are_taken_away_and_given_back_by_resource() {
    let running = simulator(idle()).await;
    running.controls.set(Faults { revoked: vec!["nodes".to_owned()], ..Faults::default() });
    let refused = running.reader.refused(403, "GET", NODES, None).await;
    assert_eq!(refused["reason"], "Forbidden");
    running.reader.get("/api/v1/pods").await;
    let ask = json!({"spec": {"resourceAttributes": {"verb": "list", "resource": "nodes"}}});
    let review = running.reader.create("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", ask).await;
    assert_eq!(review["status"]["allowed"], false);
    running.controls.set(Faults::default());
    running.reader.get(NODES).await;
    running.reader.refused(403, "DELETE", "/api/v1/nodes/node-1", None).await;
    assert_eq!(status(&running.reader, "/apis/argoproj.io/v1alpha1/rollouts").await.unwrap().0, 404);
    assert_eq!(status(&running.reader, "/api/v1/secrets").await.unwrap().0, 403);
}

#[tokio::test]
async fn rights_are_confined_to_namespaces() {
    let running = simulator(idle()).await;
    running.controls.set(Faults { confined: vec!["default".to_owned()], ..Faults::default() });
    running.reader.get("/api/v1/namespaces/default/pods").await;
    for path in ["/api/v1/pods", "/api/v1/namespaces/kube-system/pods", NODES] {
        running.reader.refused(403, "GET", path, None).await;
    }
    for (path, code) in [("namespaces/default/rollouts", 404), ("rollouts", 403)] {
        let path = format!("/apis/argoproj.io/v1alpha1/{path}");
        assert_eq!(status(&running.reader, &path).await.unwrap().0, code, "{path}");
    }
    for (namespace, allowed) in [("default", true), ("kube-system", false), ("", false)] {
        let attributes = json!({"verb": "list", "resource": "pods", "namespace": namespace});
        let ask = json!({"spec": {"resourceAttributes": attributes}});
        let review = running.reader.create("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", ask).await;
        assert_eq!(review["status"]["allowed"], allowed, "{namespace}");
    }
}

#[tokio::test]
async fn history_is_forgotten_every_so_often_and_connections_are_cut() {
    let running = simulator(idle()).await;
    let start = version(&running.reader.get(NODES).await);
    running.controls.set(Faults { gone_every: 0.2, ..Faults::default() });
    let mut watch = running.reader.watch(&format!("{NODES}?watch=1&resourceVersion={start}")).await;
    let event = watch.next().await.unwrap();
    assert_eq!((&event["type"], &event["object"]["code"]), (&json!("ERROR"), &json!(410)));
    running.controls.set(Faults::default());
    let start = version(&running.reader.get(NODES).await);
    let path = format!("{NODES}?watch=1&resourceVersion={start}");
    let mut watch = running.reader.watch(&path).await;
    let mut spared = running.admin.watch(&path).await;
    running.controls.set(Faults { drop_every: 0.2, ..Faults::default() });
    assert_eq!(watch.next().await, None);
    running.controls.set(Faults::default());
    running.admin.patch("/api/v1/nodes/node-1", json!({"metadata": {"labels": {"still": "here"}}})).await;
    assert_eq!(spared.next().await.unwrap()["object"]["metadata"]["labels"]["still"], "here");
}

#[tokio::test]
async fn faults_are_set_at_a_door_that_only_the_administrator_opens() {
    let running = simulator(idle()).await;
    let door = "/simulator/faults";
    running.reader.refused(403, "GET", door, None).await;
    let set = running.admin.put(door, &json!({"skew": 60.0})).await;
    assert_eq!(set["faults"]["skew"], 60.0);
    assert_eq!(running.controls.get().skew, 60.0);
    running.admin.refused(400, "PUT", door, Some(&json!({"skwe": 1}))).await;
}
