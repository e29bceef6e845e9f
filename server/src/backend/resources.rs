//! A resource of a service as it was at a moment: its text, its history, the difference of two versions.

use std::collections::BTreeMap;
use std::sync::Arc;

use app::AppError;
use model::{
    Diff, ObjectVersion, RESOURCES, RelatedResource, ResourceAsk, ResourceId, ResourcePage, ResourceRow, ServiceId,
    TEMPLATE, Timestamp, VersionKind, VersionRow, Viewer, Window, scale_of,
};
use store::ObjectName;

use super::{Answers, failed, textdiff};
use crate::jobs::now;

/// Versions of one object that are listed.
const LISTED: u32 = 100;
/// Changes of a version that are said in words.
const SAID: usize = 4;

/// Hash and text of every version that a page needs.
type Texts = BTreeMap<String, String>;

/// A resource with its history up to a moment.
pub(super) async fn page(
    answers: &Answers,
    _viewer: &Viewer,
    service: &ServiceId,
    ask: ResourceAsk,
) -> Result<ResourcePage, AppError> {
    answers.known(service)?;
    let (id, until) = (&ask.resource, ask.until.unwrap_or_else(now));
    let Some(place) = place(answers, service, id, until).await? else {
        return Err(AppError::NotFound(format!("{} {} of this service", id.kind, id.name)));
    };
    let documents = match &place.template {
        Some(hash) => vec![ObjectVersion { at: until, hash: hash.clone(), manager: None, changed: None }],
        None => versions(answers, service, id, place.kind, until).await?,
    };
    let scales = versions(answers, service, id, &scale_of(&id.kind), until).await?;
    let texts = texts(answers, documents.iter().chain(&scales)).await?;
    let chosen = |hash: &Option<String>| documents.iter().position(|version| Some(&version.hash) == hash.as_ref());
    let shown = chosen(&ask.version).unwrap_or(0);
    let against = chosen(&ask.against).or((shown + 1 < documents.len()).then_some(shown + 1));
    let text = |at: usize| documents.get(at).and_then(|version| texts.get(&version.hash)).cloned().unwrap_or_default();
    let title = format!("{} {}", id.kind, id.name);
    let diff = match against {
        Some(against) => textdiff::diff(title, &text(against), &text(shown)),
        None => Diff { title, lines: Vec::new() },
    };
    let hash = |at: usize| documents.get(at).map(|version| version.hash.clone());
    let asked = match (&ask.until, &ask.version) {
        (None, None) => Some(live(answers, service, id).await),
        _ => None,
    };
    let (text_shown, note, is_live) = match asked {
        Some(Ok(text)) => (text.to_string(), String::new(), true),
        Some(Err(why)) if documents.is_empty() => (String::new(), format!("It can't be shown: {why}"), false),
        Some(Err(why)) if place.note.is_empty() => (text(shown), format!("As it was seen last: {why}"), false),
        Some(Err(why)) => (text(shown), format!("{}. The object itself can't be shown: {why}", place.note), false),
        None => (text(shown), place.note.to_owned(), false),
    };
    let mut history = if place.template.is_some() { Vec::new() } else { changed(&documents, &texts) };
    history.extend(scaled(&scales, &texts));
    history.sort_by_key(|row| std::cmp::Reverse(row.version.at));
    Ok(ResourcePage {
        id: id.clone(),
        note,
        history,
        shown: hash(shown),
        text: text_shown,
        live: is_live,
        against: against.and_then(hash),
        diff,
    })
}

/// A resource as its cluster has it now.
async fn live(answers: &Answers, service: &ServiceId, id: &ResourceId) -> Result<Arc<str>, cluster::Unread> {
    let namespace = id.namespace.as_deref().unwrap_or(&service.namespace);
    answers.live.object(&service.cluster, &id.kind, namespace, &id.name).await
}

/// Where the versions of a resource are.
struct Place<'a> {
    kind: &'a str,
    /// Of a pod: the stored template of its revision.
    template: Option<String>,
    note: &'static str,
}

