//! What is left after the raw telemetry is gone, and when it goes.
#![allow(clippy::unwrap_used)]

mod support;

use model::*;
use store::*;
use support::*;

#[tokio::test]
async fn an_error_group_keeps_its_first_sight_and_revision_after_its_spans_are_gone() {
    // What is remembered expires as well, so it must not be of long ago.
    let now = clock();
    let folder = tempfile::tempdir().unwrap();
    let store = with_services(folder.path()).await;
    let telemetry = store.telemetry();
    let failing = |trace, start| Request { trace, id: trace as u64, start, error: "Oh", ..Request::default() };
    let whose = || (owner("checkout"), facts_of_pod("p1"));
    let old = now.plus(-5 * HOUR);
    telemetry.append(batch(1, whose(), &[failing(1, old)])).await.unwrap();
    telemetry
        .append(batch(
            2,
            whose(),
            &[failing(2, now), failing(3, now.plus(-1)), Request { start: now, ..Request::default() }],
        ))
        .await
        .unwrap();
    let check = async |store: &Store| {
        let groups = store.telemetry().errors(&id("checkout"), around(now), Step(MINUTE)).await.unwrap();
        assert_eq!(groups.len(), 1);
        let group = &groups[0];
        assert_eq!((group.endpoint.as_str(), group.error.as_str()), ("GET /", "Oh"));
        assert_eq!((group.first_seen, group.last_seen), (old, now));
        assert_eq!(group.first_revision, Some(RevisionHash("7d9f".into())));
        assert_eq!(group.sample, TraceId(2_u128.to_be_bytes()));
        assert_eq!(group.cells.iter().map(|(_, count)| count).sum::<f64>(), 2.0);
        assert!(store.telemetry().errors(&id("cart"), around(now), Step(MINUTE)).await.unwrap().is_empty());
        assert_eq!(store.telemetry().last_request(&id("checkout")).await.unwrap(), Some(now));
    };
    check(&store).await;
    store.maintain(clock().plus(13 * HOUR)).await.unwrap();
    check(&store).await;
    store.maintain(clock().plus(8 * DAY)).await.unwrap();
    assert_eq!(store.status().await.unwrap().partitions, 0);
    store.close().await.unwrap();
    check(&open(folder.path()).await).await;
}

#[tokio::test]
async fn a_stop_leaves_maintenance_for_the_next_start() {
    let now = clock();
    let folder = tempfile::tempdir().unwrap();
    let store = with_services(folder.path()).await;
    let whose = (owner("checkout"), facts_of_pod("p1"));
    let request = Request { start: now, ..Request::default() };
    store.telemetry().append(batch(1, whose, &[request])).await.unwrap();
    let later = clock().plus(8 * DAY);
    store.end_maintenance();
    store.maintain(later).await.unwrap();
    let requests = async |store: &Store| {
        let rows = store.telemetry().red(ask(around(now), MINUTE, By::Service)).await.unwrap();
        rows.iter().flat_map(|row| &row.cells).map(|(_, red)| red.requests).sum::<f64>()
    };
    // Nothing was folded or deleted, and nothing is lost.
    assert_eq!((store.status().await.unwrap().partitions, requests(&store).await), (1, 1.0));
    store.close().await.unwrap();
    let store = open(folder.path()).await;
    store.maintain(later).await.unwrap();
    assert_eq!((store.status().await.unwrap().partitions, requests(&store).await), (0, 1.0));
}

#[tokio::test]
async fn summaries_know_whose_they_are_when_the_pod_is_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_services(folder.path()).await;
    let whose = (owner("checkout"), facts_of_pod("p1"));
    store.telemetry().append(batch(1, whose, &[Request::default()])).await.unwrap();
    store.maintain(clock().plus(13 * HOUR)).await.unwrap();
    let mut ended = record();
    ended.pods =
        [PodState { ended: Some(NOW), ..pod("checkout", "p1", "10.0.0.1", 5) }].map(std::sync::Arc::new).into();
    store.record(&ended).await.unwrap();
    store.maintain(clock().plus(80 * DAY)).await.unwrap();
    assert!(store.directory().resolve(&facts_of_pod("p1"), NOW).service.is_none());
    let rows = store.telemetry().red(ask(around(NOW), MINUTE, By::Revision)).await.unwrap();
    assert_eq!(
        (rows[0].service.clone(), rows[0].revision.clone()),
        (id("checkout"), Some(RevisionHash("7d9f".into())))
    );
    store.maintain(clock().plus(200 * DAY)).await.unwrap();
    assert!(store.telemetry().red(ask(around(NOW), MINUTE, By::Service)).await.unwrap().is_empty());
    assert_eq!(std::fs::read_dir(folder.path().join("summaries")).unwrap().count(), 0);
}

