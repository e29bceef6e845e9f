//! A container of a pod: what it is for, what was asked for it and since when, how it stands; and what was asked for
//! all of them together.

use serde::{Deserialize, Serialize};

use crate::{Text, Timestamp, bytes_text};

/// What a container is for in its pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum ContainerRole {
    /// It does the pod's work.
    #[default]
    Main,
    /// It runs to its end before others start.
    Init,
    /// It starts before the main ones and runs beside them: an init container that is always started again
    /// (https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/).
    Sidecar,
    /// Somebody put it into a running pod to look inside; it is never started again.
    Ephemeral,
}

impl ContainerRole {
    /// The words on the screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Main => "Container",
            Self::Init => "Init container",
            Self::Sidecar => "Sidecar",
            Self::Ephemeral => "Ephemeral container",
        }
    }

    /// Whether it runs as long as its pod does, so that what it asks for counts all the time.
    pub fn lasts(self) -> bool {
        matches!(self, Self::Main | Self::Sidecar)
    }

    fn is_main(&self) -> bool {
        *self == Self::Main
    }
}

/// Amounts of what a node shares out, as far as they are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Amounts {
    /// Thousandths of a core.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<u32>,
    /// Bytes of memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
}

impl Amounts {
    /// Whether none is given.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// What was asked for a container, or for a pod as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Asked {
    /// The image; a pod has none.
    pub image: Text,
    /// What its node keeps free for it.
    #[serde(default, skip_serializing_if = "Amounts::is_none")]
    pub requests: Amounts,
    /// The most it may use.
    #[serde(default, skip_serializing_if = "Amounts::is_none")]
    pub limits: Amounts,
    /// The digest of the image that ran of it, once that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Text>,
}

impl Asked {
    /// Whether another tells of something else, not only of more.
    pub fn differs(&self, later: &Self) -> bool {
        let other_digest = matches!((&self.digest, &later.digest), (Some(before), Some(now)) if before != now);
        other_digest || (&self.image, self.requests, self.limits) != (&later.image, later.requests, later.limits)
    }

    /// Requests and limits in words: `CPU 100m to 500m`, `memory 64 MiB, no limit`; nothing where neither is given.
    pub fn amounts_text(&self) -> Vec<String> {
        let one = |word: &str, request: Option<String>, limit: Option<String>| match (request, limit) {
            (None, None) => None,
            (Some(request), Some(limit)) if request == limit => Some(format!("{word} {request}")),
            (Some(request), Some(limit)) => Some(format!("{word} {request} to {limit}")),
            (Some(request), None) => Some(format!("{word} {request}, no limit")),
            (None, Some(limit)) => Some(format!("{word} up to {limit}")),
        };
        let memory = |amount: Option<u64>| amount.map(|bytes| bytes_text(bytes as f64));
        let cpu = |amount: Option<u32>| amount.map(cores_text);
        let all = [
            one("CPU", cpu(self.requests.cpu), cpu(self.limits.cpu)),
            one("memory", memory(self.requests.memory), memory(self.limits.memory)),
        ];
        all.into_iter().flatten().collect()
    }
}

/// Thousandths of a core as Kubernetes writes them: `250m`, `2`.
fn cores_text(thousandths: u32) -> String {
    if thousandths.is_multiple_of(1000) { (thousandths / 1000).to_string() } else { format!("{thousandths}m") }
}

/// A container of a pod.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ContainerState {
    /// Its name.
    pub name: Text,
    /// What it is for.
    #[serde(default, skip_serializing_if = "ContainerRole::is_main")]
    pub role: ContainerRole,
    /// What is asked for it now.
    #[serde(flatten)]
    pub asked: Asked,
    /// What was asked before, until when, oldest first: images and sizes can be changed in place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<(Timestamp, Asked)>,
    /// The runtime's id without its scheme, where it runs.
    pub id: Option<Text>,
    /// How often it was restarted.
    pub restarts: u32,
    /// `running`, or why it waits or ended; empty where that is not known.
    pub state: Text,
    /// Ready.
    pub ready: bool,
    /// How it ended the last time.
    pub last_exit: Option<Exit>,
}

impl ContainerState {
    /// What was asked for it at a moment of its life.
    pub fn asked_at(&self, at: Timestamp) -> &Asked {
        asked_at(&self.asked, &self.before, at)
    }
}

