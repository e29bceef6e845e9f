//! The kinds that are watched, how their API is addressed and what each is for. Rights are made from this table.

use kube::core::{ApiResource, GroupVersionKind};

const AUTHORIZATION: &str = "rbac.authorization.k8s.io";

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
    Ingress,
    HttpRoute,
    NetworkPolicy,
    PodDisruptionBudget,
    HorizontalPodAutoscaler,
    VerticalPodAutoscaler,
    ScaledObject,
    PersistentVolumeClaim,
    PersistentVolume,
    ServiceAccount,
    Role,
    RoleBinding,
    ClusterRole,
    ClusterRoleBinding,
}

impl Kind {
    /// All, in the order in which watchers start.
    pub const ALL: [Self; 28] = [
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
        Self::Ingress,
        Self::HttpRoute,
        Self::NetworkPolicy,
        Self::PodDisruptionBudget,
        Self::HorizontalPodAutoscaler,
        Self::VerticalPodAutoscaler,
        Self::ScaledObject,
        Self::PersistentVolumeClaim,
        Self::PersistentVolume,
        Self::ServiceAccount,
        Self::Role,
        Self::RoleBinding,
        Self::ClusterRole,
        Self::ClusterRoleBinding,
    ];

    /// Where the API has it.
    pub(crate) fn api(self) -> ApiResource {
        let (group, version, kind, plural) = self.parts();
        ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural)
    }

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
            Self::Ingress => ("networking.k8s.io", "v1", "Ingress", "ingresses"),
            Self::HttpRoute => ("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes"),
            Self::NetworkPolicy => ("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies"),
            Self::PodDisruptionBudget => ("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets"),
            Self::HorizontalPodAutoscaler => {
                ("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")
            }
            Self::VerticalPodAutoscaler => {
                ("autoscaling.k8s.io", "v1", "VerticalPodAutoscaler", "verticalpodautoscalers")
            }
            Self::ScaledObject => ("keda.sh", "v1alpha1", "ScaledObject", "scaledobjects"),
            Self::PersistentVolumeClaim => ("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims"),
            Self::PersistentVolume => ("", "v1", "PersistentVolume", "persistentvolumes"),
            Self::ServiceAccount => ("", "v1", "ServiceAccount", "serviceaccounts"),
            Self::Role => (AUTHORIZATION, "v1", "Role", "roles"),
            Self::RoleBinding => (AUTHORIZATION, "v1", "RoleBinding", "rolebindings"),
            Self::ClusterRole => (AUTHORIZATION, "v1", "ClusterRole", "clusterroles"),
            Self::ClusterRoleBinding => (AUTHORIZATION, "v1", "ClusterRoleBinding", "clusterrolebindings"),
        }
    }

    /// The kind as Kubernetes writes it.
    pub fn name(self) -> &'static str {
        self.parts().2
    }

    /// The API group; the first has no name.
    pub(crate) fn group(self) -> &'static str {
        self.parts().0
    }

    /// `deployments.apps`, as kubectl and RBAC name it.
    pub fn resource(self) -> String {
        let (group, _, _, plural) = self.parts();
        if group.is_empty() { plural.to_owned() } else { format!("{plural}.{group}") }
    }

    /// Whether objects of it live in a namespace.
    pub fn is_namespaced(self) -> bool {
        !matches!(self, Self::Node | Self::PersistentVolume | Self::ClusterRole | Self::ClusterRoleBinding)
    }

    /// Whether objects of it only belong to a service by reference, and are kept as such.
    pub(crate) fn is_related(self) -> bool {
        self >= Self::Ingress
    }

    /// Whether clusters have it only where somebody installed it.
    pub(crate) fn is_optional(self) -> bool {
        matches!(self, Self::Rollout | Self::HttpRoute | Self::VerticalPodAutoscaler | Self::ScaledObject)
    }

    /// What is missing on the pages where it may not be read.
    pub(crate) fn purpose(self) -> &'static str {
        match self {
            Self::Deployment | Self::StatefulSet | Self::DaemonSet | Self::Rollout => "they are the services",
            Self::ReplicaSet | Self::ControllerRevision => "deploys and revisions are found in them",
            Self::Job | Self::CronJob => "their runs are services of their own",
            Self::Pod => "what runs, restarts and is killed is seen in them, and telemetry finds its service by them",
            Self::Node => "trouble of a node is told from trouble of a service",
            Self::Service | Self::EndpointSlice => "who serves a service's requests is seen in them",
            Self::ConfigMap => "a deploy may be a changed configuration",
            Self::Event => "failed probes, pulls and scheduling are told in them",
            Self::Ingress | Self::HttpRoute => "how requests reach a service from outside is seen in them",
            Self::NetworkPolicy => "who may reach a service is seen in them",
            Self::PodDisruptionBudget => "what may be evicted at once is seen in them",
            Self::HorizontalPodAutoscaler | Self::VerticalPodAutoscaler | Self::ScaledObject => {
                "who scales a service, and whether it is at its limit, is seen in them"
            }
            Self::PersistentVolumeClaim | Self::PersistentVolume => "what a service keeps on disk is seen in them",
            Self::ServiceAccount | Self::Role | Self::RoleBinding | Self::ClusterRole | Self::ClusterRoleBinding => {
                "what a service may do in the cluster is seen in them"
            }
        }
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
