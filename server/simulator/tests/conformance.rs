//! What a client of lists and watches may rely on. Runs on the simulator, and on a real API server where
//! `CONFORMANCE_SERVER`, `CONFORMANCE_TOKEN` and `CONFORMANCE_CA` (a file) name one; it must pass on both.

mod support;

use std::time::Duration;

use serde_json::{Value, json};
use support::{Client, Running, idle, names, simulator, version};

/// A namespace of its own on the server that is tried.
struct Place {
    client: Client,
    namespace: String,
    simulated: Option<Running>,
}

impl Place {
    async fn new(word: &str) -> Self {
        let simulated = match std::env::var("CONFORMANCE_SERVER") {
            Ok(_) => None,
            Err(_) => Some(simulator(idle()).await),
        };
        let client = match &simulated {
            Some(running) => running.admin.clone(),
            None => {
                let of = |name: &str| std::env::var(name).ok();
                let (server, token) = (of("CONFORMANCE_SERVER").unwrap(), of("CONFORMANCE_TOKEN").unwrap());
                Client::of(&server, &token, of("CONFORMANCE_CA").as_deref())
            }
        };
        let made = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"generateName": format!("conformance-{word}-")}});
        let made = client.create("/api/v1/namespaces", made).await;
        let namespace = made["metadata"]["name"].as_str().unwrap().to_owned();
        // Pods are refused until their namespace has this account.
        client.until(&format!("/api/v1/namespaces/{namespace}/serviceaccounts/default"), |_| true).await;
        Self { client, namespace, simulated }
    }

    fn maps(&self) -> String {
        format!("/api/v1/namespaces/{}/configmaps", self.namespace)
    }

    fn pods(&self) -> String {
        format!("/api/v1/namespaces/{}/pods", self.namespace)
    }

    async fn map(&self, name: &str, labels: Value) -> Value {
        self.client.create(&self.maps(), map(name, labels)).await
    }

    async fn pod(&self, name: &str, node: &str) -> Value {
        let container = json!({"name": "app", "image": "registry.test/app:1"});
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": "web"}},
            "spec": {"nodeName": node, "containers": [container], "tolerations": [{"operator": "Exists"}]}});
        self.client.create(&self.pods(), pod).await
    }

    /// A watch of the maps that a test makes.
    fn mine(&self, version: &str, more: &str) -> String {
        format!("{}?watch=1&resourceVersion={version}&labelSelector=suite{more}", self.maps())
    }

    async fn done(self) {
        let path = format!("/api/v1/namespaces/{}", self.namespace);
        self.client.send("DELETE", &path, "application/json", None).await.unwrap();
    }
}

fn map(name: &str, labels: Value) -> Value {
    let mut labels = labels;
    labels["suite"] = json!("x");
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels}, "data": {"key": "1"}})
}

#[tokio::test]
async fn an_object_is_created_changed_and_deleted() {
    let place = Place::new("objects").await;
    let (client, maps) = (&place.client, place.maps());
    let made = place.map("one", json!({})).await;
    assert_eq!((&made["kind"], &made["apiVersion"]), (&json!("ConfigMap"), &json!("v1")));
    assert!(made["metadata"]["uid"].is_string() && made["metadata"]["creationTimestamp"].is_string());
    assert_eq!(made["metadata"]["namespace"], place.namespace.as_str());
    assert_eq!(client.get(&format!("{maps}/one")).await["metadata"]["uid"], made["metadata"]["uid"]);
    let again = client.refused(409, "POST", &maps, Some(&map("one", json!({})))).await;
    assert_eq!(again["reason"], "AlreadyExists");

    let mut changed = made.clone();
    changed["data"]["key"] = json!("2");
    let changed = client.put(&format!("{maps}/one"), &changed).await;
    assert_ne!(version(&changed), version(&made));
    assert_eq!(changed["metadata"]["uid"], made["metadata"]["uid"]);
    let stale = client.refused(409, "PUT", &format!("{maps}/one"), Some(&made)).await;
    assert_eq!(stale["reason"], "Conflict");
    let same = client.put(&format!("{maps}/one"), &changed).await;
    assert_eq!(version(&same), version(&changed), "what changes nothing makes no version");

    let patched = client.patch(&format!("{maps}/one"), json!({"data": {"key": null, "other": "3"}})).await;
    assert_eq!(patched["data"], json!({"other": "3"}));
    let gone = client.delete(&format!("{maps}/one")).await;
    assert_eq!(gone["status"], "Success");
    let missing = client.refused(404, "GET", &format!("{maps}/one"), None).await;
    assert_eq!(missing["reason"], "NotFound");
    assert_eq!(missing["details"], json!({"name": "one", "kind": "configmaps"}));
    assert_eq!(client.refused(404, "DELETE", &format!("{maps}/one"), None).await["reason"], "NotFound");
    place.done().await;
}

