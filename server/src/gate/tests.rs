//! The gate against a server whose answers change from question to question.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use serde_json::{Value, json};

use super::*;
use crate::api::Problem;

/// What a server says to one round of questions.
#[derive(Clone)]
enum Says {
    Down,
    Nobody,
    SignedOut,
    Twice,
    /// Deploys, newest first: how many minutes ago, revision, level.
    Deploys(Vec<(i64, &'static str, Option<&'static str>)>),
}

use Says::{Deploys, Down, Nobody, SignedOut, Twice};

fn service(namespace: &str) -> Value {
    let id = format!("c1/{namespace}/Deployment/cart");
    json!({ "id": id, "cluster": "c1", "namespace": namespace, "kind": "Deployment", "name": "cart",
            "health": "healthy", "sentence": "Healthy", "revision": null, "verdict": null })
}

fn deploy(place: usize, (ago, to, _): &(i64, &str, Option<&str>)) -> Value {
    let started = jiff::Timestamp::now() - jiff::SignedDuration::from_mins(*ago);
    json!({ "id": format!("c1/shop/Deployment/cart/{place}"), "sequence": place, "from": null, "to": to,
            "revision": format!("hash-of-{to}"), "kind": "image", "started": started.to_string(), "ended": null,
            "rollback": false, "reconstructed": false, "changes": [], "verdict": null })
}

fn page(items: Vec<Value>) -> Response {
    axum::Json(json!({ "items": items, "next": null })).into_response()
}

/// A server that says one thing a round, the last for ever; its address.
async fn server(rounds: Vec<Says>) -> String {
    let (round, rounds) = (Arc::new(AtomicUsize::new(0)), Arc::new(rounds));
    let now = {
        let (round, rounds) = (round.clone(), rounds.clone());
        move || rounds[(round.load(Ordering::SeqCst) - 1).min(rounds.len() - 1)].clone()
    };
    let services = {
        let now = now.clone();
        async move || {
            round.fetch_add(1, Ordering::SeqCst);
            match now() {
                Down => StatusCode::SERVICE_UNAVAILABLE.into_response(),
                SignedOut => Problem::signed_out().into_response(),
                Nobody => page(vec![]),
                Twice => page(vec![service("shop"), service("store")]),
                Deploys(_) => page(vec![service("shop")]),
            }
        }
    };
    let deploys = {
        let now = now.clone();
        async move || {
            let Deploys(all) = now() else { return Problem::not_found("none").into_response() };
            page(all.iter().enumerate().map(|(place, of)| deploy(place, of)).collect())
        }
    };
    let verdict = async move |Path(place): Path<usize>| {
        let Deploys(all) = now() else { return Problem::not_found("none").into_response() };
        let verdict = all[place].2.map(|level| {
            json!({ "level": level, "headline": format!("it is {level}"), "rules": 1, "judged_at": "", "evidence": [],
                    "discounted": [], "unjudged": [], "unjudged_in_all": 0 })
        });
        axum::Json(json!({ "deploy": deploy(place, &all[place]), "verdict": verdict })).into_response()
    };
    let router = Router::new()
        .route("/api/v1/services", get(services))
        .route("/api/v1/services/c1/shop/Deployment/cart/deploys", get(deploys))
        .route("/api/v1/deploys/c1/shop/Deployment/cart/{place}/verdict", get(verdict));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

/// The exit code and all that is printed; `wait` in milliseconds.
async fn check(rounds: Vec<Says>, revision: Option<&str>, wait: Option<u64>) -> anyhow::Result<(u8, String)> {
    let ask = Ask {
        service: "cart".into(),
        revision: revision.map(str::to_owned),
        wait: wait.map(Duration::from_millis),
        since: None,
        server: server(rounds).await,
        token: None,
    };
    let asked = tokio::task::spawn_blocking(move || gate(&ask, Duration::from_millis(10))).await.unwrap();
    asked.map(|(code, lines)| (code, lines.join("\n")))
}

const LAST_WEEK: (i64, &str, Option<&str>) = (7 * 1_440, "v1", Some("healthy"));

#[tokio::test]
async fn who_waits_is_not_told_of_the_deploy_before() {
    let rounds = vec![Deploys(vec![LAST_WEEK]), Deploys(vec![(0, "v2", None), LAST_WEEK])];
    let bad = Deploys(vec![(0, "v2", Some("failed")), LAST_WEEK]);
    let (code, printed) = check([rounds, vec![bad]].concat(), None, Some(60_000)).await.unwrap();
    assert_eq!(code, 1, "{printed}");
    assert!(printed.contains("v2") && printed.contains("failed: it is failed"), "{printed}");
    let (code, printed) = check(vec![Deploys(vec![LAST_WEEK])], None, Some(80)).await.unwrap();
    assert_eq!((code, printed.as_str()), (2, "c1/shop/Deployment/cart: no such deploy yet"));
}

#[tokio::test]
async fn who_names_a_revision_or_does_not_wait_is_told_of_any() {
    let all = || vec![Deploys(vec![(60, "v2", Some("degraded")), LAST_WEEK])];
    assert_eq!(check(all(), None, None).await.unwrap().0, 1);
    assert_eq!(check(all(), Some("v1"), Some(60_000)).await.unwrap().0, 0);
    assert_eq!(check(all(), Some("hash-of-v1"), None).await.unwrap().0, 0);
    assert_eq!(check(all(), Some("v3"), None).await.unwrap().0, 2);
}

#[tokio::test]
async fn what_may_pass_is_waited_for_and_what_lasts_is_not() {
    let good = || Deploys(vec![(0, "v2", Some("healthy"))]);
    assert_eq!(check(vec![Down, Nobody, good()], None, Some(60_000)).await.unwrap().0, 0);
    for (lasting, words) in [(SignedOut, "401"), (Twice, "say which")] {
        let error = check(vec![lasting, good()], None, Some(60_000)).await.unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    let error = check(vec![Down], None, Some(50)).await.unwrap_err().to_string();
    assert!(error.contains("503"), "{error}");
    for wait in [None, Some(50)] {
        let error = check(vec![Nobody], None, wait).await.unwrap_err().to_string();
        assert_eq!(error, "no service cart is known");
    }
}

#[tokio::test]
async fn who_waits_gets_the_verdict_as_soon_as_it_decides_and_else_what_is_said_at_the_end() {
    let said = |level| Deploys(vec![(0, "v2", Some(level))]);
    let rounds = vec![said("rolling-out"), said("too-little-data"), said("healthy")];
    assert_eq!(check(rounds.clone(), None, Some(60_000)).await.unwrap().0, 0);
    let (code, printed) = check(rounds, None, None).await.unwrap();
    assert!(code == 2 && printed.contains("rolling-out: it is rolling-out"), "{code}: {printed}");
    let (code, printed) = check(vec![said("too-little-data")], None, Some(50)).await.unwrap();
    assert!(code == 2 && printed.contains("too-little-data: it is too-little-data"), "{code}: {printed}");
}

#[test]
fn names_can_neither_steer_a_terminal_nor_give_orders() {
    assert_eq!(printable("a\u{1b}[2K\r\n::error::b"), "a\u{fffd}[2K\u{fffd}\u{fffd}::error::b");
}

#[test]
fn exit_codes_tell_good_bad_and_unsure_apart() {
    let codes = ["healthy", "failed", "degraded", "stuck", "rolled-back", "too-little-data", "rolling-out"];
    assert_eq!(codes.map(|level| code(Some(level))), [0, 1, 1, 1, 1, 2, 2]);
    assert_eq!(code(None), 2);
}
