//! What Binnacle logs of itself.

use anyhow::Context;
use tracing_subscriber::EnvFilter;

/// Starts logging to standard error with the given filters.
pub(crate) fn start(filter: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(filter).with_context(|| format!("--log {filter:?} is not a tracing filter"))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        // What can't be logged, as on a full disk, would be said on standard error, where failing is a panic.
        .log_internal_errors(false)
        .try_init()
        .map_err(|error| anyhow::anyhow!("could not start logging: {error}"))
}
