//! What an answer means (OTLP specification, "OTLP/gRPC Response" and "OTLP/HTTP Response"). Pure.

use std::time::Duration;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::{HeaderMap, StatusCode};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It is stored, but for so many records.
    Taken {
        /// Records that were left out.
        rejected: u64,
    },
    /// It may be sent again, after so long where the receiver says it.
    Later(Option<Duration>),
    /// There was no answer; it may be sent again.
    Lost,
    /// It will never be taken.
    Refused(String),
}

/// `google.rpc.Status`, as far as it is read.
#[derive(Clone, PartialEq, Message)]
struct Status {
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
    delay: Option<Delay>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, Copy, PartialEq, Message)]
struct Delay {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

/// Of an answer over HTTP.
pub(crate) fn of_http(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Answer {
    match status.as_u16() {
        200..300 => taken(body),
        429 | 502 | 503 | 504 => {
            let seconds = headers.get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
            Answer::Later(seconds.map(Duration::from_secs))
        }
        _ => Answer::Refused(format!("{status}: {}", String::from_utf8_lossy(body))),
    }
}

/// Of an answer over gRPC, whose status stands in the trailers, or in the headers where there is nothing else.
pub(crate) fn of_grpc(status: StatusCode, headers: &HeaderMap, trailers: &HeaderMap, body: &[u8]) -> Answer {
    let field = |name| trailers.get(name).or_else(|| headers.get(name)).and_then(|value| value.to_str().ok());
    let code = field("grpc-status").and_then(|code| code.parse::<u32>().ok());
    let delay = field("grpc-status-details-bin").and_then(delay);
    match code {
        Some(0) => taken(body.get(5..).unwrap_or_default()),
        // CANCELLED, DEADLINE_EXCEEDED, ABORTED, OUT_OF_RANGE, UNAVAILABLE, DATA_LOSS.
        Some(1 | 4 | 10 | 11 | 14 | 15) => Answer::Later(delay),
        // RESOURCE_EXHAUSTED only where it says when.
        Some(8) if delay.is_some() => Answer::Later(delay),
        _ => {
            let code = code.map_or_else(|| "no gRPC status".to_owned(), |code| format!("gRPC {code}"));
            Answer::Refused(format!("{status}, {code}: {}", field("grpc-message").unwrap_or_default()))
        }
    }
}

/// The responses of all signals have the same fields under the same numbers.
fn taken(message: &[u8]) -> Answer {
    let partial = ExportTraceServiceResponse::decode(message).ok().and_then(|response| response.partial_success);
    Answer::Taken { rejected: partial.map_or(0, |partial| u64::try_from(partial.rejected_spans).unwrap_or_default()) }
}

/// The delay of a `RetryInfo` among a status' details.
fn delay(details: &str) -> Option<Duration> {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let bytes = GeneralPurpose::new(&STANDARD, config).decode(details).ok()?;
    let details = Status::decode(&*bytes).ok()?.details;
    let info = details.iter().find(|any| any.type_url.ends_with("google.rpc.RetryInfo"))?;
    let delay = RetryInfo::decode(&*info.value).ok()?.delay.unwrap_or_default();
    Some(Duration::new(u64::try_from(delay.seconds).ok()?, u32::try_from(delay.nanos).ok()?))
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTracePartialSuccess;

    use super::*;

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        fields.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn partial(rejected_spans: i64) -> Vec<u8> {
        let partial = ExportTracePartialSuccess { rejected_spans, error_message: "no id".to_owned() };
        ExportTraceServiceResponse { partial_success: Some(partial) }.encode_to_vec()
    }

    fn retry_info() -> String {
        let info = RetryInfo { delay: Some(Delay { seconds: 2, nanos: 500_000_000 }) };
        let any = Any { type_url: "type.googleapis.com/google.rpc.RetryInfo".to_owned(), value: info.encode_to_vec() };
        let config = GeneralPurposeConfig::new().with_encode_padding(false);
        GeneralPurpose::new(&STANDARD, config).encode(Status { details: vec![any] }.encode_to_vec())
    }

    #[test]
    fn http_statuses_are_taken_tried_again_or_refused() {
        let of =
            |status: u16, fields, body: &[u8]| of_http(StatusCode::from_u16(status).unwrap(), &headers(fields), body);
        assert_eq!(of(200, &[], &[]), Answer::Taken { rejected: 0 });
        assert_eq!(of(200, &[], &partial(7)), Answer::Taken { rejected: 7 });
        for later in [429, 502, 503, 504] {
            assert_eq!(of(later, &[("retry-after", "3")], &[]), Answer::Later(Some(Duration::from_secs(3))));
            assert_eq!(of(later, &[], &[]), Answer::Later(None));
        }
        for never in [301, 400, 404, 413, 500] {
            assert!(matches!(of(never, &[], b"why"), Answer::Refused(why) if why.contains("why")));
        }
    }

    #[test]
    fn grpc_codes_are_taken_tried_again_or_refused() {
        let none = HeaderMap::new();
        let of = |fields: &[(&'static str, &str)], body: &[u8]| {
            let trailers = headers(fields);
            // The same fields mean the same where an answer has nothing but headers.
            let answer = of_grpc(StatusCode::OK, &none, &trailers, body);
            assert_eq!(of_grpc(StatusCode::OK, &trailers, &none, body), answer);
            answer
        };
        let frame = |message: Vec<u8>| [vec![0; 5], message].concat();
        assert_eq!(of(&[("grpc-status", "0")], &frame(Vec::new())), Answer::Taken { rejected: 0 });
        assert_eq!(of(&[("grpc-status", "0")], &frame(partial(2))), Answer::Taken { rejected: 2 });
        let details = retry_info();
        let (info, delay) = (("grpc-status-details-bin", &*details), Some(Duration::from_millis(2_500)));
        assert_eq!(of(&[("grpc-status", "14"), info], &[]), Answer::Later(delay));
        assert_eq!(of(&[("grpc-status", "14")], &[]), Answer::Later(None));
        assert_eq!(of(&[("grpc-status", "8"), info], &[]), Answer::Later(delay));
        for never in [&[("grpc-status", "8")][..], &[("grpc-status", "3"), info], &[]] {
            assert!(matches!(of(never, &[]), Answer::Refused(_)), "{never:?}");
        }
    }
}
