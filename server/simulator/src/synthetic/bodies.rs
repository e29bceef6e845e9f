//! The canned bodies: as large as those of a cluster with a mesh, two containers and managed fields.

use std::fmt::Write;

use bytes::Bytes;
use model::Timestamp;

use super::PER_NAMESPACE;
use crate::kind::Kind;
use crate::object::Render;
use crate::random::{digest, safe_hash, uuid};
use crate::time::{self, DAY};

/// Renders objects from their number.
#[derive(Debug)]
pub(super) struct Bodies {
    pub(super) seed: u64,
    pub(super) services: u32,
    pub(super) pods: u32,
    pub(super) nodes: u32,
    pub(super) opened: Timestamp,
}

pub(super) fn namespace(index: u32) -> String {
    format!("load-{index:03}")
}

pub(super) fn node(index: u32) -> String {
    format!("load-node-{index:04}")
}

fn service(index: u32) -> String {
    format!("service-{index:05}")
}

fn hash(service: u32) -> String {
    safe_hash(&service.to_le_bytes(), 10)
}

pub(super) fn name(kind: Kind, index: u32) -> String {
    match kind {
        Kind::ReplicaSet => format!("{}-{}", service(index), hash(index)),
        Kind::EndpointSlice => format!("{}-{}", service(index), &hash(index)[..5]),
        _ => service(index),
    }
}

pub(super) fn pod(of: u32, index: u32) -> String {
    format!("{}-{}-{}", service(of), hash(of), safe_hash(format!("pod {index}").as_bytes(), 5))
}

impl Render for Bodies {
    fn render(&self, kind: Kind, index: u32, revision: u32, version: u64) -> Bytes {
        let created = time::text(time::after(self.opened, -20 * DAY));
        let mut out = String::with_capacity(if kind == Kind::Pod { 7_600 } else { 1_600 });
        // Writing to a string cannot fail, here and below.
        let _ = write!(
            out,
            "{{\"metadata\":{{\"creationTimestamp\":\"{created}\",\"resourceVersion\":\"{version}\",\"uid\":\"{}\"",
            self.uid(kind, index)
        );
        match kind {
            Kind::Namespace => {
                _ = write!(out, ",\"name\":\"{}\"}},\"status\":{{\"phase\":\"Active\"}}}}", namespace(index))
            }
            Kind::Node => self.node(&mut out, index),
            Kind::Pod => self.pod(&mut out, index, revision, &created),
            Kind::Deployment | Kind::ReplicaSet => self.workload(&mut out, kind, index, &created),
            _ => self.network(&mut out, kind, index),
        }
        out.into()
    }
}

impl Bodies {
    fn uid(&self, kind: Kind, index: u32) -> String {
        uuid(self.seed ^ (kind as u64) << 40, u64::from(index) + 1)
    }

    fn replicas(&self, service: u32) -> u32 {
        self.pods / self.services + u32::from(service < self.pods % self.services)
    }

    fn node(&self, out: &mut String, index: u32) {
        let size = "{\"cpu\":\"16\",\"memory\":\"64Gi\",\"pods\":\"110\"}";
        let _ = write!(
            out,
            ",\"name\":\"{}\",\"labels\":{{\"kubernetes.io/os\":\"linux\"}}}},\"spec\":{{}},\"status\":{{\"capacity\":{size},\
             \"allocatable\":{size},\"addresses\":[{{\"type\":\"InternalIP\",\"address\":\"127.0.0.1\"}}],\"conditions\":[{{\"type\":\
             \"Ready\",\"status\":\"True\",\"reason\":\"KubeletReady\",\"message\":\"kubelet is posting ready status\"}}],\
             \"nodeInfo\":{{\"kubeletVersion\":\"v1.36.0\"}}}}}}",
            node(index)
        );
    }

    fn workload(&self, out: &mut String, kind: Kind, index: u32, created: &str) {
        let (app, count, hash) = (service(index), self.replicas(index), hash(index));
        let extra = if kind == Kind::ReplicaSet { format!(",\"pod-template-hash\":\"{hash}\"") } else { String::new() };
        let labels = format!("{{\"app\":\"{app}\"{extra}}}");
        let owner = if kind == Kind::ReplicaSet {
            reference("Deployment", &app, &self.uid(Kind::Deployment, index))
        } else {
            String::new()
        };
        let reason =
            if kind == Kind::Deployment { ("Progressing", "NewReplicaSetAvailable") } else { ("ReplicaFailure", "") };
        let conditions = if kind == Kind::Deployment {
            format!(
                ",\"updatedReplicas\":{count},\"conditions\":[{{\"type\":\"{}\",\"status\":\"True\",\"reason\":\"{}\",\
                 \"lastUpdateTime\":\"{created}\",\"lastTransitionTime\":\"{created}\"}}]",
                reason.0, reason.1
            )
        } else {
            String::new()
        };
        let _ = write!(
            out,
            ",\"name\":\"{}\",\"namespace\":\"{}\",\"generation\":1,\"labels\":{{\"app\":\"{app}\"{extra}}},\"annotations\":{{\
             \"deployment.kubernetes.io/revision\":\"1\"}}{owner}}},\"spec\":{{\"replicas\":{count},\"selector\":{{\"matchLabels\":\
             {labels}}},\"template\":{{\"metadata\":{{\"labels\":{labels}}},\"spec\":{{\"containers\":[{{\"name\":\"app\",\"image\":\
             \"registry.example/load/{app}:1.0.0\",\"resources\":{{\"limits\":{{\"memory\":\"256Mi\"}}}}}}]}}}}}},\"status\":{{\
             \"observedGeneration\":1,\"replicas\":{count},\"readyReplicas\":{count},\"availableReplicas\":{count}{conditions}}}}}",
            name(kind, index),
            namespace(index / PER_NAMESPACE),
        );
    }

