//! Answers to every question a page asks: checks rights, asks the store and analysis, returns model types. One
//! module a feature; this file only delegates.

mod apm;
mod begun;
mod board;
mod catalog;
mod deploys;
mod kubernetes;
mod leaks;
mod logs;
pub(crate) mod machines;
mod memory;
mod metrics;
mod profiles;
mod resources;
mod session;
mod status;
mod textdiff;
mod traces;

use app::{AppError, Backend};
use async_trait::async_trait;
use ingest::Ingest;
use model::{
    Apm, CatalogPage, CatalogQuery, Comparison, Cursor, Demo, DeployDetail, DeployId, DeployRow, EndpointRow, ErrorRow,
    Feed, FeedQuery, JumpHit, KubernetesTab, LeakChart, LogPage, LogPatterns, Marks, MemoryChart, MetricChart,
    MetricCharts, MetricLabel, MetricNames, MetricQuery, MetricSeries, Pair, PodLanes, ProfilePage, ProfileWords,
    ResourceAsk, ResourcePage, RevisionHash, Revisions, SECOND, ServiceHeader, ServiceId, SpanDetail, SpanId, SpanPage,
    SpanQuery, Split, StatusPage, Timestamp, TraceId, TracePage, Viewer, Window, Zone,
};
use store::{Directory, Store};

use crate::demo;
use crate::jobs::now;
use board::Board;

/// The server's side of the port.
pub(crate) struct Answers {
    store: Store,
    ingest: Ingest,
    board: Board,
    started: Timestamp,
    receivers: Vec<(String, String)>,
    is_demo: bool,
    live: cluster::Live,
}

impl Answers {
    /// Over a store and its receivers.
    pub(crate) fn new(store: Store, ingest: Ingest, receivers: Vec<(String, String)>, is_demo: bool) -> Self {
        Self {
            board: Board::new(store.clone()),
            store,
            ingest,
            started: now(),
            receivers,
            is_demo,
            live: cluster::Live::default(),
        }
    }

    /// With clusters that can be asked for single objects.
    pub(crate) fn with(self, live: cluster::Live) -> Self {
        Self { live, ..self }
    }

    /// A service that is known, or "not found".
    fn known(&self, id: &ServiceId) -> Result<std::sync::Arc<model::ServiceState>, AppError> {
        let found = self.store.directory().service(id).cloned();
        found.ok_or_else(|| AppError::NotFound(format!("service {}", id.local())))
    }

    /// What the current revision of a service leaks, in a sentence.
    fn leak_of(&self, service: &model::ServiceState) -> Option<model::Sentence> {
        let leaks = self.store.leaks();
        let current = leaks.get(&service.id)?.iter().find(|leak| leak.revision == service.revision)?;
        Some(current.sentence.clone())
    }
}

/// The shown name of a revision; its hash where the directory has no name for it.
fn shown_name(directory: &Directory, service: &ServiceId, revision: &RevisionHash) -> String {
    directory.revision_name(service, revision).map_or_else(|| revision.to_string(), str::to_owned)
}

/// A window that ended no longer ago than this ends now.
const PRESENT: i64 = 60 * SECOND;

/// Whether a moment is over, so that what is so now says nothing of it.
fn is_past(moment: Timestamp, now: Timestamp) -> bool {
    now.since(moment) > PRESENT
}

/// What a failure of the store means to a page; the cause goes to the log.
fn failed(error: store::Error) -> AppError {
    match error {
        store::Error::Busy(reason) => AppError::Unavailable(reason),
        error => {
            tracing::error!("a page's question failed: {error}");
            AppError::Internal
        }
    }
}

#[async_trait]
impl Backend for Answers {
    fn as_of(&self) -> Timestamp {
        now()
    }

    fn zone(&self, name: &str, window: Window) -> Zone {
        session::zone(name, window)
    }

    fn demo(&self) -> Option<Demo> {
        self.is_demo.then(|| demo::tour(&self.store.directory()))
    }

    async fn catalog(&self, viewer: &Viewer, ask: CatalogQuery, window: Window) -> Result<CatalogPage, AppError> {
        catalog::page(self, viewer, ask, window).await
    }

    async fn jump(&self, viewer: &Viewer, text: &str) -> Result<Vec<JumpHit>, AppError> {
        catalog::jump(self, viewer, text).await
    }

    async fn service(&self, viewer: &Viewer, id: &ServiceId, window: Window) -> Result<ServiceHeader, AppError> {
        catalog::header(self, viewer, id, window).await
    }

    async fn apm(&self, viewer: &Viewer, id: &ServiceId, window: Window, split: Split) -> Result<Apm, AppError> {
        apm::charts(self, viewer, id, window, split).await
    }

    async fn endpoints(&self, viewer: &Viewer, id: &ServiceId, window: Window) -> Result<Vec<EndpointRow>, AppError> {
        apm::endpoints(self, viewer, id, window).await
    }

