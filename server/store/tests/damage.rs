//! Files that a disk has spoiled: each costs what it held, and nothing else.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::{Path, PathBuf};

use model::*;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use store::*;
use support::*;

/// The partitions of a data directory, oldest first.
fn partitions(data: &Path) -> Vec<PathBuf> {
    let names = std::fs::read_dir(data.join("raw")).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = names.filter(|path| path.extension().is_some_and(|end| end == "db")).collect();
    paths.sort();
    paths
}

async fn connect(path: &Path) -> SqliteConnection {
    sqlx::sqlite::SqliteConnectOptions::new().filename(path).connect().await.unwrap()
}

async fn execute(path: &Path, sql: &'static str) {
    let mut connection = connect(path).await;
    let changed = sqlx::query(sql).execute(&mut connection).await.unwrap().rows_affected();
    assert!(changed > 0, "{sql}");
    connection.close().await.unwrap();
}

/// Requests with ids of their own.
fn requests(random: &mut Random, count: u64) -> Vec<Request> {
    let mut one = |n| Request { trace: u128::from(random.below(u64::MAX)), id: n, ..Request::default() };
    (1..=count).map(&mut one).collect()
}

fn whose() -> (Owner, OwnerFacts) {
    (owner("checkout"), facts_of_pod("p1"))
}

async fn requests_counted(store: &Store) -> f64 {
    totals(&store.telemetry().red(ask(around(NOW), MINUTE, By::Service)).await.unwrap()).0
}

/// A data directory with three full partitions, each of so many requests.
async fn three_partitions(data: &Path, config: &Config) -> f64 {
    let store = Store::open(config.clone()).await.unwrap();
    let mut cluster = record();
    cluster.services = vec![service("checkout")];
    cluster.pods = [pod("checkout", "p1", "10.0.0.1", 5)].map(std::sync::Arc::new).into();
    store.record(&cluster).await.unwrap();
    let mut random = Random(7);
    let count = 12_000;
    for request in 0..3 {
        let spans = requests(&mut random, count);
        store.telemetry().append(batch(request, whose(), &spans)).await.unwrap();
    }
    assert_eq!(requests_counted(&store).await, 3.0 * count as f64);
    store.close().await.unwrap();
    assert_eq!(partitions(data).len(), 3);
    count as f64
}

#[tokio::test]
async fn a_partition_that_cannot_be_folded_keeps_no_other_from_it_and_goes_when_its_time_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config { raw: Keep { age: 7 * DAY, bytes: 1 << 20 }, ..config(folder.path()) };
    let each = three_partitions(folder.path(), &config).await;
    spoil(&partitions(folder.path())[0], "rollups_by_seq").await;
    let store = Store::open(config).await.unwrap();
    store.maintain(clock().plus(DAY)).await.unwrap();
    let failing = store.status().await.unwrap().failing.unwrap();
    assert!(failing.contains("malformed"), "{failing}");
    store.maintain(clock().plus(8 * DAY)).await.unwrap();
    assert_eq!(store.status().await.unwrap().partitions, 0);
    assert_eq!(requests_counted(&store).await, 2.0 * each, "the charts of the others are kept");
    assert!(partitions(folder.path()).is_empty());
}

#[tokio::test]
async fn owners_with_gaps_cost_their_file_only() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config { raw: Keep { age: 7 * DAY, bytes: 1 << 20 }, ..config(folder.path()) };
    let each = three_partitions(folder.path(), &config).await;
    execute(&partitions(folder.path())[0], "update owners set id = id + 3").await;
    let store = Store::open(config).await.unwrap();
    assert_eq!(requests_counted(&store).await, 2.0 * each);
    store.maintain(clock().plus(8 * DAY)).await.unwrap();
    assert_eq!(store.status().await.unwrap().partitions, 0);
    assert_eq!(requests_counted(&store).await, 2.0 * each);
}

#[tokio::test]
async fn files_that_cannot_be_opened_are_counted_and_go_when_their_time_is_over() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).await.close().await.unwrap();
    let now = clock();
    let (raw, day) = (now.0 / 1_000_000, (now.0 - now.0.rem_euclid(DAY)) / 1_000_000);
    let broken = [folder.path().join(format!("raw/{raw}.db")), folder.path().join(format!("summaries/{day}.db"))];
    broken.iter().for_each(|path| std::fs::write(path, vec![7_u8; 20_000]).unwrap());
    let store = open(folder.path()).await;
    let status = store.status().await.unwrap();
    assert!(status.raw.bytes >= 20_000 && status.summaries.bytes >= 20_000, "{status:?}");
    store.maintain(now.plus(6 * DAY)).await.unwrap();
    assert!(broken.iter().all(|path| path.exists()), "their time is not over");
    store.maintain(now.plus(8 * DAY)).await.unwrap();
    assert_eq!(broken.each_ref().map(|path| path.exists()), [false, true]);
    store.maintain(now.plus(92 * DAY)).await.unwrap();
    assert!(!broken[1].exists());
    assert!(store.status().await.unwrap().summaries.bytes < 20_000);
}