    fn network(&self, out: &mut String, kind: Kind, index: u32) {
        let (app, space) = (service(index), namespace(index / PER_NAMESPACE));
        let name = name(kind, index);
        if kind == Kind::Service {
            let _ = write!(
                out,
                ",\"name\":\"{name}\",\"namespace\":\"{space}\"}},\"spec\":{{\"selector\":{{\"app\":\"{app}\"}},\"type\":\
                 \"ClusterIP\",\"ports\":[{{\"name\":\"http\",\"port\":80}}]}},\"status\":{{\"loadBalancer\":{{}}}}}}"
            );
            return;
        }
        let owner = reference("Service", &app, &self.uid(Kind::Service, index)).replace("apps/v1", "v1");
        let _ = write!(
            out,
            ",\"name\":\"{name}\",\"namespace\":\"{space}\",\"labels\":{{\"kubernetes.io/service-name\":\"{app}\"}}{owner}}},\
             \"addressType\":\"IPv4\",\"endpoints\":[],\"ports\":[{{\"name\":\"http\",\"port\":8080}}]}}"
        );
    }

    fn pod(&self, out: &mut String, index: u32, revision: u32, created: &str) {
        let of = index % self.services;
        let (app, hash, name) = (service(of), hash(of), pod(of, index));
        let owner = reference("ReplicaSet", &format!("{app}-{hash}"), &self.uid(Kind::ReplicaSet, of));
        let image = format!("registry.example/load/{app}:1.0.0");
        let id = digest(&name);
        let node = node(index % self.nodes);
        let ip = format!("10.{}.{}.{}", 100 + (index >> 16), (index >> 8) & 255, index & 255);
        // Every change is a restart of the second container, and every other one finds it not ready.
        let ready = revision.is_multiple_of(2);
        let _ = write!(
            out,
            ",\"name\":\"{name}\",\"namespace\":\"{}\",\"labels\":{{\"app\":\"{app}\",\"pod-template-hash\":\"{hash}\"}}{owner},\
             \"annotations\":{{\"mesh.example/status\":\"{PADDING}\"}},\"managedFields\":[{MANAGED}]}},\"spec\":{{\"nodeName\":\"{node}\",\
             \"restartPolicy\":\"Always\",\"containers\":[{{\"name\":\"app\",\"image\":\"{image}\",\"env\":[{ENV}],\"resources\":{{\"limits\":\
             {{\"memory\":\"256Mi\"}}}}}},{{\"name\":\"proxy\",\"image\":\"registry.example/mesh/proxy:1.27.0\",\"env\":[{ENV}]}}],\
             \"volumes\":[{VOLUMES}]}},\"status\":{{\"phase\":\"Running\",\"podIP\":\"{ip}\",\"podIPs\":[{{\"ip\":\"{ip}\"}}],\"hostIP\":\
             \"127.0.0.1\",\"qosClass\":\"Burstable\",\"startTime\":\"{created}\",\"conditions\":[",
            namespace(of / PER_NAMESPACE),
        );
        for (at, kind) in ["Initialized", "Ready", "ContainersReady", "PodScheduled"].iter().enumerate() {
            let holds = if ready || at % 3 == 0 { "True" } else { "False" };
            let comma = if at > 0 { "," } else { "" };
            let _ = write!(
                out,
                "{comma}{{\"type\":\"{kind}\",\"status\":\"{holds}\",\"lastTransitionTime\":\"{created}\"}}"
            );
        }
        out.push_str("],\"containerStatuses\":[");
        for (at, (container, image)) in
            [("app", image.as_str()), ("proxy", "registry.example/mesh/proxy:1.27.0")].iter().enumerate()
        {
            let (comma, restarts) = if at > 0 { (",", revision) } else { ("", 0) };
            let _ = write!(
                out,
                "{comma}{{\"name\":\"{container}\",\"image\":\"{image}\",\"imageID\":\"{image}@sha256:{}\",\"containerID\":\
                 \"containerd://{id}{at}\",\"ready\":{},\"started\":true,\"restartCount\":{restarts},\"state\":{{\"running\":\
                 {{\"startedAt\":\"{created}\"}}}},\"lastState\":{{}}}}",
                digest(image),
                at == 0 || ready,
            );
        }
        out.push_str("]}}");
    }
}

fn reference(kind: &str, name: &str, uid: &str) -> String {
    format!(
        ",\"ownerReferences\":[{{\"apiVersion\":\"apps/v1\",\"kind\":\"{kind}\",\"name\":\"{name}\",\"uid\":\"{uid}\",\
         \"controller\":true,\"blockOwnerDeletion\":true}}]"
    )
}

const PADDING: &str = "initContainers=init;containers=proxy;volumes=workload-socket,credential-socket,workload-certs,\
    envoy,data,podinfo,token,ca-cert;imagePullSecrets=none;revision=default;templates=sidecar;injected=true;version=1.27.0";
const MANAGED: &str = include_str!("managed.json");
const ENV: &str = include_str!("env.json");
const VOLUMES: &str = include_str!("volumes.json");
