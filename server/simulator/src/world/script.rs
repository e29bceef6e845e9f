//! The script: what happens when, done the way people do it, by changing objects.

use serde_json::{Value, json};

use super::{Due, World};
use crate::kind::Kind;
use crate::object::{Key, number, text, uid};
use crate::story::Action;
use crate::time;

impl World {
    /// Plans the script: what was before `opening`, and the rounds from then on.
    pub(super) fn plan(&mut self, opening: model::Timestamp) {
        let scenario = self.scenario.clone();
        for (index, step) in scenario.before.iter().enumerate() {
            self.at(time::after(opening, -time::seconds(step.at)), Due::Step(index, 0));
        }
        for (index, step) in scenario.steps.iter().enumerate() {
            self.at(time::after(opening, time::seconds(step.at)), Due::Step(scenario.before.len() + index, 1));
        }
    }

    /// Does a step of the script, and plans it for the next round.
    pub(super) fn play(&mut self, index: usize, round: u32) {
        let scenario = self.scenario.clone();
        let step = scenario.before.iter().chain(&scenario.steps).nth(index);
        let Some(step) = step else { return };
        if round > 0 && scenario.period > 0.0 {
            self.after(time::seconds(scenario.period), Due::Step(index, round + 1));
        }
        tracing::debug!(action = ?step.action, round, "the script goes on");
        let numbered = |text: &str| text.replace("{round}", &round.to_string());
        match &step.action {
            Action::Deploy { service, tag, cause } => {
                self.set_tag(service, &numbered(tag), cause);
            }
            Action::Env { service, name, value } => {
                self.edit(service, |workload| set_env(workload, name, &numbered(value)));
            }
            Action::Config { service, key, value } => {
                let map = self.key(service, "-config");
                self.objects.modify(Kind::ConfigMap, &map, |map| map["data"][key] = json!(value));
            }
            Action::Rollback { service } => self.rollback(service),
            Action::Scale { service, replicas } => {
                self.edit(service, |workload| workload["spec"]["replicas"] = json!(replicas))
            }
            Action::Oom { service } => {
                let index = scenario.find(service);
                let victims = self
                    .runs
                    .iter()
                    .filter(|(_, run)| run.service == index && run.ready && !self.down.contains(&run.node));
                let victim = victims.min_by(|a, b| a.1.key.cmp(&b.1.key)).map(|(id, _)| id.clone());
                if let Some(victim) = victim {
                    self.oom(&victim);
                }
            }
            Action::NodeDown { node } => self.node_down(node),
            Action::NodeUp { node } => self.node_up(node),
        }
    }

    /// Rolls out another tag.
    pub(super) fn set_tag(&mut self, service: &str, tag: &str, cause: &str) {
        let Some(index) = self.scenario.find(service) else { return };
        let image = format!("{}:{tag}", self.scenario.services[index].image);
        self.edit(service, |workload| {
            if !cause.is_empty() {
                workload["metadata"]["annotations"]["kubernetes.io/change-cause"] = json!(cause);
            }
            template(workload)["spec"]["containers"][0]["image"] = json!(image);
        });
    }

    /// `kubectl rollout undo`: the template of the revision before.
    fn rollback(&mut self, service: &str) {
        let Some((kind, key)) = self.workload(service) else { return };
        let Some(workload) = self.objects.get(kind, &key) else { return };
        let of = if kind == Kind::Deployment { Kind::ReplicaSet } else { Kind::ControllerRevision };
        let known = self.objects.owned(of, workload.plain_value().map(uid).unwrap_or_default());
        let mut known: Vec<&Value> = known.iter().filter_map(|known| known.plain_value()).collect();
        let revision = |value: &Value| match text(value, "/metadata/annotations/deployment.kubernetes.io~1revision") {
            "" => number(value, "/revision"),
            text => text.parse().unwrap_or(0),
        };
        known.sort_by_key(|value| revision(value));
        let Some(previous) = known.len().checked_sub(2).map(|at| known[at]) else { return };
        let mut old = previous.pointer("/data/spec/template").unwrap_or(&previous["spec"]["template"]).clone();
        old.as_object_mut().map(|template| template.remove("$patch"));
        old["metadata"]["labels"].as_object_mut().map(|labels| labels.remove("pod-template-hash"));
        self.edit(service, |workload| {
            workload["metadata"]["annotations"].as_object_mut().map(|notes| notes.remove("kubernetes.io/change-cause"));
            *template(workload) = old;
        });
    }

    fn edit(&mut self, service: &str, change: impl FnOnce(&mut Value)) {
        if let Some((kind, key)) = self.workload(service) {
            self.objects.modify(kind, &key, change);
        }
    }

    fn workload(&self, service: &str) -> Option<(Kind, Key)> {
        let spec = &self.scenario.services[self.scenario.find(service)?];
        Some((Kind::named(&spec.kind)?, self.key(service, "")))
    }

    fn key(&self, service: &str, suffix: &str) -> Key {
        let (namespace, name) = service.split_once('/').unwrap_or(("default", service));
        Key::new(namespace, &format!("{name}{suffix}"))
    }
}

fn template(workload: &mut Value) -> &mut Value {
    let cron = workload["spec"].get("jobTemplate").is_some();
    if cron { &mut workload["spec"]["jobTemplate"]["spec"]["template"] } else { &mut workload["spec"]["template"] }
}

fn set_env(workload: &mut Value, name: &str, value: &str) {
    let env = &mut template(workload)["spec"]["containers"][0]["env"];
    for variable in env.as_array_mut().into_iter().flatten() {
        if variable["name"] == *name {
            variable["value"] = json!(value);
        }
    }
}
