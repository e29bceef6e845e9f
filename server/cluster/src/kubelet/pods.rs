//! Which pods run on a node: only of those is anything kept. Pure.

use std::collections::HashMap;
use std::sync::Arc;

use model::PodState;

/// Pods by namespace and name.
#[derive(Debug, Clone, Default)]
pub(super) struct Pods(HashMap<String, HashMap<String, Arc<PodState>>>);

impl Pods {
    /// A pod.
    pub(super) fn get(&self, namespace: &str, name: &str) -> Option<&Arc<PodState>> {
        self.0.get(namespace)?.get(name)
    }

    fn add(&mut self, pod: &Arc<PodState>) {
        self.0.entry(pod.namespace.clone()).or_default().insert(pod.name.clone(), pod.clone());
    }

    /// Without those of which something is true.
    pub(super) fn without(&self, is_out: impl Fn(&PodState) -> bool) -> Self {
        let mut rest = Self::default();
        self.0.values().flat_map(HashMap::values).filter(|pod| !is_out(pod)).for_each(|pod| rest.add(pod));
        rest
    }
}

/// The pods of each node; those that ended are on none.
pub(super) fn by_node<'a>(pods: impl Iterator<Item = &'a Arc<PodState>>) -> HashMap<String, Arc<Pods>> {
    let mut nodes: HashMap<String, Pods> = HashMap::new();
    for pod in pods.filter(|pod| pod.ended.is_none()) {
        if let Some(node) = &pod.node {
            match nodes.get_mut(node) {
                Some(pods) => pods.add(pod),
                None => nodes.entry(node.clone()).or_default().add(pod),
            }
        }
    }
    nodes.into_iter().map(|(node, pods)| (node, Arc::new(pods))).collect()
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
