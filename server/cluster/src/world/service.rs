//! A service as it is recorded: what is wanted, what is there, since when it is short.

use model::{ClusterId, ContainerRole, RevisionHash, ServiceState, Timestamp};

use super::index::{Index, Known, Parts, Seat};
use super::pods::since;
use crate::deploys::Rollout;
use crate::identity::{Key, managed_by};
use crate::kind::Kind;
use crate::revisions::{Found, of_pod};
use crate::slim::{Condition, Workload};
use crate::template::Facts;

/// The progress deadline where none is set.
const DEADLINE: u32 = 600;

/// Pods of a service, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) wanted: u32,
    pub(crate) ready: u32,
    pub(crate) updated: u32,
    pub(crate) updated_ready: u32,
    pub(crate) old: u32,
    pub(crate) available: u32,
    pub(crate) restarts: u32,
}

/// Counts pods; where pods may not be listed, the workload's status counts.
pub(crate) fn counts(key: &Key, parts: &Parts<'_>, current: Option<&Found>, index: &Index) -> Counts {
    let mut counts = Counts { wanted: wanted(parts), ..Counts::default() };
    let status = parts.root.map(|root| &root.workload.status);
    if index.unlisted.contains(&Kind::Pod) {
        if let Some(status) = status {
            (counts.ready, counts.updated, counts.available) = (status.ready, status.updated, status.available);
            (counts.updated_ready, counts.old) =
                (status.updated.min(status.ready), status.replicas.saturating_sub(status.updated));
        }
        return counts;
    }
    for seat in parts.pods.iter().filter(|seat| seat.pod.meta.deletion.0.is_none()) {
        let restarts = seat.pod.containers.iter().fold(0u32, |sum, container| sum.saturating_add(container.restarts));
        counts.restarts = counts.restarts.saturating_add(restarts);
        if seat.pod.is_finished() {
            continue;
        }
        let ready = u32::from(seat.pod.is_ready());
        counts.ready += ready;
        match (current, of_pod(key.kind(), &seat.pod)) {
            (Some(current), Some(hash)) if hash != current.hash => counts.old += 1,
            _ => (counts.updated, counts.updated_ready) = (counts.updated + 1, counts.updated_ready + ready),
        }
    }
    let says = parts.root.is_some_and(|root| !matches!(root.kind, Kind::Job | Kind::CronJob));
    counts.available = status.filter(|_| says).map_or(counts.ready, |status| status.available);
    counts
}

fn wanted(parts: &Parts<'_>) -> u32 {
    let unfinished = || parts.pods.iter().filter(|seat| !seat.pod.is_finished()).count() as u32;
    let Some(root) = parts.root else {
        let of_sets: u32 = parts.sets.iter().map(|set| set.workload.replicas.unwrap_or(0)).sum();
        return if parts.sets.is_empty() { unfinished() } else { of_sets };
    };
    match root.kind {
        Kind::DaemonSet => root.workload.status.desired,
        Kind::Job => job_wants(&root.workload),
        Kind::CronJob => parts.sets.iter().map(|job| job_wants(&job.workload)).sum(),
        _ => root.workload.replicas.unwrap_or(1),
    }
}

fn job_wants(job: &Workload) -> u32 {
    let over = |kind| job.condition(kind).is_some_and(Condition::holds);
    if over("Complete") || over("Failed") || job.suspended {
        return 0;
    }
    let left = job.completions.unwrap_or(1).saturating_sub(job.status.succeeded);
    job.parallelism.unwrap_or(1).min(left)
}

/// How the workload's rollout to its current revision stands.
pub(crate) fn rollout(key: &Key, parts: &Parts<'_>, current: &Found, counts: Counts, index: &Index) -> Rollout {
    let new: Vec<&&Seat> =
        parts.pods.iter().filter(|seat| of_pod(key.kind(), &seat.pod).as_ref() == Some(&current.hash)).collect();
    let ready = |seat: &&&Seat| seat.pod.ready.since.0.filter(|_| seat.pod.ready.holds());
    let progressing = parts.root.and_then(|root| root.workload.condition("Progressing"));
    Rollout {
        done: is_done(parts, current, counts, index),
        replaced: counts.old == 0 && new.len() >= counts.wanted as usize && counts.updated_ready > 0,
        paused: parts.root.and_then(|root| paused(root, counts)),
        failed: progressing.filter(|condition| condition.is_false()).map(|condition| {
            let why = condition.message.some().or(condition.reason.some()).unwrap_or("it does not progress");
            (condition.since.0.unwrap_or_default(), why.to_owned())
        }),
        newly_ready: new.iter().filter_map(ready).max(),
        pods_created: new.iter().map(|seat| seat.pod.meta.created()).collect(),
        progressed: progressing.and_then(|condition| condition.updated.0.or(condition.since.0)),
    }
}

/// All wanted pods are new and available, and what says so speaks of this template.
fn is_done(parts: &Parts<'_>, current: &Found, counts: Counts, index: &Index) -> bool {
    let Some(root) = parts.root else {
        return counts.old == 0 && counts.updated_ready >= counts.wanted;
    };
    let status = &root.workload.status;
    // Objects arrive on several watches: the ReplicaSet may be newer than what the Deployment says.
    let same =
        root.kind != Kind::Deployment || root.workload.notes.number().is_none_or(|number| number == current.number);
    let told =
        root.workload.is_observed() && same && status.updated >= counts.wanted && status.available >= counts.wanted;
    let seen = index.unlisted.contains(&Kind::Pod) || counts.updated_ready >= counts.wanted && counts.old == 0;
    told && seen
}