#[tokio::test]
async fn a_block_and_a_rollup_that_cannot_be_decoded_keep_no_other_from_being_merged() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_services(folder.path()).await;
    let mut random = Random(3);
    for request in 0..4 {
        let mut batch = batch(request, whose(), &requests(&mut random, 10));
        let line = LogRow {
            owner: 0,
            at: NOW,
            level: Level::Info,
            severity: "",
            body: "a line",
            pattern: "a line",
            scope: "",
            trace: None,
            span: None,
            attributes: &[],
        };
        batch.push_log(&line);
        store.telemetry().append(batch).await.unwrap();
    }
    store.close().await.unwrap();
    let path = partitions(folder.path()).remove(0);
    execute(&path, "update blocks set data = x'00' where id = (select min(id) from blocks where signal = 0)").await;
    execute(&path, "update rollups set data = x'00' where id = (select min(id) from rollups)").await;
    let store = open(folder.path()).await;
    store.maintain(clock().plus(13 * HOUR)).await.unwrap();
    assert_eq!(requests_counted(&store).await, 30.0);
    store.close().await.unwrap();
    let mut connection = connect(&path).await;
    let blocks: Vec<(i64, i64, i64)> =
        sqlx::query_as("select signal, merged, records from blocks order by signal, merged")
            .fetch_all(&mut connection)
            .await
            .unwrap();
    // Of spans three were merged and one is left; of lines all were merged.
    assert_eq!(blocks, [(0, 1, 30), (0, 2, 10), (1, 1, 4)]);
    let rollups: Vec<(i64,)> =
        sqlx::query_as("select merged from rollups order by merged").fetch_all(&mut connection).await.unwrap();
    assert_eq!(rollups, [(1,), (2,)]);
}

#[tokio::test]
async fn a_live_partition_that_is_damaged_is_left_for_a_new_one() {
    for (table, is_noticed_when_opened) in
        [("owners", true), ("requests", false), ("requests_by_time", true), ("filters", false), ("blocks", false)]
    {
        let folder = tempfile::tempdir().unwrap();
        let store = with_services(folder.path()).await;
        store.telemetry().append(batch(1, whose(), &[Request::default()])).await.unwrap();
        store.close().await.unwrap();
        spoil(&partitions(folder.path())[0], table).await;
        let store = open(folder.path()).await;
        let append = async || store.telemetry().append(batch(2, whose(), &[Request::default()])).await;
        let mut appended = append().await;
        if !is_noticed_when_opened {
            assert!(matches!(appended, Err(Error::Busy(_))), "{table}: {appended:?}");
            appended = append().await;
        }
        assert_eq!(appended.unwrap(), Appended::Stored, "{table}");
        assert_eq!(partitions(folder.path()).len(), 2, "{table}");
        assert!(store.status().await.unwrap().failing.is_some_and(|why| why.contains("malformed")), "{table}");
        store.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_damaged_file_keeps_no_trace_of_another_from_being_found() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config { raw: Keep { age: 7 * DAY, bytes: 1 << 20 }, ..config(folder.path()) };
    three_partitions(folder.path(), &config).await;
    let store = Store::open(config.clone()).await.unwrap();
    let last = Request { trace: 77, id: 7, ..Request::default() };
    store.telemetry().append(batch(9, whose(), &[last])).await.unwrap();
    store.close().await.unwrap();
    spoil(&partitions(folder.path())[0], "filters").await;
    execute(&partitions(folder.path())[1], "update owners set id = id + 3").await;
    execute(&partitions(folder.path())[2], "update blocks set data = x'00'").await;
    let store = Store::open(config).await.unwrap();
    let (trace, span) = (TraceId(77_u128.to_be_bytes()), SpanId(7_u64.to_be_bytes()));
    assert_eq!(store.telemetry().trace(trace).await.unwrap().spans.len(), 1);
    assert!(store.telemetry().span(trace, span).await.unwrap().is_some());
    // One that is nowhere is looked for in all of them.
    assert!(store.telemetry().trace(TraceId([9; 16])).await.unwrap().spans.is_empty());
    assert!(store.status().await.unwrap().failing.is_some());
}
