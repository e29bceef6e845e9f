//! The cluster's own activity on a clock: controllers, scheduler, kubelets, the script. Time is a parameter: it jumps
//! from one thing that is due to the next, so that forty days take no longer than what happened in them.

mod build;
mod daemonset;
mod deployment;
mod events;
mod jobs;
mod nodes;
mod pods;
mod replicaset;
mod script;
mod slices;
mod statefulset;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use model::Timestamp;
use serde_json::{Value, json};

use self::pods::Run;
use crate::fleet::Fleet;
use crate::kind::Kind;
use crate::object::{self, Key, Object, text};
use crate::objects::{Objects, Touched};
use crate::random::{self, Random};
use crate::story::Scenario;
use crate::time;

/// Everything that acts.
#[derive(Debug)]
pub(crate) struct World {
    /// What it acts on.
    pub(crate) objects: Arc<Objects>,
    scenario: Arc<Scenario>,
    random: Random,
    /// Its root certificate, which every namespace has.
    authority: String,
    timers: BTreeMap<(Timestamp, u64), Due>,
    drawn: u64,
    runs: HashMap<String, Run>,
    /// Nodes that are silent.
    down: BTreeSet<String>,
    /// Those of which the control plane knows it.
    lost: BTreeSet<String>,
    /// Who serves, since when; the newest is last.
    fleets: Vec<(Timestamp, Fleet)>,
    fleet_changed: bool,
    /// Events before this would have expired.
    quiet_until: Timestamp,
}

/// A pod that takes traffic.
#[derive(Debug)]
pub(crate) struct Serving {
    pub(crate) uid: String,
    pub(crate) key: Key,
    pub(crate) node: String,
    pub(crate) service: usize,
    pub(crate) signature: String,
    /// Its node has fallen silent, which nobody knows yet: requests to it time out.
    pub(crate) is_silent: bool,
}

/// Something that is due at a time.
#[derive(Debug, Clone)]
enum Due {
    Pod(String),
    Object(Kind, Key),
    Step(usize, u32),
    NodeLost(String),
    Evict(String),
    Cron(Key),
}

/// More rounds than any chain of controllers needs; a guard against two that undo each other.
const ROUNDS: usize = 200;

impl World {
    /// Nothing acts yet.
    pub(crate) fn new(objects: Arc<Objects>, scenario: Arc<Scenario>, seed: u64) -> Self {
        Self {
            objects,
            scenario,
            random: Random::of(seed, "world"),
            authority: format!(
                "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
                random::digest(&format!("authority {seed}"))
            ),
            timers: BTreeMap::new(),
            drawn: 0,
            runs: HashMap::new(),
            down: BTreeSet::new(),
            lost: BTreeSet::new(),
            fleets: Vec::new(),
            fleet_changed: false,
            quiet_until: Timestamp(i64::MIN),
        }
    }

    /// The cluster's time.
    fn now(&self) -> Timestamp {
        self.objects.now()
    }

    /// Lets everything happen that is due until a time.
    pub(crate) fn advance(&mut self, until: Timestamp) {
        self.settle();
        while let Some(entry) = self.timers.first_entry().filter(|entry| entry.key().0 <= until) {
            let ((at, _), due) = entry.remove_entry();
            if at > self.now() {
                self.objects.set_now(at);
            }
            self.fire(due);
            self.settle();
            self.note_fleet();
        }
        if until > self.now() {
            self.objects.set_now(until);
        }
    }

    /// Who has served since when; the newest is last.
    pub(crate) fn fleets(&self) -> &[(Timestamp, Fleet)] {
        &self.fleets
    }

    /// Forgets who served before a time.
    pub(crate) fn forget_fleets(&mut self, before: Timestamp) {
        let first = self.fleets.partition_point(|(since, _)| *since <= before);
        self.fleets.drain(..first.saturating_sub(1));
    }

    /// Whether somebody else serves now than when this was asked last.
    pub(crate) fn take_fleet_changed(&mut self) -> bool {
        std::mem::take(&mut self.fleet_changed)
    }

    /// Adds who serves from now on.
    pub(crate) fn push_fleet(&mut self, fleet: Fleet) {
        self.fleets.push((self.now(), fleet));
    }

    /// What it plays.
    pub(crate) fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// Pods that take traffic, as far as the control plane knows.
    pub(crate) fn serving(&self) -> Vec<Serving> {
        let ready = self.runs.iter().filter(|(_, run)| run.ready && run.stage == pods::Stage::Done);
        let known = ready.filter(|(_, run)| !self.lost.contains(&run.node));
        known
            .filter_map(|(uid, run)| {
                Some(Serving {
                    uid: uid.clone(),
                    key: run.key.clone(),
                    node: run.node.clone(),
                    service: run.service?,
                    signature: run.signature.clone(),
                    is_silent: self.down.contains(&run.node),
                })
            })
            .collect()
    }

    fn fire(&mut self, due: Due) {
        match due {
            Due::Pod(uid) => self.step_pod(&uid),
            Due::Object(kind, key) => self.reconcile(kind, &key),
            Due::Step(index, round) => self.play(index, round),
            Due::NodeLost(node) => self.lose_node(&node),
            Due::Evict(node) => self.evict(&node),
            Due::Cron(key) => self.run_cron(&key),
        }
    }

    fn after(&mut self, nanos: i64, due: Due) {
        self.at(time::after(self.now(), nanos), due);
    }

    fn at(&mut self, at: Timestamp, due: Due) {
        self.drawn += 1;
        self.timers.insert((at, self.drawn), due);
    }

