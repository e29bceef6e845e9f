//! StatefulSets: a ControllerRevision for each template, pods by ordinal, replaced from the last to the first.

use serde_json::{Value, json};

use super::{World, is_active, is_ready, owner_reference};
use crate::kind::Kind;
use crate::object::{Key, Object, number, text, uid};

const LABEL: &str = "controller-revision-hash";

impl World {
    /// Brings a StatefulSet one step nearer to what it wants.
    pub(super) fn statefulset(&mut self, object: &Object) {
        let set = object.value(Kind::StatefulSet);
        if set.pointer("/metadata/deletionTimestamp").is_some() {
            return;
        }
        let update = self.revision(Kind::StatefulSet, &set);
        let current = match text(&set, "/status/currentRevision") {
            "" => update.clone(),
            known => known.to_owned(),
        };
        let wanted = number(&set, "/spec/replicas");
        self.step_set(&set, &update, wanted);
        let pods = self.objects.owned(Kind::Pod, uid(&set));
        let pods: Vec<&Value> = pods.iter().filter_map(|pod| pod.plain_value()).filter(|pod| is_active(pod)).collect();
        let ready = pods.iter().filter(|pod| is_ready(pod)).count() as i64;
        let is_new = |pod: &&&Value| pod["metadata"]["labels"][LABEL] == *update;
        let updated = pods.iter().filter(is_new).count() as i64;
        let ready_new = pods.iter().filter(is_new).filter(|pod| is_ready(pod)).count() as i64;
        let done = updated == wanted && ready_new == wanted && pods.len() as i64 == wanted;
        let current = if done { &update } else { &current };
        let of_current = pods.iter().filter(|pod| pod["metadata"]["labels"][LABEL] == **current).count();
        let mut status = json!({
            "observedGeneration": set["metadata"]["generation"], "replicas": pods.len(), "availableReplicas": ready,
            "updateRevision": update, "currentRevision": current, "collisionCount": 0,
        });
        for (field, count) in
            [("readyReplicas", ready), ("updatedReplicas", updated), ("currentReplicas", of_current as i64)]
        {
            if count > 0 {
                status[field] = json!(count);
            }
        }
        self.set_status(Kind::StatefulSet, object, status);
    }

    fn step_set(&mut self, set: &Value, update: &str, wanted: i64) {
        let (name, namespace) = (text(set, "/metadata/name"), text(set, "/metadata/namespace"));
        let pod = |world: &Self, ordinal: i64| {
            world.objects.get(Kind::Pod, &Key::new(namespace, &format!("{name}-{ordinal}")))
        };
        for ordinal in 0..wanted {
            let Some(found) = pod(self, ordinal) else {
                let mut template = set["spec"]["template"].clone();
                template["metadata"]["labels"][LABEL] = json!(update);
                template["metadata"]["labels"]["statefulset.kubernetes.io/pod-name"] =
                    json!(format!("{name}-{ordinal}"));
                template["metadata"]["labels"]["apps.kubernetes.io/pod-index"] = json!(ordinal.to_string());
                self.create_pod(Kind::StatefulSet, set, &format!("{name}-{ordinal}"), &template);
                return;
            };
            // The next waits until this one takes traffic.
            if !found.plain_value().is_some_and(|pod| is_active(pod) && is_ready(pod)) {
                return self.replace_broken(&found, update);
            }
        }
        let pods = self.objects.owned(Kind::Pod, uid(set));
        let surplus =
            pods.iter().filter(|pod| ordinal(&pod.key.name) >= wanted).max_by_key(|pod| ordinal(&pod.key.name));
        if let Some(surplus) = surplus {
            return self.delete_pod(&surplus.key.clone());
        }
        let partition = number(set, "/spec/updateStrategy/rollingUpdate/partition");
        if text(set, "/spec/updateStrategy/type") == "OnDelete" {
            return;
        }
        for ordinal in (partition..wanted).rev() {
            let old = pod(self, ordinal)
                .filter(|pod| pod.plain_value().is_some_and(|pod| pod["metadata"]["labels"][LABEL] != *update));
            if let Some(old) = old {
                return self.delete_pod(&old.key);
            }
        }
    }

    /// A pod of an older template that never got ready would hold everything up.
    fn replace_broken(&mut self, pod: &Object, update: &str) {
        let broken = pod.plain_value().is_some_and(|pod| {
            let waits = text(pod, "/status/containerStatuses/0/state/waiting/reason").ends_with("BackOff");
            is_active(pod) && waits && pod["metadata"]["labels"][LABEL] != *update
        });
        if broken {
            self.delete_pod(&pod.key);
        }
    }

    /// The name of the ControllerRevision of a workload's template; it is created where it is missing.
    pub(super) fn revision(&mut self, kind: Kind, owner: &Value) -> String {
        let hash = super::deployment::template_hash(&owner["spec"]["template"]);
        let (name, namespace) = (text(owner, "/metadata/name"), text(owner, "/metadata/namespace"));
        let key = Key::new(namespace, &format!("{name}-{hash}"));
        let known = self.objects.owned(Kind::ControllerRevision, uid(owner));
        let newest = known
            .iter()
            .filter_map(|known| known.plain_value())
            .map(|known| number(known, "/revision"))
            .max()
            .unwrap_or(0);
        match self.objects.get(Kind::ControllerRevision, &key) {
            Some(found) => {
                // Used again: its number rises.
                if found.plain_value().is_some_and(|found| number(found, "/revision") < newest) {
                    self.objects.modify(Kind::ControllerRevision, &key, |value| value["revision"] = json!(newest + 1));
                }
            }
            None => {
                let mut template = owner["spec"]["template"].clone();
                template["$patch"] = json!("replace");
                let mut labels = owner["spec"]["template"]["metadata"]["labels"].clone();
                labels[LABEL] = json!(hash);
                let revision = json!({
                    "metadata": {"name": &*key.name, "namespace": namespace, "labels": labels,
                        "annotations": owner["metadata"]["annotations"], "ownerReferences": owner_reference(kind, owner)},
                    "data": {"spec": {"template": template}}, "revision": newest + 1,
                });
                // It is not there: it was looked for above.
                let _ = self.objects.create(Kind::ControllerRevision, revision);
            }
        }
        key.name.to_string()
    }
}

fn ordinal(name: &str) -> i64 {
    name.rsplit('-').next().and_then(|ordinal| ordinal.parse().ok()).unwrap_or(0)
}
