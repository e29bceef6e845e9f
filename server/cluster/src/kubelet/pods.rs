//! Which pods run on a node: only of those is anything kept. Pure.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use model::{PodState, Text};

/// Pods, by namespace and name.
#[derive(Debug, Clone, Default)]
pub(super) struct Pods(Vec<Arc<PodState>>);

fn name(pod: &PodState) -> (&str, &str) {
    (&pod.namespace, &pod.name)
}

impl Pods {
    /// Of pods of the same name the newest.
    fn new(mut pods: Vec<Arc<PodState>>) -> Self {
        pods.sort_by(|a, b| (name(a), Reverse(a.created)).cmp(&(name(b), Reverse(b.created))));
        pods.dedup_by(|later, first| name(later) == name(first));
        Self(pods)
    }

    /// A pod.
    pub(super) fn get(&self, namespace: &str, of: &str) -> Option<&Arc<PodState>> {
        let place = self.0.binary_search_by(|pod| name(pod).cmp(&(namespace, of))).ok()?;
        Some(&self.0[place])
    }

    /// Without those of which something is true.
    pub(super) fn without(&self, is_out: impl Fn(&PodState) -> bool) -> Self {
        Self(self.0.iter().filter(|pod| !is_out(pod)).cloned().collect())
    }
}

/// The pods of each node; those that ended are on none.
pub(super) fn by_node<'a>(pods: impl Iterator<Item = &'a Arc<PodState>>) -> HashMap<Text, Arc<Pods>> {
    let mut nodes: HashMap<Text, Vec<Arc<PodState>>> = HashMap::new();
    for pod in pods.filter(|pod| pod.ended.is_none()) {
        if let Some(node) = &pod.node {
            nodes.entry(node.clone()).or_default().push(Arc::clone(pod));
        }
    }
    nodes.into_iter().map(|(node, pods)| (node, Arc::new(Pods::new(pods)))).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::fixtures;
    use model::Timestamp;

    /// A pod with a container `app`, on `node-1`.
    pub(in crate::kubelet) fn pod(name: &str) -> PodState {
        let containers = vec![fixtures::container("app", "known")];
        PodState { node: Some("node-1".into()), containers, ..fixtures::pod("cart", name) }
    }

    #[test]
    fn pods_are_found_on_their_node_while_they_are_there() {
        let mut gone = pod("cart-2");
        gone.ended = Some(Timestamp(1));
        let mut waiting = pod("cart-3");
        waiting.node = None;
        let all = [pod("cart-1"), gone, waiting].map(Arc::new);
        let nodes = by_node(all.iter());
        assert_eq!(nodes.len(), 1);
        let pods = &nodes["node-1"];
        assert!(pods.get("shop", "cart-1").is_some() && pods.get("shop", "cart-2").is_none());
        assert!(pods.get("other", "cart-1").is_none());
        assert!(pods.without(|pod| pod.name == "cart-1").get("shop", "cart-1").is_none());
    }
}
