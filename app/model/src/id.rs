//! Identities: newtypes that print and parse as URL-safe strings, and serialise as those strings.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Text;

/// Why a string is not an identity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// A service id has four segments: cluster/namespace/kind/name.
    #[error("a service id has the form cluster/namespace/kind/name, got {0:?}")]
    Service(String),
    /// A deploy id is a service id and a sequence number.
    #[error("a deploy id has the form cluster/namespace/kind/name/sequence, got {0:?}")]
    Deploy(String),
    /// Trace ids are 32 and span ids 16 hexadecimal digits.
    #[error("expected {digits} hexadecimal digits, got {text:?}")]
    Hex {
        /// How many digits were expected.
        digits: usize,
        /// What was given instead.
        text: String,
    },
}

/// One Kubernetes API server: the uid of its `kube-system` namespace, or `ca-` and a digest of its root
/// certificate where that may not be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClusterId(pub String);

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A service: cluster / namespace / kind (with group if not built in, `Rollout.argoproj.io`) / name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceId {
    /// The cluster it runs in.
    pub cluster: String,
    /// Its namespace.
    pub namespace: String,
    /// Its kind, with the API group after a dot where that is not built in.
    pub kind: String,
    /// Its name.
    pub name: String,
}

impl ServiceId {
    /// A service id from its four parts; the parts come from Kubernetes and are not checked again.
    pub fn new(
        cluster: impl Into<String>,
        namespace: impl Into<String>,
        kind: impl Into<String>,
        name: impl Into<String>,
    ) -> Self {
        Self { cluster: cluster.into(), namespace: namespace.into(), kind: kind.into(), name: name.into() }
    }

    /// `namespace/kind/name`, what tells services of one cluster apart.
    pub fn local(&self) -> String {
        format!("{}/{}/{}", self.namespace, self.kind, self.name)
    }

    /// The path of its page: `/services/cluster/namespace/kind/name`.
    pub fn path(&self) -> String {
        format!("/services/{self}")
    }
}

impl fmt::Display for ServiceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{}", self.cluster, self.namespace, self.kind, self.name)
    }
}

impl FromStr for ServiceId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let parts: Vec<&str> = text.split('/').collect();
        match parts.as_slice() {
            [cluster, namespace, kind, name] if parts.iter().all(|part| is_segment(part)) => {
                Ok(Self::new(*cluster, *namespace, *kind, *name))
            }
            _ => Err(IdError::Service(text.to_owned())),
        }
    }
}

/// Names of Kubernetes objects are made of these (RBAC names may hold a colon); nothing needs escaping in a URL.
fn is_segment(part: &str) -> bool {
    !part.is_empty()
        && part.len() <= 253
        && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b':'))
}

/// One deploy of a service, numbered in the order in which the deploys of that service began.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeployId {
    /// The service that moved.
    pub service: ServiceId,
    /// Its place among the deploys of that service, from 1.
    pub sequence: u32,
}

impl fmt::Display for DeployId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.service, self.sequence)
    }
}

impl FromStr for DeployId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let wrong = || IdError::Deploy(text.to_owned());
        let (service, sequence) = text.rsplit_once('/').ok_or_else(wrong)?;
        Ok(Self { service: service.parse().map_err(|_| wrong())?, sequence: sequence.parse().map_err(|_| wrong())? })
    }
}

/// The hash that Kubernetes gives a pod template: `pod-template-hash` or `controller-revision-hash`, without the
/// workload's name in front.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RevisionHash(pub Text);

impl fmt::Display for RevisionHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The uid of a pod.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PodId(pub Text);

impl fmt::Display for PodId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A W3C trace id: 16 bytes, 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TraceId(pub [u8; 16]);

/// A W3C span id: 8 bytes, 16 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SpanId(pub [u8; 8]);

macro_rules! hex_id {
    ($name:ident, $bytes:literal) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let wrong = || IdError::Hex { digits: $bytes * 2, text: text.chars().take(64).collect() };
                if text.len() != $bytes * 2 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
                    return Err(wrong());
                }
                let mut id = [0; $bytes];
                for (i, byte) in id.iter_mut().enumerate() {
                    *byte = u8::from_str_radix(&text[i * 2..i * 2 + 2], 16).map_err(|_| wrong())?;
                }
                Ok(Self(id))
            }
        }

        as_text!($name);
    };
}

/// Serialises a type as the string it prints and reads it by its `FromStr`, so that it can be an argument of a server
/// function.
#[macro_export]
macro_rules! as_text {
    ($name:ident) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

as_text!(ServiceId);
as_text!(DeployId);
hex_id!(TraceId, 16);
hex_id!(SpanId, 8);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn service_id_round_trips_through_its_text() {
        let id = ServiceId::new("c1", "shop", "Rollout.argoproj.io", "checkout");
        assert_eq!(id.to_string().parse(), Ok(id.clone()));
        assert_eq!(serde_json::from_str::<ServiceId>(&serde_json::to_string(&id).unwrap()).unwrap(), id);
    }

    #[test]
    fn hostile_service_ids_are_refused() {
        for text in ["", "a/b/c", "a/b/c/d/e", "a//c/d", "a/b/c/<script>", "a/b/c/d d", "a/b/c/%2e"] {
            assert!(text.parse::<ServiceId>().is_err(), "{text}");
        }
    }

    #[test]
    fn deploy_id_is_a_service_and_a_number() {
        let id: DeployId = "c/n/Deployment/web/12".parse().unwrap();
        assert_eq!((id.sequence, id.service.name.as_str()), (12, "web"));
        assert_eq!(id.to_string(), "c/n/Deployment/web/12");
        assert!("c/n/Deployment/web/x".parse::<DeployId>().is_err());
    }

    #[test]
    fn trace_id_is_32_hex_digits() {
        let text = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert_eq!(text.parse::<TraceId>().unwrap().to_string(), text);
        for wrong in ["", "4bf9", "zz f92f3577b34da6a3ce929d0e0e4736", "4bf92f3577b34da6a3ce929d0e0e473é"] {
            assert!(wrong.parse::<TraceId>().is_err(), "{wrong}");
        }
    }
}
