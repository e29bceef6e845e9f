//! The web interface's port: pages, `/live`, `/livez`, `/readyz`, `/metrics`, and the layers around them.

use std::sync::Arc;
use std::time::Duration;

use app::Backend;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, middleware};
use http::{HeaderMap, StatusCode};
use model::Viewer;
use store::Store;
use tokio_util::sync::CancellationToken;
use tower_http::compression::CompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;

use crate::backend::Answers;
use crate::config::{Access, Config};
use crate::guard::Hosts;
use crate::readiness::Readiness;
use crate::shutdown::Shutdown;
use crate::site::Site;
use crate::{api, auth, guard, live, metrics, site};

/// No page sends more than this.
const BODY: usize = 64 * 1024;
/// An answer begins so long after the head of its request at the latest, however slowly a body comes.
const ANSWER: Duration = Duration::from_secs(30);

#[derive(Clone)]
struct Probes {
    answers: Arc<Answers>,
    readiness: Readiness,
    store: Store,
    token: CancellationToken,
    metrics_token: Option<Arc<str>>,
}

/// Everything the port answers.
pub(crate) fn router(
    config: &Config,
    site: &Site,
    answers: Arc<Answers>,
    store: &Store,
    readiness: Readiness,
    shutdown: &Shutdown,
) -> Router {
    let probes = Probes {
        answers: answers.clone(),
        readiness,
        store: store.clone(),
        token: shutdown.token(),
        metrics_token: config.metrics_token.as_deref().map(Arc::from),
    };
    let machines = machines(&config.access, answers.clone());
    let pages = app::router(site.options.clone(), answers)
        .merge(site::files(site))
        .layer(middleware::from_fn_with_state(site.clone(), site::cache))
        .merge(Router::new().route("/live", get(stream)).with_state(probes.clone()))
        .layer(middleware::from_fn_with_state(config.access.clone(), auth::require));
    let open = Router::new()
        .route("/login", get(auth::login_page).post(auth::login))
        .with_state(config.access.clone())
        .merge(site::styles(site));
    let probes = Router::new()
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics_text))
        .with_state(probes);
    pages
        .merge(machines)
        .merge(open)
        .merge(probes)
        .layer(middleware::from_fn_with_state(Hosts(config.hosts().into()), guard::check))
        .layer(CompressionLayer::new())
        .layer(RequestBodyLimitLayer::new(BODY))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, ANSWER))
}

/// What machines ask, for those who may.
pub(crate) fn machines(access: &Access, answers: Arc<Answers>) -> Router {
    let open = Router::new().nest("/api/v1", api::router(answers));
    open.layer(middleware::from_fn_with_state(access.clone(), auth::require))
}

async fn stream(State(probes): State<Probes>) -> impl IntoResponse {
    live::ticks(&probes.store, probes.token)
}

async fn readyz(State(probes): State<Probes>) -> Response {
    let reasons = probes.readiness.reasons().await;
    if reasons.is_empty() {
        return "ready\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, reasons.join("\n") + "\n").into_response()
}

async fn metrics_text(State(probes): State<Probes>, headers: HeaderMap) -> Response {
    if !auth::may_read_metrics(probes.metrics_token.as_deref(), &headers) {
        return (StatusCode::UNAUTHORIZED, "Send the metrics token as Authorization: Bearer.\n").into_response();
    }
    match probes.answers.status(&Viewer::local()).await {
        Ok(status) => ([("content-type", "text/plain; version=0.0.4")], metrics::text(&status)).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}
