//! What nodes use now: in memory only, since kubelets say it again within seconds.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use model::{ClusterId, MINUTE, NodeUse, Timestamp};

/// What was measured so long ago says nothing of now.
const LASTS: i64 = 3 * MINUTE;

/// What is used of each node, by cluster and name.
#[derive(Debug, Default)]
pub struct Nodes {
    known: Mutex<HashMap<String, HashMap<String, NodeUse>>>,
}

impl Nodes {
    /// Replaces what is used of a node.
    pub fn keep(&self, cluster: &ClusterId, node: &str, used: NodeUse) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get_mut(&cluster.0).and_then(|nodes| nodes.get_mut(node)) {
            *known = used;
            return;
        }
        let nodes = known.entry(cluster.0.clone()).or_default();
        // Nodes come and go: those that are gone are forgotten as others come.
        nodes.retain(|_, known| used.at.since(known.at) < LASTS);
        nodes.insert(node.to_owned(), used);
    }

    /// What is used of a node, as far as its kubelet said so lately.
    pub fn used(&self, cluster: &str, node: &str, now: Timestamp) -> Option<NodeUse> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(cluster)?.get(node).copied().filter(|used| now.since(used.at) < LASTS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_says_what_it_uses_until_it_is_silent() {
        let (nodes, cluster) = (Nodes::default(), ClusterId("c".into()));
        let at = |minute: i64| Timestamp(minute * MINUTE);
        let used = |minute: i64, free: u64| NodeUse { at: at(minute), memory: Some((1, free)), ..NodeUse::default() };
        nodes.keep(&cluster, "n1", used(1, 10));
        nodes.keep(&cluster, "n1", used(2, 9));
        assert_eq!(nodes.used("c", "n1", at(3)), Some(used(2, 9)));
        assert_eq!(nodes.used("c", "n1", at(5)), None, "it has been silent since");
        assert_eq!((nodes.used("c", "n2", at(2)), nodes.used("d", "n1", at(2))), (None, None));
        nodes.keep(&cluster, "n2", used(9, 5));
        assert_eq!(nodes.used("c", "n1", at(2)), None, "it is gone");
    }
}
