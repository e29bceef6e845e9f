//! Single objects: created, changed, deleted, refused; status, generation, discovery.
#![allow(clippy::unwrap_used, reason = "a test may")]

use serde_json::json;

use crate::place::{Place, map};
use crate::support::{names, version};

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
async fn the_status_is_written_apart_from_the_rest() {
    let place = Place::new("status").await;
    let (client, path) = (&place.client, format!("{}/one", place.pods()));
    let made = place.pod("one", "conformance-node-1").await;
    assert_eq!(made["status"]["phase"], "Pending");
    let status = client
        .patch(
            &format!("{path}/status"),
            json!({"metadata": {"labels": {"app": "other"}}, "status": {"phase": "Running", "message": "by hand"}}),
        )
        .await;
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
    assert_eq!(
        (&made["spec"]["progressDeadlineSeconds"], &made["spec"]["revisionHistoryLimit"]),
        (&json!(600), &json!(10))
    );
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
    let (status, _) =
        client.send("GET", "/apis/argoproj.io/v1alpha1/rollouts", "application/json", None).await.unwrap();
    assert_eq!(status, 404);
    let ask = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {"verb": "list", "resource": "pods"}}});
    let review = client.create("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", ask).await;
    assert_eq!(review["status"]["allowed"], true);
    place.done().await;
}
