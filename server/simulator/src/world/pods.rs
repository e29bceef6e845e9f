//! Scheduler and kubelets: a pod is placed, pulled, started, gets ready; crashes, is killed, ends.

use serde_json::{Value, json};

use super::{Due, World, condition, is_active};
use crate::kind::Kind;
use crate::object::{Key, Object, text, uid};
use crate::{random, time};

/// How a pod's container stands.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) key: Key,
    pub(super) node: String,
    pub(super) service: Option<usize>,
    /// `IMAGE NAME=value …`, which effects are matched with.
    pub(super) signature: String,
    pub(super) stage: Stage,
    pub(super) restarts: u32,
    pub(super) ready: bool,
    address: String,
    started: i64,
    last: Option<Value>,
}

/// What happens next with a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Placed,
    Pulling,
    CannotPull,
    WarmingUp,
    Running,
    BackOff,
    Ending,
    Done,
}

impl World {
    /// Looks at a pod that was written.
    pub(super) fn pod(&mut self, object: &Object) {
        let pod = object.value(Kind::Pod);
        let id = uid(&pod).to_owned();
        if text(&pod, "/spec/nodeName").is_empty() {
            return self.place(object, &pod);
        }
        let deleted = pod.pointer("/metadata/deletionTimestamp").is_some();
        let ours = self.has_node(text(&pod, "/spec/nodeName"));
        match self.runs.get_mut(&id) {
            Some(run) if deleted && run.stage != Stage::Ending => {
                run.stage = Stage::Ending;
                self.fleet_changed = true;
                let pause = time::seconds(self.random.between(0.8, 2.2));
                self.event(Kind::Pod, &pod, "Normal", "Killing", "Stopping container app");
                self.after(pause, Due::Pod(id));
            }
            Some(_) => {}
            // One that came to a node that is not ours, or is over, stays as it is.
            None if deleted || !is_active(&pod) || !ours => {}
            None => self.adopt(&pod, &id),
        }
    }

    fn place(&mut self, object: &Object, pod: &Value) {
        let fixed = text(pod, "/metadata/annotations/simulator~1node").to_owned();
        let node = if fixed.is_empty() { self.free_node(pod) } else { Some(fixed) };
        let now = self.now();
        let Some(node) = node else {
            let message = "0/0 nodes are available: no node is ready.";
            self.objects.modify(Kind::Pod, &object.key, |pod| {
                condition(&mut pod["status"], now, "PodScheduled", "False", "Unschedulable", message);
            });
            self.event(Kind::Pod, pod, "Warning", "FailedScheduling", message);
            return self.after(10 * time::SECOND, Due::Object(Kind::Pod, object.key.clone()));
        };
        self.objects.modify(Kind::Pod, &object.key, |pod| {
            pod["spec"]["nodeName"] = json!(node);
            condition(&mut pod["status"], now, "PodScheduled", "True", "", "");
        });
        let message = format!("Successfully assigned {}/{} to {node}", object.key.namespace, object.key.name);
        self.event(Kind::Pod, pod, "Normal", "Scheduled", &message);
    }

    fn adopt(&mut self, pod: &Value, id: &str) {
        let key = Key::of(pod);
        let containers = pod.pointer("/spec/containers").and_then(Value::as_array).into_iter().flatten();
        let mut signature = String::new();
        for container in containers {
            signature.push_str(text(container, "/image"));
            for variable in container["env"].as_array().into_iter().flatten() {
                signature.push_str(&format!(" {}={}", text(variable, "/name"), text(variable, "/value")));
            }
            signature.push(' ');
        }
        let app = format!("{}/{}", key.namespace, text(pod, "/metadata/labels/app"));
        let number = self.random.next();
        let run = Run {
            node: text(pod, "/spec/nodeName").to_owned(),
            service: self.scenario.find(&app),
            signature,
            stage: Stage::Placed,
            restarts: 0,
            ready: false,
            address: format!("10.{}.{}.{}", 200 + number % 40, (number >> 8) % 250, 2 + (number >> 16) % 250),
            started: 0,
            last: None,
            key,
        };
        self.runs.insert(id.to_owned(), run);
        let pause = time::seconds(self.random.between(0.3, 1.2));
        self.after(pause, Due::Pod(id.to_owned()));
    }

