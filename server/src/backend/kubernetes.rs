//! Marks on charts; pod lanes and the Kubernetes tab have rooms of their own.

mod context;
mod lanes;
mod nodes;
mod past;
mod tab;
mod tree;

use app::AppError;
use model::{AdverseEvent, Deploy, DeployMark, EventMark, Marks, PodState, Revision, ServiceId, Viewer, Window};

use super::catalog::mark;
use super::deploys::verdict_on;
use super::{Answers, failed};
pub(super) use lanes::lanes;
pub(super) use tab::{tab, went_wrong};

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
    Ok(Marks { deploys: flags(answers, id, &deploys, window).await?, events: marks })
}

/// Deploys of a service that started in a window, oldest first, with what was said of them.
async fn flags(
    answers: &Answers,
    id: &ServiceId,
    deploys: &[Deploy],
    window: Window,
) -> Result<Vec<DeployMark>, AppError> {
    let judgements = answers.store.judgements(id).await.map_err(failed)?;
    let flags = deploys.iter().filter(|deploy| window.contains(deploy.started));
    let mut flags: Vec<DeployMark> =
        flags.map(|deploy| mark(deploy, verdict_on(&judgements, deploy).map(|judged| judged.level))).collect();
    flags.sort_by_key(|flag| flag.at);
    Ok(flags)
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

fn revision_name(revisions: &[Revision], pod: &PodState) -> Option<String> {
    let hash = pod.revision.as_ref()?;
    let known = revisions.iter().find(|revision| &revision.hash == hash);
    Some(known.map_or_else(|| hash.to_string(), |revision| revision.name.clone()))
}
