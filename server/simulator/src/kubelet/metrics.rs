//! What a kubelet measures. The figures are functions of pod and time, so nothing is kept.

use std::fmt::Write;
use std::sync::Arc;

use model::Timestamp;
use serde_json::{Value, json};

use crate::api::{Answer, json as answer_json, text as answer_text};
use crate::kind::Kind;
use crate::object::{text, uid};
use crate::objects::{Ask, Objects};
use crate::random::{Random, hash};
use crate::select::Selector;
use crate::story::Scenario;
use crate::time::{self, MINUTE, SECOND};

/// A container's figures at a moment.
#[derive(Debug)]
struct Measured {
    namespace: String,
    pod: String,
    uid: String,
    container: String,
    image: String,
    started: Timestamp,
    /// CPU seconds since the start.
    cpu: f64,
    cores: f64,
    memory: f64,
    limit: f64,
    received: f64,
}

const MIB: f64 = 1_048_576.0;

/// Answers a kubelet's path, or nothing.
pub(crate) fn answer(
    objects: &Arc<Objects>,
    scenario: &Scenario,
    node: &str,
    path: &str,
    now: Timestamp,
) -> Option<Answer> {
    let measured = || measure(objects, scenario, node, now);
    match path {
        "/metrics/cadvisor" => Some(answer_text(cadvisor(&measured(), now))),
        "/metrics/resource" => Some(answer_text(resource(&measured(), now))),
        "/stats/summary" => Some(answer_json(200, &summary(&measured(), node, now))),
        "/healthz" => Some(answer_text("ok")),
        _ => None,
    }
}

fn measure(objects: &Arc<Objects>, scenario: &Scenario, node: &str, now: Timestamp) -> Vec<Measured> {
    let selector = Selector::parse(Kind::Pod, "", &format!("spec.nodeName={node}")).unwrap_or_default();
    let pods = objects.list(Kind::Pod, &Ask { selector, ..Ask::default() }).map(|page| page.items).unwrap_or_default();
    pods.iter().filter_map(|pod| of_pod(&pod.value(Kind::Pod), scenario, now)).collect()
}

fn of_pod(pod: &Value, scenario: &Scenario, now: Timestamp) -> Option<Measured> {
    let started = time::parse(text(pod, "/status/containerStatuses/0/state/running/startedAt"))?;
    let namespace = text(pod, "/metadata/namespace");
    let app = format!("{namespace}/{}", text(pod, "/metadata/labels/app"));
    let service = scenario.find(&app).map(|index| scenario.services[index].clone()).unwrap_or_default();
    let image = text(pod, "/spec/containers/0/image");
    let effects = scenario.effects.iter().filter(|effect| effect.service == app && image.contains(&effect.when));
    let leak: f64 = effects.map(|effect| effect.leak).sum();
    let age = (now.0 - started.0).max(0) as f64 / SECOND as f64;
    // Wobbles a little from one quarter of a minute to the next.
    let mut random = Random::new(hash(uid(pod).as_bytes()) ^ (now.0 / (15 * SECOND)) as u64);
    let grown = leak * age / (60.0 * MINUTE as f64 / SECOND as f64);
    let limit = f64::from(service.memory_limit) * MIB;
    let warm = 1.0 - 0.4 * (-age / 60.0).exp();
    let memory = (service.memory * warm * random.between(0.985, 1.015) + grown) * MIB;
    Some(Measured {
        namespace: namespace.to_owned(),
        pod: text(pod, "/metadata/name").to_owned(),
        uid: uid(pod).to_owned(),
        container: text(pod, "/spec/containers/0/name").to_owned(),
        image: image.to_owned(),
        started,
        cpu: service.cpu * age,
        cores: service.cpu,
        memory: memory.min(limit * 0.98),
        limit,
        received: 4_000.0 * age,
    })
}

