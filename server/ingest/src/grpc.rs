//! OTLP over gRPC: `Export` of each signal's service. One message in, one out; framing is read here and not by tonic, because
//! tonic reserves what a frame claims, unpacks outside our budget, and calls a message that is too large
//! OUT_OF_RANGE, which clients try again.

use std::net::IpAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, StatusCode};

use crate::body::Packing;
use crate::error::places;
use crate::export::{Format, Partial, Received};
use crate::http::peer;
use crate::signal::Signal;
use crate::{Error, Ingest, body, respond};

/// Bytes before a message: whether it is packed, and its length.
const FRAME: usize = 5;

impl Ingest {
    /// OTLP over gRPC, for a server that speaks HTTP/2.
    pub fn grpc(&self) -> Router {
        let methods = Signal::ALL.into_iter().fold(Router::new(), |router, signal| {
            router.route(signal.method(), any(move |ingest, request| receive(signal, ingest, request)))
        });
        methods.fallback(elsewhere).with_state(self.clone())
    }
}

async fn receive(signal: Signal, State(ingest): State<Ingest>, request: Request) -> Response {
    if !is_grpc(request.headers()) {
        return not_grpc(&ingest, &request);
    }
    let (parts, body) = request.into_parts();
    let peer = peer(&parts.extensions);
    let outcome = match check(&parts.method, &parts.headers) {
        Ok(packing) => take(&ingest, signal, body, packing, peer).await,
        Err(error) => Err(error),
    };
    answer(&ingest, outcome, peer)
}

async fn elsewhere(State(ingest): State<Ingest>, request: Request) -> Response {
    if !is_grpc(request.headers()) {
        return not_grpc(&ingest, &request);
    }
    answer(&ingest, Err(places(Signal::method)), peer(request.extensions()))
}

fn answer(ingest: &Ingest, outcome: Result<Option<Partial>, Error>, peer: Option<IpAddr>) -> Response {
    if let Err(error) = &outcome {
        ingest.reject(error.reason(), peer, 1);
    }
    respond::grpc(outcome)
}

fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map_or(&b""[..], |kind| kind.as_bytes());
    let kind = kind.split(|byte| *byte == b';').next().unwrap_or_default();
    matches!(kind.trim_ascii(), b"application/grpc" | b"application/grpc+proto")
}

/// What is no gRPC gets an answer of HTTP, as gRPC demands.
fn not_grpc(ingest: &Ingest, request: &Request) -> Response {
    ingest.reject(Error::ContentType.reason(), peer(request.extensions()), 1);
    (StatusCode::UNSUPPORTED_MEDIA_TYPE, "only gRPC is received here\n").into_response()
}

/// How messages marked as packed are packed, or why the call is not taken.
fn check(method: &Method, headers: &HeaderMap) -> Result<Option<Packing>, Error> {
    if method != Method::POST {
        return Err(Error::Method);
    }
    headers.get("grpc-encoding").map_or(Ok(None), |encoding| Packing::of_name(encoding.as_bytes()))
}

async fn take(
    ingest: &Ingest,
    signal: Signal,
    mut body: Body,
    packing: Option<Packing>,
    peer: Option<IpAddr>,
) -> Result<Option<Partial>, Error> {
    let limits = ingest.limits();
    let mut charge = ingest.charge()?;
    let bytes = body::receive(&mut body, limits.message + FRAME, limits, &mut charge).await?;
    let packing = match (unframe(&bytes)?, packing) {
        (true, None) => {
            return Err(Error::Malformed("a message is marked as packed, but no grpc-encoding is named".to_owned()));
        }
        (true, named) => named,
        (false, _) => None,
    };
    let (words, format) = (Vec::new(), Format::Protobuf);
    let received = Received { signal, words, bytes, skip: FRAME, packing, format, charge };
    ingest.export(received, peer).await
}

/// Checks the one frame that a unary call has; says whether its message is packed.
fn unframe(bytes: &[u8]) -> Result<bool, Error> {
    let malformed = |why: &str| Err(Error::Malformed(why.to_owned()));
    let Some(([packed, length @ ..], message)) = bytes.split_first_chunk::<FRAME>() else {
        return malformed("the call has no message");
    };
    if u32::from_be_bytes(*length) as usize != message.len() {
        return malformed("a frame is not as long as it says");
    }
    match packed {
        0 => Ok(false),
        1 => Ok(true),
        _ => malformed("a frame is neither packed nor not"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_a_flag_and_the_length_of_all_that_follows() {
        assert!(matches!(unframe(&[0, 0, 0, 0, 0]), Ok(false)));
        assert!(matches!(unframe(&[1, 0, 0, 0, 1, 9]), Ok(true)));
        for wrong in [
            &[][..],
            &[0, 0, 0, 0],
            &[0, 0, 0, 0, 1],
            &[0, 0, 0, 0, 0, 1],
            &[2, 0, 0, 0, 0],
            &[0, 0xff, 0xff, 0xff, 0xff],
        ] {
            assert!(unframe(wrong).is_err(), "{wrong:?}");
        }
    }
}
