//! What machines are answered, over a store: pages, verdicts, problems; and the document that describes them.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::{Extension, Router};
use http::{Request, StatusCode};
use model::{
    ClusterId, Deploy, DeployId, DeployKind, DeployPhase, RevisionHash, Sentence, ServiceId, ServiceState, Timestamp,
    Verdict, VerdictLevel, Viewer,
};
use serde_json::Value;
use store::{ClusterRecord, Config, Judgement, Keep, Store};
use tower::ServiceExt;
use utoipa::OpenApi;

use super::{Document, router};
use crate::backend::Answers;

fn id(name: &str) -> ServiceId {
    ServiceId::new("c1", "shop", "Deployment", name)
}

fn service(name: &str) -> ServiceState {
    ServiceState {
        id: id(name),
        uid: name.into(),
        created: Timestamp(1),
        deleted: None,
        managed_by: None,
        team: None,
        aliases: vec![],
        grouped: false,
        wanted: 1,
        ready: 1,
        updated: 1,
        available: 1,
        revision: None,
        revision_name: Some("v2".into()),
        images: vec![],
        short_since: None,
        down_since: None,
        grace: None,
        restarts: 0,
    }
}

fn deploy(sequence: u32) -> Deploy {
    Deploy {
        id: DeployId { service: id("cart"), sequence },
        from: None,
        to: RevisionHash("b".into()),
        from_name: Some("v1".into()),
        to_name: "v2".into(),
        kind: DeployKind::Image,
        phase: DeployPhase::RollingOut,
        started: Timestamp::from_seconds(i64::from(sequence) * 3_600),
        rollback: false,
        reconstructed: false,
        cause: None,
        changes: vec!["image".into()],
    }
}

/// Two services; one of them with two deploys, the newer of them judged.
async fn shop(folder: &std::path::Path) -> Router {
    let keep = Keep { age: model::DAY, bytes: 1 << 30 };
    let store = Store::open(Config { path: folder.to_owned(), raw: keep, summaries: keep }).await.unwrap();
    let mut record = ClusterRecord::new(ClusterId("c1".into()));
    record.services = vec![service("cart"), service("checkout")];
    record.deploys = vec![deploy(2), deploy(3)];
    store.record(record).await.unwrap();
    let verdict = Verdict { rules: 1, ..Verdict::new(VerdictLevel::Failed, Sentence::plain("POST / fails")) };
    let judged = analysis::judged(3, &verdict);
    let brief = Judgement { judged, flagged: vec![], looked: verdict.judged_at, spent: Default::default() };
    store.keep_verdict(&deploy(3).id, Some((&verdict, brief)), None).await.unwrap();
    let ingest = ingest::Ingest::new(store.clone(), ingest::Limits::default());
    router(Arc::new(Answers::new(store, ingest, vec![], false))).layer(Extension(Viewer::local()))
}

async fn get(shop: &Router, path: &str) -> (StatusCode, Value) {
    let response = shop.clone().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
    let status = response.status();
    let is_problem = response.headers()["content-type"] == "application/problem+json";
    assert_eq!(is_problem, !status.is_success(), "{path}");
    (status, serde_json::from_slice(&to_bytes(response.into_body(), 1 << 20).await.unwrap()).unwrap())
}

#[tokio::test]
async fn services_and_deploys_come_in_pages() {
    let folder = tempfile::tempdir().unwrap();
    let shop = shop(folder.path()).await;
    let (_, first) = get(&shop, "/services?limit=1").await;
    assert_eq!(
        (&first["items"][0]["name"], &first["items"][0]["verdict"]["level"]),
        (&"cart".into(), &"failed".into())
    );
    let next = first["next"].as_str().unwrap();
    let (_, second) = get(&shop, &format!("/services?limit=1&cursor={next}")).await;
    assert_eq!((&second["items"][0]["name"], &second["next"]), (&"checkout".into(), &Value::Null));
    let (_, newest) = get(&shop, "/services/c1/shop/Deployment/cart/deploys?limit=1").await;
    assert_eq!((&newest["items"][0]["sequence"], &newest["next"]), (&3.into(), &"3".into()));
    let (_, older) = get(&shop, "/services/c1/shop/Deployment/cart/deploys?cursor=3").await;
    assert_eq!((&older["items"][0]["sequence"], &older["items"][0]["verdict"]), (&2.into(), &Value::Null));
}

#[tokio::test]
async fn a_verdict_is_told_or_that_there_is_none_yet() {
    let folder = tempfile::tempdir().unwrap();
    let shop = shop(folder.path()).await;
    let (_, judged) = get(&shop, "/deploys/c1/shop/Deployment/cart/3/verdict").await;
    assert_eq!((&judged["verdict"]["headline"], &judged["deploy"]["to"]), (&"POST / fails".into(), &"v2".into()));
    let (status, waiting) = get(&shop, "/deploys/c1/shop/Deployment/cart/2/verdict").await;
    assert_eq!((status, &waiting["verdict"]), (StatusCode::OK, &Value::Null));
}

#[tokio::test]
async fn what_can_not_be_answered_is_a_problem() {
    let folder = tempfile::tempdir().unwrap();
    let shop = shop(folder.path()).await;
    for (path, status) in [
        ("/services?limit=0", 400),
        ("/services?limit=x", 400),
        ("/services?cursor=x", 400),
        ("/services?colour=red", 400),
        ("/services/c1/shop/Deployment/cart/deploys?cursor=x", 400),
        ("/services/c1/shop/Deployment/nope/deploys", 404),
        ("/deploys/c1/shop/Deployment/cart/9/verdict", 404),
        ("/deploys/c1/shop/Deployment/cart/x/verdict", 404),
        ("/deploys/c1/shop/Deployment/%ff/3/verdict", 400),
        ("/nothing", 404),
    ] {
        let (found, problem) = get(&shop, path).await;
        assert_eq!((found.as_u16(), &problem["status"]), (status, &status.into()), "{path}");
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{path}");
    }
}

#[test]
fn the_document_names_every_path_and_shape() {
    let document = serde_json::to_value(Document::openapi()).unwrap();
    assert_eq!(document["paths"].as_object().unwrap().len(), 3);
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for name in ["ServicePage", "DeployPage", "VerdictAnswer", "EvidenceShape", "Problem"] {
        assert!(schemas.contains_key(name), "{name} in {:?}", schemas.keys());
    }
}
