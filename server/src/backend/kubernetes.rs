//! Marks on charts, pod lanes, and the Kubernetes tab.

use std::collections::BTreeMap;

use app::AppError;
use model::{
    AdverseEvent, EventMark, KubernetesTab, Marks, PodLane, PodLanes, PodPhase, PodRow, PodState, RelatedResource,
    ResourceRow, Revision, ServiceId, ServiceState, Timestamp, Viewer, Window,
};

use super::catalog::mark;
use super::deploys::verdict_on;
use super::{Answers, failed};

/// Lanes that are drawn; more become a count.
const LANES: usize = 200;
/// Marks on a chart; more would hide it.
const MARKS: usize = 100;

/// Deploy flags and event marks of a window.
pub(super) async fn marks(
    answers: &Answers,
    _viewer: &Viewer,
    id: &ServiceId,
    window: Window,
) -> Result<Marks, AppError> {
    answers.known(id)?;
    let deploys = answers.store.deploys(id).await.map_err(failed)?;
    let events = answers.store.adverse(Some(id), window).await.map_err(failed)?;
    let mut marks: Vec<EventMark> = events.iter().flat_map(|event| event_marks(event, window)).collect();
    marks.sort_by_key(|mark| std::cmp::Reverse(mark.at));
    marks.truncate(MARKS);
    let judgements = answers.store.judgements(id).await.map_err(failed)?;
    let flags = deploys.iter().filter(|deploy| window.contains(deploy.started));
    let flags = flags.map(|deploy| mark(deploy, verdict_on(&judgements, deploy).map(|judged| judged.level))).collect();
    Ok(Marks { deploys: flags, events: marks })
}

fn event_marks(event: &AdverseEvent, window: Window) -> Vec<EventMark> {
    let place = match (&event.pod, &event.container, &event.node) {
        (Some(pod), Some(container), _) => format!(": {pod} / {container}"),
        (Some(pod), None, _) => format!(": {pod}"),
        (None, _, Some(node)) => format!(": node {node}"),
        _ => String::new(),
    };
    let text = format!("{}{place}", event.kind.word());
    let at = event.times.iter().copied().filter(|at| window.contains(*at));
    at.map(|at| EventMark { at, kind: event.kind, text: text.clone() }).collect()
}

/// Pods as lanes.
pub(super) async fn lanes(
    answers: &Answers,
    _viewer: &Viewer,
    id: &ServiceId,
    window: Window,
) -> Result<PodLanes, AppError> {
    answers.known(id)?;
    let pods = answers.store.pods(id, window).await.map_err(failed)?;
    let revisions = answers.store.revisions(id).await.map_err(failed)?;
    let left_out = pods.len().saturating_sub(LANES);
    let shown = &pods[left_out..];
    let named = |pod: &PodState| revision_name(&revisions, pod);
    Ok(PodLanes {
        window,
        lanes: shown
            .iter()
            .map(|pod| PodLane { pod: pod.name.clone(), revision: named(pod), stretches: stretches(pod, window) })
            .collect(),
        left_out: left_out as u32,
        revisions: in_order(&revisions, shown),
    })
}

/// Names of the revisions that have a pod among these, oldest first.
fn in_order(revisions: &[Revision], pods: &[PodState]) -> Vec<String> {
    let mut first: BTreeMap<&str, Timestamp> = BTreeMap::new();
    for revision in revisions {
        let has_pod = pods.iter().any(|pod| pod.revision.as_ref() == Some(&revision.hash));
        if has_pod {
            first.entry(&revision.name).or_insert(revision.created);
        }
    }
    let mut names: Vec<(&str, Timestamp)> = first.into_iter().collect();
    names.sort_by_key(|(_, created)| *created);
    names.into_iter().map(|(name, _)| name.to_owned()).collect()
}

fn revision_name(revisions: &[Revision], pod: &PodState) -> Option<String> {
    let hash = pod.revision.as_ref()?;
    let known = revisions.iter().find(|revision| &revision.hash == hash);
    Some(known.map_or_else(|| hash.to_string(), |revision| revision.name.clone()))
}

