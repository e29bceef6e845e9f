//! What is kept of each kind, deserialised directly: 50,000 pods are 2.8 GiB as full types and some 35 MiB like this.

mod meta;
mod nodes;
mod pods;
mod quantity;
mod related;
mod services;
mod wire;
mod workloads;

pub use meta::{Condition, Flip, Instant, Meta, Owner};
pub use nodes::{Event, Node, Reference};
pub use pods::{Asked, Container, Pod, State, Terminated};
pub use related::Related;
pub use services::{ConfigMap, EndpointSlice, Service};
pub use workloads::{ControllerRevision, Status, Workload};

use serde_json::Value;

use crate::kind::Kind;

/// A watched object.
#[derive(Debug, Clone)]
pub enum Object {
    /// Deployment, ReplicaSet, StatefulSet, DaemonSet, Job, CronJob or Rollout.
    Workload(Kind, Box<Workload>),
    /// ControllerRevision.
    Revision(Box<ControllerRevision>),
    /// Pod.
    Pod(Box<Pod>),
    /// Node.
    Node(Node),
    /// Service.
    Service(Service),
    /// EndpointSlice.
    Slice(EndpointSlice),
    /// ConfigMap.
    ConfigMap(Box<ConfigMap>),
    /// Event.
    Event(Box<Event>),
    /// Any of the kinds that belong to services by reference.
    Related(Kind, Box<Related>),
}

impl Object {
    /// An object of a kind from its JSON.
    pub fn parse(kind: Kind, value: Value) -> Result<Self, serde_json::Error> {
        Ok(match kind {
            Kind::ControllerRevision => Self::Revision(serde_json::from_value(value)?),
            Kind::Pod => Self::Pod(serde_json::from_value(value)?),
            Kind::Node => Self::Node(serde_json::from_value(value)?),
            Kind::Service => Self::Service(serde_json::from_value(value)?),
            Kind::EndpointSlice => Self::Slice(serde_json::from_value(value)?),
            Kind::ConfigMap => Self::ConfigMap(serde_json::from_value(value)?),
            Kind::Event => Self::Event(serde_json::from_value(value)?),
            kind if kind.is_related() => Self::Related(kind, serde_json::from_value(value)?),
            workload => Self::Workload(workload, serde_json::from_value(value)?),
        })
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Workload(kind, _) | Self::Related(kind, _) => *kind,
            Self::Revision(_) => Kind::ControllerRevision,
            Self::Pod(_) => Kind::Pod,
            Self::Node(_) => Kind::Node,
            Self::Service(_) => Kind::Service,
            Self::Slice(_) => Kind::EndpointSlice,
            Self::ConfigMap(_) => Kind::ConfigMap,
            Self::Event(_) => Kind::Event,
        }
    }

    /// Its metadata.
    pub fn meta(&self) -> &Meta {
        match self {
            Self::Workload(_, workload) => &workload.meta,
            Self::Revision(revision) => &revision.meta,
            Self::Pod(pod) => &pod.meta,
            Self::Node(node) => &node.meta,
            Self::Service(service) => &service.meta,
            Self::Slice(slice) => &slice.meta,
            Self::ConfigMap(map) => &map.meta,
            Self::Event(event) => &event.meta,
            Self::Related(_, related) => &related.meta,
        }
    }
}
