//! Deployments: a ReplicaSet for each template, stepped by surge and unavailability.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{World, condition, owner_reference};
use crate::kind::Kind;
use crate::object::{Key, Object, number, text, uid};
use crate::{random, time};

const REVISION: &str = "/metadata/annotations/deployment.kubernetes.io~1revision";
const HASH: &str = "pod-template-hash";

impl World {
    /// Brings a Deployment one step nearer to what it wants.
    pub(super) fn deployment(&mut self, object: &Object) {
        let deployment = object.value(Kind::Deployment);
        if deployment.pointer("/metadata/deletionTimestamp").is_some() {
            return;
        }
        let sets = self.objects.owned(Kind::ReplicaSet, uid(&deployment));
        let hash = template_hash(&deployment["spec"]["template"]);
        let newest = sets.iter().map(|set| number_of(set)).max().unwrap_or(0);
        let new = sets.iter().find(|set| is_of(set, &hash)).cloned();
        let paused = deployment["spec"]["paused"] == Value::Bool(true);
        let Some(new) = new else {
            if !paused {
                self.create_set(&deployment, &hash, newest + 1);
            }
            return self.deployment_status(object, &sets, None);
        };
        // A rollback is the same revision again, with a new number.
        let revision = if number_of(&new) < newest { newest + 1 } else { newest };
        self.number(Kind::ReplicaSet, &new, revision);
        self.number(Kind::Deployment, object, revision);
        if !paused {
            self.roll(&deployment, &sets, &new);
            self.clean(&deployment, &sets, &new);
        }
        let sets = self.objects.owned(Kind::ReplicaSet, uid(&deployment));
        self.deployment_status(object, &sets, Some(&hash));
    }

    fn create_set(&mut self, deployment: &Value, hash: &str, revision: i64) {
        let name = format!("{}-{hash}", text(deployment, "/metadata/name"));
        let mut template = deployment["spec"]["template"].clone();
        template["metadata"]["labels"][HASH] = json!(hash);
        let mut selector = deployment["spec"]["selector"].clone();
        selector["matchLabels"][HASH] = json!(hash);
        let mut annotations = deployment["metadata"]["annotations"].clone();
        if !annotations.is_object() {
            annotations = json!({});
        }
        annotations["deployment.kubernetes.io/revision"] = json!(revision.to_string());
        annotations["deployment.kubernetes.io/desired-replicas"] = json!(wanted(deployment).to_string());
        let set = json!({
            "metadata": {"name": name, "namespace": text(deployment, "/metadata/namespace"),
                "labels": template["metadata"]["labels"], "annotations": annotations,
                "ownerReferences": owner_reference(Kind::Deployment, deployment)},
            "spec": {"replicas": 0, "selector": selector, "template": template}, "status": {"replicas": 0},
        });
        // One that is there belongs to somebody else, and stays.
        let _ = self.objects.create(Kind::ReplicaSet, set);
    }

