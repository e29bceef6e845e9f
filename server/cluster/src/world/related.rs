//! Other resources of a service: its ReplicaSets, ControllerRevisions and Jobs, what selects or scales its pods, what
//! they read, keep and may do, and the release that brought it.

use model::{ClusterId, RelatedResource, ServiceId};

use super::index::{Index, Known, Parts};
use super::linked::Linked;
use super::service::View;
use crate::kind::Kind;
use crate::links::Link;
use crate::revisions::Found as Revision;
use crate::slim::{Condition, Meta};
use crate::text::Text;

/// Old ReplicaSets, ControllerRevisions, Jobs and claims shown of one service.
const MOST_OF_A_KIND: usize = 12;

/// What belongs to a service by reference.
pub(super) struct Found {
    /// In drawing order: what belongs to another row follows it, deeper.
    pub(super) rows: Vec<RelatedResource>,
    /// What other objects may refer to, so that the service is looked at again when they change.
    pub(super) links: Vec<Link>,
}

/// What belongs to a service by reference, in a fixed order.
pub(super) fn related(
    view: &View<'_>,
    name: &dyn Fn(&Revision) -> String,
    index: &Index,
    cluster: &ClusterId,
) -> Found {
    let service = view.key.id(cluster);
    let mut walk = Walk { view, index, service: &service, rows: Vec::new(), links: Vec::new() };
    walk.networks();
    walk.config_maps();
    walk.secrets();
    walk.claims();
    walk.scaling();
    walk.rights();
    walk.releases();
    let mut rows = sets(view.parts, &service);
    rows.extend(rings(view, &service, name));
    rows.extend(walk.rows);
    Found { rows, links: walk.links }
}

fn rings(view: &View<'_>, service: &ServiceId, name: &dyn Fn(&Revision) -> String) -> Vec<RelatedResource> {
    let found = view.parts.revisions(view.key.kind());
    let rings = newest(view.parts.rings.iter().collect(), |ring| ring.number);
    let rows = rings.into_iter().map(|ring| {
        let shown = found.iter().find(|found| found.number == ring.number).map(name);
        let state = shown.map_or_else(String::new, |name| format!("revision {name}"));
        row(service, "ControllerRevision", &ring.meta, state, None)
    });
    rows.collect()
}

fn row(service: &ServiceId, kind: &str, meta: &Meta, state: String, good: Option<bool>) -> RelatedResource {
    let namespace = Some(meta.namespace.to_string()).filter(|namespace| *namespace != service.namespace);
    RelatedResource {
        service: service.clone(),
        kind: kind.into(),
        name: meta.name.to_string(),
        namespace,
        depth: 0,
        state,
        good,
        changed: meta.created.0,
    }
}

/// The walk from a service to what refers to it and what it refers to.
struct Walk<'a> {
    view: &'a View<'a>,
    index: &'a Index,
    service: &'a ServiceId,
    rows: Vec<RelatedResource>,
    links: Vec<Link>,
}

