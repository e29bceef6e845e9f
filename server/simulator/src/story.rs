//! What a simulated cluster runs and what happens to it: services, how they behave, a script. Plain data.

mod idle;
mod shop;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Error;

/// What runs and what happens.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scenario {
    /// How many nodes it has.
    pub nodes: u32,
    /// What runs.
    pub services: Vec<Service>,
    /// How what runs behaves where something is the case.
    pub effects: Vec<Effect>,
    /// What has happened before it is opened: `at` is the seconds before.
    pub before: Vec<Step>,
    /// What happens from then on: `at` is the seconds into each round.
    pub steps: Vec<Step>,
    /// The seconds of a round; 0 for only one.
    pub period: f64,
}

/// A workload and what it does.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Service {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// `Deployment`, `StatefulSet`, `DaemonSet` or `CronJob`.
    pub kind: String,
    /// The image without its tag.
    pub image: String,
    /// Tags, from the oldest to the one that runs at first.
    pub tags: Vec<String>,
    /// How many pods.
    pub replicas: u32,
    /// Environment variables.
    pub env: BTreeMap<String, String>,
    /// A mounted ConfigMap's data.
    pub config: BTreeMap<String, String>,
    /// Memory limit in MiB.
    pub memory_limit: u32,
    /// Memory in use in MiB.
    pub memory: f64,
    /// Size of the volume that each pod has, in MiB; 0 for none.
    pub volume: u32,
    /// MiB in use of it when a pod starts.
    pub stored: f64,
    /// MiB that it fills by in an hour.
    pub fills: f64,
    /// Cores in use.
    pub cpu: f64,
    /// Limit of cores; 0 for none.
    pub cpu_limit: f64,
    /// Its limits are those of its pods as a whole, whose containers have none of their own.
    pub limited_as_a_whole: bool,
    /// Seconds from start to ready.
    pub warm_up: f64,
    /// When a CronJob runs: `minute hour * * *` or `*/n * * * *`.
    pub schedule: String,
    /// What it answers.
    pub routes: Vec<Route>,
}

/// An endpoint of a service.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Route {
    /// `GET /products/{id}`, or `receive orders` for a queue's consumer.
    pub name: String,
    /// Its share of what comes from outside.
    pub weight: f64,
    /// Its own time in milliseconds.
    pub millis: f64,
    /// The share of requests that fail on a good day.
    pub errors: f64,
    /// What it calls, one after the other.
    pub calls: Vec<Call>,
}

/// A call of another service.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Call {
    /// `namespace/name`.
    pub service: String,
    /// The route there.
    pub route: String,
    /// How often it is made, 0 to 1.
    pub share: f64,
    /// The system of a database that has no spans of its own: `postgresql`.
    pub database: String,
    /// The queue that it goes through.
    pub queue: String,
}

/// What is different about pods of which something is true.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Effect {
    /// `namespace/name`.
    pub service: String,
    /// Part of the image's tag or of `NAME=value` in the environment; empty for always.
    pub when: String,
    /// Only this route, or all.
    pub route: String,
    /// The share of requests that fail.
    pub errors: f64,
    /// The exception's type.
    pub exception: String,
    /// The exception's message.
    pub message: String,
    /// HTTP status of what fails; 500 where 0.
    pub status: u16,
    /// Milliseconds that every request takes longer.
    pub slower: f64,
    /// Milliseconds that a failing request takes longer.
    pub stalls: f64,
    /// The image cannot be pulled.
    pub unpullable: bool,
    /// Containers end after so many seconds.
    pub crash_after: f64,
    /// With this code.
    pub exit_code: i32,
    /// MiB that memory grows by in an hour.
    pub leak: f64,
    /// Pods never get ready.
    pub unready: bool,
    /// What the container says last.
    pub last_words: Vec<String>,
}

/// Something that happens.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Step {
    /// Seconds: before the opening, or into the round.
    pub at: f64,
    /// What.
    #[serde(flatten)]
    pub action: Action,
}

/// What happens.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// Another tag is rolled out; `{round}` in it is the number of the round.
    Deploy {
        /// `namespace/name`.
        service: String,
        /// The tag.
        tag: String,
        /// `kubernetes.io/change-cause`.
        #[serde(default)]
        cause: String,
    },
    /// An environment variable is changed.
    Env {
        /// `namespace/name`.
        service: String,
        /// The variable.
        name: String,
        /// Its value; `{round}` in it is the number of the round.
        value: String,
    },
    /// A ConfigMap is edited in place.
    Config {
        /// `namespace/name`.
        service: String,
        /// The key.
        key: String,
        /// The value.
        value: String,
    },
    /// The template before is rolled out again.
    Rollback {
        /// `namespace/name`.
        service: String,
    },
    /// A container is killed for its memory.
    Oom {
        /// `namespace/name`.
        service: String,
    },
    /// Another number of pods is wanted.
    Scale {
        /// `namespace/name`.
        service: String,
        /// How many.
        replicas: u32,
    },
    /// A node is silent from now on.
    NodeDown {
        /// Its name.
        node: String,
    },
    /// A node is back.
    NodeUp {
        /// Its name.
        node: String,
    },
}

