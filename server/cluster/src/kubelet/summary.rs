//! `/stats/summary`: network and volumes of pods, file systems of containers; processor and memory where the node has
//! no cadvisor. Pure.

use model::{NodeUse, Timestamp};
use serde::Deserialize;

use crate::slim::Instant;

/// What is kept of it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct Summary {
    pub(super) node: Node,
    pub(super) pods: Vec<Pod>,
}

/// The node as a whole.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct Node {
    pub(super) cpu: Option<Cpu>,
    pub(super) memory: Option<Memory>,
    pub(super) fs: Option<Files>,
}

impl Node {
    /// What is used of it, as it was told now, whatever its clock says; nothing where it says nothing.
    pub(super) fn used(&self, now: Timestamp) -> Option<NodeUse> {
        let memory = self.memory.as_ref().and_then(|memory| memory.working_set_bytes.zip(memory.available_bytes));
        let disk = self.fs.as_ref().and_then(|files| files.used_bytes.zip(files.available_bytes));
        let cores = self.cpu.as_ref().and_then(|cpu| cpu.nano_cores).map(|nanos| nanos as f64 / 1e9);
        (memory.is_some() || disk.is_some() || cores.is_some()).then_some(NodeUse { at: now, cores, memory, disk })
    }
}

/// A pod.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct Pod {
    #[serde(rename = "podRef")]
    pub(super) named: Named,
    pub(super) containers: Vec<Container>,
    pub(super) network: Option<Network>,
    #[serde(rename = "volume")]
    pub(super) volumes: Vec<Volume>,
}

/// A name in a namespace.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) namespace: String,
}

/// A container.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Container {
    pub(super) name: String,
    pub(super) start_time: Instant,
    pub(super) cpu: Option<Cpu>,
    pub(super) memory: Option<Memory>,
    pub(super) rootfs: Option<Files>,
}

/// Processor time.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct Cpu {
    pub(super) time: Instant,
    #[serde(rename = "usageCoreNanoSeconds")]
    pub(super) nanos: Option<u64>,
    #[serde(rename = "usageNanoCores")]
    pub(super) nano_cores: Option<u64>,
}

/// Memory.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Memory {
    pub(super) time: Instant,
    pub(super) working_set_bytes: Option<u64>,
    pub(super) available_bytes: Option<u64>,
    pub(super) rss_bytes: Option<u64>,
}

/// A file system that containers write to.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Files {
    pub(super) time: Instant,
    pub(super) used_bytes: Option<u64>,
    pub(super) available_bytes: Option<u64>,
}

/// A pod's network: each interface, and the main one beside them.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct Network {
    pub(super) time: Instant,
    #[serde(flatten)]
    pub(super) main: Interface,
    pub(super) interfaces: Vec<Interface>,
}

/// What went through an interface.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Interface {
    pub(super) name: String,
    pub(super) rx_bytes: Option<u64>,
    pub(super) tx_bytes: Option<u64>,
    pub(super) rx_errors: Option<u64>,
    pub(super) tx_errors: Option<u64>,
}

/// A volume.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Volume {
    pub(super) time: Instant,
    pub(super) name: String,
    pub(super) available_bytes: Option<u64>,
    pub(super) capacity_bytes: Option<u64>,
    #[serde(rename = "pvcRef")]
    pub(super) claim: Option<Named>,
}

impl Network {
    /// Its interfaces; an old kubelet tells only of the main one.
    pub(super) fn interfaces(&self) -> &[Interface] {
        if self.interfaces.is_empty() { std::slice::from_ref(&self.main) } else { &self.interfaces }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_and_the_rest_left() {
        let body = br#"{"node": {"nodeName": "n", "cpu": {"usageNanoCores": 2500000000}, "memory":
            {"time": "2026-11-24T11:00:00Z", "workingSetBytes": 70, "availableBytes": 30, "usageBytes": 90},
            "fs": {"usedBytes": 5}}, "pods": [{
            "podRef": {"name": "cart-1", "namespace": "shop", "uid": "u"}, "startTime": "2026-11-24T10:00:00Z",
            "containers": [{"name": "app", "startTime": "2026-11-24T10:00:00Z",
                "cpu": {"time": "2026-11-24T11:00:00Z", "usageNanoCores": 5, "usageCoreNanoSeconds": 2000000000},
                "memory": {"time": "2026-11-24T11:00:00Z", "workingSetBytes": 7},
                "rootfs": {"time": "2026-11-24T11:00:00Z", "usedBytes": 9}, "logs": {}}],
            "network": {"time": "2026-11-24T11:00:00Z", "name": "eth0", "rxBytes": 1, "txBytes": 2, "rxErrors": 0,
                "interfaces": [{"name": "eth0", "rxBytes": 1, "txBytes": 2}, {"name": "net1", "rxBytes": 3}]},
            "volume": [{"time": "2026-11-24T11:00:00Z", "name": "data", "availableBytes": 10, "capacityBytes": 20,
                "pvcRef": {"name": "data-cart-1", "namespace": "shop"}}, {"name": "token"}]}, {}]}"#;
        let summary: Summary = serde_json::from_slice(body).unwrap();
        let now = Timestamp::from_seconds(2_000_000_000);
        let used = summary.node.used(now).unwrap();
        assert_eq!((used.cores, used.memory, used.disk), (Some(2.5), Some((70, 30)), None), "half a figure is none");
        assert!(used.at == now && Summary::default().node.used(now).is_none());
        let pod = &summary.pods[0];
        assert_eq!(pod.named.name, "cart-1");
        assert_eq!(pod.containers[0].cpu.as_ref().and_then(|cpu| cpu.nanos), Some(2_000_000_000));
        let network = pod.network.as_ref().unwrap();
        assert_eq!(network.interfaces().iter().map(|one| one.rx_bytes).collect::<Vec<_>>(), [Some(1), Some(3)]);
        assert_eq!(pod.volumes[0].claim.as_ref().map(|claim| claim.name.as_str()), Some("data-cart-1"));
        assert!(pod.volumes[1].claim.is_none());
        assert_eq!(summary.pods[1], Pod::default());
    }
}