#[tokio::test]
async fn objects_that_make_no_sense_are_refused() {
    let place = Place::new("refused").await;
    let (client, maps) = (&place.client, place.maps());
    assert_eq!(client.refused(422, "POST", &maps, Some(&map("Not_A_Name", json!({})))).await["reason"], "Invalid");
    let mut elsewhere = map("one", json!({}));
    elsewhere["metadata"]["namespace"] = json!("elsewhere");
    assert_eq!(client.refused(400, "POST", &maps, Some(&elsewhere)).await["reason"], "BadRequest");
    let nowhere = "/api/v1/namespaces/conformance-nowhere/configmaps";
    assert_eq!(client.refused(404, "POST", nowhere, Some(&map("one", json!({})))).await["reason"], "NotFound");
    place.map("one", json!({})).await;
    let other = map("two", json!({}));
    assert_eq!(client.refused(400, "PUT", &format!("{maps}/one"), Some(&other)).await["reason"], "BadRequest");
    let stranger = client.with_token("nobody");
    assert_eq!(stranger.refused(401, "GET", &maps, None).await["reason"], "Unauthorized");
    place.done().await;
}

#[tokio::test]
async fn a_watch_tells_what_happens_from_a_version_on() {
    let place = Place::new("watch").await;
    let (client, maps) = (&place.client, place.maps());
    place.map("before", json!({})).await;
    let start = version(&client.get(&maps).await);
    place.map("one", json!({})).await;
    let mut watch = client.watch(&place.mine(&start, "")).await;
    let added = watch.expect("ADDED", "one").await;
    assert_eq!((&added["kind"], &added["apiVersion"]), (&json!("ConfigMap"), &json!("v1")));
    let changed = client.patch(&format!("{maps}/one"), json!({"data": {"key": "2"}})).await;
    let told = watch.expect("MODIFIED", "one").await;
    assert_eq!(version(&told), version(&changed));
    client.patch(&format!("{maps}/one"), json!({"data": {"key": "2"}})).await;
    client.delete(&format!("{maps}/one")).await;
    let gone = watch.expect("DELETED", "one").await;
    assert_eq!(gone["data"], json!({"key": "2"}), "an end comes with what was there last");
    assert!(version(&gone).parse::<u64>().unwrap() > version(&changed).parse().unwrap(), "and a version of its own");
    let mut later = client.watch(&place.mine(&version(&changed), "")).await;
    later.expect("DELETED", "one").await;
    place.done().await;
}

#[tokio::test]
async fn a_watch_without_a_version_begins_with_what_is_there() {
    let place = Place::new("relist").await;
    place.map("one", json!({})).await;
    place.map("two", json!({})).await;
    for version in ["", "0"] {
        let mut watch = place.client.watch(&place.mine(version, "")).await;
        let mut seen = [watch.change().await, watch.change().await].map(|(kind, object)| format!("{kind} {}", object["metadata"]["name"].as_str().unwrap()));
        seen.sort();
        assert_eq!(seen, ["ADDED one", "ADDED two"]);
    }
    place.done().await;
}