    /// Lets controllers react to what was written, and to what they write, until nothing is left to do.
    fn settle(&mut self) {
        for _ in 0..ROUNDS {
            let touched = self.objects.take_touched();
            if touched.is_empty() {
                return;
            }
            let mut dirty = BTreeSet::new();
            for touched in &touched {
                self.spread(touched, &mut dirty);
            }
            for (kind, key) in dirty {
                self.reconcile(kind, &key);
            }
        }
    }

    /// Whom a change concerns.
    fn spread(&mut self, touched: &Touched, dirty: &mut BTreeSet<(Kind, Key)>) {
        let Some(value) = touched.object.plain_value() else { return };
        let (kind, key) = (touched.kind, &touched.object.key);
        if touched.gone {
            for (kind, key) in self.objects.all_owned(object::uid(value)) {
                self.collect(kind, &key);
            }
            if kind == Kind::Pod {
                self.runs.remove(object::uid(value));
                self.fleet_changed = true;
            }
        } else {
            dirty.insert((kind, key.clone()));
        }
        if let Some(owner) = controller(value) {
            dirty.insert((owner.0, Key { namespace: key.namespace.clone(), name: owner.1.into() }));
        }
        match kind {
            Kind::Pod => dirty.extend(self.services_of(&key.namespace, value).map(|key| (Kind::Service, key))),
            Kind::Node => {
                let all = self.objects.plain(Kind::DaemonSet);
                dirty.extend(all.into_iter().map(|set| (Kind::DaemonSet, set.key.clone())));
            }
            _ => {}
        }
    }

    fn reconcile(&mut self, kind: Kind, key: &Key) {
        let Some(object) = self.objects.get(kind, key) else { return };
        if object.plain_value().is_none() {
            return;
        }
        match kind {
            Kind::Deployment => self.deployment(&object),
            Kind::ReplicaSet => self.replicaset(&object),
            Kind::StatefulSet => self.statefulset(&object),
            Kind::DaemonSet => self.daemonset(&object),
            Kind::Job => self.job(&object),
            Kind::CronJob => self.cron(&object),
            Kind::Pod => self.pod(&object),
            Kind::Service => self.slices(&object),
            Kind::Namespace => self.namespace(&object),
            _ => {}
        }
    }

    /// What was owned goes with its owner.
    fn collect(&mut self, kind: Kind, key: &Key) {
        if kind == Kind::Pod {
            self.delete_pod(key);
        } else {
            self.objects.remove(kind, key);
        }
    }

    /// Writes an object's status where it differs.
    fn set_status(&self, kind: Kind, object: &Object, status: Value) {
        self.objects.modify(kind, &object.key, |value| value["status"] = status);
    }

    /// Asks for a pod's end, as its owner does.
    fn delete_pod(&mut self, key: &Key) {
        let now = self.now();
        let Some(pod) = self.objects.get(Kind::Pod, key) else { return };
        let scheduled = pod.plain_value().is_some_and(|value| !text(value, "/spec/nodeName").is_empty());
        if scheduled {
            self.objects.modify(Kind::Pod, key, |value| crate::api::mark_deleted(value, now, 30));
        } else {
            self.objects.remove(Kind::Pod, key);
        }
    }

    /// Whatever a namespace always has.
    fn namespace(&mut self, namespace: &Object) {
        let metadata = |name: &str| json!({"name": name, "namespace": &*namespace.key.name});
        // Both are there already on every call but the first.
        let map = json!({"metadata": metadata("kube-root-ca.crt"), "data": {"ca.crt": self.authority}});
        let _ = self.objects.create(Kind::ConfigMap, map);
        let _ = self.objects.create(Kind::ServiceAccount, json!({"metadata": metadata("default")}));
    }
}

/// The controller that owns an object: kind and name.
fn controller(value: &Value) -> Option<(Kind, &str)> {
    let owners = value.pointer("/metadata/ownerReferences")?.as_array()?;
    let owner = owners.iter().find(|owner| owner["controller"] == Value::Bool(true))?;
    Some((Kind::named(owner["kind"].as_str()?)?, owner["name"].as_str()?))
}

/// A reference to a controller.
fn owner_reference(kind: Kind, owner: &Value) -> Value {
    json!([{
        "apiVersion": kind.api_version(), "kind": kind.place().name, "name": text(owner, "/metadata/name"),
        "uid": object::uid(owner), "controller": true, "blockOwnerDeletion": true,
    }])
}

/// Sets a condition; its time moves only when its status does.
fn condition(status: &mut Value, now: Timestamp, kind: &str, holds: &str, reason: &str, message: &str) {
    let before = status["conditions"].as_array().and_then(|all| all.iter().find(|known| known["type"] == *kind));
    let since = before.filter(|before| before["status"] == *holds).map(|before| before["lastTransitionTime"].clone());
    let mut new =
        json!({"type": kind, "status": holds, "lastTransitionTime": since.unwrap_or_else(|| json!(time::text(now)))});
    if !reason.is_empty() {
        new["reason"] = json!(reason);
    }
    if !message.is_empty() {
        new["message"] = json!(message);
    }
    if !status["conditions"].is_array() {
        status["conditions"] = json!([]);
    }
    let Some(all) = status["conditions"].as_array_mut() else { return };
    match all.iter_mut().find(|known| known["type"] == *kind) {
        Some(known) => *known = new,
        None => all.push(new),
    }
}

/// Whether a pod takes traffic.
fn is_ready(pod: &Value) -> bool {
    let conditions = pod.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
    let mut ready = conditions.filter(|known| known["type"] == "Ready");
    ready.any(|known| known["status"] == "True")
}

/// Whether a pod counts: it is neither being deleted nor at its end.
fn is_active(pod: &Value) -> bool {
    pod.pointer("/metadata/deletionTimestamp").is_none()
        && !matches!(text(pod, "/status/phase"), "Succeeded" | "Failed")
}
