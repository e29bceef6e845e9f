//! Who serves at a moment: the ready pods of each service, as traffic sees them.

use std::sync::Arc;

use model::Timestamp;

use crate::kind::Kind;
use crate::object::text;
use crate::time;
use crate::world::{Serving, World};

/// The servers of each service, by its index in the scenario.
pub(crate) type Fleet = Arc<Vec<Vec<Arc<Server>>>>;

/// A pod that takes traffic.
#[derive(Debug, PartialEq)]
pub(crate) struct Server {
    /// Index of its service in the scenario.
    pub(crate) service: usize,
    pub(crate) pod: String,
    pub(crate) uid: String,
    pub(crate) node: String,
    pub(crate) address: String,
    pub(crate) version: String,
    pub(crate) container: String,
    /// When that container was started.
    pub(crate) started: Timestamp,
    /// MiB that its memory grows by in an hour.
    pub(crate) leak: f64,
    /// The effects that it is under, by their index in the scenario.
    pub(crate) effects: Vec<usize>,
    /// It is sent requests and does not answer.
    pub(crate) is_silent: bool,
}

impl World {
    /// Notes who serves from now on, where that has changed.
    pub(crate) fn note_fleet(&mut self) {
        if !self.take_fleet_changed() {
            return;
        }
        let mut fleet: Vec<Vec<Arc<Server>>> = self.scenario().services.iter().map(|_| Vec::new()).collect();
        for Serving { uid, key, node, service, signature, is_silent } in self.serving() {
            let Some(pod) = self.objects.get(Kind::Pod, &key) else { continue };
            let value = pod.value(Kind::Pod);
            let id = self.scenario().services[service].id();
            let effects = self.scenario().effects.iter().enumerate();
            let effects = effects.filter(|(_, effect)| effect.service == id && signature.contains(&effect.when));
            fleet[service].push(Arc::new(Server {
                service,
                pod: key.name.to_string(),
                uid,
                node,
                address: text(&value, "/status/podIP").to_owned(),
                version: text(&value, "/spec/containers/0/image").rsplit(':').next().unwrap_or_default().to_owned(),
                container: text(&value, "/status/containerStatuses/0/containerID")
                    .trim_start_matches("containerd://")
                    .to_owned(),
                started: time::parse(text(&value, "/status/containerStatuses/0/state/running/startedAt"))
                    .unwrap_or_default(),
                leak: self.scenario().leak(&id, &signature),
                effects: effects.map(|(index, _)| index).collect(),
                is_silent,
            }));
        }
        for servers in &mut fleet {
            servers.sort_by(|a, b| a.pod.cmp(&b.pod));
        }
        self.push_fleet(Arc::new(fleet));
    }
}