#[tokio::test]
async fn too_many_bytes_cost_the_oldest_partitions_and_not_their_charts() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.raw.bytes = 1 << 20;
    let store = Store::open(config).await.unwrap();
    let mut batch_of = record();
    batch_of.services = vec![service("checkout")];
    batch_of.pods = [pod("checkout", "p1", "10.0.0.1", 5)].map(std::sync::Arc::new).into();
    store.record(&batch_of).await.unwrap();
    let mut random = Random(9);
    let mut sent = 0;
    for request in 0..12 {
        let spans: Vec<Request> = (0..6_000)
            .map(|n| Request {
                trace: u128::from(random.below(u64::MAX)) << 64 | u128::from(random.below(u64::MAX)),
                id: random.below(u64::MAX),
                start: NOW.plus(n),
                ..Request::default()
            })
            .collect();
        sent += spans.len();
        let whose = (owner("checkout"), facts_of_pod("p1"));
        store.telemetry().append(batch(request, whose, &spans)).await.unwrap();
    }
    let before = store.status().await.unwrap();
    assert!(before.partitions > 2 && before.raw.bytes > 1 << 20, "{before:?}");
    store.maintain(clock()).await.unwrap();
    let after = store.status().await.unwrap();
    assert!(after.raw.bytes <= 1 << 20 && after.partitions < before.partitions, "{after:?}");
    let rows = store.telemetry().red(ask(around(NOW), MINUTE, By::Service)).await.unwrap();
    assert_eq!(totals(&rows).0, sent as f64);
}

#[tokio::test]
async fn a_partition_that_ended_gives_back_the_room_of_what_was_merged() {
    use sqlx::{ConnectOptions, Connection};
    let folder = tempfile::tempdir().unwrap();
    let store = with_services(folder.path()).await;
    let mut random = Random(4);
    for request in 0..6 {
        let span = |n| Request { trace: u128::from(random.below(1 << 40)), id: n, ..Request::default() };
        let spans: Vec<Request> = (0..2_000).map(span).collect();
        let whose = (owner("checkout"), facts_of_pod("p1"));
        store.telemetry().append(batch(request, whose, &spans)).await.unwrap();
    }
    let before = store.status().await.unwrap().raw.bytes;
    store.maintain(clock().plus(3 * MINUTE)).await.unwrap();
    store.maintain(clock().plus(13 * HOUR)).await.unwrap();
    let after = store.status().await.unwrap().raw.bytes;
    assert!(after < before, "{before} bytes before, {after} after");
    store.close().await.unwrap();
    let path = std::fs::read_dir(folder.path().join("raw")).unwrap().next().unwrap().unwrap().path();
    let mut connection = sqlx::sqlite::SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    let (free,): (i64,) = sqlx::query_as("pragma freelist_count").fetch_one(&mut connection).await.unwrap();
    let (blocks,): (i64,) = sqlx::query_as("select count(*) from blocks").fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    assert_eq!(free, 0);
    assert!(blocks <= 2, "{blocks} blocks");
}

