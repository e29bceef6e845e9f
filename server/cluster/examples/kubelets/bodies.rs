//! What kubelets answer: as many families, labels and control groups as those of a real node, with values that move.

use std::fmt::Write;

use model::Timestamp;
use serde_json::{Value, json};

/// Pods of a node.
pub(crate) const PODS: usize = 50;

/// A container, as its kubelet names it.
pub(crate) struct Container {
    namespace: String,
    pod: String,
    uid: String,
    name: String,
    id: String,
    image: String,
}

impl Container {
    /// The containers of a pod as the API server has it.
    pub(crate) fn of(pod: &Value) -> Vec<Self> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (meta, statuses) = (&pod["metadata"], pod["status"]["containerStatuses"].as_array());
        let container = |status: &Value| Self {
            namespace: text(&meta["namespace"]),
            pod: text(&meta["name"]),
            uid: text(&meta["uid"]),
            name: text(&status["name"]),
            id: text(&status["containerID"]).trim_start_matches("containerd://").to_owned(),
            image: text(&status["image"]),
        };
        statuses.into_iter().flatten().map(container).collect()
    }
}

/// Families of `/metrics/cadvisor` by what a kubelet of Kubernetes 1.34 writes for each control group.
const FAMILIES: [&str; 60] = [
    "cpu_cfs_periods_total",
    "cpu_cfs_throttled_periods_total",
    "cpu_cfs_throttled_seconds_total",
    "cpu_load_average_10s",
    "cpu_system_seconds_total",
    "cpu_usage_seconds_total",
    "cpu_user_seconds_total",
    "file_descriptors",
    "fs_inodes_free",
    "fs_inodes_total",
    "fs_io_current",
    "fs_io_time_seconds_total",
    "fs_io_time_weighted_seconds_total",
    "fs_limit_bytes",
    "fs_read_seconds_total",
    "fs_reads_bytes_total",
    "fs_reads_merged_total",
    "fs_reads_total",
    "fs_sector_reads_total",
    "fs_sector_writes_total",
    "fs_usage_bytes",
    "fs_write_seconds_total",
    "fs_writes_bytes_total",
    "fs_writes_merged_total",
    "fs_writes_total",
    "last_seen",
    "memory_cache",
    "memory_failcnt",
    "memory_failures_total",
    "memory_kernel_usage",
    "memory_mapped_file",
    "memory_max_usage_bytes",
    "memory_rss",
    "memory_swap",
    "memory_total_active_file_bytes",
    "memory_total_inactive_file_bytes",
    "memory_usage_bytes",
    "memory_working_set_bytes",
    "oom_events_total",
    "pressure_cpu_stalled_seconds_total",
    "pressure_cpu_waiting_seconds_total",
    "pressure_io_stalled_seconds_total",
    "pressure_io_waiting_seconds_total",
    "pressure_memory_stalled_seconds_total",
    "pressure_memory_waiting_seconds_total",
    "processes",
    "sockets",
    "spec_cpu_period",
    "spec_cpu_quota",
    "spec_cpu_shares",
    "spec_memory_limit_bytes",
    "spec_memory_reservation_limit_bytes",
    "spec_memory_swap_limit_bytes",
    "start_time_seconds",
    "tasks_state",
    "threads",
    "threads_max",
    "ulimits_soft",
    "network_receive_bytes_total",
    "network_transmit_bytes_total",
];

/// `/metrics/cadvisor`: a line for each family of each container, of its pod and of the pod's sandbox.
pub(crate) fn cadvisor(containers: &[Container], now: Timestamp) -> String {
    let mut out = String::with_capacity(6 << 20);
    for family in FAMILIES {
        let kind = if family.ends_with("_total") { "counter" } else { "gauge" };
        // Writing to a string cannot fail.
        let _ = writeln!(out, "# HELP container_{family} As cAdvisor says.\n# TYPE container_{family} {kind}");
        let mut pod = "";
        for (place, one) in containers.iter().enumerate() {
            let value = value(family, place, now);
            let slice = format!("/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{}.slice", one.uid);
            let scope = format!("{slice}/cri-containerd-{}.scope", one.id);
            let own = (one.name.as_str(), one.image.as_str(), one.id.as_str());
            line(&mut out, family, own, &scope, one, value, now);
            if pod != one.pod {
                pod = &one.pod;
                line(&mut out, family, ("", "", ""), &slice, one, value, now);
                line(&mut out, family, ("", "registry.k8s.io/pause:3.10", &one.id), &scope, one, value, now);
            }
        }
    }
    out
}

