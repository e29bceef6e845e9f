//! The resources of a service in drawing order: the workload, its revisions with their pods, then everything else.

use model::{
    ContainerRole, ContainerState, PodPhase, PodState, RelatedResource, ResourceId, ResourceRow, Revision, ServiceState,
};

/// Pods of a revision that are listed one by one; more become "n more".
const PODS: usize = 8;

/// The workload, its revisions with their pods, then everything else.
pub(super) fn tree(
    service: &ServiceState,
    revisions: &[Revision],
    pods: &[PodState],
    related: &[RelatedResource],
) -> Vec<ResourceRow> {
    let mut rows = vec![workload_row(service)];
    let (owning, others): (Vec<_>, Vec<_>) = related.iter().partition(|resource| owns_pods(&resource.kind));
    let mut placed: Vec<&str> = Vec::new();
    for resource in &owning {
        rows.push(related_row(resource, 1));
        let revision = revisions.iter().find(|revision| resource.name.ends_with(&*revision.hash.0));
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

fn owns_pods(kind: &str) -> bool {
    matches!(kind, "ReplicaSet" | "ControllerRevision" | "Job")
}

fn workload_row(service: &ServiceState) -> ResourceRow {
    let kind = service.id.kind.split('.').next().unwrap_or_default();
    ResourceRow {
        depth: 0,
        kind: kind.into(),
        name: service.id.name.clone(),
        state: if service.deleted.is_some() {
            "deleted".into()
        } else {
            format!("{}/{} ready", service.ready, service.wanted)
        },
        good: service.deleted.is_none().then_some(service.ready >= service.wanted),
        changed: Some(service.deleted.unwrap_or(service.created)),
        note: service.managed_by.as_ref().map(|owner| format!("managed by {owner}")).unwrap_or_default(),
        id: Some(ResourceId { kind: kind.into(), namespace: None, name: service.id.name.clone() }),
    }
}

fn related_row(resource: &RelatedResource, depth: u8) -> ResourceRow {
    let RelatedResource { kind, namespace, name, .. } = resource;
    // Secrets are never read, and releases are only named.
    let opens = kind != "Secret" && !kind.contains(' ');
    let id = opens.then(|| ResourceId { kind: kind.clone(), namespace: namespace.clone(), name: name.clone() });
    ResourceRow {
        depth: depth + resource.depth,
        kind: kind.clone(),
        name: name.clone(),
        state: resource.state.clone(),
        good: resource.good,
        changed: resource.changed,
        note: namespace
            .as_ref()
            .filter(|namespace| !namespace.is_empty())
            .map(|it| format!("in {it}"))
            .unwrap_or_default(),
        id,
    }
}

fn push_pods(rows: &mut Vec<ResourceRow>, pods: &[&PodState], depth: u8) {
    let shown = if pods.len() > PODS { PODS - 1 } else { pods.len() };
    rows.extend(pods[..shown].iter().flat_map(|pod| pod_rows(pod, depth)));
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
            id: None,
        });
    }
}

/// A pod; its containers follow where there are several or one is not well.
fn pod_rows(pod: &PodState, depth: u8) -> Vec<ResourceRow> {
    let phase = pod.reason.as_deref().unwrap_or(pod.phase.word()).to_owned();
    let id = Some(ResourceId { kind: "Pod".into(), namespace: None, name: pod.name.to_string() });
    let mut rows = vec![ResourceRow {
        depth,
        kind: "Pod".into(),
        name: pod.name.to_string(),
        state: format!("{phase}, {}", restarts(pod.restarts())),
        good: Some(matches!(pod.phase, PodPhase::Ready | PodPhase::Succeeded)),
        changed: pod.history.last().map(|(at, _)| *at).or(Some(pod.created)),
        note: pod.node.as_deref().unwrap_or_default().to_owned(),
        id,
    }];
    if pod.containers.len() > 1 {
        rows.extend(pod.containers.iter().map(|container| container_row(container, depth + 1)));
    }
    rows
}

fn container_row(container: &ContainerState, depth: u8) -> ResourceRow {
    let is_known = !container.state.is_empty();
    let state = if is_known { container.state.as_str() } else { "not known" };
    // What was put in to look inside is never started again, and neither good nor bad for the pod.
    let looks = container.role == ContainerRole::Ephemeral;
    ResourceRow {
        depth,
        kind: container.role.word().into(),
        name: container.name.to_string(),
        state: if looks { state.to_owned() } else { format!("{state}, {}", restarts(container.restarts)) },
        good: (is_known && !looks).then_some(container.ready || container.state == "Completed"),
        changed: None,
        note: container.asked.image.to_string(),
        id: None,
    }
}

fn restarts(count: u32) -> String {
    if count == 1 { "1 restart".into() } else { format!("{count} restarts") }
}

#[cfg(test)]
mod tests {
    use model::{PodId, ServiceId, Timestamp};

    use super::*;
    use crate::fixtures;

    fn pod() -> PodState {
        PodState {
            id: PodId("u".into()),
            ..fixtures::pod(ServiceId::new("c", "n", "Deployment", "d"), "p", Timestamp(0))
        }
    }

    #[test]
    fn each_container_of_a_pod_has_its_role_state_and_restarts() {
        let of = |name: &str, role, state: &str, ready, restarts| ContainerState {
            role,
            state: state.into(),
            ready,
            restarts,
            ..fixtures::container(name)
        };
        let containers = vec![
            of("migrate", ContainerRole::Init, "Completed", false, 0),
            of("proxy", ContainerRole::Sidecar, "running", true, 1),
            of("app", ContainerRole::Main, "CrashLoopBackOff", false, 4),
            of("later", ContainerRole::Main, "", false, 0),
            of("debug", ContainerRole::Ephemeral, "Error", false, 0),
        ];
        let rows = pod_rows(&PodState { containers, ..pod() }, 1);
        let told: Vec<_> = rows[1..].iter().map(|row| (row.kind.as_str(), row.state.as_str(), row.good)).collect();
        let expected = [
            ("Init container", "Completed, 0 restarts", Some(true)),
            ("Sidecar", "running, 1 restart", Some(true)),
            ("Container", "CrashLoopBackOff, 4 restarts", Some(false)),
            ("Container", "not known, 0 restarts", None),
            ("Ephemeral container", "Error", None),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn many_pods_of_a_revision_become_a_count() {
        let pods: Vec<PodState> = (0..20).map(|_| pod()).collect();
        let mut rows = Vec::new();
        push_pods(&mut rows, &pods.iter().collect::<Vec<_>>(), 2);
        assert_eq!((rows.len(), rows[PODS - 1].name.as_str()), (PODS, "13 more"));
        assert_eq!(rows[PODS - 1].state, "13 of 13 ready");
    }
}
