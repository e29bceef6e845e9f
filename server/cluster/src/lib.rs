//! Watches Kubernetes clusters and tells the store what they say: services, pods, revisions, deploys, adverse events.
//! Decisions are pure functions over what is kept of each object; time is a parameter. Knows nothing of telemetry,
//! of pages or of HTTP servers.

mod adverse;
mod authors;
mod changes;
mod check;
mod connect;
mod deploys;
mod error;
#[cfg(test)]
mod fixtures;
mod identity;
mod kind;
mod kubelet;
mod links;
mod live;
mod owner;
mod podlogs;
mod redact;
mod releases;
mod revisions;
mod rights;
mod roles;
mod run;
mod selector;
pub mod slim;
mod source;
mod status;
mod template;
pub mod text;
mod versions;
mod watch;
pub mod world;

pub use changes::changes;
pub use check::{Finding, Outcome, check};
pub use error::Error;
pub use kind::Kind;
pub use kubelet::Options as KubeletOptions;
pub use live::{Live, Unread};
pub use redact::{Redactor, Values};
pub use roles::roles;
pub use run::{Options, run};
pub use source::{Source, sources};
