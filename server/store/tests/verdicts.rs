//! Verdicts beside deploys: which are due, what is kept, the feed; and the questions that facts are made from.
#![allow(clippy::unwrap_used)]

mod support;

use model::*;
use sqlx::Connection;
use store::*;
use support::*;

fn made(sequence: u32, level: VerdictLevel) -> (Verdict, Judgement) {
    let verdict = Verdict { judged_at: NOW, ..Verdict::new(level, Sentence::plain("said")) };
    let headline = verdict.headline.clone();
    let judged = Judged { sequence, level, headline, note: "of so many".into(), judged_at: NOW };
    (verdict, Judgement { judged, flagged: Vec::new(), looked: NOW, spent: [(15, 12)].into() })
}

async fn keep(store: &Store, sequence: u32, level: VerdictLevel, due: Option<Timestamp>) {
    let (verdict, brief) = made(sequence, level);
    let id = DeployId { service: id("checkout"), sequence };
    store.keep_verdict(&id, &verdict, brief, due).await.unwrap();
}

async fn with_deploys(folder: &std::path::Path) -> Store {
    let store = with_services(folder).await;
    let mut batch = record();
    batch.deploys = vec![deploy("checkout", 2, NOW.plus(-HOUR)), deploy("checkout", 3, NOW)];
    store.record(&batch).await.unwrap();
    store
}

#[tokio::test]
async fn a_deploy_is_due_until_it_is_done_with_and_again_when_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_deploys(folder.path()).await;
    let sequences = |due: &[DueDeploy]| due.iter().map(|due| due.deploy.id.sequence).collect::<Vec<_>>();
    let due = store.due_deploys(NOW, 10).await.unwrap();
    assert_eq!(sequences(&due), [2, 3], "of one service the earliest first");
    assert_eq!(due[0].later.as_ref().map(|later| later.id.sequence), Some(3));
    assert!(store.due_deploys(NOW, 10).await.unwrap().is_empty(), "taken");
    keep(&store, 2, VerdictLevel::Healthy, None).await;
    keep(&store, 3, VerdictLevel::RollingOut, Some(NOW.plus(MINUTE))).await;
    assert!(store.due_deploys(NOW.plus(MINUTE - 1), 10).await.unwrap().is_empty());
    let due = store.due_deploys(NOW.plus(MINUTE), 10).await.unwrap();
    assert_eq!(sequences(&due), [3]);
    assert_eq!(due[0].said, Some(made(3, VerdictLevel::RollingOut).1));
    // It changes while it is judged: what is kept then does not hide that.
    let mut batch = record();
    batch.deploys = vec![Deploy { phase: DeployPhase::Settled { at: NOW }, ..deploy("checkout", 3, NOW) }];
    store.record(&batch).await.unwrap();
    keep(&store, 3, VerdictLevel::Healthy, None).await;
    assert_eq!(sequences(&store.due_deploys(NOW, 10).await.unwrap()), [2, 3], "and the one before it");
}

#[tokio::test]
async fn deploys_of_which_nothing_is_said_are_looked_at_when_they_were_told_to_be() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_deploys(folder.path()).await;
    let sequences = |due: &[DueDeploy]| due.iter().map(|due| due.deploy.id.sequence).collect::<Vec<_>>();
    let [two, three] = [2, 3].map(|sequence| DeployId { service: id("checkout"), sequence });
    assert_eq!(store.due_deploys(NOW, 10).await.unwrap().len(), 2);
    store.look_again(&[]).await.unwrap();
    store.look_again(&[(&two, None), (&three, Some(NOW.plus(HOUR)))]).await.unwrap();
    assert!(store.due_deploys(NOW.plus(HOUR - 1), 10).await.unwrap().is_empty());
    assert_eq!(sequences(&store.due_deploys(NOW.plus(HOUR), 10).await.unwrap()), [3]);
    let mut batch = record();
    batch.deploys = vec![Deploy { phase: DeployPhase::Settled { at: NOW }, ..deploy("checkout", 2, NOW) }];
    store.record(&batch).await.unwrap();
    store.look_again(&[(&two, None)]).await.unwrap();
    assert_eq!(sequences(&store.due_deploys(NOW, 10).await.unwrap()), [2], "it changed while it was looked at");
    assert!(store.judgements(&id("checkout")).await.unwrap().is_empty());
}

#[tokio::test]
async fn verdicts_are_kept_over_a_restart_and_the_newest_are_at_hand() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_deploys(folder.path()).await;
    keep(&store, 3, VerdictLevel::Failed, None).await;
    keep(&store, 2, VerdictLevel::Healthy, None).await;
    let check = async |store: &Store| {
        assert_eq!(store.newest_judgements()[&id("checkout")].judged.level, VerdictLevel::Failed);
        let levels: Vec<_> = store.judgements(&id("checkout")).await.unwrap();
        assert_eq!(levels.iter().map(|j| j.judged.sequence).collect::<Vec<_>>(), [3, 2]);
        let id = DeployId { service: id("checkout"), sequence: 3 };
        assert_eq!(store.verdict(&id).await.unwrap(), Some(made(3, VerdictLevel::Failed).0));
    };
    check(&store).await;
    store.close().await.unwrap();
    check(&open(folder.path()).await).await;
}

