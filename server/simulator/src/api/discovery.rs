//! What the server has, as clients discover it.

use serde_json::{Value, json};

use crate::kind::Kind;

/// `/version`.
pub(super) fn version() -> Value {
    json!({
        "major": "1", "minor": "36", "gitVersion": "v1.36.0+simulated", "gitCommit": "", "gitTreeState": "clean",
        "buildDate": "2026-04-22T00:00:00Z", "goVersion": "none", "compiler": "none", "platform": "simulated/none",
    })
}

/// `/api`.
pub(super) fn versions() -> Value {
    json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})
}

/// `/apis`.
pub(super) fn groups() -> Value {
    let group = |name: &str| {
        let version = json!({"groupVersion": format!("{name}/v1"), "version": "v1"});
        json!({"name": name, "versions": [version], "preferredVersion": version})
    };
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": Kind::groups().map(group)})
}

/// `/api/v1` and `/apis/<group>/<version>`, or nothing.
pub(super) fn resources(group: &str, version: &str) -> Option<Value> {
    let known = group.is_empty() || Kind::groups().contains(&group);
    if version != "v1" || !known {
        return None;
    }
    let kinds = Kind::ALL.into_iter().filter(|kind| kind.place().group == group);
    let mut resources: Vec<Value> = kinds.flat_map(of_kind).collect();
    if group == "events.k8s.io" {
        resources = of_kind(Kind::Event);
    }
    if group == "authorization.k8s.io" {
        resources.push(json!({"name": "selfsubjectaccessreviews", "singularName": "selfsubjectaccessreview",
            "namespaced": false, "kind": "SelfSubjectAccessReview", "verbs": ["create"]}));
    }
    let version = if group.is_empty() { "v1".to_owned() } else { format!("{group}/v1") };
    Some(json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": resources}))
}

fn of_kind(kind: Kind) -> Vec<Value> {
    let place = kind.place();
    let verbs = ["create", "delete", "get", "list", "patch", "update", "watch"];
    let mut resource = json!({
        "name": place.plural, "singularName": place.name.to_lowercase(), "namespaced": kind.is_namespaced(),
        "kind": place.name, "verbs": verbs,
    });
    if !place.short.is_empty() {
        resource["shortNames"] = json!([place.short]);
    }
    let sub = |name: &str, verbs: &[&str]| {
        json!({"name": format!("{}/{name}", place.plural), "singularName": "", "namespaced": kind.is_namespaced(),
            "kind": place.name, "verbs": verbs})
    };
    let mut all = vec![resource];
    if kind.has_status() {
        all.push(sub("status", &["get", "patch", "update"]));
    }
    match kind {
        Kind::Pod => all.push(sub("log", &["get"])),
        Kind::Node => all.push(sub("proxy", &["get"])),
        _ => {}
    }
    all
}
