//! What is kept of metadata and conditions.

use std::fmt;
use std::sync::Arc;

use model::Timestamp;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::text::{Labels, Text};

/// An instant as Kubernetes writes it; what can't be read is nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Instant(pub Option<Timestamp>);

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Text::deserialize(deserializer)?;
        let nanos = text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_nanosecond);
        Ok(Self(nanos.and_then(|nanos| i64::try_from(nanos).ok()).map(Timestamp)))
    }
}

/// A value that may be null.
pub(crate) fn lenient<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// What is kept of an object's metadata.
#[derive(Debug, Clone, Default, Deserialize, PartialEq)]
#[serde(default, rename_all = "camelCase")]
#[allow(missing_docs, reason = "the fields are those of ObjectMeta")]
pub struct Meta {
    pub name: Text,
    pub namespace: Text,
    pub uid: Text,
    pub resource_version: Text,
    #[serde(deserialize_with = "lenient")]
    pub generation: i64,
    #[serde(rename = "creationTimestamp")]
    pub created: Instant,
    #[serde(rename = "deletionTimestamp")]
    pub deletion: Instant,
    #[serde(rename = "deletionGracePeriodSeconds", deserialize_with = "lenient")]
    pub deletion_grace: i64,
    pub labels: Labels,
    /// Of a pod: its annotation says that its logs are not to be read.
    #[serde(rename = "annotations", deserialize_with = "logs_off")]
    pub logs_off: bool,
    #[serde(rename = "ownerReferences", deserialize_with = "controller")]
    pub owner: Option<Arc<Owner>>,
}

impl Meta {
    /// When it was created, or the epoch where that is not said.
    pub(crate) fn created(&self) -> Timestamp {
        self.created.0.unwrap_or_default()
    }

    /// When its deletion was asked for: the deletion timestamp is when it has to be gone.
    pub(crate) fn deleting_since(&self) -> Option<Timestamp> {
        self.deletion.0.map(|at| at.plus(-self.deletion_grace.clamp(0, 86_400 * 30) * model::SECOND))
    }
}

/// The annotation by which a pod opts out of having its logs read, and what it says then.
pub(crate) const LOGS: (&str, &str) = ("binnacle.dev/logs", "off");

/// Of all annotations only [`LOGS`] is looked at.
fn logs_off<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(Option::<Annotations>::deserialize(deserializer)?.is_some_and(|annotations| annotations.logs_off))
}

struct Annotations {
    logs_off: bool,
}

impl<'de> Deserialize<'de> for Annotations {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(AnnotationsVisitor)
    }
}

struct AnnotationsVisitor;

impl<'de> Visitor<'de> for AnnotationsVisitor {
    type Value = Annotations;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("annotations")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Annotations, A::Error> {
        let mut found = Annotations { logs_off: false };
        while let Some(key) = map.next_key::<Text>()? {
            if &*key == LOGS.0 {
                found.logs_off = &*map.next_value::<Text>()? == LOGS.1;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// The controller that owns an object.
#[derive(Debug, Clone, Default, Deserialize, PartialEq, Eq, Hash)]
#[serde(default, rename_all = "camelCase")]
#[allow(missing_docs, reason = "the fields are those of OwnerReference")]
pub struct Owner {
    pub api_version: Text,
    pub kind: Text,
    pub name: Text,
    pub uid: Text,
    #[serde(deserialize_with = "lenient")]
    pub controller: bool,
}

impl Owner {
    /// The group of its API version.
    pub(crate) fn group(&self) -> &str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }
}

/// Only the controller is kept: other owners say nothing of who made the object.
fn controller<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Arc<Owner>>, D::Error> {
    let owners = Option::<Vec<Owner>>::deserialize(deserializer)?.unwrap_or_default();
    Ok(owners.into_iter().find(|owner| owner.controller).map(Arc::new))
}

/// A condition of an object's status.
#[derive(Debug, Clone, Default, Deserialize, PartialEq, Eq)]
#[serde(default, rename_all = "camelCase")]
#[allow(missing_docs, reason = "the fields are those of Kubernetes' conditions")]
pub struct Condition {
    #[serde(rename = "type")]
    pub kind: Text,
    pub status: Text,
    pub reason: Text,
    pub message: Text,
    #[serde(rename = "lastTransitionTime")]
    pub since: Instant,
    #[serde(rename = "lastUpdateTime")]
    pub updated: Instant,
}

impl Condition {
    /// Whether it says yes.
    pub(crate) fn holds(&self) -> bool {
        &*self.status == "True"
    }

    /// Whether it says no, which is not the same as not knowing.
    pub(crate) fn is_false(&self) -> bool {
        &*self.status == "False"
    }
}

/// The condition of a type.
pub(crate) fn condition<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| &*condition.kind == kind)
}

/// A condition of which only the state and its time matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flip {
    state: Option<bool>,
    /// Since when.
    pub since: Instant,
}

impl Flip {
    /// Whether it says yes.
    pub(crate) fn holds(self) -> bool {
        self.state == Some(true)
    }

    /// Whether it says that it is not known, which is not the same as saying nothing.
    pub(crate) fn is_unknown(self) -> bool {
        self.state.is_none() && self.since.0.is_some()
    }

    /// Whether it says no, which is not the same as not knowing.
    pub(crate) fn is_false(self) -> bool {
        self.state == Some(false)
    }
}

impl From<&Condition> for Flip {
    fn from(condition: &Condition) -> Self {
        let state = if condition.holds() { Some(true) } else { condition.is_false().then_some(false) };
        Self { state, since: condition.since }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_opts_out_of_logs_by_its_annotation_alone() {
        let off = |annotations: &str| {
            let meta: Meta = serde_json::from_str(&format!(r#"{{"annotations": {annotations}}}"#)).unwrap();
            meta.logs_off
        };
        assert!(off(r#"{"a": "1", "binnacle.dev/logs": "off", "z": "2"}"#));
        assert!(!off(r#"{"binnacle.dev/logs": "on"}"#));
        assert!(!off("{}") && !off("null"));
        assert!(!serde_json::from_str::<Meta>(r#"{"name": "web"}"#).unwrap().logs_off);
    }
}
