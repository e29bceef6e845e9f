//! Every flag, with its environment name and default; validated once into the working form. Nothing else reads
//! the environment.

mod printed;
#[cfg(test)]
mod tests;
mod units;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::bail;
use clap::{Parser, Subcommand, ValueEnum};

use crate::gate::Ask;
use crate::simulate::Simulate;
pub(crate) use units::span;
use units::{age, bytes, interval, memory};

/// Watches Kubernetes, keeps what services did, and answers: did this deploy cause it?
#[derive(Debug, Parser)]
#[command(name = "binnacle", version, about)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Watch, receive and serve (the default)
    Serve(Serve),
    /// Serve a simulated shop, with an hour behind it; no cluster is needed or touched
    Demo(Serve),
    /// Run only the simulated cluster and say where its kubeconfig is
    Simulate(Simulate),
    /// Say what a running Binnacle thinks of a deploy, as an exit code for CI: 0 healthy, 1 degraded or failed, 2 too
    /// little data, 3 where there is no answer: no such service, or no Binnacle
    Verdict(Ask),
    /// Look at each right, endpoint, port and the disk, with the flags of `serve`: ok, or what is missing, why it
    /// matters and what to add. Exits with 1 where something is missing
    Check(Serve),
    /// Print the least rights that Binnacle needs, as manifests
    Rbac {
        /// Only for these namespaces; then no cluster-wide right is asked for
        #[arg(long = "namespaces", alias = "namespace", value_delimiter = ',', value_name = "NAME")]
        namespaces: Vec<String>,
    },
}

