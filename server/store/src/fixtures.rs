//! What tests of those who use the store begin with: services, deploys and pods of one cluster.
#![allow(clippy::unwrap_used, reason = "a fixture of tests")]

use crate::{ClusterRecord, Config, Keep, SpanRow, Store};
use model::{
    AdverseEvent, AdverseKind, Asked, ClusterId, ContainerState, Deploy, DeployId, DeployKind, DeployPhase, PodId,
    PodPhase, PodState, RevisionHash, ServiceId, ServiceState, SpanId, SpanKind, SpanStatus, Timestamp, TraceId,
};

/// A Deployment of the shop.
pub fn id(name: &str) -> ServiceId {
    ServiceId::new("c1", "shop", "Deployment", name)
}

/// A service that runs its one pod, with its name as its uid.
pub fn service(name: &str) -> ServiceState {
    ServiceState {
        id: id(name),
        uid: name.into(),
        created: Timestamp(1),
        deleted: None,
        managed_by: None,
        team: None,
        aliases: vec![],
        grouped: false,
        wanted: 1,
        ready: 1,
        updated: 1,
        available: 1,
        revision: None,
        revision_name: Some("v2".into()),
        images: vec![],
        short_since: None,
        down_since: None,
        grace: None,
        restarts: 0,
    }
}

/// A deploy of the cart's image that rolls out; it began at the hour of its number.
pub fn deploy(sequence: u32) -> Deploy {
    Deploy {
        id: DeployId { service: id("cart"), sequence },
        from: None,
        to: RevisionHash("b".into()),
        from_name: Some("v1".into()),
        to_name: "v2".into(),
        kind: DeployKind::Image,
        phase: DeployPhase::RollingOut,
        started: Timestamp::from_seconds(i64::from(sequence) * 3_600),
        rollback: false,
        reconstructed: false,
        cause: None,
        changes: vec!["image".into()],
    }
}

/// A pod of a service that is ready since it was made, with its name as its uid.
pub fn pod(service: ServiceId, name: &str, created: Timestamp) -> PodState {
    PodState {
        id: PodId(name.into()),
        cluster: service.cluster.as_str().into(),
        namespace: service.namespace.as_str().into(),
        name: name.into(),
        service: service.into(),
        revision: None,
        node: None,
        ips: vec![],
        zone: None,
        qos: None,
        whole: None,
        host_network: false,
        logs_off: false,
        created,
        ended: None,
        phase: PodPhase::Ready,
        history: vec![(created, PodPhase::Ready)],
        reason: None,
        containers: vec![],
    }
}

/// A container that runs and is ready.
pub fn container(name: &str) -> ContainerState {
    ContainerState {
        name: name.into(),
        asked: Asked { image: format!("{name}:1").into(), ..Asked::default() },
        state: "running".into(),
        ready: true,
        ..ContainerState::default()
    }
}

/// Something bad that happened to a service, or to none, at these times, the oldest first; it is over.
///
/// # Panics
///
/// There is no time.
pub fn adverse(service: Option<ServiceId>, kind: AdverseKind, times: &[Timestamp]) -> AdverseEvent {
    AdverseEvent {
        key: format!("{kind:?}"),
        cluster: "c1".into(),
        service,
        pod: None,
        container: None,
        node: None,
        kind,
        reason: String::new(),
        message: String::new(),
        exit_code: None,
        first: times[0],
        last: times[times.len() - 1],
        count: times.len() as u32,
        times: times.to_vec(),
        current: false,
        reconstructed: false,
    }
}

/// A request that a server answered, the `n`th span of all; without an error it went well.
pub fn span<'a>(owner: u32, n: u64, endpoint: &'a str, start: Timestamp, duration: i64, error: &'a str) -> SpanRow<'a> {
    SpanRow {
        owner,
        trace: TraceId(u128::from(n).to_be_bytes()),
        id: SpanId(n.to_be_bytes()),
        parent: None,
        kind: SpanKind::Server,
        name: endpoint,
        endpoint,
        callee: "",
        start,
        duration,
        status: SpanStatus::Unset,
        status_message: "",
        scope: "",
        http_status: if error.is_empty() { 200 } else { 500 },
        error,
        weight: 1.0,
        sampled: false,
        attributes: &[],
        events: &[],
        links: &[],
    }
}

/// A store in a folder.
///
/// # Panics
///
/// The folder cannot be used.
pub async fn open(folder: &std::path::Path) -> Store {
    let keep = Keep { age: model::DAY, bytes: 1 << 30 };
    Store::open(Config { path: folder.to_owned(), raw: keep, summaries: keep }).await.unwrap()
}

/// Records what the cluster says.
///
/// # Panics
///
/// The store takes nothing.
pub async fn record(store: &Store, services: Vec<ServiceState>, deploys: Vec<Deploy>) {
    let mut record = ClusterRecord::new(ClusterId("c1".into()));
    (record.services, record.deploys) = (services, deploys);
    store.record(&record).await.unwrap();
}