/// What was asked for a pod as a whole, which its containers share whatever they have of their own
/// (https://kubernetes.io/docs/tasks/configure-pod-container/assign-pod-level-resources/).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Whole {
    /// What is asked for it now.
    #[serde(flatten)]
    pub asked: Asked,
    /// What was asked before, until when, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<(Timestamp, Asked)>,
}

impl Whole {
    /// What was asked for it at a moment of its life.
    pub fn asked_at(&self, at: Timestamp) -> &Asked {
        asked_at(&self.asked, &self.before, at)
    }
}

fn asked_at<'a>(now: &'a Asked, before: &'a [(Timestamp, Asked)], at: Timestamp) -> &'a Asked {
    before.iter().find(|(until, _)| *until > at).map_or(now, |(_, asked)| asked)
}

/// How a container ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// Exit code.
    pub code: i32,
    /// `OOMKilled`, `Error`, `Completed`.
    pub reason: String,
    /// When it ended.
    pub at: Option<Timestamp>,
}

/// What Kubernetes takes a pod's memory by when its node runs out of it
/// (https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum QosClass {
    /// It or all of its containers have limits, and ask for as much: taken last.
    Guaranteed,
    /// Some ask for something: taken where it uses more than that.
    Burstable,
    /// None asks for anything: taken first.
    BestEffort,
}

impl QosClass {
    /// As Kubernetes writes it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Guaranteed => "Guaranteed",
            Self::Burstable => "Burstable",
            Self::BestEffort => "BestEffort",
        }
    }

    /// By its word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Guaranteed, Self::Burstable, Self::BestEffort].into_iter().find(|class| class.word() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(memory: u64) -> Asked {
        Asked { requests: Amounts { cpu: Some(250), memory: Some(memory) }, ..Asked::default() }
    }

    #[test]
    fn what_was_asked_at_a_moment_is_what_held_until_later() {
        let before = vec![(Timestamp(10), asked(1)), (Timestamp(20), asked(2))];
        let container = ContainerState { before, asked: asked(3), ..ContainerState::default() };
        let at = |at: i64| container.asked_at(Timestamp(at)).requests.memory.unwrap();
        assert_eq!([9, 10, 19, 20, 99].map(at), [1, 2, 2, 3, 3]);
    }

    #[test]
    fn a_pod_of_which_nothing_was_told_as_a_whole_is_read_as_it_was_stored() {
        let told = Whole { asked: asked(3), before: vec![(Timestamp(10), asked(1))] };
        let text = serde_json::to_string(&told).unwrap();
        assert_eq!(serde_json::from_str::<Whole>(&text).unwrap(), told);
        let older = r#"{"id":"u","cluster":"c","namespace":"shop","name":"p","service":"c/shop/Deployment/p",
            "revision":null,"node":null,"ips":[],"host_network":false,"created":0,"ended":null,"phase":"Ready",
            "history":[],"reason":null,"containers":[{"name":"app","image":"p:1","requests":{"memory":7},"id":null,
            "restarts":0,"state":"","ready":true,"last_exit":null}]}"#;
        let pod: crate::PodState = serde_json::from_str(older).unwrap();
        assert_eq!((pod.whole.is_none(), pod.requests_at(Timestamp(0)).memory), (true, Some(7)));
        let again = serde_json::to_string(&pod).unwrap();
        assert!(!again.contains("whole"), "{again}");
    }

    #[test]
    fn amounts_are_told_as_far_as_they_are_given() {
        let mut all = asked(64 << 20);
        assert_eq!(all.amounts_text(), ["CPU 250m, no limit", "memory 64 MiB, no limit"]);
        all.limits = Amounts { cpu: Some(2_000), memory: Some(64 << 20) };
        assert_eq!(all.amounts_text(), ["CPU 250m to 2", "memory 64 MiB"]);
        all.requests = Amounts::default();
        assert_eq!(all.amounts_text(), ["CPU up to 2", "memory up to 64 MiB"]);
        assert_eq!(Asked::default().amounts_text(), [""; 0]);
    }

    #[test]
    fn a_digest_that_becomes_known_is_no_change_and_another_one_is() {
        let of = |digest: Option<&str>| Asked { digest: digest.map(Into::into), ..asked(1) };
        assert!(!of(None).differs(&of(Some("a"))) && !of(Some("a")).differs(&of(None)));
        assert!(of(Some("a")).differs(&of(Some("b"))) && asked(1).differs(&asked(2)));
    }
}
