//! One kubelet, asked once.

use model::ClusterId;
use store::{Batch, Store};

use super::batch::{Answered, Memory, batch};
use super::cadvisor::{Cadvisor, Figures};
use super::client::{Asker, Endpoint, Trouble};
use super::plan::Target;
use super::pods::Pods;
use super::readings::{missing, of_containers, of_summary};
use super::summary::Summary;

/// What it takes.
pub(super) struct Scrape {
    pub(super) asker: Asker,
    pub(super) store: Store,
    pub(super) cluster: ClusterId,
    pub(super) pods: Pods,
    pub(super) target: Target,
    pub(super) memory: Memory,
}

/// What came of it.
pub(super) struct Scraped {
    pub(super) target: Target,
    pub(super) memory: Memory,
    /// Anything was answered.
    pub(super) answered: bool,
    pub(super) troubles: Vec<Trouble>,
}

impl Scrape {
    /// Asks for containers and for the summary, and stores what is new.
    pub(super) async fn run(mut self) -> Scraped {
        let mut troubles: Vec<Trouble> = Vec::new();
        let containers = self.containers().await.map_err(|trouble| troubles.push(trouble)).ok();
        let summary = match troubles.first() {
            Some(trouble) if trouble.is_silence => None,
            _ => self.summary().await.map_err(|trouble| troubles.push(trouble)).ok(),
        };
        // What both fail for is said once.
        troubles.dedup();
        let answered = Answered { containers: containers.is_some() || summary.is_some(), summary: summary.is_some() };
        if answered.containers {
            let summary = summary.unwrap_or_default();
            if let Some(used) = summary.node.used(crate::run::now()) {
                self.store.nodes().keep(&self.cluster, &self.target.node, used);
            }
            let batch = self.batch(containers.unwrap_or_default(), &summary, answered);
            self.append(batch).await;
        }
        Scraped { target: self.target, memory: self.memory, answered: answered.containers, troubles }
    }

    fn batch(&mut self, mut containers: Vec<Figures>, summary: &Summary, answered: Answered) -> Batch {
        let now = crate::run::now();
        let is_known = |namespace: &str, pod: &str| self.pods.get(namespace, pod).is_some();
        containers.extend(missing(summary, &containers, is_known));
        let mut readings = of_containers(&containers, &self.pods, now);
        readings.extend(of_summary(summary, &self.pods, &readings, now));
        batch(&self.cluster, &self.target.node, readings, answered, &mut self.memory, now)
    }

    async fn containers(&self) -> Result<Vec<Figures>, Trouble> {
        let mut cadvisor = Cadvisor::default();
        self.asker.get(&self.target, Endpoint::Cadvisor, |piece| cadvisor.feed(piece, &self.pods)).await?;
        Ok(cadvisor.finish(&self.pods))
    }

    async fn summary(&self) -> Result<Summary, Trouble> {
        let mut body = Vec::new();
        self.asker.get(&self.target, Endpoint::Summary, |piece| body.extend_from_slice(piece)).await?;
        // A node of many pods says megabytes.
        let read = tokio::task::spawn_blocking(move || serde_json::from_slice(&body)).await;
        let read = read.unwrap_or_else(|error| Err(serde::de::Error::custom(error)));
        read.map_err(|error| Trouble::garbled(Endpoint::Summary, &error))
    }

    async fn append(&self, batch: Batch) {
        if batch.is_empty() {
            return;
        }
        // What a busy store does not take is let go: totals come again, and levels are new by then.
        if let Err(error) = self.store.telemetry().append(batch).await {
            tracing::warn!(%error, node = self.target.node, "what containers use could not be stored");
        }
    }
}
