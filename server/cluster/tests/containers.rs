//! What is kept of a pod's containers: roles, and what was asked for them over time.

mod support;

use model::{Amounts, ContainerRole, ContainerState, PodPhase, PodState, QosClass};
use serde_json::{Value, json};
use support::{Bench, at, container, deployment, iso, object, pod, replica_set, with};

/// The pod of a Deployment `web`, with its owners.
fn objects(pod: Value) -> [Value; 3] {
    [deployment("v1", 1, (1, 1, 1)), replica_set("aa", "v1", 1, 0), pod]
}

/// A pod whose container asks for so many MiB.
fn asking(mib: u32) -> Value {
    let resources = json!({"requests": {"cpu": "250m", "memory": format!("{mib}Mi")}, "limits": {"memory": "256Mi"}});
    let mut pod = with(pod("p", "aa", 0, Some(1)), json!({"status": {"qosClass": "Burstable"}}));
    pod["spec"]["containers"][0]["resources"] = resources;
    pod
}

/// The same pod, which may have so many GiB as a whole.
fn sharing(gib: u32) -> Value {
    let resources = json!({"requests": {"cpu": "1500m"}, "limits": {"memory": format!("{gib}Gi")}});
    with(asking(64), json!({"spec": {"resources": resources}}))
}

fn node(zone: &str) -> Value {
    with(object("Node", "n1", 0), json!({"metadata": {"labels": {"topology.kubernetes.io/zone": zone}}}))
}

fn memory(container: &ContainerState, minute: i64) -> Option<u64> {
    container.asked_at(at(minute)).requests.memory.map(|bytes| bytes >> 20)
}

#[test]
fn what_is_asked_for_is_kept_with_when_it_changed_in_place() {
    let mut bench = Bench::list(5, &objects(asking(64)));
    let of = |bench: &Bench| bench.pod("p").containers.remove(0);
    let first = of(&bench).asked;
    assert_eq!(first.requests, Amounts { cpu: Some(250), memory: Some(64 << 20) });
    assert_eq!(
        (first.limits, first.digest.as_deref()),
        (Amounts { cpu: None, memory: Some(256 << 20) }, Some("sha256:one"))
    );
    assert_eq!(bench.pod("p").qos, Some(QosClass::Burstable));
    bench.now = 20;
    bench.apply(&[asking(128)]);
    assert_eq!([19, 20].map(|minute| memory(&of(&bench), minute)), [Some(64), Some(128)]);
    // Nobody watches; meanwhile it was made larger again, and its image was pulled anew.
    let larger = container(asking(192), json!({"imageID": "web@sha256:two"}));
    let mut bench = Bench::again(bench, 40, &objects(larger.clone()));
    let sizes = [19, 20, 39, 40].map(|minute| memory(&of(&bench), minute));
    assert_eq!(sizes, [Some(64), Some(128), Some(128), Some(192)]);
    let digests = [39, 40].map(|minute| of(&bench).asked_at(at(minute)).digest.clone().unwrap());
    assert_eq!(digests, ["sha256:one", "sha256:two"]);
    bench.relist(&objects(larger));
    assert_eq!(of(&bench).before.len(), 2, "the same again is no change");
}

#[test]
fn what_is_asked_for_a_pod_as_a_whole_is_kept_with_when_it_changed_in_place() {
    assert_eq!(Bench::list(5, &objects(asking(64))).pod("p").whole, None);
    // A pod that was recorded before this was kept has always had what it has now.
    let mut bench = Bench::again(Bench::list(5, &objects(asking(64))), 10, &objects(sharing(1)));
    let limit = |bench: &Bench, minute: i64| bench.pod("p").limits_at(at(minute)).memory.unwrap() >> 20;
    assert_eq!(limit(&bench, 5), 256, "its container may use less");
    let whole = bench.pod("p").whole.unwrap();
    assert_eq!(whole.asked.requests, Amounts { cpu: Some(1_500), memory: None });
    assert_eq!((whole.asked.limits.memory, whole.before.len()), (Some(1 << 30), 0));
    let asked = bench.pod("p").requests_at(at(10));
    assert_eq!(asked, Amounts { cpu: Some(1_500), memory: Some(64 << 20) }, "memory is asked for its container alone");
    bench.now = 20;
    bench.apply(&[sharing(2)]);
    let whole = bench.pod("p").whole.unwrap();
    let sizes = [19, 20].map(|minute| whole.asked_at(at(minute)).limits.memory);
    assert_eq!(sizes, [Some(1 << 30), Some(2 << 30)]);
}

