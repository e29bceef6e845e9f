//! A pod as it is recorded: its phase now, its phases over time, its containers.

use std::sync::Arc;

use model::{
    Asked, ContainerRole, ContainerState, Exit, PodId, PodPhase, PodState, RevisionHash, SECOND, ServiceId, Timestamp,
    Whole,
};

use super::seat::Seat;
use crate::revisions::of_pod;
use crate::slim::{self, Container, Pod, State, Terminated};
use crate::text::Text;

/// Changes kept of what is asked for a container: what sizes pods in place may do so all day.
const MOST_CHANGES: usize = 64;
/// Phases kept of one pod.
const MOST_PHASES: usize = 64;
/// A pod that took longer from its start to its readiness has more likely been ready in between: this is when a rollout
/// has failed by default
/// (https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#progress-deadline-seconds).
const READY_WITHIN: i64 = 600 * SECOND;

/// Where a pod belongs and runs, and the strings that most pods have.
pub(crate) struct Place {
    pub(crate) cluster: Text,
    pub(crate) service: Arc<ServiceId>,
    /// The zone of its node; empty where that is not said.
    pub(crate) zone: Text,
    pub(crate) running: Text,
}

/// A text that says something.
fn given(text: &Text) -> Option<Text> {
    (!text.is_empty()).then(|| text.clone())
}

/// The pod as it is recorded; of what was told of it before, what goes on.
pub(crate) fn state(
    pod: &Pod,
    told: Option<&PodState>,
    mut history: Vec<(Timestamp, PodPhase)>,
    place: &Place,
    now: Timestamp,
) -> PodState {
    history.shrink_to_fit();
    let of = |one: &Container| told?.containers.iter().find(|told| told.name == one.name);
    // A node that is gone says its zone no more.
    let zone = || told.filter(|told| told.node.as_deref() == pod.node.some()).and_then(|told| told.zone.clone());
    PodState {
        id: PodId(pod.meta.uid.clone()),
        cluster: place.cluster.clone(),
        namespace: pod.meta.namespace.clone(),
        name: pod.meta.name.clone(),
        service: Arc::clone(&place.service),
        revision: of_pod(&place.service.kind, pod).map(RevisionHash),
        node: given(&pod.node),
        zone: given(&place.zone).or_else(zone),
        qos: pod.qos,
        whole: pod.whole.as_deref().map(|asked| whole(asked, told, now)),
        ips: pod.ips.to_vec(),
        host_network: pod.host_network,
        logs_off: pod.meta.logs_off,
        created: pod.meta.created(),
        ended: None,
        phase: history.last().map_or(PodPhase::Pending, |(_, phase)| *phase),
        history,
        reason: reason(pod),
        containers: pod.containers.iter().map(|one| container(one, of(one), &place.running, now)).collect(),
    }
}

fn container(container: &Container, told: Option<&ContainerState>, running: &Text, now: Timestamp) -> ContainerState {
    let state = match &container.state {
        State::Unknown => "waiting".into(),
        State::Waiting(why) => given(&why.0).unwrap_or_else(|| "waiting".into()),
        State::Running(_) => running.clone(),
        State::Terminated(end) => given(&end.reason).unwrap_or_else(|| "terminated".into()),
    };
    let current = match &container.state {
        State::Terminated(end) => Some(&**end),
        _ => None,
    };
    let exit = |end: &Terminated| Exit { code: end.exit_code, reason: end.reason.to_string(), at: end.finished_at.0 };
    let last_exit = current.or(container.last.as_deref()).map(exit);
    let asked = asked(container);
    let before = told.map_or_else(Vec::new, |told| before((&told.asked, &told.before), &asked, now));
    ContainerState {
        name: container.name.clone(),
        role: container.role,
        asked,
        before,
        id: given(&container.id),
        restarts: container.restarts,
        state,
        ready: container.ready,
        last_exit,
    }
}

/// What is asked for a pod as a whole now, and was before.
fn whole(asked: &slim::Asked, told: Option<&PodState>, now: Timestamp) -> Box<Whole> {
    let asked = Asked { requests: asked.requests, limits: asked.limits, ..Asked::default() };
    let told = told.and_then(|told| told.whole.as_deref());
    let before = told.map_or_else(Vec::new, |told| before((&told.asked, &told.before), &asked, now));
    Box::new(Whole { asked, before })
}

/// What is asked for a container now.
fn asked(container: &Container) -> Asked {
    Asked {
        image: container.image.clone(),
        requests: container.requests,
        limits: container.limits,
        digest: given(&container.image_id),
    }
}

/// What was asked for a container or pod before, until when, oldest first; what was asked last is told where it is
/// something else by now.
fn before(
    (told, before): (&Asked, &Vec<(Timestamp, Asked)>),
    asked: &Asked,
    now: Timestamp,
) -> Vec<(Timestamp, Asked)> {
    let mut before = before.clone();
    // One that was recorded before amounts were has none; that is no change.
    let nothing = Asked { image: asked.image.clone(), ..Asked::default() };
    if told.differs(asked) && *told != nothing {
        before.push((now, told.clone()));
        let surplus = before.len().saturating_sub(MOST_CHANGES);
        before.drain(..surplus);
    }
    before.shrink_to_fit();
    before
}

/// Why a pod waits or ended.
fn reason(pod: &Pod) -> Option<Text> {
    if let Some(reason) = given(&pod.reason) {
        return Some(reason);
    }
    let waits = pod.own_containers().find_map(|container| match &container.state {
        State::Waiting(why) if !matches!(&*why.0, "" | "PodInitializing" | "ContainerCreating") => Some(&why.0),
        State::Terminated(end) if end.exit_code != 0 => Some(&end.reason),
        _ => None,
    });
    let unscheduled = || pod.trouble("PodScheduled").map(|condition| &condition.reason);
    waits.or_else(unscheduled).and_then(given)
}

