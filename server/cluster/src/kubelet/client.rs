//! Asks kubelets over one pool of connections, with the credentials of the API server and the cluster's authority.

use std::path::Path;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::Client;
use kube::client::{Body, ClientBuilder, ConfigExt};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tower::ServiceExt;

use super::Options;
use super::plan::Target;
use crate::Source;
use crate::rights::innermost;
use crate::roles::{Rule, kubelet as kubelet_rules};

/// How long a kubelet may take to accept a connection, and to answer.
const CONNECT: Duration = Duration::from_secs(3);
const ANSWER: Duration = Duration::from_secs(10);
/// Connections that are not used for so long are closed.
const IDLE: Duration = Duration::from_secs(120);
/// Bytes read at once. Left alone, a connection's buffer grows with what comes, to 400 KiB, and stays so between two
/// reads: of 1,000 nodes that is most of the memory.
const READ: usize = 16 << 10;
/// No body is read further.
const LARGEST: usize = 64 << 20;

/// What a kubelet is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Endpoint {
    Cadvisor,
    Summary,
}

impl Endpoint {
    fn path(self) -> &'static str {
        match self {
            Self::Cadvisor => "/metrics/cadvisor",
            Self::Summary => "/stats/summary",
        }
    }

    /// The right that it asks for.
    fn rule(self) -> Rule {
        let [metrics, stats] = kubelet_rules();
        match self {
            Self::Cadvisor => metrics,
            Self::Summary => stats,
        }
    }
}

/// Why there is no answer, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Trouble {
    pub(super) reason: String,
    pub(super) add: Option<String>,
    /// Nobody answered at all: asking for something else is in vain.
    pub(super) is_silence: bool,
}

impl Trouble {
    fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), add: None, is_silence: false }
    }

    /// Of a status that is none of success.
    fn of_status(endpoint: Endpoint, status: u16) -> Self {
        let path = endpoint.path();
        match status {
            401 => Self::new("the kubelet does not accept the credentials (401)"),
            403 => Self { add: Some(endpoint.rule().yaml()), ..Self::new(format!("{path} may not be read (403)")) },
            404 => Self::new(format!("there is no {path} (404)")),
            status => Self::new(format!("{path} answers {status}")),
        }
    }

    fn silence(reason: String) -> Self {
        Self { is_silence: true, ..Self::new(reason) }
    }

    /// Of a body that can't be read.
    pub(super) fn garbled(endpoint: Endpoint, error: &dyn std::fmt::Display) -> Self {
        Self::new(format!("{} can't be read: {error}", endpoint.path()))
    }

    /// Of a request that got no answer.
    fn of_error(error: &(dyn std::error::Error + 'static)) -> Self {
        let reason = innermost(error);
        if reason.contains("certificate") || reason.contains("UnknownIssuer") {
            let add = "name the kubelets' authority with --kubelet-ca, or do without with --kubelet-insecure-tls";
            return Self {
                add: Some(add.into()),
                ..Self::silence(format!("its certificate is not accepted: {reason}"))
            };
        }
        Self::silence(format!("not reachable: {reason}"))
    }
}

/// Asks kubelets.
#[derive(Clone)]
pub(super) struct Asker {
    client: Client,
    /// Those on this machine answer without TLS, as their API server does; a token never leaves it so.
    is_plain: bool,
}