#[tokio::test]
async fn a_streaming_list_ends_with_a_bookmark_that_says_so() {
    let place = Place::new("stream").await;
    place.map("one", json!({})).await;
    let query = "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    let mut watch = place.client.watch(&place.mine("", query)).await;
    watch.expect("ADDED", "one").await;
    let mark = watch.next().await.unwrap();
    assert_eq!((&mark["type"], &mark["object"]["kind"]), (&json!("BOOKMARK"), &json!("ConfigMap")));
    assert_eq!(mark["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
    place.map("two", json!({})).await;
    watch.expect("ADDED", "two").await;
    // The bookmark's version is one to go on from.
    let mut next = place.client.watch(&place.mine(&version(&mark["object"]), "")).await;
    next.expect("ADDED", "two").await;
    let refused = place.client.refused(422, "GET", &place.mine("", "&sendInitialEvents=true"), None).await;
    assert_eq!(refused["reason"], "Invalid");
    place.done().await;
}

#[tokio::test]
async fn a_bookmark_comes_before_a_watch_runs_out() {
    let place = Place::new("bookmark").await;
    let start = version(&place.client.get(&place.maps()).await);
    let made = place.map("one", json!({})).await;
    let mut watch = place.client.watch(&place.mine(&start, "&allowWatchBookmarks=true&timeoutSeconds=5")).await;
    let (mut marks, mut ended) = (Vec::new(), false);
    while let Some(event) = watch.next().await {
        if event["type"] == "BOOKMARK" {
            marks.push(version(&event["object"]).parse::<u64>().unwrap());
        }
        ended = true;
    }
    assert!(ended && !marks.is_empty(), "{marks:?}");
    assert!(marks.last().unwrap() >= &version(&made).parse().unwrap());
    place.done().await;
}

#[tokio::test]
async fn a_watch_from_a_forgotten_version_is_told_410() {
    let place = Place::new("gone").await;
    let mut watch = place.client.watch(&place.mine("1", "")).await;
    let event = watch.next().await.unwrap();
    assert_eq!(event["type"], "ERROR");
    let status = &event["object"];
    assert_eq!((&status["kind"], &status["code"], &status["reason"]), (&json!("Status"), &json!(410), &json!("Expired")));
    assert_eq!(watch.next().await, None, "and it ends");
    place.done().await;
}

#[tokio::test]
async fn pages_of_a_list_are_of_one_snapshot() {
    let place = Place::new("pages").await;
    let (client, maps) = (&place.client, place.maps());
    for name in ["a", "b", "c", "d", "e"] {
        place.map(name, json!({"page": "1"})).await;
    }
    let first = client.get(&format!("{maps}?limit=2&labelSelector=page")).await;
    assert_eq!(names(&first), ["a", "b"]);
    assert_eq!(first["kind"], "ConfigMapList");
    assert!(first["items"][0].get("kind").is_none(), "items of a list have no kind");
    let token = first["metadata"]["continue"].as_str().unwrap().to_owned();
    client.delete(&format!("{maps}/d")).await;
    place.map("bb", json!({"page": "1"})).await;
    let second = client.get(&format!("{maps}?limit=2&labelSelector=page&continue={token}")).await;
    assert_eq!(names(&second), ["c", "d"], "what happened meanwhile does not show");
    assert_eq!(version(&second), version(&first));
    let token = second["metadata"]["continue"].as_str().unwrap();
    let last = client.get(&format!("{maps}?limit=2&labelSelector=page&continue={token}")).await;
    assert_eq!(names(&last), ["e"]);
    assert!(last["metadata"]["continue"].as_str().unwrap_or_default().is_empty());
    let counted = client.get(&format!("{maps}?limit=2")).await;
    assert!(counted["metadata"]["remainingItemCount"].as_i64().unwrap() >= 3);
    assert_eq!(client.refused(400, "GET", &format!("{maps}?limit=2&continue=nonsense"), None).await["reason"], "BadRequest");
    // A list's version is one to watch from.
    let mut watch = client.watch(&place.mine(&version(&first), "")).await;
    watch.expect("DELETED", "d").await;
    watch.expect("ADDED", "bb").await;
    place.done().await;
}

#[tokio::test]
async fn label_selectors_narrow_lists_and_watches() {
    let place = Place::new("labels").await;
    let (client, maps) = (&place.client, place.maps());
    place.map("red", json!({"color": "red"})).await;
    place.map("blue", json!({"color": "blue"})).await;
    for (selector, expect) in [
        ("color%3Dred", vec!["red"]),
        ("suite,color%21%3Dred", vec!["blue"]),
        ("color+in+%28red,blue%29", vec!["blue", "red"]),
        ("suite,color+notin+%28red%29", vec!["blue"]),
        ("suite,%21color", vec![]),
    ] {
        assert_eq!(names(&client.get(&format!("{maps}?labelSelector={selector}")).await), expect, "{selector}");
    }
    let start = version(&client.get(&maps).await);
    let mut watch = client.watch(&format!("{maps}?watch=1&resourceVersion={start}&labelSelector=color%3Dred")).await;
    client.patch(&format!("{maps}/blue"), json!({"data": {"key": "5"}})).await;
    client.patch(&format!("{maps}/blue"), json!({"metadata": {"labels": {"color": "red"}}})).await;
    watch.expect("ADDED", "blue").await;
    let left = client.patch(&format!("{maps}/red"), json!({"metadata": {"labels": {"color": "blue"}}})).await;
    let gone = watch.expect("DELETED", "red").await;
    assert_eq!(gone["metadata"]["labels"]["color"], "red", "what passes no more ends as what it was");
    assert_eq!(version(&gone), version(&left), "with the version of now");
    assert_eq!(client.refused(400, "GET", &format!("{maps}?labelSelector=a+b+c"), None).await["reason"], "BadRequest");
    place.done().await;
}

#[tokio::test]
async fn field_selectors_narrow_lists_and_watches() {
    let place = Place::new("fields").await;
    let (client, pods) = (&place.client, place.pods());
    place.pod("one", "conformance-node-1").await;
    place.pod("two", "conformance-node-2").await;
    for (selector, expect) in [
        ("metadata.name%3Done", vec!["one"]),
        ("spec.nodeName%3Dconformance-node-2", vec!["two"]),
        ("spec.nodeName%21%3Dconformance-node-2", vec!["one"]),
        ("status.phase%3DRunning", vec![]),
        ("status.phase%3DPending,metadata.name%3Dtwo", vec!["two"]),
    ] {
        assert_eq!(names(&client.get(&format!("{pods}?fieldSelector={selector}")).await), expect, "{selector}");
    }
    let all = format!("/api/v1/pods?fieldSelector=metadata.namespace%3D{}", place.namespace);
    assert_eq!(names(&client.get(&all).await), ["one", "two"]);
    let unknown = client.refused(400, "GET", &format!("{pods}?fieldSelector=spec.colour%3Dred"), None).await;
    assert_eq!(unknown["reason"], "BadRequest");

    let start = version(&client.get(&pods).await);
    let mut watch = client.watch(&format!("{pods}?watch=1&resourceVersion={start}&fieldSelector=status.phase%3DRunning")).await;
    client.patch(&format!("{pods}/two/status"), json!({"status": {"phase": "Running"}})).await;
    watch.expect("ADDED", "two").await;
    client.delete(&format!("{pods}/one")).await;
    client.delete(&format!("{pods}/two")).await;
    loop {
        let (change, object) = watch.change().await;
        assert_eq!(object["metadata"]["name"], "two");
        if change == "DELETED" {
            break;
        }
    }
    place.done().await;
}

#[tokio::test]
async fn events_are_selected_by_what_they_are_about_in_both_their_shapes() {
    let place = Place::new("events").await;
    let path = format!("/api/v1/namespaces/{}/events", place.namespace);
    for name in ["one", "two"] {
        let about = json!({"kind": "Pod", "namespace": place.namespace, "name": name, "uid": format!("uid-{name}")});
        let event = json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": name}, "involvedObject": about, "reason": "Tried",
            "message": "it was tried", "type": "Normal", "count": 3, "firstTimestamp": "2026-01-01T00:00:00Z", "lastTimestamp": "2026-01-01T00:00:00Z"});
        place.client.create(&path, event).await;
    }
    let list = place.client.get(&format!("{path}?fieldSelector=involvedObject.name%3Done,involvedObject.uid%3Duid-one")).await;
    assert_eq!(names(&list), ["one"]);
    let newer = format!("/apis/events.k8s.io/v1/namespaces/{}/events/one", place.namespace);
    let event = place.client.get(&newer).await;
    assert_eq!((&event["apiVersion"], &event["note"]), (&json!("events.k8s.io/v1"), &json!("it was tried")));
    assert_eq!((&event["regarding"]["name"], &event["deprecatedCount"]), (&json!("one"), &json!(3)));
    place.done().await;
}

