//! A pod as the API writes it: what was asked for and how it stands are two lists there, one here.

use std::sync::Arc;

use model::{Amounts, ContainerRole, QosClass};
use serde::{Deserialize, Deserializer};

use super::meta::{Condition, Flip, Instant, Meta, condition, lenient};
use super::pods::{Asked, Container, Pod, State, Terminated};
use super::quantity::quantity;
use crate::text::Text;

#[derive(Deserialize, Default)]
#[serde(default)]
struct Wire {
    metadata: Meta,
    spec: WireSpec,
    status: WireStatus,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct WireSpec {
    node_name: Text,
    #[serde(deserialize_with = "lenient")]
    host_network: bool,
    #[serde(deserialize_with = "lenient")]
    resources: WireResources,
    #[serde(deserialize_with = "lenient")]
    init_containers: Vec<WireContainer>,
    #[serde(deserialize_with = "lenient")]
    containers: Vec<WireContainer>,
    #[serde(deserialize_with = "lenient")]
    ephemeral_containers: Vec<WireContainer>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct WireContainer {
    name: Text,
    image: Text,
    restart_policy: Text,
    #[serde(deserialize_with = "lenient")]
    resources: WireResources,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct WireResources {
    #[serde(deserialize_with = "lenient")]
    requests: WireAmounts,
    #[serde(deserialize_with = "lenient")]
    limits: WireAmounts,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct WireAmounts {
    cpu: Text,
    memory: Text,
}

impl From<WireAmounts> for Amounts {
    fn from(wire: WireAmounts) -> Self {
        // Floating point is cut to what the type holds; amounts are rounded up, as Kubernetes does.
        let cpu = quantity(&wire.cpu).map(|cores| (cores * 1e3).ceil() as u32);
        Self { cpu, memory: quantity(&wire.memory).map(|bytes| bytes.ceil() as u64) }
    }
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct WireStatus {
    phase: Text,
    reason: Text,
    message: Text,
    qos_class: Text,
    #[serde(rename = "podIP")]
    pod_ip: Text,
    #[serde(rename = "podIPs", deserialize_with = "lenient")]
    pod_ips: Vec<WireIp>,
    #[serde(deserialize_with = "lenient")]
    conditions: Vec<Condition>,
    #[serde(deserialize_with = "lenient")]
    init_container_statuses: Vec<WireContainerStatus>,
    #[serde(deserialize_with = "lenient")]
    container_statuses: Vec<WireContainerStatus>,
    #[serde(deserialize_with = "lenient")]
    ephemeral_container_statuses: Vec<WireContainerStatus>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct WireIp {
    ip: Text,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct WireContainerStatus {
    name: Text,
    #[serde(rename = "imageID")]
    image_id: Text,
    #[serde(rename = "containerID")]
    container_id: Text,
    #[serde(deserialize_with = "lenient")]
    restart_count: u32,
    #[serde(deserialize_with = "lenient")]
    ready: bool,
    #[serde(deserialize_with = "lenient")]
    state: WireState,
    #[serde(deserialize_with = "lenient")]
    last_state: WireState,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct WireState {
    waiting: Option<WireWaiting>,
    running: Option<WireRunning>,
    terminated: Option<Box<Terminated>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct WireWaiting {
    reason: Text,
    message: Text,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct WireRunning {
    started_at: Instant,
}

impl From<WireState> for State {
    fn from(wire: WireState) -> Self {
        match wire {
            WireState { terminated: Some(end), .. } => Self::Terminated(end),
            WireState { running: Some(running), .. } => Self::Running(running.started_at),
            WireState { waiting: Some(waiting), .. } => Self::Waiting(Box::new((waiting.reason, waiting.message))),
            _ => Self::Unknown,
        }
    }
}

/// The digest in `docker.io/shop/web@sha256:…` or `sha256:…`.
fn digest(image_id: &str) -> Text {
    image_id.rsplit_once('@').map_or(image_id, |(_, digest)| digest).into()
}

fn join(asked: WireContainer, statuses: &mut [WireContainerStatus], list: ContainerRole) -> Container {
    let role = match list {
        ContainerRole::Init if &*asked.restart_policy == "Always" => ContainerRole::Sidecar,
        list => list,
    };
    let status = statuses.iter_mut().find(|status| status.name == asked.name).map(std::mem::take).unwrap_or_default();
    Container {
        asked: Arc::new(Asked {
            name: asked.name,
            image: asked.image,
            role,
            requests: asked.resources.requests.into(),
            limits: asked.resources.limits.into(),
        }),
        image_id: digest(&status.image_id),
        id: status.container_id.split_once("://").map_or(&*status.container_id, |(_, id)| id).into(),
        restarts: status.restart_count,
        ready: status.ready,
        state: status.state.into(),
        last: status.last_state.terminated,
    }
}

/// What was asked for the pod as a whole, where anything was.
fn whole(resources: WireResources) -> Option<Asked> {
    let (requests, limits) = (Amounts::from(resources.requests), Amounts::from(resources.limits));
    (!requests.is_none() || !limits.is_none()).then(|| Asked { requests, limits, ..Asked::default() })
}

fn flip(conditions: &[Condition], kind: &str) -> Flip {
    condition(conditions, kind).map(Flip::from).unwrap_or_default()
}

/// Of 50,000 pods nearly all conditions say that all is well.
fn is_trouble(condition: &Condition) -> bool {
    match &*condition.kind {
        "PodScheduled" => condition.is_false(),
        "DisruptionTarget" => condition.holds(),
        _ => false,
    }
}

impl<'de> Deserialize<'de> for Pod {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Wire { metadata, spec, mut status } = Wire::deserialize(deserializer)?;
        let lists = [
            (spec.init_containers, &mut status.init_container_statuses, ContainerRole::Init),
            (spec.containers, &mut status.container_statuses, ContainerRole::Main),
            (spec.ephemeral_containers, &mut status.ephemeral_container_statuses, ContainerRole::Ephemeral),
        ];
        let mut containers = Vec::with_capacity(lists.iter().map(|(asked, ..)| asked.len()).sum());
        for (asked, statuses, list) in lists {
            containers.extend(asked.into_iter().map(|asked| join(asked, statuses, list)));
        }
        let mut ips: Vec<Text> = status.pod_ips.into_iter().map(|ip| ip.ip).collect();
        if ips.is_empty() && !status.pod_ip.is_empty() {
            ips.push(status.pod_ip);
        }
        Ok(Self {
            meta: metadata,
            node: spec.node_name,
            host_network: spec.host_network,
            phase: status.phase,
            reason: status.reason,
            message: status.message,
            qos: QosClass::from_word(&status.qos_class),
            whole: whole(spec.resources).map(Arc::new),
            ips: ips.into(),
            ready: flip(&status.conditions, "Ready"),
            initialized: flip(&status.conditions, "Initialized"),
            troubles: status.conditions.into_iter().filter(is_trouble).collect(),
            containers: containers.into(),
        })
    }
}
