//! Summaries by ten minutes against those by the minute, and against the partitions themselves.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use model::*;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use store::*;
use support::*;

const TEN: i64 = 10 * MINUTE;
/// Around what everything happens: near the clock's time, since pods that ended long ago are forgotten.
static START: LazyLock<Timestamp> = LazyLock::new(|| clock().floor(HOUR).plus(20 * SECOND));

/// The days of summaries of a data directory.
fn days(data: &Path) -> Vec<PathBuf> {
    let names = std::fs::read_dir(data.join("summaries")).unwrap().map(|entry| entry.unwrap().path());
    names.filter(|path| path.extension().is_some_and(|end| end == "db")).collect()
}

async fn connect(path: &Path) -> SqliteConnection {
    sqlx::sqlite::SqliteConnectOptions::new().filename(path).connect().await.unwrap()
}

/// Changes all days of summaries; how many rows that were.
async fn change(data: &Path, sql: &'static str) -> u64 {
    let mut changed = 0;
    for day in days(data) {
        let mut connection = connect(&day).await;
        changed += sqlx::raw_sql(sql).execute(&mut connection).await.unwrap().rows_affected();
        connection.close().await.unwrap();
    }
    changed
}

/// What a query counts in all days of summaries.
async fn count(data: &Path, sql: &'static str) -> i64 {
    let mut sum = 0;
    for day in days(data) {
        let mut connection = connect(&day).await;
        let (count,): (i64,) = sqlx::query_as(sql).fetch_one(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        sum += count;
    }
    sum
}

fn named(name: &str) -> OwnerFacts {
    OwnerFacts { namespace: Some("shop".into()), pod_name: Some(name.into()), ..OwnerFacts::default() }
}

/// Who sends: pods by their ids, one that changes hands under its name, a service without a pod, and nobody's.
fn senders() -> Vec<(Owner, OwnerFacts)> {
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

fn revised(service: &str, uid: &str, revision: &str) -> PodState {
    PodState { revision: Some(RevisionHash(revision.into())), ..pod(service, uid, "10.0.0.9", 5) }
}

/// `checkout` in two revisions, `cart`, and `web`, whose one pod was replaced by one of a newer revision.
async fn fleet(data: &Path) -> Store {
    let store = open(data).await;
    let mut batch = record();
    batch.services = ["checkout", "cart", "web"].map(service).into();
    let web = |uid, revision, created, ended| PodState {
        name: "web-0".into(),
        created,
        ended,
        ..revised("web", uid, revision)
    };
    batch.pods = vec![
        revised("checkout", "p1", "7d9f"),
        revised("checkout", "p2", "7d9f"),
        revised("checkout", "p3", "aa11"),
        web("w1", "one", Timestamp(5), Some(START.plus(-13 * SECOND))),
        web("w2", "two", START.plus(-SECOND), None),
    ];
    store.record(batch).await.unwrap();
    store
}

/// A batch of random spans and log lines of all senders.
fn random_batch(random: &mut Random, request: u128) -> Batch {
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
        batch.push_log(&LogRow {
            owner,
            at,
            level: Level::from_number([9, 13, 17][random.below(3) as usize]),
            severity: "",
            body: "a line",
            pattern: ["a line", "another"][random.below(2) as usize],
            scope: "",
            trace: None,
            span: None,
            attributes: &[],
        });
    }
    batch
}

fn window() -> Window {
    Window::new(START.plus(-5 * HOUR - 7 * MINUTE), START.plus(4 * HOUR))
}

/// Everything that steps of ten minutes can be asked.
#[derive(Debug, PartialEq)]
struct Answers {
    red: Vec<Vec<RedRow>>,
    errors: Vec<Vec<ErrorCells>>,
    patterns: Vec<Vec<PatternCells>>,
}

async fn answers(store: &Store) -> Answers {
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
fn assert_same(found: &Answers, wanted: &Answers, when: &str) {
    assert_eq!(found.red.len(), wanted.red.len());
    let red = found.red.iter().flatten().zip(wanted.red.iter().flatten());
    red.for_each(|(a, b)| assert_eq!(a, b, "{when}"));
    let errors = found.errors.iter().flatten().zip(wanted.errors.iter().flatten());
    errors.for_each(|(a, b)| assert_eq!(a, b, "{when}"));
    let patterns = found.patterns.iter().flatten().zip(wanted.patterns.iter().flatten());
    patterns.for_each(|(a, b)| assert_eq!(a, b, "{when}"));
    assert!(found == wanted, "{when}: groups are missing");
}

type Sums = BTreeMap<(String, Option<RevisionHash>, Option<String>, u32), Red>;

/// Sums by ten minutes of what a step tells.
async fn sums(store: &Store, step: i64) -> Sums {
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

async fn requests(store: &Store, service: &str, step: i64, by: By) -> f64 {
    let ask = RedQuery { services: Some(vec![id(service)]), ..ask(window(), step, by) };
    totals(&store.telemetry().red(ask).await.unwrap()).0
}

#[tokio::test]
async fn tens_answer_as_minutes_and_partitions_do() {
    for seed in [5, 91] {
        let folder = tempfile::tempdir().unwrap();
        let store = fleet(folder.path()).await;
        let mut random = Random(seed);
        for request in 0..3 {
            store.telemetry().append(random_batch(&mut random, request)).await.unwrap();
        }
        let of_raw = answers(&store).await;
        assert!(of_raw.red.iter().all(|rows| !rows.is_empty()));
        assert!(of_raw.errors.iter().all(|rows| !rows.is_empty()) && of_raw.patterns.iter().all(|r| !r.is_empty()));
        assert_eq!(sums(&store, TEN).await, sums(&store, 10 * SECOND).await);
        store.maintain(clock().plus(13 * HOUR)).await.unwrap();
        assert_eq!(count(folder.path(), "select count(*) from makings").await, 1);
        assert_same(&answers(&store).await, &of_raw, "as before");
        assert_eq!(sums(&store, TEN).await, sums(&store, 10 * SECOND).await);
        store.close().await.unwrap();
        let store = open(folder.path()).await;
        assert_same(&answers(&store).await, &of_raw, "after a restart");
        store.close().await.unwrap();
        // Tens alone tell it, and minutes alone.
        let copy = tempfile::tempdir().unwrap();
        copy_all(folder.path(), copy.path());
        assert!(change(folder.path(), "update rollups set data = x'00'").await > 0);
        let store = open(folder.path()).await;
        assert_eq!(answers(&store).await.red, of_raw.red);
        assert_same(&answers(&store).await, &of_raw, "as before");
        assert_eq!(requests(&store, "checkout", TEN, By::Pod).await, 0.0, "pods are not in them");
        assert_eq!(requests(&store, "checkout", MINUTE, By::Service).await, 0.0);
        assert!(change(copy.path(), "delete from makings; delete from tens").await > 0);
        let store = open(copy.path()).await;
        assert_same(&answers(&store).await, &of_raw, "as before");
    }
}

fn copy_all(from: &Path, to: &Path) {
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

#[tokio::test]
async fn late_data_is_told_beside_tens_before_and_after_it_has_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let store = fleet(folder.path()).await;
    let mut random = Random(7);
    let now = clock();
    for round in 0..3 {
        store.telemetry().append(random_batch(&mut random, round)).await.unwrap();
        let before = answers(&store).await;
        assert_eq!(sums(&store, TEN).await, sums(&store, 10 * SECOND).await, "round {round}");
        store.maintain(now.plus(3 * MINUTE)).await.unwrap();
        assert_same(&answers(&store).await, &before, "minutes are folded, the partition goes on");
        store.maintain(now.plus(13 * HOUR)).await.unwrap();
        assert_same(&answers(&store).await, &before, &format!("round {round}"));
        assert_eq!(count(folder.path(), "select count(*) from makings").await, round as i64 + 1);
    }
    store.close().await.unwrap();
    let store = open(folder.path()).await;
    assert_eq!(sums(&store, TEN).await, sums(&store, 10 * SECOND).await);
}

/// A request each ten minutes.
fn some(request: u128, owner_and_facts: (Owner, OwnerFacts)) -> Batch {
    let one = |n: i64| Request { id: n as u64 + 1, start: START.plus(n * TEN), ..Request::default() };
    batch(request, owner_and_facts, &(0..12).map(one).collect::<Vec<_>>())
}

#[tokio::test]
async fn an_owner_that_is_attributed_late_counts_at_once_and_in_tens_that_are_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = fleet(folder.path()).await;
    let telemetry = store.telemetry();
    // Unknown; known by the name of its service alone; and called by the name of another service.
    let late =
        |name: &str, uid: &str| (owner(name), OwnerFacts { service_name: Some(name.into()), ..facts_of_pod(uid) });
    telemetry.append(some(1, late("unheard-of", "l1"))).await.unwrap();
    telemetry.append(some(2, late("cart", "l2"))).await.unwrap();
    telemetry.append(some(3, late("web", "l3"))).await.unwrap();
    telemetry.append(some(4, (owner("x"), facts_of_pod("p1")))).await.unwrap();
    store.maintain(clock().plus(13 * HOUR)).await.unwrap();
    let told = async |store: &Store| {
        let mut told = [0.0; 3];
        for (at, name) in ["checkout", "cart", "web"].into_iter().enumerate() {
            told[at] = requests(store, name, TEN, By::Service).await;
        }
        told
    };
    assert_eq!(told(&store).await, [12.0, 12.0, 12.0]);
    let mut known = record();
    known.pods = vec![
        revised("checkout", "l1", "late"),
        revised("cart", "l2", "late"),
        // It only calls itself web.
        revised("checkout", "l3", "late"),
    ];
    store.record(known).await.unwrap();
    let settled = [36.0, 12.0, 0.0];
    let by_revision = async |store: &Store| {
        let rows = store.telemetry().red(ask(window(), TEN, By::Revision)).await.unwrap();
        rows.into_iter()
            .map(|row| (row.service.name.clone(), row.revision.clone(), totals(&[row]).0))
            .collect::<Vec<_>>()
    };
    let split = [("cart", "late", 12.0), ("checkout", "7d9f", 12.0), ("checkout", "late", 24.0)]
        .map(|(service, revision, count)| (service.to_owned(), Some(RevisionHash(revision.into())), count));
    assert_eq!(told(&store).await, settled, "at once");
    assert_eq!(by_revision(&store).await, split);
    assert_eq!(sums(&store, TEN).await, sums(&store, 10 * SECOND).await);
    store.maintain(clock().plus(13 * HOUR)).await.unwrap();
    assert_eq!(told(&store).await, settled);
    store.close().await.unwrap();
    assert!(change(folder.path(), "update rollups set data = x'00'").await > 0);
    let store = open(folder.path()).await;
    assert_eq!(told(&store).await, settled, "by tens alone");
    assert_eq!(by_revision(&store).await, split);
}

#[tokio::test]
async fn what_one_service_wins_makes_no_tens_of_another_unusable() {
    let folder = tempfile::tempdir().unwrap();
    let store = fleet(folder.path()).await;
    let telemetry = store.telemetry();
    telemetry.append(some(1, (owner("x"), facts_of_pod("late")))).await.unwrap();
    telemetry.append(some(2, (owner("y"), facts_of_pod("p1")))).await.unwrap();
    telemetry.append(some(3, (owner("z"), senders()[4].1.clone()))).await.unwrap();
    store.maintain(clock().plus(13 * HOUR)).await.unwrap();
    store.close().await.unwrap();
    // What is asked of minutes is not there.
    assert!(change(folder.path(), "update rollups set data = x'00'").await > 0);
    let store = open(folder.path()).await;
    let mut known = record();
    known.pods = vec![revised("checkout", "late", "7d9f")];
    store.record(known).await.unwrap();
    assert_eq!(requests(&store, "cart", TEN, By::Service).await, 12.0);
    assert_eq!(requests(&store, "checkout", TEN, By::Service).await, 0.0, "tens without the late pod are not told");
}

#[tokio::test]
async fn whoever_asks_while_tens_are_made_again_is_told_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let store = fleet(folder.path()).await;
    let telemetry = store.telemetry();
    telemetry.append(some(1, (owner("x"), facts_of_pod("p1")))).await.unwrap();
    let lates = ["l0", "l1", "l2", "l3"];
    for (request, uid) in (2..).zip(lates) {
        telemetry.append(some(request, (owner(uid), facts_of_pod(uid)))).await.unwrap();
    }
    store.maintain(clock().plus(13 * HOUR)).await.unwrap();
    let newest = "select max(id) from makings";
    let mut before = count(folder.path(), newest).await;
    for (known, uid) in (1..).zip(lates) {
        let mut batch = record();
        batch.pods = vec![revised("cart", uid, "7d9f")];
        store.record(batch).await.unwrap();
        assert_eq!(requests(&store, "cart", TEN, By::Service).await, 12.0 * f64::from(known));
        let making = {
            let store = store.clone();
            tokio::spawn(async move { store.maintain(clock().plus(13 * HOUR)).await })
        };
        while !making.is_finished() {
            assert_eq!(requests(&store, "checkout", TEN, By::Service).await, 12.0);
            assert_eq!(requests(&store, "cart", TEN, By::Service).await, 12.0 * f64::from(known));
        }
        making.await.unwrap().unwrap();
        let after = count(folder.path(), newest).await;
        assert!(after > before, "they were made again");
        before = after;
    }
}

#[tokio::test]
async fn a_store_of_an_older_version_gets_its_tens() {
    let folder = tempfile::tempdir().unwrap();
    let store = fleet(folder.path()).await;
    let mut random = Random(11);
    let now = clock();
    for request in 0..2 {
        store.telemetry().append(random_batch(&mut random, request)).await.unwrap();
        store.maintain(now.plus(13 * HOUR)).await.unwrap();
    }
    let before = answers(&store).await;
    store.close().await.unwrap();
    change(folder.path(), "drop table tens; drop table makings; pragma user_version = 1").await;
    let store = open(folder.path()).await;
    assert_eq!(count(folder.path(), "select count(*) from makings").await, 0);
    assert_same(&answers(&store).await, &before, "as before");
    store.maintain(now.plus(13 * HOUR)).await.unwrap();
    assert_eq!(count(folder.path(), "select count(*) from makings").await, 2);
    assert_same(&answers(&store).await, &before, "as before");
}

#[tokio::test]
async fn tens_outlive_their_partition_and_pods_and_go_with_their_day() {
    let folder = tempfile::tempdir().unwrap();
    let store = fleet(folder.path()).await;
    let (now, telemetry) = (clock(), store.telemetry());
    // Its service is found without the pod too, but not its revision.
    let facts = OwnerFacts { service_name: Some("checkout".into()), ..facts_of_pod("p3") };
    telemetry.append(some(1, (owner("x"), facts))).await.unwrap();
    telemetry.append(some(2, (owner("y"), senders()[4].1.clone()))).await.unwrap();
    let mut gone = record();
    gone.pods = vec![PodState { ended: Some(now), phase: PodPhase::Succeeded, ..revised("checkout", "p3", "aa11") }];
    store.record(gone).await.unwrap();
    store.maintain(now.plus(13 * HOUR)).await.unwrap();
    let before = answers(&store).await;
    let by_minutes = async |store: &Store| store.telemetry().red(ask(window(), MINUTE, By::Revision)).await.unwrap();
    let rows = by_minutes(&store).await;
    assert!(rows.iter().any(|row| row.revision == Some(RevisionHash("aa11".into()))));
    // The first time the pod is forgotten, the second time it is known to be so.
    for days in [9, 10] {
        store.maintain(now.plus(days * DAY)).await.unwrap();
        assert_eq!(store.status().await.unwrap().partitions, 0);
        assert_same(&answers(&store).await, &before, "after the partition");
        assert_eq!(by_minutes(&store).await, rows);
    }
    store.close().await.unwrap();
    let store = open(folder.path()).await;
    assert_same(&answers(&store).await, &before, "after a restart");
    assert!(change(folder.path(), "update rollups set data = x'00'").await > 0);
    store.maintain(now.plus(10 * DAY)).await.unwrap();
    assert_same(&answers(&store).await, &before, "tens were not made again");
    store.maintain(now.plus(92 * DAY)).await.unwrap();
    assert!(days(folder.path()).is_empty());
    assert!(answers(&store).await.red.iter().all(Vec::is_empty));
}

#[tokio::test]
async fn damaged_tens_cost_nothing_since_the_minutes_tell_it() {
    for sql in ["update tens set data = x'00' where id = (select min(id) from tens)", "update makings set data = x'00'"]
    {
        let folder = tempfile::tempdir().unwrap();
        let store = fleet(folder.path()).await;
        let now = clock();
        store.telemetry().append(random_batch(&mut Random(17), 1)).await.unwrap();
        store.maintain(now.plus(13 * HOUR)).await.unwrap();
        let before = answers(&store).await;
        store.close().await.unwrap();
        assert!(change(folder.path(), sql).await > 0);
        let store = open(folder.path()).await;
        assert_same(&answers(&store).await, &before, sql);
        assert!(store.status().await.unwrap().failing.is_some(), "{sql}");
        store.maintain(now.plus(13 * HOUR)).await.unwrap();
        assert_same(&answers(&store).await, &before, sql);
        let damaged =
            "select (select count(*) from tens where data = x'00') + count(*) from makings where data = x'00'";
        assert_eq!(count(folder.path(), damaged).await, 0, "they are made again");
    }
}

#[tokio::test]
async fn a_damaged_table_of_tens_stops_neither_answers_nor_folds() {
    let folder = tempfile::tempdir().unwrap();
    let store = fleet(folder.path()).await;
    let now = clock();
    let mut random = Random(19);
    store.telemetry().append(random_batch(&mut random, 1)).await.unwrap();
    store.maintain(now.plus(13 * HOUR)).await.unwrap();
    let before = answers(&store).await;
    store.close().await.unwrap();
    for day in days(folder.path()) {
        for name in ["tens", "tens_by_making"] {
            spoil(&day, name).await;
        }
    }
    let store = open(folder.path()).await;
    assert_same(&answers(&store).await, &before, "as before");
    assert!(store.status().await.unwrap().failing.is_some_and(|why| why.contains("malformed")));
    store.telemetry().append(random_batch(&mut random, 2)).await.unwrap();
    let both = answers(&store).await;
    let of_checkout = requests(&store, "checkout", TEN, By::Service).await;
    store.maintain(now.plus(13 * HOUR)).await.unwrap();
    assert_same(&answers(&store).await, &both, "as before");
    store.maintain(now.plus(8 * DAY)).await.unwrap();
    assert_eq!(store.status().await.unwrap().partitions, 0);
    assert_eq!(requests(&store, "checkout", TEN, By::Service).await, of_checkout);
}
