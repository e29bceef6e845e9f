//! The services of the common data set, as a cluster would have told of them.

use model::{ClusterId, PodId, PodPhase, PodState, ServiceId, ServiceState, Timestamp};
use store::ClusterRecord;

/// A service by its number.
pub(super) fn id(number: usize) -> ServiceId {
    ServiceId::new("load", "load", "Deployment", format!("service-{number}"))
}

/// So many of them.
pub(super) fn known(services: usize) -> ClusterRecord {
    let services = (0..services).map(|number| service(id(number))).collect();
    ClusterRecord { services, ..ClusterRecord::new(ClusterId("load".into())) }
}

fn service(id: ServiceId) -> ServiceState {
    ServiceState {
        uid: format!("uid-{}", id.name),
        id,
        created: Timestamp(1),
        deleted: None,
        managed_by: None,
        team: None,
        aliases: Vec::new(),
        grouped: false,
        wanted: 2,
        ready: 2,
        updated: 2,
        available: 2,
        revision: None,
        revision_name: None,
        images: Vec::new(),
        short_since: None,
        down_since: None,
        grace: None,
        restarts: 0,
    }
}

/// A pod of the first service by its number.
pub(super) fn pod(number: usize) -> PodState {
    PodState {
        id: PodId(format!("uid-of-pod-{number}").into()),
        cluster: "load".into(),
        namespace: "load".into(),
        name: format!("service-0-{number}").into(),
        service: id(0).into(),
        revision: None,
        node: None,
        ips: Vec::new(),
        zone: None,
        qos: None,
        whole: None,
        host_network: false,
        logs_off: false,
        created: Timestamp(1),
        ended: None,
        phase: PodPhase::Ready,
        history: Vec::new(),
        reason: None,
        containers: Vec::new(),
    }
}
