//! What is kept of objects that belong to services only by what they refer to.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::meta::Meta;

/// An Ingress, autoscaler, policy, claim, account, role or binding, with its document, which lives only until it is
/// read, redacted and hashed.
#[derive(Debug, Clone, Default)]
pub struct Related {
    /// Its metadata.
    pub meta: Meta,
    /// The whole object.
    pub raw: Value,
}

impl<'de> Deserialize<'de> for Related {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Value::deserialize(deserializer)?;
        let meta = raw.get("metadata").map(Meta::deserialize).transpose().map_err(serde::de::Error::custom)?;
        Ok(Self { meta: meta.unwrap_or_default(), raw })
    }
}
