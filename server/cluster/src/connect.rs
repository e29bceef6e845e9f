//! The first words with a cluster: a client, and the ids by which the cluster is known. Tried until it answers.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::runtime::watcher::DefaultBackoff;
use kube::{Api, Client};
use tokio::sync::{Notify, mpsc};

use crate::rights::{Problem, of_client};
use crate::run::Options;
use crate::source::Source;
use crate::versions::digest;

/// How long a single question may take.
const ANSWER: Duration = Duration::from_secs(10);
/// How often a cluster is knocked at.
const KNOCK: Duration = Duration::from_secs(10);
/// How often one that does not answer is.
const KNOCK_AGAIN: Duration = Duration::from_secs(2);

/// A cluster that answered.
pub(crate) struct Connected {
    pub(crate) client: Client,
    pub(crate) ids: Vec<String>,
}

/// Tries until the cluster answers; says each time why it did not.
pub(crate) async fn connect(source: &Source, options: &Options, mut failed: impl FnMut(String)) -> Connected {
    let mut backoff = DefaultBackoff::default();
    loop {
        match attempt(source, options).await {
            Ok(connected) => return connected,
            Err(reason) => {
                tracing::warn!(cluster = source.name(), reason, "connecting");
                failed(reason);
            }
        }
        tokio::time::sleep(backoff.next().unwrap_or(KNOCK)).await;
    }
}

async fn attempt(source: &Source, options: &Options) -> Result<Connected, String> {
    let client = source.client().await?;
    let ids = match tokio::time::timeout(ANSWER, ids(&client, options, source.name())).await {
        Ok(ids) => ids?,
        Err(_) => return Err(format!("no answer within {} seconds", ANSWER.as_secs())),
    };
    Ok(Connected { client, ids })
}

/// The uid of `kube-system`, and the digest of the root certificate, as far as they may be read.
async fn ids(client: &Client, options: &Options, context: &str) -> Result<Vec<String>, String> {
    let mut ids = Vec::new();
    if options.namespaces.is_empty() {
        let namespace = Api::<Namespace>::all(client.clone()).get_opt("kube-system").await;
        ids.extend(readable(namespace)?.and_then(|namespace| namespace.metadata.uid));
    }
    let namespaces = if options.namespaces.is_empty() {
        vec!["kube-system".to_owned(), "default".into()]
    } else {
        options.namespaces.clone()
    };
    for namespace in namespaces {
        let map = Api::<ConfigMap>::namespaced(client.clone(), &namespace).get_opt("kube-root-ca.crt").await;
        let authority = readable(map)?.and_then(|map| map.data).and_then(|mut data| data.remove("ca.crt"));
        if let Some(authority) = authority {
            ids.push(format!("ca-{}", digest(&[authority.as_bytes()])));
            break;
        }
    }
    if ids.is_empty() {
        tracing::warn!(
            context,
            "neither kube-system nor kube-root-ca.crt may be read: the cluster is known by its context's name"
        );
        ids.push(format!("ctx-{}", digest(&[context.as_bytes()])));
    }
    Ok(ids)
}

/// What may not be read is not there; anything else is no answer.
fn readable<T>(answer: Result<Option<T>, kube::Error>) -> Result<Option<T>, String> {
    match answer {
        Ok(found) => Ok(found),
        Err(error) => match of_client(&error) {
            Problem::Forbidden | Problem::Absent | Problem::Expired => Ok(None),
            Problem::Failing(reason) => Err(reason),
        },
    }
}

/// Knocks at the cluster now and then, so that silence is told from quiet.
pub(crate) async fn knock(client: Client, sender: mpsc::Sender<Result<(), String>>, hurry: Arc<Notify>) {
    loop {
        let answer = match tokio::time::timeout(ANSWER, client.apiserver_version()).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => match of_client(&error) {
                Problem::Failing(reason) => Err(reason),
                // It answers, if only that it will not say.
                _ => Ok(()),
            },
            Err(_) => Err(format!("no answer within {} seconds", ANSWER.as_secs())),
        };
        let pause = if answer.is_ok() { KNOCK } else { KNOCK_AGAIN };
        if sender.send(answer).await.is_err() {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = hurry.notified() => {}
        }
    }
}
