//! Times an hour of verdicts with the store they are made from: a part of ten thousand services, each of which has one
//! deploy in the hour that is looked at whenever it is due. `cargo run --release -p verdicts --example hour -- SERVICES
//! HOURS`: so many services, whose deploys follow each other as closely as those of ten thousand, and so many hours of
//! past.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::disallowed_methods)]

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use model::*;
use rustix::time::{ClockId, clock_gettime};
use store::{Batch, ClusterRecord, OwnerFacts, PointRow, SeriesRow, SpanRow, Store, fixtures};
use tokio_util::sync::CancellationToken;
use verdicts::Judging;

/// As in the server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Services that may cost no more than `TARGET` an hour to judge.
const SERVICES: u32 = 10_000;
const TARGET: Duration = Duration::from_secs(60);
/// Of each service.
const ENDPOINTS: [&str; 5] = ["GET /cart", "POST /cart", "GET /items", "POST /checkout", "DELETE /cart"];
const PODS: u32 = 3;
/// Spans a minute of a pod and endpoint, and how many requests each stands for.
const SPANS: i64 = 12;
const WEIGHT: f32 = 7.0;
/// How often the server asks what is due.
const TICK: i64 = 5 * SECOND;
/// Containers are measured over so long before a deploy, that often.
const MEASURED: i64 = 30 * MINUTE;
const KUBELET: i64 = 15 * SECOND;
/// Minutes that go into one batch.
const STRETCH: i64 = 10;

#[tokio::main]
async fn main() {
    let number = |at, otherwise| std::env::args().nth(at).and_then(|text| text.parse().ok()).unwrap_or(otherwise);
    let (services, hours): (u32, u32) = (number(1, 500), number(2, 12));
    let folder = tempfile::tempdir().unwrap();
    let store = fixtures::open(folder.path()).await;
    let now = Timestamp(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as i64).floor(MINUTE);
    let fleet = Fleet { services, begins: now.plus(-HOUR - 10 * MINUTE), hours: i64::from(hours) };
    fleet.record(&store).await;
    fleet.serve(&store).await;
    store.maintain(now).await.unwrap();

    let mut judging = Judging::new(store.clone(), fleet.begins.plus(-HOUR), CancellationToken::new());
    let (mut looks, mut at, before) = (0, fleet.begins, processor());
    while at < fleet.begins.plus(HOUR + 5 * MINUTE) {
        looks += judging.look(at).await.unwrap();
        at = at.plus(TICK);
    }
    let took = processor() - before;
    let judged = store.newest_judgements().len();
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!(
        "{SERVICES} services with {} endpoints, {PODS} pods, {hours} h of past, each with one deploy in the hour: a look at \
         each takes {:.1?} of processor time with the store (target {TARGET:.0?}), all looks at all {:.0?}; measured on \
         {services}, of which {judged} were judged at {looks} looks, {:.1?} each; load {}",
        ENDPOINTS.len(),
        took * SERVICES / looks as u32,
        took * SERVICES / services,
        took / looks as u32,
        load.trim(),
    );
    store.close().await.unwrap();
}

/// Processor time of this process.
fn processor() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Services whose deploys begin one after the other, `SERVICES` an hour.
struct Fleet {
    services: u32,
    begins: Timestamp,
    /// Of past.
    hours: i64,
}

impl Fleet {
    fn id(n: u32) -> ServiceId {
        fixtures::id(&format!("service-{n}"))
    }

    /// When a service's deploy begins.
    fn begins(&self, n: u32) -> Timestamp {
        self.begins.plus(i64::from(n) * HOUR / i64::from(SERVICES))
    }

    /// Pods of one revision; the old ones end when the new ones are there.
    fn pods(&self, n: u32, revision: &str) -> Vec<PodState> {
        let begins = self.begins(n);
        let is_new = revision == "b";
        let created = if is_new { begins.plus(5 * SECOND) } else { begins.plus(-2 * DAY) };
        let pod = |p: u32| PodState {
            revision: Some(RevisionHash(revision.into())),
            node: Some("n1".into()),
            ended: (!is_new).then(|| begins.plus(MINUTE)),
            containers: vec![fixtures::container("app")],
            ..fixtures::pod(Self::id(n), &format!("service-{n}-{revision}-{p}"), created)
        };
        (0..PODS).map(pod).collect()
    }

