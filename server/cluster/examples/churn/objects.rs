//! Workloads and their pods as an API server writes them, with all that is left out of what is kept.

use model::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The cluster's id, as long as that of a real one.
pub(crate) const CLUSTER: &str = "0f0c6f0e-5a51-4a59-9d0f-6f2b8d1c7a33";
/// Pods of a workload.
const REPLICAS: usize = 50;
const NODES: u64 = 1_000;
/// Letters and digits of generated names (Kubernetes, `util/rand`).
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// What is said of a pod, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Created,
    Scheduled,
    Started,
    Ready,
}

/// A pod, and the one that it replaces.
#[derive(Debug, Default)]
struct Seat {
    run: u64,
    created: Timestamp,
    pod: Option<Value>,
    before: Option<Value>,
}

/// All pods, each of which is replaced in its own minute of the hour.
pub(crate) struct Fleet {
    seats: Vec<Seat>,
}

impl Fleet {
    pub(crate) fn new(pods: usize) -> Self {
        Self { seats: (0..pods).map(|_| Seat::default()).collect() }
    }

    /// The Deployments and their ReplicaSets.
    pub(crate) fn workloads(&self, now: Timestamp) -> Vec<Value> {
        let mut all = Vec::new();
        for number in 0..self.seats.len().div_ceil(REPLICAS) {
            let (name, set) = (deployment(number), set(number));
            let labels = json!({"app": name, "team": "shop"});
            let spec = json!({"replicas": REPLICAS, "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": spec(number, "")}});
            let meta = |name: &str, uid: String, owners: Value| {
                json!({"name": name, "namespace": "shop", "uid": uid, "labels": labels, "generation": 1,
                    "creationTimestamp": iso(now), "ownerReferences": owners,
                    "annotations": {"deployment.kubernetes.io/revision": "1"}})
            };
            let uid = uid_of(&["deployment", &name]);
            let owner =
                json!([{"apiVersion": "apps/v1", "kind": "Deployment", "name": name, "uid": uid, "controller": true}]);
            all.push(json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta(&name, uid, json!([])),
                "spec": spec, "status": {"observedGeneration": 1}}));
            let mut metadata = meta(&set, uid_of(&["set", &set]), owner);
            metadata["labels"]["pod-template-hash"] = hash(number).into();
            all.push(json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata, "spec": spec}));
        }
        all
    }

    /// What is said of the pods of a minute.
    pub(crate) fn told(&mut self, minute: i64, stage: Stage, now: Timestamp) -> Vec<Value> {
        let mut told = Vec::new();
        for (place, seat) in self.seats.iter_mut().enumerate().filter(|(place, _)| *place as i64 % 60 == minute) {
            if stage == Stage::Created {
                seat.before = seat.pod.take();
                (seat.run, seat.created) = (seat.run + 1, now);
            } else if seat.run == 0 {
                continue;
            }
            let pod = pod(place, seat.run, seat.created, stage, now);
            seat.pod = Some(pod.clone());
            told.push(pod);
        }
        told
    }

    /// Pods whose place was taken by those of a minute.
    pub(crate) fn gone(&mut self, minute: i64) -> Vec<Value> {
        let seats = self.seats.iter_mut().enumerate().filter(|(place, _)| *place as i64 % 60 == minute);
        seats.filter_map(|(_, seat)| seat.before.take()).collect()
    }
}