/// Where the versions of a resource are; nothing where it does not belong to the service.
async fn place<'a>(
    answers: &Answers,
    service: &ServiceId,
    id: &'a ResourceId,
    until: Timestamp,
) -> Result<Option<Place<'a>>, AppError> {
    let whole = |kind| Place { kind, template: None, note: "" };
    let workload = service.kind.split('.').next().unwrap_or_default();
    if (id.kind.as_str(), id.name.as_str(), &id.namespace) == (workload, service.name.as_str(), &None) {
        return Ok(Some(whole(&id.kind)));
    }
    if id.kind == "Pod" {
        if id.namespace.is_some() {
            return Ok(None);
        }
        let template = template_of_pod(answers, service, &id.name, until).await?;
        let note = if template == Some(None) { "" } else { "The pod template of its revision, as which it was made" };
        return Ok(template.map(|template| Place { kind: TEMPLATE, template, note }));
    }
    let mut rows = answers.store.related(service).await.map_err(failed)?;
    rows.extend(snapshot(answers, service, until).await?);
    let is_it = |row: &RelatedResource| row.kind == id.kind && row.name == id.name && row.namespace == id.namespace;
    if !rows.iter().any(is_it) {
        return Ok(None);
    }
    Ok(Some(match id.kind.as_str() {
        "ReplicaSet" | "ControllerRevision" => Place { kind: TEMPLATE, template: None, note: "Its pod template" },
        "ConfigMap" => Place { note: "Its data", ..whole(&id.kind) },
        "EndpointSlice" => Place { note: "It has no history: it changes with each pod", ..whole(&id.kind) },
        _ => whole(&id.kind),
    }))
}

/// The stored template that a pod was made from, where that is known; nothing where there was no such pod.
async fn template_of_pod(
    answers: &Answers,
    service: &ServiceId,
    name: &str,
    until: Timestamp,
) -> Result<Option<Option<String>>, AppError> {
    let window = Window::new(Timestamp(0), until.plus(1));
    let pods = answers.store.pods(service, window).await.map_err(failed)?;
    let Some(pod) = pods.into_iter().rev().find(|pod| pod.name == name) else { return Ok(None) };
    let revisions = answers.store.revisions(service).await.map_err(failed)?;
    let revision = revisions.into_iter().find(|revision| Some(&revision.hash) == pod.revision.as_ref());
    Ok(Some(revision.map(|revision| revision.template)))
}

/// What belonged to a service at a moment, as far as it was watched then.
pub(super) async fn snapshot(
    answers: &Answers,
    service: &ServiceId,
    until: Timestamp,
) -> Result<Vec<RelatedResource>, AppError> {
    let newest = snapshots(answers, service, until, 1).await?;
    let Some(newest) = newest.first() else { return Ok(Vec::new()) };
    let text = answers.store.version(&newest.hash).await.map_err(failed)?.unwrap_or_default();
    // An empty text says that the service was gone.
    Ok(serde_json::from_str(&text).unwrap_or_default())
}

/// Since when it is kept what belongs to a service, where that is after a moment.
pub(super) async fn kept_from(
    answers: &Answers,
    service: &ServiceId,
    at: Timestamp,
) -> Result<Option<Timestamp>, AppError> {
    let name = snapshots_name(service);
    let first = answers.store.first_version(&snapshots_of(service, &name)).await.map_err(failed)?;
    Ok(first.filter(|first| *first > at))
}

/// When what belongs to a service changed, newest first.
pub(super) async fn snapshots(
    answers: &Answers,
    service: &ServiceId,
    until: Timestamp,
    limit: u32,
) -> Result<Vec<ObjectVersion>, AppError> {
    let name = snapshots_name(service);
    answers.store.object_versions(&snapshots_of(service, &name), until, limit).await.map_err(failed)
}

fn snapshots_name(service: &ServiceId) -> String {
    format!("{}/{}", service.kind, service.name)
}

/// The name under which it is kept what belongs to a service.
fn snapshots_of<'a>(service: &'a ServiceId, name: &'a str) -> ObjectName<'a> {
    ObjectName { cluster: &service.cluster, kind: RESOURCES, namespace: &service.namespace, name }
}

/// How many replicas a workload was asked to have at a moment.
pub(super) async fn replicas(
    answers: &Answers,
    service: &ServiceId,
    until: Timestamp,
) -> Result<Option<u32>, AppError> {
    let kind = service.kind.split('.').next().unwrap_or_default();
    let id = ResourceId { kind: kind.into(), namespace: None, name: service.name.clone() };
    let newest = versions(answers, service, &id, &scale_of(kind), until).await?;
    let Some(newest) = newest.first() else { return Ok(None) };
    let text = answers.store.version(&newest.hash).await.map_err(failed)?.unwrap_or_default();
    Ok(count(&text))
}

