//! Receivers on real sockets, a store that does as it is told, and clients: HTTP/1.1 written by hand, gRPC by tonic.
#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test file uses a part of it")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use ingest::{Ingest, Limits};
use model::{
    FrameTree, MetricLabel, MetricNames, MetricSeries, ProfileTypes, RevisionHash, ServiceId, SpanId, Step, Timestamp,
    TraceId, Unattributed, Window,
};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use store::{
    Appended, Batch, Directory, Error, ErrorCells, ErrorLives, ErrorName, FoundLogs, FoundSpans, FoundTrace, LogAsk,
    MetricAsk, PatternCells, ProfileAsk, RedQuery, RedRow, Short, SpanAsk, StoredSpan, Telemetry,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::RwLock;
use tokio_util::sync::CancellationToken;

/// What the store answers to an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// It commits.
    Well,
    /// It has this already.
    Seen,
    /// It is busy.
    Busy,
    /// It is broken.
    Broken,
    /// It can't hold so much.
    TooMuch,
    /// The machine has too little of something.
    Short(Short),
}

/// A telemetry interface that counts.
pub struct Fake {
    pub mood: Mutex<Mood>,
    pub spans: AtomicU64,
    pub batches: AtomicU64,
    pub hashes: Mutex<Vec<[u8; 16]>>,
    pub owners: Mutex<Vec<model::Owner>>,
    /// An append waits while a test holds this for writing.
    pub gate: RwLock<()>,
    /// Appends that have begun.
    pub begun: AtomicU64,
}

