//! What is kept of nodes and of events.

use std::net::IpAddr;

use serde::Deserialize;

use super::meta::{Condition, Instant, Meta, lenient};
use crate::text::Text;

/// A node.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs, reason = "the fields are those of Kubernetes' Node")]
pub struct Node {
    pub meta: Meta,
    pub conditions: Box<[Condition]>,
    /// The first `InternalIP`.
    pub address: Option<IpAddr>,
    /// Where the kubelet listens; 0 where that is not said.
    pub kubelet_port: u16,
}

/// Where a node says which zone it is in (https://kubernetes.io/docs/reference/labels-annotations-taints/).
const ZONE: &str = "topology.kubernetes.io/zone";

impl Node {
    /// Its zone; empty where it says none.
    pub(crate) fn zone(&self) -> &str {
        self.meta.labels.get(ZONE).unwrap_or_default()
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct Wire {
            metadata: Meta,
            status: WireStatus,
        }
        #[derive(Deserialize, Default)]
        #[serde(default, rename_all = "camelCase")]
        struct WireStatus {
            #[serde(deserialize_with = "lenient")]
            conditions: Vec<Condition>,
            #[serde(deserialize_with = "lenient")]
            addresses: Vec<Address>,
            #[serde(deserialize_with = "lenient")]
            daemon_endpoints: Endpoints,
        }
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct Address {
            #[serde(rename = "type")]
            kind: Text,
            address: Text,
        }
        #[derive(Deserialize, Default)]
        #[serde(default, rename_all = "camelCase")]
        struct Endpoints {
            #[serde(deserialize_with = "lenient")]
            kubelet_endpoint: Endpoint,
        }
        #[derive(Deserialize, Default)]
        #[serde(default, rename_all = "PascalCase")]
        struct Endpoint {
            #[serde(deserialize_with = "lenient")]
            port: u16,
        }
        let Wire { metadata: meta, status } = Wire::deserialize(deserializer)?;
        let mut internal = status.addresses.iter().filter(|address| &*address.kind == "InternalIP");
        Ok(Self {
            meta,
            conditions: status.conditions.into(),
            address: internal.find_map(|address| address.address.parse().ok()),
            kubelet_port: status.daemon_endpoints.kubelet_endpoint.port,
        })
    }
}

/// An event, core/v1 or events.k8s.io.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[allow(missing_docs, reason = "the fields are those of Kubernetes' Event")]
pub struct Event {
    #[serde(rename = "metadata")]
    pub meta: Meta,
    #[serde(rename = "involvedObject", alias = "regarding")]
    pub about: Reference,
    #[serde(rename = "type")]
    pub level: Text,
    pub reason: Text,
    #[serde(alias = "note")]
    pub message: Text,
    #[serde(rename = "count", alias = "deprecatedCount")]
    pub repeats: Option<u32>,
    #[serde(rename = "firstTimestamp", alias = "deprecatedFirstTimestamp")]
    pub first: Instant,
    #[serde(rename = "lastTimestamp", alias = "deprecatedLastTimestamp")]
    pub last: Instant,
    pub event_time: Instant,
    pub series: Option<Series>,
}

/// What an event is about.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[allow(missing_docs, reason = "the fields are those of ObjectReference")]
pub struct Reference {
    pub kind: Text,
    pub namespace: Text,
    pub name: Text,
    pub uid: Text,
    pub field_path: Text,
}

/// Repeats of an event.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[allow(missing_docs, reason = "the fields are those of EventSeries")]
pub struct Series {
    #[serde(deserialize_with = "lenient")]
    pub count: u32,
    #[serde(rename = "lastObservedTime")]
    pub last: Instant,
}

impl Event {
    /// How often it happened.
    pub(crate) fn count(&self) -> u32 {
        self.series.as_ref().map(|series| series.count).or(self.repeats).unwrap_or(1).max(1)
    }

    /// The last time it happened.
    pub(crate) fn last(&self) -> Option<model::Timestamp> {
        let series = self.series.as_ref().and_then(|series| series.last.0);
        series.max(self.last.0).max(self.event_time.0).or(self.meta.created.0)
    }

    /// The first time it happened.
    pub(crate) fn first(&self) -> Option<model::Timestamp> {
        self.first.0.or(self.event_time.0).or(self.meta.created.0).or_else(|| self.last())
    }

    /// The container it is about: `spec.containers{app}`.
    pub(crate) fn container(&self) -> Option<&str> {
        self.about.field_path.split_once('{').and_then(|(_, rest)| rest.strip_suffix('}'))
    }
}
