//! Bodies and heads of answers.

use bytes::Bytes;
use futures::{Stream, StreamExt};
use http::Response;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use serde_json::Value;

use super::Dropped;
use crate::error::Refusal;
use crate::time;

/// An answer, whole or as it comes.
pub(crate) type Answer = Response<UnsyncBoxBody<Bytes, Dropped>>;

/// An answer of one piece.
pub(crate) fn whole(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let body = Full::new(body.into()).map_err(|never| match never {}).boxed_unsync();
    let mut answer = Response::new(body);
    *answer.status_mut() = http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    answer.headers_mut().insert("content-type", http::HeaderValue::from_static(content_type));
    answer.headers_mut().insert("cache-control", http::HeaderValue::from_static("no-cache, private"));
    answer
}

/// An answer in JSON.
pub(crate) fn json(status: u16, value: &Value) -> Answer {
    whole(status, "application/json", value.to_string())
}

/// An answer in plain text.
pub(crate) fn text(body: impl Into<Bytes>) -> Answer {
    whole(200, "text/plain; charset=utf-8", body)
}

/// An answer in pieces; an error among them cuts the connection.
pub(crate) fn stream(
    content_type: &'static str,
    pieces: impl Stream<Item = Result<Bytes, Dropped>> + Send + 'static,
) -> Answer {
    let mut answer = whole(200, content_type, Bytes::new());
    *answer.body_mut() = StreamBody::new(pieces.map(|piece| piece.map(Frame::data))).boxed_unsync();
    answer
}

/// A refusal.
pub(crate) fn refuse(refusal: &Refusal) -> Answer {
    let mut answer = json(refusal.code, &refusal.status());
    if let Some(seconds) = refusal.retry_after {
        answer.headers_mut().insert("retry-after", seconds.into());
    }
    answer
}

/// Puts the time of a wrong clock on an answer; without, hyper puts the right one.
pub(crate) fn stamp(mut answer: Answer, skew: i64) -> Answer {
    if skew != 0
        && let Ok(at) = jiff::Timestamp::from_nanosecond(i128::from(time::now(skew).0))
        && let Ok(value) = http::HeaderValue::from_str(&at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
    {
        answer.headers_mut().insert("date", value);
    }
    answer
}