/// A pod's history cut to the window.
fn stretches(pod: &PodState, window: Window) -> Vec<(Timestamp, Timestamp, PodPhase)> {
    let end = pod.ended.unwrap_or(window.to);
    let ends = pod.history.iter().skip(1).map(|(at, _)| *at).chain([end]);
    let cut = |(from, to, phase): (Timestamp, Timestamp, PodPhase)| {
        let (from, to) = (from.max(window.from), to.min(end).min(window.to));
        (from < to).then_some((from, to, phase))
    };
    pod.history.iter().zip(ends).filter_map(|((from, phase), to)| cut((*from, to, *phase))).collect()
}

/// The Kubernetes tab.
pub(super) async fn tab(
    answers: &Answers,
    _viewer: &Viewer,
    id: &ServiceId,
    window: Window,
) -> Result<KubernetesTab, AppError> {
    let service = answers.known(id)?;
    let store = &answers.store;
    let mut events = store.adverse(Some(id), window).await.map_err(failed)?;
    let pods = store.pods(id, window).await.map_err(failed)?;
    let revisions = store.revisions(id).await.map_err(failed)?;
    let related = store.related(id).await.map_err(failed)?;
    // What went wrong on the nodes of this service's pods hurt it too.
    let nodes = store.adverse(None, window).await.map_err(failed)?;
    events.extend(nodes.into_iter().filter(|event| {
        event.service.is_none() && event.node.is_some() && pods.iter().any(|pod| pod.node == event.node)
    }));
    events.sort_by_key(|event| std::cmp::Reverse(event.last));
    let mut rows: Vec<PodRow> = pods.iter().map(|pod| pod_row(pod, &revisions)).collect();
    rows.sort_by_key(|row| (row.ended.is_some(), std::cmp::Reverse(row.created)));
    Ok(KubernetesTab { events, resources: tree(&service, &revisions, &pods, &related), pods: rows })
}

fn pod_row(pod: &PodState, revisions: &[Revision]) -> PodRow {
    let last_exit =
        pod.containers.iter().filter_map(|container| container.last_exit.clone()).max_by_key(|exit| exit.at);
    PodRow {
        name: pod.name.clone(),
        phase: pod.phase,
        reason: pod.reason.clone(),
        revision: revision_name(revisions, pod),
        restarts: pod.restarts(),
        last_exit,
        created: pod.created,
        ended: pod.ended,
        node: pod.node.clone(),
    }
}

/// Pods of a revision that are listed one by one; more become "n more".
const PODS: usize = 8;

/// The workload, its revisions with their pods, then everything else.
fn tree(
    service: &ServiceState,
    revisions: &[Revision],
    pods: &[PodState],
    related: &[RelatedResource],
) -> Vec<ResourceRow> {
    let mut rows = vec![workload_row(service)];
    let (owning, others): (Vec<_>, Vec<_>) = related
        .iter()
        .partition(|resource| matches!(resource.kind.as_str(), "ReplicaSet" | "ControllerRevision" | "Job"));
    let mut placed: Vec<&str> = Vec::new();
    for resource in &owning {
        rows.push(related_row(resource, 1));
        let revision = revisions.iter().find(|revision| resource.name.ends_with(&revision.hash.0));
        let own = pods.iter().filter(|pod| {
            pod.ended.is_none() && revision.is_some_and(|revision| pod.revision.as_ref() == Some(&revision.hash))
        });
        let own: Vec<&PodState> = own.collect();
        placed.extend(own.iter().map(|pod| pod.id.0.as_str()));
        push_pods(&mut rows, &own, 2);
    }
    let rest: Vec<&PodState> =
        pods.iter().filter(|pod| pod.ended.is_none() && !placed.contains(&pod.id.0.as_str())).collect();
    push_pods(&mut rows, &rest, 1);
    rows.extend(others.iter().map(|resource| related_row(resource, 0)));
    rows
}

