//! Events: one object for the same thing said again, and an end after an hour.

use serde_json::{Value, json};

use super::World;
use crate::kind::Kind;
use crate::object::{Key, text};
use crate::{random, time};

/// Who says it.
pub(super) fn source(reason: &str) -> &'static str {
    match reason {
        "ScalingReplicaSet" => "deployment-controller",
        "SuccessfulCreate" | "SuccessfulDelete" => "replicaset-controller",
        "Scheduled" | "FailedScheduling" => "default-scheduler",
        "NodeNotReady" | "NodeReady" => "node-controller",
        "TaintManagerEviction" => "taint-eviction-controller",
        "Completed" | "SawCompletedJob" => "job-controller",
        _ => "kubelet",
    }
}

impl World {
    /// Says something about an object.
    pub(super) fn event(&mut self, kind: Kind, about: &Value, level: &str, reason: &str, message: &str) {
        let now = self.now();
        if now < self.quiet_until {
            return;
        }
        let named = |pointer: &str| text(about, pointer).to_owned();
        let (namespace, name, uid) = (named("/metadata/namespace"), named("/metadata/name"), named("/metadata/uid"));
        let place = if namespace.is_empty() { "default" } else { &namespace };
        let hash = random::hash(format!("{uid}{reason}{message}").as_bytes());
        let key = Key::new(place, &format!("{name}.{hash:016x}"));
        let (stamp, micro) = (time::text(now), time::micro_text(now));
        let again = self.objects.modify(Kind::Event, &key, |event| {
            event["count"] = json!(event["count"].as_i64().unwrap_or(0) + 1);
            event["lastTimestamp"] = json!(stamp);
        });
        if again.is_some() {
            return;
        }
        let mut object = json!({"apiVersion": kind.api_version(), "kind": kind.place().name, "name": name, "uid": uid});
        if !namespace.is_empty() {
            object["namespace"] = json!(namespace);
        }
        let from_container = matches!(
            reason,
            "Pulling" | "Pulled" | "Created" | "Started" | "BackOff" | "Failed" | "Unhealthy" | "Killing"
        );
        if kind == Kind::Pod && from_container {
            let container = about.pointer("/spec/containers/0/name").and_then(Value::as_str).unwrap_or("app");
            object["fieldPath"] = json!(format!("spec.containers{{{container}}}"));
        }
        let event = json!({
            "metadata": {"name": &*key.name, "namespace": place}, "involvedObject": object, "type": level,
            "reason": reason, "message": message, "count": 1, "firstTimestamp": stamp, "lastTimestamp": stamp,
            "eventTime": if level == "Warning" { json!(micro) } else { Value::Null },
            "source": {"component": source(reason)}, "reportingComponent": source(reason), "reportingInstance": "",
        });
        // It cannot be there already: it was looked for above.
        let _ = self.objects.create(Kind::Event, event);
    }

    /// Removes events that were not repeated for an hour.
    pub(crate) fn expire_events(&mut self) {
        let oldest = time::text(time::after(self.now(), -60 * time::MINUTE));
        for event in self.objects.plain(Kind::Event) {
            if event.plain_value().is_some_and(|value| text(value, "/lastTimestamp") < oldest.as_str()) {
                self.objects.remove(Kind::Event, &event.key);
            }
        }
    }
}
