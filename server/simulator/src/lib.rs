//! A simulated cluster: an API server over HTTP, controllers, kubelets, and a shop whose services send real OTLP.
//! Knows nothing of Binnacle: it is found through a kubeconfig, as any cluster is.

mod api;
mod defaults;
mod error;
mod faults;
mod fleet;
mod kind;
mod kubelet;
mod object;
mod objects;
mod options;
mod otlp;
mod random;
mod select;
mod sender;
mod serve;
mod simulator;
mod story;
mod synthetic;
mod time;
mod traffic;
mod world;

pub use error::Error;
pub use faults::{Controls, Faults};
pub use options::Options;
pub use simulator::Simulator;
pub use story::{Action, Call, Effect, Route, Scenario, Service, Step};
