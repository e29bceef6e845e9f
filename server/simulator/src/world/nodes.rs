//! Nodes: they are there, fall silent, lose their pods, come back.

use serde_json::{Value, json};

use super::{Due, World, condition, is_active};
use crate::kind::Kind;
use crate::object::{Key, text};
use crate::time;

impl World {
    /// Whether a node is one of ours.
    pub(super) fn has_node(&self, name: &str) -> bool {
        self.objects.get(Kind::Node, &Key::new("", name)).is_some_and(|node| node.plain_value().is_some())
    }

    /// Nodes that take pods.
    pub(super) fn ready_nodes(&self) -> Vec<String> {
        let nodes = self.objects.plain(Kind::Node);
        let ready = nodes.iter().filter(|node| node.plain_value().is_some_and(super::is_ready));
        ready.map(|node| node.key.name.to_string()).filter(|name| !self.down.contains(name)).collect()
    }

    /// The ready node for a pod: where the fewest of the same workload are, then the fewest at all.
    pub(super) fn free_node(&self, pod: &Value) -> Option<String> {
        let of = |pod: &Value| [text(pod, "/metadata/namespace"), text(pod, "/metadata/labels/app")].join("/");
        let (placed, own) = (self.objects.plain(Kind::Pod), of(pod));
        let load = |name: &String| {
            let here = placed.iter().filter_map(|pod| pod.plain_value());
            let here = here.filter(|pod| text(pod, "/spec/nodeName") == name && is_active(pod));
            here.fold((0, 0), |(same, all), pod| (same + usize::from(of(pod) == own), all + 1))
        };
        self.ready_nodes().into_iter().min_by_key(|name| (load(name), name.clone()))
    }

    /// A node's address.
    pub(super) fn node_address(&self, name: &str) -> String {
        let node = self.objects.get(Kind::Node, &Key::new("", name));
        let address = node.as_ref().and_then(|node| node.plain_value());
        address.map(|node| text(node, "/status/addresses/0/address").to_owned()).unwrap_or_default()
    }

    /// A node falls silent; the control plane notices after 40 s.
    pub(super) fn node_down(&mut self, name: &str) {
        self.down.insert(name.to_owned());
        self.fleet_changed = true;
        self.after(40 * time::SECOND, Due::NodeLost(name.to_owned()));
    }

    /// The control plane has noticed.
    pub(super) fn lose_node(&mut self, name: &str) {
        if !self.down.contains(name) {
            return;
        }
        self.lost.insert(name.to_owned());
        self.fleet_changed = true;
        let now = self.now();
        let key = Key::new("", name);
        let node = self.objects.modify(Kind::Node, &key, |node| {
            for kind in ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"] {
                let message = "Kubelet stopped posting node status.";
                condition(&mut node["status"], now, kind, "Unknown", "NodeStatusUnknown", message);
            }
            node["spec"]["taints"] =
                json!([{"key": "node.kubernetes.io/unreachable", "effect": "NoExecute", "timeAdded": time::text(now)}]);
        });
        let Some(node) = node else { return };
        let value = node.value(Kind::Node).into_owned();
        self.event(Kind::Node, &value, "Normal", "NodeNotReady", &format!("Node {name} status is now: NodeNotReady"));
        for key in self.pods_on(name) {
            self.objects.modify(Kind::Pod, &key, |pod| {
                condition(&mut pod["status"], now, "Ready", "False", "NodeNotReady", "")
            });
        }
        // Pods of the shop tolerate it for half a minute, not for the usual five.
        self.after(30 * time::SECOND, Due::Evict(name.to_owned()));
    }

    /// Pods of a silent node are given up.
    pub(super) fn evict(&mut self, name: &str) {
        if !self.down.contains(name) {
            return;
        }
        let now = self.now();
        for key in self.pods_on(name) {
            let Some(pod) = self.objects.get(Kind::Pod, &key) else { continue };
            let value = pod.value(Kind::Pod).into_owned();
            if super::controller(&value).is_some_and(|(kind, _)| kind == Kind::DaemonSet) {
                continue;
            }
            let message = "Taint manager: deleting due to NoExecute taint";
            self.objects.modify(Kind::Pod, &key, |pod| {
                condition(&mut pod["status"], now, "DisruptionTarget", "True", "DeletionByTaintManager", message);
            });
            self.event(
                Kind::Pod,
                &value,
                "Normal",
                "TaintManagerEviction",
                &format!("Marking for deletion Pod {}/{}", key.namespace, key.name),
            );
            self.delete_pod(&key);
        }
    }

    /// A node is back.
    pub(super) fn node_up(&mut self, name: &str) {
        if !self.down.remove(name) {
            return;
        }
        self.lost.remove(name);
        self.fleet_changed = true;
        let now = self.now();
        let node = self.objects.modify(Kind::Node, &Key::new("", name), |node| {
            ready(&mut node["status"], now);
            node["spec"].as_object_mut().map(|spec| spec.remove("taints"));
        });
        let Some(node) = node else { return };
        let value = node.value(Kind::Node).into_owned();
        self.event(Kind::Node, &value, "Normal", "NodeReady", &format!("Node {name} status is now: NodeReady"));
        for key in self.pods_on(name) {
            self.objects.modify(Kind::Pod, &key, |pod| {
                if pod.pointer("/status/containerStatuses/0/ready") == Some(&Value::Bool(true)) {
                    condition(&mut pod["status"], now, "Ready", "True", "", "");
                }
            });
        }
    }

    fn pods_on(&self, node: &str) -> Vec<Key> {
        let pods = self.objects.plain(Kind::Pod);
        let here = pods.iter().filter(|pod| pod.plain_value().is_some_and(|pod| text(pod, "/spec/nodeName") == node));
        here.map(|pod| pod.key.clone()).collect()
    }
}

/// The conditions of a node that is well.
pub(super) fn ready(status: &mut Value, now: model::Timestamp) {
    condition(
        status,
        now,
        "MemoryPressure",
        "False",
        "KubeletHasSufficientMemory",
        "kubelet has sufficient memory available",
    );
    condition(status, now, "DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure");
    condition(status, now, "PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available");
    condition(status, now, "Ready", "True", "KubeletReady", "kubelet is posting ready status");
}
