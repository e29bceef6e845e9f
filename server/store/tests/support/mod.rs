//! Builders that the tests share.
#![allow(clippy::unwrap_used, dead_code, missing_docs, unreachable_pub)]

use std::path::Path;

use model::*;
use sqlx::{ConnectOptions, Connection};
use store::*;

pub const NOW: Timestamp = Timestamp(1_790_000_000 * SECOND);

pub fn config(path: &Path) -> Config {
    Config {
        path: path.to_owned(),
        raw: Keep { age: 7 * DAY, bytes: 1 << 30 },
        summaries: Keep { age: 90 * DAY, bytes: 1 << 30 },
    }
}

pub async fn open(path: &Path) -> Store {
    Store::open(config(path)).await.unwrap()
}

/// A store with the services `checkout` (pod `p1`) and `cart` (pod `p2`).
pub async fn with_services(folder: &std::path::Path) -> Store {
    let store = open(folder).await;
    let mut batch = record();
    batch.services = vec![service("checkout"), service("cart")];
    batch.pods =
        [pod("checkout", "p1", "10.0.0.1", 5), pod("cart", "p2", "10.0.0.2", 5)].map(std::sync::Arc::new).into();
    store.record(&batch).await.unwrap();
    store
}

pub fn id(name: &str) -> ServiceId {
    ServiceId::new("c1", "shop", "Deployment", name)
}

pub fn service(name: &str) -> ServiceState {
    ServiceState {
        id: id(name),
        uid: format!("uid-{name}"),
        created: Timestamp(1),
        deleted: None,
        managed_by: None,
        team: Some("shop".into()),
        aliases: vec![format!("{name}-alias")],
        grouped: false,
        wanted: 2,
        ready: 2,
        updated: 2,
        available: 2,
        revision: Some(RevisionHash("7d9f".into())),
        revision_name: Some("v1".into()),
        images: vec!["shop/x:v1".into()],
        short_since: None,
        down_since: None,
        grace: None,
        restarts: 0,
    }
}

pub fn pod(service: &str, uid: &str, ip: &str, created: i64) -> PodState {
    PodState {
        id: PodId(uid.into()),
        cluster: "c1".into(),
        namespace: "shop".into(),
        name: format!("{service}-7d9f-{uid}").into(),
        service: id(service).into(),
        revision: Some(RevisionHash("7d9f".into())),
        node: Some("n1".into()),
        ips: vec![ip.into()],
        zone: None,
        qos: None,
        whole: None,
        host_network: false,
        logs_off: false,
        created: Timestamp(created),
        ended: None,
        phase: PodPhase::Ready,
        history: vec![(Timestamp(created), PodPhase::Ready)],
        reason: None,
        containers: vec![ContainerState {
            name: "app".into(),
            asked: Asked { image: "shop/x:v1".into(), ..Asked::default() },
            id: Some(format!("container-{uid}").into()),
            state: "running".into(),
            ready: true,
            ..ContainerState::default()
        }],
    }
}

pub fn revision(service: &str, hash: &str, name: &str) -> Revision {
    Revision {
        service: id(service),
        hash: RevisionHash(hash.into()),
        name: name.into(),
        number: 1,
        created: Timestamp(1),
        images: vec![("app".into(), "shop/x:v1".into())],
        template: format!("template-{hash}"),
    }
}

pub fn deploy(service: &str, sequence: u32, started: Timestamp) -> Deploy {
    Deploy {
        id: DeployId { service: id(service), sequence },
        from: None,
        to: RevisionHash("7d9f".into()),
        from_name: None,
        to_name: "v1".into(),
        kind: if sequence == 1 { DeployKind::First } else { DeployKind::Image },
        phase: DeployPhase::RollingOut,
        started,
        rollback: false,
        reconstructed: false,
        cause: None,
        changes: vec!["image of app".into()],
    }
}

