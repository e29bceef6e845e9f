//! What a kubelet answers: the figures of its node's containers.

use std::fmt::Write;
use std::sync::Arc;

use model::Timestamp;
use serde_json::{Value, json};

use super::figures::{Figures, Run};
use crate::api::{Answer, Api, json as answer_json, text as answer_text};
use crate::kind::Kind;
use crate::object::{Object, text, uid};
use crate::objects::Ask;
use crate::select::Selector;
use crate::time::{self, SECOND};

/// A container's figures, as they were measured last.
#[derive(Debug)]
struct Measured {
    namespace: String,
    pod: String,
    uid: String,
    container: String,
    id: String,
    image: String,
    cpu_limit: f64,
    /// That limit is its pod's.
    limited_as_a_whole: bool,
    started: Timestamp,
    at: Timestamp,
    figures: Figures,
}

/// Answers a kubelet's path, or nothing.
pub(crate) fn answer(api: &Api, node: &str, path: &str) -> Option<Answer> {
    let measured = || measure(api, node);
    match path {
        "/metrics/cadvisor" => Some(answer_text(cadvisor(&measured()))),
        "/metrics/resource" => Some(answer_text(resource(&measured()))),
        "/stats/summary" => Some(answer_json(200, &summary(&measured(), node, api.objects.now()))),
        "/healthz" => Some(answer_text("ok")),
        _ => None,
    }
}

fn measure(api: &Api, node: &str) -> Vec<Measured> {
    let pods = list(api, "", "", &format!("spec.nodeName={node}"));
    pods.iter().filter_map(|pod| of_pod(api, &pod.value(Kind::Pod))).collect()
}

fn list(api: &Api, namespace: &str, labels: &str, fields: &str) -> Vec<Arc<Object>> {
    let selector = Selector::parse(Kind::Pod, labels, fields).unwrap_or_default();
    let ask = Ask { namespace, selector, ..Ask::default() };
    api.objects.list(Kind::Pod, &ask).map(|page| page.items).unwrap_or_default()
}

fn of_pod(api: &Api, pod: &Value) -> Option<Measured> {
    let now = api.objects.now();
    let started = started(pod)?;
    let namespace = text(pod, "/metadata/namespace");
    let app = format!("{namespace}/{}", text(pod, "/metadata/labels/app"));
    let service = api.scenario.find(&app).map(|index| api.scenario.services[index].clone()).unwrap_or_default();
    let image = text(pod, "/spec/containers/0/image");
    let killed = api.scenario.killed_after(&app, api.opening, now).filter(|_| is_victim(api, pod));
    let run = Run { service: &service, uid: uid(pod), started, leak: api.scenario.leak(&app, image), killed };
    let at = run.measured(now);
    Some(Measured {
        namespace: namespace.to_owned(),
        pod: text(pod, "/metadata/name").to_owned(),
        uid: uid(pod).to_owned(),
        container: text(pod, "/spec/containers/0/name").to_owned(),
        id: text(pod, "/status/containerStatuses/0/containerID").trim_start_matches("containerd://").to_owned(),
        image: image.to_owned(),
        cpu_limit: service.cpu_limit,
        limited_as_a_whole: service.limited_as_a_whole,
        started,
        at,
        figures: run.at(at),
    })
}

fn started(pod: &Value) -> Option<Timestamp> {
    time::parse(text(pod, "/status/containerStatuses/0/state/running/startedAt"))
}

/// Whether a pod is the one of its service that the script kills: the first that runs.
fn is_victim(api: &Api, pod: &Value) -> bool {
    let labels = format!("app={}", text(pod, "/metadata/labels/app"));
    let pods = list(api, text(pod, "/metadata/namespace"), &labels, "");
    let first = pods.iter().filter(|other| started(&other.value(Kind::Pod)).is_some()).map(|other| &other.key).min();
    first.is_some_and(|first| *first.name == *text(pod, "/metadata/name"))
}

