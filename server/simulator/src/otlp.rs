//! Sends telemetry over OTLP/HTTP, as a collector does: protobuf, again after a while where it was not taken. Without
//! compression, which costs more than loopback.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::profiles::v1development::ExportProfilesServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use tokio::net::TcpStream;

use crate::Error;

/// Longer than a receiver takes to commit.
const PATIENCE: Duration = Duration::from_secs(25);

/// Where OTLP goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    authority: String,
    path: String,
}

/// What became of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// It is stored.
    Taken,
    /// It will never be taken.
    Refused(u16),
    /// It may be taken later.
    Later,
}

impl Endpoint {
    /// From `http://host:port`, with a path before `/v1/…` or none.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let wrong = || Error::Endpoint(text.to_owned());
        let uri: Uri = text.parse().map_err(|_| wrong())?;
        let authority = uri.authority().filter(|_| uri.scheme_str() == Some("http")).ok_or_else(wrong)?;
        let port = authority.port_u16().unwrap_or(4318);
        let path = uri.path().trim_end_matches('/').to_owned();
        Ok(Self { authority: format!("{}:{port}", authority.host()), path })
    }
}

/// What goes out: the end of its path, and its bytes.
#[derive(Debug, Clone)]
pub(crate) struct Packed {
    signal: &'static str,
    bytes: Bytes,
}

/// Packs a request of traces.
pub(crate) fn traces(request: &ExportTraceServiceRequest) -> Packed {
    Packed { signal: "/v1/traces", bytes: request.encode_to_vec().into() }
}

/// Packs a request of logs.
pub(crate) fn logs(request: &ExportLogsServiceRequest) -> Packed {
    Packed { signal: "/v1/logs", bytes: request.encode_to_vec().into() }
}

/// Packs a request of metrics.
pub(crate) fn metrics(request: &ExportMetricsServiceRequest) -> Packed {
    Packed { signal: "/v1/metrics", bytes: request.encode_to_vec().into() }
}

/// Packs a request of profiles.
pub(crate) fn profiles(request: &ExportProfilesServiceRequest) -> Packed {
    Packed { signal: "/v1development/profiles", bytes: request.encode_to_vec().into() }
}

/// Sends once.
pub(crate) async fn send(endpoint: &Endpoint, body: &Packed) -> Sent {
    match tokio::time::timeout(PATIENCE, post(endpoint, body)).await {
        Ok(Ok(status)) if (200..300).contains(&status) => Sent::Taken,
        Ok(Ok(429 | 502 | 503 | 504)) => Sent::Later,
        Ok(Ok(status)) => Sent::Refused(status),
        Ok(Err(error)) => {
            tracing::debug!(%error, "OTLP was not sent");
            Sent::Later
        }
        Err(_) => Sent::Later,
    }
}

async fn post(endpoint: &Endpoint, body: &Packed) -> Result<u16, Box<dyn std::error::Error + Send + Sync>> {
    let stream = TcpStream::connect(&endpoint.authority).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::post(format!("{}{}", endpoint.path, body.signal))
        .header("host", &endpoint.authority)
        .header("content-type", "application/x-protobuf")
        .body(Full::new(body.bytes.clone()))?;
    let exchange = async {
        let answer = sender.send_request(request).await?;
        let status = answer.status().as_u16();
        answer.into_body().collect().await?;
        drop(sender);
        Ok::<u16, hyper::Error>(status)
    };
    let (status, _) = tokio::join!(exchange, connection);
    Ok(status?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_has_a_host_a_port_and_a_path() {
        let parse = |text: &str| Endpoint::parse(text).ok().map(|end| format!("{} {}", end.authority, end.path));
        assert_eq!(parse("http://127.0.0.1:4318").as_deref(), Some("127.0.0.1:4318 "));
        assert_eq!(parse("http://otel/in/").as_deref(), Some("otel:4318 /in"));
        assert_eq!(parse("https://otel:4318"), None);
        assert_eq!(parse("otel:4318"), None);
    }
}
