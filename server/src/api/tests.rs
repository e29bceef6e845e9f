//! What machines are answered, over a store: pages, verdicts, problems; and the document that describes them.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::{Extension, Router};
use http::{Request, StatusCode};
use model::{Sentence, Verdict, VerdictLevel, Viewer};
use serde_json::Value;
use store::Judgement;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use utoipa::OpenApi;

use super::{Document, router};
use crate::backend::Answers;
use crate::config::Access;
use crate::fixtures::{deploy, open, record, service};

/// Two services; one of them with two deploys, the newer of them judged.
async fn answers(folder: &std::path::Path) -> Arc<Answers> {
    let store = open(folder).await;
    record(&store, vec![service("cart"), service("checkout")], vec![deploy(2), deploy(3)]).await;
    let verdict = Verdict { rules: 1, ..Verdict::new(VerdictLevel::Failed, Sentence::plain("POST / fails")) };
    let judged = analysis::judged(3, &verdict);
    let brief = Judgement { judged, flagged: vec![], looked: verdict.judged_at, spent: Default::default() };
    store.keep_verdict(&deploy(3).id, &verdict, brief, None).await.unwrap();
    let ingest = ingest::Ingest::new(store.clone(), ingest::Limits::default());
    Arc::new(Answers::new(store, ingest, vec![], false))
}

async fn shop(folder: &std::path::Path) -> Router {
    router(answers(folder).await).layer(Extension(Viewer::local()))
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

/// Status, content type and body, over a socket.
fn fetch(base: &str, path: &str, token: Option<&str>) -> (u16, String, Value) {
    let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
    let mut request = agent.get(format!("{base}/api/v1{path}"));
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let mut response = request.call().unwrap();
    let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
    (response.status().as_u16(), kind, response.body_mut().read_json().unwrap())
}

#[tokio::test]
async fn over_http_only_who_has_the_token_is_answered_and_all_in_json() {
    let folder = tempfile::tempdir().unwrap();
    let router = crate::http::machines(&Access::Token("swordfish".into()), answers(folder.path()).await);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let shutdown = CancellationToken::new();
    let served = tokio::spawn(crate::serve::serve(listener, router, shutdown.clone()));
    let asked = tokio::task::spawn_blocking(move || {
        let problem = "application/problem+json";
        let deploys = "/services/c1/shop/Deployment/cart/deploys";
        for token in [None, Some("marlin")] {
            let (status, kind, body) = fetch(&base, "/services", token);
            assert_eq!((status, kind.as_str(), &body["title"]), (401, problem, &"Unauthorized".into()));
        }
        let ask = |path: &str| fetch(&base, path, Some("swordfish"));
        let (status, kind, first) = ask(&format!("{deploys}?limit=1"));
        assert_eq!((status, kind.as_str()), (200, "application/json"));
        assert_eq!((first["items"].as_array().unwrap().len(), &first["items"][0]["sequence"]), (1, &3.into()));
        let (_, _, second) = ask(&format!("{deploys}?limit=1&cursor={}", first["next"].as_str().unwrap()));
        assert_eq!((&second["items"][0]["sequence"], &second["next"]), (&2.into(), &Value::Null));
        for (path, wanted) in [("/services?limit=0", 400), ("/deploys/c1/shop/Deployment/cart/9/verdict", 404)] {
            let (status, kind, body) = ask(path);
            assert_eq!((status, kind.as_str(), &body["status"]), (wanted, problem, &wanted.into()), "{path}");
        }
    });
    asked.await.unwrap();
    shutdown.cancel();
    served.await.unwrap();
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