fn millis(at: Timestamp) -> i64 {
    at.0 / 1_000_000
}

type Read = fn(&Measured) -> f64;

/// Families of a container: name, type, value.
const FAMILIES: [(&str, &str, Read); 15] = [
    ("container_cpu_usage_seconds_total", "counter", |m| m.figures.cpu),
    ("container_cpu_cfs_periods_total", "counter", |m| m.figures.periods),
    ("container_cpu_cfs_throttled_periods_total", "counter", |m| m.figures.throttled),
    ("container_fs_writes_bytes_total", "counter", |m| m.figures.written),
    ("container_memory_cache", "gauge", |m| m.figures.memory - m.figures.rss),
    ("container_memory_rss", "gauge", |m| m.figures.rss.floor()),
    ("container_memory_working_set_bytes", "gauge", |m| m.figures.memory),
    ("container_pressure_cpu_stalled_seconds_total", "counter", |_| 0.0),
    ("container_pressure_cpu_waiting_seconds_total", "counter", |m| m.figures.waited),
    ("container_pressure_memory_stalled_seconds_total", "counter", |_| 0.0),
    ("container_pressure_memory_waiting_seconds_total", "counter", |_| 0.0),
    ("container_spec_cpu_period", "gauge", |_| 100_000.0),
    ("container_spec_cpu_quota", "gauge", |m| m.cpu_limit * 100_000.0),
    ("container_spec_memory_limit_bytes", "gauge", |m| m.figures.limit),
    ("container_start_time_seconds", "gauge", |m| (m.started.0 / SECOND) as f64),
];

fn cadvisor(all: &[Measured]) -> String {
    let mut out = String::new();
    for (name, kind, read) in FAMILIES {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "# TYPE {name} {kind}");
        // A container without a limit has no periods of one.
        let of_limit = name.contains("cfs") || name.contains("quota");
        for m in all.iter().filter(|m| !of_limit || m.cpu_limit > 0.0) {
            if of_limit && m.limited_as_a_whole {
                of_whole(&mut out, name, m, read(m));
                continue;
            }
            let device = if name.starts_with("container_fs") { "device=\"/dev/vda\"," } else { "" };
            let cpu = if name.contains("cpu_usage") { "cpu=\"total\"," } else { "" };
            let _ = writeln!(
                out,
                "{name}{{container=\"{}\",{cpu}{device}id=\"/kubepods/burstable/pod{}/{}\",image=\"{}\",name=\"{}\",\
                 namespace=\"{}\",pod=\"{}\"}} {} {}",
                m.container,
                m.uid,
                m.id,
                m.image,
                m.id,
                m.namespace,
                m.pod,
                read(m),
                millis(m.at),
            );
        }
    }
    let network: [(&str, Read); 2] = [
        ("container_network_receive_bytes_total", |m| m.figures.received),
        ("container_network_transmit_bytes_total", |m| m.figures.sent),
    ];
    for (name, read) in network {
        let _ = writeln!(out, "# TYPE {name} counter");
        for m in all {
            let _ = writeln!(
                out,
                "{name}{{container=\"\",id=\"/kubepods/burstable/pod{}\",interface=\"eth0\",namespace=\"{}\",pod=\"{}\"}} \
                 {} {}",
                m.uid,
                m.namespace,
                m.pod,
                read(m),
                millis(m.at),
            );
        }
    }
    out
}

/// What is said of a pod's own control group: it has no container, image and name.
fn of_whole(out: &mut String, name: &str, m: &Measured, value: f64) {
    let _ = writeln!(
        out,
        "{name}{{container=\"\",id=\"/kubepods/burstable/pod{}\",image=\"\",name=\"\",namespace=\"{}\",pod=\"{}\"}} \
         {value} {}",
        m.uid,
        m.namespace,
        m.pod,
        millis(m.at),
    );
}

