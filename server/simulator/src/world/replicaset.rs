//! ReplicaSets: as many pods as they want.

use std::cmp::Reverse;

use serde_json::{Value, json};

use super::{World, is_active, is_ready, owner_reference};
use crate::kind::Kind;
use crate::object::{Key, Object, number, text, uid};

impl World {
    /// Creates or deletes a ReplicaSet's pods.
    pub(super) fn replicaset(&mut self, object: &Object) {
        let set = object.value(Kind::ReplicaSet);
        let wanted = number(&set, "/spec/replicas").max(0) as usize;
        let pods = self.objects.owned(Kind::Pod, uid(&set));
        let mut active: Vec<_> = pods.iter().filter(|pod| pod.plain_value().is_some_and(is_active)).collect();
        for _ in active.len()..wanted {
            let name = format!("{}-{}", text(&set, "/metadata/name"), self.random.suffix(5));
            self.create_pod(Kind::ReplicaSet, &set, &name, &set["spec"]["template"]);
            let message = format!("Created pod: {name}");
            self.event(Kind::ReplicaSet, &set, "Normal", "SuccessfulCreate", &message);
        }
        // The unready go first, then the youngest.
        active.sort_by_key(|pod| {
            let value = pod.plain_value();
            let created = value.map(|value| text(value, "/metadata/creationTimestamp").to_owned());
            (value.is_some_and(is_ready), Reverse(created), pod.key.name.clone())
        });
        for pod in active.iter().take(active.len().saturating_sub(wanted)) {
            self.delete_pod(&pod.key);
            let message = format!("Deleted pod: {}", pod.key.name);
            self.event(Kind::ReplicaSet, &set, "Normal", "SuccessfulDelete", &message);
        }
        let pods = self.objects.owned(Kind::Pod, uid(&set));
        let active: Vec<&Value> =
            pods.iter().filter_map(|pod| pod.plain_value()).filter(|pod| is_active(pod)).collect();
        let ready = active.iter().filter(|pod| is_ready(pod)).count();
        let mut status = json!({"replicas": active.len(), "observedGeneration": set["metadata"]["generation"]});
        if !active.is_empty() {
            status["fullyLabeledReplicas"] = json!(active.len());
        }
        if ready > 0 {
            status["readyReplicas"] = json!(ready);
            status["availableReplicas"] = json!(ready);
        }
        self.set_status(Kind::ReplicaSet, object, status);
    }

    /// Creates a pod from a template.
    pub(super) fn create_pod(&mut self, kind: Kind, owner: &Value, name: &str, template: &Value) -> Option<Key> {
        let mut pod = json!({
            "metadata": template["metadata"], "spec": template["spec"],
            "status": {"phase": "Pending", "qosClass": "Burstable"},
        });
        if !pod["metadata"].is_object() {
            pod["metadata"] = json!({});
        }
        pod["metadata"]["name"] = json!(name);
        pod["metadata"]["namespace"] = owner["metadata"]["namespace"].clone();
        pod["metadata"]["ownerReferences"] = owner_reference(kind, owner);
        crate::defaults::fill(Kind::Pod, &mut pod);
        self.objects.create(Kind::Pod, pod).ok().map(|pod| pod.key.clone())
    }
}
