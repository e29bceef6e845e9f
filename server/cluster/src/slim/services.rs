//! What is kept of Services, EndpointSlices and ConfigMaps.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::meta::{Meta, lenient};
use crate::authors::{Author, author};
use crate::text::{Labels, Text};

/// A Service.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs, reason = "the fields are those of Kubernetes' Service")]
pub struct Service {
    pub meta: Meta,
    pub selector: Labels,
    pub kind: Text,
    /// The whole object, until it is redacted and hashed.
    pub raw: Value,
}

impl<'de> Deserialize<'de> for Service {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct Wire {
            metadata: Meta,
            spec: WireSpec,
        }
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct WireSpec {
            selector: Labels,
            #[serde(rename = "type")]
            kind: Text,
        }
        let raw = Value::deserialize(deserializer)?;
        let wire = Wire::deserialize(&raw).map_err(serde::de::Error::custom)?;
        Ok(Self { meta: wire.metadata, selector: wire.spec.selector, kind: wire.spec.kind, raw })
    }
}

/// An EndpointSlice, as far as it is counted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EndpointSlice {
    /// Its metadata; the label `kubernetes.io/service-name` says whose it is.
    pub meta: Meta,
    /// `IPv4`, `IPv6` or `FQDN`.
    pub family: Text,
    /// Endpoints that are ready.
    pub ready: u32,
    /// Endpoints in all.
    pub all: u32,
}

impl<'de> Deserialize<'de> for EndpointSlice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct Wire {
            metadata: Meta,
            #[serde(rename = "addressType")]
            family: Text,
            #[serde(deserialize_with = "lenient")]
            endpoints: Vec<WireEndpoint>,
        }
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct WireEndpoint {
            #[serde(deserialize_with = "lenient")]
            conditions: WireConditions,
        }
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct WireConditions {
            ready: Option<bool>,
        }
        let wire = Wire::deserialize(deserializer)?;
        // Not said means ready, as the API defines it.
        let ready = wire.endpoints.iter().filter(|endpoint| endpoint.conditions.ready != Some(false)).count();
        Ok(Self { meta: wire.metadata, family: wire.family, ready: ready as u32, all: wire.endpoints.len() as u32 })
    }
}

impl EndpointSlice {
    /// Namespace and name of the Service it belongs to.
    pub(crate) fn service(&self) -> Option<(Text, Text)> {
        Some((self.meta.namespace.clone(), self.meta.labels.get("kubernetes.io/service-name")?.into()))
    }
}

/// A ConfigMap with its data, which lives only until it is redacted and hashed.
#[derive(Debug, Clone, Default)]
pub struct ConfigMap {
    /// Its metadata.
    pub meta: Meta,
    /// Texts.
    pub data: Value,
    /// Bytes, base64.
    pub binary_data: Value,
    /// Who changed it last.
    pub(crate) author: Author,
}

impl<'de> Deserialize<'de> for ConfigMap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut raw = Value::deserialize(deserializer)?;
        let author = author(&raw);
        let mut take = |key: &str| raw.get_mut(key).map(Value::take).unwrap_or_default();
        let (data, binary_data, metadata) = (take("data"), take("binaryData"), take("metadata"));
        let meta = Option::<Meta>::deserialize(metadata).map_err(serde::de::Error::custom)?;
        Ok(Self { meta: meta.unwrap_or_default(), data, binary_data, author })
    }
}
