//! Watches Kubernetes clusters and tells the store what they say: services, pods, revisions, deploys, adverse events.
//! Decisions are pure functions over what is kept of each object; time is a parameter. Knows nothing of telemetry,
//! of pages or of HTTP servers.

mod changes;
mod error;
mod kind;
mod redact;
mod slim;
mod template;
mod text;
mod versions;