#[tokio::test]
async fn the_feed_filters_and_ends() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_deploys(folder.path()).await;
    let mut batch = record();
    let found_later = Deploy { reconstructed: true, ..deploy("worker", 1, NOW) };
    batch.deploys = vec![deploy("cart", 1, NOW), deploy("cart", 2, NOW.plus(MINUTE)), found_later];
    store.record(&batch).await.unwrap();
    keep(&store, 3, VerdictLevel::Failed, None).await;
    let feed = async |ask: FeedQuery| {
        let rows = store.feed(&FeedQuery { limit: 9, ..ask }).await.unwrap();
        rows.iter().map(|row| row.deploy.id.to_string().replace("c1/shop/Deployment/", "")).collect::<Vec<_>>()
    };
    let all = FeedQuery::default;
    let there = ["cart/2", "checkout/3", "cart/1", "checkout/2"];
    assert_eq!(feed(all()).await, there, "without first revisions that were there before");
    assert_eq!(feed(FeedQuery { levels: vec![VerdictLevel::Failed], ..all() }).await, ["checkout/3"]);
    assert_eq!(feed(FeedQuery { text: "CAR".into(), ..all() }).await, ["cart/2", "cart/1"]);
    assert_eq!(feed(FeedQuery { namespace: "shop".into(), ..all() }).await.len(), 4);
    assert!(feed(FeedQuery { namespace: "sho".into(), ..all() }).await.is_empty());
    let started = |from: Timestamp, to: Timestamp| FeedQuery { window: Some(Window::new(from, to)), ..all() };
    let minute = NOW.plus(MINUTE);
    assert_eq!(feed(started(minute, minute.plus(1))).await, ["cart/2"]);
    assert_eq!(feed(started(Timestamp(0), minute)).await, ["checkout/3", "cart/1", "checkout/2"], "of its end none");
    let count = async |from: Timestamp, to: Timestamp| store.count_deploys(Window::new(from, to)).await.unwrap();
    assert_eq!(count(minute, minute.plus(1)).await, 1);
    assert_eq!(count(Timestamp(0), minute).await, 3, "as many as are listed");
    let text = |text: &str| FeedQuery { text: text.into(), ..all() };
    assert_eq!(feed(text("shop/cart")).await, ["cart/2", "cart/1"]);
    for unnamed in ["c1", "deployment", "c1/shop"] {
        assert!(feed(text(unnamed)).await.is_empty(), "{unnamed} is on no row");
    }
    let (verdict, brief) = made(1, VerdictLevel::Healthy);
    let id = DeployId { service: id("worker"), sequence: 1 };
    store.keep_verdict(&id, &verdict, brief, None).await.unwrap();
    assert_eq!(feed(FeedQuery { levels: vec![VerdictLevel::Healthy], ..all() }).await, ["worker/1"], "once judged");
}

#[tokio::test]
async fn pages_of_the_feed_miss_nothing_that_started_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_deploys(folder.path()).await;
    let mut batch = record();
    batch.deploys = vec![deploy("cart", 2, NOW), deploy("cart", 3, NOW), deploy("worker", 2, NOW)];
    store.record(&batch).await.unwrap();
    let (mut found, mut before) = (Vec::new(), None);
    loop {
        let ask = FeedQuery { limit: 2, before, ..FeedQuery::default() };
        let rows = store.feed(&ask).await.unwrap();
        let Some(last) = rows.last().map(|row| &row.deploy) else { break };
        before = Some(FeedPlace { started: last.started, id: last.id.clone() });
        found.extend(rows.iter().map(|row| row.deploy.id.to_string().replace("c1/shop/Deployment/", "")));
    }
    assert_eq!(found, ["worker/2", "checkout/3", "cart/3", "cart/2", "checkout/2"]);
}

#[tokio::test]
async fn a_verdict_that_can_not_be_read_is_made_again_and_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_deploys(folder.path()).await;
    keep(&store, 3, VerdictLevel::Failed, None).await;
    keep(&store, 2, VerdictLevel::Failed, None).await;
    store.due_deploys(NOW, 10).await.unwrap();
    for sequence in [2, 3] {
        keep(&store, sequence, VerdictLevel::Failed, None).await;
    }
    store.close().await.unwrap();
    let path = folder.path().join("meta.db");
    let mut file = sqlx::SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    sqlx::query("update verdicts set brief = '{}' where sequence = 3").execute(&mut file).await.unwrap();
    file.close().await.unwrap();
    let store = open(folder.path()).await;
    assert!(store.newest_judgements().is_empty());
    assert_eq!(store.judgements(&id("checkout")).await.unwrap().len(), 1);
    let rows = store.feed(&FeedQuery { limit: 9, ..FeedQuery::default() }).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.verdict.is_some()).collect::<Vec<_>>(), [false, true]);
    let due = store.due_deploys(NOW, 10).await.unwrap();
    assert_eq!(due.iter().map(|due| (due.deploy.id.sequence, due.said.is_some())).collect::<Vec<_>>(), [(3, false)]);
}

