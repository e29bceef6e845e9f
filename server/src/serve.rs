//! The web interface's socket: a bounded number of connections, none of which may dawdle over its head, all of them
//! ended at shutdown.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Connections at a time; a browser has six, one of them a stream.
const CONNECTIONS: usize = 1_024;
/// How long a request's head may take to arrive.
const HEAD: Duration = Duration::from_secs(10);
/// How long answers may take to finish after shutdown began.
const DRAIN: Duration = Duration::from_secs(2);
/// After a failed accept (no file descriptors left), trying at once would only burn the processor.
const PAUSE: Duration = Duration::from_millis(50);

/// What strangers may take.
#[derive(Debug, Clone, Copy)]
struct Limits {
    connections: usize,
    head: Duration,
}

/// Serves a router over HTTP/1.1 until shutdown.
pub(crate) async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken) {
    serve_within(Limits { connections: CONNECTIONS, head: HEAD }, listener, router, shutdown).await;
}

async fn serve_within(limits: Limits, listener: TcpListener, router: Router, shutdown: CancellationToken) {
    let slots = Arc::new(Semaphore::new(limits.connections));
    let tasks = TaskTracker::new();
    loop {
        let next = async {
            let slot = slots.clone().acquire_owned().await;
            (slot, listener.accept().await)
        };
        let (slot, accepted) = tokio::select! {
            () = shutdown.cancelled() => break,
            next = next => next,
        };
        match accepted {
            Ok((stream, _)) => {
                let connection = connection(limits.head, stream, router.clone(), shutdown.clone());
                tasks.spawn(async move {
                    connection.await;
                    drop(slot);
                });
            }
            Err(error) => {
                tracing::warn!("could not accept a connection: {error}");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    tasks.close();
    // Whoever is slower than this loses an answer, not data.
    let _ = tokio::time::timeout(DRAIN, tasks.wait()).await;
}

async fn connection(head: Duration, stream: TcpStream, router: Router, shutdown: CancellationToken) {
    // Small answers should leave at once; without it they only leave later.
    let _ = stream.set_nodelay(true);
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        .max_headers(100)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::pin!(connection);
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = outcome {
        tracing::debug!("a connection ended early: {error}");
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// Serves one word, with few connections and little patience.
    async fn served(connections: usize) -> (std::net::SocketAddr, CancellationToken) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, token) = (listener.local_addr().unwrap(), CancellationToken::new());
        let limits = Limits { connections, head: Duration::from_millis(100) };
        let router = Router::new().route("/", get(async || "word"));
        tokio::spawn(serve_within(limits, listener, router, token.clone()));
        (address, token)
    }

    async fn ask(stream: &mut TcpStream, request: &str) -> String {
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // Whoever is cut off may be reset.
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    const CLOSE: &str = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

    #[tokio::test]
    async fn a_head_that_does_not_end_is_given_up() {
        let (address, _token) = served(10).await;
        let mut slow = TcpStream::connect(address).await.unwrap();
        assert!(!ask(&mut slow, "GET / HTTP/1.1\r\nHost: ").await.contains("word"));
        let mut other = TcpStream::connect(address).await.unwrap();
        assert!(ask(&mut other, CLOSE).await.ends_with("word"));
    }

    #[tokio::test]
    async fn too_many_headers_are_refused() {
        let (address, _token) = served(10).await;
        let many: String = (0..101).map(|n| format!("X-{n}: y\r\n")).collect();
        let mut stream = TcpStream::connect(address).await.unwrap();
        let answer = ask(&mut stream, &format!("GET / HTTP/1.1\r\nHost: x\r\n{many}\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    }

    #[tokio::test]
    async fn one_connection_too_many_waits_for_a_place() {
        let (address, _token) = served(1).await;
        // It has the one place until it is given up.
        let first = TcpStream::connect(address).await.unwrap();
        let mut second = TcpStream::connect(address).await.unwrap();
        assert!(ask(&mut second, CLOSE).await.ends_with("word"));
        drop(first);
    }

    #[tokio::test]
    async fn a_stop_ends_connections_that_wait() {
        let (address, token) = served(10).await;
        let mut idle = TcpStream::connect(address).await.unwrap();
        token.cancel();
        let mut rest = Vec::new();
        let _ = idle.read_to_end(&mut rest).await;
        assert!(rest.is_empty());
    }
}
