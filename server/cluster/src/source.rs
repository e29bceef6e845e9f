//! How to reach clusters: kubeconfig files, contexts, or the pod Binnacle runs in.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use crate::Error;

/// The API server ends a watch after so many seconds, with a last bookmark, and the next one goes on from there.
/// Kinds that seldom change are silent in between, as is a connection whose other end is gone.
const WATCH: u32 = 45;

/// How to reach one cluster.
#[derive(Clone)]
pub struct Source {
    name: String,
    way: Way,
    watch: u32,
}

#[derive(Clone)]
enum Way {
    InCluster,
    Context(Box<Kubeconfig>, String),
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A kubeconfig holds credentials.
        f.debug_struct("Source").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Source {
    /// With watches of so many seconds instead of [`WATCH`]: a connection that is silent for a third longer is given up.
    pub fn with_watches(mut self, seconds: u32) -> Self {
        self.watch = seconds;
        self
    }

    /// Seconds after which a watch ends.
    pub(crate) fn watch(&self) -> u32 {
        self.watch
    }

    /// The context's name, or `in-cluster`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A client. May run a credential plugin and read files, so it may fail now and work later.
    pub(crate) async fn client(&self) -> Result<Client, String> {
        Client::try_from(self.config().await?).map_err(|error| error.to_string())
    }

    /// Addresses, credentials and times to wait; reads files.
    pub(crate) async fn config(&self) -> Result<Config, String> {
        // Somebody else in the process may have chosen a provider; that one is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let config = match &self.way {
            Way::InCluster => Config::incluster().map_err(|error| error.to_string()),
            Way::Context(kubeconfig, context) => {
                let options = KubeConfigOptions { context: Some(context.clone()), ..KubeConfigOptions::default() };
                Config::from_custom_kubeconfig(*kubeconfig.clone(), &options).await.map_err(|error| error.to_string())
            }
        };
        let mut config = config?;
        config.connect_timeout = Some(Duration::from_secs(10));
        // Longer than a watch may stay silent, so that a connection whose other end is gone is noticed.
        config.read_timeout = Some(Duration::from_secs(u64::from(self.watch + self.watch / 3)));
        config.reset_reader_on_write = true;
        // Watchers and the knock try again by themselves, and a failure has to be seen to be shown.
        config.default_retry = false;
        let agent = http::HeaderValue::from_static(concat!("binnacle/", env!("CARGO_PKG_VERSION")));
        config.headers.push((http::header::USER_AGENT, agent));
        Ok(config)
    }
}

/// The clusters to watch: the named contexts of a kubeconfig, else its current one, else the cluster this runs in.
/// No configuration at all is no clusters.
pub fn sources(kubeconfig: Option<&Path>, contexts: &[String]) -> Result<Vec<Source>, Error> {
    let (file, config) = match kubeconfig {
        Some(path) => (path.display().to_string(), Some(read(path)?)),
        None => default_kubeconfig()?,
    };
    let Some(config) = config.filter(|config| !config.contexts.is_empty() || kubeconfig.is_some()) else {
        return without_kubeconfig(contexts);
    };
    let known = || match config.contexts.iter().map(|context| context.name.as_str()).collect::<Vec<_>>().join(", ") {
        names if names.is_empty() => "it has none".to_owned(),
        names => format!("it has {names}"),
    };
    if !contexts.is_empty() {
        return contexts.iter().map(|context| source(&file, &config, context, &known())).collect();
    }
    let Some(current) = config.current_context.clone().filter(|current| !current.is_empty()) else {
        return Err(wrong(format!("{file} names no current context: choose one with --context ({})", known())));
    };
    Ok(vec![source(&file, &config, &current, &known())?])
}

fn wrong(sentence: String) -> Error {
    Error::Configuration(sentence)
}

/// Reads a kubeconfig, or several as the variable KUBECONFIG lists them.
fn read(path: &Path) -> Result<Kubeconfig, Error> {
    let paths: Vec<PathBuf> = if path.exists() {
        vec![path.to_owned()]
    } else {
        std::env::split_paths(path.as_os_str()).filter(|path| !path.as_os_str().is_empty()).collect()
    };
    paths.iter().try_fold(Kubeconfig::default(), |merged, path| {
        let said = |error: &dyn std::fmt::Display| {
            let said = error.to_string();
            let said = said.lines().next().unwrap_or_default().to_owned();
            wrong(format!(
                "the kubeconfig {} can't be used ({said}): correct it, or name another with --kubeconfig",
                path.display()
            ))
        };
        let text = std::fs::read_to_string(path).map_err(|error| said(&error))?;
        // The parser's own message may quote the file, which holds credentials.
        Kubeconfig::from_yaml(&text)
            .map_err(|_| said(&"it is not a valid kubeconfig in YAML"))
            .and_then(|_| Kubeconfig::read_from(path).map_err(|_| said(&"it is not a valid kubeconfig in YAML")))
            .and_then(|config| merged.merge(config).map_err(|error| said(&error)))
    })
}

/// What KUBECONFIG names, else the file in the home directory where there is one.
fn default_kubeconfig() -> Result<(String, Option<Kubeconfig>), Error> {
    if let Some(paths) = std::env::var_os("KUBECONFIG").filter(|paths| !paths.is_empty()) {
        let paths = PathBuf::from(paths);
        return Ok((paths.display().to_string(), Some(read(&paths)?)));
    }
    let Some(path) = std::env::home_dir().map(|home| home.join(".kube").join("config")).filter(|path| path.exists())
    else {
        return Ok((String::new(), None));
    };
    Ok((path.display().to_string(), Some(read(&path)?)))
}

fn without_kubeconfig(contexts: &[String]) -> Result<Vec<Source>, Error> {
    if let Some(context) = contexts.first() {
        return Err(wrong(format!(
            "there is no kubeconfig to find the context {context} in: name one with --kubeconfig"
        )));
    }
    let inside = Config::incluster().is_ok();
    Ok(inside.then(|| Source { name: "in-cluster".into(), way: Way::InCluster, watch: WATCH }).into_iter().collect())
}

fn source(file: &str, config: &Kubeconfig, context: &str, known: &str) -> Result<Source, Error> {
    let named = config.contexts.iter().find(|named| named.name == context);
    let Some(found) = named.and_then(|named| named.context.as_ref()) else {
        return Err(wrong(format!("{file} has no context {context} ({known}): name one of these with --context")));
    };
    let cluster = config
        .clusters
        .iter()
        .find(|cluster| cluster.name == found.cluster)
        .and_then(|cluster| cluster.cluster.as_ref());
    let Some(server) = cluster.and_then(|cluster| cluster.server.as_ref()) else {
        return Err(wrong(format!(
            "the context {context} of {file} refers to the cluster {}, which has no server address there: correct it",
            found.cluster
        )));
    };
    if server.parse::<http::Uri>().is_err() {
        return Err(wrong(format!(
            "the cluster {} of {file} has an address that is no URL: correct it",
            found.cluster
        )));
    }
    Ok(Source {
        name: context.to_owned(),
        way: Way::Context(Box::new(config.clone()), context.to_owned()),
        watch: WATCH,
    })
}
