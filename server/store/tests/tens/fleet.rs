//! Who sends, everything that may be asked of it, and what is changed in files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use model::*;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use store::*;

use crate::support::*;

pub(crate) const TEN: i64 = 10 * MINUTE;
/// Around what everything happens: near the clock's time, since pods that ended long ago are forgotten.
pub(crate) static START: LazyLock<Timestamp> = LazyLock::new(|| clock().floor(HOUR).plus(20 * SECOND));

/// The days of summaries of a data directory.
pub(crate) fn days(data: &Path) -> Vec<PathBuf> {
    let names = std::fs::read_dir(data.join("summaries")).unwrap().map(|entry| entry.unwrap().path());
    names.filter(|path| path.extension().is_some_and(|end| end == "db")).collect()
}

pub(crate) async fn connect(path: &Path) -> SqliteConnection {
    sqlx::sqlite::SqliteConnectOptions::new().filename(path).connect().await.unwrap()
}

/// Changes all days of summaries; how many rows that were.
pub(crate) async fn change(data: &Path, sql: &'static str) -> u64 {
    let mut changed = 0;
    for day in days(data) {
        let mut connection = connect(&day).await;
        changed += sqlx::raw_sql(sql).execute(&mut connection).await.unwrap().rows_affected();
        connection.close().await.unwrap();
    }
    changed
}

