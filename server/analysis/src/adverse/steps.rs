//! What helps most likely, by what Kubernetes says. The words that are looked for are those of its components: scheduler
//! (`pkg/scheduler/framework/plugins`), kubelet (`pkg/kubelet/events/event.go`, container and eviction managers),
//! controllers and admission plugins.

use AdverseKind as Kind;
use model::{AdverseEvent, AdverseKind};

/// The next step for an event; nothing where none is known. The first row whose kind is the event's and one of whose
/// words stands in its reason or message is taken; a row without words is for all that is left of its kind.
pub fn next_step(event: &AdverseEvent) -> Option<&'static str> {
    let text = format!("{} {}", event.reason, event.message).to_lowercase();
    let fits = |(kind, words, _): &&(Kind, &[&str], &str)| {
        *kind == event.kind && (words.is_empty() || words.iter().any(|word| text.contains(word)))
    };
    if let (Kind::Restart | Kind::CrashLoop, Some(code)) = (event.kind, event.exit_code)
        && !OUT_OF_MEMORY.iter().any(|word| text.contains(word))
    {
        return Some(of_exit(code));
    }
    STEPS.iter().find(fits).map(|(_, _, step)| *step)
}

fn of_exit(code: i32) -> &'static str {
    match code {
        0 => "Let its main process stay in the foreground, or make the workload a Job.",
        137 => "Look at its liveness probe and how long it takes to stop (terminationGracePeriodSeconds).",
        143 => "Find out why its liveness probe fails: see latency then, and the probe's timeout and threshold.",
        134 | 139 => "Compare with the revision before: images, libraries and the last lines show where it crashes.",
        126 | 127 => "Correct command and args in the template, or the image's entry point.",
        _ => "Read its last lines: usually a setting is missing or a dependency can't be reached.",
    }
}

/// How it is said that memory ran out (`cluster`, `adverse/words.rs`).
const OUT_OF_MEMORY: [&str; 2] = ["more memory than", "memory ran out"];
const NO_LIMIT: &str = "Give it a memory limit and a request of what it uses, so that its node is not filled.";
const MEMORY: &str =
    "Give it a higher memory limit, or find what holds the memory: see its memory by pod and heap profile.";

