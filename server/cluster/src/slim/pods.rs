//! What is kept of a pod.

use std::ops::Deref;
use std::sync::Arc;

use model::{Amounts, ContainerRole, PodState, QosClass};
use serde::Deserialize;

use super::meta::{Condition, Flip, Instant, Meta, lenient};
use crate::text::{Interner, Text};

/// A pod.
#[derive(Debug, Clone, Default, PartialEq)]
#[allow(missing_docs, reason = "the fields are those of Kubernetes' Pod")]
pub struct Pod {
    pub meta: Meta,
    pub node: Text,
    pub host_network: bool,
    pub phase: Text,
    pub reason: Text,
    pub message: Text,
    pub qos: Option<QosClass>,
    /// What was asked for it as a whole, without a name and an image.
    pub whole: Option<Arc<Asked>>,
    pub ips: Box<[Text]>,
    pub ready: Flip,
    pub initialized: Flip,
    /// Conditions that say that something is wrong: not scheduled, to be disrupted.
    pub troubles: Box<[Condition]>,
    /// Init containers first, ephemeral ones last.
    pub containers: Box<[Container]>,
}

/// A container of a pod: what was asked for and how it stands.
#[derive(Debug, Clone, Default, PartialEq)]
#[allow(missing_docs, reason = "the fields are those of ContainerStatus")]
pub struct Container {
    pub asked: Arc<Asked>,
    /// The digest of what runs.
    pub image_id: Text,
    /// The runtime's id without its scheme.
    pub id: Text,
    pub restarts: u32,
    pub ready: bool,
    pub state: State,
    pub last: Option<Box<Terminated>>,
}

/// What was asked for: the same for all pods of a revision, so it is kept once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the fields are those of Container")]
pub struct Asked {
    pub name: Text,
    pub image: Text,
    pub role: ContainerRole,
    pub requests: Amounts,
    pub limits: Amounts,
}

impl Deref for Container {
    type Target = Asked;
    fn deref(&self) -> &Asked {
        &self.asked
    }
}

/// How a container stands.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum State {
    /// Nothing is said yet.
    #[default]
    Unknown,
    /// It waits, with reason and message.
    Waiting(Box<(Text, Text)>),
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
    /// A condition that says that something is wrong.
    pub(crate) fn trouble(&self, kind: &str) -> Option<&Condition> {
        super::meta::condition(&self.troubles, kind)
    }

    /// Whether it takes traffic.
    pub(crate) fn is_ready(&self) -> bool {
        self.meta.deletion.0.is_none() && self.ready.holds()
    }

    /// Its containers without those that somebody put in to look inside.
    pub(crate) fn own_containers(&self) -> impl Iterator<Item = &Container> {
        self.containers.iter().filter(|container| container.role != ContainerRole::Ephemeral)
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
        interner.owner(&mut self.meta.owner);
        for text in [&mut self.node, &mut self.phase, &mut self.reason, &mut self.message] {
            interner.text(text);
        }
        if let Some(whole) = &mut self.whole {
            interner.asked(whole);
        }
        for container in &mut self.containers {
            container.intern(interner);
        }
    }

    /// Takes the strings that only this pod has from what was recorded of it, where they are the same still.
    pub(crate) fn take_over(&mut self, told: &PodState) {
        let same = |text: &mut Text, known: &Text| {
            if *text == *known {
                *text = known.clone();
            }
        };
        same(&mut self.meta.uid, &told.id.0);
        same(&mut self.meta.name, &told.name);
        self.ips.iter_mut().zip(&told.ips).for_each(|(ip, known)| same(ip, known));
        for (container, known) in self.containers.iter_mut().zip(&told.containers) {
            if let Some(known) = &known.id {
                same(&mut container.id, known);
            }
        }
    }
}

impl Container {
    fn intern(&mut self, interner: &mut Interner) {
        interner.asked(&mut self.asked);
        interner.text(&mut self.image_id);
        match &mut self.state {
            State::Waiting(why) => interner.text(&mut why.0),
            State::Terminated(end) => interner.text(&mut end.reason),
            State::Unknown | State::Running(_) => {}
        }
        if let Some(last) = &mut self.last {
            interner.text(&mut last.reason);
        }
    }
}
