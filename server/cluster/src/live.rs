//! Single objects as they are now, asked of their API server: what no version keeps of them, status and all. It needs no
//! right but that to list, and hides what versions hide.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use kube::core::params::ListParams;
use kube::core::{DynamicObject, Request};
use kube::{Client, Resource};
use serde_json::Value;
use tokio::sync::{OnceCell, Semaphore};

use crate::kind::Kind;
use crate::redact::Redactor;
use crate::rights::{Problem, of_client};
use crate::versions::version;

/// Longer nobody waits for a page: what is kept is shown then.
const PATIENCE: Duration = Duration::from_secs(3);

/// Why an object is not to be had; in words after "it".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// Its cluster has not answered yet, or is not watched.
    #[error("its cluster is not connected")]
    Apart,
    /// It is not there.
    #[error("it is not there any more")]
    Gone,
    /// It may not be read, or the API server fails.
    #[error("{0}")]
    Failed(String),
}

/// An answer serves whoever asks for the same so soon after: an open page asks at each of its moments.
const FRESH: Duration = Duration::from_secs(2);
/// Questions to a cluster that are under way at once.
const AT_ONCE: usize = 8;

/// The clusters that can be asked: a cheap clone, shared by those who watch and those who answer.
#[derive(Clone, Default)]
pub struct Live {
    clusters: Arc<Mutex<HashMap<String, Reached>>>,
    recent: Arc<Mutex<Recent>>,
}

/// A cluster that can be asked.
#[derive(Clone)]
struct Reached {
    client: Client,
    redactor: Redactor,
    places: Arc<Semaphore>,
}

/// Cluster, kind, namespace and name.
type Asked = (String, Kind, String, String);
type Answered = Result<Arc<str>, Unread>;
/// When it was asked for what, and where its answer comes.
type Recent = HashMap<Asked, (Instant, Arc<OnceCell<Answered>>)>;

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live").finish_non_exhaustive()
    }
}

impl Live {
    /// A cluster has answered.
    pub(crate) fn answered(&self, cluster: &str, client: Client, redactor: Redactor) {
        let mut clusters = self.clusters.lock().unwrap_or_else(PoisonError::into_inner);
        let places = Arc::new(Semaphore::new(AT_ONCE));
        clusters.insert(cluster.to_owned(), Reached { client, redactor, places });
    }

    /// An object as YAML with its status, secrets hidden, without managed fields; an empty namespace is the whole
    /// cluster's.
    ///
    /// # Errors
    /// Why it is not to be had.
    pub async fn object(&self, cluster: &str, kind: &str, namespace: &str, name: &str) -> Result<Arc<str>, Unread> {
        let kind = Kind::ALL.into_iter().find(|known| known.name() == kind).ok_or(Unread::Gone)?;
        let asked = (cluster.to_owned(), kind, namespace.to_owned(), name.to_owned());
        let answer = self.recent(&asked);
        let ask = || async {
            match tokio::time::timeout(PATIENCE, self.ask(&asked)).await {
                Ok(answered) => answered,
                Err(_) => Err(Unread::Failed(format!("no answer within {} s", PATIENCE.as_secs()))),
            }
        };
        answer.get_or_init(ask).await.clone()
    }

    async fn ask(&self, (cluster, kind, namespace, name): &Asked) -> Answered {
        let known = self.clusters.lock().unwrap_or_else(PoisonError::into_inner).get(cluster).cloned();
        let Reached { client, redactor, places } = known.ok_or(Unread::Apart)?;
        let request = request(*kind, namespace, name)?;
        let _place = places.acquire().await.map_err(|error| Unread::Failed(error.to_string()))?;
        let mut list = client.request::<Value>(request).await.map_err(|error| unread(&error))?;
        let items = list.get_mut("items").and_then(Value::as_array_mut);
        let object = items.and_then(|items| items.drain(..).next()).ok_or(Unread::Gone)?;
        Ok(version(&shown(*kind, object, &redactor)).0.into())
    }

    /// Where the answer comes that was asked for a moment ago, else a place for it: who comes meanwhile waits for the same.
    fn recent(&self, asked: &Asked) -> Arc<OnceCell<Answered>> {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.retain(|_, (at, _)| at.elapsed() < FRESH);
        let (_, answer) = recent.entry(asked.clone()).or_insert_with(|| (Instant::now(), Arc::default()));
        Arc::clone(answer)
    }
}

