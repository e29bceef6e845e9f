//! What a simulator is started with.

use std::net::{Ipv4Addr, SocketAddr};

use crate::Scenario;

/// What a simulator is started with.
#[derive(Debug, Clone)]
pub struct Options {
    /// The same seed gives the same cluster: names, durations, failures.
    pub seed: u64,
    /// Where the API server listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Deployments beside the scenario's, for scale.
    pub services: u32,
    /// Pods beside the scenario's, for scale.
    pub pods: u32,
    /// Nodes beside the scenario's, for scale.
    pub nodes: u32,
    /// Requests a second from outside, all services together; 0 for no traffic.
    pub rate: f64,
    /// Changes a second of the pods that are there for scale.
    pub churn: f64,
    /// What runs and what happens.
    pub scenario: Scenario,
    /// Where traces go: `http://host:port` of OTLP/HTTP.
    pub otlp: Option<String>,
    /// How many seconds of past traffic are sent at the start: up to an hour.
    pub past: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 1,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            services: 0,
            pods: 0,
            nodes: 0,
            rate: 20.0,
            churn: 0.0,
            scenario: Scenario::shop(),
            otlp: None,
            past: 3_600.0,
        }
    }
}
