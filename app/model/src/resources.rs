//! A resource of a service as it is and as it was: its versions, their texts and differences.

use serde::{Deserialize, Serialize};

use crate::{Diff, Timestamp};

/// The kind under which versions of what belongs to a service are kept, by `Kind/name` of the service.
pub const RESOURCES: &str = "Resources";

/// The kind under which pod templates are kept, by the name of the ReplicaSet or ControllerRevision that has one.
pub const TEMPLATE: &str = "Template";

/// The kind under which numbers of replicas of a workload are kept: scaling is no change of what it asks for.
pub fn scale_of(kind: &str) -> String {
    format!("Scale/{kind}")
}

/// One stored version of an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectVersion {
    /// When it was first seen so.
    pub at: Timestamp,
    /// Hash of its text.
    pub hash: String,
    /// Who changed it, as its managed fields say.
    pub manager: Option<String>,
    /// When that was.
    pub changed: Option<Timestamp>,
}

/// A resource of a service, as its address names it: `Kind/name`, or `Kind/namespace/name` where it is not in the
/// service's namespace (an empty one for what is the whole cluster's).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ResourceId {
    /// Its kind.
    pub kind: String,
    /// Its namespace, where that is not the service's.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

impl std::fmt::Display for ResourceId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.namespace {
            None => write!(f, "{}/{}", self.kind, self.name),
            Some(namespace) => write!(f, "{}/{namespace}/{}", self.kind, self.name),
        }
    }
}

impl std::str::FromStr for ResourceId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split('/').collect();
        let (kind, namespace, name) = match parts[..] {
            [kind, name] => (kind, None, name),
            [kind, namespace, name] => (kind, Some(namespace.to_owned()), name),
            _ => return Err("a resource is Kind/name or Kind/namespace/name".into()),
        };
        if kind.is_empty() || name.is_empty() {
            return Err("a resource has a kind and a name".into());
        }
        Ok(Self { kind: kind.into(), namespace, name: name.into() })
    }
}

impl TryFrom<String> for ResourceId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<ResourceId> for String {
    fn from(id: ResourceId) -> Self {
        id.to_string()
    }
}

/// What is asked of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceAsk {
    /// The resource.
    pub resource: ResourceId,
    /// As it was then; nothing is the present.
    pub until: Option<Timestamp>,
    /// Hash of the version that is shown, else the newest.
    pub version: Option<String>,
    /// Hash of the version it is compared with, else the one before.
    pub against: Option<String>,
}

impl ResourceAsk {
    /// From what an address holds, where nothing is 0 or empty.
    pub fn new(resource: ResourceId, until: Timestamp, version: String, against: String) -> Self {
        let hash = |hash: String| Some(hash).filter(|hash| !hash.is_empty());
        Self {
            resource,
            until: Some(until).filter(|until| until.0 > 0),
            version: hash(version),
            against: hash(against),
        }
    }
}

/// What a version did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum VersionKind {
    /// The oldest one that is kept.
    First,
    /// It asks for something else.
    Changed,
    /// It has another number of replicas.
    Scaled,
    /// It is gone.
    Deleted,
}

/// One line of a resource's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionRow {
    /// The version.
    pub version: ObjectVersion,
    /// What it did.
    pub kind: VersionKind,
    /// In words: `image web:v1 → web:v2`, `3 → 5 replicas`.
    pub what: String,
}

/// A resource with its history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourcePage {
    /// The resource.
    pub id: ResourceId,
    /// What is to be known of the text: that it is the template of a pod.
    pub note: String,
    /// Its versions, newest first.
    pub history: Vec<VersionRow>,
    /// Hash of the version whose text this is.
    pub shown: Option<String>,
    /// The text, secrets hidden: of the object as it is now, or of a version, without what is noise.
    pub text: String,
    /// The text is of the object as its cluster has it now.
    pub live: bool,
    /// Hash of the version it is compared with.
    pub against: Option<String>,
    /// The difference to that.
    pub diff: Diff,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_named_in_an_address_and_back() {
        for text in ["Deployment/web", "RoleBinding/other/reads", "ClusterRole//view"] {
            let id: ResourceId = text.parse().unwrap();
            assert_eq!(id.to_string(), text);
            let json = serde_json::to_string(&id).unwrap();
            assert_eq!(serde_json::from_str::<ResourceId>(&json).unwrap(), id);
        }
        assert!("web".parse::<ResourceId>().is_err() && "/a".parse::<ResourceId>().is_err());
    }
}
