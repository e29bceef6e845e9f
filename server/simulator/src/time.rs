//! Moments as Kubernetes writes them. Where the time comes from is the caller's business.

use std::time::{SystemTime, UNIX_EPOCH};

use model::Timestamp;

/// Nanoseconds of a second.
pub(crate) const SECOND: i64 = 1_000_000_000;
/// Nanoseconds of a minute.
pub(crate) const MINUTE: i64 = 60 * SECOND;
/// Nanoseconds of a day.
pub(crate) const DAY: i64 = 24 * 60 * MINUTE;

/// The machine's time, moved by a skew.
pub(crate) fn now(skew: i64) -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(since.as_nanos() as i64 + skew)
}

/// So many seconds, with a fraction.
pub(crate) fn seconds(count: f64) -> i64 {
    (count * SECOND as f64) as i64
}

/// Later by so many nanoseconds.
pub(crate) fn after(at: Timestamp, nanos: i64) -> Timestamp {
    Timestamp(at.0.saturating_add(nanos))
}

/// `2026-11-24T07:00:00Z`, as in `creationTimestamp`.
pub(crate) fn text(at: Timestamp) -> String {
    jiff::Timestamp::from_second(at.0.div_euclid(SECOND)).map(|at| at.to_string()).unwrap_or_default()
}

/// With microseconds, as in `eventTime`.
pub(crate) fn micro_text(at: Timestamp) -> String {
    jiff::Timestamp::from_nanosecond(i128::from(at.0)).map(|at| format!("{at:.6}")).unwrap_or_default()
}

/// With nanoseconds, as kubelets stamp lines of logs.
pub(crate) fn nano_text(at: Timestamp) -> String {
    jiff::Timestamp::from_nanosecond(i128::from(at.0)).map(|at| format!("{at:.9}")).unwrap_or_default()
}

/// What `text` has written, or nothing.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let at: jiff::Timestamp = text.parse().ok()?;
    i64::try_from(at.as_nanosecond()).ok().map(Timestamp)
}