pub fn adverse(key: &str, service: Option<&str>, first: i64, last: i64, count: u32) -> AdverseEvent {
    AdverseEvent {
        key: key.into(),
        cluster: "c1".into(),
        service: service.map(id),
        pod: None,
        container: None,
        node: None,
        kind: AdverseKind::OomKill,
        reason: "OOMKilled".into(),
        message: format!("seen {count} times"),
        exit_code: Some(137),
        first: Timestamp(first),
        last: Timestamp(last),
        count,
        times: vec![Timestamp(last)],
        current: false,
        reconstructed: false,
    }
}

pub fn record() -> ClusterRecord {
    ClusterRecord::new(ClusterId("c1".into()))
}

pub fn facts_of_pod(uid: &str) -> OwnerFacts {
    OwnerFacts { pod_uid: Some(uid.into()), ..OwnerFacts::default() }
}

pub fn owner(name: &str) -> Owner {
    Owner { attributes: vec![("service.name".into(), name.into())], peer: None }
}

/// A request's span; what a test does not care for is the same in all.
#[derive(Clone)]
pub struct Request {
    pub trace: u128,
    pub id: u64,
    pub start: Timestamp,
    pub duration: i64,
    pub kind: SpanKind,
    pub endpoint: &'static str,
    pub http_status: u16,
    pub error: &'static str,
    pub weight: f32,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            trace: 1,
            id: 1,
            start: NOW,
            duration: 5_000_000,
            kind: SpanKind::Server,
            endpoint: "GET /",
            http_status: 200,
            error: "",
            weight: 1.0,
        }
    }
}

pub fn batch(request: u128, owner_and_facts: (Owner, OwnerFacts), spans: &[Request]) -> Batch {
    let mut batch = Batch::new(request.to_be_bytes());
    let owner = batch.owner(owner_and_facts.0, owner_and_facts.1);
    spans.iter().for_each(|span| push(&mut batch, owner, span));
    batch
}

pub fn push(batch: &mut Batch, owner: u32, span: &Request) {
    push_to(batch, owner, span, "");
}

/// A call of another service by a name.
pub fn push_call(batch: &mut Batch, owner: u32, callee: &str) {
    push_to(batch, owner, &Request { kind: SpanKind::Client, endpoint: "", ..Request::default() }, callee);
}

fn push_to(batch: &mut Batch, owner: u32, span: &Request, callee: &str) {
    batch.push(&SpanRow {
        owner,
        trace: TraceId(span.trace.to_be_bytes()),
        id: SpanId(span.id.to_be_bytes()),
        parent: None,
        kind: span.kind,
        name: span.endpoint,
        endpoint: span.endpoint,
        callee,
        start: span.start,
        duration: span.duration,
        status: SpanStatus::Unset,
        status_message: "",
        scope: "",
        http_status: span.http_status,
        error: span.error,
        weight: span.weight,
        sampled: false,
        attributes: &[],
        events: &[],
        links: &[],
    });
}

pub fn around(at: Timestamp) -> Window {
    Window::new(at.plus(-HOUR), at.plus(HOUR))
}

pub fn ask(window: Window, step: i64, by: By) -> RedQuery {
    RedQuery { services: None, window, step: Step(step), by }
}

/// Requests and errors of all cells of all rows.
pub fn totals(rows: &[RedRow]) -> (f64, f64) {
    let cells = || rows.iter().flat_map(|row| &row.cells);
    (cells().map(|(_, red)| red.requests).sum(), cells().map(|(_, red)| red.errors).sum())
}

/// A small generator (xorshift), so that a failing case repeats.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// The clock's time, for what is compared with arrival.
pub fn clock() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp(since.as_nanos() as i64)
}

/// Overwrites the first page of a table or an index.
pub async fn spoil(path: &Path, name: &str) {
    let mut connection = sqlx::sqlite::SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    let (page, size): (i64, i64) =
        sqlx::query_as("select rootpage, page_size from sqlite_schema, pragma_page_size where name = ?1")
            .bind(name)
            .fetch_one(&mut connection)
            .await
            .unwrap();
    connection.close().await.unwrap();
    let mut bytes = std::fs::read(path).unwrap();
    let from = ((page - 1) * size) as usize;
    bytes[from..from + size as usize].fill(0xa5);
    std::fs::write(path, bytes).unwrap();
}