fn workload_row(service: &ServiceState) -> ResourceRow {
    ResourceRow {
        depth: 0,
        kind: service.id.kind.clone(),
        name: service.id.name.clone(),
        state: if service.deleted.is_some() {
            "deleted".into()
        } else {
            format!("{}/{} ready", service.ready, service.wanted)
        },
        good: service.deleted.is_none().then_some(service.ready >= service.wanted),
        changed: Some(service.deleted.unwrap_or(service.created)),
        note: service.managed_by.as_ref().map(|owner| format!("managed by {owner}")).unwrap_or_default(),
    }
}

fn related_row(resource: &RelatedResource, depth: u8) -> ResourceRow {
    ResourceRow {
        depth,
        kind: resource.kind.clone(),
        name: resource.name.clone(),
        state: resource.state.clone(),
        good: resource.good,
        changed: resource.changed,
        note: String::new(),
    }
}

fn push_pods(rows: &mut Vec<ResourceRow>, pods: &[&PodState], depth: u8) {
    let shown = if pods.len() > PODS { PODS - 1 } else { pods.len() };
    for pod in &pods[..shown] {
        let restarts = match pod.restarts() {
            1 => "1 restart".to_owned(),
            n => format!("{n} restarts"),
        };
        let phase = pod.reason.clone().unwrap_or_else(|| pod.phase.word().to_owned());
        rows.push(ResourceRow {
            depth,
            kind: "Pod".into(),
            name: pod.name.clone(),
            state: format!("{phase}, {restarts}"),
            good: Some(matches!(pod.phase, PodPhase::Ready | PodPhase::Succeeded)),
            changed: pod.history.last().map(|(at, _)| *at).or(Some(pod.created)),
            note: pod.node.clone().unwrap_or_default(),
        });
    }
    let more = pods.len() - shown;
    if more > 0 {
        let ready = pods[shown..].iter().filter(|pod| pod.phase == PodPhase::Ready).count();
        rows.push(ResourceRow {
            depth,
            kind: "Pod".into(),
            name: format!("{more} more"),
            state: format!("{ready} of {more} ready"),
            good: Some(ready == more),
            changed: None,
            note: String::new(),
        });
    }
}

#[cfg(test)]
mod tests {
    use model::{PodId, SECOND};

    use super::*;

    fn pod(history: &[(i64, PodPhase)], ended: Option<i64>) -> PodState {
        PodState {
            id: PodId("u".into()),
            cluster: "c".into(),
            namespace: "n".into(),
            name: "p".into(),
            service: ServiceId::new("c", "n", "Deployment", "d"),
            revision: None,
            node: None,
            ips: vec![],
            host_network: false,
            created: Timestamp(history[0].0 * SECOND),
            ended: ended.map(|at| Timestamp(at * SECOND)),
            phase: PodPhase::Ready,
            history: history.iter().map(|(at, phase)| (Timestamp(at * SECOND), *phase)).collect(),
            reason: None,
            containers: vec![],
        }
    }

    #[test]
    fn stretches_are_cut_to_the_window_and_to_the_end() {
        let window = Window::new(Timestamp(10 * SECOND), Timestamp(100 * SECOND));
        let history = [(0, PodPhase::Pending), (5, PodPhase::Starting), (20, PodPhase::Ready)];
        let seconds = |pod: &PodState| -> Vec<(i64, i64, PodPhase)> {
            stretches(pod, window).iter().map(|(a, b, phase)| (a.seconds(), b.seconds(), *phase)).collect()
        };
        assert_eq!(seconds(&pod(&history, None)), [(10, 20, PodPhase::Starting), (20, 100, PodPhase::Ready)]);
        assert_eq!(seconds(&pod(&history, Some(50))), [(10, 20, PodPhase::Starting), (20, 50, PodPhase::Ready)]);
        assert_eq!(seconds(&pod(&history, Some(8))), []);
    }

    #[test]
    fn many_pods_of_a_revision_become_a_count() {
        let pods: Vec<PodState> = (0..20).map(|_| pod(&[(0, PodPhase::Ready)], None)).collect();
        let mut rows = Vec::new();
        push_pods(&mut rows, &pods.iter().collect::<Vec<_>>(), 2);
        assert_eq!((rows.len(), rows[PODS - 1].name.as_str()), (PODS, "13 more"));
        assert_eq!(rows[PODS - 1].state, "13 of 13 ready");
    }
}