    async fn errors(&self, viewer: &Viewer, id: &ServiceId, window: Window) -> Result<Vec<ErrorRow>, AppError> {
        apm::errors(self, viewer, id, window).await
    }

    async fn marks(&self, viewer: &Viewer, id: &ServiceId, window: Window) -> Result<Marks, AppError> {
        kubernetes::marks(self, viewer, id, window).await
    }

    async fn lanes(&self, viewer: &Viewer, id: &ServiceId, window: Window) -> Result<PodLanes, AppError> {
        kubernetes::lanes(self, viewer, id, window).await
    }

    async fn kubernetes(
        &self,
        viewer: &Viewer,
        id: &ServiceId,
        window: Window,
        at: Option<Timestamp>,
    ) -> Result<KubernetesTab, AppError> {
        kubernetes::tab(self, viewer, id, window, at).await
    }

    async fn resource(&self, viewer: &Viewer, id: &ServiceId, ask: ResourceAsk) -> Result<ResourcePage, AppError> {
        resources::page(self, viewer, id, ask).await
    }

    async fn deploys(&self, viewer: &Viewer, id: &ServiceId) -> Result<Vec<DeployRow>, AppError> {
        deploys::list(self, viewer, id).await
    }

    async fn deploy(&self, viewer: &Viewer, id: &DeployId) -> Result<DeployDetail, AppError> {
        deploys::detail(self, viewer, id).await
    }

    async fn revisions(&self, viewer: &Viewer, id: &ServiceId) -> Result<Revisions, AppError> {
        deploys::revisions::list(self, viewer, id).await
    }

    async fn compare(&self, viewer: &Viewer, id: &ServiceId, pair: Pair) -> Result<Comparison, AppError> {
        deploys::compare::compare(self, viewer, id, pair).await
    }

    async fn feed(&self, viewer: &Viewer, ask: FeedQuery) -> Result<Feed, AppError> {
        deploys::feed(self, viewer, ask).await
    }

    async fn logs(
        &self,
        viewer: &Viewer,
        id: &ServiceId,
        window: Window,
        query: &str,
        after: Option<Cursor>,
    ) -> Result<LogPage, AppError> {
        logs::lines(self, viewer, id, window, query, after).await
    }

    async fn log_patterns(
        &self,
        viewer: &Viewer,
        id: &ServiceId,
        window: Window,
        query: &str,
    ) -> Result<LogPatterns, AppError> {
        logs::patterns(self, viewer, id, window, query).await
    }

    async fn metric_names(&self, viewer: &Viewer, id: &ServiceId, window: Window) -> Result<MetricNames, AppError> {
        metrics::names(self, viewer, id, window).await
    }

    async fn metric_labels(
        &self,
        viewer: &Viewer,
        id: &ServiceId,
        window: Window,
        name: &str,
    ) -> Result<Vec<MetricLabel>, AppError> {
        metrics::labels(self, viewer, id, window, name).await
    }

    async fn metric(
        &self,
        viewer: &Viewer,
        id: &ServiceId,
        window: Window,
        query: MetricQuery,
    ) -> Result<MetricSeries, AppError> {
        metrics::series(self, viewer, id, window, query).await
    }

    async fn metric_charts(
        &self,
        viewer: &Viewer,
        id: &ServiceId,
        window: Window,
        text: &str,
    ) -> Result<MetricCharts, AppError> {
        metrics::charts(self, viewer, id, window, text).await
    }

    async fn golden_metrics(
        &self,
        viewer: &Viewer,
        id: &ServiceId,
        window: Window,
    ) -> Result<Vec<MetricChart>, AppError> {
        metrics::golden(self, viewer, id, window, |_| true).await
    }

    async fn leaks(&self, viewer: &Viewer, id: &ServiceId) -> Result<Vec<LeakChart>, AppError> {
        leaks::charts(self, viewer, id).await
    }

    async fn memory(&self, viewer: &Viewer, id: &ServiceId, window: Window) -> Result<Option<MemoryChart>, AppError> {
        memory::chart(self, viewer, id, window).await
    }

    async fn profiles(
        &self,
        viewer: &Viewer,
        id: &ServiceId,
        window: Window,
        words: ProfileWords,
    ) -> Result<ProfilePage, AppError> {
        profiles::page(self, viewer, id, window, words).await
    }

    async fn spans(
        &self,
        viewer: &Viewer,
        id: &ServiceId,
        window: Window,
        query: SpanQuery,
    ) -> Result<SpanPage, AppError> {
        traces::search::page(self, viewer, id, window, query).await
    }

    async fn trace(&self, viewer: &Viewer, id: TraceId) -> Result<TracePage, AppError> {
        traces::page(self, viewer, id).await
    }

    async fn span(&self, viewer: &Viewer, trace: TraceId, span: SpanId) -> Result<SpanDetail, AppError> {
        traces::span(self, viewer, trace, span).await
    }

    async fn status(&self, viewer: &Viewer) -> Result<StatusPage, AppError> {
        status::page(self, viewer).await
    }
}
