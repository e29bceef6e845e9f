//! What Kubernetes says of the pods of a deploy, from pod states and adverse events. Pure.

use analysis::{KubernetesFacts, PodTally, exit_words, is_crashing, is_unpullable};
use model::{
    AdverseEvent, AdverseKind, ContainerState, Deploy, DeployKind, MINUTE, PodPhase, PodState, Timestamp, Window,
};

/// A look is of the present while it is had within so long of the end of its data.
const PRESENT: i64 = 2 * MINUTE;

/// An event that lasts is of the end of the data where it was seen so long before it, or after.
const LASTS: i64 = 5 * MINUTE;

/// All of it, as of the end of the data. `nodes` are events of nodes. What containers wait for is known of the present
/// alone: of a look that is had late, adverse events tell it.
pub(super) fn facts(
    deploy: &Deploy,
    pods: &[PodState],
    events: &[AdverseEvent],
    nodes: &[AdverseEvent],
    (whole, now): (Window, Timestamp),
) -> KubernetesFacts {
    let end = whole.to;
    let since = Window::new(deploy.started, end);
    let is_new = |pod: &&PodState| pod.revision.as_ref() == Some(&deploy.to);
    let (new, old): (Vec<&PodState>, Vec<&PodState>) = pods.iter().partition(is_new);
    let exists = |pod: &&&PodState| pod.created < end && pod.ended.is_none_or(|ended| ended > end);
    let living: Vec<&PodState> = new.iter().filter(exists).copied().collect();
    let fresh = new.iter().filter(|pod| pod.created.plus(MINUTE) >= deploy.started);
    let is_present = now.since(end) <= PRESENT;
    let of = |living: &[&PodState]| match is_present {
        true => Broken::now(living),
        false => Broken::told(living, events, since),
    };
    let old_living: Vec<&PodState> = old.iter().filter(exists).copied().collect();
    let (broken, old_broken) = (of(&living), of(&old_living));
    KubernetesFacts {
        new: tally(&new, events, nodes, since),
        old: tally(&old, events, nodes, whole),
        new_pods: living.len() as u32,
        new_ready: living.iter().filter(|pod| phase_at(pod, end) == Some(PodPhase::Ready)).count() as u32,
        ever_ready: new.iter().filter(|pod| first_ready(pod).is_some_and(|at| at < end)).count() as u32,
        first_pod: fresh.map(|pod| pod.created).min(),
        old_failing: !old_broken.crashing.is_empty() || !old_broken.unpullable.is_empty(),
        crashing: broken.crashing,
        unpullable: broken.unpullable,
        elsewhere: elsewhere(deploy, &living, nodes, end),
    }
}

/// Pods that can't run.
struct Broken {
    /// Pods in a crash loop, with the exit in words.
    crashing: Vec<(String, String)>,
    /// Images that can't be pulled.
    unpullable: Vec<String>,
}

impl Broken {
    /// As containers stand now.
    fn now(living: &[&PodState]) -> Self {
        let all = || living.iter().flat_map(|pod| pod.containers.iter().map(move |container| (pod, container)));
        let crash = |(pod, container): (&&PodState, &ContainerState)| {
            let exit = exit_words(container);
            (pod.name.to_string(), exit.trim_start_matches([':', ',', ' ']).to_owned())
        };
        let unpullable = all().filter(|(_, container)| is_unpullable(container));
        let unpullable = unpullable.map(|(_, container)| container.asked.image.to_string());
        Self::new(all().filter(|(_, container)| is_crashing(container)).map(crash).collect(), unpullable.collect())
    }

    /// As events tell of the end of a window.
    fn told(living: &[&PodState], events: &[AdverseEvent], window: Window) -> Self {
        let lasts = |event: &&AdverseEvent, pod: &PodState| {
            event.pod.as_deref() == Some(&*pod.name)
                && event.first >= pod.created
                && event.first < window.to
                && (event.current || event.last.plus(LASTS) >= window.to)
        };
        let (mut crashing, mut unpullable) = (Vec::new(), Vec::new());
        for pod in living {
            for event in events.iter().filter(|event| lasts(event, pod)) {
                let exit = || event.exit_code.map_or(String::new(), |code| format!("exit code {code}"));
                let is_own = |container: &&ContainerState| event.container.as_deref() == Some(&*container.name);
                match event.kind {
                    AdverseKind::CrashLoop => crashing.push((pod.name.to_string(), exit())),
                    AdverseKind::FailedPull => {
                        unpullable.extend(pod.containers.iter().find(is_own).map(|one| one.asked.image.to_string()));
                    }
                    _ => {}
                }
            }
        }
        Self::new(crashing, unpullable)
    }

