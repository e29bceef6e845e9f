//! The one vocabulary of Binnacle, shared by the browser and the server: plain data, no I/O, no clock.
//!
//! Invariants: every collection is a `Vec` or `BTreeMap` (iteration order must be the same in both renders);
//! nothing here reads the time; `usize` never crosses the wire (wasm is 32-bit).

pub mod adverse;
pub mod apm;
pub mod bytes;
pub mod catalog;
pub mod containers;
pub mod deploys;
pub mod growth;
pub mod histogram;
pub mod id;
pub mod judged;
pub mod kubernetes;
pub mod leaks;
pub mod logs;
pub mod metrics;
mod page;
pub mod profiles;
pub mod resources;
pub mod revisions;
pub mod saturation;
pub mod sentence;
pub mod session;
pub mod status;
mod terms;
mod text;
pub mod time;
pub mod traces;
pub mod verdict;

pub use adverse::*;
pub use apm::*;
pub use bytes::bytes_text;
pub use catalog::*;
pub use containers::*;
pub use deploys::*;
pub use growth::{Growth, lasts};
pub use histogram::Histogram;
pub use id::*;
pub use judged::*;
pub use kubernetes::*;
pub use leaks::*;
pub use logs::*;
pub use metrics::*;
pub use page::Cursor;
pub use profiles::*;
pub use resources::*;
pub use revisions::*;
pub use saturation::*;
pub use sentence::*;
pub use session::{Demo, Stop, Viewer};
pub use status::*;
pub use text::Text;
pub use time::*;
pub use traces::*;
pub use verdict::*;
