//! A world without a cluster, and short ways to write Kubernetes objects.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(unreachable_pub, reason = "each test file is a crate of its own")]
#![allow(clippy::unwrap_used, reason = "all of this runs in tests")]

use std::collections::{BTreeMap, HashMap};

use cluster::slim::Object;
use cluster::world::World;
use cluster::{Kind, Redactor, Values};
use model::{AdverseEvent, AdverseKind, ClusterId, Deploy, MINUTE, PodState, ServiceState, Timestamp};
use serde_json::{Value, json};
use store::{ClusterMemory, ClusterRecord};

/// Minute 0 of all tests.
pub const START: i64 = 1_700_000_000;

/// A minute, as a timestamp.
pub fn at(minutes: i64) -> Timestamp {
    Timestamp::from_seconds(START).plus(minutes * MINUTE)
}

/// A minute, as Kubernetes writes it.
pub fn iso(minutes: i64) -> String {
    jiff::Timestamp::from_second(START + minutes * 60).unwrap().to_string()
}

/// A world, its clock and all it ever told.
pub struct Bench {
    pub world: World,
    pub now: i64,
    pub all: ClusterRecord,
    texts: HashMap<String, String>,
}

impl Bench {
    /// A cluster with these objects, listed for the first time at a minute.
    pub fn list(minute: i64, objects: &[Value]) -> Self {
        Self::resume(minute, objects, ClusterMemory::default(), HashMap::new(), &[])
    }

    /// The same after what another bench told: the process was down in between.
    pub fn again(before: Self, minute: i64, objects: &[Value]) -> Self {
        Self::again_without(before, minute, objects, &[])
    }

    /// The same, where kinds may not be listed.
    pub fn again_without(before: Self, minute: i64, objects: &[Value], denied: &[Kind]) -> Self {
        let memory = before.memory();
        Self::resume(minute, objects, memory, before.texts, denied)
    }

    fn resume(
        minute: i64,
        objects: &[Value],
        memory: ClusterMemory,
        texts: HashMap<String, String>,
        denied: &[Kind],
    ) -> Self {
        let redactor = Redactor::new([1; 32], Values::Safe);
        let scopes = Kind::ALL.map(|kind| (kind, None));
        let id = ClusterId("c".into());
        let world = World::new(id.clone(), redactor, memory, scopes);
        let mut bench = Self { world, now: minute, all: ClusterRecord::new(id), texts };
        bench.list_without(objects, denied);
        bench
    }

    /// Every kind is listed anew.
    pub fn relist(&mut self, objects: &[Value]) -> ClusterRecord {
        self.list_without(objects, &[])
    }

    fn list_without(&mut self, objects: &[Value], denied: &[Kind]) -> ClusterRecord {
        for kind in Kind::ALL {
            if denied.contains(&kind) {
                self.world.forbidden(&(kind, None));
                continue;
            }
            let of_kind = objects.iter().filter(|object| object["kind"] == kind.name()).cloned();
            let of_kind = of_kind.map(|object| Object::parse(kind, object).unwrap()).collect();
            self.world.replace(&(kind, None), of_kind, at(self.now));
        }
        self.settle()
    }

    /// Objects change, then all is settled.
    pub fn apply(&mut self, objects: &[Value]) -> ClusterRecord {
        for object in objects {
            self.world.apply(parse(object), at(self.now));
        }
        self.settle()
    }

    /// Objects go, then all is settled.
    pub fn delete(&mut self, objects: &[Value]) -> ClusterRecord {
        for object in objects {
            self.world.delete(&parse(object), at(self.now));
        }
        self.settle()
    }

    /// An object changes and is gone at once, then all is settled.
    pub fn applied_and_deleted(&mut self, object: &Value) -> ClusterRecord {
        self.world.apply(parse(object), at(self.now));
        self.delete(std::slice::from_ref(object))
    }

    /// Minutes pass.
    pub fn wait(&mut self, minutes: i64) -> ClusterRecord {
        self.now += minutes;
        self.settle()
    }

    pub fn settle(&mut self) -> ClusterRecord {
        let mut settled = self.world.settle(at(self.now));
        settled.record.versions = self.world.take_versions();
        self.texts.extend(settled.record.versions.iter().map(|version| (version.hash.clone(), version.text.clone())));
        self.world.answer(&mut settled, &self.texts);
        let record = settled.record;
        self.keep(record.clone());
        record
    }