    fn new(crashing: Vec<(String, String)>, mut unpullable: Vec<String>) -> Self {
        unpullable.dedup();
        Self { crashing, unpullable }
    }
}

fn phase_at(pod: &PodState, at: Timestamp) -> Option<PodPhase> {
    pod.history.iter().rev().find(|(since, _)| *since < at).map(|(_, phase)| *phase)
}

fn first_ready(pod: &PodState) -> Option<Timestamp> {
    pod.history.iter().find(|(_, phase)| *phase == PodPhase::Ready).map(|(at, _)| *at)
}

/// Why new pods can't come up that is not the revision's doing: no node has room for what the old ones asked for as
/// well, or their nodes are in trouble.
fn elsewhere(deploy: &Deploy, living: &[&PodState], nodes: &[AdverseEvent], end: Timestamp) -> Option<String> {
    let down = || living.iter().filter(|pod| phase_at(pod, end) != Some(PodPhase::Ready));
    let unplaced = down().filter(|pod| pod.node.is_none() && pod.reason.as_deref() == Some("Unschedulable")).count();
    if unplaced > 0 && !matches!(deploy.kind, DeployKind::Resources | DeployKind::Template) {
        return Some(format!("{unplaced} of {} new pods find no node", living.len()));
    }
    let troubled = |pod: &&&PodState| trouble(pod, nodes, Window::new(deploy.started, end)).is_some();
    let (waiting, on_troubled) = (down().count(), down().filter(troubled).count());
    (waiting > 0 && waiting == on_troubled).then(|| "the nodes of new pods are in trouble".to_owned())
}

/// The event of a pod's node while it was in trouble.
fn trouble<'a>(pod: &PodState, nodes: &'a [AdverseEvent], window: Window) -> Option<&'a AdverseEvent> {
    nodes.iter().find(|event| {
        let lasts = event.current || event.last >= window.from;
        event.kind == AdverseKind::Node
            && event.node.as_deref() == pod.node.as_deref()
            && event.first < window.to
            && lasts
    })
}

fn tally(pods: &[&PodState], events: &[AdverseEvent], nodes: &[AdverseEvent], window: Window) -> PodTally {
    let mut tally = PodTally::default();
    for pod in pods {
        let alive = Window::new(pod.created.max(window.from), pod.ended.unwrap_or(window.to).min(window.to));
        if alive.length() <= 0 || trouble(pod, nodes, window).is_some() {
            continue;
        }
        tally.minutes += alive.length() as f64 / MINUTE as f64;
        let of = |kinds: &[AdverseKind], from: Timestamp| -> u32 {
            // Pods of a StatefulSet follow each other under one name.
            let window = Window::new(from.max(alive.from), alive.to);
            let own = events.iter().filter(|e| kinds.contains(&e.kind) && e.pod.as_deref() == Some(&*pod.name));
            own.map(|event| event.times_in(window)).sum()
        };
        let (kills, restarts) = (of(&[AdverseKind::OomKill], pod.created), of(&[AdverseKind::Restart], pod.created));
        let ready = first_ready(pod);
        let probes = ready.map_or(0, |ready| of(&[AdverseKind::FailedProbe], ready));
        let unready = unready(pod, alive);
        tally.kills += kills;
        tally.restarts += restarts + kills;
        tally.probes += probes;
        tally.unready += unready;
        tally.kill_pods += u32::from(kills > 0);
        tally.restart_pods += u32::from(restarts + kills > 0);
        tally.probe_pods += u32::from(probes > 0);
        tally.unready_pods += u32::from(unready > 0.0);
    }
    tally
}

/// Minutes not ready after having been ready.
fn unready(pod: &PodState, alive: Window) -> f64 {
    let ends = pod.history.iter().skip(1).map(|(at, _)| *at).chain([alive.to]);
    let stretches = pod.history.iter().zip(ends).filter(|((_, phase), _)| *phase == PodPhase::NotReady);
    let nanos = stretches.map(|((from, _), to)| to.min(alive.to).since((*from).max(alive.from)).max(0));
    nanos.sum::<i64>() as f64 / MINUTE as f64
}

#[cfg(test)]
mod tests;