    /// Does what is due for a pod.
    pub(super) fn step_pod(&mut self, id: &str) {
        let Some(run) = self.runs.get(id).cloned() else { return };
        if self.down.contains(&run.node) {
            return self.after(2 * time::SECOND, Due::Pod(id.to_owned()));
        }
        let Some(object) = self.objects.get(Kind::Pod, &run.key) else { return };
        let pod = object.value(Kind::Pod);
        match run.stage {
            Stage::Placed => self.pull(id, &pod),
            Stage::Pulling => self.pulled(id, &run, &pod),
            Stage::CannotPull => self.pull_again(id, &run, &pod),
            Stage::WarmingUp => self.warmed_up(id, &run, &pod),
            Stage::Running => self.crash(id, &run, &pod),
            Stage::BackOff => self.start(id, &pod),
            Stage::Ending => _ = self.objects.remove(Kind::Pod, &run.key),
            Stage::Done => {}
        }
    }

    fn pull(&mut self, id: &str, pod: &Value) {
        let image = text(pod, "/spec/containers/0/image");
        self.event(Kind::Pod, pod, "Normal", "Pulling", &format!("Pulling image \"{image}\""));
        self.publish(id, json!({"waiting": {"reason": "ContainerCreating"}}));
        let pause = self.random.between(0.8, 3.0);
        self.stage(id, Stage::Pulling, pause);
    }

    fn pulled(&mut self, id: &str, run: &Run, pod: &Value) {
        if self.effect(run, |effect| effect.unpullable).is_some() {
            return self.pull_again(id, run, pod);
        }
        let image = text(pod, "/spec/containers/0/image");
        self.event(Kind::Pod, pod, "Normal", "Pulled", &format!("Successfully pulled image \"{image}\" in 1.2s"));
        self.start(id, pod);
    }

    fn pull_again(&mut self, id: &str, run: &Run, pod: &Value) {
        let image = text(pod, "/spec/containers/0/image");
        let message = format!(
            "Failed to pull image \"{image}\": rpc error: code = NotFound desc = failed to pull and unpack image \"{image}\": {image}: not found"
        );
        self.event(Kind::Pod, pod, "Warning", "Failed", &message);
        self.event(Kind::Pod, pod, "Warning", "Failed", "Error: ImagePullBackOff");
        self.event(Kind::Pod, pod, "Normal", "BackOff", &format!("Back-off pulling image \"{image}\""));
        let message = format!("Back-off pulling image \"{image}\": ErrImagePull: {message}");
        self.publish(id, json!({"waiting": {"reason": "ImagePullBackOff", "message": message}}));
        let tries = run.restarts;
        if let Some(run) = self.runs.get_mut(id) {
            run.restarts += 1;
        }
        self.stage(id, Stage::CannotPull, (10.0 * f64::from(1 << tries.min(5))).min(300.0));
        if let Some(run) = self.runs.get_mut(id) {
            // Tries to pull are no restarts; they are only counted here for their back-off.
            run.ready = false;
        }
    }

    fn start(&mut self, id: &str, pod: &Value) {
        let now = self.now();
        self.event(Kind::Pod, pod, "Normal", "Created", "Created container: app");
        self.event(Kind::Pod, pod, "Normal", "Started", "Started container app");
        let Some(run) = self.runs.get_mut(id) else { return };
        run.started = now.0;
        if run.stage == Stage::CannotPull {
            run.restarts = 0;
        }
        let run = run.clone();
        self.publish(id, json!({"running": {"startedAt": time::text(now)}}));
        if let Some(after) = self.effect(&run, |effect| effect.crash_after > 0.0).map(|effect| effect.crash_after) {
            return self.stage(id, Stage::Running, after);
        }
        let spread = self.random.between(0.8, 1.5);
        let warm_up = run.service.map_or(3.0, |index| self.scenario.services[index].warm_up) * spread;
        self.stage(id, Stage::WarmingUp, warm_up);
    }

    fn warmed_up(&mut self, id: &str, run: &Run, pod: &Value) {
        if text(pod, "/spec/restartPolicy") != "Always" {
            return self.finish(id, run);
        }
        if self.effect(run, |effect| effect.unready).is_some() {
            let message = "Readiness probe failed: HTTP probe failed with statuscode: 503";
            self.event(Kind::Pod, pod, "Warning", "Unhealthy", message);
            return self.stage(id, Stage::WarmingUp, 10.0);
        }
        if let Some(run) = self.runs.get_mut(id) {
            run.ready = true;
            run.stage = Stage::Done;
        }
        self.fleet_changed = true;
        self.publish(id, json!({"running": {"startedAt": time::text(model::Timestamp(run.started))}}));
    }

    fn finish(&mut self, id: &str, run: &Run) {
        if let Some(run) = self.runs.get_mut(id) {
            run.stage = Stage::Done;
        }
        let ended = self.terminated(id, run, "Completed", 0);
        self.publish(id, json!({"terminated": ended}));
        self.objects.modify(Kind::Pod, &run.key, |pod| pod["status"]["phase"] = json!("Succeeded"));
    }