fn cadvisor(all: &[Measured], now: Timestamp) -> String {
    type Read = fn(&Measured) -> f64;
    let families: [(&str, &str, Read); 8] = [
        ("container_cpu_usage_seconds_total", "counter", |m| m.cpu),
        ("container_cpu_cfs_periods_total", "counter", |m| (m.cpu * 10.0).floor()),
        ("container_cpu_cfs_throttled_periods_total", "counter", |_| 0.0),
        ("container_memory_working_set_bytes", "gauge", |m| m.memory.floor()),
        ("container_memory_rss", "gauge", |m| (m.memory * 0.92).floor()),
        ("container_memory_cache", "gauge", |m| (m.memory * 0.08).floor()),
        ("container_spec_memory_limit_bytes", "gauge", |m| m.limit),
        ("container_start_time_seconds", "gauge", |m| (m.started.0 / SECOND) as f64),
    ];
    let (mut out, at) = (String::new(), now.0 / 1_000_000);
    for (name, kind, read) in families {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "# TYPE {name} {kind}");
        for m in all {
            let labels = format!("namespace=\"{}\",pod=\"{}\"", m.namespace, m.pod);
            let id = format!("/kubepods/burstable/pod{}", m.uid);
            let _ = writeln!(
                out,
                "{name}{{container=\"{}\",id=\"{id}/app\",image=\"{}\",{labels}}} {} {at}",
                m.container,
                m.image,
                read(m)
            );
        }
    }
    for name in ["container_network_receive_bytes_total", "container_network_transmit_bytes_total"] {
        let _ = writeln!(out, "# TYPE {name} counter");
        for m in all {
            let _ = writeln!(
                out,
                "{name}{{container=\"\",interface=\"eth0\",namespace=\"{}\",pod=\"{}\"}} {} {at}",
                m.namespace, m.pod, m.received
            );
        }
    }
    out
}

fn resource(all: &[Measured], now: Timestamp) -> String {
    let (mut out, at) = (String::new(), now.0 / 1_000_000);
    type Read = fn(&Measured) -> f64;
    let families: [(&str, &str, Read); 3] = [
        ("container_cpu_usage_seconds_total", "counter", |m| m.cpu),
        ("container_memory_working_set_bytes", "gauge", |m| m.memory.floor()),
        ("container_start_time_seconds", "gauge", |m| (m.started.0 / SECOND) as f64),
    ];
    for (name, kind, read) in families {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "# TYPE {name} {kind}");
        for m in all {
            let labels = format!("container=\"{}\",namespace=\"{}\",pod=\"{}\"", m.container, m.namespace, m.pod);
            let _ = writeln!(out, "{name}{{{labels}}} {} {at}", read(m));
        }
    }
    out.push_str("# TYPE scrape_error gauge\nscrape_error 0\n");
    out
}

fn summary(all: &[Measured], node: &str, now: Timestamp) -> Value {
    let at = time::text(now);
    let pod = |m: &Measured| {
        let cpu =
            json!({"time": at, "usageNanoCores": (m.cores * 1e9) as u64, "usageCoreNanoSeconds": (m.cpu * 1e9) as u64});
        let memory = json!({"time": at, "availableBytes": (m.limit - m.memory) as u64, "usageBytes": m.memory as u64,
            "workingSetBytes": m.memory as u64, "rssBytes": (m.memory * 0.92) as u64});
        json!({
            "podRef": {"name": m.pod, "namespace": m.namespace, "uid": m.uid}, "startTime": time::text(m.started),
            "containers": [{"name": m.container, "startTime": time::text(m.started), "cpu": cpu, "memory": memory}],
            "cpu": cpu, "memory": memory,
            "network": {"time": at, "name": "eth0", "rxBytes": m.received as u64, "txBytes": m.received as u64},
            "ephemeral-storage": {"time": at, "usedBytes": 4_194_304},
        })
    };
    json!({"node": {"nodeName": node}, "pods": all.iter().map(pod).collect::<Vec<_>>()})
}
