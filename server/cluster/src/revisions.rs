//! Revisions of a service: which templates it has and had, how they are named, which one it has now.

use std::sync::Arc;

use model::{DeployKind, Timestamp};

use crate::slim::Pod;
use crate::template::{Facts, short_digest, tag};
use crate::text::Text;

/// A revision as Kubernetes has it: a ReplicaSet or a ControllerRevision.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// The template's hash, without the workload's name.
    pub(crate) hash: Text,
    /// Its number; rises when it is used again.
    pub(crate) number: i64,
    /// When it was created.
    pub(crate) created: Timestamp,
    /// What its template is.
    pub(crate) facts: Arc<Facts>,
    /// Why, if somebody wrote it.
    pub(crate) cause: Text,
}

/// Oldest first, one for each hash.
pub(crate) fn in_order(mut found: Vec<Found>) -> Vec<Found> {
    found.retain(|revision| !revision.hash.is_empty());
    found.sort_by(|a, b| (a.created, a.number, &a.hash).cmp(&(b.created, b.number, &b.hash)));
    let mut seen: Vec<Text> = Vec::new();
    found.retain(|revision| {
        let new = !seen.contains(&revision.hash);
        seen.push(revision.hash.clone());
        new
    });
    found
}

/// The revision that the workload has now: that with the highest number, since using an old one again raises its.
pub(crate) fn current(found: &[Found]) -> Option<&Found> {
    found.iter().max_by_key(|revision| (revision.number, revision.created))
}

/// The label of pods, ReplicaSets and ControllerRevisions that tells a revision.
pub(crate) fn label(kind: &str) -> Option<&'static str> {
    match kind {
        "Deployment" => Some("pod-template-hash"),
        "Rollout.argoproj.io" => Some("rollouts-pod-template-hash"),
        "StatefulSet" | "DaemonSet" => Some("controller-revision-hash"),
        _ => None,
    }
}

/// The revision of a pod of a service of this kind.
pub(crate) fn of_pod(kind: &str, pod: &Pod) -> Option<Text> {
    let label = pod.meta.labels.text(label(kind)?)?;
    Some(if label.contains('-') { bare(label) } else { label.clone() })
}

/// A hash without the workload's name: a StatefulSet's pods carry the whole name of the ControllerRevision, a
/// DaemonSet's only the hash, and a hash never holds a hyphen.
pub(crate) fn bare(label: &str) -> Text {
    label.rsplit('-').next().unwrap_or(label).into()
}

/// The shown name: tag of the container that changed, else its short digest, else what changed and a short hash.
pub(crate) fn name(found: &Found, previous: Option<&Facts>, service: &str) -> String {
    let images = &found.facts.images;
    let changed = previous.and_then(|previous| {
        images
            .iter()
            .find(|(container, image)| previous.images.iter().any(|(known, old)| known == container && old != image))
            .or_else(|| {
                images.iter().find(|(container, _)| !previous.images.iter().any(|(known, _)| known == container))
            })
    });
    let main = || images.iter().find(|(container, _)| &**container == service).or(images.first());
    let image = match previous {
        Some(_) => changed,
        None => main(),
    };
    let short = found.hash.get(..4).unwrap_or(&found.hash);
    let from_image =
        image.map(|(_, image)| match previous.is_some_and(|p| p.change(&found.facts) == DeployKind::Digest) {
            true => short_digest(image).or(tag(image)),
            false => tag(image).or(short_digest(image)),
        });
    match (from_image, previous) {
        (Some(name), _) => name.unwrap_or("latest").to_owned(),
        (None, Some(previous)) if previous.change(&found.facts) == DeployKind::Restart => format!("restart {short}"),
        (None, _) => format!("config {short}"),
    }
}
