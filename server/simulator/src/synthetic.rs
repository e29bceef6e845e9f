//! Objects by the thousand for tests of scale: nothing is kept of them but their number, the rest is written into a
//! canned body when somebody asks.

mod bodies;

use std::sync::Arc;

use model::Timestamp;

use self::bodies::Bodies;
use crate::kind::Kind;
use crate::object::{Key, Render};
use crate::objects::Objects;
use crate::options::Options;
use crate::random::Random;

/// Services of a namespace.
const PER_NAMESPACE: u32 = 100;

/// Adds the objects that options ask for.
pub(crate) fn fill(objects: &Arc<Objects>, options: &Options) {
    let (services, nodes) =
        (options.services.max(u32::from(options.pods > 0)), options.nodes.max(u32::from(options.pods > 0)));
    if services == 0 && nodes == 0 {
        return;
    }
    let bodies = Bodies { seed: options.seed, services, pods: options.pods, nodes, opened: objects.now() };
    let render: Arc<dyn Render> = Arc::new(bodies);
    for index in 0..services.div_ceil(PER_NAMESPACE) {
        objects.create_canned(Kind::Namespace, Key::new("", &bodies::namespace(index)), &render, index);
    }
    for index in 0..nodes {
        objects.create_canned(Kind::Node, Key::new("", &bodies::node(index)), &render, index);
    }
    for index in 0..services {
        let namespace: Arc<str> = bodies::namespace(index / PER_NAMESPACE).into();
        for kind in [Kind::Deployment, Kind::ReplicaSet, Kind::Service, Kind::EndpointSlice] {
            let key = Key { namespace: namespace.clone(), name: bodies::name(kind, index).into() };
            objects.create_canned(kind, key, &render, index);
        }
    }
    let namespaces: Vec<Arc<str>> =
        (0..services.div_ceil(PER_NAMESPACE)).map(|index| bodies::namespace(index).into()).collect();
    for index in 0..options.pods {
        objects.create_canned(Kind::Pod, pod_key(&namespaces, services, index), &render, index);
    }
}

fn pod_key(namespaces: &[Arc<str>], services: u32, index: u32) -> Key {
    let namespace = namespaces[(index % services / PER_NAMESPACE) as usize].clone();
    Key { namespace, name: bodies::pod(index % services, index).into() }
}

/// Changes pods that are there for scale.
pub(crate) struct Churner {
    pods: Vec<Key>,
    random: Random,
    rate: f64,
    since: Option<Timestamp>,
    owed: f64,
}

impl Churner {
    /// So many changes a second.
    pub(crate) fn new(objects: &Objects, rate: f64) -> Self {
        let pods = if rate > 0.0 { objects.canned(Kind::Pod) } else { Vec::new() };
        Self { pods, random: Random::new(7), rate, since: None, owed: 0.0 }
    }

    /// Makes the changes that are due.
    pub(crate) fn churn(&mut self, objects: &Objects, now: Timestamp) {
        let since = self.since.replace(now).unwrap_or(now);
        if self.pods.is_empty() {
            return;
        }
        // After a pause nothing is caught up on.
        self.owed += self.rate * ((now.0 - since.0) as f64 / 1e9).clamp(0.0, 1.0);
        while self.owed >= 1.0 {
            self.owed -= 1.0;
            objects.churn(Kind::Pod, &self.pods[self.random.below(self.pods.len())]);
        }
    }
}
