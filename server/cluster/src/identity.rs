//! Which service an object belongs to: controller owner references upwards, through ReplicaSets and Jobs only.
//! Names are never parsed.

use std::fmt;
use std::sync::Arc;

use model::{ClusterId, ServiceId};

use crate::kind::Kind;
use crate::slim::{Meta, Owner};
use crate::text::Text;

/// A service within a cluster: namespace, kind, name. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key(Arc<(Text, Text, Text)>);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.0.0, self.0.1, self.0.2)
    }
}

impl Key {
    /// A key of its parts.
    pub(crate) fn new(namespace: Text, kind: impl Into<Text>, name: Text) -> Self {
        Self(Arc::new((namespace, kind.into(), name)))
    }

    /// The key of a service.
    pub(crate) fn of(id: &ServiceId) -> Self {
        Self::new(id.namespace.as_str().into(), id.kind.as_str(), id.name.as_str().into())
    }

    /// Its namespace.
    pub(crate) fn namespace(&self) -> &Text {
        &self.0.0
    }

    /// Its kind, as in the id of a service.
    pub(crate) fn kind(&self) -> &str {
        &self.0.1
    }

    /// Its name.
    pub(crate) fn name(&self) -> &Text {
        &self.0.2
    }

    /// The service's identity.
    pub(crate) fn id(&self, cluster: &ClusterId) -> ServiceId {
        ServiceId::new(cluster.0.as_str(), &*self.0.0, &*self.0.1, &*self.0.2)
    }

    /// Whether it is grouped off the main list.
    pub(crate) fn is_grouped(&self) -> bool {
        matches!(self.kind(), "Job" | "CronJob" | "Pod")
    }
}

/// Where the walk upwards ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Root {
    /// At this service, whose workload has this uid.
    Service(Key, Text),
    /// At an owner that is not known yet, though its kind is watched.
    Waiting,
}

/// What is known of an owner by its uid.
pub(crate) trait Owners {
    /// Kind and metadata of a workload.
    fn workload(&self, uid: &str) -> Option<(Kind, &Meta)>;
    /// Whether objects of a kind will still come: it is watched and nobody ran out of patience.
    fn may_come(&self, kind: Kind) -> bool;
}

/// The service of an object, by its kind and metadata.
pub(crate) fn root(owners: &dyn Owners, kind: Kind, meta: &Meta) -> Root {
    let (mut kind, mut meta) = (kind, meta);
    // A pod's ReplicaSet or Job and that one's owner; more steps would be a loop.
    for _ in 0..4 {
        let passes = matches!(kind, Kind::Pod | Kind::ReplicaSet | Kind::Job | Kind::ControllerRevision);
        let Some((owner, above)) =
            meta.owner.as_deref().filter(|_| passes).and_then(|owner| Some((owner, workload_kind(owner)?)))
        else {
            break;
        };
        if !matches!(above, Kind::ReplicaSet | Kind::Job) {
            return by_reference(owner, above, meta);
        }
        match owners.workload(&owner.uid) {
            Some((above, next)) => (kind, meta) = (above, next),
            None if owners.may_come(above) => return Root::Waiting,
            None => return by_reference(owner, above, meta),
        }
    }
    Root::Service(Key::new(meta.namespace.clone(), kind.service_kind(), meta.name.clone()), meta.uid.clone())
}

fn by_reference(owner: &Owner, kind: Kind, child: &Meta) -> Root {
    Root::Service(Key::new(child.namespace.clone(), kind.service_kind(), owner.name.clone()), owner.uid.clone())
}

/// The kind of an owner that is a workload.
fn workload_kind(owner: &Owner) -> Option<Kind> {
    Kind::find(&owner.kind, owner.group()).filter(|kind| {
        matches!(
            kind,
            Kind::Deployment
                | Kind::StatefulSet
                | Kind::DaemonSet
                | Kind::Rollout
                | Kind::CronJob
                | Kind::ReplicaSet
                | Kind::Job
        )
    })
}

/// What owns a workload that is a service: `Prometheus/main`.
pub(crate) fn managed_by(meta: &Meta) -> Option<String> {
    meta.owner.as_ref().map(|owner| format!("{}/{}", owner.kind, owner.name))
}