#[test]
fn a_pod_keeps_the_zone_of_its_node_whichever_is_known_first() {
    let mut bench = Bench::list(5, &objects(asking(64)));
    assert_eq!(bench.pod("p").zone, None);
    bench.apply(&[node("eu-1a")]);
    assert_eq!(bench.pod("p").zone.as_deref(), Some("eu-1a"));
    bench.delete(&[node("eu-1a")]);
    bench.apply(&[container(asking(64), json!({"restartCount": 1}))]);
    assert_eq!(bench.pod("p").zone.as_deref(), Some("eu-1a"), "the node is gone, where it was is not");
    let mut again = Bench::again(bench, 20, &objects(asking(64)));
    again.delete(&[asking(64)]);
    assert_eq!(again.pod("p").zone.as_deref(), Some("eu-1a"));
}

#[test]
fn containers_have_the_role_that_they_have_in_the_pod() {
    let running = json!({"running": {"startedAt": iso(1)}});
    let init = json!([{"name": "migrate", "image": "i"}, {"name": "proxy", "image": "i", "restartPolicy": "Always"}]);
    let pod = with(
        asking(64),
        json!({
            "spec": {"initContainers": init, "ephemeralContainers": [{"name": "debug", "image": "missing"}]},
            "status": {
                "initContainerStatuses": [
                    {"name": "migrate", "restartCount": 1, "state": {"terminated": {"reason": "Completed", "exitCode": 0}}},
                    {"name": "proxy", "ready": true, "restartCount": 2, "state": running},
                ],
                "ephemeralContainerStatuses": [{"name": "debug", "imageID": "x@sha256:d", "state": {"waiting": {"reason": "ImagePullBackOff"}}}],
            },
        }),
    );
    let mut bench = Bench::list(5, &objects(asking(64)));
    let (before, deploys) = (bench.all.adverse.len(), bench.deploys());
    bench.apply(&[pod]);
    let told = bench.pod("p");
    let of = |one: &ContainerState| (one.name.clone(), one.role, one.state.clone(), one.restarts);
    let containers: Vec<_> = told.containers.iter().map(of).collect();
    let expected = [
        ("migrate", ContainerRole::Init, "Completed", 1),
        ("proxy", ContainerRole::Sidecar, "running", 2),
        ("app", ContainerRole::Main, "running", 0),
        ("debug", ContainerRole::Ephemeral, "ImagePullBackOff", 0),
    ];
    assert_eq!(containers, expected.map(|(name, role, state, restarts)| (name.into(), role, state.into(), restarts)));
    assert_eq!((told.phase, told.reason), (PodPhase::Ready, None), "who looks inside changes nothing");
    let of_debug = bench.all.adverse[before..].iter().filter(|event| event.container.as_deref() == Some("debug"));
    assert_eq!(of_debug.count(), 0);
    assert_eq!(bench.deploys(), deploys, "its image is none of the revision's");
}

#[test]
fn what_only_this_pod_has_is_one_string_over_its_changes_and_a_restart() {
    let restarted = || container(pod("p", "aa", 0, Some(1)), json!({"restartCount": 1}));
    let objects = [deployment("v1", 1, (1, 1, 1)), replica_set("aa", "v1", 1, 0), pod("p", "aa", 0, Some(1))];
    let mut bench = Bench::list(5, &objects);
    let texts = |pod: &PodState| [pod.id.0.as_str().as_ptr(), pod.name.as_str().as_ptr(), pod.ips[0].as_str().as_ptr()];
    let first = texts(&bench.pod("p"));
    bench.apply(&[restarted()]);
    assert_eq!((bench.pod("p").restarts(), texts(&bench.pod("p"))), (1, first), "told anew with the same strings");
    let mut bench = Bench::again(bench, 10, &[objects[0].clone(), objects[1].clone(), restarted()]);
    bench.apply(&[container(pod("p", "aa", 0, Some(1)), json!({"restartCount": 2}))]);
    assert_eq!((bench.pod("p").restarts(), texts(&bench.pod("p"))), (2, first));
}
