//! Events have two shapes: as they are kept (core/v1), and as `events.k8s.io` shows them.

use bytes::Bytes;
use serde_json::{Value, json};

use super::target::Target;
use crate::object::Object;

/// The JSON of an object as a target's API shows it, without kind and API version.
pub(super) fn item(target: &Target, object: &Object) -> Bytes {
    if target.group != "events.k8s.io" {
        return object.item(target.kind);
    }
    serde_json::to_vec(&regarding(&object.value(target.kind))).unwrap_or_default().into()
}

/// The same with kind and API version.
pub(super) fn whole(target: &Target, object: &Object) -> Vec<u8> {
    let item = item(target, object);
    let mut out = head(target);
    out.extend_from_slice(item.get(1..).unwrap_or(b"}"));
    out
}

/// The beginning of an object, up to its own fields.
pub(super) fn head(target: &Target) -> Vec<u8> {
    let (kind, version) = (target.kind.place().name, target.api_version());
    format!("{{\"kind\":\"{kind}\",\"apiVersion\":\"{version}\",").into_bytes()
}

fn regarding(event: &Value) -> Value {
    let mut out = json!({"metadata": event["metadata"]});
    for (new, old) in [
        ("regarding", "involvedObject"),
        ("note", "message"),
        ("reason", "reason"),
        ("type", "type"),
        ("eventTime", "eventTime"),
        ("series", "series"),
        ("deprecatedCount", "count"),
        ("deprecatedFirstTimestamp", "firstTimestamp"),
        ("deprecatedLastTimestamp", "lastTimestamp"),
        ("deprecatedSource", "source"),
        ("reportingController", "reportingComponent"),
        ("reportingInstance", "reportingInstance"),
        ("action", "action"),
    ] {
        if let Some(value) = event.get(old) {
            out[new] = value.clone();
        }
    }
    out
}
