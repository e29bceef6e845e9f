//! How pods and services stand, and that something happened again: known at once, written a while later.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;
use std::sync::Arc;

use model::*;
use sqlx::{ConnectOptions, Connection};
use store::*;
use support::*;

/// What is written: the phase of a pod, what is ready of a service, the count of an event.
async fn written(folder: &Path) -> (String, Option<i64>, u32, Option<u32>) {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(folder.join("meta.db")).read_only(true);
    let mut connection = options.connect().await.unwrap();
    let pod = "select body ->> 'phase', ended from pods where id = 'p1'";
    let (phase, ended) = sqlx::query_as(pod).fetch_one(&mut connection).await.unwrap();
    let service = "select body ->> 'ready' from services where id like '%/checkout'";
    let (ready,) = sqlx::query_as(service).fetch_one(&mut connection).await.unwrap();
    let event = "select count from adverse where key = 'k'";
    let count: Option<(u32,)> = sqlx::query_as(event).fetch_optional(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    (phase, ended, ready, count.map(|(count,)| count))
}

/// A restart of a container, seen so often.
fn restarts(times: &[i64]) -> AdverseEvent {
    let (first, last) = (times[0], times[times.len() - 1]);
    let times: Vec<Timestamp> = times.iter().map(|at| Timestamp(*at)).collect();
    AdverseEvent {
        current: false,
        ..AdverseEvent { count: times.len() as u32, times, ..adverse("k", Some("checkout"), first, last, 1) }
    }
}

async fn told(store: &Store, pods: Vec<PodState>, ready: u32, event: AdverseEvent) {
    let mut batch = record();
    batch.pods = pods.into_iter().map(Arc::new).collect();
    batch.services = vec![ServiceState { ready, ..service("checkout") }];
    batch.adverse = vec![event];
    store.record(&batch).await.unwrap();
}

const ALL: Window = Window { from: Timestamp(0), to: Timestamp(i64::MAX) };

/// What is known: phases of the pods, what is ready of the service, the events' counts.
async fn known(store: &Store) -> (Vec<PodPhase>, u32, Vec<u32>) {
    let checkout = id("checkout");
    let pods = store.pods(&checkout, ALL).await.unwrap().iter().map(|pod| pod.phase).collect();
    let ready = store.directory().service(&checkout).unwrap().ready;
    let own = store.adverse(Some(&checkout), ALL).await.unwrap();
    let all = store.adverse(None, ALL).await.unwrap();
    assert_eq!(own, all);
    (pods, ready, own.iter().map(|event| event.count).collect())
}

#[tokio::test]
async fn how_what_is_known_stands_is_seen_at_once_and_written_when_the_store_closes() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_services(folder.path()).await;
    let unready = || PodState { phase: PodPhase::NotReady, ..pod("checkout", "p1", "10.0.0.1", 5) };
    told(&store, vec![unready()], 1, restarts(&[10])).await;
    assert_eq!(known(&store).await, (vec![PodPhase::NotReady], 1, vec![1]));
    assert_eq!(written(folder.path()).await, ("Ready".into(), None, 2, Some(1)), "what is new is written at once");
    told(&store, vec![unready()], 0, restarts(&[10, 20])).await;
    assert_eq!(known(&store).await, (vec![PodPhase::NotReady], 0, vec![2]));
    assert_eq!(written(folder.path()).await, ("Ready".into(), None, 2, Some(1)));
    // Somebody who watches the cluster anew is told what is known by now.
    let memory = store.memory(&ClusterId("c1".into())).await.unwrap();
    assert_eq!((memory.services[1].ready, memory.adverse[0].count), (0, 2));
    assert_eq!(written(folder.path()).await, ("NotReady".into(), None, 0, Some(2)));
    told(&store, vec![pod("checkout", "p1", "10.0.0.1", 5)], 2, restarts(&[10, 20, 30])).await;
    store.close().await.unwrap();
    store.close().await.unwrap();
    assert_eq!(written(folder.path()).await, ("Ready".into(), None, 2, Some(3)));
    assert_eq!(known(&open(folder.path()).await).await, (vec![PodPhase::Ready], 2, vec![3]));
}

#[tokio::test]
async fn who_comes_or_goes_is_written_at_once_and_not_undone_by_what_waited() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_services(folder.path()).await;
    let living = PodState { phase: PodPhase::NotReady, ..pod("checkout", "p1", "10.0.0.1", 5) };
    told(&store, vec![living.clone()], 1, restarts(&[10, 20])).await;
    let ended = PodState { ended: Some(Timestamp(50)), phase: PodPhase::Terminating, ..living };
    told(&store, vec![ended, pod("checkout", "p3", "10.0.0.3", 7)], 1, restarts(&[10, 20, 30])).await;
    assert_eq!(known(&store).await.0, [PodPhase::Terminating, PodPhase::Ready]);
    assert_eq!(written(folder.path()).await.1, Some(50));
    let mut batch = record();
    batch.services = vec![ServiceState { deleted: Some(Timestamp(60)), ready: 0, ..service("checkout") }];
    store.record(&batch).await.unwrap();
    assert_eq!(written(folder.path()).await.2, 0);
    store.close().await.unwrap();
    let (phase, end, ready, count) = written(folder.path()).await;
    assert_eq!((phase.as_str(), end, ready, count), ("Terminating", Some(50), 0, Some(3)));
    let store = open(folder.path()).await;
    assert_eq!(known(&store).await.0, [PodPhase::Terminating, PodPhase::Ready]);
    assert!(store.directory().service(&id("checkout")).unwrap().deleted.is_some());
}

#[tokio::test]
async fn what_waits_is_written_after_half_a_minute() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_services(folder.path()).await;
    let unready = PodState { phase: PodPhase::NotReady, ..pod("checkout", "p1", "10.0.0.1", 5) };
    told(&store, vec![unready], 1, restarts(&[10, 20])).await;
    assert_eq!(written(folder.path()).await, ("Ready".into(), None, 2, None));
    // Only now: while SQLite's threads are waited for, a clock that is stopped would run on.
    tokio::time::pause();
    tokio::time::advance(std::time::Duration::from_secs(31)).await;
    tokio::time::resume();
    for _ in 0..500 {
        if written(folder.path()).await.3 == Some(2) {
            assert_eq!(written(folder.path()).await, ("NotReady".into(), None, 1, Some(2)));
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("nothing was written");
}
