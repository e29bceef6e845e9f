//! Where profilers send that speak no OTLP: Pyroscope's two ways, and a pprof as it is.

use axum::Router;
use axum::extract::{Query, Request, State};
use axum::response::Response;
use axum::routing::any;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, StatusCode};

use super::{admit, packing, peer, take};
use crate::body::Packing;
use crate::export::{Format, Partial, Words};
use crate::signal::Signal;
use crate::{Error, Ingest, body, respond};

/// A method of Connect (connectrpc.com), as today's SDKs and agents of Pyroscope call it.
const PUSH: &str = "/push.v1.PusherService/Push";
/// Where older ones send.
const INGEST: &str = "/ingest";
/// Where a pprof goes, with `service.name` in the address.
const PPROF: &str = "/v1/profiles";

/// Adds the three.
pub(super) fn routes(router: Router<Ingest>) -> Router<Ingest> {
    let plain = |format| {
        any(move |State(ingest): State<Ingest>, request: Request| async move {
            respond::plain(receive(&ingest, format, request).await, StatusCode::OK)
        })
    };
    router.route(PUSH, any(push)).route(INGEST, plain(Format::Ingest)).route(PPROF, plain(Format::Pprof))
}

async fn push(State(ingest): State<Ingest>, request: Request) -> Response {
    let format = connect_format(request.headers());
    let outcome = match format {
        Some(format) => receive(&ingest, format, request).await,
        None => {
            ingest.reject(Error::ContentType.reason(), peer(request.extensions()), 1);
            Err(Error::ContentType)
        }
    };
    respond::connect(outcome, format == Some(Format::PushJson))
}

async fn receive(ingest: &Ingest, format: Format, request: Request) -> Result<Option<Partial>, Error> {
    let (parts, body) = request.into_parts();
    let peer = peer(&parts.extensions);
    let outcome = match check(ingest, &parts) {
        Ok((words, packing)) => take(ingest, (Signal::Profiles, format), words, body, packing, peer).await,
        Err(error) => {
            if matches!(error, Error::TooLarge(_)) {
                body::discard(body, ingest.limits().message).await;
            }
            Err(error)
        }
    };
    if let Err(error) = &outcome {
        ingest.reject(error.reason(), peer, 1);
    }
    outcome
}

/// What stands in the address and how the body is packed, or why the request is not taken.
fn check(ingest: &Ingest, parts: &Parts) -> Result<(Words, Option<Packing>), Error> {
    admit(parts, ingest.limits().message, &ingest.limits().origins)?;
    let words = Query::<Words>::try_from_uri(&parts.uri);
    let Query(words) = words.map_err(|error| Error::Malformed(error.to_string()))?;
    Ok((words, packing(&parts.headers)?))
}

fn connect_format(headers: &HeaderMap) -> Option<Format> {
    let kind = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    match kind.split(';').next().unwrap_or_default().trim() {
        "application/proto" | "application/x-protobuf" => Some(Format::Push),
        "application/json" => Some(Format::PushJson),
        _ => None,
    }
}
