//! What runs beside the requests: watching clusters, folding and retention.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use model::Timestamp;
use store::Store;

use crate::config::Config;
use crate::shutdown::Shutdown;

/// How often closed minutes are folded and old data is let go.
const MAINTENANCE: Duration = Duration::from_secs(60);

/// Now.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// Watches every configured cluster until shutdown; gives whom to ask for single objects.
pub(crate) fn spawn_clusters(
    sources: Vec<cluster::Source>,
    config: &Config,
    store: &Store,
    shutdown: &Shutdown,
) -> cluster::Live {
    let live = cluster::Live::default();
    if sources.is_empty() {
        tracing::warn!(
            "no cluster is configured: set KUBECONFIG or --kubeconfig, or run in a cluster; \
             the web interface and OTLP work meanwhile"
        );
    }
    for source in sources {
        let watching = cluster::run(source, config.cluster(&live), store.clone(), shutdown.token());
        shutdown.spawn("cluster watcher", async move { Ok(watching.await?) });
    }
    live
}

/// Judges deploys on schedule until shutdown.
pub(crate) fn spawn_verdicts(store: &Store, shutdown: &Shutdown) {
    let judging = verdicts::run(store.clone(), now, shutdown.token());
    shutdown.spawn("verdicts", async move {
        judging.await;
        Ok(())
    });
}

/// Folds and retains on schedule. A failure is logged and tried again: the disk may have room later.
pub(crate) fn spawn_maintenance(store: &Store, shutdown: &Shutdown) {
    let (store, token) = (store.clone(), shutdown.token());
    shutdown.spawn("maintenance", async move {
        let mut tick = tokio::time::interval(MAINTENANCE);
        loop {
            tokio::select! {
                () = token.cancelled() => return Ok(()),
                _ = tick.tick() => {}
            }
            let maintained = store.maintain(now());
            tokio::pin!(maintained);
            let outcome = tokio::select! {
                outcome = &mut maintained => outcome,
                () = token.cancelled() => {
                    store.end_maintenance();
                    maintained.await
                }
            };
            if let Err(error) = outcome {
                tracing::error!("maintenance failed, will try again: {error}");
            }
        }
    });
}
