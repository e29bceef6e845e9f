//! Sockets: accepts connections up to a limit, puts the peer's address into requests, and ends in time at shutdown.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::{Error, Ingest};

/// Receives OTLP over HTTP/1.1 until shutdown, then for a moment longer what is under way.
pub async fn serve_http(listener: TcpListener, ingest: Ingest, shutdown: CancellationToken) -> Result<(), Error> {
    let router = ingest.http();
    let token = shutdown.clone();
    let serve = {
        let ingest = ingest.clone();
        move |stream, peer| http_connection(stream, peer, router.clone(), ingest.clone(), token.clone())
    };
    accept(listener, &ingest, shutdown, serve).await
}

/// Receives OTLP over gRPC until shutdown, then for a moment longer what is under way.
pub async fn serve_grpc(listener: TcpListener, ingest: Ingest, shutdown: CancellationToken) -> Result<(), Error> {
    let router = ingest.grpc();
    let token = shutdown.clone();
    let serve = {
        let ingest = ingest.clone();
        move |stream, peer| grpc_connection(stream, peer, router.clone(), ingest.clone(), token.clone())
    };
    accept(listener, &ingest, shutdown, serve).await
}

/// Accepts connections while there are fewer than allowed; others wait in the listener's queue.
async fn accept<F, C>(
    listener: TcpListener,
    ingest: &Ingest,
    shutdown: CancellationToken,
    serve: F,
) -> Result<(), Error>
where
    F: Fn(TcpStream, SocketAddr) -> C,
    C: Future<Output = ()> + Send + 'static,
{
    tracing::info!(address = %listener.local_addr()?, "receiving OTLP");
    let slots = Arc::new(Semaphore::new(ingest.limits().connections));
    let mut connections = JoinSet::new();
    loop {
        let next = async {
            let slot = slots.clone().acquire_owned().await;
            (slot, listener.accept().await)
        };
        tokio::select! {
            () = shutdown.cancelled() => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            (slot, accepted) = next => match accepted {
                Ok((stream, peer)) => {
                    // Small answers should leave at once.
                    _ = stream.set_nodelay(true);
                    let connection = serve(stream, peer);
                    connections.spawn(async move {
                        connection.await;
                        drop(slot);
                    });
                }
                Err(error) => pause(&error).await,
            }
        }
    }
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    _ = timeout(ingest.limits().drain, drained).await;
    Ok(())
}

/// A connection that failed while it was accepted is its peer's business; when file descriptors ran out, others must
/// close first.
async fn pause(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::warn!(%error, "a connection could not be accepted");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn http_connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    ingest: Ingest,
    shutdown: CancellationToken,
) {
    let service = hyper::service::service_fn(move |request| answer(router.clone(), peer, request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(ingest.limits().head)
        .max_buf_size(256 << 10)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if ended.is_err_and(|error| error.is_parse()) {
        ingest.reject("not HTTP/1.1 on the HTTP port (gRPC has its own)", Some(peer.ip().to_canonical()), 1);
    }
}

async fn grpc_connection(
    mut stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    ingest: Ingest,
    shutdown: CancellationToken,
) {
    let begun = tokio::select! {
        begun = timeout(ingest.limits().pause, preface(&mut stream)) => begun,
        () = shutdown.cancelled() => return,
    };
    match begun {
        Ok(Ok(true)) => {}
        Ok(Ok(false)) => {
            ingest.reject("not HTTP/2 on the gRPC port (OTLP/HTTP has its own)", Some(peer.ip().to_canonical()), 1);
            _ = timeout(ingest.limits().pause, stream.write_all(NOT_HTTP2)).await;
            return;
        }
        Ok(Err(_)) | Err(_) => return,
    }
    let (read, write) = stream.into_split();
    let stream = tokio::io::join(io::Cursor::new(PREFACE).chain(read), write);
    let service = hyper::service::service_fn(move |request| answer(router.clone(), peer, request));
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        // A peer that is gone, or that never ends its headers, answers no ping.
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(20))
        .max_concurrent_streams(128)
        .max_header_list_size(16 << 10)
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(2 << 20)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => {}
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            _ = connection.await;
        }
    }
}

async fn answer(
    router: Router,
    peer: SocketAddr,
    request: http::Request<Incoming>,
) -> Result<Response, std::convert::Infallible> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(peer));
    router.oneshot(request).await
}

/// What an HTTP/2 connection begins with.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What someone gets to read who sends HTTP/1.1 to the port of gRPC.
const NOT_HTTP2: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n\
    This port receives OTLP over gRPC. Send OTLP over HTTP to the HTTP port (4318 by default).\n";

/// Reads the preface here, since hyper would wait for it without end; false as soon as something else comes.
async fn preface(stream: &mut TcpStream) -> io::Result<bool> {
    let mut buffer = [0; PREFACE.len()];
    let mut read = 0;
    while read < PREFACE.len() {
        match stream.read(&mut buffer[read..]).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            more => read += more,
        }
        if buffer[..read] != PREFACE[..read] {
            return Ok(false);
        }
    }
    Ok(true)
}
