//! Answers of both transports: an empty success, a partial one, or a `google.rpc.Status` with its code and, where
//! another attempt is welcome, when.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::{BufMut, Bytes, BytesMut};
use http::header::{ACCEPT_ENCODING, ALLOW, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body_util::{BodyExt, Full};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTracePartialSuccess, ExportTraceServiceResponse};
use prost::Message;

use crate::Error;
use crate::body::Packing;
use crate::export::{Format, Partial};
use crate::signal::Signal;

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<Duration>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, Copy, PartialEq, Message)]
struct Duration {
    #[prost(int64, tag = "1")]
    seconds: i64,
}

fn status(error: &Error) -> Status {
    let retry = error.retry().map(|delay| RetryInfo {
        retry_delay: Some(Duration { seconds: i64::try_from(delay.as_secs()).unwrap_or(i64::MAX) }),
    });
    let details = retry.map(|info| Any {
        type_url: "type.googleapis.com/google.rpc.RetryInfo".to_owned(),
        value: info.encode_to_vec(),
    });
    Status { code: error.code() as i32, message: error.to_string(), details: details.into_iter().collect() }
}

/// The answers of all signals have the same fields under the same numbers.
fn success(partial: Option<Partial>) -> ExportTraceServiceResponse {
    ExportTraceServiceResponse {
        partial_success: partial.map(|partial| ExportTracePartialSuccess {
            rejected_spans: i64::try_from(partial.rejected).unwrap_or(i64::MAX),
            error_message: partial.message,
        }),
    }
}

/// The answer over HTTP, in the format of the request.
pub(crate) fn http(signal: Signal, outcome: Result<Option<Partial>, Error>, format: Format) -> Response {
    let is_json = format == Format::Json;
    let bytes = match &outcome {
        Ok(partial) if is_json => success_json(signal, partial.as_ref()).to_string().into_bytes(),
        Ok(partial) => success(partial.clone()).encode_to_vec(),
        Err(error) if is_json => {
            serde_json::json!({ "code": error.code() as i32, "message": error.to_string() }).to_string().into_bytes()
        }
        Err(error) => status(error).encode_to_vec(),
    };
    let kind = if is_json { "application/json" } else { "application/x-protobuf" };
    let mut response = bytes.into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Err(error) = outcome {
        *response.status_mut() = error.status();
        explain(&error, response.headers_mut());
    }
    response
}

/// The answer to a call of Connect: an empty message, or the error as JSON in either format (Connect
/// protocol reference, "Unary-Response").
pub(crate) fn connect(outcome: Result<Option<Partial>, Error>, is_json: bool) -> Response {
    let (status, kind, text) = match &outcome {
        Ok(_) if is_json => (StatusCode::OK, "application/json", "{}".to_owned()),
        Ok(_) => (StatusCode::OK, "application/proto", String::new()),
        Err(error) => {
            let code = format!("{:?}", error.code()).chars().fold(String::new(), snake);
            let text = serde_json::json!({ "code": code, "message": error.to_string() }).to_string();
            (error.status(), "application/json", text)
        }
    };
    let mut response = (status, text).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Err(error) = outcome {
        explain(&error, response.headers_mut());
    }
    response
}

/// Adds a letter of a name that is written `LikeThis` to the same `like_this`.
fn snake(mut text: String, letter: char) -> String {
    if letter.is_ascii_uppercase() && !text.is_empty() {
        text.push('_');
    }
    text.push(letter.to_ascii_lowercase());
    text
}

/// The answer to what is no OTLP: a status, or why in a line of text. Records that are left out are no failure: the
/// sender would only send them again.
pub(crate) fn plain(outcome: Result<Option<Partial>, Error>, success: StatusCode) -> Response {
    let Err(error) = outcome else { return success.into_response() };
    let mut response = (error.status(), format!("{error}\n")).into_response();
    explain(&error, response.headers_mut());
    response
}

/// Headers that tell a sender what to do instead.
fn explain(error: &Error, headers: &mut HeaderMap) {
    if let Some(delay) = error.retry() {
        headers.insert(RETRY_AFTER, HeaderValue::from(delay.as_secs()));
    }
    match error {
        Error::Method => _ = headers.insert(ALLOW, HeaderValue::from_static("POST")),
        Error::Encoding => _ = headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(Packing::NAMES)),
        _ => {}
    }
}

fn success_json(signal: Signal, partial: Option<&Partial>) -> serde_json::Value {
    match partial {
        None => serde_json::json!({}),
        Some(partial) => serde_json::json!({
            "partialSuccess": { (signal.rejected()): partial.rejected.to_string(), "errorMessage": partial.message }
        }),
    }
}

/// The answer over gRPC: one framed message and trailers, or trailers only.
pub(crate) fn grpc(outcome: Result<Option<Partial>, Error>) -> Response {
    let mut response = match outcome {
        Ok(partial) => Response::new(Body::new(Full::new(frame(&success(partial))).with_trailers(async {
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", HeaderValue::from_static("0"));
            Some(Ok(trailers))
        }))),
        Err(error) => {
            let details = Bytes::from(status(&error).encode_to_vec());
            tonic::Status::with_details(error.code(), error.to_string(), details).into_http()
        }
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert("grpc-accept-encoding", HeaderValue::from_static("identity,gzip,zstd"));
    response
}

/// A message behind its frame: not packed, then its length.
fn frame(message: &impl Message) -> Bytes {
    let mut frame = BytesMut::with_capacity(5 + message.encoded_len());
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.encoded_len()).expect("answers are short"));
    frame.extend_from_slice(&message.encode_to_vec());
    frame.freeze()
}
