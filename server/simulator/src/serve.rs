//! Accepts connections and cuts them when a fault says so.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Error;
use crate::api::{Answer, Dropped};
use crate::faults::Controls;

/// Listens on an address.
pub(crate) async fn bind(address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address).await.map_err(|source| Error::Listen { address, source })
}

/// Answers requests until the token is cancelled.
pub(crate) async fn serve<Handle, Answering>(
    listener: TcpListener,
    controls: Controls,
    shutdown: CancellationToken,
    handle: Handle,
) where
    Handle: Fn(Request<Incoming>) -> Answering + Clone + Send + 'static,
    Answering: Future<Output = Result<Answer, Dropped>> + Send + 'static,
{
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.cancelled() => break,
        };
        match accepted {
            Ok((stream, _)) => {
                let (controls, shutdown, handle) = (controls.clone(), shutdown.clone(), handle.clone());
                connections.spawn(connection(stream, controls, shutdown, handle));
            }
            Err(error) => {
                // Out of descriptors, most often: others must end first.
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }
    }
    connections.close();
    connections.wait().await;
}

/// On a request: whether its connection is spared by faults, for whoever answers to say.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spared(Arc<AtomicBool>);

impl Spared {
    /// From now on it is.
    pub(crate) fn spare(&self) {
        self.0.store(true, Ordering::Release);
    }
}

async fn connection<Handle, Answering>(
    stream: TcpStream,
    controls: Controls,
    shutdown: CancellationToken,
    handle: Handle,
) where
    Handle: Fn(Request<Incoming>) -> Answering,
    Answering: Future<Output = Result<Answer, Dropped>>,
{
    // Small answers must not wait for more.
    let _ = stream.set_nodelay(true);
    let (mut cuts, spared) = (controls.cuts(), Spared::default());
    let told = spared.clone();
    let handle = move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(told.clone());
        handle(request)
    };
    let served =
        http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service_fn(handle));
    tokio::pin!(served);
    loop {
        tokio::select! {
            // A client that goes away is no news.
            _ = &mut served => return,
            () = shutdown.cancelled() => return,
            _ = cuts.changed() => {
                if !spared.0.load(Ordering::Acquire) {
                    return;
                }
            }
        }
    }
}

/// A handler that always answers.
pub(crate) fn always(answer: Answer) -> Result<Answer, Dropped> {
    Ok::<_, Infallible>(answer).map_err(|never| match never {})
}
