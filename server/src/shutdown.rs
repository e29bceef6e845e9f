//! One token that every task carries, and a tracker that waits for them.

use std::time::Duration;

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long tasks may take to end before they are left.
const PATIENCE: Duration = Duration::from_secs(3);

/// Ends everything, in order.
#[derive(Clone)]
pub(crate) struct Shutdown {
    token: CancellationToken,
    tasks: TaskTracker,
}

impl Shutdown {
    /// Begins on SIGTERM or SIGINT.
    pub(crate) fn on_signals() -> anyhow::Result<Self> {
        let shutdown = Self { token: CancellationToken::new(), tasks: TaskTracker::new() };
        let mut terminate = signal(SignalKind::terminate()).context("could not listen for SIGTERM")?;
        let mut interrupt = signal(SignalKind::interrupt()).context("could not listen for SIGINT")?;
        let token = shutdown.token.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            tracing::info!("shutting down");
            token.cancel();
        });
        Ok(shutdown)
    }

    /// The token that a task watches.
    pub(crate) fn token(&self) -> CancellationToken {
        self.token.clone()
    }

    /// Spawns a task that ends when the token says so. When one ends with an error, everything ends: a process that
    /// does not do its work must not look alive.
    pub(crate) fn spawn<F>(&self, name: &'static str, task: F)
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let token = self.token.clone();
        self.tasks.spawn(async move {
            // A second task, so that a panic is seen too.
            match tokio::spawn(task).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::error!("{name} failed: {error:#}");
                    token.cancel();
                }
                Err(panic) => {
                    tracing::error!("{name} panicked: {panic}");
                    token.cancel();
                }
            }
        });
    }

    /// Waits for the tasks, for a while.
    pub(crate) async fn finish(&self) {
        self.token.cancel();
        self.tasks.close();
        if tokio::time::timeout(PATIENCE, self.tasks.wait()).await.is_err() {
            tracing::warn!("some tasks did not end in {} s and were left", PATIENCE.as_secs());
        }
    }
}