fn resource(all: &[Measured]) -> String {
    let mut out = String::new();
    let families: [(&str, &str, Read); 3] = [
        ("container_cpu_usage_seconds_total", "counter", |m| m.figures.cpu),
        ("container_memory_working_set_bytes", "gauge", |m| m.figures.memory),
        ("container_start_time_seconds", "gauge", |m| (m.started.0 / SECOND) as f64),
    ];
    for (name, kind, read) in families {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "# TYPE {name} {kind}");
        for m in all {
            let labels = format!("container=\"{}\",namespace=\"{}\",pod=\"{}\"", m.container, m.namespace, m.pod);
            let _ = writeln!(out, "{name}{{{labels}}} {} {}", read(m), millis(m.at));
        }
    }
    out.push_str("# TYPE scrape_error gauge\nscrape_error 0\n");
    out
}

/// What a node has, and what runs on it beside pods, in bytes.
const NODE_MEMORY: f64 = 32.0 * 1_073_741_824.0;
const SYSTEM_MEMORY: f64 = 2.0 * 1_073_741_824.0;
const NODE_DISK: u64 = 100 << 30;

/// The node as a whole.
fn of_node(all: &[Measured], node: &str, now: Timestamp) -> Value {
    let sum = |read: Read| all.iter().map(read).sum::<f64>();
    let memory = sum(|m| m.figures.memory) + SYSTEM_MEMORY;
    let disk = (24 << 30) + sum(|m| m.figures.written / 64.0) as u64;
    let at = time::micro_text(now);
    json!({
        "nodeName": node,
        "cpu": {"time": at, "usageNanoCores": ((sum(|m| m.figures.cores) + 0.2) * 1e9) as u64},
        "memory": {"time": at, "workingSetBytes": memory as u64, "availableBytes": (NODE_MEMORY - memory).max(0.0) as u64},
        "fs": {"time": at, "usedBytes": disk, "availableBytes": NODE_DISK.saturating_sub(disk), "capacityBytes": NODE_DISK},
    })
}

/// A pod's claimed volume, where it has one.
fn volumes(m: &Measured, at: &str) -> Vec<Value> {
    let (used, size) = m.figures.volume;
    let volume = json!({"time": at, "name": "data", "usedBytes": used as u64, "availableBytes": (size - used) as u64,
        "capacityBytes": size as u64, "pvcRef": {"name": format!("data-{}", m.pod), "namespace": m.namespace}});
    if size > 0.0 { vec![volume] } else { Vec::new() }
}

fn summary(all: &[Measured], node: &str, now: Timestamp) -> Value {
    let pod = |m: &Measured| {
        let (at, figures) = (time::micro_text(m.at), &m.figures);
        let cpu = json!({"time": at, "usageNanoCores": (figures.cores * 1e9) as u64,
            "usageCoreNanoSeconds": (figures.cpu * 1e9) as u64});
        let memory = json!({"time": at, "availableBytes": (figures.limit - figures.memory) as u64,
            "usageBytes": figures.memory as u64, "workingSetBytes": figures.memory as u64, "rssBytes": figures.rss as u64});
        let interface = json!({"name": "eth0", "rxBytes": figures.received as u64, "rxErrors": 0,
            "txBytes": figures.sent as u64, "txErrors": 0});
        json!({
            "podRef": {"name": m.pod, "namespace": m.namespace, "uid": m.uid}, "startTime": time::text(m.started),
            "containers": [{"name": m.container, "startTime": time::text(m.started), "cpu": cpu, "memory": memory,
                "rootfs": {"time": at, "usedBytes": 4_194_304 + figures.written as u64 / 64}}],
            "cpu": cpu, "memory": memory,
            "network": {"time": at, "name": "eth0", "rxBytes": figures.received as u64, "rxErrors": 0,
                "txBytes": figures.sent as u64, "txErrors": 0, "interfaces": [interface]},
            "volume": volumes(m, &at),
            "ephemeral-storage": {"time": at, "usedBytes": 4_194_304},
        })
    };
    json!({"node": of_node(all, node, now), "pods": all.iter().map(pod).collect::<Vec<_>>()})
}