impl Fake {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            mood: Mutex::new(Mood::Well),
            spans: AtomicU64::new(0),
            batches: AtomicU64::new(0),
            hashes: Mutex::default(),
            owners: Mutex::default(),
            gate: RwLock::default(),
            begun: AtomicU64::new(0),
        })
    }

    pub fn spans(&self) -> u64 {
        self.spans.load(Ordering::SeqCst)
    }

    pub fn batches(&self) -> u64 {
        self.batches.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Telemetry for Fake {
    fn short(&self) -> Option<Short> {
        match *self.mood.lock().unwrap() {
            Mood::Short(what) => Some(what),
            _ => None,
        }
    }

    async fn append(&self, batch: Batch) -> Result<Appended, Error> {
        self.begun.fetch_add(1, Ordering::AcqRel);
        let _open = self.gate.read().await;
        match *self.mood.lock().unwrap() {
            Mood::Well => {}
            Mood::Seen => return Ok(Appended::Duplicate),
            Mood::Busy => return Err(Error::Busy("disk full".to_owned())),
            Mood::TooMuch => return Err(Error::TooMuch("9 samples".to_owned())),
            Mood::Broken => return Err(Error::Damaged("broken".to_owned())),
            Mood::Short(Short::Memory) => {}
            Mood::Short(what) => return Err(Error::Short(what)),
        }
        self.spans.fetch_add(batch.len() as u64, Ordering::SeqCst);
        self.batches.fetch_add(1, Ordering::SeqCst);
        self.hashes.lock().unwrap().push(batch.request);
        self.owners.lock().unwrap().extend(batch.owners.iter().map(|(owner, _)| owner.clone()));
        Ok(Appended::Stored)
    }

    async fn trace(&self, _: TraceId) -> Result<FoundTrace, Error> {
        Ok(FoundTrace::default())
    }

    async fn span(&self, _: TraceId, _: SpanId) -> Result<Option<StoredSpan>, Error> {
        Ok(None)
    }

    async fn logs(&self, _: LogAsk) -> Result<FoundLogs, Error> {
        Ok(FoundLogs::default())
    }

    async fn spans(&self, _: SpanAsk) -> Result<FoundSpans, Error> {
        Ok(FoundSpans::default())
    }

    async fn log_counts(&self, _: &ServiceId, _: Window, _: Step) -> Result<Vec<PatternCells>, Error> {
        Ok(Vec::new())
    }

    async fn metric_names(&self, _: &ServiceId, _: Window) -> Result<MetricNames, Error> {
        Ok(MetricNames::default())
    }

    async fn metric_labels(&self, _: &ServiceId, _: Window, _: &str) -> Result<Vec<MetricLabel>, Error> {
        Ok(Vec::new())
    }

    async fn metric(&self, ask: MetricAsk) -> Result<MetricSeries, Error> {
        Err(Error::Busy(ask.query.name))
    }

    async fn profile_types(&self, _: &ServiceId, _: Window) -> Result<ProfileTypes, Error> {
        Ok(ProfileTypes::default())
    }

    async fn profile(&self, _: ProfileAsk) -> Result<FrameTree, Error> {
        Ok(FrameTree::default())
    }

    async fn red(&self, _: RedQuery) -> Result<Vec<RedRow>, Error> {
        Ok(Vec::new())
    }

    async fn errors(&self, _: &ServiceId, _: Window, _: Step) -> Result<Vec<ErrorCells>, Error> {
        Ok(Vec::new())
    }

    async fn error_groups(&self, _: &[ServiceId], _: Window) -> Result<BTreeSet<ErrorName>, Error> {
        Ok(BTreeSet::new())
    }

    async fn first_errors(&self, _: &ServiceId) -> Result<BTreeMap<RevisionHash, u32>, Error> {
        Ok(BTreeMap::new())
    }

    async fn error_life(&self, _: &[ServiceId], _: Window) -> Result<ErrorLives, Error> {
        Ok(ErrorLives::default())
    }

    async fn pattern_life(&self, _: &[ServiceId], _: Window) -> Result<ErrorLives, Error> {
        Ok(ErrorLives::default())
    }

    async fn calls(&self, _: Window) -> Result<Vec<(ServiceId, String)>, Error> {
        Ok(Vec::new())
    }

    async fn unattributed(&self, _: Window) -> Result<Vec<Unattributed>, Error> {
        Ok(Vec::new())
    }

    async fn last_request(&self, _: &ServiceId) -> Result<Option<Timestamp>, Error> {
        Ok(None)
    }
}

/// Both receivers, stopped when dropped.
pub struct Receivers {
    pub ingest: Ingest,
    pub http: SocketAddr,
    pub grpc: SocketAddr,
    pub shutdown: CancellationToken,
    pub ended: tokio::task::JoinSet<()>,
}

impl Receivers {
    /// Receivers over a fake store.
    pub async fn over(fake: &Arc<Fake>, limits: Limits) -> Self {
        let directory = || Arc::new(Directory::default());
        Self::of(Ingest::over(fake.clone(), directory, limits)).await
    }

    /// Receivers of an ingest.
    pub async fn of(ingest: Ingest) -> Self {
        let (http, grpc) = (listen().await, listen().await);
        let addresses = (http.local_addr().unwrap(), grpc.local_addr().unwrap());
        let shutdown = CancellationToken::new();
        let mut ended = tokio::task::JoinSet::new();
        let (one, two) = (ingest.clone(), ingest.clone());
        let (first, second) = (shutdown.clone(), shutdown.clone());
        ended.spawn(async move { ingest::serve_http(http, one, first).await.unwrap() });
        ended.spawn(async move { ingest::serve_grpc(grpc, two, second).await.unwrap() });
        Self { ingest, http: addresses.0, grpc: addresses.1, shutdown, ended }
    }

    /// How often a reason was counted.
    pub fn rejected(&self, reason: &str) -> u64 {
        let status = self.ingest.status();
        status.rejected.iter().filter(|row| row.reason.contains(reason)).map(|row| row.count).sum()
    }
}

async fn listen() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

/// A span that is taken.
pub fn span(number: u8) -> Span {
    Span {
        trace_id: vec![number.max(1); 16],
        span_id: vec![number.max(1); 8],
        name: "GET /items/42".to_owned(),
        kind: 2,
        start_time_unix_nano: 1_700_000_000_000_000_000,
        end_time_unix_nano: 1_700_000_000_005_000_000,
        ..Span::default()
    }
}

/// A request of these spans by one resource.
pub fn request(spans: Vec<Span>) -> ExportTraceServiceRequest {
    let name = AnyValue { value: Some(Value::StringValue("checkout".to_owned())) };
    let attribute = KeyValue { key: "service.name".to_owned(), value: Some(name), key_strindex: 0 };
    let resource = Resource { attributes: vec![attribute], ..Resource::default() };
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { resource: Some(resource), scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }
}

/// Packed with zstd.
pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

/// Packed with gzip.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// An HTTP answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    /// A header's value, lower case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// Sends a request with these headers and reads the whole answer.
pub async fn send(address: SocketAddr, start: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut head = format!("{start} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += "\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    // An early answer may close the connection before all is written.
    _ = stream.write_all(body).await;
    read(stream).await
}

/// Reads an answer to its end.
pub async fn read(mut stream: TcpStream) -> Answer {
    let mut bytes = Vec::new();
    _ = stream.read_to_end(&mut bytes).await;
    let at = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("an answer has a head");
    let head = String::from_utf8(bytes[..at].to_vec()).unwrap();
    let status = head[9..12].parse().unwrap();
    Answer { status, head, body: bytes[at + 4..].to_vec() }
}

/// Posts protobuf to the place of traces.
pub async fn post(address: SocketAddr, body: &[u8]) -> Answer {
    send(address, "POST /v1/traces", &[("content-type", "application/x-protobuf")], body).await
}

/// Bytes in, bytes out: a client's side of gRPC without any message.
#[derive(Debug, Clone, Copy, Default)]
pub struct Raw;

impl tonic::codec::Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl tonic::codec::Encoder for Raw {
    type Item = Vec<u8>;
    type Error = tonic::Status;

    fn encode(&mut self, item: Vec<u8>, out: &mut tonic::codec::EncodeBuf<'_>) -> Result<(), tonic::Status> {
        bytes::BufMut::put_slice(out, &item);
        Ok(())
    }
}

impl tonic::codec::Decoder for Raw {
    type Item = Vec<u8>;
    type Error = tonic::Status;

    fn decode(&mut self, from: &mut tonic::codec::DecodeBuf<'_>) -> Result<Option<Vec<u8>>, tonic::Status> {
        let length = bytes::Buf::remaining(from);
        Ok(Some(bytes::Buf::copy_to_bytes(from, length).to_vec()))
    }
}

/// The method of traces.
pub const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// A gRPC call with these headers whose body is sent as it is, without a client that would mend it.
pub async fn raw_call(
    receivers: &Receivers,
    headers: &[(&str, &str)],
    body: &[u8],
) -> http::Response<hyper::body::Incoming> {
    let stream = TcpStream::connect(receivers.grpc).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let mut request = http::Request::post(format!("http://{}{EXPORT}", receivers.grpc));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    sender.send_request(request.body(Full::new(Bytes::copy_from_slice(body))).unwrap()).await.unwrap()
}

/// The content type of gRPC.
pub const GRPC: (&str, &str) = ("content-type", "application/grpc");

/// A message that is marked as packed, behind its frame.
pub fn packed_frame(message: &[u8]) -> Vec<u8> {
    [&[1][..], &u32::try_from(message.len()).unwrap().to_be_bytes(), message].concat()
}

/// The status of an answer that is headers only, or has trailers.
pub async fn code(answer: http::Response<hyper::body::Incoming>) -> String {
    let told = |headers: &http::HeaderMap| headers.get("grpc-status").map(|code| code.to_str().unwrap().to_owned());
    match told(answer.headers()) {
        Some(code) => code,
        None => answer.into_body().collect().await.unwrap().trailers().and_then(told).unwrap_or_default(),
    }
}

/// Calls a method with tonic.
pub async fn call(
    address: SocketAddr,
    method: &'static str,
    packed: bool,
    body: Vec<u8>,
) -> Result<Vec<u8>, tonic::Status> {
    let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{address}")).unwrap();
    let mut client = tonic::client::Grpc::new(endpoint.connect().await.unwrap());
    if packed {
        client = client.send_compressed(tonic::codec::CompressionEncoding::Gzip);
    }
    client.ready().await.unwrap();
    let path = http::uri::PathAndQuery::from_static(method);
    client.unary(tonic::Request::new(body), path, Raw).await.map(tonic::Response::into_inner)
}
