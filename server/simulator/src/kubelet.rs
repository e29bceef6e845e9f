//! Kubelets: what they answer, and the lines of containers.

pub(crate) mod figures;
pub(crate) mod logs;
pub(crate) mod metrics;
pub(crate) mod past;

use std::collections::BTreeMap;

use http::{HeaderMap, Uri};
use model::Timestamp;
use tokio::sync::watch;

use crate::api::{Answer, Api, refuse};
use crate::error::Refusal;
use crate::kind::Kind;
use crate::object::Key;

/// When each node was read first by somebody who came to its kubelet.
pub(crate) type FirstRead = watch::Sender<BTreeMap<String, Timestamp>>;

/// What a node's kubelet answers to somebody who came to its port.
pub(crate) fn answer(api: &Api, node: &str, headers: &HeaderMap, uri: &Uri) -> Answer {
    let (path, now) = (uri.path(), api.objects.now());
    let right = if path.starts_with("/stats/") { "stats" } else { "metrics" };
    if let Err(refusal) = api.tokens.who(headers).and_then(|who| api.may_read_node(who, node, right)) {
        return refuse(&refusal);
    }
    // A node that is down says nothing; the nearest that HTTP has is an error.
    let down = api
        .objects
        .get(Kind::Node, &Key::new("", node))
        .is_none_or(|node| !node.value(Kind::Node).to_string().contains("KubeletReady"));
    match metrics::answer(api, node, path) {
        Some(answer) if !down => {
            api.first_read.send_if_modified(|first| {
                let is_new = !first.contains_key(node);
                first.entry(node.to_owned()).or_insert(now);
                is_new
            });
            answer
        }
        Some(_) => refuse(&Refusal::new(503, "ServiceUnavailable", "the node is down")),
        None => refuse(&Refusal::new(404, "NotFound", "404 page not found")),
    }
}