    fn keep(&mut self, record: ClusterRecord) {
        self.all.services.extend(record.services);
        self.all.pods.extend(record.pods);
        self.all.revisions.extend(record.revisions);
        self.all.deploys.extend(record.deploys);
        self.all.adverse.extend(record.adverse);
        self.all.config_changes.extend(record.config_changes);
        self.all.versions.extend(record.versions);
        self.all.related.extend(record.related);
    }

    fn memory(&self) -> ClusterMemory {
        let newest =
            |rows: Vec<(String, usize)>| rows.into_iter().collect::<HashMap<_, _>>().into_values().collect::<Vec<_>>();
        let keys = |ids: Vec<String>| newest(ids.into_iter().enumerate().map(|(at, id)| (id, at)).collect());
        let all = &self.all;
        let services = keys(all.services.iter().map(|service| service.id.to_string()).collect());
        let pods = keys(all.pods.iter().map(|pod| pod.id.to_string()).collect());
        let deploys = keys(all.deploys.iter().map(|deploy| deploy.id.to_string()).collect());
        let revisions =
            keys(all.revisions.iter().map(|revision| format!("{}{}", revision.service, revision.hash)).collect());
        let adverse = keys(all.adverse.iter().map(|event| event.key.clone()).collect());
        let versions = all.versions.iter();
        ClusterMemory {
            services: services
                .into_iter()
                .map(|at| all.services[at].clone())
                .filter(|service| service.deleted.is_none())
                .collect(),
            pods: pods.into_iter().map(|at| all.pods[at].clone()).filter(|pod| pod.ended.is_none()).collect(),
            deploys: deploys.into_iter().map(|at| all.deploys[at].clone()).collect(),
            revisions: revisions.into_iter().map(|at| all.revisions[at].clone()).collect(),
            adverse: adverse.into_iter().map(|at| all.adverse[at].clone()).collect(),
            versions: versions.map(|v| (v.kind.clone(), v.namespace.clone(), v.name.clone(), v.hash.clone())).collect(),
        }
    }

    /// The newest state of a service, by `Kind/name`.
    pub fn service(&self, local: &str) -> ServiceState {
        let found = self.all.services.iter().rev().find(|service| service.id.local() == format!("shop/{local}"));
        found.unwrap_or_else(|| panic!("no service {local}")).clone()
    }

    /// Services that are not deleted, by `Kind/name`.
    pub fn services(&self) -> Vec<String> {
        let newest: BTreeMap<String, &ServiceState> =
            self.all.services.iter().map(|s| (format!("{}/{}", s.id.kind, s.id.name), s)).collect();
        newest.into_iter().filter(|(_, state)| state.deleted.is_none()).map(|(name, _)| name).collect()
    }

    /// The newest state of a pod.
    pub fn pod(&self, name: &str) -> PodState {
        self.all
            .pods
            .iter()
            .rev()
            .find(|pod| pod.name == name)
            .unwrap_or_else(|| panic!("no pod {name}"))
            .as_ref()
            .clone()
    }

    /// The newest state of each deploy, in order.
    pub fn deploys(&self) -> Vec<Deploy> {
        let mut deploys: Vec<Deploy> = Vec::new();
        for deploy in &self.all.deploys {
            deploys.retain(|known| known.id != deploy.id);
            deploys.push(deploy.clone());
        }
        deploys.sort_by_key(|deploy| deploy.id.sequence);
        deploys
    }

    /// The newest state of adverse events of a kind.
    pub fn adverse(&self, kind: AdverseKind) -> Vec<AdverseEvent> {
        let mut events: Vec<AdverseEvent> = Vec::new();
        for event in self.all.adverse.iter().filter(|event| event.kind == kind) {
            events.retain(|known| known.key != event.key);
            events.push(event.clone());
        }
        events
    }
}

fn parse(object: &Value) -> Object {
    let kind = Kind::ALL.into_iter().find(|kind| object["kind"] == kind.name()).unwrap();
    Object::parse(kind, object.clone()).unwrap()
}