/// How a pod stands, and since when where that is said.
fn phase(pod: &Pod, was_ready: bool) -> (PodPhase, Option<Timestamp>) {
    let ends = || {
        pod.own_containers().filter_map(|container| match &container.state {
            State::Terminated(end) => end.finished_at.0,
            _ => None,
        })
    };
    match &*pod.phase {
        "Succeeded" => return (PodPhase::Succeeded, ends().max()),
        "Failed" => return (PodPhase::Failed, ends().max()),
        _ => {}
    }
    match pod.meta.deleting_since() {
        Some(since) => (PodPhase::Terminating, Some(since)),
        None => standing(pod, was_ready),
    }
}

/// How a pod stands that has not ended, whether it is being deleted or not.
fn standing(pod: &Pod, was_ready: bool) -> (PodPhase, Option<Timestamp>) {
    if pod.ready.holds() {
        return (PodPhase::Ready, pod.ready.since.0);
    }
    if was_ready || lost_readiness(pod) {
        return (PodPhase::NotReady, pod.ready.since.0);
    }
    match first_start(pod) {
        // Its node has not been heard of since: it may have been ready before.
        Some(at) if pod.ready.is_unknown() => (PodPhase::Unknown, Some(at)),
        Some(at) => (PodPhase::Starting, Some(at)),
        None => (PodPhase::Pending, Some(pod.meta.created())),
    }
}

/// Ready=False since later than its containers were let start: it was ready in between.
fn lost_readiness(pod: &Pod) -> bool {
    let let_start = pod.initialized.since.0.filter(|_| pod.initialized.holds());
    let lost = pod.ready.since.0.filter(|_| pod.ready.is_false());
    lost.zip(let_start).is_some_and(|(lost, start)| lost > start)
}

/// When the first of its containers (not init containers) started, as far as that is still said.
fn first_start(pod: &Pod) -> Option<Timestamp> {
    let starts =
        pod.containers.iter().filter(|container| container.role == ContainerRole::Main).flat_map(|container| {
            let now = match &container.state {
                State::Running(at) => at.0,
                State::Terminated(end) => end.started_at.0,
                _ => None,
            };
            [now, container.last.as_deref().and_then(|end| end.started_at.0)]
        });
    starts.flatten().min()
}

/// The last time a container of it ended before this.
fn last_end(pod: &Pod, before: Timestamp) -> Option<Timestamp> {
    let ends = pod
        .containers
        .iter()
        .filter(|container| container.role == ContainerRole::Main)
        .filter_map(|container| container.last.as_deref()?.finished_at.0);
    ends.filter(|at| *at < before).max()
}

/// The pod's phases over time, continuing what was known of it.
pub(crate) fn advance(history: &mut Vec<(Timestamp, PodPhase)>, pod: &Pod, now: Timestamp) {
    let created = pod.meta.created().min(now);
    let is_first_look = history.is_empty();
    if is_first_look {
        history.push((created, PodPhase::Pending));
    }
    let was_ready = history.iter().any(|(_, phase)| *phase == PodPhase::Ready);
    let (phase, since) = phase(pod, was_ready);
    let since = since.unwrap_or(now).clamp(created, now);
    if is_first_look && phase == PodPhase::Terminating {
        // Met at its end, as those of a node that was lost: its conditions still say how it stood until then.
        let (before, at) = standing(pod, false);
        enter(history, pod, (before, at.unwrap_or(since).clamp(created, since)), is_first_look);
    }
    enter(history, pod, (phase, since), is_first_look);
    if history.len() > MOST_PHASES {
        history.remove(1);
    }
}

/// Adds a phase, and those between it and the one before of which the pod tells.
fn enter(
    history: &mut Vec<(Timestamp, PodPhase)>,
    pod: &Pod,
    (phase, since): (PodPhase, Timestamp),
    is_first_look: bool,
) {
    let created = pod.meta.created().min(since);
    let was_ready = history.iter().any(|(_, phase)| *phase == PodPhase::Ready);
    if matches!(phase, PodPhase::Ready | PodPhase::NotReady) && !was_ready {
        let started = first_start(pod).filter(|at| *at < since).unwrap_or(since);
        // Kubernetes tells when it became ready the last time, not the first.
        let is_known = !is_first_look || phase != PodPhase::Ready || since.since(started) <= READY_WITHIN;
        push(history, started, if is_known { PodPhase::Starting } else { PodPhase::Unknown });
    }
    if phase == PodPhase::NotReady && !was_ready {
        // It was ready at some time between its start and now; when, nobody says any more.
        let let_start = pod.initialized.since.0.unwrap_or(created);
        push(history, let_start.clamp(created, since), PodPhase::Ready);
    }
    if phase == PodPhase::Ready
        && let Some((known, PodPhase::Ready)) = history.last().copied()
        && since > known
        && let Some(end) = last_end(pod, since).filter(|end| *end > known)
    {
        push(history, end, PodPhase::NotReady);
    }
    push(history, since, phase);
}

/// Adds a phase, never before the one before it.
fn push(history: &mut Vec<(Timestamp, PodPhase)>, at: Timestamp, phase: PodPhase) {
    match history.last() {
        Some((_, last)) if *last == phase => {}
        Some((last, _)) => history.push(((*last).max(at), phase)),
        None => history.push((at, phase)),
    }
}

/// Since when a pod is as it is.
pub(crate) fn since(seat: &Seat) -> Option<Timestamp> {
    seat.told.as_ref()?.history.last().map(|(at, _)| *at)
}