#[derive(Debug, clap::Args)]
struct Serve {
    /// Kubeconfig file; without one the usual places and then the pod's own account are tried
    #[arg(long, env = "KUBECONFIG", value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Kubeconfig contexts to watch, several if repeated or comma-separated [default: the current one]
    #[arg(long = "context", env = "BINNACLE_CONTEXT", value_delimiter = ',', value_name = "NAME")]
    contexts: Vec<String>,
    /// Watch only these namespaces; then no cluster-wide right is needed [default: all]
    #[arg(
        long = "namespace",
        alias = "namespaces",
        env = "BINNACLE_NAMESPACE",
        value_delimiter = ',',
        value_name = "NAME"
    )]
    namespaces: Vec<String>,
    /// Logs of pods that are followed at once; pods that send their own by OTLP are left out, 0 follows none
    #[arg(long, env = "BINNACLE_LOG_STREAMS", default_value_t = 500, value_name = "COUNT")]
    log_streams: u32,
    /// Follow logs only of pods of these namespaces; a pod opts out by the annotation `binnacle.dev/logs: off` [default: all]
    #[arg(long = "log-namespace", env = "BINNACLE_LOG_NAMESPACE", value_delimiter = ',', value_name = "NAME")]
    log_namespaces: Vec<String>,
    /// Whether kubelets are asked what containers use; `off` leaves that to who sends it by OTLP
    #[arg(long, env = "BINNACLE_KUBELETS", value_enum, default_value = "on")]
    kubelets: Switch,
    /// How often each kubelet is asked
    #[arg(long, env = "BINNACLE_KUBELET_INTERVAL", default_value = "15s", value_parser = interval, value_name = "AGE")]
    kubelet_interval: Duration,
    /// Who signs the kubelets' certificates, in PEM [default: the cluster's authority]
    #[arg(long, env = "BINNACLE_KUBELET_CA", value_name = "FILE")]
    kubelet_ca: Option<PathBuf>,
    /// Accept any certificate of a kubelet: who can pose as one then gets the account's token
    #[arg(long, env = "BINNACLE_KUBELET_INSECURE_TLS")]
    kubelet_insecure_tls: bool,
    /// Where no cluster is configured, serve only what is sent, not the demo
    #[arg(long, env = "BINNACLE_NO_DEMO")]
    no_demo: bool,
    /// Address of the web interface
    #[arg(long, env = "BINNACLE_LISTEN", default_value = "127.0.0.1:7700", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Address that receives OTLP over gRPC
    #[arg(long, env = "BINNACLE_OTLP_GRPC", default_value = "127.0.0.1:4317", value_name = "ADDRESS")]
    otlp_grpc: SocketAddr,
    /// Address that receives OTLP over HTTP
    #[arg(long, env = "BINNACLE_OTLP_HTTP", default_value = "127.0.0.1:4318", value_name = "ADDRESS")]
    otlp_http: SocketAddr,
    /// Largest OTLP request in MiB, after decompression
    #[arg(long, env = "BINNACLE_OTLP_MAX_MIB", default_value_t = 64, value_name = "MIB")]
    otlp_max_mib: u32,
    /// Spans, logs, points and profiles older than this are rejected [default: what --retention says]
    #[arg(long, env = "BINNACLE_ACCEPT_PAST", value_parser = age, value_name = "AGE")]
    accept_past: Option<Duration>,
    /// Those further ahead of the clock here than this are rejected
    #[arg(long, env = "BINNACLE_ACCEPT_FUTURE", default_value = "1h", value_parser = age, value_name = "AGE")]
    accept_future: Duration,
    /// Memory that the process may have: near it senders are told to come again, and less is in flight at once [default: 90 % of its container's limit, none where that has none]
    #[arg(long, env = "BINNACLE_MEMORY_LIMIT", value_parser = memory, value_name = "BYTES")]
    memory_limit: Option<u64>,
    /// Browser origins that may send OTLP over HTTP
    #[arg(long = "otlp-origin", env = "BINNACLE_OTLP_ORIGIN", value_delimiter = ',', value_name = "ORIGIN")]
    otlp_origins: Vec<String>,
    /// Where everything is kept [default: $XDG_DATA_HOME/binnacle or ~/.local/share/binnacle; a demo makes one in it, or a temporary one]
    #[arg(long, env = "BINNACLE_DATA", value_name = "DIRECTORY")]
    data: Option<PathBuf>,
    /// How long spans, logs, metrics and profiles are kept
    #[arg(long, env = "BINNACLE_RETENTION", default_value = "7d", value_parser = age, value_name = "AGE")]
    retention: Duration,
    /// How much of them is kept
    #[arg(long, env = "BINNACLE_RETENTION_BYTES", default_value = "20GB", value_parser = bytes, value_name = "BYTES")]
    retention_bytes: u64,
    /// How long summaries, deploys and events are kept
    #[arg(long, env = "BINNACLE_SUMMARIES", default_value = "90d", value_parser = age, value_name = "AGE")]
    summaries: Duration,
    /// How much of summaries is kept
    #[arg(long, env = "BINNACLE_SUMMARIES_BYTES", default_value = "5GB", value_parser = bytes, value_name = "BYTES")]
    summaries_bytes: u64,
    /// Room that is kept free on the disk: with less nothing is taken, and senders are told to come again [default: 512MB, or 5 % of a smaller disk]
    #[arg(long, env = "BINNACLE_DISK_RESERVE", value_parser = bytes, value_name = "BYTES")]
    disk_reserve: Option<u64>,
    /// How env values and ConfigMap data are kept: `safe` hashes what looks like a secret, `hash` everything
    #[arg(long, env = "BINNACLE_VALUES", value_enum, default_value = "safe")]
    values: Values,
    /// A token that opens the web interface; needed (or one of the next two) where it listens beyond loopback
    #[arg(long, env = "BINNACLE_AUTH_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    auth_token: Option<String>,
    /// A header in which a trusted proxy names the signed-in person
    #[arg(long, env = "BINNACLE_TRUSTED_PROXY_HEADER", value_name = "HEADER")]
    trusted_proxy_header: Option<http::HeaderName>,
    /// Serve the web interface beyond loopback to everyone who can reach it
    #[arg(long, env = "BINNACLE_INSECURE_NO_AUTH")]
    insecure_no_auth: bool,
    /// Host names under which the web interface is reached, beside loopback and --listen
    #[arg(long = "allowed-host", env = "BINNACLE_ALLOWED_HOST", value_delimiter = ',', value_name = "HOST")]
    allowed_hosts: Vec<String>,
    /// A token that /metrics asks for
    #[arg(long, env = "BINNACLE_METRICS_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    metrics_token: Option<String>,
    /// What is logged, as tracing filters
    #[arg(long, env = "BINNACLE_LOG", default_value = "info,kube_client=off,kube_runtime=off", value_name = "FILTER")]
    log: String,
}

