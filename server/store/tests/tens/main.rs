//! Summaries by ten minutes and by the hour against the partitions themselves.
#![allow(clippy::unwrap_used)]

mod fleet;
mod hours;
mod kept;
mod late;
#[path = "../support/mod.rs"]
mod support;

use model::*;
use store::By;

use fleet::*;
use support::*;

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
