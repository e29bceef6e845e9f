//! OTLP over HTTP: `POST /v1/traces`, `/v1/logs` and `/v1/metrics`, protobuf or JSON, none or gzip.

use std::net::{IpAddr, SocketAddr};

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::response::Response;
use axum::routing::any;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ORIGIN};
use http::request::Parts;
use http::{Extensions, HeaderMap, Method};

use crate::error::places;
use crate::export::{Format, Partial, Received};
use crate::signal::Signal;
use crate::{Error, Ingest, body, respond};

impl Ingest {
    /// OTLP over HTTP.
    pub fn http(&self) -> Router {
        let paths = Signal::ALL.into_iter().fold(Router::new(), |router, signal| {
            router.route(signal.path(), any(move |ingest, request| receive(signal, ingest, request)))
        });
        paths.fallback(elsewhere).with_state(self.clone())
    }
}

async fn receive(signal: Signal, State(ingest): State<Ingest>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let peer = peer(&parts.extensions);
    let format = format(&parts.headers);
    let outcome = match check(&parts, ingest.limits().message, &ingest.limits().origins) {
        Ok(gzip) => take(&ingest, signal, body, format.unwrap_or(Format::Protobuf), gzip, peer).await,
        Err(error) => {
            if matches!(error, Error::TooLarge(_)) {
                body::discard(body, ingest.limits().message).await;
            }
            Err(error)
        }
    };
    answer(&ingest, signal, outcome, format, peer)
}

async fn elsewhere(State(ingest): State<Ingest>, request: Request) -> Response {
    let (peer, format) = (peer(request.extensions()), format(request.headers()));
    answer(&ingest, Signal::Traces, Err(places(Signal::path)), format, peer)
}

fn answer(
    ingest: &Ingest,
    signal: Signal,
    outcome: Result<Option<Partial>, Error>,
    format: Option<Format>,
    peer: Option<IpAddr>,
) -> Response {
    if let Err(error) = &outcome {
        ingest.reject(error.reason(), peer, 1);
    }
    respond::http(signal, outcome, format.unwrap_or(Format::Protobuf))
}

/// What can be said without the body: whether it is packed with gzip, or why the request is not taken.
fn check(parts: &Parts, most: usize, origins: &[String]) -> Result<bool, Error> {
    // A page in a browser on the same machine or network could otherwise send telemetry.
    if let Some(origin) = parts.headers.get(ORIGIN)
        && !origins.iter().any(|listed| listed.as_bytes() == origin.as_bytes())
    {
        return Err(Error::Origin);
    }
    if parts.method != Method::POST {
        return Err(Error::Method);
    }
    format(&parts.headers).ok_or(Error::ContentType)?;
    let length = parts.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > most as u64) {
        return Err(Error::TooLarge(most));
    }
    let encoding = parts.headers.get(CONTENT_ENCODING).map_or(&b"identity"[..], |encoding| encoding.as_bytes());
    match encoding.trim_ascii().to_ascii_lowercase().as_slice() {
        b"" | b"identity" => Ok(false),
        b"gzip" => Ok(true),
        _ => Err(Error::Encoding),
    }
}

async fn take(
    ingest: &Ingest,
    signal: Signal,
    mut body: Body,
    format: Format,
    gzip: bool,
    peer: Option<IpAddr>,
) -> Result<Option<Partial>, Error> {
    let limits = ingest.limits();
    let mut charge = ingest.charge();
    match body::receive(&mut body, limits.message, limits, &mut charge).await {
        Ok(bytes) => ingest.export(Received { signal, bytes, skip: 0, gzip, format, charge }, peer).await,
        Err(error) => {
            drop(charge);
            if matches!(error, Error::TooLarge(_) | Error::Busy(_)) {
                body::discard(body, limits.message).await;
            }
            Err(error)
        }
    }
}

/// The format that a content type names.
fn format(headers: &HeaderMap) -> Option<Format> {
    let kind = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/x-protobuf") {
        Some(Format::Protobuf)
    } else if kind.eq_ignore_ascii_case("application/json") {
        Some(Format::Json)
    } else {
        None
    }
}

/// Who sent it: what the connection left in the request.
pub(crate) fn peer(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical())
}