fn line(
    out: &mut String,
    family: &str,
    (container, image, name): (&str, &str, &str),
    group: &str,
    of: &Container,
    value: f64,
    now: Timestamp,
) {
    let more = match family {
        "cpu_usage_seconds_total" => "cpu=\"total\",",
        _ if family.starts_with("fs_") => "device=\"/dev/nvme0n1p1\",",
        _ => "",
    };
    let (namespace, pod, at) = (&of.namespace, &of.pod, now.millis());
    let _ = writeln!(
        out,
        "container_{family}{{container=\"{container}\",{more}id=\"{group}\",image=\"{image}\",name=\"{name}\",\
         namespace=\"{namespace}\",pod=\"{pod}\"}} {value} {at}"
    );
}

/// Limits stay, levels wander, totals rise.
fn value(family: &str, place: usize, now: Timestamp) -> f64 {
    let (seconds, place) = (now.millis() as f64 / 1e3, place as f64);
    match family {
        "spec_cpu_period" => 1e5,
        "spec_cpu_quota" => 5e4,
        "spec_memory_limit_bytes" => 536_870_912.0,
        "start_time_seconds" => 1_799_990_000.0 + place,
        _ if family.ends_with("_total") => ((seconds - 1_700_000_000.0) * (0.05 + place / 1e3) * 1e6).floor() / 1e6,
        _ => (2e8 + 1e7 * (seconds / 60.0 + place).sin()).floor(),
    }
}

/// `/stats/summary`.
pub(crate) fn summary(containers: &[Container], now: Timestamp) -> String {
    let at = jiff::Timestamp::from_nanosecond(i128::from(now.0)).unwrap_or_default().to_string();
    let bytes = now.seconds();
    let of_pod = |all: &[Container]| {
        let files = json!({"time": at, "availableBytes": 90_000_000_000_u64, "capacityBytes": 100_000_000_000_u64,
            "usedBytes": 4_096 + bytes, "inodesFree": 6_000_000, "inodes": 6_400_000, "inodesUsed": 30});
        let one = |container: &Container| {
            json!({"name": container.name, "startTime": "2026-11-24T10:00:00Z",
                "cpu": {"time": at, "usageNanoCores": 50_000_000, "usageCoreNanoSeconds": bytes * 50_000_000},
                "memory": {"time": at, "availableBytes": 300_000_000, "usageBytes": 210_000_000,
                    "workingSetBytes": 200_000_000, "rssBytes": 180_000_000, "pageFaults": 30_000, "majorPageFaults": 3},
                "rootfs": files, "logs": files, "swap": {"time": at, "swapUsageBytes": 0}})
        };
        let interface = json!({"name": "eth0", "rxBytes": bytes * 1_000, "rxErrors": 0, "txBytes": bytes * 900,
            "txErrors": 0});
        let mut network = interface.clone();
        network["time"] = at.clone().into();
        network["interfaces"] = json!([interface]);
        json!({"podRef": {"name": all[0].pod, "namespace": all[0].namespace, "uid": all[0].uid},
            "startTime": "2026-11-24T10:00:00Z", "containers": all.iter().map(one).collect::<Vec<_>>(),
            "network": network, "ephemeral-storage": files, "process_stats": {"process_count": 0},
            "volume": [{"time": at, "name": "kube-api-access", "availableBytes": 500_000_000,
                "capacityBytes": 500_012_288, "usedBytes": 12_288, "inodes": 4_000_000}]})
    };
    let pods: Vec<Value> = containers.chunk_by(|a, b| a.pod == b.pod).map(of_pod).collect();
    json!({"node": {"nodeName": "node"}, "pods": pods}).to_string()
}