#[tokio::test]
async fn a_last_merge_that_was_cut_off_is_made_up_for() {
    use sqlx::{ConnectOptions, Connection};
    let folder = tempfile::tempdir().unwrap();
    let store = with_services(folder.path()).await;
    for request in 0..3 {
        let whose = (owner("checkout"), facts_of_pod("p1"));
        store.telemetry().append(batch(request, whose, &[Request::default()])).await.unwrap();
    }
    store.maintain(clock().plus(13 * HOUR)).await.unwrap();
    store.close().await.unwrap();
    let path = std::fs::read_dir(folder.path().join("raw")).unwrap().next().unwrap().unwrap().path();
    let connect = async || sqlx::sqlite::SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
    let small = async || {
        let mut connection = connect().await;
        let sql =
            "select (select count(*) from blocks where merged = 0), (select count(*) from rollups where merged = 0)";
        let small: (i64, i64) = sqlx::query_as(sql).fetch_one(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        small
    };
    assert_eq!(small().await, (0, 0));
    // As if the process had ended between the fold and the merge.
    let mut connection = connect().await;
    sqlx::raw_sql("update blocks set merged = 0; update rollups set merged = 0")
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    assert_eq!(small().await, (1, 1));
    let store = open(folder.path()).await;
    store.maintain(clock().plus(13 * HOUR)).await.unwrap();
    store.close().await.unwrap();
    assert_eq!(small().await, (0, 0));
}

#[tokio::test]
async fn pods_that_ended_are_packed_and_answers_stay_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_services(folder.path()).await;
    let begin = |n: i64| NOW.plus(n * MINUTE);
    let ended = |n: i64| PodState {
        node: Some(format!("n{}", n % 3).into()),
        revision: Some(RevisionHash(if n < 40 { "old" } else { "new" }.into())),
        created: begin(n),
        ended: Some(begin(n + 60)),
        ..pod("checkout", &format!("e{n}"), "10.0.1.1", 5)
    };
    let mut record = record();
    record.pods = (0..300).map(|n| ended(n).into()).collect();
    store.record(&record).await.unwrap();
    let (checkout, node_window) = (id("checkout"), Window::new(begin(70), begin(100)));
    let asked = async |store: &Store| {
        let windows = [(0, 30), (70, 100), (-60, 1_000)].map(|(from, to)| Window::new(begin(from), begin(to)));
        let mut pods = Vec::new();
        for window in windows {
            pods.push(store.pods(&checkout, window).await.unwrap());
        }
        let on = store.ended_on("c1", "n1", node_window).await.unwrap();
        (pods, on, store.revision_lives(&checkout).await.unwrap())
    };
    let before = asked(&store).await;
    assert!(before.1.len() == 10 && before.2.iter().any(|life| life.revision.0 == "old" && life.pods_ever == 40));
    // The last 60 ended within the hour.
    let now = begin(60 + 240 + 60);
    store.maintain(now).await.unwrap();
    assert_eq!(asked(&store).await, before);
    let known = store.directory().pods(&checkout).len();
    store.close().await.unwrap();
    let path = folder.path().join("meta.db");
    let pool = sqlx::SqlitePool::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    let rows: (i64, i64, i64) = sqlx::query_as(
        "select (select count(*) from pods where ended is not null), (select count(*) from packed_pods),
         (select length(bodies) from packed_pods)",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    pool.close().await;
    assert_eq!((rows.0, rows.1), (60, 1), "what ended lately is a row");
    assert!(rows.2 < 240 * 60, "{} bytes for 240 pods that have nearly all in common", rows.2);
    let store = open(folder.path()).await;
    assert_eq!(store.directory().pods(&checkout).len(), known);
    assert_eq!(asked(&store).await, before);
    // A pod that is told of again is as it is told then.
    let mut again = support::record();
    again.pods = [PodState { reason: Some("Evicted".into()), ..ended(3) }].map(std::sync::Arc::new).into();
    store.record(&again).await.unwrap();
    let found = store.pods(&checkout, Window::new(begin(0), begin(1_000))).await.unwrap();
    let third: Vec<_> = found.iter().filter(|pod| pod.id.0 == "e3").map(|pod| pod.reason.clone()).collect();
    assert_eq!(third, [Some("Evicted".into())]);
    store.maintain(now.plus(100 * DAY)).await.unwrap();
    let left = store.pods(&checkout, Window::new(begin(0), begin(1_000))).await.unwrap();
    assert!(left.iter().all(|pod| pod.ended.is_none()), "{left:?}");
}
