//! DaemonSets: a pod on each node, replaced one at a time.

use serde_json::{Value, json};

use super::{World, is_active, is_ready};
use crate::kind::Kind;
use crate::object::{Object, text, uid};

const LABEL: &str = "controller-revision-hash";

impl World {
    /// Brings a DaemonSet one step nearer to what it wants.
    pub(super) fn daemonset(&mut self, object: &Object) {
        let set = object.value(Kind::DaemonSet);
        if set.pointer("/metadata/deletionTimestamp").is_some() {
            return;
        }
        let name = text(&set, "/metadata/name").to_owned();
        let revision = self.revision(Kind::DaemonSet, &set);
        let hash = revision[name.len() + 1..].to_owned();
        let nodes: Vec<String> = self.objects.plain(Kind::Node).iter().map(|node| node.key.name.to_string()).collect();
        let pods = self.objects.owned(Kind::Pod, uid(&set));
        let on = |node: &str| {
            let here = |pod: &&Value| text(pod, "/metadata/annotations/simulator~1node") == node;
            pods.iter().filter_map(|pod| pod.plain_value()).find(here)
        };
        let mut replacing =
            nodes.iter().any(|node| on(node).is_none_or(|pod| !is_ready(pod)) && !self.down.contains(node));
        for node in &nodes {
            match on(node) {
                None => {
                    let mut template = set["spec"]["template"].clone();
                    template["metadata"]["labels"][LABEL] = json!(hash);
                    template["metadata"]["annotations"]["simulator/node"] = json!(node);
                    let pod = format!("{name}-{}", self.random.suffix(5));
                    self.create_pod(Kind::DaemonSet, &set, &pod, &template);
                }
                Some(pod) if pod["metadata"]["labels"][LABEL] != *hash && is_active(pod) && !replacing => {
                    replacing = true;
                    let key = crate::object::Key::of(pod);
                    self.delete_pod(&key);
                }
                Some(_) => {}
            }
        }
        self.daemonset_status(object, &set, &hash, nodes.len());
    }

    fn daemonset_status(&mut self, object: &Object, set: &Value, hash: &str, nodes: usize) {
        let pods = self.objects.owned(Kind::Pod, uid(set));
        let pods: Vec<&Value> = pods.iter().filter_map(|pod| pod.plain_value()).filter(|pod| is_active(pod)).collect();
        let ready = pods.iter().filter(|pod| is_ready(pod)).count();
        let updated = pods.iter().filter(|pod| pod["metadata"]["labels"][LABEL] == *hash).count();
        let mut status = json!({
            "observedGeneration": set["metadata"]["generation"], "desiredNumberScheduled": nodes,
            "currentNumberScheduled": pods.len(), "numberMisscheduled": 0, "numberReady": ready,
        });
        for (field, count) in [
            ("updatedNumberScheduled", updated),
            ("numberAvailable", ready),
            ("numberUnavailable", nodes.saturating_sub(ready)),
        ] {
            if count > 0 {
                status[field] = json!(count);
            }
        }
        self.set_status(Kind::DaemonSet, object, status);
    }
}