/// How values of env and ConfigMaps are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Values {
    /// As they are, but what looks like a secret hashed.
    Safe,
    /// All hashed.
    Hash,
}

/// Whether something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    /// It is.
    On,
    /// It is not.
    Off,
}

/// When the demo is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Demo {
    /// Whatever is configured.
    Always,
    /// Where no cluster is configured.
    WithoutCluster,
    /// Never.
    Never,
}

/// What the process is for.
pub(crate) enum Work {
    /// Watch, receive and serve.
    Serve(Box<Config>),
    /// Be a simulated cluster.
    Simulate(Simulate),
    /// Ask another process for a verdict.
    Verdict(Ask),
    /// Look whether everything needed is there.
    Check(Box<Config>),
    /// Print the rights that are needed, for these namespaces or for all.
    Rbac(Vec<String>),
}

impl TryFrom<Args> for Work {
    type Error = anyhow::Error;

    fn try_from(args: Args) -> anyhow::Result<Self> {
        let (serve, demo) = match args.command {
            Some(Command::Simulate(flags)) => return Ok(Self::Simulate(flags)),
            Some(Command::Verdict(ask)) => return Ok(Self::Verdict(ask)),
            Some(Command::Check(serve)) => return Ok(Self::Check(Box::new(Config::new(serve, Demo::Never)?))),
            Some(Command::Rbac { namespaces }) => return Ok(Self::Rbac(namespaces)),
            Some(Command::Demo(serve)) => (serve, Demo::Always),
            Some(Command::Serve(serve)) => (serve, Demo::WithoutCluster),
            None => (args.serve, Demo::WithoutCluster),
        };
        let demo = match demo {
            Demo::WithoutCluster if serve.no_demo => Demo::Never,
            demo => demo,
        };
        Ok(Self::Serve(Box::new(Config::new(serve, demo)?)))
    }
}

/// The working form: checked, with every default filled in.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) demo: Demo,
    pub(crate) kubeconfig: Option<PathBuf>,
    pub(crate) contexts: Vec<String>,
    pub(crate) namespaces: Vec<String>,
    pub(crate) log_streams: u32,
    pub(crate) log_namespaces: Vec<String>,
    pub(crate) kubelets: Option<cluster::KubeletOptions>,
    pub(crate) listen: SocketAddr,
    pub(crate) otlp_grpc: SocketAddr,
    pub(crate) otlp_http: SocketAddr,
    pub(crate) otlp_max_bytes: usize,
    pub(crate) accept_past: Duration,
    pub(crate) accept_future: Duration,
    pub(crate) memory_limit: Option<u64>,
    pub(crate) otlp_origins: Vec<String>,
    pub(crate) data: Option<PathBuf>,
    pub(crate) raw: store::Keep,
    pub(crate) summaries: store::Keep,
    pub(crate) disk_reserve: Option<u64>,
    pub(crate) values: Values,
    pub(crate) access: Access,
    pub(crate) allowed_hosts: Vec<String>,
    pub(crate) metrics_token: Option<String>,
    pub(crate) log: String,
}

/// Who may see the web interface.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everyone who reaches it.
    Open,
    /// Who has the token.
    Token(String),
    /// Whom the proxy names.
    Proxy(http::HeaderName),
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("open"),
            Self::Token(_) => f.write_str("token ***"),
            Self::Proxy(header) => write!(f, "proxy header {header}"),
        }
    }
}

impl Config {
    fn new(serve: Serve, demo: Demo) -> anyhow::Result<Self> {
        Ok(Self {
            demo,
            access: access(&serve)?,
            kubelets: kubelets(&serve),
            kubeconfig: serve.kubeconfig.filter(|path| !path.as_os_str().is_empty()),
            contexts: serve.contexts,
            namespaces: serve.namespaces,
            log_streams: serve.log_streams,
            log_namespaces: serve.log_namespaces,
            listen: serve.listen,
            otlp_grpc: serve.otlp_grpc,
            otlp_http: serve.otlp_http,
            otlp_max_bytes: serve.otlp_max_mib.clamp(1, 1_024) as usize * 1024 * 1024,
            accept_past: serve.accept_past.unwrap_or(serve.retention),
            accept_future: serve.accept_future,
            memory_limit: serve.memory_limit,
            otlp_origins: serve.otlp_origins,
            data: serve.data,
            raw: keep(serve.retention, serve.retention_bytes),
            summaries: keep(serve.summaries, serve.summaries_bytes),
            disk_reserve: serve.disk_reserve,
            values: serve.values,
            allowed_hosts: serve.allowed_hosts,
            metrics_token: serve.metrics_token.filter(|token| !token.is_empty()),
            log: serve.log,
        })
    }
}