/// Dates rows by when their objects changed last, up to a moment: in what they ask for or in their replicas. Rows keep
/// what they say where that is later or nothing is known.
pub(super) async fn date(
    answers: &Answers,
    service: &ServiceId,
    rows: &mut [ResourceRow],
    until: Timestamp,
) -> Result<(), AppError> {
    let dated: Vec<&mut ResourceRow> =
        rows.iter_mut().filter(|row| row.id.as_ref().is_some_and(|id| is_kept_whole(&id.kind))).collect();
    let scales: Vec<String> = dated.iter().map(|row| scale_of(&row.kind)).collect();
    let names = dated.iter().zip(&scales).flat_map(|(row, scale)| {
        let namespace = row.id.as_ref().and_then(|id| id.namespace.as_deref()).unwrap_or(&service.namespace);
        let of = |kind| ObjectName { cluster: &service.cluster, kind, namespace, name: &row.name };
        [of(row.kind.as_str()), of(scale.as_str())]
    });
    let names: Vec<ObjectName<'_>> = names.collect();
    let changes = answers.store.last_changes(&names, until).await.map_err(failed)?;
    drop(names);
    for (row, changed) in dated.into_iter().zip(changes.chunks(2)) {
        row.changed = row.changed.max(changed.iter().copied().max().flatten());
    }
    Ok(())
}

/// A pod has no versions of its own, and those of a revision are of a template, which never changes.
fn is_kept_whole(kind: &str) -> bool {
    !matches!(kind, "Pod" | "ReplicaSet" | "ControllerRevision")
}

async fn versions(
    answers: &Answers,
    service: &ServiceId,
    id: &ResourceId,
    kind: &str,
    until: Timestamp,
) -> Result<Vec<ObjectVersion>, AppError> {
    let namespace = id.namespace.as_deref().unwrap_or(&service.namespace);
    let object = ObjectName { cluster: &service.cluster, kind, namespace, name: &id.name };
    answers.store.object_versions(&object, until, LISTED).await.map_err(failed)
}

async fn texts(answers: &Answers, versions: impl Iterator<Item = &ObjectVersion>) -> Result<Texts, AppError> {
    let mut texts = Texts::new();
    for version in versions {
        if !texts.contains_key(&version.hash) {
            let text = answers.store.version(&version.hash).await.map_err(failed)?;
            texts.insert(version.hash.clone(), text.unwrap_or_default());
        }
    }
    Ok(texts)
}

/// What each version changed; versions come newest first.
fn changed(versions: &[ObjectVersion], texts: &Texts) -> Vec<VersionRow> {
    let text = |version: &ObjectVersion| texts.get(&version.hash).map(String::as_str).unwrap_or_default();
    let row = |(at, version): (usize, &ObjectVersion)| {
        let before = versions.get(at + 1).map(text);
        let (kind, what) = match (before, text(version)) {
            (_, "") => (VersionKind::Deleted, String::new()),
            (None, _) => (VersionKind::First, String::new()),
            (Some(""), _) => (VersionKind::Changed, "made again".to_owned()),
            (Some(before), now) => (VersionKind::Changed, said(cluster::changes(before, now))),
        };
        VersionRow { version: version.clone(), kind, what }
    };
    versions.iter().enumerate().map(row).collect()
}

fn said(mut changes: Vec<String>) -> String {
    let more = changes.len().saturating_sub(SAID);
    changes.truncate(SAID);
    if more > 0 {
        changes.push(format!("{more} more"));
    }
    changes.join("; ")
}

/// Numbers of replicas one after the other; the first is no scaling.
fn scaled(versions: &[ObjectVersion], texts: &Texts) -> Vec<VersionRow> {
    let replicas = |version: &ObjectVersion| texts.get(&version.hash).and_then(|text| count(text));
    let pairs = versions.iter().zip(versions.iter().skip(1));
    let rows = pairs.filter_map(|(version, before)| {
        let (from, to) = (replicas(before)?, replicas(version)?);
        Some(VersionRow {
            version: version.clone(),
            kind: VersionKind::Scaled,
            what: format!("{from} → {to} replicas"),
        })
    });
    rows.collect()
}

