//! Watches: from a version, from nothing, streamed, with bookmarks, too old.
#![allow(clippy::unwrap_used, reason = "a test may")]

use serde_json::json;

use crate::place::Place;
use crate::support::version;

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
        let mut seen = [watch.change().await, watch.change().await]
            .map(|(kind, object)| format!("{kind} {}", object["metadata"]["name"].as_str().unwrap()));
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
    assert_eq!(
        (&status["kind"], &status["code"], &status["reason"]),
        (&json!("Status"), &json!(410), &json!("Expired"))
    );
    assert_eq!(watch.next().await, None, "and it ends");
    place.done().await;
}
