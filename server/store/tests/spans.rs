//! Searches of spans against the spans themselves, in every state of the files.
#![allow(clippy::unwrap_used)]

mod support;

use model::*;
use store::*;
use support::*;

#[derive(Debug, Clone)]
struct Told {
    owner: usize,
    trace: TraceId,
    id: SpanId,
    kind: SpanKind,
    name: &'static str,
    endpoint: &'static str,
    at: Timestamp,
    duration: i64,
    status: SpanStatus,
    error: &'static str,
    http: u16,
    attributes: Vec<(&'static str, Value)>,
}

impl Told {
    fn failed(&self) -> bool {
        self.status == SpanStatus::Error || !self.error.is_empty()
    }

    fn has(&self, key: &str, value: &str) -> bool {
        self.attributes.iter().any(|(known, own)| *known == key && own.to_string() == value)
    }

    fn names(&self, word: &str) -> bool {
        self.name.contains(word) || self.endpoint.contains(word)
    }
}

fn random_spans(random: &mut Random, count: u64) -> Vec<Told> {
    const ENDPOINTS: [&str; 4] = ["POST /checkout", "GET /cart/{id}", "GET /healthz", "orders process"];
    let span = |n: u64| {
        let kind = SpanKind::from_number(random.below(6));
        let endpoint = ENDPOINTS[random.below(4) as usize];
        let error = ["", "", "", "PaymentTimeout"][random.below(4) as usize];
        let mut attributes = vec![("retry", Value::Bool(random.below(2) == 0))];
        if random.below(3) == 0 {
            attributes.push(("user.tier", Value::Text(["gold", "tin"][random.below(2) as usize].to_owned())));
        }
        attributes.push(("shard", Value::Int(random.below(5) as i64)));
        Told {
            owner: random.below(2) as usize,
            trace: TraceId(u128::from(random.below(40) + 1).to_be_bytes()),
            id: SpanId((random.0 ^ n).to_be_bytes()),
            kind,
            name: if kind.is_request() { endpoint } else { ["SELECT", "render page"][random.below(2) as usize] },
            endpoint: if kind.is_request() { endpoint } else { "" },
            // Few moments and lengths, so that pages end among equal ones.
            at: NOW.plus(random.below(300) as i64 * 10 * SECOND - 40 * MINUTE),
            duration: [3, 80, 250, 900, 2_000][random.below(5) as usize] * 1_000_000 + random.below(3) as i64,
            status: SpanStatus::from_number(random.below(3)),
            error: if kind.is_request() { error } else { "" },
            http: [0, 200, 404, 500, 503][random.below(5) as usize],
            attributes,
        }
    };
    (0..count).map(span).collect()
}

async fn append_all(store: &Store, random: &mut Random, spans: &[Told]) {
    for chunk in spans.chunks(41) {
        let mut batch = Batch::new((u128::from(random.0) << 32 | spans.len() as u128).to_be_bytes());
        random.below(9);
        let owners =
            [("checkout", "p1"), ("cart", "p2")].map(|(name, pod)| batch.owner(owner(name), facts_of_pod(pod)));
        for told in chunk {
            batch.push(&SpanRow {
                owner: owners[told.owner],
                trace: told.trace,
                id: told.id,
                parent: None,
                kind: told.kind,
                name: told.name,
                endpoint: told.endpoint,
                callee: "",
                start: told.at,
                duration: told.duration,
                status: told.status,
                status_message: "",
                scope: "shop",
                http_status: told.http,
                error: told.error,
                weight: 1.0,
                sampled: false,
                attributes: &told.attributes,
                events: &[],
                links: &[],
            });
        }
        assert_eq!(store.telemetry().append(batch).await.unwrap(), Appended::Stored);
    }
}

type Matches = fn(&Told) -> bool;

const QUERIES: [(&str, Matches); 19] = [
    ("", |_| true),
    (r#"endpoint:"POST /checkout""#, |s| s.endpoint == "POST /checkout"),
    ("endpoint:nothing", |_| false),
    ("status:error", Told::failed),
    ("status:ok http:5xx", |s| !s.failed() && (500..600).contains(&s.http)),
    ("-status:error", |s| !s.failed()),
    ("duration:>250ms", |s| s.duration > 250_000_000),
    ("duration:>=80ms duration:<900ms", |s| s.duration >= 80_000_000 && s.duration < 900_000_000),
    ("http:>=500", |s| s.http >= 500),
    ("-http:200", |s| s.http != 200),
    ("user.tier=gold", |s| s.has("user.tier", "gold")),
    ("user.tier=gold shard=3 -retry=true", |s| {
        s.has("user.tier", "gold") && s.has("shard", "3") && !s.has("retry", "true")
    }),
    ("-user.tier=*", |s| s.attributes.iter().all(|(key, _)| *key != "user.tier")),
    ("user.tier=silver", |_| false),
    ("CART", |s| s.names("cart")),
    ("\"checkout\" -healthz", |s| s.names("checkout") && !s.names("healthz")),
    ("pod=checkout-7d9f-p1 status:error", Told::failed),
    ("error=PaymentTimeout", |s| s.error == "PaymentTimeout"),
    ("trace=00000000000000000000000000000004", |s| s.trace == TraceId(4_u128.to_be_bytes())),
];

fn question(query: &str) -> SpanAsk {
    SpanAsk {
        service: id("checkout"),
        window: Window::new(NOW.plus(-30 * MINUTE), NOW.plus(5 * MINUTE)),
        filter: query.parse().unwrap(),
        all_kinds: false,
        order: SpanOrder::Newest,
        after: None,
        limit: 25,
        plot: true,
    }
}

/// All spans of a question, page by page, and the chart that the first page has.
async fn all_pages(store: &Store, ask: SpanAsk) -> (Vec<SpanHit>, SpanPlot) {
    let first = store.telemetry().spans(ask.clone()).await.unwrap();
    assert_eq!(first.covered_from, None);
    let (mut spans, mut next) = (first.spans, first.next);
    while let Some(after) = next {
        let page = store.telemetry().spans(SpanAsk { after: Some(after), plot: false, ..ask.clone() }).await.unwrap();
        spans.extend(page.spans);
        next = page.next;
    }
    (spans, first.plot)
}

async fn compare(store: &Store, told: &[Told]) {
    for (query, matches) in QUERIES {
        for (all_kinds, order) in [(false, SpanOrder::Newest), (true, SpanOrder::Slowest), (true, SpanOrder::Newest)] {
            let ask = SpanAsk { all_kinds, order, ..question(query) };
            let is_asked = |s: &&Told| {
                s.owner == 0 && ask.window.contains(s.at) && (all_kinds || s.kind.is_request()) && matches(s)
            };
            let mut expected: Vec<&Told> = told.iter().filter(is_asked).collect();
            expected.sort_by_key(|s| match order {
                SpanOrder::Newest => (s.at.0, s.at.0, s.trace, s.id),
                SpanOrder::Slowest => (s.duration, s.at.0, s.trace, s.id),
            });
            expected.reverse();
            let (spans, plot) = all_pages(store, ask).await;
            let found: Vec<_> = spans.iter().map(|s| (s.at, s.duration, s.trace, s.id, s.failed)).collect();
            let wanted: Vec<_> = expected.iter().map(|s| (s.at, s.duration, s.trace, s.id, s.failed())).collect();
            assert!(found == wanted, "{query} {order:?}: {} of {}", found.len(), wanted.len());
            let failed = expected.iter().filter(|s| s.failed()).count() as u64;
            assert_eq!((plot.matched, plot.failed), (expected.len() as u64, failed), "{query}");
            assert_eq!(plot.points.len(), expected.len().min(600), "{query}");
            for (hit, told) in spans.iter().zip(expected) {
                assert_eq!((&*hit.name, &*hit.endpoint, hit.kind), (told.name, told.endpoint, told.kind));
                assert_eq!((hit.http_status, hit.pod.as_deref()), (told.http, Some("checkout-7d9f-p1")));
            }
        }
    }
}

#[tokio::test]
async fn searches_equal_a_naive_model_live_merged_and_reopened() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_services(folder.path()).await;
    let mut random = Random(17);
    let mut told = random_spans(&mut random, 700);
    append_all(&store, &mut random, &told).await;
    compare(&store, &told).await;
    store.maintain(clock().plus(3 * MINUTE)).await.unwrap();
    compare(&store, &told).await;
    let more = random_spans(&mut random, 90);
    append_all(&store, &mut random, &more).await;
    told.extend(more);
    compare(&store, &told).await;
    store.close().await.unwrap();
    let store = open(folder.path()).await;
    compare(&store, &told).await;
    assert_eq!(store.status().await.unwrap().spans, 790);
}

#[tokio::test]
async fn a_block_of_before_there_were_filters_of_words_is_still_searched() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_services(folder.path()).await;
    let mut random = Random(5);
    let told = random_spans(&mut random, 200);
    append_all(&store, &mut random, &told).await;
    store.maintain(clock().plus(3 * MINUTE)).await.unwrap();
    store.close().await.unwrap();
    let raw = std::fs::read_dir(folder.path().join("raw")).unwrap().flatten().map(|entry| entry.path());
    for path in raw.filter(|path| path.extension().is_some_and(|ext| ext == "db")) {
        let pool = sqlx::SqlitePool::connect(&format!("sqlite://{}", path.display())).await.unwrap();
        let gone = sqlx::query("delete from words").execute(&pool).await.unwrap();
        assert!(gone.rows_affected() > 0);
        pool.close().await;
    }
    compare(&open(folder.path()).await, &told).await;
}

