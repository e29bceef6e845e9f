//! A sender of one signal over one wire: it sends a request again until it is acknowledged, as exporters do.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{
    Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, metric, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::ledger::{Ledger, now};

/// Records of a request.
pub const RECORDS: u64 = 3;

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Signal {
    Spans,
    Logs,
    Points,
}

impl Signal {
    pub const ALL: [Self; 3] = [Self::Spans, Self::Logs, Self::Points];

    fn paths(self) -> (&'static str, &'static str) {
        match self {
            Self::Spans => ("/v1/traces", "/opentelemetry.proto.collector.trace.v1.TraceService/Export"),
            Self::Logs => ("/v1/logs", "/opentelemetry.proto.collector.logs.v1.LogsService/Export"),
            Self::Points => ("/v1/metrics", "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"),
        }
    }
}

/// How it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    Grpc,
    Http,
}

/// See the module.
pub struct Sender {
    pub signal: Signal,
    pub wire: Wire,
    pub address: SocketAddr,
    pub ledger: Arc<Ledger>,
    pub over: Arc<AtomicBool>,
}

impl Sender {
    /// One of each signal over each wire, to a process's ports.
    pub fn spawn_all(
        [_, grpc, http]: &[SocketAddr; 3],
        ledger: &Arc<Ledger>,
        over: &Arc<AtomicBool>,
    ) -> Vec<JoinHandle<()>> {
        let wires = [(Wire::Grpc, *grpc), (Wire::Http, *http)];
        let each = Signal::ALL.into_iter().flat_map(|signal| wires.map(|(wire, address)| (signal, wire, address)));
        each.map(|(signal, wire, address)| {
            let (ledger, over) = (Arc::clone(ledger), Arc::clone(over));
            tokio::spawn(Self { signal, wire, address, ledger, over }.run())
        })
        .collect()
    }

    /// Sends until it is over and all that was begun is acknowledged.
    pub async fn run(self) {
        while !self.over.load(Ordering::Acquire) {
            let at = now();
            let number = self.ledger.begin(self.signal, at);
            let message = self.message(number, at.0 as u64);
            while !self.send(&message).await.unwrap_or(false) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            self.ledger.acknowledge(self.signal, number);
        }
    }

    /// A request of as many records; everything in it says its number.
    fn message(&self, number: u64, at: u64) -> Vec<u8> {
        let each = 0..RECORDS;
        match self.signal {
            Signal::Spans => {
                let span = |n: u64| Span {
                    trace_id: (u128::from(number) + 1).to_be_bytes().to_vec(),
                    span_id: (n + 1).to_be_bytes().to_vec(),
                    name: "GET /items".to_owned(),
                    kind: 2,
                    start_time_unix_nano: at + n,
                    end_time_unix_nano: at + n + 5_000_000,
                    ..Span::default()
                };
                let scope_spans = vec![ScopeSpans { spans: each.map(span).collect(), ..ScopeSpans::default() }];
                let one = ResourceSpans { resource: Some(resource()), scope_spans, ..ResourceSpans::default() };
                ExportTraceServiceRequest { resource_spans: vec![one] }.encode_to_vec()
            }
            Signal::Logs => {
                let record = |n: u64| LogRecord {
                    time_unix_nano: at + n,
                    severity_number: 9,
                    body: Some(text(&format!("{number}-{n}"))),
                    ..LogRecord::default()
                };
                let log_records = each.map(record).collect();
                let scope_logs = vec![ScopeLogs { log_records, ..ScopeLogs::default() }];
                let one = ResourceLogs { resource: Some(resource()), scope_logs, ..ResourceLogs::default() };
                ExportLogsServiceRequest { resource_logs: vec![one] }.encode_to_vec()
            }
            Signal::Points => {
                let point = |n: u64| NumberDataPoint {
                    attributes: vec![pair("wire", &format!("{:?}", self.wire))],
                    start_time_unix_nano: at + n,
                    time_unix_nano: at + n + 1,
                    value: Some(number_data_point::Value::AsInt(1)),
                    ..NumberDataPoint::default()
                };
                let data_points = each.map(point).collect();
                let sum = Sum { data_points, aggregation_temporality: 1, is_monotonic: true };
                let data = Some(metric::Data::Sum(sum));
                let metrics = vec![Metric { name: "orders".to_owned(), data, ..Metric::default() }];
                let scope_metrics = vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }];
                let one = ResourceMetrics { resource: Some(resource()), scope_metrics, ..ResourceMetrics::default() };
                ExportMetricsServiceRequest { resource_metrics: vec![one] }.encode_to_vec()
            }
        }
    }

    /// Whether the whole request was acknowledged.
    async fn send(&self, message: &[u8]) -> Result<bool, Box<dyn std::error::Error + Send + Sync>> {
        let io = TokioIo::new(TcpStream::connect(self.address).await?);
        let (http, grpc) = self.signal.paths();
        match self.wire {
            Wire::Http => {
                let (mut client, connection) = hyper::client::conn::http1::handshake(io).await?;
                tokio::spawn(connection);
                let request = http::Request::post(http)
                    .header("host", "binnacle")
                    .header("content-type", "application/x-protobuf")
                    .body(Full::new(Bytes::copy_from_slice(message)))?;
                let answer: http::Response<Incoming> = client.send_request(request).await?;
                let taken = answer.status() == http::StatusCode::OK;
                let body = answer.into_body().collect().await?.to_bytes();
                // A body would say that some of it was left out.
                assert!(!taken || body.is_empty(), "{body:?}");
                Ok(taken)
            }
            Wire::Grpc => Ok(self.call(io, grpc, message).await? == "0"),
        }
    }

    /// Calls a method; the status that it is answered with.
    async fn call(
        &self,
        io: TokioIo<TcpStream>,
        method: &str,
        message: &[u8],
    ) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
        let (mut client, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await?;
        tokio::spawn(connection);
        let mut frame = vec![0];
        frame.extend_from_slice(&(message.len() as u32).to_be_bytes());
        frame.extend_from_slice(message);
        let request = http::Request::post(format!("http://{}{method}", self.address))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(Full::new(Bytes::from(frame)))?;
        let (head, body) = client.send_request(request).await?.into_parts();
        let told = |headers: &http::HeaderMap| Some(headers.get("grpc-status")?.to_str().ok()?.to_owned());
        let body = body.collect().await?;
        let status = told(&head.headers).or_else(|| body.trailers().and_then(told)).unwrap_or_default();
        let body = body.to_bytes();
        assert!(status != "0" || body.len() <= 5, "{body:?}");
        Ok(status)
    }

    /// Sends one request over gRPC; the status that it is answered with.
    pub async fn status(&self) -> String {
        let io = TokioIo::new(TcpStream::connect(self.address).await.unwrap());
        let (_, grpc) = self.signal.paths();
        self.call(io, grpc, &self.message(0, now().0 as u64)).await.unwrap()
    }
}

fn text(value: &str) -> AnyValue {
    AnyValue { value: Some(Value::StringValue(value.to_owned())) }
}

fn pair(key: &str, value: &str) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(text(value)), key_strindex: 0 }
}

fn resource() -> Resource {
    let attributes =
        [("service.name", "checkout"), ("k8s.namespace.name", "shop"), ("k8s.deployment.name", "checkout")];
    Resource { attributes: attributes.map(|(key, value)| pair(key, value)).to_vec(), ..Resource::default() }
}
