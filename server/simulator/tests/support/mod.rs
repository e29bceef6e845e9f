//! A plain HTTP client for any API server, and a simulator to try it on.
#![allow(dead_code, reason = "each test file takes what it needs")]
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};
use simulator::{Controls, Options, Scenario, Simulator};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Longer than anything takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A client of an API server.
#[derive(Clone)]
pub(crate) struct Client {
    authority: String,
    token: String,
    tls: Option<Arc<rustls::ClientConfig>>,
}

/// A running simulator; it ends with this.
pub(crate) struct Running {
    pub(crate) admin: Client,
    pub(crate) reader: Client,
    pub(crate) controls: Controls,
    _guard: DropGuard,
}

/// Starts a simulator.
pub(crate) async fn simulator(options: Options) -> Running {
    let simulator = Simulator::start(options).await.unwrap();
    let (admin, reader) = simulator.tokens();
    let client = |token: String| Client { authority: simulator.address().to_string(), token, tls: None };
    let (admin, reader, controls) = (client(admin), client(reader), simulator.controls());
    let shutdown = CancellationToken::new();
    tokio::spawn(simulator.run(shutdown.clone()));
    Running { admin, reader, controls, _guard: shutdown.drop_guard() }
}

/// A cluster in which nothing happens by itself.
pub(crate) fn idle() -> Options {
    Options { scenario: Scenario::idle(), rate: 0.0, ..Options::default() }
}

trait Both: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Both for T {}

