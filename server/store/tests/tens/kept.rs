//! Older versions, damage, and what is kept how long.

use model::*;
use store::*;

use crate::fleet::*;
use crate::support::*;

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
    let older = "drop table tens; drop table makings; alter table rollups rename to new;
        create table rollups (
            id integer primary key autoincrement, source integer not null, first integer not null, last integer not null,
            data blob not null, unique (source, first)
        ) strict;
        insert into rollups select id, source, first, last, data from new; drop table new;
        create index rollups_by_time on rollups (last, first);
        alter table folds drop column front; alter table folds drop column seq; pragma user_version = 1";
    change(folder.path(), older).await;
    let lost = tempfile::tempdir().unwrap();
    copy_all(folder.path(), lost.path());
    let store = open(folder.path()).await;
    assert_eq!(count(folder.path(), "select count(*) from makings").await, 0);
    assert_same(&answers(&store).await, &before, "as before");
    store.maintain(now.plus(13 * HOUR)).await.unwrap();
    assert_eq!(count(folder.path(), "select count(*) from makings").await, 2);
    assert_same(&answers(&store).await, &before, "as before");
    // It was stopped before it noted how far it folded.
    change(lost.path(), "delete from folds").await;
    let store = open(lost.path()).await;
    assert_same(&answers(&store).await, &before, "not noted");
    store.maintain(now.plus(13 * HOUR)).await.unwrap();
    assert_same(&answers(&store).await, &before, "folded anew");
    store.close().await.unwrap();
    // What is folded outlives its partition.
    std::fs::remove_dir_all(lost.path().join("raw")).unwrap();
    std::fs::create_dir(lost.path().join("raw")).unwrap();
    let store = open(lost.path()).await;
    assert_same(&answers(&store).await, &before, "without partitions");
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
    gone.pods = [PodState { ended: Some(now), phase: PodPhase::Succeeded, ..revised("checkout", "p3", "aa11") }]
        .map(std::sync::Arc::new)
        .into();
    store.record(&gone).await.unwrap();
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
