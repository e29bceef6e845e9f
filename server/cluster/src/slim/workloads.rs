//! What is kept of workloads: one shape for all, since they say the same with other words.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::meta::{Condition, Instant, Meta, lenient};
use crate::text::{Interner, Text};

/// Deployment, ReplicaSet, StatefulSet, DaemonSet, Job, CronJob or Rollout.
#[derive(Debug, Clone, Default, PartialEq)]
#[allow(missing_docs, reason = "the fields are those of the Kubernetes kinds")]
pub struct Workload {
    pub meta: Meta,
    /// Annotations that say something: revision number, change cause, team.
    pub notes: Notes,
    pub replicas: Option<u32>,
    pub parallelism: Option<u32>,
    pub completions: Option<u32>,
    pub paused: bool,
    pub suspended: bool,
    pub strategy: Text,
    pub partition: u32,
    pub deadline: Option<u32>,
    pub status: Status,
    /// The whole object, until it is redacted and hashed.
    pub raw: Value,
}

/// Annotations that say something.
#[derive(Debug, Clone, Default, Deserialize, PartialEq)]
#[serde(default)]
#[allow(missing_docs, reason = "each is named by its annotation")]
pub struct Notes {
    #[serde(rename = "deployment.kubernetes.io/revision")]
    pub revision: Text,
    #[serde(rename = "rollout.argoproj.io/revision")]
    pub rollout_revision: Text,
    #[serde(rename = "kubernetes.io/change-cause")]
    pub cause: Text,
    #[serde(rename = "app.kubernetes.io/part-of")]
    pub part_of: Text,
    pub team: Text,
    pub owner: Text,
}

impl Notes {
    /// The number that Kubernetes gives the revision.
    pub(crate) fn number(&self) -> Option<i64> {
        self.revision.parse().or_else(|_| self.rollout_revision.parse()).ok()
    }
}

/// What a workload's status says.
#[derive(Debug, Clone, Default, Deserialize, PartialEq)]
#[serde(default, rename_all = "camelCase")]
#[allow(missing_docs, reason = "the fields are those of the Kubernetes kinds")]
pub struct Status {
    pub observed_generation: Text,
    #[serde(deserialize_with = "lenient")]
    pub replicas: u32,
    #[serde(rename = "readyReplicas", alias = "numberReady", deserialize_with = "lenient")]
    pub ready: u32,
    #[serde(rename = "updatedReplicas", alias = "updatedNumberScheduled", deserialize_with = "lenient")]
    pub updated: u32,
    #[serde(rename = "availableReplicas", alias = "numberAvailable", deserialize_with = "lenient")]
    pub available: u32,
    #[serde(rename = "desiredNumberScheduled", deserialize_with = "lenient")]
    pub desired: u32,
    pub current_revision: Text,
    pub update_revision: Text,
    /// Rollout: the hash of its template now, and of the one that is stable.
    pub current_pod_hash: Text,
    #[serde(rename = "stableRS")]
    pub stable: Text,
    #[serde(deserialize_with = "lenient")]
    pub pause_conditions: Vec<Pause>,
    #[serde(deserialize_with = "lenient")]
    pub conditions: Vec<Condition>,
    #[serde(deserialize_with = "succeeded")]
    pub succeeded: u32,
    #[serde(deserialize_with = "lenient")]
    pub failed: u32,
    pub start_time: Instant,
    pub completion_time: Instant,
}

/// Why a Rollout holds.
#[derive(Debug, Clone, Default, Deserialize, PartialEq)]
#[serde(default)]
pub struct Pause {
    /// `CanaryPauseStep`.
    pub reason: Text,
}

/// A number of pods, or, for other kinds, something else that does not count.
fn succeeded<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    Ok(Value::deserialize(deserializer)?.as_u64().unwrap_or(0).min(u64::from(u32::MAX)) as u32)
}

impl Status {
    /// Shares the strings that many workloads have.
    pub(crate) fn intern(&mut self, interner: &mut Interner) {
        let revisions = [&mut self.observed_generation, &mut self.current_revision, &mut self.update_revision];
        revisions.into_iter().for_each(|text| interner.text(text));
        for condition in &mut self.conditions {
            let texts = [&mut condition.kind, &mut condition.status, &mut condition.reason, &mut condition.message];
            texts.into_iter().for_each(|text| interner.text(text));
        }
        self.conditions.shrink_to_fit();
    }
}

impl Workload {
    /// A condition by its type.
    pub(crate) fn condition(&self, kind: &str) -> Option<&Condition> {
        super::meta::condition(&self.status.conditions, kind)
    }

    /// Whether the status is of the spec as it is now.
    pub(crate) fn is_observed(&self) -> bool {
        // Older Rollouts write a hash here, which says nothing.
        let unknown = self.meta.generation == 0 || !self.status.observed_generation.is_empty();
        self.status.observed_generation.parse::<i64>().map_or(unknown, |seen| seen >= self.meta.generation)
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Wire {
    metadata: WireMeta,
    spec: WireSpec,
    #[serde(deserialize_with = "lenient")]
    status: Status,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct WireMeta {
    #[serde(flatten)]
    meta: Meta,
    #[serde(deserialize_with = "lenient")]
    annotations: Notes,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct WireSpec {
    replicas: Option<u32>,
    parallelism: Option<u32>,
    completions: Option<u32>,
    #[serde(deserialize_with = "lenient")]
    paused: bool,
    #[serde(deserialize_with = "lenient")]
    suspend: bool,
    #[serde(deserialize_with = "lenient")]
    strategy: WireStrategy,
    #[serde(deserialize_with = "lenient")]
    update_strategy: WireStrategy,
    progress_deadline_seconds: Option<u32>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct WireStrategy {
    #[serde(rename = "type")]
    kind: Text,
    #[serde(deserialize_with = "lenient")]
    rolling_update: WireRolling,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct WireRolling {
    partition: Option<u32>,
}

impl<'de> Deserialize<'de> for Workload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Value::deserialize(deserializer)?;
        let Wire { metadata, spec, status } = Wire::deserialize(&raw).map_err(serde::de::Error::custom)?;
        let strategy = if spec.strategy.kind.is_empty() { spec.update_strategy } else { spec.strategy };
        Ok(Self {
            meta: metadata.meta,
            notes: metadata.annotations,
            replicas: spec.replicas,
            parallelism: spec.parallelism,
            completions: spec.completions,
            paused: spec.paused,
            suspended: spec.suspend,
            partition: strategy.rolling_update.partition.unwrap_or(0),
            strategy: strategy.kind,
            deadline: spec.progress_deadline_seconds,
            status,
            raw,
        })
    }
}

/// A ControllerRevision with its template, which lives only until it is redacted and hashed.
#[derive(Debug, Clone, Default)]
pub struct ControllerRevision {
    /// Its metadata.
    pub meta: Meta,
    /// Change cause.
    pub notes: Notes,
    /// Its number; rises when it is used again.
    pub number: i64,
    /// The pod template.
    pub template: Value,
}

impl<'de> Deserialize<'de> for ControllerRevision {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct Wire {
            metadata: WireMeta,
            #[serde(deserialize_with = "lenient")]
            revision: i64,
            data: Value,
        }
        let mut wire = Wire::deserialize(deserializer)?;
        let template = wire.data.pointer_mut("/spec/template").map(Value::take).unwrap_or_default();
        let Wire { metadata, revision, .. } = wire;
        Ok(Self { meta: metadata.meta, notes: metadata.annotations, number: revision, template })
    }
}
