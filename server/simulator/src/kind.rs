//! The kinds that the simulated API server has, and how they are addressed.

/// A kind of object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "each is the Kubernetes kind of that name")]
pub(crate) enum Kind {
    Namespace,
    Node,
    Pod,
    Service,
    ServiceAccount,
    ConfigMap,
    Event,
    Deployment,
    ReplicaSet,
    StatefulSet,
    DaemonSet,
    ControllerRevision,
    Job,
    CronJob,
    EndpointSlice,
}

/// Where a kind lives.
pub(crate) struct Place {
    /// API group, empty for the first.
    pub(crate) group: &'static str,
    /// Plural, as in paths.
    pub(crate) plural: &'static str,
    /// As in `kind`.
    pub(crate) name: &'static str,
    /// Short names, for kubectl.
    pub(crate) short: &'static str,
}

impl Kind {
    /// All of them.
    pub(crate) const ALL: [Self; 15] = [
        Self::Namespace,
        Self::Node,
        Self::Pod,
        Self::Service,
        Self::ServiceAccount,
        Self::ConfigMap,
        Self::Event,
        Self::Deployment,
        Self::ReplicaSet,
        Self::StatefulSet,
        Self::DaemonSet,
        Self::ControllerRevision,
        Self::Job,
        Self::CronJob,
        Self::EndpointSlice,
    ];

    /// Where it lives.
    pub(crate) fn place(self) -> Place {
        let (group, plural, name, short) = match self {
            Self::Namespace => ("", "namespaces", "Namespace", "ns"),
            Self::Node => ("", "nodes", "Node", "no"),
            Self::Pod => ("", "pods", "Pod", "po"),
            Self::Service => ("", "services", "Service", "svc"),
            Self::ServiceAccount => ("", "serviceaccounts", "ServiceAccount", "sa"),
            Self::ConfigMap => ("", "configmaps", "ConfigMap", "cm"),
            Self::Event => ("", "events", "Event", "ev"),
            Self::Deployment => ("apps", "deployments", "Deployment", "deploy"),
            Self::ReplicaSet => ("apps", "replicasets", "ReplicaSet", "rs"),
            Self::StatefulSet => ("apps", "statefulsets", "StatefulSet", "sts"),
            Self::DaemonSet => ("apps", "daemonsets", "DaemonSet", "ds"),
            Self::ControllerRevision => ("apps", "controllerrevisions", "ControllerRevision", ""),
            Self::Job => ("batch", "jobs", "Job", ""),
            Self::CronJob => ("batch", "cronjobs", "CronJob", "cj"),
            Self::EndpointSlice => ("discovery.k8s.io", "endpointslices", "EndpointSlice", ""),
        };
        Place { group, plural, name, short }
    }

    /// `apps/v1`, as in `apiVersion`.
    pub(crate) fn api_version(self) -> String {
        match self.place().group {
            "" => "v1".to_owned(),
            group => format!("{group}/v1"),
        }
    }

    /// Whether its objects live in a namespace.
    pub(crate) fn is_namespaced(self) -> bool {
        !matches!(self, Self::Namespace | Self::Node)
    }

    /// Whether its status is written apart from the rest.
    pub(crate) fn has_status(self) -> bool {
        !matches!(
            self,
            Self::ConfigMap | Self::Event | Self::ControllerRevision | Self::EndpointSlice | Self::ServiceAccount
        )
    }

    /// Whether a change of its spec raises `metadata.generation`.
    pub(crate) fn counts_generations(self) -> bool {
        !matches!(
            self,
            Self::Namespace | Self::Node | Self::Service | Self::ConfigMap | Self::Event | Self::ControllerRevision
        ) && self != Self::ServiceAccount
    }

    /// The kind with a plural in an API group; events live in two.
    pub(crate) fn find(group: &str, plural: &str) -> Option<Self> {
        if (group, plural) == ("events.k8s.io", "events") {
            return Some(Self::Event);
        }
        Self::ALL.into_iter().find(|kind| kind.place().group == group && kind.place().plural == plural)
    }

    /// The kind as `kind` names it.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.place().name == name)
    }

    /// `deployments.apps`, as messages name it.
    pub(crate) fn resource(self) -> String {
        let place = self.place();
        if place.group.is_empty() { place.plural.to_owned() } else { format!("{}.{}", place.plural, place.group) }
    }

    /// The API groups, with what each has.
    pub(crate) fn groups() -> [&'static str; 5] {
        ["apps", "batch", "discovery.k8s.io", "events.k8s.io", "authorization.k8s.io"]
    }
}