/// A list of one: who may list may read.
fn request(kind: Kind, namespace: &str, name: &str) -> Result<http::Request<Vec<u8>>, Unread> {
    // Names of the cluster's own kinds may hold a colon, and no address may be broken by a name.
    let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':' | '_'));
    let is_name = |text: &str| plain(text) && !text.chars().all(|c| c == '.');
    if !is_name(name) || is_name(namespace) != kind.is_namespaced() {
        return Err(Unread::Gone);
    }
    let path = DynamicObject::url_path(&kind.api(), kind.is_namespaced().then_some(namespace));
    let one = ListParams::default().fields(&format!("metadata.name={name}")).limit(1);
    Request::new(path).list(&one).map_err(|error| Unread::Failed(error.to_string()))
}

fn unread(error: &kube::Error) -> Unread {
    match of_client(error) {
        Problem::Absent => Unread::Gone,
        Problem::Forbidden => Unread::Failed("it may not be read (403)".into()),
        Problem::Expired => Unread::Failed("the API server answers 410".into()),
        Problem::Failing(why) => Unread::Failed(why),
    }
}

/// An object of a list as it is shown.
fn shown(kind: Kind, mut object: Value, redactor: &Redactor) -> Value {
    let Some(root) = object.as_object_mut() else { return object };
    let api = kind.api();
    // Items of a list come without these two (https://github.com/kubernetes/kubernetes/issues/3030).
    root.insert("apiVersion".into(), api.api_version.into());
    root.insert("kind".into(), api.kind.into());
    if let Some(meta) = root.get_mut("metadata").and_then(Value::as_object_mut) {
        meta.remove("managedFields");
        if let Some(notes) = meta.get_mut("annotations").and_then(Value::as_object_mut) {
            notes.retain(|key, _| !key.ends_with("last-applied-configuration"));
        }
    }
    redactor.own(kind, &mut object);
    redactor.document(&mut object);
    object
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::redact::Values;

    #[test]
    fn an_object_is_asked_for_by_a_list_of_one() {
        let path = |kind, namespace, name| request(kind, namespace, name).map(|request| request.uri().to_string());
        assert_eq!(
            path(Kind::Deployment, "shop", "web").as_deref(),
            Ok("/apis/apps/v1/namespaces/shop/deployments?&fieldSelector=metadata.name%3Dweb&limit=1")
        );
        assert_eq!(
            path(Kind::ClusterRole, "", "system:view").as_deref(),
            Ok("/apis/rbac.authorization.k8s.io/v1/clusterroles?&fieldSelector=metadata.name%3Dsystem%3Aview&limit=1")
        );
        for (namespace, name) in
            [("shop", "web&watch=true"), ("../x", "web"), ("..", "web"), ("", "web"), ("shop", ""), ("shop", "..")]
        {
            assert_eq!(path(Kind::Pod, namespace, name), Err(Unread::Gone), "{namespace}/{name}");
        }
    }

    #[test]
    fn what_is_shown_is_whole_but_hides_secrets_and_who_managed_what() {
        let redactor = Redactor::new([7; 32], Values::Safe);
        let deployment = json!({
            "metadata": {"name": "web", "uid": "u1", "managedFields": [{}],
                "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{\"password\":\"p\"}"}},
            "spec": {"replicas": 3, "template": {"spec": {"containers": [{"env": [
                {"name": "DB_PASSWORD", "value": "hunter22"}, {"name": "MODE", "value": "fast"}]}]}}},
            "status": {"readyReplicas": 2},
        });
        let text = version(&shown(Kind::Deployment, deployment, &redactor)).0;
        assert!(text.starts_with("apiVersion: apps/v1\nkind: Deployment\nmetadata:\n"), "{text}");
        for there in ["uid: u1", "replicas: 3", "readyReplicas: 2", "value: fast", "value: hashed:"] {
            assert!(text.contains(there), "{there} in {text}");
        }
        for hidden in ["hunter22", "managedFields", "last-applied"] {
            assert!(!text.contains(hidden), "{hidden} in {text}");
        }
        let end = json!({"terminated": {"exitCode": 1, "message": "cannot connect\npassword=hunter22"}});
        let pod = json!({"metadata": {"name": "p"}, "status": {
            "message": "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA",
            "conditions": [{"message": "secret \"database\" not found"}],
            "containerStatuses": [{"lastState": end}]}});
        let text = version(&shown(Kind::Pod, pod, &redactor)).0;
        assert!(text.contains("cannot connect") && text.contains("not found"), "{text}");
        assert!(!text.contains("hunter22") && !text.contains("MIIEow"), "{text}");
        let map =
            json!({"metadata": {"name": "m"}, "data": {"token": "abc", "mode": "fast"}, "binaryData": {"k": "AAAA"}});
        let text = version(&shown(Kind::ConfigMap, map, &redactor)).0;
        assert!(text.contains("mode: fast") && !text.contains("abc") && !text.contains("AAAA"), "{text}");
    }
}
