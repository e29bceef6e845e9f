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

/// Serves a router over HTTP/1.1 until shutdown.
pub(crate) async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
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
                let connection = connection(stream, router.clone(), shutdown.clone());
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

async fn connection(stream: TcpStream, router: Router, shutdown: CancellationToken) {
    // Small answers should leave at once; without it they only leave later.
    let _ = stream.set_nodelay(true);
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
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
