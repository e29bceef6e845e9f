//! What a run came to, as it is printed.

use serde::Serialize;

use crate::client::Protocol;
use crate::data::Signal;

/// See the module. Times are nanoseconds since 1970.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) signal: Signal,
    pub(crate) protocol: Protocol,
    /// Records that the receiver said it has.
    pub(crate) acknowledged: u64,
    /// Records that it left out of requests it took.
    pub(crate) rejected: u64,
    /// Records of requests that it will never take.
    pub(crate) refused: u64,
    /// Why, of the first of them.
    pub(crate) refusal: Option<String>,
    /// Requests that were sent again.
    pub(crate) retried: u64,
    /// Bytes of the requests that were taken, before any compression.
    pub(crate) bytes: u64,
    /// From the first request to the last acknowledgement.
    pub(crate) seconds: f64,
    /// The earliest and the latest time of records.
    pub(crate) from: u64,
    pub(crate) to: u64,
    /// Trace ids that were sent, for questions, in hexadecimal; none of metrics.
    pub(crate) traces: Vec<String>,
}