    async fn record(&self, store: &Store) {
        let mut record = ClusterRecord::new(ClusterId("c1".into()));
        for n in 0..self.services {
            let revision = Some(RevisionHash("b".into()));
            let created = self.begins.plus(-3 * DAY);
            let state = fixtures::service(&format!("service-{n}"));
            record.services.push(ServiceState { created, revision, wanted: PODS, ready: PODS, ..state });
            let pods = ["a", "b"].into_iter().flat_map(|revision| self.pods(n, revision));
            record.pods.extend(pods.map(Arc::new));
            record.deploys.push(Deploy {
                id: DeployId { service: Self::id(n), sequence: 2 },
                from: Some(RevisionHash("a".into())),
                phase: DeployPhase::Settled { at: self.begins(n).plus(90 * SECOND) },
                started: self.begins(n),
                ..fixtures::deploy(2)
            });
        }
        store.record(&record).await.unwrap();
    }

    /// Requests and what containers use, in order of time, as they would have come.
    async fn serve(&self, store: &Store) {
        let first = self.begins.plus(-self.hours * HOUR);
        let end = self.begins.plus(HOUR + 5 * MINUTE);
        let mut sent = 0;
        let mut from = first;
        while from < end {
            let window = Window::new(from, from.plus(STRETCH * MINUTE).min(end));
            for part in 0..self.services.div_ceil(100) {
                let mut batch = Batch::new(u128::from(sent + 1).to_be_bytes());
                for n in (part * 100)..self.services.min((part + 1) * 100) {
                    for pod in ["a", "b"].into_iter().flat_map(|revision| self.pods(n, revision)) {
                        self.pod(&mut batch, n, &pod, window, &mut sent);
                    }
                }
                if !batch.is_empty() {
                    store.telemetry().append(batch).await.unwrap();
                }
            }
            store.maintain(window.to.plus(MINUTE)).await.unwrap();
            from = window.to;
        }
    }

    fn pod(&self, batch: &mut Batch, n: u32, pod: &PodState, window: Window, sent: &mut u64) {
        let end = pod.ended.unwrap_or(window.to).min(window.to);
        let alive = Window::new(pod.created.max(window.from), end);
        if alive.length() <= 0 {
            return;
        }
        let facts = OwnerFacts { pod_uid: Some(pod.name.to_string()), ..OwnerFacts::default() };
        let attributes = vec![("k8s.pod.uid".to_owned(), pod.name.to_string())];
        let owner = batch.owner(Owner { attributes, peer: None }, facts);
        let mut minute = alive.from.floor(MINUTE).plus(MINUTE);
        while minute < alive.to {
            for (endpoint, _) in ENDPOINTS.into_iter().flat_map(|endpoint| (0..SPANS).map(move |n| (endpoint, n))) {
                *sent += 1;
                let chance = random(*sent);
                let error = if chance.is_multiple_of(200) { "Timeout" } else { "" };
                let duration = (20e6 * ((chance >> 44) as f64 / 524_288.0).exp()) as i64;
                let start = minute.plus((chance >> 8) as i64 % MINUTE);
                let span = fixtures::span(owner, *sent, endpoint, start, duration, error);
                batch.push(&SpanRow { weight: WEIGHT, sampled: true, ..span });
            }
            minute = minute.plus(MINUTE);
        }
        let measured = alive.from.max(self.begins(n).plus(-MEASURED)).floor(KUBELET).plus(KUBELET);
        self.measure(batch, owner, pod, Window::new(measured, alive.to));
    }

    /// A container of a pod by what its kubelet says.
    fn measure(&self, batch: &mut Batch, owner: u32, pod: &PodState, window: Window) {
        let labels = [("container", "app"), ("pod", pod.name.as_str())];
        let names = [
            ("container.memory.working_set", MetricKind::Gauge, 2e8, 0.0),
            ("container.cpu.time", MetricKind::Counter, 0.0, 0.2),
        ];
        for (name, kind, level, rate) in names {
            let (unit, description, scope, bounds) = ("", "", "", [].as_slice());
            let series = SeriesRow { owner, name, kind, unit, description, scope, labels: &labels, bounds };
            let mut at = window.from;
            while at < window.to {
                let value = level + rate * at.since(pod.created) as f64 / SECOND as f64;
                let point = PointRow { at, start: pod.created, value, distribution: None };
                batch.push_point(&series, &point);
                at = at.plus(KUBELET);
            }
        }
    }
}

/// SplitMix64's mix: the same number, the same chance.
fn random(n: u64) -> u64 {
    let z = (n ^ (n >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9).wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