fn kubelets(serve: &Serve) -> Option<cluster::KubeletOptions> {
    let options = cluster::KubeletOptions {
        interval: serve.kubelet_interval,
        insecure_tls: serve.kubelet_insecure_tls,
        authority: serve.kubelet_ca.clone().filter(|path| !path.as_os_str().is_empty()),
    };
    (serve.kubelets == Switch::On).then_some(options)
}

fn access(serve: &Serve) -> anyhow::Result<Access> {
    let token = serve.auth_token.clone().filter(|token| !token.is_empty());
    match (token, &serve.trusted_proxy_header) {
        (Some(_), Some(_)) => bail!("give --auth-token or --trusted-proxy-header, not both"),
        (Some(token), None) if token.len() < 16 => bail!("--auth-token must have at least 16 characters"),
        (Some(token), None) => Ok(Access::Token(token)),
        (None, Some(header)) => Ok(Access::Proxy(header.clone())),
        (None, None) if serve.listen.ip().is_loopback() || serve.insecure_no_auth => Ok(Access::Open),
        (None, None) => bail!(
            "--listen {} is reachable from other machines: add --auth-token, --trusted-proxy-header or --insecure-no-auth",
            serve.listen
        ),
    }
}

fn keep(age: Duration, bytes: u64) -> store::Keep {
    store::Keep { age: i64::try_from(age.as_nanos()).unwrap_or(i64::MAX), bytes }
}

impl Config {
    /// The clusters to watch; none where the demo is served whatever is configured.
    pub(crate) fn clusters(&self) -> anyhow::Result<Vec<cluster::Source>> {
        match self.demo {
            Demo::Always => Ok(Vec::new()),
            _ => Ok(cluster::sources(self.kubeconfig.as_deref(), &self.contexts)?),
        }
    }

    /// Whether the demo is served, where these clusters are configured.
    pub(crate) fn is_demo(&self, clusters: &[cluster::Source]) -> bool {
        self.demo != Demo::Never && clusters.is_empty()
    }

    /// What the store is opened with.
    pub(crate) fn store(&self, data: &Path) -> store::Config {
        store::Config { path: data.to_owned(), raw: self.raw, summaries: self.summaries }
    }

    /// What receivers are bounded by.
    pub(crate) fn limits(&self) -> ingest::Limits {
        ingest::Limits {
            message: self.otlp_max_bytes,
            past: self.accept_past,
            future: self.accept_future,
            origins: self.otlp_origins.clone(),
            ..Default::default()
        }
    }

    /// What the cluster watchers are told.
    pub(crate) fn cluster(&self, live: &cluster::Live) -> cluster::Options {
        cluster::Options {
            namespaces: self.namespaces.clone(),
            values: match self.values {
                Values::Safe => cluster::Values::Safe,
                Values::Hash => cluster::Values::Hash,
            },
            log_streams: self.log_streams,
            log_namespaces: self.log_namespaces.clone(),
            kubelets: self.kubelets.clone(),
            live: live.clone(),
        }
    }

    /// Hosts under which the web interface answers.
    pub(crate) fn hosts(&self) -> Vec<String> {
        let mut hosts = vec!["localhost".to_owned(), "127.0.0.1".into(), "[::1]".into()];
        hosts.push(match self.listen.ip() {
            IpAddr::V6(ip) => format!("[{ip}]"),
            IpAddr::V4(ip) => ip.to_string(),
        });
        hosts.extend(self.allowed_hosts.iter().map(|host| host.to_ascii_lowercase()));
        hosts
    }
}