impl<'a> Walk<'a> {
    fn namespace(&self) -> &'a Text {
        self.view.key.namespace()
    }

    fn push(&mut self, depth: u8, row: RelatedResource) {
        self.rows.push(RelatedResource { depth, ..row });
    }

    /// What refers to something, with what that leads to; each once.
    fn follow(&mut self, depth: u8, link: Link) {
        let found = self.index.linked_to(&link);
        self.links.push(link);
        for linked in found {
            self.linked(depth, linked);
        }
    }

    fn linked(&mut self, depth: u8, linked: &'a Linked) {
        let row = row(self.service, linked.kind.name(), &linked.meta, linked.state.to_string(), linked.good);
        let same = |known: &RelatedResource| {
            known.kind == row.kind && known.name == row.name && known.namespace == row.namespace
        };
        if self.rows.iter().any(same) {
            return;
        }
        self.push(depth, row);
        if let Some(next) = &linked.leads_to {
            self.follow(depth + 1, next.clone());
        }
    }

    fn selecting(&mut self, kind: Kind) {
        let found = self.index.selecting(self.namespace(), &self.view.facts.labels);
        for linked in found.into_iter().filter(|linked| linked.kind == kind) {
            self.linked(0, linked);
        }
        self.links.push(Link::Pods(self.namespace().clone()));
    }

    fn networks(&mut self) {
        let (index, wanted) = (self.index, self.view.counts.wanted);
        for network in index.networks_of(self.namespace(), &self.view.facts.labels) {
            let name = (network.meta.namespace.clone(), network.meta.name.clone());
            let (state, good) = if index.unlisted.contains(&Kind::EndpointSlice) {
                ("endpoints not readable".into(), None)
            } else {
                endpoints(index.endpoints(&name), wanted)
            };
            self.push(0, row(self.service, "Service", &network.meta, state, good));
            let mut slices: Vec<_> = index.slices_of(&name).collect();
            slices.sort_by(|a, b| a.meta.name.cmp(&b.meta.name));
            for slice in slices.into_iter().take(MOST_OF_A_KIND) {
                let (state, good) = endpoints((slice.ready, slice.all), wanted);
                self.push(1, row(self.service, "EndpointSlice", &slice.meta, state, good));
            }
            self.follow(1, Link::Network(name.0, name.1));
        }
        self.selecting(Kind::NetworkPolicy);
    }

    fn config_maps(&mut self) {
        for (name, how) in &self.view.facts.config_maps {
            let uid = self.index.map_names.get(&(self.namespace().clone(), name.clone()));
            let map = uid.and_then(|uid| self.index.maps.get(uid));
            let missing = map.is_none() && !self.index.unlisted.contains(&Kind::ConfigMap);
            let state = if missing { "missing".into() } else { (*how).to_owned() };
            let changed = map.and_then(|map| map.changed.or(map.meta.created.0));
            let row = self.named("ConfigMap", name, state, missing.then_some(false));
            self.push(0, RelatedResource { changed, ..row });
        }
    }

    /// Secrets are never read: their names stand in the template.
    fn secrets(&mut self) {
        for (name, how) in &self.view.facts.secrets {
            self.push(0, self.named("Secret", name, format!("{how}, by name only"), None));
        }
    }

    fn named(&self, kind: &str, name: &Text, state: String, good: Option<bool>) -> RelatedResource {
        let meta = Meta { name: name.clone(), namespace: self.namespace().clone(), ..Meta::default() };
        row(self.service, kind, &meta, state, good)
    }

    /// Claims that all pods share, and those that each pod of a StatefulSet has.
    fn claims(&mut self) {
        let pods = &self.view.parts.pods;
        let templates = self.view.parts.root.map(|root| &root.claims[..]).unwrap_or_default();
        let own = templates.iter().flat_map(|claim| pods.iter().map(move |seat| (claim, &seat.pod.meta.name)));
        let mut names: Vec<Text> = own.map(|(claim, pod)| format!("{claim}-{pod}").into()).collect();
        names.sort();
        names.truncate(MOST_OF_A_KIND);
        for name in self.view.facts.claims.iter().cloned().chain(names) {
            let link = Link::Itself(Kind::PersistentVolumeClaim, self.namespace().clone(), name.clone());
            if self.index.linked_to(&link).is_empty() && !self.index.unlisted.contains(&Kind::PersistentVolumeClaim) {
                self.push(0, self.named("PersistentVolumeClaim", &name, "missing".into(), Some(false)));
            }
            self.follow(0, link);
        }
    }

    fn scaling(&mut self) {
        let key = self.view.key;
        self.follow(0, Link::Workload(self.namespace().clone(), key.kind().into(), key.name().clone()));
        self.selecting(Kind::PodDisruptionBudget);
    }

    /// The account its pods run as, and what is bound to it; groups of all accounts too.
    fn rights(&mut self) {
        let account = Some(&self.view.facts.account).filter(|account| !account.is_empty()).cloned();
        let account = account.unwrap_or_else(|| "default".into());
        let of = self.namespace().clone();
        self.follow(0, Link::Itself(Kind::ServiceAccount, of.clone(), account.clone()));
        for (namespace, name) in [(of.clone(), account), (of, Text::default()), (Text::default(), Text::default())] {
            self.follow(1, Link::Account(namespace, name));
        }
    }

    fn releases(&mut self) {
        for release in self.view.parts.root.into_iter().flat_map(|root| &root.releases) {
            self.push(0, self.named(release.kind, &release.name, release.state.to_string(), None));
        }
    }
}

/// How many endpoints of a Service are ready, of all.
fn endpoints(counts: (u32, u32), wanted: u32) -> (String, Option<bool>) {
    let state = match counts {
        (1, 1) => "1 endpoint".to_owned(),
        (ready, all) if ready == all => format!("{ready} endpoints"),
        (ready, all) => format!("{ready} of {all} endpoints ready"),
    };
    (state, (wanted > 0 || counts.0 > 0).then_some(counts.0 > 0))
}

fn sets(parts: &Parts<'_>, service: &ServiceId) -> Vec<RelatedResource> {
    let shown = newest(parts.sets.iter().collect(), |set| {
        (set.workload.replicas.unwrap_or(0) > 0, set.workload.meta.created())
    });
    let rows = shown.into_iter().map(|set| {
        let (state, good) = if set.kind == Kind::Job { job(set) } else { replica_set(set) };
        row(service, set.kind.name(), &set.workload.meta, state, good)
    });
    rows.collect()
}

fn replica_set(set: &Known) -> (String, Option<bool>) {
    let (ready, wanted) = (set.workload.status.ready, set.workload.replicas.unwrap_or(0));
    if wanted == 0 && set.workload.status.replicas == 0 {
        return ("scaled down".into(), None);
    }
    (format!("{ready}/{wanted} ready"), Some(ready >= wanted))
}

fn job(job: &Known) -> (String, Option<bool>) {
    let over = |kind| job.workload.condition(kind).is_some_and(Condition::holds);
    if over("Complete") {
        return ("succeeded".into(), Some(true));
    }
    if over("Failed") {
        return ("failed".into(), Some(false));
    }
    (if job.workload.suspended { "suspended" } else { "running" }.into(), None)
}

fn newest<T, K: Ord>(mut items: Vec<&T>, by: impl Fn(&T) -> K) -> Vec<&T> {
    items.sort_by_key(|item| std::cmp::Reverse(by(item)));
    items.truncate(MOST_OF_A_KIND);
    items
}