fn paused(root: &Known, counts: Counts) -> Option<String> {
    let workload = &root.workload;
    if let Some(pause) = workload.status.pause_conditions.first() {
        return Some(if &*pause.reason == "CanaryPauseStep" { "canary step".into() } else { pause.reason.to_string() });
    }
    if workload.paused {
        return Some(format!("the {} is paused", root.kind.name()));
    }
    if &*workload.strategy == "OnDelete" && counts.old > 0 {
        return Some("update strategy OnDelete: a pod moves when it is deleted".into());
    }
    let moved = counts.updated_ready >= counts.wanted.saturating_sub(workload.partition);
    (workload.partition > 0 && moved && counts.old > 0)
        .then(|| format!("partition {}: pods with a lower number keep the old revision", workload.partition))
}

/// What a service's record is made of.
pub(crate) struct View<'a> {
    pub(crate) key: &'a Key,
    pub(crate) uid: &'a str,
    pub(crate) parts: &'a Parts<'a>,
    pub(crate) counts: Counts,
    pub(crate) facts: &'a Facts,
    pub(crate) revision: Option<(RevisionHash, String)>,
    pub(crate) ever_ready: bool,
    pub(crate) before: Option<&'a ServiceState>,
}

/// The service as it is recorded.
pub(crate) fn state(view: &View<'_>, cluster: &ClusterId, now: Timestamp) -> ServiceState {
    let root = view.parts.root.map(|root| &root.workload);
    let pod = view.parts.pods.first().map(|seat| &seat.pod);
    let bare = pod.filter(|_| view.key.kind() == "Pod");
    let meta = root.map(|root| &root.meta).or(bare.map(|pod| &pod.meta));
    let created = view.parts.pods.iter().map(|seat| seat.pod.meta.created());
    let created = created.chain(view.parts.sets.iter().map(|set| set.workload.meta.created())).min();
    let Counts { wanted, ready, .. } = view.counts;
    let before = view.before.filter(|before| before.deleted.is_none());
    let images = if view.facts.images.is_empty() {
        pod.into_iter()
            .flat_map(|pod| &pod.containers)
            .filter(|container| container.role == ContainerRole::Main)
            .map(|c| c.image.to_string())
            .collect()
    } else {
        view.facts.images.iter().map(|(_, image)| image.to_string()).collect()
    };
    ServiceState {
        id: view.key.id(cluster),
        uid: view.uid.to_owned(),
        created: meta.map(|meta| meta.created()).or(created).unwrap_or(now),
        deleted: None,
        managed_by: meta.and_then(managed_by),
        team: root.and_then(team),
        aliases: aliases(view, meta.map(|meta| &meta.labels)),
        grouped: view.key.is_grouped(),
        wanted,
        ready,
        updated: view.counts.updated,
        available: view.counts.available,
        revision: view.revision.as_ref().map(|(hash, _)| hash.clone()),
        revision_name: view.revision.as_ref().map(|(_, name)| name.clone()),
        images,
        short_since: (ready < wanted)
            .then(|| before.and_then(|before| before.short_since).unwrap_or_else(|| short_since(view, now))),
        down_since: (ready == 0 && wanted > 0)
            .then(|| before.and_then(|before| before.down_since).unwrap_or_else(|| down_since(view, now))),
        grace: grace(view),
        restarts: view.counts.restarts,
    }
}

/// Pods that should be ready and are not.
fn unready<'a>(view: &'a View<'_>) -> impl Iterator<Item = Timestamp> + 'a {
    view.parts.pods.iter().filter(|seat| !seat.pod.is_ready() && !seat.pod.is_finished()).filter_map(|seat| since(seat))
}

fn short_since(view: &View<'_>, now: Timestamp) -> Timestamp {
    unready(view).min().unwrap_or(now).min(now)
}

/// None is ready since the last one stopped to be.
fn down_since(view: &View<'_>, now: Timestamp) -> Timestamp {
    unready(view).max().unwrap_or(now).min(now)
}

fn grace(view: &View<'_>) -> Option<u32> {
    let root = view.parts.root.map(|root| &root.workload);
    let recreates = root.is_some_and(|root| &*root.strategy == "Recreate");
    (!view.ever_ready || recreates).then(|| root.and_then(|root| root.deadline).unwrap_or(DEADLINE))
}

fn team(workload: &Workload) -> Option<String> {
    let labels = &workload.meta.labels;
    let said = [
        labels.get("app.kubernetes.io/part-of"),
        workload.notes.part_of.some(),
        labels.get("team"),
        workload.notes.team.some(),
    ];
    let said = said.into_iter().chain([labels.get("owner"), workload.notes.owner.some()]);
    said.flatten().find(|team| !team.is_empty()).map(str::to_owned)
}

fn aliases(view: &View<'_>, labels: Option<&crate::text::Labels>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for labels in labels.into_iter().chain([&view.facts.labels]) {
        for key in ["app.kubernetes.io/name", "app.kubernetes.io/instance"] {
            names.extend(labels.get(key).filter(|name| !name.is_empty()).map(str::to_owned));
        }
    }
    names.sort();
    names.dedup();
    names
}