impl Client {
    /// For a server with `https://host:port`, a token and a file of its authority.
    pub(crate) fn of(server: &str, token: &str, authority_file: Option<&str>) -> Self {
        let tls = authority_file.map(|file| {
            let mut roots = rustls::RootCertStore::empty();
            let pem = std::fs::read(file).unwrap();
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                roots.add(certificate.unwrap()).unwrap();
            }
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let config =
                rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
            Arc::new(config.with_root_certificates(roots).with_no_client_auth())
        });
        let authority = server.split_once("://").map_or(server, |(_, rest)| rest).trim_end_matches('/').to_owned();
        Self { authority, token: token.to_owned(), tls }
    }

    /// The same server for somebody else.
    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self { token: token.to_owned(), ..self.clone() }
    }

    /// The same token at another address.
    pub(crate) fn at(&self, authority: &str) -> Self {
        Self { authority: authority.to_owned(), ..self.clone() }
    }

    /// Sends a request on a connection of its own.
    pub(crate) async fn open(
        &self,
        method: &str,
        path: &str,
        kind: &str,
        body: Option<&Value>,
    ) -> Result<http::Response<Incoming>, String> {
        let stream = TcpStream::connect(&self.authority).await.map_err(|error| error.to_string())?;
        let stream: Box<dyn Both> = match &self.tls {
            None => Box::new(stream),
            Some(config) => {
                let host = self.authority.rsplit_once(':').unwrap().0.to_owned();
                let connector = tokio_rustls::TlsConnector::from(config.clone());
                Box::new(
                    connector
                        .connect(ServerName::try_from(host).unwrap(), stream)
                        .await
                        .map_err(|error| error.to_string())?,
                )
            }
        };
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
        tokio::spawn(connection);
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", &self.authority)
            .header("authorization", format!("Bearer {}", self.token))
            .header("accept", "application/json")
            .header("content-type", kind)
            .body(Full::new(Bytes::from(body)))
            .unwrap();
        sender.send_request(request).await.map_err(|error| error.to_string())
    }

    /// Sends a request and reads its answer: status and JSON, or text as a JSON string.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        kind: &str,
        body: Option<&Value>,
    ) -> Result<(u16, Value), String> {
        let exchange = async {
            let answer = self.open(method, path, kind, body).await?;
            let status = answer.status().as_u16();
            let bytes = answer.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
            let value = serde_json::from_slice(&bytes).unwrap_or_else(|_| json!(String::from_utf8_lossy(&bytes)));
            Ok((status, value))
        };
        tokio::time::timeout(PATIENCE, exchange).await.map_err(|_| format!("{method} {path}: no answer"))?
    }

    async fn expect(&self, status: u16, method: &str, path: &str, kind: &str, body: Option<&Value>) -> Value {
        let (got, value) = self.send(method, path, kind, body).await.unwrap();
        assert_eq!(got, status, "{method} {path}: {value}");
        value
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        self.expect(200, "GET", path, "application/json", None).await
    }

    /// The `Status` that a request is refused with.
    pub(crate) async fn refused(&self, status: u16, method: &str, path: &str, body: Option<&Value>) -> Value {
        let value = self.expect(status, method, path, "application/json", body).await;
        assert_eq!((&value["kind"], &value["status"]), (&json!("Status"), &json!("Failure")), "{value}");
        assert_eq!(value["code"], status, "{value}");
        value
    }

    pub(crate) async fn create(&self, path: &str, object: Value) -> Value {
        self.expect(201, "POST", path, "application/json", Some(&object)).await
    }

    pub(crate) async fn put(&self, path: &str, object: &Value) -> Value {
        self.expect(200, "PUT", path, "application/json", Some(object)).await
    }

    pub(crate) async fn patch(&self, path: &str, change: Value) -> Value {
        self.expect(200, "PATCH", path, "application/merge-patch+json", Some(&change)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Value {
        self.expect(200, "DELETE", &format!("{path}?gracePeriodSeconds=0"), "application/json", None).await
    }

    pub(crate) async fn watch(&self, path: &str) -> Watch {
        let answer =
            tokio::time::timeout(PATIENCE, self.open("GET", path, "application/json", None)).await.unwrap().unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        Watch { body: answer.into_body(), rest: Vec::new(), events: VecDeque::new() }
    }

    /// Asks until the answer satisfies the question.
    pub(crate) async fn until(&self, path: &str, question: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        for _ in 0..PATIENCE.as_millis() / 50 {
            if let Ok((200, value)) = self.send("GET", path, "application/json", None).await {
                if question(&value) {
                    return value;
                }
                last = value;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{path} is never as wanted: {last}");
    }
}

/// An open watch.
pub(crate) struct Watch {
    body: Incoming,
    rest: Vec<u8>,
    events: VecDeque<Value>,
}

impl Watch {
    /// The next event, or nothing where the watch ends.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        tokio::time::timeout(PATIENCE, self.read()).await.expect("an event or the end in time")
    }

    /// Whether nothing comes for a while.
    pub(crate) async fn is_silent(&mut self, time: Duration) -> bool {
        tokio::time::timeout(time, self.read()).await.is_err()
    }

    async fn read(&mut self) -> Option<Value> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            let frame = self.body.frame().await?.ok()?;
            self.rest.extend_from_slice(frame.data_ref()?);
            while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                self.events.push_back(serde_json::from_slice(&line).unwrap());
            }
        }
    }

    /// The next event that is no bookmark: its type, and the object's name.
    pub(crate) async fn change(&mut self) -> (String, Value) {
        loop {
            let event = self.next().await.expect("the watch goes on");
            if event["type"] != "BOOKMARK" {
                return (event["type"].as_str().unwrap().to_owned(), event["object"].clone());
            }
        }
    }

    /// Asserts the next change.
    pub(crate) async fn expect(&mut self, change: &str, name: &str) -> Value {
        let (kind, object) = self.change().await;
        assert_eq!((kind.as_str(), object["metadata"]["name"].as_str()), (change, Some(name)), "{object}");
        object
    }
}

/// The version of an object or of a list.
pub(crate) fn version(value: &Value) -> String {
    value["metadata"]["resourceVersion"].as_str().expect("a version").to_owned()
}

/// The names in a list.
pub(crate) fn names(list: &Value) -> Vec<&str> {
    list["items"].as_array().expect("items").iter().map(|item| item["metadata"]["name"].as_str().unwrap()).collect()
}
