//! What a client of lists and watches may rely on. Runs on the simulator, and on a real API server where
//! `CONFORMANCE_SERVER`, `CONFORMANCE_TOKEN` and `CONFORMANCE_CA` (a file) name one; it must pass on both.

mod lists;
mod objects;
mod place;
#[path = "../support/mod.rs"]
mod support;
mod watches;
