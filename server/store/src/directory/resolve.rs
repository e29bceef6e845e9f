//! The rules by which facts name a pod or a service, in the order in which they are believed.

use std::sync::Arc;

use model::{ServiceId, Text, Timestamp};

use super::names::ReplicaSet;
use super::seat::{self, By, Seat};
use super::{Attribution, Directory, OwnerFacts, Rule};

/// Whose telemetry is with these facts at a time.
pub(super) fn resolve(directory: &Directory, facts: &OwnerFacts, at: Timestamp) -> Arc<Attribution> {
    let ask = Ask { directory, facts, cluster: directory.cluster_of(facts) };
    let by_pod = ask.by_pod(at).or_else(|| ask.by_workload()).or_else(|| ask.by_peer(at));
    by_pod.unwrap_or_else(|| ask.by_service_name())
}

impl Directory {
    /// The cluster that facts name; one that is not known does not narrow anything.
    fn cluster_of<'a>(&'a self, facts: &OwnerFacts) -> Option<&'a str> {
        self.clusters.get(facts.cluster.as_deref()?).map(String::as_str)
    }

    /// All pods that facts might name by something that changes hands over time.
    pub(super) fn candidates<'a>(&'a self, facts: &'a OwnerFacts) -> Vec<Vec<&'a Arc<Seat>>> {
        let ask = Ask { directory: self, facts, cluster: self.cluster_of(facts) };
        vec![ask.named_pods(), ask.pods_at(facts.pod_ip.as_deref()), ask.pods_at(ask.peer().as_deref())]
    }
}

struct Ask<'a> {
    directory: &'a Directory,
    facts: &'a OwnerFacts,
    cluster: Option<&'a str>,
}

impl<'a> Ask<'a> {
    fn in_cluster(&self, cluster: &str) -> bool {
        self.cluster.is_none_or(|only| only == cluster)
    }

    fn in_namespace(&self, namespace: &str) -> bool {
        self.facts.namespace.as_deref().is_none_or(|only| only == namespace)
    }

    fn peer(&self) -> Option<String> {
        self.facts.peer.map(|peer| peer.to_canonical().to_string())
    }

