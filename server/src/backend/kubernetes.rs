//! Marks on charts and pod lanes; the Kubernetes tab has rooms of its own.

mod context;
mod past;
mod tab;
mod tree;

use std::collections::BTreeMap;

use app::AppError;
use model::{
    AdverseEvent, EventMark, Marks, PodLane, PodLanes, PodPhase, PodState, Revision, ServiceId, Timestamp, Viewer,
    Window,
};

use super::catalog::mark;
use super::deploys::verdict_on;
use super::{Answers, failed};
pub(super) use tab::tab;

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
}
