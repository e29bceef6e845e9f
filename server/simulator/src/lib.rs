//! A simulated cluster: an API server over HTTP, controllers, kubelets, and a shop whose services send real OTLP.
//! Knows nothing of Binnacle: it is found through a kubeconfig, as any cluster is.

mod error;
mod kind;
mod object;
mod objects;
mod random;
mod select;
mod time;

pub use error::Error;