/// Asks for each trace by its id.
async fn compare_traces(store: &Store, told: &[Told]) {
    for number in 1..=41_u128 {
        let trace = TraceId(number.to_be_bytes());
        let mut found: Vec<SpanId> =
            store.telemetry().trace(trace).await.unwrap().spans.iter().map(|stored| stored.span.id).collect();
        let mut expected: Vec<SpanId> = told.iter().filter(|told| told.trace == trace).map(|told| told.id).collect();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected, "trace {number}");
    }
}

#[tokio::test]
async fn traces_are_found_by_runs_over_many_blocks_and_a_damaged_row_hides_none() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_services(folder.path()).await;
    let mut random = Random(11);
    let told = random_spans(&mut random, 600);
    for part in told.chunks(120) {
        append_all(&store, &mut random, part).await;
        // Each part becomes a block.
        store.maintain(clock().plus(3 * MINUTE)).await.unwrap();
    }
    compare_traces(&store, &told).await;
    store.maintain(clock().plus(7 * HOUR)).await.unwrap();
    compare_traces(&store, &told).await;
    store.close().await.unwrap();
    let mut raw = std::fs::read_dir(folder.path().join("raw")).unwrap().flatten().map(|entry| entry.path());
    let path = raw.find(|path| path.extension().is_some_and(|ext| ext == "db")).unwrap();
    let pool = sqlx::SqlitePool::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    let (runs, filters, blocks): (i64, i64, i64) = sqlx::query_as(
        "select (select count(*) from trace_runs), (select count(*) from filters), (select count(*) from blocks)",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert_eq!((runs, filters, blocks), (1, 0, 5));
    sqlx::query("update trace_rows set data = unhex(hex(data) || '00')").execute(&pool).await.unwrap();
    pool.close().await;
    let store = open(folder.path()).await;
    compare_traces(&store, &told).await;
    assert!(store.status().await.unwrap().failing.unwrap().contains("a row of traces"));
}
