//! Which verdicts decide the health of a service, and that a new one is seen at once.

use std::collections::BTreeMap;

use model::{
    AdverseKind, Against, ClusterStatus, Connection, Deploy, Evidence, Health, Outcome, RevisionHash, Sentence,
    ServiceState, Side, Signal, VerdictLevel, WatchState, WatcherStatus,
};

use super::*;
use crate::fixtures::{deploy, open, record, service};

const NOW: Timestamp = Timestamp::from_seconds(4 * 3_600);

fn flagged(signal: Signal) -> Evidence {
    let window = Window::new(NOW, NOW);
    let new = Side { name: "v2".into(), window, numerator: 1.0, denominator: 1.0, value: Some(1.0), cells: 1 };
    Evidence {
        signal,
        endpoint: None,
        subject: None,
        outcome: Outcome::Flagged,
        why: Sentence::plain("it fails"),
        against: Against::Nothing,
        old: None,
        new,
        effect: None,
        test: None,
    }
}

/// Keeps a verdict on the deploy `sequence` that calls a signal.
async fn say(store: &Store, sequence: u32, signal: Signal) {
    let verdict = Verdict::new(VerdictLevel::Failed, Sentence::plain("v2 fails"));
    let judged = analysis::judged(sequence, &verdict);
    let brief = Judgement { judged, flagged: vec![flagged(signal)], looked: NOW, spent: BTreeMap::new() };
    store.keep_verdict(&deploy(sequence).id, &verdict, brief, None).await.unwrap();
}

fn connect(store: &Store, connection: Connection) {
    watch(store, connection, vec![]);
}

fn watch(store: &Store, connection: Connection, watchers: Vec<WatcherStatus>) {
    let heard = Some(NOW);
    store.set_cluster_status(ClusterStatus {
        id: "c1".into(),
        name: "c1".into(),
        connection,
        heard,
        watchers,
        kubelets: Default::default(),
        logs: Default::default(),
    });
}

/// The service on revision `b`, which deploy 3 brought, with so many of its pods ready.
async fn shop(folder: &std::path::Path, ready: u32) -> Store {
    let store = open(folder).await;
    let revision = Some(RevisionHash("b".into()));
    let cart = ServiceState { revision, ready, wanted: 2, ..service("cart") };
    let brought = Deploy { phase: model::DeployPhase::Settled { at: NOW }, ..deploy(3) };
    record(&store, vec![cart], vec![brought]).await;
    connect(&store, Connection::Connected);
    store
}

/// Health, and whether the verdict lasts.
async fn check(board: &Board) -> (Health, bool) {
    let standings = board.standings(Window::before(NOW, HOUR)).await.unwrap();
    (standings.services[0].health.health, standings.services[0].verdict_lasts)
}

#[tokio::test]
async fn a_verdict_counts_while_what_it_calls_is_there_and_shows_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = shop(folder.path(), 1).await;
    let board = Board::new(store.clone());
    assert_eq!(check(&board).await, (Health::Healthy, false));
    say(&store, 3, Signal::CrashLoop).await;
    assert_eq!(check(&board).await, (Health::Failing, true), "of the same window as before");
    say(&store, 3, Signal::Errors).await;
    assert_eq!(check(&board).await, (Health::Healthy, false), "no request fails");
    say(&store, 3, Signal::ErrorGroup).await;
    assert_eq!(check(&board).await, (Health::Healthy, false), "nor is there such an error");
}

#[tokio::test]
async fn what_pods_did_last_counts_neither_once_they_are_ready_nor_while_their_cluster_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let store = shop(folder.path(), 2).await;
    say(&store, 3, Signal::CrashLoop).await;
    assert_eq!(check(&Board::new(store.clone())).await, (Health::Healthy, false));
    let folder = tempfile::tempdir().unwrap();
    let store = shop(folder.path(), 1).await;
    say(&store, 3, Signal::CrashLoop).await;
    connect(&store, Connection::Lost { since: NOW, reason: "gone".into() });
    assert_eq!(check(&Board::new(store)).await, (Health::Unknown, false));
}