/// Puts fields of the second over those of the first.
pub fn with(mut base: Value, over: Value) -> Value {
    merge(&mut base, over);
    base
}

fn merge(base: &mut Value, over: Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                merge(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (base, over) => *base = over,
    }
}

/// An object with a uid made of kind and name.
pub fn object(kind: &str, name: &str, minute: i64) -> Value {
    json!({"kind": kind, "metadata": {"name": name, "namespace": "shop", "uid": format!("{kind}-{name}"), "creationTimestamp": iso(minute)}})
}

/// An object owned by another.
pub fn owned(kind: &str, name: &str, minute: i64, owner: (&str, &str)) -> Value {
    let group = match owner.0 {
        "Job" | "CronJob" => "batch/v1",
        "Rollout" => "argoproj.io/v1alpha1",
        "Prometheus" => "monitoring.coreos.com/v1",
        "Node" => "v1",
        _ => "apps/v1",
    };
    let reference = json!({"apiVersion": group, "kind": owner.0, "name": owner.1, "uid": format!("{}-{}", owner.0, owner.1), "controller": true});
    with(object(kind, name, minute), json!({"metadata": {"ownerReferences": [reference]}}))
}

/// A pod template with one container.
pub fn template(image: &str) -> Value {
    json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "app", "image": image}]}})
}

/// A Deployment `web` with an image, at a revision number, with so many replicas wanted, updated and available.
pub fn deployment(image: &str, number: i64, counts: (u32, u32, u32)) -> Value {
    let (wanted, updated, available) = counts;
    with(
        object("Deployment", "web", 0),
        json!({
            "metadata": {"generation": number, "annotations": {"deployment.kubernetes.io/revision": number.to_string()}},
            "spec": {"replicas": wanted, "template": template(image)},
            "status": {"observedGeneration": number, "replicas": wanted, "updatedReplicas": updated,
                       "availableReplicas": available, "readyReplicas": available},
        }),
    )
}

/// A ReplicaSet of `web`.
pub fn replica_set(hash: &str, image: &str, number: i64, minute: i64) -> Value {
    with(
        owned("ReplicaSet", &format!("web-{hash}"), minute, ("Deployment", "web")),
        json!({
            "metadata": {"labels": {"pod-template-hash": hash}, "annotations": {"deployment.kubernetes.io/revision": number.to_string()}},
            "spec": {"replicas": 1, "template": with(template(image), json!({"metadata": {"labels": {"pod-template-hash": hash}}}))},
        }),
    )
}

/// A pod of a ReplicaSet of `web`, ready since a minute.
pub fn pod(name: &str, hash: &str, created: i64, ready: Option<i64>) -> Value {
    let owner = format!("web-{hash}");
    let pod = owned("Pod", name, created, ("ReplicaSet", &owner));
    ready_pod(with(pod, json!({"metadata": {"labels": {"app": "web", "pod-template-hash": hash}}})), created, ready)
}

/// A pod with status.
pub fn ready_pod(pod: Value, created: i64, ready: Option<i64>) -> Value {
    let since = iso(ready.unwrap_or(created));
    let state = if ready.is_some() {
        json!({"running": {"startedAt": since}})
    } else {
        json!({"waiting": {"reason": "ContainerCreating"}})
    };
    with(
        pod,
        json!({
            "spec": {"nodeName": "n1", "containers": [{"name": "app", "image": "shop/web:v1", "resources": {"limits": {"memory": "256Mi"}}}]},
            "status": {"phase": if ready.is_some() { "Running" } else { "Pending" }, "podIP": "10.0.0.1",
                "conditions": [{"type": "Ready", "status": if ready.is_some() { "True" } else { "False" }, "lastTransitionTime": since},
                               {"type": "PodScheduled", "status": "True"}, {"type": "Initialized", "status": "True", "lastTransitionTime": iso(created)}],
                "containerStatuses": [{"name": "app", "restartCount": 0, "ready": ready.is_some(), "imageID": "web@sha256:one",
                                       "containerID": "containerd://abc", "state": state}]},
        }),
    )
}

/// A container status over that of a pod.
pub fn container(pod: Value, over: Value) -> Value {
    let mut pod = pod;
    merge(&mut pod["status"]["containerStatuses"][0], over);
    pod
}
