//! OTLP over HTTP: `POST /v1/traces`, `/v1/logs`, `/v1/metrics` and `/v1development/profiles`, protobuf or JSON, none,
//! gzip or zstd; and what Prometheus and profilers write.

mod profilers;

use std::net::{IpAddr, SocketAddr};

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::response::Response;
use axum::routing::any;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ORIGIN};
use http::request::Parts;
use http::{Extensions, HeaderMap, Method, StatusCode};

use crate::body::Packing;
use crate::error::places;
use crate::export::{Format, Partial, Received, Words};
use crate::signal::Signal;
use crate::{Error, Ingest, body, respond};

/// Where Prometheus writes to.
const REMOTE: &str = "/api/v1/write";

impl Ingest {
    /// OTLP over HTTP.
    pub fn http(&self) -> Router {
        let paths = Signal::ALL.into_iter().fold(Router::new(), |router, signal| {
            router.route(signal.path(), any(move |ingest, request| receive(signal, ingest, request)))
        });
        profilers::routes(paths.route(REMOTE, any(receive_remote))).fallback(elsewhere).with_state(self.clone())
    }
}

async fn receive(signal: Signal, State(ingest): State<Ingest>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let peer = peer(&parts.extensions);
    let format = format(&parts.headers);
    let outcome = match check(&parts, ingest.limits().message, &ingest.limits().origins) {
        Ok(packing) => {
            take(&ingest, (signal, format.unwrap_or(Format::Protobuf)), Vec::new(), body, packing, peer).await
        }
        Err(error) => {
            if matches!(error, Error::TooLarge(_)) {
                body::discard(body, ingest.limits().message).await;
            }
            Err(error)
        }
    };
    answer(&ingest, signal, outcome, format, peer)
}

/// Prometheus remote write 1.0: protobuf packed with snappy; an answer is a status and why.
async fn receive_remote(State(ingest): State<Ingest>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let peer = peer(&parts.extensions);
    let limits = ingest.limits();
    let outcome = match admit(&parts, limits.message, &limits.origins).and_then(|()| check_remote(&parts.headers)) {
        Ok(()) => take(&ingest, (Signal::Metrics, Format::Remote), Vec::new(), body, None, peer).await,
        Err(error) => Err(error),
    };
    if let Err(error) = &outcome {
        ingest.reject(error.reason(), peer, 1);
    }
    respond::plain(outcome, StatusCode::NO_CONTENT)
}

/// Version 2 names its message; it is another one.
fn check_remote(headers: &HeaderMap) -> Result<(), Error> {
    let is = |name, word: &str| {
        headers.get(name).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(word.as_bytes()))
    };
    let kind = headers.get(CONTENT_TYPE).map_or(&b""[..], |kind| kind.as_bytes());
    if format(headers) != Some(Format::Protobuf) || kind.windows(8).any(|word| word == b"write.v2") {
        return Err(Error::ContentType);
    }
    if is(CONTENT_ENCODING, "snappy") { Ok(()) } else { Err(Error::Encoding) }
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

/// Why a request is not taken, whatever it brings.
fn admit(parts: &Parts, most: usize, origins: &[String]) -> Result<(), Error> {
    // A page in a browser on the same machine or network could otherwise send telemetry.
    if let Some(origin) = parts.headers.get(ORIGIN)
        && !origins.iter().any(|listed| listed.as_bytes() == origin.as_bytes())
    {
        return Err(Error::Origin);
    }
    if parts.method != Method::POST {
        return Err(Error::Method);
    }
    let length = parts.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > most as u64) {
        return Err(Error::TooLarge(most));
    }
    Ok(())
}

/// What can be said without the body: how it is packed, or why the request is not taken.
fn check(parts: &Parts, most: usize, origins: &[String]) -> Result<Option<Packing>, Error> {
    admit(parts, most, origins)?;
    format(&parts.headers).ok_or(Error::ContentType)?;
    packing(&parts.headers)
}

fn packing(headers: &HeaderMap) -> Result<Option<Packing>, Error> {
    headers.get(CONTENT_ENCODING).map_or(Ok(None), |encoding| Packing::of_name(encoding.as_bytes()))
}

async fn take(
    ingest: &Ingest,
    (signal, format): (Signal, Format),
    words: Words,
    mut body: Body,
    packing: Option<Packing>,
    peer: Option<IpAddr>,
) -> Result<Option<Partial>, Error> {
    let limits = ingest.limits();
    let received = async {
        let mut charge = ingest.charge()?;
        let bytes = body::receive(&mut body, limits.message, limits, &mut charge).await?;
        Ok((bytes, charge))
    };
    match received.await {
        Ok((bytes, charge)) => {
            ingest.export(Received { signal, words, bytes, skip: 0, packing, format, charge }, peer).await
        }
        Err(error) => {
            if matches!(error, Error::TooLarge(_) | Error::Busy(_) | Error::Short(_)) {
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
