//! A long time of one service, as its pages ask for it: by steps of hours, where its pods and minutes are of no matter.
//! The same is asked by steps that no ten minutes fit into, which minutes with pods must answer.

use std::path::Path;
use std::time::Instant;

use model::{DAY, HOUR, MINUTE, Owner, SpanId, SpanKind, SpanStatus, Step, Timestamp, TraceId, Window};
use store::{Batch, By, OwnerFacts, RedQuery, SpanRow, Store};

use super::ask::Times;
use super::{Failure, fleet, now, open, print};

const PODS: usize = 20;
const ENDPOINTS: usize = 20;
/// Minutes of a request that is sent.
const SENT: i64 = 10;
/// Requests that wait for their commit together.
const TOGETHER: usize = 16;
/// How often each question is asked; by minutes it takes long.
const TIMES: usize = 20;
const FEW: usize = 5;

/// Stores so many days, in each minute a request to each endpoint of each pod, and asks for them.
pub(super) async fn month(data: &Path, days: i64) -> Result<(), Failure> {
    let store = open(data).await?;
    let mut known = fleet::known(1);
    known.pods = (0..PODS).map(|number| fleet::pod(number).into()).collect();
    store.record(&known).await?;
    let end = now()?.floor(DAY);
    let window = Window::new(end.plus(-days * DAY), end);
    send(&store, window).await?;
    let begun = Instant::now();
    store.maintain(now()?.plus(7 * HOUR)).await?;
    print("folding", begun.elapsed().as_secs_f64(), &format!("seconds for {days} days in one partition"))?;
    let status = store.status().await?;
    print("summaries", status.summaries.bytes as f64 / 1e6, "MB of minutes and tens")?;
    let step = window.step(240);
    let what = format!("{days} days, {PODS} pods, {ENDPOINTS} endpoints");
    let wanted = (days * DAY / MINUTE) as f64 * (PODS * ENDPOINTS) as f64;
    ask(&store, (window, step), "red of a month", (TIMES, &what), wanted).await?;
    let odd = Step(step.0 + MINUTE);
    ask(&store, (window, odd), "red of a month by minutes", (FEW, &what), wanted).await?;
    store.close().await?;
    Ok(())
}

async fn ask(
    store: &Store,
    (window, step): (Window, Step),
    name: &str,
    (times, what): (usize, &str),
    wanted: f64,
) -> Result<(), Failure> {
    let mut all = Times::new()?;
    let mut first = 0.0;
    for round in 0..times {
        let services = Some(vec![fleet::id(0)]);
        let begun = Instant::now();
        let rows = store.telemetry().red(RedQuery { services, window, step, by: By::Endpoint }).await?;
        if round == 0 {
            first = begun.elapsed().as_secs_f64() * 1e3;
        }
        all.since(begun);
        let found: f64 = rows.iter().flat_map(|row| &row.cells).map(|(_, red)| red.requests).sum();
        if found != wanted {
            return Err(format!("{name}: {found} requests instead of {wanted}").into());
        }
    }
    all.print(name, &format!("{what}, the first time {first:.1} ms"))
}

async fn send(store: &Store, window: Window) -> Result<(), Failure> {
    let endpoints: Vec<String> = (0..ENDPOINTS).map(|n| format!("GET /endpoint/{n}")).collect();
    let mut waiting = Vec::new();
    let mut at = window.from;
    while at < window.to {
        let batch = batch(at, &endpoints);
        let telemetry = store.telemetry();
        waiting.push(tokio::spawn(async move { telemetry.append(batch).await }));
        at = at.plus(SENT * MINUTE);
        if waiting.len() == TOGETHER || at >= window.to {
            for task in waiting.drain(..) {
                task.await??;
            }
        }
    }
    Ok(())
}

/// The requests of some minutes. Durations differ, so that histograms have a width as in life.
fn batch(from: Timestamp, endpoints: &[String]) -> Batch {
    let mut batch = Batch::new((from.0 as u128).to_be_bytes());
    for pod in 0..PODS {
        let uid = fleet::pod(pod).id.to_string();
        let attributes = vec![("k8s.pod.uid".to_owned(), uid.clone())];
        let facts = OwnerFacts { pod_uid: Some(uid), ..OwnerFacts::default() };
        let owner = batch.owner(Owner { attributes, peer: None }, facts);
        for minute in 0..SENT {
            for (n, endpoint) in endpoints.iter().enumerate() {
                let place = (minute as u64 * PODS as u64 + pod as u64) * ENDPOINTS as u64 + n as u64;
                let mixed = (from.0 as u64 ^ place).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                let failed = mixed.is_multiple_of(101);
                batch.push(&SpanRow {
                    owner,
                    trace: TraceId((u128::from(mixed) << 64 | u128::from(place)).to_be_bytes()),
                    id: SpanId(mixed.to_be_bytes()),
                    parent: None,
                    kind: SpanKind::Server,
                    name: endpoint,
                    endpoint,
                    callee: "",
                    start: from.plus(minute * MINUTE + (mixed % 60_000) as i64 * 1_000_000),
                    duration: 1_000_000 << (mixed >> 60 & 7) | (mixed >> 40 & 0xf_ffff) as i64,
                    status: SpanStatus::Unset,
                    status_message: "",
                    scope: "",
                    http_status: if failed { 503 } else { 200 },
                    error: if failed { "503" } else { "" },
                    weight: 1.0,
                    sampled: false,
                    attributes: &[],
                    events: &[],
                    links: &[],
                });
            }
        }
    }
    batch
}