    fn crash(&mut self, id: &str, run: &Run, pod: &Value) {
        let code = self.effect(run, |effect| effect.crash_after > 0.0).map_or(1, |effect| effect.exit_code);
        let ended = self.terminated(id, run, "Error", code);
        let back_off = (10.0 * f64::from(1 << run.restarts.min(5))).min(300.0);
        if let Some(run) = self.runs.get_mut(id) {
            run.last = Some(ended);
            run.restarts += 1;
            run.ready = false;
        }
        let message = format!("Back-off restarting failed container app in pod {}_{}", run.key.name, run.key.namespace);
        self.event(Kind::Pod, pod, "Warning", "BackOff", &message);
        let message = format!(
            "back-off {back_off}s restarting failed container=app pod={}_{}({id})",
            run.key.name, run.key.namespace
        );
        self.publish(id, json!({"waiting": {"reason": "CrashLoopBackOff", "message": message}}));
        self.stage(id, Stage::BackOff, back_off);
    }

    /// Kills a pod's container for its memory; it starts again at once.
    pub(super) fn oom(&mut self, id: &str) {
        let Some(run) = self.runs.get(id).cloned() else { return };
        let ended = self.terminated(id, &run, "OOMKilled", 137);
        if let Some(run) = self.runs.get_mut(id) {
            run.last = Some(ended.clone());
            run.restarts += 1;
            run.ready = false;
        }
        self.fleet_changed = true;
        self.publish(id, json!({"terminated": ended}));
        self.stage(id, Stage::BackOff, 1.0);
    }

    fn terminated(&self, id: &str, run: &Run, reason: &str, code: i32) -> Value {
        json!({"exitCode": code, "reason": reason, "startedAt": time::text(model::Timestamp(run.started)),
            "finishedAt": time::text(self.now()), "containerID": container_id(id, run.restarts)})
    }

    fn stage(&mut self, id: &str, stage: Stage, pause: f64) {
        if let Some(run) = self.runs.get_mut(id) {
            run.stage = stage;
        }
        self.after(time::seconds(pause), Due::Pod(id.to_owned()));
    }

    /// What is different about a pod, where something is.
    pub(super) fn effect(
        &self,
        run: &Run,
        has: impl Fn(&crate::story::Effect) -> bool,
    ) -> Option<&crate::story::Effect> {
        let service = run.service.map(|index| self.scenario.services[index].id())?;
        let mut effects = self.scenario.effects.iter();
        effects.find(|effect| effect.service == service && has(effect) && run.signature.contains(&effect.when))
    }

    /// Writes a pod's status as its kubelet sees it.
    fn publish(&mut self, id: &str, state: Value) {
        let (Some(run), now) = (self.runs.get(id).cloned(), self.now()) else { return };
        let host = self.node_address(&run.node);
        self.objects.modify(Kind::Pod, &run.key, |pod| {
            let image = text(pod, "/spec/containers/0/image").to_owned();
            let runs = state.get("running").is_some();
            let restarts = if run.stage == Stage::CannotPull || run.stage == Stage::Pulling { 0 } else { run.restarts };
            let mut container = json!({
                "name": pod["spec"]["containers"][0]["name"], "image": image, "imageID": "", "ready": run.ready,
                "started": runs, "restartCount": restarts, "state": state, "lastState": {},
            });
            if run.started > 0 {
                container["imageID"] =
                    json!(format!("{}@sha256:{}", image.split(':').next().unwrap_or_default(), random::digest(&image)));
                container["containerID"] = json!(container_id(id, restarts));
            }
            if let Some(last) = &run.last {
                container["lastState"] = json!({"terminated": last});
            }
            let status = &mut pod["status"];
            status["phase"] = json!(if run.started > 0 { "Running" } else { "Pending" });
            status["hostIP"] = json!(host);
            status["podIP"] = json!(run.address);
            status["podIPs"] = json!([{"ip": run.address}]);
            if status.get("startTime").is_none() {
                status["startTime"] = json!(time::text(now));
            }
            status["containerStatuses"] = json!([container]);
            let (holds, reason) = if run.ready { ("True", "") } else { ("False", "ContainersNotReady") };
            let message = if run.ready { "" } else { "containers with unready status: [app]" };
            condition(status, now, "PodReadyToStartContainers", "True", "", "");
            condition(status, now, "Initialized", "True", "", "");
            condition(status, now, "Ready", holds, reason, message);
            condition(status, now, "ContainersReady", holds, reason, message);
        });
    }
}

/// The id of a pod's container after so many restarts.
pub(crate) fn container_id(uid: &str, restarts: u32) -> String {
    format!("containerd://{}", random::digest(&format!("{uid}/{restarts}")))
}