#[tokio::test]
async fn a_crash_loop_lasts_while_pods_of_the_revision_before_serve() {
    let folder = tempfile::tempdir().unwrap();
    let store = shop(folder.path(), 2).await;
    say(&store, 3, Signal::CrashLoop).await;
    let tell = async |revision: &str, created: Timestamp, phase: model::PodPhase| {
        let revision = Some(RevisionHash(revision.into()));
        let pod =
            model::PodState { revision, phase, ..crate::fixtures::pod(crate::fixtures::id("cart"), "p", created) };
        let mut record = store::ClusterRecord::new(model::ClusterId("c1".into()));
        record.pods = vec![pod.into()];
        store.record(&record).await.unwrap();
        check(&Board::new(store.clone())).await.1
    };
    let (old, young) = (NOW.plus(-5 * MINUTE), NOW.plus(-SECOND));
    assert!(tell("b", old, model::PodPhase::NotReady).await, "one of the new revision is not ready");
    assert!(!tell("b", young, model::PodPhase::Starting).await, "it has only begun");
    assert!(!tell("a", old, model::PodPhase::NotReady).await, "it is of the revision before");
    assert!(!tell("b", old, model::PodPhase::Failed).await, "it was evicted and lies there");
    assert!(!tell("b", old, model::PodPhase::Ready).await, "it is ready");
}

#[tokio::test]
async fn health_is_unknown_where_pods_may_not_be_read_any_more_but_not_where_they_never_could() {
    let folder = tempfile::tempdir().unwrap();
    let store = shop(folder.path(), 2).await;
    let pods = |heard: Option<i64>| WatcherStatus {
        resource: "pods".into(),
        namespace: None,
        state: WatchState::Forbidden { rule: String::new() },
        objects: 0,
        lists: 1,
        events: 0,
        heard: heard.map(|minutes| NOW.plus(-minutes * MINUTE)),
    };
    for (heard, health) in [(None, Health::Healthy), (Some(1), Health::Healthy), (Some(3), Health::Unknown)] {
        watch(&store, Connection::Connected, vec![pods(heard)]);
        assert_eq!(check(&Board::new(store.clone())).await.0, health, "{heard:?}");
    }
    let (_, said) = sentence(&Board::new(store.clone())).await;
    assert!(said.contains("may not be read any more"), "{said}");
    // Rights for each namespace are each one's own.
    let of = |namespace: &str| WatcherStatus { namespace: Some(namespace.into()), ..pods(Some(3)) };
    for (namespace, health) in [("other", Health::Healthy), ("shop", Health::Unknown)] {
        watch(&store, Connection::Connected, vec![of(namespace)]);
        assert_eq!(check(&Board::new(store.clone())).await.0, health, "{namespace}");
    }
    // After a restart what is known of pods is of before.
    let mut known = store::ClusterRecord::new(model::ClusterId("c1".into()));
    known.pods = vec![Arc::new(crate::fixtures::pod(crate::fixtures::id("cart"), "cart-1", NOW))];
    store.record(&known).await.unwrap();
    watch(&store, Connection::Connected, vec![pods(None)]);
    assert_eq!(check(&Board::new(store)).await.0, Health::Unknown);
}

#[tokio::test]
async fn a_verdict_on_a_revision_that_does_not_run_any_more_does_not_count() {
    let folder = tempfile::tempdir().unwrap();
    let store = shop(folder.path(), 1).await;
    say(&store, 3, Signal::CrashLoop).await;
    let back = ServiceState { revision: Some(RevisionHash("a".into())), ready: 1, wanted: 2, ..service("cart") };
    record(&store, vec![back], vec![]).await;
    assert_eq!(check(&Board::new(store)).await, (Health::Healthy, false));
}

async fn sentence(board: &Board) -> (Health, String) {
    let standings = board.standings(Window::before(NOW, HOUR)).await.unwrap();
    (standings.services[0].health.health, standings.services[0].health.sentence.to_string())
}

#[tokio::test]
async fn what_is_measured_to_lack_decides_the_health_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = shop(folder.path(), 2).await;
    let board = Board::new(store.clone());
    assert_eq!(sentence(&board).await, (Health::Healthy, "Healthy".into()));
    let keep = |degrades| {
        let of = model::SaturationOf::Cpu { container: "app".into() };
        let lacks = Saturation { of, since: NOW, degrades, pods: vec![], sentence: Sentence::plain("throttled") };
        store.keep_saturations([(crate::fixtures::id("cart"), Arc::new(vec![lacks]))].into());
    };
    keep(false);
    assert_eq!(sentence(&board).await, (Health::Healthy, "throttled".into()), "of the same window as before");
    keep(true);
    assert_eq!(sentence(&board).await, (Health::Degraded, "throttled".into()));
}

