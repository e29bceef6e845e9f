//! Pods that are read all at once: of strings that many of them have one copy is kept, and lists take no more than they
//! hold.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

use model::{ContainerState, PodState, ServiceId, Text};

/// The copies.
#[derive(Debug, Default)]
pub(super) struct Shared {
    texts: HashSet<Text>,
    services: HashSet<Arc<ServiceId>>,
}

impl Shared {
    /// A pod that shares what others have too.
    pub(super) fn pod(&mut self, mut pod: PodState) -> Arc<PodState> {
        share(&mut self.services, &mut pod.service);
        let own = [&mut pod.cluster, &mut pod.namespace];
        let some = [&mut pod.node, &mut pod.zone, &mut pod.reason].into_iter().flatten();
        for text in own.into_iter().chain(some).chain(pod.revision.as_mut().map(|revision| &mut revision.0)) {
            share(&mut self.texts, text);
        }
        pod.containers.iter_mut().for_each(|container| self.container(container));
        pod.containers.shrink_to_fit();
        pod.ips.shrink_to_fit();
        pod.history.shrink_to_fit();
        Arc::new(pod)
    }

    fn container(&mut self, container: &mut ContainerState) {
        let asked = &mut container.asked;
        for text in [&mut container.name, &mut container.state, &mut asked.image].into_iter().chain(&mut asked.digest) {
            share(&mut self.texts, text);
        }
    }
}

fn share<T: Clone + Eq + Hash>(known: &mut HashSet<T>, one: &mut T) {
    match known.get(one) {
        Some(shared) => one.clone_from(shared),
        None => {
            known.insert(one.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use model::Timestamp;

    use super::*;
    use crate::fixtures;

    #[test]
    fn pods_share_their_service_and_the_image_of_their_containers() {
        let pod = |name: &str| {
            let containers = vec![fixtures::container("app")];
            PodState { containers, ..fixtures::pod(fixtures::id("cart"), name, Timestamp(1)) }
        };
        let mut shared = Shared::default();
        let [one, two] = ["one", "two"].map(|name| shared.pod(pod(name)));
        assert!(Arc::ptr_eq(&one.service, &two.service));
        let image = |pod: &PodState| pod.containers[0].asked.image.as_str().as_ptr();
        assert_eq!(image(&one), image(&two));
        assert_eq!((&*one, &*two), (&pod("one"), &pod("two")));
    }
}
