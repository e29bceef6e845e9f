#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, clippy::too_many_lines)]
use model::*;
use std::time::Instant;
use store::*;
fn cpu() -> f64 {
    let s = std::fs::read_to_string("/proc/self/stat").unwrap();
    let f: Vec<&str> = s.rsplit(')').next().unwrap().split_whitespace().collect();
    (f[11].parse::<f64>().unwrap() + f[12].parse::<f64>().unwrap()) / 100.0
}
fn rss() -> String {
    std::fs::read_to_string("/proc/self/status").unwrap().lines().find(|l| l.starts_with("VmRSS")).unwrap().to_owned()
}
struct R(u64);
impl R {
    fn n(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
    fn b(&mut self, m: u64) -> u64 {
        self.n() % m
    }
}
fn clock() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as i64
}
fn svc(n: usize) -> ServiceState {
    ServiceState {
        id: ServiceId::new("c1", "shop", "Deployment", format!("svc-{n}")),
        uid: format!("u{n}"),
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
        revision_name: None,
        images: vec![],
        short_since: None,
        down_since: None,
        grace: None,
        restarts: 0,
    }
}
fn pod(n: usize, services: usize) -> PodState {
    PodState {
        id: PodId(format!("5c1d7e9a-0000-0000-0000-{n:012}")),
        cluster: "c1".into(),
        namespace: "shop".into(),
        name: format!("svc-{}-7d9f-{n}", n % services),
        service: ServiceId::new("c1", "shop", "Deployment", format!("svc-{}", n % services)),
        revision: Some(RevisionHash("7d9f".into())),
        node: Some("n1".into()),
        ips: vec![format!("10.{}.{}.{}", n >> 16, n >> 8 & 255, n & 255)],
        host_network: false,
        created: Timestamp(1),
        ended: None,
        phase: PodPhase::Ready,
        history: vec![],
        reason: None,
        containers: vec![],
    }
}
fn batch(r: &mut R, services: usize, per: usize, base: i64) -> SpanBatch {
    let mut b = SpanBatch::new((u128::from(r.n()) << 64 | u128::from(r.n())).to_be_bytes());
    let s = r.b(services as u64) as usize;
    let mut attrs: Vec<(String, String)> =
        (0..8).map(|i| (format!("resource.attribute.{i}"), format!("value-{i}-{s}"))).collect();
    attrs.push(("service.name".into(), format!("svc-{s}")));
    let facts = OwnerFacts {
        pod_uid: Some(format!("5c1d7e9a-0000-0000-0000-{s:012}")),
        service_name: Some(format!("svc-{s}")),
        ..Default::default()
    };
    let o = b.owner(Owner { attributes: attrs, peer: None }, facts);
    let mut trace = [0; 16];
    let mut parent = SpanId([0; 8]);
    for n in 0..per {
        if n % 8 == 0 {
            trace = (u128::from(r.n()) << 64 | u128::from(r.n())).to_be_bytes();
        }
        let id = SpanId(r.n().to_be_bytes());
        let route = r.b(10);
        let vals: Vec<(&str, Value)> = vec![
            ("http.request.method", Value::Text("GET".into())),
            ("http.route", Value::Text(format!("/api/v1/items/{route}"))),
            ("url.path", Value::Text(format!("/api/v1/items/{route}/{}", r.b(10000)))),
            ("server.address", Value::Text(format!("svc-{s}.shop.svc"))),
            ("server.port", Value::Int(8080)),
            ("http.response.status_code", Value::Int(200)),
            ("network.protocol.version", Value::Text("1.1".into())),
            ("client.address", Value::Text(format!("10.0.{}.{}", r.b(4), r.b(250)))),
            ("user_agent.original", Value::Text("python-requests/2.31".into())),
            ("thread.id", Value::Int(r.b(64) as i64)),
            ("thread.name", Value::Text(format!("worker-{}", r.b(64)))),
            ("app.user", Value::Text(format!("user-{}", r.b(5000)))),
        ];
        let ev = if n % 10 == 0 {
            vec![EventRow {
                at: Timestamp(base),
                name: "exception",
                attributes: vec![
                    ("exception.type", Value::Text("java.lang.IllegalStateException".into())),
                    ("exception.message", Value::Text(format!("no item {}", r.b(1000)))),
                ],
            }]
        } else {
            vec![]
        };
        let kind = if n % 8 == 0 {
            SpanKind::Server
        } else if n % 4 == 1 {
            SpanKind::Client
        } else {
            SpanKind::Internal
        };
        let endpoint = format!("GET /api/v1/items/{route}");
        b.push(&SpanRow {
            owner: o,
            trace: TraceId(trace),
            id,
            parent: (n % 8 != 0).then_some(parent),
            kind,
            name: &endpoint,
            endpoint: if kind.is_request() { &endpoint } else { "" },
            callee: if kind == SpanKind::Client { "db" } else { "" },
            start: Timestamp(base + r.b(SECOND as u64) as i64),
            duration: (r.b(50_000_000) + 100_000) as i64,
            status: SpanStatus::Unset,
            status_message: "",
            scope: "io.opentelemetry.http",
            http_status: 200,
            error: if n % 80 == 0 { "java.lang.IllegalStateException" } else { "" },
            weight: 1.0,
            sampled: false,
            attributes: &vals,
            events: &ev,
            links: &[],
        });
        if n % 8 < 3 {
            parent = id;
        }
    }
    b
}
#[tokio::main]
async fn main() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config {
        path: dir.path().to_owned(),
        raw: Keep { age: 7 * DAY, bytes: 20 << 30 },
        summaries: Keep { age: 90 * DAY, bytes: 5 << 30 },
    };
    let t = Instant::now();
    let store = Store::open(config.clone()).await.unwrap();
    println!("open empty {:?} {}", t.elapsed(), rss());
    let (services, pods) = (10_000, 50_000);
    let mut rec = ClusterRecord::new(ClusterId("c1".into()));
    rec.services = (0..services).map(svc).collect();
    rec.pods = (0..pods).map(|n| pod(n, services)).collect();
    let t = Instant::now();
    store.record(rec).await.unwrap();
    println!("record 10k services 50k pods {:?} {}", t.elapsed(), rss());
    let t = Instant::now();
    for n in 0..100 {
        let mut rec = ClusterRecord::new(ClusterId("c1".into()));
        rec.pods = vec![PodState { phase: PodPhase::NotReady, ..pod(n * 7, services) }];
        rec.services = vec![ServiceState { ready: 0, ..svc(n) }];
        store.record(rec).await.unwrap();
    }
    println!("record one pod and service: {:?} each", t.elapsed() / 100);
    let mut r = R(88172645463325252);
    let tel = store.telemetry();
    let base = clock() - HOUR;
    let batches: Vec<_> = (0..300).map(|n| batch(&mut r, 12, 1000, base + n * SECOND)).collect();
    let (t, c) = (Instant::now(), cpu());
    let mut set = tokio::task::JoinSet::<Result<Appended, Error>>::new();
    for b in batches {
        let tel = tel.clone();
        while set.len() >= 16 {
            set.join_next().await.unwrap().unwrap().unwrap();
        }
        set.spawn(async move { tel.append_spans(b).await });
    }
    while let Some(x) = set.join_next().await {
        x.unwrap().unwrap();
    }
    let (wall, used) = (t.elapsed().as_secs_f64(), cpu() - c);
    println!(
        "append 300k spans: wall {wall:.2} s, cpu {used:.2} s = {:.0} spans/CPU-s (decode excluded) {}",
        300e3 / used,
        rss()
    );
    let st = store.status().await.unwrap();
    println!("raw before merge {} B/span", st.raw_bytes as f64 / 300e3);
    let (t, c) = (Instant::now(), cpu());
    store.maintain(Timestamp(clock() + 3 * MINUTE)).await.unwrap();
    println!("maintain {:?} cpu {:.2}", t.elapsed(), cpu() - c);
    store.maintain(Timestamp(clock() + 9 * HOUR)).await.unwrap();
    let st = store.status().await.unwrap();
    println!(
        "raw after merge+close {:.1} B/span; summaries {} KB",
        st.raw_bytes as f64 / 300e3,
        st.summary_bytes / 1024
    );
    let one = batch(&mut r, 12, 8, base);
    drop(one);
    // every service has requests in every minute of an hour
    let at = clock() - 2 * HOUR;
    let t = Instant::now();
    for m in 0..60_i64 {
        let mut all = SpanBatch::new([100 + m as u8; 16]);
        for s in 0..services {
            let o = all.owner(
                Owner { attributes: vec![("service.name".into(), format!("svc-{s}"))], peer: None },
                OwnerFacts { pod_uid: Some(format!("5c1d7e9a-0000-0000-0000-{s:012}")), ..Default::default() },
            );
            for k in 0..2 {
                all.push(&SpanRow {
                    owner: o,
                    trace: TraceId((s as u128 + 1).to_be_bytes()),
                    id: SpanId([1; 8]),
                    parent: None,
                    kind: SpanKind::Server,
                    name: "GET /",
                    endpoint: "GET /",
                    callee: "",
                    start: Timestamp(at + m * MINUTE + k * 20 * SECOND),
                    duration: (r.b(1 << 26)) as i64,
                    status: SpanStatus::Unset,
                    status_message: "",
                    scope: "",
                    http_status: 200,
                    error: "",
                    weight: 1.0,
                    sampled: false,
                    attributes: &[],
                    events: &[],
                    links: &[],
                });
            }
        }
        tel.append_spans(all).await.unwrap();
    }
    println!("60 minutes of 10k services appended in {:?} {}", t.elapsed(), rss());
    store.maintain(Timestamp(clock())).await.unwrap();
    for (what, step) in [("5 min", 5 * MINUTE), ("1 h", HOUR), ("20 s", 20 * SECOND)] {
        for _ in 0..3 {
            let ask = RedQuery {
                services: None,
                window: Window::new(Timestamp(at), Timestamp(at + HOUR)),
                step: Step(step),
                by: By::Service,
            };
            let t = Instant::now();
            let rows = tel.red(ask).await.unwrap();
            println!("red 10k services 1 h step {what}: {:?} ({} rows)", t.elapsed(), rows.len());
        }
    }
    let ask = RedQuery {
        services: Some(vec![svc(3).id]),
        window: Window::new(Timestamp(at), Timestamp(at + HOUR)),
        step: Step(20 * SECOND),
        by: By::EndpointRevision,
    };
    let t = Instant::now();
    let rows = tel.red(ask).await.unwrap();
    println!("red one service {:?} ({} rows)", t.elapsed(), rows.len());
    let probe = batch(&mut R(5), 1, 8, base);
    tel.append_spans(probe).await.unwrap();
    let mut rr = R(5);
    let _ = (rr.n(), rr.n());
    let _ = rr.b(1);
    let trace = TraceId((u128::from(rr.n()) << 64 | u128::from(rr.n())).to_be_bytes());
    for _ in 0..3 {
        let t = Instant::now();
        let spans = tel.trace(trace).await.unwrap();
        println!("trace {:?} ({} spans)", t.elapsed(), spans.len());
    }
    store.close().await.unwrap();
    println!("closed {}", rss());
    let t = Instant::now();
    let store = Store::open(config).await.unwrap();
    println!("reopen {:?} {}", t.elapsed(), rss());
    let t = Instant::now();
    println!(
        "last request {:?} {:?}",
        store.telemetry().last_request(&svc(3).id).await.unwrap().is_some(),
        t.elapsed()
    );
}
