//! A connection to a receiver, over which one request after another goes, and what its answers mean.

mod answer;

use std::time::Duration;

use anyhow::Context;
use bytes::{BufMut, Bytes, BytesMut};
use clap::ValueEnum;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde::Serialize;
use tokio::net::TcpStream;

use crate::data::Signal;
use crate::endpoint::Endpoint;
pub(crate) use answer::Answer;

/// How OTLP is sent. Never compressed, which costs more than loopback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Protocol {
    /// OTLP/gRPC
    Grpc,
    /// OTLP/HTTP with protobuf
    Http,
}

/// Longer than a receiver takes to commit.
const PATIENCE: Duration = Duration::from_secs(30);

/// See the module.
pub(crate) struct Client {
    endpoint: Endpoint,
    protocol: Protocol,
    signal: Signal,
    sender: Option<Sender>,
}

enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

impl Client {
    /// Connects when something is sent.
    pub(crate) fn new(endpoint: Endpoint, protocol: Protocol, signal: Signal) -> Self {
        Self { endpoint, protocol, signal, sender: None }
    }

    /// Sends a message once. A connection that fails is opened again for the next.
    pub(crate) async fn send(&mut self, message: Bytes) -> Answer {
        let answer = match tokio::time::timeout(PATIENCE, self.exchange(message)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) | Err(_) => Answer::Lost,
        };
        if answer == Answer::Lost {
            self.sender = None;
        }
        answer
    }

    async fn exchange(&mut self, message: Bytes) -> anyhow::Result<Answer> {
        let request = self.request(message)?;
        let sender = match &mut self.sender {
            Some(sender) => sender,
            None => self.sender.insert(connect(&self.endpoint, self.protocol).await?),
        };
        let response = sender.send(request).await?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await?;
        let trailers = body.trailers().cloned().unwrap_or_default();
        Ok(match self.protocol {
            Protocol::Http => answer::of_http(parts.status, &parts.headers, &body.to_bytes()),
            Protocol::Grpc => answer::of_grpc(parts.status, &parts.headers, &trailers, &body.to_bytes()),
        })
    }

    fn request(&self, message: Bytes) -> Result<Request<Full<Bytes>>, http::Error> {
        let Endpoint { authority, path } = &self.endpoint;
        match self.protocol {
            Protocol::Http => Request::post(format!("{path}{}", self.signal.path()))
                .header("host", authority)
                .header("content-type", "application/x-protobuf")
                .body(Full::new(message)),
            Protocol::Grpc => Request::post(format!("http://{authority}{}", self.signal.method()))
                .header("content-type", "application/grpc")
                .header("te", "trailers")
                .body(Full::new(message)),
        }
    }
}

/// What goes over the wire for a message: gRPC puts a flag and its length in front.
pub(crate) fn framed(protocol: Protocol, message: &Bytes) -> anyhow::Result<Bytes> {
    if protocol == Protocol::Http {
        return Ok(message.clone());
    }
    let mut framed = BytesMut::with_capacity(5 + message.len());
    framed.put_u8(0);
    framed.put_u32(u32::try_from(message.len()).context("a message is too long")?);
    framed.put_slice(message);
    Ok(framed.freeze())
}

async fn connect(endpoint: &Endpoint, protocol: Protocol) -> anyhow::Result<Sender> {
    let stream = TcpStream::connect(&endpoint.authority).await?;
    stream.set_nodelay(true)?;
    let io = TokioIo::new(stream);
    // A connection ends when its sender is dropped; why it ended earlier, the sender says.
    Ok(match protocol {
        Protocol::Http => {
            let (sender, connection) = http1::handshake(io).await?;
            tokio::spawn(connection);
            Sender::Http1(sender)
        }
        Protocol::Grpc => {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await?;
            tokio::spawn(connection);
            Sender::Http2(sender)
        }
    })
}

impl Sender {
    async fn send(&mut self, request: Request<Full<Bytes>>) -> hyper::Result<http::Response<Incoming>> {
        match self {
            Self::Http1(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
            Self::Http2(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
        }
    }
}