#[tokio::test]
async fn verdicts_on_services_that_are_forgotten_are_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_deploys(folder.path()).await;
    keep(&store, 3, VerdictLevel::Failed, None).await;
    let mut batch = record();
    batch.services = vec![ServiceState { deleted: Some(NOW), ..service("checkout") }];
    store.record(&batch).await.unwrap();
    store.maintain(NOW.plus(HOUR)).await.unwrap();
    assert_eq!(store.newest_judgements().len(), 1);
    store.maintain(NOW.plus(4_000 * DAY)).await.unwrap();
    assert_eq!(store.newest_judgements().len(), 1, "a pod is left of it");
    let memory = store.memory(&ClusterId("c1".into())).await.unwrap();
    assert!(memory.pods.iter().any(|pod| *pod.service == id("checkout")));
    let mut batch = record();
    batch.pods = vec![std::sync::Arc::new(PodState { ended: Some(NOW), ..pod("checkout", "p1", "10.0.0.1", 5) })];
    store.record(&batch).await.unwrap();
    store.maintain(NOW.plus(4_000 * DAY)).await.unwrap();
    assert!(store.newest_judgements().is_empty());
}

#[tokio::test]
async fn events_of_nodes_are_those_of_one_cluster() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_services(folder.path()).await;
    let mut batch = record();
    let node = |key: &str, cluster: &str, kind: AdverseKind| AdverseEvent {
        cluster: cluster.into(),
        kind,
        ..adverse(key, None, NOW.0, NOW.0, 1)
    };
    batch.adverse = vec![
        node("a", "c1", AdverseKind::Node),
        node("b", "c2", AdverseKind::Node),
        node("c", "c1", AdverseKind::Warning),
        adverse("d", Some("cart"), NOW.0, NOW.0, 1),
    ];
    store.record(&batch).await.unwrap();
    let found = store.node_events("c1", around(NOW)).await.unwrap();
    assert_eq!(found.iter().map(|event| event.key.as_str()).collect::<Vec<_>>(), ["a"]);
}

#[tokio::test]
async fn facts_come_by_endpoint_and_pod_and_calls_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_services(folder.path()).await;
    let telemetry = store.telemetry();
    let spans = [
        Request { id: 1, endpoint: "GET /a", ..Request::default() },
        Request { id: 2, endpoint: "GET /b", error: "Oh", http_status: 500, ..Request::default() },
    ];
    telemetry.append(batch(1, (owner("checkout"), facts_of_pod("p1")), &spans)).await.unwrap();
    let mut calls = Batch::new([7; 16]);
    let caller = calls.owner(owner("cart"), facts_of_pod("p2"));
    push_call(&mut calls, caller, "checkout.shop.svc.cluster.local");
    telemetry.append(calls).await.unwrap();

    let rows = telemetry.red(ask(around(NOW), MINUTE, By::EndpointPod)).await.unwrap();
    let seen: Vec<_> =
        rows.iter().map(|row| (row.endpoint.as_deref(), row.pod.clone(), row.revision.clone())).collect();
    let whose = (Some(PodId("p1".into())), Some(RevisionHash("7d9f".into())));
    assert_eq!(seen, [(Some("GET /a"), whose.0.clone(), whose.1.clone()), (Some("GET /b"), whose.0.clone(), whose.1)]);

    let lives = telemetry.error_life(&[id("cart"), id("checkout")], around(NOW)).await.unwrap();
    assert_eq!(lives.keys().collect::<Vec<_>>(), [&id("checkout")], "the other has none");
    let life = &lives[&id("checkout")];
    assert_eq!((life.groups.len(), life.births.len()), (1, 1));
    let firsts = telemetry.first_errors(&id("checkout")).await.unwrap();
    assert_eq!(firsts.into_iter().collect::<Vec<_>>(), [(RevisionHash("7d9f".into()), 1)]);
    assert!(telemetry.first_errors(&id("cart")).await.unwrap().is_empty());
    let named = telemetry.error_groups(&[id("cart"), id("checkout")], around(NOW)).await.unwrap();
    let name = ErrorName { service: id("checkout"), endpoint: "GET /b".into(), error: "Oh".into() };
    assert_eq!(named.into_iter().collect::<Vec<_>>(), [name]);
    assert!(telemetry.error_groups(&[id("cart")], around(NOW)).await.unwrap().is_empty());
    assert_eq!((life.groups[0].error.as_str(), &life.groups[0].pod, life.groups[0].cells[0].1), ("Oh", &whose.0, 1.0));

    let calls = telemetry.calls(around(NOW)).await.unwrap();
    assert_eq!(calls, [(id("cart"), "checkout.shop.svc.cluster.local".to_owned())]);
    let directory = store.directory();
    let called = |name: &str| directory.called(&id("cart"), name).cloned().collect::<Vec<_>>();
    assert_eq!(called("checkout.shop.svc.cluster.local"), [id("checkout")]);
    assert_eq!(called("checkout"), [id("checkout")]);
    assert!(called("checkout.elsewhere.svc").is_empty() && called("").is_empty());
}