/// What a query counts in all days of summaries.
pub(crate) async fn count(data: &Path, sql: &'static str) -> i64 {
    let mut sum = 0;
    for day in days(data) {
        let mut connection = connect(&day).await;
        let (count,): (i64,) = sqlx::query_as(sql).fetch_one(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        sum += count;
    }
    sum
}

pub(crate) fn named(name: &str) -> OwnerFacts {
    OwnerFacts { namespace: Some("shop".into()), pod_name: Some(name.into()), ..OwnerFacts::default() }
}

/// Who sends: pods by their ids, one that changes hands under its name, a service without a pod, and nobody's.
pub(crate) fn senders() -> Vec<(Owner, OwnerFacts)> {
    let alone = OwnerFacts { service_name: Some("cart".into()), ..OwnerFacts::default() };
    vec![
        (owner("a"), facts_of_pod("p1")),
        (owner("b"), facts_of_pod("p2")),
        (owner("c"), facts_of_pod("p3")),
        (owner("d"), named("web-0")),
        (owner("e"), alone),
        (owner("f"), facts_of_pod("nobody")),
    ]
}

pub(crate) fn revised(service: &str, uid: &str, revision: &str) -> PodState {
    PodState { revision: Some(RevisionHash(revision.into())), ..pod(service, uid, "10.0.0.9", 5) }
}

/// `checkout` in two revisions, `cart`, and `web`, whose one pod was replaced by one of a newer revision.
pub(crate) async fn fleet(data: &Path) -> Store {
    let store = open(data).await;
    let mut batch = record();
    batch.services = ["checkout", "cart", "web"].map(service).into();
    let web = |uid, revision, created, ended| PodState {
        name: "web-0".into(),
        created,
        ended,
        ..revised("web", uid, revision)
    };
    batch.pods = [
        revised("checkout", "p1", "7d9f"),
        revised("checkout", "p2", "7d9f"),
        revised("checkout", "p3", "aa11"),
        web("w1", "one", Timestamp(5), Some(START.plus(-13 * SECOND))),
        web("w2", "two", START.plus(-SECOND), None),
    ]
    .map(std::sync::Arc::new)
    .into();
    store.record(&batch).await.unwrap();
    store
}

/// A batch of random spans and log lines of all senders.
pub(crate) fn random_batch(random: &mut Random, request: u128) -> Batch {
    let mut batch = Batch::new(request.to_be_bytes());
    let owners: Vec<u32> = senders().into_iter().map(|(owner, facts)| batch.owner(owner, facts)).collect();
    for n in 0..300 {
        let owner = owners[random.below(6) as usize];
        let at = START.plus(random.below(9 * 3_600_000) as i64 * 1_000_000 - 5 * HOUR + n);
        let failed = random.below(4) == 0;
        let span = Request {
            trace: request << 64 | (n as u128 + 1),
            id: n as u64 + 1,
            start: at,
            duration: random.below(3_000_000_000) as i64,
            kind: SpanKind::from_number(random.below(6)),
            endpoint: ["GET /a", "POST /b", "GET /c"][random.below(3) as usize],
            http_status: [0, 200, 404, 503][random.below(4) as usize],
            error: if failed { ["Oh", "No"][random.below(2) as usize] } else { "" },
            weight: [1.0, 1.0, 2.0, 16.0][random.below(4) as usize],
        };
        push(&mut batch, owner, &span);
        let level = Level::from_number([9, 13, 17][random.below(3) as usize]);
        push_line(&mut batch, owner, at, level, random);
    }
    batch
}

/// A log line of one of two patterns.
pub(crate) fn push_line(batch: &mut Batch, owner: u32, at: Timestamp, level: Level, random: &mut Random) {
    batch.push_log(&LogRow {
        owner,
        at,
        level,
        severity: "",
        body: "a line",
        pattern: ["a line", "another"][random.below(2) as usize],
        scope: "",
        trace: None,
        span: None,
        attributes: &[],
    });
}

pub(crate) fn window() -> Window {
    Window::new(START.plus(-5 * HOUR - 7 * MINUTE), START.plus(4 * HOUR))
}

/// Everything that steps of ten minutes can be asked.
#[derive(Debug, PartialEq)]
pub(crate) struct Answers {
    pub(crate) red: Vec<Vec<RedRow>>,
    pub(crate) errors: Vec<Vec<ErrorCells>>,
    pub(crate) patterns: Vec<Vec<PatternCells>>,
}

pub(crate) async fn answers(store: &Store) -> Answers {
    let telemetry = store.telemetry();
    let mut answers = Answers { red: Vec::new(), errors: Vec::new(), patterns: Vec::new() };
    for step in [TEN, 2 * TEN, HOUR] {
        for by in [By::Service, By::Revision, By::Endpoint, By::EndpointRevision] {
            answers.red.push(telemetry.red(ask(window(), step, by)).await.unwrap());
            let cart = RedQuery { services: Some(vec![id("cart")]), ..ask(window(), step, by) };
            answers.red.push(telemetry.red(cart).await.unwrap());
        }
        for name in ["checkout", "cart", "web"] {
            answers.errors.push(telemetry.errors(&id(name), window(), Step(step)).await.unwrap());
            answers.patterns.push(telemetry.log_counts(&id(name), window(), Step(step)).await.unwrap());
        }
    }
    answers
}

/// Panics with what differs, which is little of much.
pub(crate) fn assert_same(found: &Answers, wanted: &Answers, when: &str) {
    assert_eq!(found.red.len(), wanted.red.len());
    let red = found.red.iter().flatten().zip(wanted.red.iter().flatten());
    red.for_each(|(a, b)| assert_eq!(a, b, "{when}"));
    let errors = found.errors.iter().flatten().zip(wanted.errors.iter().flatten());
    errors.for_each(|(a, b)| assert_eq!(a, b, "{when}"));
    let patterns = found.patterns.iter().flatten().zip(wanted.patterns.iter().flatten());
    patterns.for_each(|(a, b)| assert_eq!(a, b, "{when}"));
    assert!(found == wanted, "{when}: groups are missing");
}

pub(crate) type Sums = BTreeMap<(String, Option<RevisionHash>, Option<String>, u32), Red>;

/// Sums by ten minutes of what a step tells.
pub(crate) async fn sums(store: &Store, step: i64) -> Sums {
    let aligned = window().aligned(Step(TEN));
    let mut sums = Sums::new();
    for row in store.telemetry().red(ask(aligned, step, By::EndpointRevision)).await.unwrap() {
        for (at, red) in row.cells {
            let ten = (i64::from(at) * step / TEN) as u32;
            let key = (row.service.name.clone(), row.revision.clone(), row.endpoint.clone(), ten);
            sums.entry(key).or_default().merge(&red);
        }
    }
    sums
}

pub(crate) async fn requests(store: &Store, service: &str, step: i64, by: By) -> f64 {
    let ask = RedQuery { services: Some(vec![id(service)]), ..ask(window(), step, by) };
    totals(&store.telemetry().red(ask).await.unwrap()).0
}

pub(crate) fn copy_all(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy_all(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A request each ten minutes.
pub(crate) fn some(request: u128, owner_and_facts: (Owner, OwnerFacts)) -> Batch {
    let one = |n: i64| Request { id: n as u64 + 1, start: START.plus(n * TEN), ..Request::default() };
    batch(request, owner_and_facts, &(0..12).map(one).collect::<Vec<_>>())
}