    fn number(&self, kind: Kind, object: &Object, revision: i64) {
        self.objects.modify(kind, &object.key, |value| {
            value["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = json!(revision.to_string());
        });
    }

    fn roll(&mut self, deployment: &Value, sets: &[Arc<Object>], new: &Object) {
        let wanted = wanted(deployment);
        let value = |set: &Object| set.plain_value().cloned().unwrap_or_default();
        let spec = |set: &Object| number(&value(set), "/spec/replicas");
        let old: Vec<&Arc<Object>> = sets.iter().filter(|set| set.key != new.key && spec(set) > 0).collect();
        if text(deployment, "/spec/strategy/type") == "Recreate" {
            for set in &old {
                self.scale_set(deployment, set, 0);
            }
            if sets.iter().all(|set| set.key == new.key || number(&value(set), "/status/replicas") == 0) {
                self.scale_set(deployment, new, wanted);
            }
            return;
        }
        let (surge, unavailable) = limits(deployment, wanted);
        let total: i64 = sets.iter().map(|set| spec(set)).sum();
        let up = (wanted + surge - total).min(wanted - spec(new)).max(0);
        let target = if spec(new) > wanted { wanted } else { spec(new) + up };
        if target != spec(new) {
            return self.scale_set(deployment, new, target);
        }
        let missing = spec(new) - number(&value(new), "/status/availableReplicas");
        let mut down = total - (wanted - unavailable) - missing;
        // Those that serve nobody go first.
        for set in &old {
            let idle = spec(set) - number(&value(set), "/status/availableReplicas");
            let less = idle.min(down).max(0);
            if less > 0 {
                self.scale_set(deployment, set, spec(set) - less);
                return;
            }
        }
        let available: i64 = sets.iter().map(|set| number(&value(set), "/status/availableReplicas")).sum();
        down = available - (wanted - unavailable);
        for set in &old {
            let less = spec(set).min(down).max(0);
            if less > 0 {
                self.scale_set(deployment, set, spec(set) - less);
                down -= less;
            }
        }
    }

    fn scale_set(&mut self, deployment: &Value, set: &Object, replicas: i64) {
        let before = set.plain_value().map_or(0, |value| number(value, "/spec/replicas"));
        if before == replicas {
            return;
        }
        self.objects.modify(Kind::ReplicaSet, &set.key, |value| value["spec"]["replicas"] = json!(replicas));
        let direction = if replicas > before { "up" } else { "down" };
        let message = format!("Scaled {direction} replica set {} from {before} to {replicas}", set.key.name);
        self.event(Kind::Deployment, deployment, "Normal", "ScalingReplicaSet", &message);
    }

    /// Removes the oldest ReplicaSets beyond the history that is kept.
    fn clean(&mut self, deployment: &Value, sets: &[Arc<Object>], new: &Object) {
        let idle = |set: &&Arc<Object>| {
            let value = set.plain_value();
            set.key != new.key
                && value.is_some_and(|v| number(v, "/spec/replicas") == 0 && number(v, "/status/replicas") == 0)
        };
        let mut old: Vec<_> = sets.iter().filter(idle).collect();
        old.sort_by_key(|set| number_of(set));
        let extra = old.len().saturating_sub(number(deployment, "/spec/revisionHistoryLimit").max(0) as usize);
        for set in &old[..extra] {
            self.objects.remove(Kind::ReplicaSet, &set.key);
        }
    }

    fn deployment_status(&mut self, object: &Object, sets: &[Arc<Object>], hash: Option<&str>) {
        let Some(current) = self.objects.get(Kind::Deployment, &object.key) else { return };
        let deployment = current.value(Kind::Deployment);
        let sum = |field: &str, only_new: bool| -> i64 {
            let counted = sets.iter().filter(|set| !only_new || hash.is_some_and(|hash| is_of(set, hash)));
            counted.filter_map(|set| set.plain_value()).map(|set| number(set, field)).sum()
        };
        let wanted = wanted(&deployment);
        let (total, updated) = (sum("/status/replicas", false), sum("/status/replicas", true));
        let (ready, available) = (sum("/status/readyReplicas", false), sum("/status/availableReplicas", false));
        let mut status = json!({"observedGeneration": deployment["metadata"]["generation"],
            "conditions": deployment["status"]["conditions"]});
        for (field, count) in [
            ("replicas", total),
            ("updatedReplicas", updated),
            ("readyReplicas", ready),
            ("availableReplicas", available),
            ("unavailableReplicas", (wanted.max(total) - available).max(0)),
        ] {
            if count > 0 {
                status[field] = json!(count);
            }
        }
        let settled = hash.is_some() && updated == wanted && total == wanted && available == wanted;
        self.deployment_conditions(&deployment, &mut status, settled, hash.unwrap_or_default(), available);
        self.set_status(Kind::Deployment, object, status);
    }

    fn deployment_conditions(
        &mut self,
        deployment: &Value,
        status: &mut Value,
        settled: bool,
        hash: &str,
        available: i64,
    ) {
        let (now, wanted) = (self.now(), wanted(deployment));
        let (_, unavailable) = limits(deployment, wanted);
        let (holds, reason, message) = if available >= wanted - unavailable {
            ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
        } else {
            ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
        };
        condition(status, now, "Available", holds, reason, message);
        let name = format!("{}-{hash}", text(deployment, "/metadata/name"));
        let old = &deployment["status"];
        let known = old["conditions"]
            .as_array()
            .and_then(|all| all.iter().find(|known| known["type"] == "Progressing"))
            .cloned();
        let moved = ["replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "observedGeneration"]
            .iter()
            .any(|field| old[field] != status[field]);
        let seen = known.as_ref().and_then(|known| known["lastUpdateTime"].as_str()).unwrap_or_default().to_owned();
        let was_settled = known.as_ref().is_some_and(|known| known["reason"] == "NewReplicaSetAvailable");
        let deadline = number(deployment, "/spec/progressDeadlineSeconds") * time::SECOND;
        let since = time::parse(&seen).unwrap_or(now);
        let (holds, reason, message) = if settled {
            ("True", "NewReplicaSetAvailable", format!("ReplicaSet \"{name}\" has successfully progressed."))
        } else if !moved && !was_settled && deadline > 0 && now.0 - since.0 >= deadline {
            ("False", "ProgressDeadlineExceeded", format!("ReplicaSet \"{name}\" has timed out progressing."))
        } else if !moved && known.as_ref().is_some_and(|known| known["reason"] == "ProgressDeadlineExceeded") {
            return;
        } else {
            ("True", "ReplicaSetUpdated", format!("ReplicaSet \"{name}\" is progressing."))
        };
        if settled && was_settled && known.as_ref().is_some_and(|known| known["message"] == message) {
            return keep_update_time(status, &seen);
        }
        condition(status, now, "Progressing", holds, reason, &message);
        if moved || settled || seen.is_empty() {
            keep_update_time(status, &time::text(now));
        } else {
            keep_update_time(status, &seen);
        }
        if !settled && deadline > 0 && moved {
            let key = Key::of(deployment);
            self.after(deadline + time::SECOND, super::Due::Object(Kind::Deployment, key));
        }
    }
}

fn keep_update_time(status: &mut Value, at: &str) {
    for known in status["conditions"].as_array_mut().into_iter().flatten() {
        if known["type"] == "Progressing" {
            known["lastUpdateTime"] = json!(at);
        } else if known.get("lastUpdateTime").is_none() {
            known["lastUpdateTime"] = known["lastTransitionTime"].clone();
        }
    }
}

fn wanted(deployment: &Value) -> i64 {
    number(deployment, "/spec/replicas")
}

/// Surge and unavailability as numbers.
fn limits(deployment: &Value, wanted: i64) -> (i64, i64) {
    let rolling = &deployment["spec"]["strategy"]["rollingUpdate"];
    let of = |field: &str, up: bool| match &rolling[field] {
        Value::String(text) => {
            let percent = text.trim_end_matches('%').parse::<i64>().unwrap_or(25);
            if up { (wanted * percent + 99) / 100 } else { wanted * percent / 100 }
        }
        other => other.as_i64().unwrap_or(i64::from(up)),
    };
    let (surge, unavailable) = (of("maxSurge", true), of("maxUnavailable", false));
    if surge == 0 && unavailable == 0 { (0, 1) } else { (surge, unavailable) }
}

fn number_of(set: &Object) -> i64 {
    set.plain_value().and_then(|value| value.pointer(REVISION)?.as_str()?.parse().ok()).unwrap_or(0)
}

fn is_of(set: &Object, hash: &str) -> bool {
    set.plain_value().is_some_and(|value| value["metadata"]["labels"][HASH] == *hash)
}

/// The hash of a pod template.
pub(super) fn template_hash(template: &Value) -> String {
    random::safe_hash(template.to_string().as_bytes(), 10)
}
