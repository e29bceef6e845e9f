//! What is kept of a pod.

use serde::{Deserialize, Deserializer};

use super::meta::{Condition, Instant, Meta, lenient};
use crate::text::{Interner, Text};

/// A pod.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs, reason = "the fields are those of Kubernetes' Pod")]
pub struct Pod {
    pub meta: Meta,
    pub node: Text,
    pub host_network: bool,
    pub phase: Text,
    pub reason: Text,
    pub message: Text,
    pub ips: Box<[Text]>,
    pub conditions: Box<[Condition]>,
    /// Init containers first.
    pub containers: Box<[Container]>,
}

/// A container of a pod: what was asked for and how it stands.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs, reason = "the fields are those of ContainerStatus")]
pub struct Container {
    pub name: Text,
    pub image: Text,
    pub init: bool,
    pub memory_limit: Text,
    /// The digest of what runs.
    pub image_id: Text,
    /// The runtime's id without its scheme.
    pub id: Text,
    pub restarts: u32,
    pub ready: bool,
    pub state: State,
    pub last: Option<Box<Terminated>>,
}

/// How a container stands.
#[derive(Debug, Clone, Default)]
pub enum State {
    /// Nothing is said yet.
    #[default]
    Unknown,
    /// It waits, with reason and message.
    Waiting(Text, Text),
    /// It runs since.
    Running(Instant),
    /// It ended.
    Terminated(Box<Terminated>),
}

/// How a container ended.
#[derive(Debug, Clone, Default, Deserialize, PartialEq, Eq)]
#[serde(default, rename_all = "camelCase")]
#[allow(missing_docs, reason = "the fields are those of ContainerStateTerminated")]
pub struct Terminated {
    #[serde(deserialize_with = "lenient")]
    pub exit_code: i32,
    #[serde(deserialize_with = "lenient")]
    pub signal: i32,
    pub reason: Text,
    pub started_at: Instant,
    pub finished_at: Instant,
}

impl Pod {
    /// A condition by its type.
    pub(crate) fn condition(&self, kind: &str) -> Option<&Condition> {
        super::meta::condition(&self.conditions, kind)
    }

    /// Whether it takes traffic.
    pub(crate) fn is_ready(&self) -> bool {
        self.meta.deletion.0.is_none() && self.condition("Ready").is_some_and(Condition::holds)
    }

    /// Whether it has run to its end.
    pub(crate) fn is_finished(&self) -> bool {
        matches!(&*self.phase, "Succeeded" | "Failed")
    }

    /// Shares the strings that many pods have.
    pub(crate) fn intern(&mut self, interner: &mut Interner) {
        interner.text(&mut self.meta.namespace);
        interner.labels(&mut self.meta.labels);
        self.meta.resource_version = Text::default();
        if let Some(owner) = &mut self.meta.owner {
            for text in [&mut owner.api_version, &mut owner.kind, &mut owner.name, &mut owner.uid] {
                interner.text(text);
            }
        }
        for text in [&mut self.node, &mut self.phase, &mut self.reason, &mut self.message] {
            interner.text(text);
        }
        for condition in &mut self.conditions {
            for text in [&mut condition.kind, &mut condition.status, &mut condition.reason, &mut condition.message] {
                interner.text(text);
            }
        }
        for container in &mut self.containers {
            container.intern(interner);
        }
    }
}

impl Container {
    fn intern(&mut self, interner: &mut Interner) {
        for text in [&mut self.name, &mut self.image, &mut self.memory_limit, &mut self.image_id] {
            interner.text(text);
        }
        match &mut self.state {
            State::Waiting(reason, message) => {
                interner.text(reason);
                interner.text(message);
            }
            State::Terminated(end) => interner.text(&mut end.reason),
            State::Unknown | State::Running(_) => {}
        }
        if let Some(last) = &mut self.last {
            interner.text(&mut last.reason);
        }
    }
}

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
    init_containers: Vec<WireContainer>,
    #[serde(deserialize_with = "lenient")]
    containers: Vec<WireContainer>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct WireContainer {
    name: Text,
    image: Text,
    #[serde(deserialize_with = "lenient")]
    resources: WireResources,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct WireResources {
    #[serde(deserialize_with = "lenient")]
    limits: WireLimits,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct WireLimits {
    memory: Text,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct WireStatus {
    phase: Text,
    reason: Text,
    message: Text,
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
            WireState { waiting: Some(waiting), .. } => Self::Waiting(waiting.reason, waiting.message),
            _ => Self::Unknown,
        }
    }
}

/// The digest in `docker.io/shop/web@sha256:…` or `sha256:…`.
fn digest(image_id: &str) -> Text {
    image_id.rsplit_once('@').map_or(image_id, |(_, digest)| digest).into()
}

fn join(asked: WireContainer, statuses: &mut [WireContainerStatus], init: bool) -> Container {
    let status = statuses.iter_mut().find(|status| status.name == asked.name).map(std::mem::take).unwrap_or_default();
    Container {
        name: asked.name,
        image: asked.image,
        init,
        memory_limit: asked.resources.limits.memory,
        image_id: digest(&status.image_id),
        id: status.container_id.split_once("://").map_or(&*status.container_id, |(_, id)| id).into(),
        restarts: status.restart_count,
        ready: status.ready,
        state: status.state.into(),
        last: status.last_state.terminated,
    }
}

impl<'de> Deserialize<'de> for Pod {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Wire { metadata, spec, mut status } = Wire::deserialize(deserializer)?;
        let mut containers = Vec::with_capacity(spec.init_containers.len() + spec.containers.len());
        for asked in spec.init_containers {
            containers.push(join(asked, &mut status.init_container_statuses, true));
        }
        for asked in spec.containers {
            containers.push(join(asked, &mut status.container_statuses, false));
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
            ips: ips.into(),
            conditions: status.conditions.into(),
            containers: containers.into(),
        })
    }
}

