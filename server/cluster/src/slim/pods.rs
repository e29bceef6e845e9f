//! What is kept of a pod.

use serde::Deserialize;

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