impl Asker {
    /// As a cluster's API server is asked: a server without TLS on this machine has kubelets without.
    pub(super) async fn new(source: &Source, options: &Options) -> Result<Self, String> {
        let mut config = source.config().await?;
        let is_plain = config.cluster_url.scheme_str() == Some("http");
        config.tls_server_name = None;
        // What is accepted of an API server is not accepted of whoever says to be a kubelet.
        config.accept_invalid_certs = options.insecure_tls;
        if let Some(path) = &options.authority {
            config.root_cert = Some(authority(path)?);
        }
        let said = |error: kube::Error| error.to_string();
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT));
        let connector = config.rustls_https_connector_with_connector(connector).map_err(said)?;
        let pool = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(1)
            .http1_read_buf_exact_size(READ)
            .build::<_, Body>(connector)
            .map_err(tower::BoxError::from);
        let builder = ClientBuilder::new(pool, "default").with_layer(&config.extra_headers_layer().map_err(said)?);
        let client = match config.auth_layer().map_err(said)? {
            Some(layer) => builder.with_layer(&layer).build(),
            None => builder.build(),
        };
        Ok(Self { client, is_plain })
    }

    /// Asks for an endpoint of a node and gives the body piece by piece.
    pub(super) async fn get(
        &self,
        target: &Target,
        endpoint: Endpoint,
        piece: impl FnMut(&[u8]) + Send,
    ) -> Result<(), Trouble> {
        match tokio::time::timeout(ANSWER, self.ask(target, endpoint, piece)).await {
            Ok(answer) => answer,
            Err(_) => Err(Trouble::silence(format!("no answer within {} seconds", ANSWER.as_secs()))),
        }
    }

    async fn ask(
        &self,
        target: &Target,
        endpoint: Endpoint,
        mut piece: impl FnMut(&[u8]) + Send,
    ) -> Result<(), Trouble> {
        let scheme = if self.is_plain && target.is_local() { "http" } else { "https" };
        let uri = format!("{scheme}://{}{}", target.authority(), endpoint.path());
        let request = http::Request::get(uri).body(Body::empty()).map_err(|error| Trouble::of_error(&error))?;
        let answer = self.client.send(request).await.map_err(|error| Trouble::of_error(&error))?;
        if answer.status() != 200 {
            return Err(Trouble::of_status(endpoint, answer.status().as_u16()));
        }
        let (mut body, mut size) = (answer.into_body(), 0);
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|error| Trouble::of_error(&error))?.into_data() else { continue };
            size += data.len();
            if size > LARGEST {
                return Err(Trouble::new(format!("{} is larger than {} MiB", endpoint.path(), LARGEST >> 20)));
            }
            piece(&data);
        }
        Ok(())
    }
}

/// The certificates of a file in PEM.
fn authority(path: &Path) -> Result<Vec<Vec<u8>>, String> {
    let said = |error: &dyn std::fmt::Display| format!("can't use --kubelet-ca {}: {error}", path.display());
    let pem = std::fs::read(path).map_err(|error| said(&error))?;
    let certificates: Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(&pem).map(|one| one.map(|one| one.to_vec())).collect();
    match certificates.map_err(|error| said(&error))? {
        none if none.is_empty() => Err(said(&"it holds no certificate")),
        certificates => Ok(certificates),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_allowed_comes_with_the_rule_to_add() {
        for (endpoint, path, right, other) in [
            (Endpoint::Summary, "/stats/summary", "nodes/stats", "nodes/metrics"),
            (Endpoint::Cadvisor, "/metrics/cadvisor", "nodes/metrics", "nodes/stats"),
        ] {
            let trouble = Trouble::of_status(endpoint, 403);
            assert!(trouble.reason.contains(path));
            assert!(trouble.add.is_some_and(|rule| rule.contains(right) && !rule.contains(other)), "{path}");
        }
        assert_eq!(Trouble::of_status(Endpoint::Cadvisor, 404).reason, "there is no /metrics/cadvisor (404)");
    }

    #[test]
    fn a_certificate_of_another_authority_says_which_options_there_are() {
        let error = std::io::Error::other("invalid peer certificate: UnknownIssuer");
        assert!(Trouble::of_error(&error).add.is_some_and(|add| add.contains("--kubelet-ca")));
        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        assert_eq!(Trouble::of_error(&refused).add, None);
    }

    #[test]
    fn a_file_without_a_certificate_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("ca.crt");
        assert!(authority(&path).is_err_and(|said| said.contains("--kubelet-ca")));
        std::fs::write(&path, "nothing").unwrap();
        assert!(authority(&path).is_err_and(|said| said.contains("no certificate")));
    }
}
