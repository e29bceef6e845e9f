//! Every page, rendered through the router with a fake backend: what is on it, its status, and that no string of
//! telemetry becomes markup. One file for each word of the screen; `answer.rs` asks for pages.

mod answer;
mod catalog;
mod deploys;
mod errors;
#[path = "../fake/mod.rs"]
mod fake;
mod feed;
mod hostile;
mod kubernetes;
mod logs;
mod markup;
mod metrics;
mod profiles;
mod service;
mod shell;
mod status;
mod trace;
mod traces;
