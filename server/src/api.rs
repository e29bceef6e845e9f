//! `/api/v1`: services, their deploys and verdicts as JSON for machines, behind the same doors as the pages. The
//! OpenAPI document is made from this code.

mod problem;
pub(crate) mod shapes;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::extract::{Extension, FromRequestParts, Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use http::request::Parts;
use model::{DeployId, ServiceId, Viewer};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{IntoParams, Modify, OpenApi};

use crate::backend::{Answers, machines};
pub(crate) use problem::Problem;
use shapes::{DeployPage, ServicePage, VerdictAnswer};

/// Rows of a page where nothing else is asked for.
const LIMIT: u32 = 100;
/// Rows of a page at most.
const MOST: u32 = 200;

/// Everything below `/api/v1`.
pub(crate) fn router(answers: Arc<Answers>) -> Router {
    Router::new()
        .route("/services", get(services))
        .route("/services/{cluster}/{namespace}/{kind}/{name}/deploys", get(deploys))
        .route("/deploys/{cluster}/{namespace}/{kind}/{name}/{sequence}/verdict", get(verdict))
        .route("/openapi.json", get(async || Json(Document::openapi())))
        .fallback(async || Problem::not_found("there is nothing at this path"))
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .with_state(answers)
}

#[derive(OpenApi)]
#[openapi(
    info(title = "Binnacle", description = "Did this deploy cause it: services, deploys and verdicts."),
    paths(services, deploys, verdict),
    components(schemas(Problem)),
    security((), ("token" = [])),
    modifiers(&Token)
)]
struct Document;

/// How a machine says who it is, where Binnacle asks: it may be open to everyone.
struct Token;

impl Modify for Token {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        document.components.get_or_insert_default().add_security_scheme("token", scheme);
    }
}

/// Which rows of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Paged {
    /// How many at most.
    #[param(minimum = 1, maximum = 200, default = 100)]
    limit: Option<u32>,
    /// `next` of the page before.
    #[param(pattern = "^[0-9]{1,9}$")]
    cursor: Option<String>,
}

/// Which services.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// How many at most.
    #[param(minimum = 1, maximum = 200, default = 100)]
    limit: Option<u32>,
    /// `next` of the page before.
    #[param(pattern = "^[A-Za-z0-9._:-]{1,253}(/[A-Za-z0-9._:-]{1,253}){3}$")]
    cursor: Option<String>,
    /// Only services of exactly this name.
    name: Option<String>,
    /// Only services of this namespace.
    namespace: Option<String>,
}

/// A query string, or a problem that says what is wrong with it.
struct Asked<T>(T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = Query::try_from_uri(&parts.uri).map_err(|error| Problem::bad_request(error.body_text()))?;
        Ok(Self(query.0))
    }
}

/// What the path names, or a problem.
struct Named<T>(T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::from_request_parts(parts, state).await;
        path.map(|Path(named)| Self(named)).map_err(|error| Problem::bad_request(error.body_text()))
    }
}

fn limit(asked: Option<u32>) -> Result<u32, Problem> {
    match asked.unwrap_or(LIMIT) {
        limit @ 1..=MOST => Ok(limit),
        _ => Err(Problem::bad_request(format!("limit must be 1 to {MOST}"))),
    }
}

/// Services by id, without those that were deleted.
#[utoipa::path(
    get,
    path = "/api/v1/services",
    params(Wanted),
    responses(
        (status = 200, body = ServicePage),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
    )
)]
async fn services(
    State(answers): State<Arc<Answers>>,
    Extension(viewer): Extension<Viewer>,
    Asked(wanted): Asked<Wanted>,
) -> Result<Json<ServicePage>, Problem> {
    let limit = limit(wanted.limit)?;
    let after = wanted.cursor.as_deref().map(str::parse::<ServiceId>).transpose();
    let after = after.map_err(|_| Problem::bad_request("the cursor is none that was given"))?;
    let filter = machines::Filter { name: wanted.name, namespace: wanted.namespace, after };
    let mut found = machines::services(&answers, &viewer, filter, limit as usize + 1).await?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next = found.last().filter(|_| more).map(|listed| listed.service.id.to_string());
    Ok(Json(ServicePage { items: found.iter().map(shapes::service).collect(), next }))
}

/// Deploys of a service, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/services/{cluster}/{namespace}/{kind}/{name}/deploys",
    params(
        ("cluster" = String, Path), ("namespace" = String, Path), ("kind" = String, Path), ("name" = String, Path),
        Paged
    ),
    responses(
        (status = 200, body = DeployPage),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
async fn deploys(
    State(answers): State<Arc<Answers>>,
    Extension(viewer): Extension<Viewer>,
    Named((cluster, namespace, kind, name)): Named<(String, String, String, String)>,
    Asked(paged): Asked<Paged>,
) -> Result<Json<DeployPage>, Problem> {
    let limit = limit(paged.limit)?;
    let before = paged.cursor.as_deref().map(str::parse::<u32>).transpose();
    let before = before.map_err(|_| Problem::bad_request("the cursor is none that was given"))?;
    let service = ServiceId::new(cluster, namespace, kind, name);
    let mut found = machines::deploys(&answers, &viewer, &service).await?;
    found.retain(|(deploy, _)| before.is_none_or(|before| deploy.id.sequence < before));
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next = found.last().filter(|_| more).map(|(deploy, _)| deploy.id.sequence.to_string());
    Ok(Json(DeployPage {
        items: found.iter().map(|(deploy, judged)| shapes::deploy(deploy, judged.as_ref())).collect(),
        next,
    }))
}

/// What is said of a deploy, with all evidence.
#[utoipa::path(
    get,
    path = "/api/v1/deploys/{cluster}/{namespace}/{kind}/{name}/{sequence}/verdict",
    params(
        ("cluster" = String, Path), ("namespace" = String, Path), ("kind" = String, Path), ("name" = String, Path),
        ("sequence" = String, Path, description = "Its place among the deploys of the service, from 1")
    ),
    responses(
        (status = 200, body = VerdictAnswer),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
async fn verdict(
    State(answers): State<Arc<Answers>>,
    Extension(viewer): Extension<Viewer>,
    Named((cluster, namespace, kind, name, sequence)): Named<(String, String, String, String, String)>,
) -> Result<Json<VerdictAnswer>, Problem> {
    let none = || Problem::not_found("there is no such deploy");
    let sequence = sequence.parse().map_err(|_| none())?;
    let id = DeployId { service: ServiceId::new(cluster, namespace, kind, name), sequence };
    let (deploy, verdict) = machines::verdict(&answers, &viewer, &id).await?.ok_or_else(none)?;
    Ok(Json(shapes::answer(&deploy, verdict.as_ref())))
}
