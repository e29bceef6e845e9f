//! Ready means that work is being done: clusters are in sync and the writer commits.

use model::{ClusterStatus, Connection, StoreStatus};
use store::Store;

/// Answers `/readyz`.
#[derive(Clone)]
pub(crate) struct Readiness {
    store: Store,
}

impl Readiness {
    /// Over a store.
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }

    /// Why it is not ready; empty when it is.
    pub(crate) async fn reasons(&self) -> Vec<String> {
        match self.store.status().await {
            Ok(status) => reasons(&self.store.cluster_statuses(), &status),
            Err(error) => vec![format!("the store does not answer: {error}")],
        }
    }
}

fn reasons(clusters: &[ClusterStatus], store: &StoreStatus) -> Vec<String> {
    let writer = store.failing.iter().map(|reason| format!("writer: {reason}"));
    let disk = store.disk_short.iter().map(|reason| format!("disk: {reason}"));
    let watchers = clusters.iter().filter_map(|cluster| {
        let say = |what: &str| Some(format!("cluster {}: {what}", cluster.name));
        match &cluster.connection {
            Connection::Connected => None,
            Connection::Syncing => say("first lists are under way"),
            Connection::Connecting { reason: None } => say("connecting"),
            Connection::Connecting { reason: Some(reason) } | Connection::Lost { reason, .. } => say(reason),
        }
    });
    writer.chain(disk).chain(watchers).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(connection: Connection) -> ClusterStatus {
        ClusterStatus {
            id: "c".into(),
            name: "prod".into(),
            connection,
            heard: None,
            watchers: vec![],
            kubelets: Default::default(),
            logs: Default::default(),
        }
    }

    #[test]
    fn ready_is_in_sync_and_committing() {
        let fine = StoreStatus::default();
        assert_eq!(reasons(&[cluster(Connection::Connected)], &fine), Vec::<String>::new());
        assert_eq!(reasons(&[cluster(Connection::Syncing)], &fine), ["cluster prod: first lists are under way"]);
        let failing = StoreStatus { failing: Some("disk full".into()), ..fine };
        assert_eq!(reasons(&[], &failing), ["writer: disk full"]);
        let short = StoreStatus { disk_short: Some("nearly full".into()), ..StoreStatus::default() };
        assert_eq!(reasons(&[], &short), ["disk: nearly full"]);
    }
}
