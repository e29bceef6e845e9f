//! The ports: the web interface's, 4317 and 4318. All are bound before anything is opened, so that a port in use
//! is one clear sentence.

use std::net::SocketAddr;

use anyhow::Context;
use ingest::Ingest;
use tokio::net::TcpListener;

use crate::config::Config;
use crate::shutdown::Shutdown;

/// Bound ports.
pub(crate) struct Listeners {
    /// The web interface.
    pub(crate) ui: TcpListener,
    /// The receivers.
    pub(crate) otlp: Otlp,
    /// Where OTLP over HTTP arrives.
    pub(crate) otlp_http: SocketAddr,
    /// What each receiver speaks and where, for the status page.
    pub(crate) addresses: Vec<(String, String)>,
}

/// Bound receivers.
pub(crate) struct Otlp {
    grpc: TcpListener,
    http: TcpListener,
}

/// Binds every port.
pub(crate) async fn bind(config: &Config) -> anyhow::Result<Listeners> {
    let ui = listen(config.listen, "--listen").await?;
    let grpc = listen(config.otlp_grpc, "--otlp-grpc").await?;
    let http = listen(config.otlp_http, "--otlp-http").await?;
    let otlp_http = http.local_addr()?;
    let addresses = vec![
        ("OTLP/gRPC".to_owned(), grpc.local_addr()?.to_string()),
        ("OTLP/HTTP".to_owned(), format!("http://{otlp_http}")),
    ];
    Ok(Listeners { ui, otlp: Otlp { grpc, http }, otlp_http, addresses })
}

async fn listen(address: SocketAddr, flag: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("can't listen on {address}: choose another with {flag}"))
}

/// Serves the receivers until shutdown.
pub(crate) fn spawn(otlp: Otlp, ingest: &Ingest, shutdown: &Shutdown) {
    let (grpc, http) = (ingest.clone(), ingest.clone());
    let token = shutdown.token();
    shutdown.spawn("OTLP/gRPC receiver", async move { Ok(ingest::serve_grpc(otlp.grpc, grpc, token).await?) });
    let token = shutdown.token();
    shutdown.spawn("OTLP/HTTP receiver", async move { Ok(ingest::serve_http(otlp.http, http, token).await?) });
}
