//! Lists: pages of one snapshot, selectors, tokens.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::time::Duration;

use serde_json::json;

use crate::place::Place;
use crate::support::{names, version};

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
    assert_eq!(
        client.refused(400, "GET", &format!("{maps}?limit=2&continue=nonsense"), None).await["reason"],
        "BadRequest"
    );
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
    let mut watch =
        client.watch(&format!("{pods}?watch=1&resourceVersion={start}&fieldSelector=status.phase%3DRunning")).await;
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
    let list =
        place.client.get(&format!("{path}?fieldSelector=involvedObject.name%3Done,involvedObject.uid%3Duid-one")).await;
    assert_eq!(names(&list), ["one"]);
    let newer = format!("/apis/events.k8s.io/v1/namespaces/{}/events/one", place.namespace);
    let event = place.client.get(&newer).await;
    assert_eq!((&event["apiVersion"], &event["note"]), (&json!("events.k8s.io/v1"), &json!("it was tried")));
    assert_eq!((&event["regarding"]["name"], &event["deprecatedCount"]), (&json!("one"), &json!(3)));
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
    assert!(
        place
            .client
            .watch(&place.mine(&version(&place.client.get(&place.maps()).await), ""))
            .await
            .is_silent(Duration::from_millis(300))
            .await
    );
}
