//! The kinds that are watched, and how their API is addressed.

/// A kind that is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "each is the Kubernetes kind of that name")]
pub enum Kind {
    Deployment,
    ReplicaSet,
    StatefulSet,
    DaemonSet,
    ControllerRevision,
    Job,
    CronJob,
    Rollout,
    Pod,
    Node,
    Service,
    EndpointSlice,
    ConfigMap,
    Event,
}

impl Kind {
    /// All, in the order in which watchers start.
    pub const ALL: [Self; 14] = [
        Self::Deployment,
        Self::ReplicaSet,
        Self::StatefulSet,
        Self::DaemonSet,
        Self::ControllerRevision,
        Self::Job,
        Self::CronJob,
        Self::Rollout,
        Self::Pod,
        Self::Node,
        Self::Service,
        Self::EndpointSlice,
        Self::ConfigMap,
        Self::Event,
    ];

    /// API group, version, kind and plural.
    pub(crate) fn parts(self) -> (&'static str, &'static str, &'static str, &'static str) {
        match self {
            Self::Deployment => ("apps", "v1", "Deployment", "deployments"),
            Self::ReplicaSet => ("apps", "v1", "ReplicaSet", "replicasets"),
            Self::StatefulSet => ("apps", "v1", "StatefulSet", "statefulsets"),
            Self::DaemonSet => ("apps", "v1", "DaemonSet", "daemonsets"),
            Self::ControllerRevision => ("apps", "v1", "ControllerRevision", "controllerrevisions"),
            Self::Job => ("batch", "v1", "Job", "jobs"),
            Self::CronJob => ("batch", "v1", "CronJob", "cronjobs"),
            Self::Rollout => ("argoproj.io", "v1alpha1", "Rollout", "rollouts"),
            Self::Pod => ("", "v1", "Pod", "pods"),
            Self::Node => ("", "v1", "Node", "nodes"),
            Self::Service => ("", "v1", "Service", "services"),
            Self::EndpointSlice => ("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices"),
            Self::ConfigMap => ("", "v1", "ConfigMap", "configmaps"),
            Self::Event => ("", "v1", "Event", "events"),
        }
    }

    /// The kind as Kubernetes writes it.
    pub fn name(self) -> &'static str {
        self.parts().2
    }

    /// `deployments.apps`, as kubectl and RBAC name it.
    pub fn resource(self) -> String {
        let (group, _, _, plural) = self.parts();
        if group.is_empty() { plural.to_owned() } else { format!("{plural}.{group}") }
    }

    /// Whether objects of it live in a namespace.
    pub fn is_namespaced(self) -> bool {
        self != Self::Node
    }

    /// The kind with a name and API group.
    pub(crate) fn find(name: &str, group: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name && kind.parts().0 == group)
    }

    /// The kind in the id of a service: with its group where that is not built in.
    pub(crate) fn service_kind(self) -> &'static str {
        match self {
            Self::Rollout => "Rollout.argoproj.io",
            other => other.name(),
        }
    }

    /// Whether a list of it may change which revisions a service has: what was missed is then reconstructed.
    pub(crate) fn tells_revisions(self) -> bool {
        matches!(
            self,
            Self::Deployment
                | Self::ReplicaSet
                | Self::StatefulSet
                | Self::DaemonSet
                | Self::ControllerRevision
                | Self::Rollout
        )
    }
}