#[rustfmt::skip]
const STEPS: &[(Kind, &[&str], &str)] = &[
    (Kind::OomKill, &["memory ran out"], NO_LIMIT),
    (Kind::OomKill, &[], MEMORY),
    (Kind::CrashLoop, &["memory ran out"], NO_LIMIT),
    (Kind::CrashLoop, &["more memory than"], MEMORY),
    (Kind::CrashLoop, &[], "Read its last lines, and compare with the revision before."),
    (Kind::Restart, &[], "Read its last lines, and what else happened at that time."),

    (Kind::FailedPull, &["misspelt"], "Correct the tag in the template, or push the image."),
    (Kind::FailedPull, &["imagepullsecrets"], "Check the image's name, and that imagePullSecrets names a Secret that may read it."),
    (Kind::FailedPull, &["limits how often"], "Sign in to the registry by imagePullSecrets, or pull from a mirror."),
    (Kind::FailedPull, &["can't be reached"], "Check name resolution and the way out from the node to the registry."),
    (Kind::FailedPull, &["pull policy is never"], "Load the image onto the node, or set imagePullPolicy to IfNotPresent."),
    (Kind::FailedPull, &["not a valid image"], "Correct the image's name in the template."),
    (Kind::FailedPull, &[], "Try the pull by hand on the node; check name, tag and the registry's state."),

    (Kind::FailedStart, &["createcontainerconfigerror"], "Create what it refers to, or correct the reference: see ConfigMaps and Secrets among its resources."),
    (Kind::FailedStart, &["runcontainererror", "starterror", "containercannotrun"], "Correct command and args in the template; check that the image is built for the node's architecture."),
    (Kind::FailedStart, &["poststarthook"], "Correct its postStart hook: while it fails the container is killed."),
    (Kind::FailedStart, &[], "Look at the container runtime on its node."),

    (Kind::Eviction, &["higher priority", "preempt"], "Give it a higher PriorityClass, or add nodes."),
    (Kind::Eviction, &["drained", "evictionbyevictionapi"], "Nothing, if the node was drained on purpose; a PodDisruptionBudget keeps enough pods meanwhile."),
    (Kind::Eviction, &["tainted", "node is gone", "nodeshutdown"], "Look at its node; more replicas on other nodes survive the loss of one."),
    (Kind::Eviction, &["low on resource: ephemeral", "low on resource: nodefs", "low on resource: imagefs", "low on resource: inodes", "diskpressure", "local ephemeral storage", "ephemeral local storage", "usage of emptydir"], "Limit what it writes (ephemeral-storage), move it to a volume, or free the node's disk."),
    (Kind::Eviction, &["low on resource: memory", "memorypressure"], "Request as much memory as it uses: pods over their request go first."),
    (Kind::Eviction, &[], "See what its node lacks."),

    (Kind::FailedScheduling, &["insufficient cpu", "insufficient memory", "insufficient ephemeral", "insufficient "], "Ask for less in its requests, or add a node that has as much free."),
    (Kind::FailedScheduling, &["too many pods"], "Add a node: each takes only so many pods."),
    (Kind::FailedScheduling, &["persistentvolumeclaim", "volume node affinity", "volume zone", "available persistent volumes"], "Look at its PersistentVolumeClaim: nothing provides the volume, or only where no node is free."),
    (Kind::FailedScheduling, &["topology spread", "anti-affinity"], "Add nodes in the places that it is to be spread over, or let it be less strict (ScheduleAnyway, preferred)."),
    (Kind::FailedScheduling, &["affinity", "selector"], "Correct nodeSelector or affinity, or label a node so that it fits."),
    (Kind::FailedScheduling, &["taint", "unschedulable"], "Tolerate the taint if that is meant, or let nodes take pods again (uncordon)."),
    (Kind::FailedScheduling, &["free ports"], "Leave out hostPort: each node has a port once."),
    (Kind::FailedScheduling, &["gate"], "Find out who set its scheduling gate and has not taken it away."),
    (Kind::FailedScheduling, &[], "Compare what its nodes have free with what it asks for."),

    (Kind::FailedProbe, &["its liveness probe"], "Find why it does not answer in time; if it is only slow, give the probe more time (timeoutSeconds, failureThreshold)."),
    (Kind::FailedProbe, &["its startup probe"], "Find why it starts so slowly, or raise the startup probe's failureThreshold."),
    (Kind::FailedProbe, &["connection refused"], "Check the probe's port against the one it listens on; while it starts this is usual."),
    (Kind::FailedProbe, &["statuscode: 404"], "Correct the probe's path."),
    (Kind::FailedProbe, &[], "Look at what its readiness waits for: dependencies, and its own latency and errors then."),

    (Kind::FailedVolume, &["multi-attach"], "Wait until the pod before it is gone; strategy Recreate avoids this for a volume that one node may have."),
    (Kind::FailedVolume, &["not found", "references non-existent"], "Create what it mounts, or correct the name: see its resources."),
    (Kind::FailedVolume, &["permission", "denied"], "Check fsGroup, the volume's owner and the storage driver's rights."),
    (Kind::FailedVolume, &[], "Look at its PersistentVolumeClaim and the storage driver (CSI) on its node."),

    (Kind::FailedCreate, &["podsecurity"], "Set in the template what the namespace's Pod Security level asks for."),
    (Kind::FailedCreate, &["webhook"], "Do as the admission webhook says; if it can't be reached, look at its service."),
    (Kind::FailedCreate, &["serviceaccount"], "Create the ServiceAccount, or correct its name in the template."),
    (Kind::FailedCreate, &["sandbox"], "Look at the network plugin (CNI) and the container runtime on its node."),
    (Kind::FailedCreate, &["limitrange", "minimum", "maximum"], "Set requests and limits within the namespace's LimitRange."),
    (Kind::FailedCreate, &[], "Correct the template as the message says."),
    (Kind::Quota, &["must specify"], "Say in the template what they need."),
    (Kind::Quota, &[], "Raise the quota, or ask for less."),

    (Kind::StuckRollout, &[], "See what its new pods say; if they can't get ready, roll back."),
    (Kind::FailedJob, &["deadline"], "Raise activeDeadlineSeconds, or give it less to do at once."),
    (Kind::FailedJob, &[], "Read the last lines of its pods, mend what they say, then create the Job again."),

    (Kind::Node, &["memorypressure", "systemoom", "oomkilling"], "Find the pods that use more than they request; limits keep one from filling its node."),
    (Kind::Node, &["diskpressure"], "Free the node's disk: images and logs that are not needed, pods that write much."),
    (Kind::Node, &["pidpressure"], "Find the pod that starts so many processes."),
    (Kind::Node, &["rebooted"], "Find out why it was restarted: an upgrade, or a crash of its kernel."),
    (Kind::Node, &["network"], "Look at the network plugin (CNI) on it."),
    (Kind::Node, &["notready", "unknown", "report", "ready"], "Look at the kubelet and the network of the node; replace it if it stays away."),

    (Kind::Autoscaler, &[], "Raise its maximum, or find where the load comes from."),
    (Kind::Throttled, &[], "Give it a higher CPU limit or more pods, or let it do less."),
    (Kind::MemoryFull, &[], "Give it a higher limit, or find what holds the memory: see its memory by pod and heap profile."),
    (Kind::VolumeFull, &[], "Enlarge the claim, or delete what is not needed."),

    (Kind::Warning, &["gets no figures of its pods"], "Install metrics-server, and give its pods requests."),
    (Kind::Warning, &["does not scale"], "Look at the autoscaler's metrics and target."),
    (Kind::Warning, &["prestop"], "Correct its preStop hook: it has only terminationGracePeriodSeconds."),
    (Kind::Warning, &["exceededgraceperiod"], "Let it stop at SIGTERM, or raise terminationGracePeriodSeconds."),
    (Kind::Warning, &["failedtoupdateendpoint", "failed to update endpoint"], "Usual when much changes at once; it is tried again."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_fits_what_kubernetes_says() {
        let check = |kind, reason: &str, message: &str, exit_code, expected: &str| {
            let (reason, message) = (reason.to_owned(), message.to_owned());
            let step = next_step(&AdverseEvent { kind, reason, message, exit_code, ..AdverseEvent::default() });
            assert!(step.is_some_and(|step| step.contains(expected)), "{kind:?}: {step:?}");
        };
        let scheduling = |message, expected| check(Kind::FailedScheduling, "FailedScheduling", message, None, expected);
        scheduling("No node takes it: 0/3 nodes are available: 3 Insufficient cpu.", "Ask for less");
        scheduling("0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.", "nodeSelector");
        scheduling("0/2 nodes are available: 2 node(s) had untolerated taint {gpu: true}.", "Tolerate");
        scheduling(
            "0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims.",
            "PersistentVolumeClaim",
        );
        scheduling("0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules.", "spread over");
        check(
            Kind::Eviction,
            "Evicted",
            "The node was low on resource: memory. Container disk-exporter was using 9Gi, request is 0.",
            None,
            "Request as",
        );
        check(Kind::Eviction, "Evicted", "The node was low on resource: ephemeral-storage.", None, "ephemeral-storage");
        check(Kind::CrashLoop, "CrashLoopBackOff", "Ended with an error, exit code 1", Some(1), "Read its last lines");
        check(Kind::CrashLoop, "CrashLoopBackOff", "Used more memory than its limit", Some(137), "memory limit");
        let ran_out = "Was killed because memory ran out: it has no limit of its own, so its node or pod was full";
        check(Kind::CrashLoop, "CrashLoopBackOff", ran_out, Some(137), "so that its node");
        check(Kind::OomKill, "OOMKilled", ran_out, Some(137), "so that its node");
        let timeout =
            "Its readiness probe failed (Get \"http://10.0.0.7:4040/\": context deadline exceeded): no requests.";
        check(Kind::FailedProbe, "Unhealthy", timeout, None, "what its readiness waits for");
        check(Kind::Restart, "Error", "Was told to stop with SIGTERM", Some(143), "liveness");
        check(Kind::FailedCreate, "FailedCreate", "violates PodSecurity \"restricted:latest\"", None, "Pod Security");
        check(Kind::FailedVolume, "FailedMount", "configmap \"web\" not found", None, "Create what it mounts");
        check(Kind::Node, "NodeNotReady", "The node does not report any more.", None, "kubelet");
        let other = AdverseEvent { reason: "Strange".into(), ..AdverseEvent::default() };
        assert_eq!(next_step(&other), None, "nothing is made up");
    }

    #[test]
    fn each_kind_but_a_bare_warning_has_a_step() {
        use Kind::*;
        let all = [
            Restart,
            OomKill,
            CrashLoop,
            FailedPull,
            FailedStart,
            Eviction,
            FailedScheduling,
            FailedProbe,
            FailedVolume,
            FailedCreate,
            StuckRollout,
            FailedJob,
            Quota,
            Autoscaler,
            Throttled,
            MemoryFull,
            VolumeFull,
        ];
        for kind in all {
            assert!(next_step(&AdverseEvent { kind, ..AdverseEvent::default() }).is_some(), "{kind:?}");
        }
    }
}