fn pod(place: usize, run: u64, created: Timestamp, stage: Stage, now: Timestamp) -> Value {
    let (number, place, run) = (place / REPLICAS, place.to_string(), run.to_string());
    let random = |what: &str| Sha256::digest([what, &place, &run].join("/"));
    let letters: String = random("name")[..5].iter().map(|it| LETTERS[*it as usize % LETTERS.len()] as char).collect();
    let (name, set) = (format!("{}-{letters}", set(number)), set(number));
    let bytes = random("place");
    let node = format!("ip-10-0-{}.eu-central-1.compute.internal", u64::from(bytes[0]) * u64::from(bytes[1]) % NODES);
    let ip = format!("10.{}.{}.{}", 64 + bytes[2] % 64, bytes[3], bytes[4]);
    let mut metadata = json!({"name": name, "generateName": format!("{set}-"), "namespace": "shop",
        "uid": uid_of(&["pod", &place, &run]), "resourceVersion": "88120371", "creationTimestamp": iso(created),
        "labels": {"app": deployment(number), "team": "shop", "pod-template-hash": hash(number)},
        "annotations": {"prometheus.io/scrape": "true", "cni.projectcalico.org/podIP": format!("{ip}/32")},
        "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": set,
            "uid": uid_of(&["set", &set]), "controller": true, "blockOwnerDeletion": true}]});
    metadata["managedFields"] = managed(now);
    let scheduled = stage != Stage::Created;
    let condition = |kind: &str, holds: bool| {
        json!({"type": kind, "status": if holds { "True" } else { "False" }, "lastProbeTime": null,
            "lastTransitionTime": iso(now)})
    };
    let (started, ready) = (matches!(stage, Stage::Started | Stage::Ready), stage == Stage::Ready);
    let mut status =
        json!({"phase": if started { "Running" } else { "Pending" }, "qosClass": "Burstable", "conditions": []});
    // The API server sets none; the scheduler and the kubelet do.
    if scheduled {
        status["conditions"] = json!([
            condition("PodScheduled", true),
            condition("Initialized", started),
            condition("ContainersReady", ready),
            condition("Ready", ready)
        ]);
    }
    if started {
        let containers = ["app", "proxy"].map(|container| {
            let id: String = random(container).iter().map(|byte| format!("{byte:02x}")).collect();
            json!({"name": container, "image": image(number, container), "restartCount": 0, "ready": ready,
                "started": true, "containerID": format!("containerd://{id}"),
                "imageID": format!("registry.example.com/{container}@sha256:{}", "7c".repeat(32)),
                "state": {"running": {"startedAt": iso(created.plus(2 * model::MINUTE))}}, "lastState": {}})
        });
        (status["podIP"], status["podIPs"]) = (ip.clone().into(), json!([{"ip": ip}]));
        status["containerStatuses"] = json!(containers);
    }
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata,
        "spec": spec(number, if scheduled { &node } else { "" }), "status": status})
}

/// A pod's spec, on a node or of a template.
fn spec(number: usize, node: &str) -> Value {
    let env: Vec<Value> =
        (0..12).map(|n| json!({"name": format!("SETTING_{n}"), "value": format!("value-{n}")})).collect();
    let containers = ["app", "proxy"].map(|container| {
        json!({"name": container, "image": image(number, container), "env": env,
            "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
            "volumeMounts": [{"name": "config", "mountPath": "/etc/app", "readOnly": true}],
            "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}, "periodSeconds": 10}})
    });
    let mut spec = json!({"containers": containers, "serviceAccountName": deployment(number),
        "volumes": [{"name": "config", "configMap": {"name": format!("{}-config", deployment(number))}}],
        "terminationGracePeriodSeconds": 30, "schedulerName": "default-scheduler"});
    if !node.is_empty() {
        spec["nodeName"] = node.into();
    }
    spec
}

/// Who set which field, as the API server notes it; a third of a pod is that.
fn managed(now: Timestamp) -> Value {
    let fields = |n: usize| (0..n).map(|n| (format!("f:field-{n}"), json!({}))).collect::<serde_json::Map<_, _>>();
    json!([
        {"manager": "kube-controller-manager", "operation": "Update", "apiVersion": "v1", "time": iso(now),
            "fieldsType": "FieldsV1", "fieldsV1": {"f:metadata": fields(8), "f:spec": fields(40)}},
        {"manager": "kubelet", "operation": "Update", "apiVersion": "v1", "time": iso(now), "subresource": "status",
            "fieldsType": "FieldsV1", "fieldsV1": {"f:status": fields(30)}},
    ])
}

fn deployment(number: usize) -> String {
    format!("service-{number}")
}

/// A ReplicaSet's hash, as long as those of Kubernetes.
fn hash(number: usize) -> String {
    let hash = Sha256::digest(deployment(number));
    hash[..10].iter().map(|byte| LETTERS[*byte as usize % LETTERS.len()] as char).collect()
}

fn set(number: usize) -> String {
    format!("{}-{}", deployment(number), hash(number))
}

fn image(number: usize, container: &str) -> String {
    format!("registry.example.com/shop/{}-{container}:v1.4.{number}", deployment(number))
}

fn uid_of(parts: &[&str]) -> String {
    let hash = Sha256::digest(parts.join("/"));
    let hex: String = hash[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

fn iso(at: Timestamp) -> String {
    jiff::Timestamp::from_second(at.seconds()).unwrap_or_default().to_string()
}
