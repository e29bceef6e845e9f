//! Other resources of a service: Services that select its pods, ConfigMaps it reads, its ReplicaSets,
//! ControllerRevisions and Jobs.

use model::{ClusterId, RelatedResource, ServiceId};

use super::index::{Index, Known, Parts};
use super::service::View;
use crate::identity::Key;
use crate::kind::Kind;
use crate::revisions::Found;
use crate::slim::{Condition, Meta};
use crate::template::Facts;

/// Old ReplicaSets, ControllerRevisions and Jobs shown of one service.
const MOST_OF_A_KIND: usize = 12;

/// What belongs to a service by reference, in a fixed order.
pub(super) fn related(
    view: &View<'_>,
    name: &dyn Fn(&Found) -> String,
    index: &Index,
    cluster: &ClusterId,
) -> Vec<RelatedResource> {
    let View { key, parts, facts, .. } = view;
    let wanted = view.counts.wanted;
    let service = key.id(cluster);
    let mut rows = networks(key, facts, wanted, index, &service);
    rows.extend(config_maps(key, facts, index, &service));
    rows.extend(sets(parts, &service));
    let found = parts.revisions(key.kind());
    for ring in newest(parts.rings.iter().collect(), |ring| ring.number) {
        let shown = found.iter().find(|found| found.number == ring.number).map(name);
        rows.push(row(
            &service,
            "ControllerRevision",
            &ring.meta,
            shown.map_or_else(String::new, |name| format!("revision {name}")),
            None,
        ));
    }
    rows
}

fn row(service: &ServiceId, kind: &str, meta: &Meta, state: String, good: Option<bool>) -> RelatedResource {
    RelatedResource {
        service: service.clone(),
        kind: kind.into(),
        name: meta.name.to_string(),
        state,
        good,
        changed: meta.created.0,
    }
}

fn networks(key: &Key, facts: &Facts, wanted: u32, index: &Index, service: &ServiceId) -> Vec<RelatedResource> {
    let found = index.networks_of(key.namespace(), &facts.labels);
    let rows = found.into_iter().map(|network| {
        if index.unlisted.contains(&Kind::EndpointSlice) {
            return row(service, "Service", &network.meta, "endpoints not readable".into(), None);
        }
        let (ready, all) = index.endpoints(&(network.meta.namespace.clone(), network.meta.name.clone()));
        let state = match (ready, all) {
            (1, 1) => "1 endpoint".to_owned(),
            (ready, all) if ready == all => format!("{ready} endpoints"),
            (ready, all) => format!("{ready} of {all} endpoints ready"),
        };
        let good = (wanted > 0 || ready > 0).then_some(ready > 0);
        row(service, "Service", &network.meta, state, good)
    });
    rows.collect()
}

fn config_maps(key: &Key, facts: &Facts, index: &Index, service: &ServiceId) -> Vec<RelatedResource> {
    let rows = facts.config_maps.iter().map(|(name, how)| {
        let uid = index.map_names.get(&(key.namespace().clone(), name.clone()));
        let map = uid.and_then(|uid| index.maps.get(uid));
        let missing = map.is_none() && !index.unlisted.contains(&Kind::ConfigMap);
        RelatedResource {
            service: service.clone(),
            kind: "ConfigMap".into(),
            name: name.to_string(),
            state: if missing { "missing".into() } else { (*how).to_owned() },
            good: missing.then_some(false),
            changed: map.and_then(|map| map.changed.or(map.meta.created.0)),
        }
    });
    rows.collect()
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