#[tokio::test]
async fn the_status_is_written_apart_from_the_rest() {
    let place = Place::new("status").await;
    let (client, path) = (&place.client, format!("{}/one", place.pods()));
    let made = place.pod("one", "conformance-node-1").await;
    assert_eq!(made["status"]["phase"], "Pending");
    let status = client.patch(&format!("{path}/status"), json!({"metadata": {"labels": {"app": "other"}}, "status": {"phase": "Running", "message": "by hand"}})).await;
    assert_eq!(status["status"]["message"], "by hand");
    let mut whole = client.get(&path).await;
    whole["status"]["message"] = json!("overwritten");
    whole["metadata"]["labels"]["app"] = json!("api");
    let after = client.put(&path, &whole).await;
    assert_eq!(after["status"]["message"], "by hand", "the object's own path leaves the status alone");
    assert_eq!(after["metadata"]["labels"]["app"], "api");
    assert_eq!(client.get(&format!("{path}/status")).await["kind"], "Pod");
    client.delete(&path).await;
    place.done().await;
}

#[tokio::test]
async fn a_change_of_the_spec_counts_a_generation_and_the_controller_sees_it() {
    let place = Place::new("generation").await;
    let path = format!("/apis/apps/v1/namespaces/{}/deployments", place.namespace);
    let template = json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "app", "image": "registry.test/app:1"}]}});
    let object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"replicas": 0, "selector": {"matchLabels": {"app": "web"}}, "template": template}});
    let made = place.client.create(&path, object).await;
    assert_eq!(made["metadata"]["generation"], 1);
    assert_eq!((&made["spec"]["progressDeadlineSeconds"], &made["spec"]["revisionHistoryLimit"]), (&json!(600), &json!(10)));
    let one = format!("{path}/web");
    place.client.until(&one, |it| it["status"]["observedGeneration"] == 1).await;
    place.client.patch(&one, json!({"metadata": {"labels": {"note": "x"}}})).await;
    assert_eq!(place.client.get(&one).await["metadata"]["generation"], 1, "a label is no change of the spec");
    let image = json!([{"name": "app", "image": "registry.test/app:2"}]);
    place.client.patch(&one, json!({"spec": {"template": {"spec": {"containers": image}}}})).await;
    let seen = place.client.until(&one, |it| it["status"]["observedGeneration"] == 2).await;
    assert_eq!(seen["metadata"]["generation"], 2);
    let sets = format!("/apis/apps/v1/namespaces/{}/replicasets?labelSelector=app%3Dweb", place.namespace);
    let sets = place.client.until(&sets, |list| names(list).len() == 2).await;
    for set in sets["items"].as_array().unwrap() {
        assert!(set["metadata"]["labels"]["pod-template-hash"].is_string());
        assert_eq!(set["metadata"]["ownerReferences"][0]["uid"], made["metadata"]["uid"]);
    }
    place.done().await;
}

