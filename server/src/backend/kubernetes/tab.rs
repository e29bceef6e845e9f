//! The Kubernetes tab: what went wrong, all resources, all pods, as they are or as of a past moment.

use std::collections::BTreeSet;

use app::AppError;
use model::{
    AdverseEvent, ContainerRole, ContainerState, Deploy, KubernetesTab, NodeTrouble, NodeUse, PodRow, PodState,
    RelatedResource, Revision, ServiceId, ServiceState, Timestamp, Viewer, Window,
};

use super::tree::tree;
use super::{context, nodes, past, revision_name};
use crate::backend::{Answers, failed, is_past, resources};
use crate::jobs::now;

/// Moments at which something changed that are told, the latest.
const MOMENTS: usize = 300;

/// The tab as of a moment of the window, or (`None`) of its end.
pub(in crate::backend) async fn tab(
    answers: &Answers,
    _viewer: &Viewer,
    id: &ServiceId,
    window: Window,
    at: Option<Timestamp>,
) -> Result<KubernetesTab, AppError> {
    let service = answers.known(id)?;
    let now = now();
    let until = at.unwrap_or(window.to).clamp(window.from, window.to.max(window.from));
    let past = (at.is_some() || is_past(until, now)).then_some(until);
    let until = Window::new(window.from, until);
    let seen = Seen::gather(answers, &service, until, past, now).await?;
    let deploys = answers.store.deploys(id).await.map_err(failed)?;
    let groups = analysis::joined(seen.events, &deploys, until.to);
    let node = |event: &AdverseEvent| nodes::behind(event, &seen.pods, &seen.nodes, until);
    let events = context::of(answers, id, groups, node).await?;
    let mut pods: Vec<PodRow> = seen.pods.iter().map(|pod| pod_row(pod, &seen.revisions)).collect();
    pods.sort_by_key(|row| (row.ended.is_some(), std::cmp::Reverse(row.created)));
    let mut rows = tree(&seen.service, &seen.revisions, &seen.pods, &seen.related);
    resources::date(answers, id, &mut rows, past.unwrap_or(now)).await?;
    Ok(KubernetesTab {
        leak: if past.is_none() { answers.leak_of(&service) } else { None },
        events,
        nodes: seen.nodes,
        uses: if past.is_none() { uses(answers, &id.cluster, &pods, now) } else { Vec::new() },
        deploys: super::flags(answers, id, &deploys, until).await?,
        window: until,
        resources: rows,
        pods,
        past,
        kept_from: match past {
            Some(at) => resources::kept_from(answers, id, at).await?,
            None => None,
        },
        moments: moments(answers, id, &deploys, window).await?,
    })
}

/// How much went wrong in a window: as many findings as the tab has of it.
pub(in crate::backend) async fn went_wrong(
    answers: &Answers,
    id: &ServiceId,
    deploys: &[Deploy],
    window: Window,
) -> Result<u32, AppError> {
    let (events, of_nodes) = happened(answers, id, window.from, now()).await?;
    let joined = analysis::joined(past::events(events, window), deploys, window.to).len() as u32;
    let nodes = nodes::count(&answers.store, id, past::events(of_nodes, window), window).await.map_err(failed)?;
    Ok(joined + nodes)
}

/// What happened to a service and to nodes of its cluster since a moment, until now: an event joins its repeats, so one
/// that goes on now may have begun before a past window's end.
async fn happened(
    answers: &Answers,
    id: &ServiceId,
    from: Timestamp,
    now: Timestamp,
) -> Result<(Vec<AdverseEvent>, Vec<AdverseEvent>), AppError> {
    let window = Window::new(from, now);
    let events = answers.store.adverse(Some(id), window).await.map_err(failed)?;
    let of_nodes = answers.store.node_events(&id.cluster, window).await.map_err(failed)?;
    Ok((events, of_nodes))
}

/// What is known of a service at a moment.
struct Seen {
    service: ServiceState,
    pods: Vec<PodState>,
    revisions: Vec<Revision>,
    related: Vec<RelatedResource>,
    events: Vec<AdverseEvent>,
    nodes: Vec<NodeTrouble>,
}

impl Seen {
    async fn gather(
        answers: &Answers,
        service: &ServiceState,
        window: Window,
        past: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Self, AppError> {
        let (store, id) = (&answers.store, &service.id);
        let (events, of_nodes) = happened(answers, id, window.from, now).await?;
        let pods = store.pods(id, Window::new(window.from, window.to.plus(1))).await.map_err(failed)?;
        let revisions = store.revisions(id).await.map_err(failed)?;
        let (related, nodes) = (Vec::new(), Vec::new());
        let mut seen = Self { service: service.clone(), pods, revisions, related, events, nodes };
        match past {
            None => seen.related = store.related(id).await.map_err(failed)?,
            Some(at) => {
                seen.related = resources::snapshot(answers, id, at).await?;
                seen.pods = past::pods(seen.pods, &seen.events, at);
                let wanted = resources::replicas(answers, id, at).await?;
                seen.service = past::service(service, &seen.pods, wanted, at);
            }
        }
        // What went wrong on the nodes of this service's pods hurt it too.
        let of_nodes = past::events(of_nodes, window);
        seen.nodes = nodes::troubles(store, id, of_nodes, &seen.pods, window).await.map_err(failed)?;
        seen.events = past::events(seen.events, window);
        Ok(seen)
    }
}

/// What is used of the nodes of pods that are there.
fn uses(answers: &Answers, cluster: &str, pods: &[PodRow], now: Timestamp) -> Vec<(String, NodeUse)> {
    let nodes: BTreeSet<&String> =
        pods.iter().filter(|pod| pod.ended.is_none()).filter_map(|pod| pod.node.as_ref()).collect();
    let used = |node: &String| Some((node.clone(), answers.store.nodes().used(cluster, node, now)?));
    nodes.into_iter().filter_map(used).collect()
}

/// When something changed in a window, oldest first.
async fn moments(
    answers: &Answers,
    id: &ServiceId,
    deploys: &[Deploy],
    window: Window,
) -> Result<Vec<Timestamp>, AppError> {
    let snapshots = resources::snapshots(answers, id, window.to, MOMENTS as u32).await?;
    let times = snapshots.iter().map(|version| version.at).chain(deploys.iter().map(|deploy| deploy.started));
    let mut times: Vec<Timestamp> = times.filter(|at| window.contains(*at)).collect();
    times.sort();
    times.dedup();
    Ok(times.split_off(times.len().saturating_sub(MOMENTS)))
}

fn pod_row(pod: &PodState, revisions: &[Revision]) -> PodRow {
    // An init container that ended well did what it is for.
    let is_told = |container: &&ContainerState| {
        container.role != ContainerRole::Init || container.last_exit.as_ref().is_some_and(|exit| exit.code != 0)
    };
    let exits = pod.containers.iter().filter(is_told).filter_map(|container| container.last_exit.clone());
    let last_exit = exits.max_by_key(|exit| exit.at);
    let containers = pod.containers.iter().cloned().map(|one| ContainerState { before: Vec::new(), ..one });
    PodRow {
        name: pod.name.to_string(),
        phase: pod.phase,
        reason: pod.reason.as_deref().map(str::to_owned),
        revision: revision_name(revisions, pod),
        restarts: pod.restarts(),
        last_exit,
        created: pod.created,
        ended: pod.ended,
        node: pod.node.as_deref().map(str::to_owned),
        zone: pod.zone.as_deref().map(str::to_owned),
        qos: pod.qos,
        whole: pod.whole.as_ref().map(|whole| whole.asked.clone()),
        containers: containers.collect(),
    }
}