impl Scenario {
    /// A shop of a dozen services, to which everything happens that Binnacle is for.
    pub fn shop() -> Self {
        shop::scenario()
    }

    /// Nodes and namespaces; nothing runs and nothing happens.
    pub fn idle() -> Self {
        idle::scenario()
    }

    /// From a file in JSON, with these fields.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let scenario: Self = serde_json::from_str(text).map_err(|error| Error::Scenario(error.to_string()))?;
        scenario.check()?;
        Ok(scenario)
    }

    /// Refuses calls and steps that lead nowhere.
    fn check(&self) -> Result<(), Error> {
        let known = |service: &str| self.find(service).is_some();
        let refuse = |what: String| Err(Error::Scenario(what));
        let bad_kind = |kind: &str| !matches!(kind, "Deployment" | "StatefulSet" | "DaemonSet" | "CronJob");
        for service in &self.services {
            if service.tags.is_empty() || service.name.is_empty() || bad_kind(&service.kind) {
                return refuse(format!("service {} needs a name, a kind and a tag", service.id()));
            }
            for call in service.routes.iter().flat_map(|route| &route.calls).filter(|call| call.database.is_empty()) {
                let there = self.find(&call.service).map(|index| &self.services[index]);
                if !there.is_some_and(|there| there.routes.iter().any(|route| route.name == call.route)) {
                    return refuse(format!(
                        "{} calls {} {}, which is not there",
                        service.id(),
                        call.service,
                        call.route
                    ));
                }
            }
        }
        if self.has_cycle() {
            return refuse("services call each other in a circle".to_owned());
        }
        let steps = self.before.iter().chain(&self.steps).filter_map(|step| step.action.service());
        let named = steps.chain(self.effects.iter().map(|effect| effect.service.as_str()));
        match named.into_iter().find(|name| !known(name)) {
            Some(name) => refuse(format!("there is no service {name}")),
            None => Ok(()),
        }
    }

    fn has_cycle(&self) -> bool {
        let count = self.services.iter().map(|service| service.routes.len()).sum::<usize>();
        let mut level: Vec<_> =
            self.services.iter().flat_map(|service| &service.routes).flat_map(Route::targets).collect();
        for _ in 0..=count {
            level.sort();
            level.dedup();
            let routes = level.iter().filter_map(|(service, route)| self.route(service, route));
            level = routes.flat_map(Route::targets).collect();
        }
        !level.is_empty()
    }

    fn route(&self, service: &str, route: &str) -> Option<&Route> {
        let service = &self.services[self.find(service)?];
        service.routes.iter().find(|known| known.name == route)
    }

    /// The index of `namespace/name`.
    pub(crate) fn find(&self, id: &str) -> Option<usize> {
        let (namespace, name) = id.split_once('/')?;
        self.services.iter().position(|service| service.namespace == namespace && service.name == name)
    }
}

impl Route {
    /// Whom it calls.
    fn targets(&self) -> impl Iterator<Item = (String, String)> {
        self.calls.iter().map(|call| (call.service.clone(), call.route.clone()))
    }
}

impl Action {
    fn service(&self) -> Option<&str> {
        match self {
            Self::Deploy { service, .. }
            | Self::Env { service, .. }
            | Self::Config { service, .. }
            | Self::Rollback { service }
            | Self::Oom { service }
            | Self::Scale { service, .. } => Some(service),
            Self::NodeDown { .. } | Self::NodeUp { .. } => None,
        }
    }
}

impl Service {
    /// `namespace/name`.
    pub(crate) fn id(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

impl Default for Service {
    fn default() -> Self {
        Self {
            namespace: "default".to_owned(),
            name: String::new(),
            kind: "Deployment".to_owned(),
            image: String::new(),
            tags: Vec::new(),
            replicas: 1,
            env: BTreeMap::new(),
            config: BTreeMap::new(),
            memory_limit: 256,
            memory: 90.0,
            volume: 0,
            stored: 0.0,
            fills: 0.0,
            cpu: 0.05,
            cpu_limit: 0.0,
            limited_as_a_whole: false,
            warm_up: 5.0,
            schedule: String::new(),
            routes: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scenarios_that_come_along_are_whole_and_survive_a_file() {
        for scenario in [Scenario::shop(), Scenario::idle()] {
            scenario.check().unwrap();
            let text = serde_json::to_string(&scenario).unwrap();
            assert_eq!(serde_json::to_string(&Scenario::parse(&text).unwrap()).unwrap(), text);
        }
    }

    #[test]
    fn a_scenario_that_leads_nowhere_is_refused() {
        for (text, expect) in [
            (r#"{"services": [{"name": "a"}]}"#, "needs a name"),
            (r#"{"steps": [{"at": 1, "do": "oom", "service": "x/y"}]}"#, "no service x/y"),
            (r#"{"colour": "red"}"#, "colour"),
            (
                r#"{"services": [{"name": "a", "tags": ["1"], "routes": [{"name": "GET /",
                    "calls": [{"service": "default/a", "route": "GET /"}]}]}]}"#,
                "circle",
            ),
        ] {
            let error = Scenario::parse(text).unwrap_err().to_string();
            assert!(error.contains(expect), "{error}");
        }
    }
}
