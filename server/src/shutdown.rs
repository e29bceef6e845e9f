//! One token that every task carries, and a tracker that waits for them.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::{Context, anyhow};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long after its beginning tasks are left where they are.
const PATIENCE: Duration = Duration::from_secs(3);

/// Ends everything, in order.
#[derive(Clone)]
pub(crate) struct Shutdown {
    token: CancellationToken,
    tasks: TaskTracker,
    began: Arc<OnceLock<Instant>>,
    failed: Arc<Mutex<Option<anyhow::Error>>>,
}

impl Shutdown {
    /// Of which nothing has begun.
    fn new() -> Self {
        let (began, failed) = (Arc::default(), Arc::default());
        Self { token: CancellationToken::new(), tasks: TaskTracker::new(), began, failed }
    }

    /// Begins on SIGTERM or SIGINT.
    pub(crate) fn on_signals() -> anyhow::Result<Self> {
        let shutdown = Self::new();
        let mut terminate = signal(SignalKind::terminate()).context("could not listen for SIGTERM")?;
        let mut interrupt = signal(SignalKind::interrupt()).context("could not listen for SIGINT")?;
        let begun = shutdown.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            tracing::info!("shutting down");
            begun.begin();
        });
        Ok(shutdown)
    }

    /// The token that a task watches.
    pub(crate) fn token(&self) -> CancellationToken {
        self.token.clone()
    }

    fn begin(&self) -> Instant {
        let began = *self.began.get_or_init(Instant::now);
        self.token.cancel();
        began
    }

    /// Spawns a task that ends when the token says so. When one ends with an error, everything ends: a process that
    /// does not do its work must not look alive.
    pub(crate) fn spawn<F>(&self, name: &'static str, task: F)
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let shutdown = self.clone();
        self.tasks.spawn(async move {
            // A second task, so that a panic is seen too.
            let error = match tokio::spawn(task).await {
                Ok(Ok(())) => return,
                Ok(Err(error)) => error.context(format!("{name} failed")),
                Err(panic) => anyhow!("{name} panicked: {panic}"),
            };
            tracing::error!("{error:#}");
            shutdown.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            shutdown.begin();
        });
    }

    /// Waits for the tasks, for a while from the beginning of the shutdown on. The error is the first that a task ended
    /// with.
    pub(crate) async fn finish(&self) -> anyhow::Result<()> {
        let until = self.begin() + PATIENCE;
        self.tasks.close();
        if tokio::time::timeout_at(until, self.tasks.wait()).await.is_err() {
            tracing::warn!("some tasks did not end in {} s and were left", PATIENCE.as_secs());
        }
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).take().map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_fails_ends_everything_and_is_a_failure_of_the_process() {
        let shutdown = Shutdown::new();
        let token = shutdown.token();
        shutdown.spawn("waiting", async move {
            token.cancelled().await;
            Ok(())
        });
        shutdown.spawn("working", async { Err(anyhow!("no more disk")) });
        shutdown.token().cancelled().await;
        let error = shutdown.finish().await.unwrap_err();
        assert_eq!(format!("{error:#}"), "working failed: no more disk");
    }

    #[tokio::test]
    async fn a_task_that_panics_is_one_too_and_who_ends_in_order_is_none() {
        let shutdown = Shutdown::new();
        shutdown.spawn("working", async { panic!("out of bounds") });
        shutdown.token().cancelled().await;
        assert!(shutdown.finish().await.unwrap_err().to_string().starts_with("working panicked"));
        let shutdown = Shutdown::new();
        shutdown.spawn("done", async { Ok(()) });
        shutdown.finish().await.unwrap();
    }

    #[tokio::test]
    async fn a_task_that_does_not_end_is_left() {
        let shutdown = Shutdown::new();
        shutdown.spawn("endless", std::future::pending());
        shutdown.finish().await.unwrap();
    }
}