fn count(text: &str) -> Option<u32> {
    text.strip_prefix("replicas: ")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use model::ClusterId;
    use store::{ClusterRecord, Version};

    use super::*;
    use crate::fixtures;

    fn version(at: i64, hash: &str) -> ObjectVersion {
        ObjectVersion { at: Timestamp(at), hash: hash.into(), manager: None, changed: None }
    }

    fn texts(all: &[(&str, &str)]) -> Texts {
        all.iter().map(|(hash, text)| ((*hash).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn history_says_what_each_version_did() {
        let versions = [version(4, "a"), version(3, "gone"), version(2, "b"), version(1, "a")];
        let rows = changed(
            &versions,
            &texts(&[("a", "spec:\n  paused: true\n"), ("b", "spec:\n  paused: false\n"), ("gone", "")]),
        );
        let kinds: Vec<VersionKind> = rows.iter().map(|row| row.kind).collect();
        assert_eq!(kinds, [VersionKind::Changed, VersionKind::Deleted, VersionKind::Changed, VersionKind::First]);
        assert_eq!(rows[0].what, "made again");
        assert!(rows[2].what.contains("true → false"), "{}", rows[2].what);
    }

    #[test]
    fn scaling_is_told_by_its_numbers_and_the_first_is_none() {
        let rows = scaled(
            &[version(2, "five"), version(1, "three")],
            &texts(&[("five", "replicas: 5\n"), ("three", "replicas: 3\n")]),
        );
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0].kind, rows[0].what.as_str()), (VersionKind::Scaled, "3 → 5 replicas"));
    }

    fn kept(kind: &str, name: &str, at: i64, changed: Option<i64>) -> Version {
        Version {
            kind: kind.into(),
            namespace: "shop".into(),
            name: name.into(),
            at: Timestamp(at),
            hash: format!("{kind}-{name}-{at}"),
            text: format!("at: {at}\n"),
            manager: None,
            changed: changed.map(Timestamp),
        }
    }

    /// Answers over a store that has kept some versions.
    async fn answers(folder: &std::path::Path, versions: Vec<Version>) -> Answers {
        let store = fixtures::open(folder).await;
        store.record(&ClusterRecord { versions, ..ClusterRecord::new(ClusterId("c1".into())) }).await.unwrap();
        Answers::new(store.clone(), ingest::Ingest::new(store, ingest::Limits::default()), vec![], false)
    }

    #[tokio::test]
    async fn before_anything_was_kept_it_is_said_since_when_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let all = [30, 50].map(|at| kept(RESOURCES, "Deployment/cart", at, None)).to_vec();
        let answers = answers(folder.path(), all).await;
        let from = async |at: i64| kept_from(&answers, &fixtures::id("cart"), Timestamp(at)).await.unwrap();
        assert_eq!((from(29).await, from(30).await, from(60).await), (Some(Timestamp(30)), None, None));
        let never = kept_from(&answers, &fixtures::id("web"), Timestamp(1)).await.unwrap();
        assert_eq!(never, None);
    }

    #[tokio::test]
    async fn rows_are_dated_by_the_newest_version_of_their_objects() {
        let folder = tempfile::tempdir().unwrap();
        let all = vec![
            kept("Deployment", "cart", 50, Some(40)),
            kept(&scale_of("Deployment"), "cart", 50, None),
            kept(&scale_of("Deployment"), "cart", 70, None),
            kept("Service", "cart", 50, None),
            kept("Template", "cart-b", 50, Some(45)),
        ];
        let answers = answers(folder.path(), all).await;
        let row = |kind: &str, name: &str| ResourceRow {
            depth: 0,
            kind: kind.into(),
            name: name.into(),
            state: String::new(),
            good: None,
            changed: Some(Timestamp(10)),
            note: String::new(),
            id: Some(ResourceId { kind: kind.into(), namespace: None, name: name.into() }),
        };
        let dated = async |until: i64| -> Vec<i64> {
            let mut rows = [row("Deployment", "cart"), row("ReplicaSet", "cart-b"), row("Service", "cart")];
            date(&answers, &fixtures::id("cart"), &mut rows, Timestamp(until)).await.unwrap();
            rows.iter().map(|row| row.changed.unwrap().0).collect()
        };
        assert_eq!(dated(99).await, [70, 10, 10], "scaled; a template stays; a first version is no change");
        assert_eq!(dated(60).await, [40, 10, 10], "as of then");
    }
}
