//! Directories that can't be used: one clear error each, and nothing damaged.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;

use model::HOUR;
use sqlx::{ConnectOptions, Connection};
use store::*;
use support::*;

#[tokio::test]
async fn a_second_store_on_the_directory_is_refused_until_the_first_closes() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path()).await;
    let second = Store::open(config(folder.path())).await;
    assert!(matches!(second.err(), Some(Error::Locked(path)) if path == folder.path()));
    first.close().await.unwrap();
    open(folder.path()).await.close().await.unwrap();
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_is_said_so() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, b"x").unwrap();
    let error = Store::open(config(&file.join("data"))).await.err().unwrap();
    assert!(matches!(error, Error::ReadOnly { .. }), "{error}");
    assert!(error.to_string().contains("can't be written"));
}

async fn set_format(path: &std::path::Path, format: i64) -> i64 {
    let mut connection = sqlx::sqlite::SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    let (before,): (i64,) = sqlx::query_as("pragma user_version").fetch_one(&mut connection).await.unwrap();
    let sql = format!("pragma user_version = {format}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    before
}

#[tokio::test]
async fn files_of_a_newer_version_are_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let mut batch = record();
    batch.services = vec![service("checkout")];
    store.record(&batch).await.unwrap();
    let span = batch_of_one();
    store.telemetry().append(span).await.unwrap();
    // By then the partition is folded, so there is a file of each family.
    store.maintain(clock().plus(13 * HOUR)).await.unwrap();
    store.close().await.unwrap();
    let only = |family| std::fs::read_dir(folder.path().join(family)).unwrap().next().unwrap().unwrap().path();
    for path in [folder.path().join("meta.db"), only("raw"), only("summaries")] {
        let format = set_format(&path, 999).await;
        let before = files(folder.path());
        let error = Store::open(config(folder.path())).await.err().unwrap();
        assert!(matches!(&error, Error::Newer { path: named, found: 999, .. } if *named == path), "{error}");
        assert!(files(folder.path()) == before, "something beside {} was touched", path.display());
        set_format(&path, format).await;
    }
    assert!(open(folder.path()).await.directory().service(&id("checkout")).is_some());
}

/// All files of a data directory with what is in them.
fn files(folder: &std::path::Path) -> BTreeMap<std::path::PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for folder in [folder.to_owned(), folder.join("raw"), folder.join("summaries")] {
        let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        found.extend(paths.filter(|path| path.is_file()).map(|path| (path.clone(), std::fs::read(path).unwrap())));
    }
    found
}

fn batch_of_one() -> Batch {
    batch(1, (owner("checkout"), OwnerFacts::default()), &[Request::default()])
}

#[tokio::test]
async fn a_file_that_is_no_database_costs_only_itself_and_is_said_so() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    store.telemetry().append(batch_of_one()).await.unwrap();
    store.close().await.unwrap();
    std::fs::write(folder.path().join("raw/1000.db"), vec![7_u8; 20_000]).unwrap();
    let store = open(folder.path()).await;
    let failing = store.status().await.unwrap().failing.unwrap();
    assert!(failing.contains("1000.db"), "{failing}");
    let trace = store.telemetry().trace(model::TraceId(1_u128.to_be_bytes())).await.unwrap().spans;
    assert_eq!(trace.len(), 1);
}
