//! OTLP receivers: bytes from a socket become rows of the store, acknowledged after their commit. Knows OTLP and HTTP,
//! nothing of Kubernetes' API or of pages.
//!
//! `serve` (sockets) → `http` / `grpc` (transports) → `body` (limits, gzip, zstd) → `export` (one request) → `json`? →
//! `traces`, `logs`, `metrics` or `profiles` over `envelope` and `wire` → `store::Batch`; `respond` answers.

mod attributes;
mod body;
mod charged;
mod counters;
mod envelope;
mod error;
mod export;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
mod grpc;
mod http;
mod json;
mod limits;
mod logs;
mod metrics;
#[cfg(any(test, feature = "fuzz"))]
mod oracle;
mod owner;
mod profiles;
mod remote;
mod respond;
mod sampling;
mod serve;
mod signal;
mod traces;
mod value;
mod wire;
mod write;

pub use error::Error;
pub use export::Ingest;
pub use limits::Limits;
pub use serve::{serve_grpc, serve_http};