#[tokio::test]
async fn clients_discover_what_there_is_and_what_they_may() {
    let place = Place::new("discovery").await;
    let client = &place.client;
    assert_eq!(client.get("/api").await["versions"], json!(["v1"]));
    let groups = client.get("/apis").await;
    assert!(groups["groups"].as_array().unwrap().iter().any(|group| group["name"] == "apps"));
    let apps = client.get("/apis/apps/v1").await;
    let deployments = apps["resources"].as_array().unwrap().iter().find(|one| one["name"] == "deployments").unwrap();
    assert_eq!((&deployments["kind"], &deployments["namespaced"]), (&json!("Deployment"), &json!(true)));
    assert!(client.get("/version").await["gitVersion"].is_string());
    let (status, _) = client.send("GET", "/apis/argoproj.io/v1alpha1/rollouts", "application/json", None).await.unwrap();
    assert_eq!(status, 404);
    let ask = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {"verb": "list", "resource": "pods"}}});
    let review = client.create("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", ask).await;
    assert_eq!(review["status"]["allowed"], true);
    place.done().await;
}

/// Only the simulator can be made to forget.
#[tokio::test]
async fn a_token_of_a_forgotten_list_expires_and_brings_one_to_go_on_with() {
    let place = Place::new("expired").await;
    let Some(running) = &place.simulated else { return };
    for name in ["a", "b", "c"] {
        place.map(name, json!({})).await;
    }
    let first = place.client.get(&format!("{}?limit=1&labelSelector=suite", place.maps())).await;
    let mut watch = place.client.watch(&place.mine(&version(&first), "")).await;
    running.controls.compact();
    let event = watch.next().await.unwrap();
    assert_eq!((&event["type"], &event["object"]["code"]), (&json!("ERROR"), &json!(410)));
    let token = first["metadata"]["continue"].as_str().unwrap();
    let next = format!("{}?limit=1&labelSelector=suite&continue=", place.maps());
    let gone = place.client.refused(410, "GET", &format!("{next}{token}"), None).await;
    assert_eq!(gone["reason"], "Expired");
    let fresh = gone["metadata"]["continue"].as_str().unwrap();
    assert_eq!(names(&place.client.get(&format!("{next}{fresh}")).await), ["b"]);
    assert!(place.client.watch(&place.mine(&version(&place.client.get(&place.maps()).await), "")).await.is_silent(Duration::from_millis(300)).await);
}
