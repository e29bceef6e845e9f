//! Whose telemetry is that Binnacle fetches itself: attributes as a sender in the pod would set them.

use model::Owner;
use store::OwnerFacts;

/// A pod, and a container of it; what is empty is not said.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Of<'a> {
    pub(crate) cluster: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) pod: &'a str,
    pub(crate) uid: &'a str,
    pub(crate) container: &'a str,
    pub(crate) container_id: &'a str,
    pub(crate) node: &'a str,
}

/// The owner, and what its attributes say of where it runs.
pub(crate) fn of(of: &Of<'_>) -> (Owner, OwnerFacts) {
    // Ascending by key.
    let attributes = [
        ("container.id", of.container_id),
        ("k8s.container.name", of.container),
        ("k8s.namespace.name", of.namespace),
        ("k8s.node.name", of.node),
        ("k8s.pod.name", of.pod),
        ("k8s.pod.uid", of.uid),
    ];
    let said = attributes.into_iter().filter(|(_, value)| !value.is_empty());
    let attributes = said.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let facts = OwnerFacts {
        pod_uid: some(of.uid),
        namespace: some(of.namespace),
        pod_name: some(of.pod),
        container_id: some(of.container_id),
        cluster: some(of.cluster),
        ..OwnerFacts::default()
    };
    (Owner { attributes, peer: None }, facts)
}