    fn seats(&self, by: By, name: &str) -> Vec<&'a Arc<Seat>> {
        self.directory.seats.get(by, name).filter(|seat| self.in_cluster(&seat.service.cluster)).collect()
    }

    fn named_pods(&self) -> Vec<&'a Arc<Seat>> {
        let (Some(namespace), Some(name)) = (&self.facts.namespace, &self.facts.pod_name) else { return Vec::new() };
        let mut seats = self.seats(By::Name, name);
        seats.retain(|seat| seat.service.namespace == *namespace);
        seats
    }

    fn pods_at(&self, address: Option<&str>) -> Vec<&'a Arc<Seat>> {
        let Some(address) = address else { return Vec::new() };
        self.seats(By::Address, &seat::canonical(&address.into()))
    }

    fn by_pod(&self, at: Timestamp) -> Option<Arc<Attribution>> {
        let uid = self
            .facts
            .pod_uid
            .as_deref()
            .and_then(|uid| seat::near(&self.seats(By::Uid, uid), at).map(|seat| of_pod(&seat, Rule::PodUid)));
        let name = || seat::near(&self.named_pods(), at).map(|seat| of_pod(&seat, Rule::PodName));
        let container = || {
            let id = self.facts.container_id.as_deref()?;
            seat::near(&self.seats(By::Container, id), at).map(|seat| of_pod(&seat, Rule::ContainerId))
        };
        let address =
            || seat::at(&self.pods_at(self.facts.pod_ip.as_deref()), at).map(|seat| of_pod(&seat, Rule::PodIp));
        uid.or_else(name).or_else(container).or_else(address)
    }

    fn by_workload(&self) -> Option<Arc<Attribution>> {
        let (kind, name) = self.facts.workload.as_ref()?;
        if kind.eq_ignore_ascii_case("ReplicaSet")
            && let Some(set) = self.replica_set(name)
        {
            return Some(of_replica_set(set, self.facts, Rule::Workload));
        }
        let named = self.directory.names.services(name).iter();
        let same_kind = |id: &ServiceId| {
            let bare = id.kind.split('.').next().unwrap_or_default();
            id.name == *name && bare.eq_ignore_ascii_case(kind) && self.in_cluster(&id.cluster)
        };
        let all: Vec<&Arc<ServiceId>> = named.filter(|id| same_kind(id) && self.in_namespace(&id.namespace)).collect();
        match all.as_slice() {
            [one] => Some(self.of_service(one, Rule::Workload)),
            _ => None,
        }
    }

    fn by_peer(&self, at: Timestamp) -> Option<Arc<Attribution>> {
        let peer = self.facts.peer?;
        let seat = seat::at(&self.pods_at(self.peer().as_deref()), at)?;
        let one_name = self.directory.peers.names(peer, seat.created, seat.ended) <= 1;
        one_name.then(|| of_pod(&seat, Rule::Peer))
    }

    fn by_service_name(&self) -> Arc<Attribution> {
        let found = match self.facts.name() {
            Some(name) => self.named(name),
            None => Err("it carries no service.name and nothing that names its pod".to_owned()),
        };
        match found {
            Ok(id) => self.of_service(&id, Rule::ServiceName),
            Err(reason) => match self.never_seen() {
                Some(set) => of_replica_set(set, self.facts, Rule::ByName),
                None => nobody(reason),
            },
        }
    }

    /// The one service of this name. Those that exist come before deleted ones, own names before aliases, and
    /// those of the main list before grouped ones; two alike are ambiguous.
    fn named(&self, name: &str) -> Result<Arc<ServiceId>, String> {
        let mut all: Vec<&Arc<ServiceId>> =
            self.directory.names.services(name).iter().filter(|id| self.in_cluster(&id.cluster)).collect();
        if all.is_empty() {
            return Err(format!("no workload is named {name:?} or has it as an alias"));
        }
        // `service.namespace` need not be a namespace of Kubernetes: it narrows where it is one.
        if let Some(namespace) = &self.facts.namespace
            && self.directory.namespaces.contains(namespace)
        {
            all.retain(|id| id.namespace == *namespace);
            if all.is_empty() {
                return Err(format!("no workload of namespace {namespace:?} is named {name:?} or has it as an alias"));
            }
        }
        let rank = |id: &ServiceId| {
            let state = self.directory.service(id);
            let deleted = state.is_none_or(|service| service.deleted.is_some());
            (deleted, id.name != name, state.is_some_and(|service| service.grouped))
        };
        let best = all.iter().map(|id| rank(id)).min();
        all.retain(|id| Some(rank(id)) == best);
        match all.as_slice() {
            [one] => Ok(Arc::clone(one)),
            several => {
                let list: Vec<String> = several.iter().take(3).map(|id| id.local()).collect();
                let more = if several.len() > 3 { ", …" } else { "" };
                Err(format!("{} workloads go by {name:?}: {}{more}", several.len(), list.join(", ")))
            }
        }
    }

    /// A pod that was never seen belongs to the ReplicaSet that it is named after, when that is a known one.
    fn never_seen(&self) -> Option<&'a ReplicaSet> {
        let (set, _) = self.facts.pod_name.as_deref()?.rsplit_once('-')?;
        self.replica_set(set)
    }

    fn replica_set(&self, name: &str) -> Option<&'a ReplicaSet> {
        let here =
            |set: &&ReplicaSet| self.in_cluster(&set.service.cluster) && self.in_namespace(&set.service.namespace);
        let mut sets = self.directory.names.replica_sets(name).iter().filter(here);
        let first = sets.next()?;
        sets.next().is_none().then_some(first)
    }

    /// A service without its pod; its revision where the pod's name says it.
    fn of_service(&self, id: &Arc<ServiceId>, rule: Rule) -> Arc<Attribution> {
        let revision = self.never_seen().filter(|set| set.service == *id).map(|set| set.revision.clone());
        let pod_name = self.facts.pod_name.as_deref().map(Text::from);
        Arc::new(Attribution { service: Some(Arc::clone(id)), revision, pod: None, pod_name, rule, reason: None })
    }
}

fn of_pod(seat: &Seat, rule: Rule) -> Arc<Attribution> {
    if rule == seat.whose.rule {
        return Arc::clone(&seat.whose);
    }
    Arc::new(Attribution { rule, ..Attribution::clone(&seat.whose) })
}

fn of_replica_set(set: &ReplicaSet, facts: &OwnerFacts, rule: Rule) -> Arc<Attribution> {
    Arc::new(Attribution {
        service: Some(Arc::clone(&set.service)),
        revision: Some(set.revision.clone()),
        pod: facts.pod_uid.as_deref().map(|uid| model::PodId(uid.into())),
        pod_name: facts.pod_name.as_deref().map(Text::from),
        rule,
        reason: None,
    })
}

fn nobody(reason: String) -> Arc<Attribution> {
    let reason = Some(reason);
    Arc::new(Attribution { service: None, revision: None, pod: None, pod_name: None, rule: Rule::None, reason })
}