/// An event that began so many minutes ago and still holds.
fn holds(uid: &str, kind: AdverseKind, minutes: i64) -> AdverseEvent {
    let service = Some(crate::fixtures::id("cart"));
    AdverseEvent {
        key: format!("c1|{uid}|{kind:?}||"),
        message: format!("{kind:?} since {minutes}. Do something."),
        last: NOW,
        current: true,
        ..crate::fixtures::adverse(service, kind, &[NOW.plus(-minutes * MINUTE)])
    }
}

#[tokio::test]
async fn what_kubernetes_tells_that_a_service_lacks_decides_its_health() {
    let folder = tempfile::tempdir().unwrap();
    let store = shop(folder.path(), 2).await;
    let mut record = store::ClusterRecord::new(model::ClusterId("c1".into()));
    record.adverse = vec![holds("hpa", AdverseKind::Autoscaler, 14)];
    store.record(&record).await.unwrap();
    let board = Board::new(store.clone());
    assert_eq!(sentence(&board).await, (Health::Healthy, "Healthy".into()), "not for long enough");
    record.adverse = vec![holds("late", AdverseKind::Autoscaler, 15)];
    store.record(&record).await.unwrap();
    assert_eq!(sentence(&board).await, (Health::Degraded, "Autoscaler since 15, for 15 min".into()));
    // A Deployment and its ReplicaSet both say it; a quota comes first, since pods are missing for it.
    record.adverse = vec![holds("rs", AdverseKind::Quota, 6), holds("deployment", AdverseKind::Quota, 7)];
    store.record(&record).await.unwrap();
    assert_eq!(sentence(&board).await, (Health::Degraded, "Quota since 7, for 7 min".into()));
    record.adverse.push(holds("late", AdverseKind::Autoscaler, 15));
    record.adverse.iter_mut().for_each(|event| event.current = false);
    store.record(&record).await.unwrap();
    assert_eq!(sentence(&board).await, (Health::Healthy, "Healthy".into()), "at once, of the same window as before");
}

/// A request with one point of a gauge.
fn one_point(at: Timestamp) -> store::Batch {
    let mut batch = store::Batch::new([7; 16]);
    let owner = batch.owner(model::Owner { attributes: Vec::new(), peer: None }, store::OwnerFacts::default());
    let series = store::SeriesRow {
        owner,
        name: "queue.size",
        kind: model::MetricKind::Gauge,
        unit: "",
        description: "",
        scope: "",
        labels: &[],
        bounds: &[],
    };
    batch.push_point(&series, &store::PointRow { at, start: Timestamp(0), value: 1.0, distribution: None });
    batch
}

#[tokio::test]
async fn a_window_that_ends_now_is_that_of_a_moment_before_as_long_as_nothing_comes() {
    let folder = tempfile::tempdir().unwrap();
    let store = shop(folder.path(), 2).await;
    let board = Board::new(store.clone());
    let end = now().floor(SECOND);
    let ask = async |seconds: i64| board.standings(Window::before(end.plus(seconds * SECOND), HOUR)).await.unwrap();
    let first = ask(0).await;
    assert!(Arc::ptr_eq(&first, &ask(5).await));
    assert!(!Arc::ptr_eq(&first, &ask(6).await), "too long ago");
    let shorter = board.standings(Window::before(end.plus(SECOND), MINUTE)).await.unwrap();
    assert!(!Arc::ptr_eq(&first, &shorter), "another window");
    let before = ask(7).await;
    store.telemetry().append(one_point(end)).await.unwrap();
    let after = ask(8).await;
    assert!(!Arc::ptr_eq(&before, &after), "telemetry came");
    say(&store, 3, Signal::CrashLoop).await;
    assert!(!Arc::ptr_eq(&after, &ask(9).await), "something was told");
    let past = async |seconds: i64| board.standings(Window::before(NOW.plus(seconds * SECOND), HOUR)).await.unwrap();
    assert!(!Arc::ptr_eq(&past(0).await, &past(1).await), "a window of the past is what it says");
}
