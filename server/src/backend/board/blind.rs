//! Why what is known of a service can't be relied on: its cluster is not connected, has not been heard for long, or its
//! pods may not be read any more.

use std::collections::BTreeMap;

use model::{ClusterStatus, Connection, MINUTE, ServiceId, Timestamp, WatchState, short_age_text};
use store::Directory;

/// Why what clusters say can't be relied on.
#[derive(Debug, Default)]
pub(super) struct Blind {
    /// By cluster; nothing when it can.
    clusters: BTreeMap<String, Option<String>>,
    /// By cluster and namespace whose pods may not be read any more; without a namespace, all of the cluster's.
    refused: BTreeMap<(String, Option<String>), String>,
}

impl Blind {
    /// Of what clusters say of themselves.
    pub(super) fn of(clusters: &[ClusterStatus], directory: &Directory, now: Timestamp) -> Self {
        let say = |cluster: &ClusterStatus| {
            let name = &cluster.name;
            match &cluster.connection {
                Connection::Connected => {
                    let silent = now.since(cluster.heard?);
                    (silent > PATIENCE)
                        .then(|| format!("Nothing heard from cluster {name} for {}", short_age_text(silent)))
                }
                Connection::Syncing | Connection::Connecting { .. } => Some(format!("Connecting to cluster {name}")),
                Connection::Lost { since, .. } => {
                    Some(format!("Connection to cluster {name} lost {} ago", short_age_text(now.since(*since))))
                }
            }
        };
        let of = |cluster: &ClusterStatus| {
            let id = cluster.id.clone();
            refused(cluster, directory, now).into_iter().map(move |(namespace, why)| ((id.clone(), namespace), why))
        };
        Self {
            clusters: clusters.iter().map(|cluster| (cluster.id.clone(), say(cluster))).collect(),
            refused: clusters.iter().flat_map(of).collect(),
        }
    }

    /// Why what is known of a service can't be relied on; nothing when it can.
    pub(super) fn why(&self, id: &ServiceId) -> Option<String> {
        let Some(whole) = self.clusters.get(&id.cluster) else {
            return Some(format!("Cluster {} is not connected", id.cluster));
        };
        // Thousands of services ask, and mostly nothing is refused.
        if self.refused.is_empty() {
            return whole.clone();
        }
        let of = |namespace: Option<&str>| self.refused.get(&(id.cluster.clone(), namespace.map(str::to_owned)));
        whole.as_ref().or_else(|| of(None)).or_else(|| of(Some(&id.namespace))).cloned()
    }
}

/// So long what was heard last is relied on.
const PATIENCE: i64 = 2 * MINUTE;

/// Whose pods may not be read any more. Where they never could, what workloads say of themselves is all there is.
fn refused(cluster: &ClusterStatus, directory: &Directory, now: Timestamp) -> Vec<(Option<String>, String)> {
    let pods = cluster.watchers.iter().filter(|watcher| watcher.resource == "pods");
    let refused = pods.filter(|watcher| matches!(watcher.state, WatchState::Forbidden { .. })).filter_map(|watcher| {
        let whose = watcher.namespace.as_ref().map_or_else(
            || format!("Pods of cluster {}", cluster.name),
            |namespace| format!("Pods of namespace {namespace}"),
        );
        let words = match watcher.heard.map(|heard| now.since(heard)) {
            Some(silent) if silent > PATIENCE => {
                format!("{whose} may not be read any more for {}", short_age_text(silent))
            }
            Some(_) => return None,
            // What is known of them is of another run.
            None if knows_pods(directory, &cluster.id, watcher.namespace.as_deref()) => {
                format!("{whose} may not be read any more")
            }
            None => return None,
        };
        Some((watcher.namespace.clone(), words))
    });
    refused.collect()
}

fn knows_pods(directory: &Directory, cluster: &str, namespace: Option<&str>) -> bool {
    let is_there = |id: &ServiceId| id.cluster == cluster && namespace.is_none_or(|only| id.namespace == only);
    directory.services().any(|service| is_there(&service.id) && !directory.pods(&service.id).is_empty())
}
