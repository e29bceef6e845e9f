//! What tests of this crate begin with: a pod that is ready and a container that runs.

use std::sync::Arc;

use model::{ContainerState, PodId, PodPhase, PodState, ServiceId, Timestamp};

/// A pod of a Deployment in `shop`, since the beginning of time, without containers; its name is its uid too.
pub(crate) fn pod(service: &str, name: &str) -> PodState {
    PodState {
        id: PodId(name.into()),
        cluster: "c".into(),
        namespace: "shop".into(),
        name: name.into(),
        service: Arc::new(ServiceId::new("c", "shop", "Deployment", service)),
        revision: None,
        node: None,
        ips: Vec::new(),
        zone: None,
        qos: None,
        whole: None,
        host_network: false,
        logs_off: false,
        created: Timestamp(0),
        ended: None,
        phase: PodPhase::Ready,
        history: Vec::new(),
        reason: None,
        containers: Vec::new(),
    }
}

/// A container that runs and is ready.
pub(crate) fn container(name: &str, id: &str) -> ContainerState {
    ContainerState {
        name: name.into(),
        id: Some(id.into()),
        state: "running".into(),
        ready: true,
        ..ContainerState::default()
    }
}
