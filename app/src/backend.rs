//! The port: every question a page can ask, grouped by feature. `server` answers it.

use std::sync::Arc;

use async_trait::async_trait;
use leptos::prelude::*;
use model::{
    Apm, CatalogPage, CatalogQuery, Comparison, Cursor, Demo, DeployDetail, DeployId, DeployRow, EndpointRow, ErrorRow,
    Feed, FeedQuery, JumpHit, KubernetesTab, LeakChart, LogPage, LogPatterns, Marks, MemoryChart, MetricChart,
    MetricCharts, MetricLabel, MetricNames, MetricQuery, MetricSeries, Pair, PodLanes, ProfilePage, ProfileWords,
    ResourceAsk, ResourcePage, Revisions, ServiceHeader, ServiceId, SpanDetail, SpanId, SpanPage, SpanQuery, Split,
    StatusPage, Timestamp, TraceId, TracePage, Viewer, Window, Zone,
};

use crate::error::AppError;

/// What `server` answers. What tells anything of a cluster takes the viewer first. Who may see anything sees everything
/// by now, which the layer in front of the pages checks; the clock, the zones and the demo's tour are everyone's.
#[async_trait]
pub trait Backend: Send + Sync {
    // --- session

    /// The instant that a page made now is as of.
    fn as_of(&self) -> Timestamp;

    /// Offsets of an IANA zone over a window (UTC when the name is not known).
    fn zone(&self, name: &str, window: Window) -> Zone;

    /// What there is to try, where the demo is served.
    fn demo(&self) -> Option<Demo>;

    // --- catalog

    /// A page of the catalog.
    async fn catalog(&self, viewer: &Viewer, ask: CatalogQuery, window: Window) -> Result<CatalogPage, AppError>;

    /// Services whose name matches, best first, at most 12.
    async fn jump(&self, viewer: &Viewer, text: &str) -> Result<Vec<JumpHit>, AppError>;

    /// The head of a service's page.
    async fn service(&self, viewer: &Viewer, id: &ServiceId, window: Window) -> Result<ServiceHeader, AppError>;

    // --- apm

    /// The charts of the overview.
    async fn apm(&self, viewer: &Viewer, id: &ServiceId, window: Window, split: Split) -> Result<Apm, AppError>;

    /// Endpoints beside the window before, worst change first.
    async fn endpoints(&self, viewer: &Viewer, id: &ServiceId, window: Window) -> Result<Vec<EndpointRow>, AppError>;

    /// Error groups, most frequent first.
    async fn errors(&self, viewer: &Viewer, id: &ServiceId, window: Window) -> Result<Vec<ErrorRow>, AppError>;

    // --- kubernetes

    /// Deploy flags and event marks of a window.
    async fn marks(&self, viewer: &Viewer, id: &ServiceId, window: Window) -> Result<Marks, AppError>;

    /// Pods as lanes.
    async fn lanes(&self, viewer: &Viewer, id: &ServiceId, window: Window) -> Result<PodLanes, AppError>;

    /// The Kubernetes tab, as of a moment of the window or (`None`) of its end.
    async fn kubernetes(
        &self,
        viewer: &Viewer,
        id: &ServiceId,
        window: Window,
        at: Option<Timestamp>,
    ) -> Result<KubernetesTab, AppError>;

    /// A resource of a service: its text, its history, the difference of two versions.
    async fn resource(&self, viewer: &Viewer, id: &ServiceId, ask: ResourceAsk) -> Result<ResourcePage, AppError>;

    // --- deploys

    /// Deploys of a service, newest first.
    async fn deploys(&self, viewer: &Viewer, id: &ServiceId) -> Result<Vec<DeployRow>, AppError>;

    /// A deploy's verdict with its evidence, and what it changed.
    async fn deploy(&self, viewer: &Viewer, id: &DeployId) -> Result<DeployDetail, AppError>;

    /// Revisions of a service, the current one first, then those that ran last.
    async fn revisions(&self, viewer: &Viewer, id: &ServiceId) -> Result<Revisions, AppError>;

    /// Two revisions of a service beside each other.
    async fn compare(&self, viewer: &Viewer, id: &ServiceId, pair: Pair) -> Result<Comparison, AppError>;

    /// Deploys of all services, newest first.
    async fn feed(&self, viewer: &Viewer, ask: FeedQuery) -> Result<Feed, AppError>;

    // --- logs

    /// Lines that match a query, newest first, and how many there are when.
    async fn logs(
        &self,
        viewer: &Viewer,
        id: &ServiceId,
        window: Window,
        query: &str,
        after: Option<Cursor>,
    ) -> Result<LogPage, AppError>;

    /// Log patterns, those that came with the newest deploy first; of a query its levels and patterns count.
    async fn log_patterns(
        &self,
        viewer: &Viewer,
        id: &ServiceId,
        window: Window,
        query: &str,
    ) -> Result<LogPatterns, AppError>;

    // --- metrics

    /// Metrics that a service has.
    async fn metric_names(&self, viewer: &Viewer, id: &ServiceId, window: Window) -> Result<MetricNames, AppError>;

    /// Labels of a metric, by which it can be filtered and grouped.
    async fn metric_labels(
        &self,
        viewer: &Viewer,
        id: &ServiceId,
        window: Window,
        name: &str,
    ) -> Result<Vec<MetricLabel>, AppError>;

    /// A metric over time.
    async fn metric(
        &self,
        viewer: &Viewer,
        id: &ServiceId,
        window: Window,
        query: MetricQuery,
    ) -> Result<MetricSeries, AppError>;

    /// Metrics whose names hold a text, each as it is mostly asked, by pod.
    async fn metric_charts(
        &self,
        viewer: &Viewer,
        id: &ServiceId,
        window: Window,
        text: &str,
    ) -> Result<MetricCharts, AppError>;

    /// The metrics that say how a service is, those of them that it has.
    async fn golden_metrics(
        &self,
        viewer: &Viewer,
        id: &ServiceId,
        window: Window,
    ) -> Result<Vec<MetricChart>, AppError>;

    // --- leaks

    /// What leaks of a service now, the first to end at the front.
    async fn leaks(&self, viewer: &Viewer, id: &ServiceId) -> Result<Vec<LeakChart>, AppError>;

    /// Memory of a service's pods, with where it goes if it leaks; nothing where it is not measured.
    async fn memory(&self, viewer: &Viewer, id: &ServiceId, window: Window) -> Result<Option<MemoryChart>, AppError>;

    // --- profiles

    /// Which profiles a service has, and one type of them merged.
    async fn profiles(
        &self,
        viewer: &Viewer,
        id: &ServiceId,
        window: Window,
        words: ProfileWords,
    ) -> Result<ProfilePage, AppError>;

    // --- traces

    /// Spans of a service that match a query, and all of them over time.
    async fn spans(
        &self,
        viewer: &Viewer,
        id: &ServiceId,
        window: Window,
        query: SpanQuery,
    ) -> Result<SpanPage, AppError>;

    /// A trace.
    async fn trace(&self, viewer: &Viewer, id: TraceId) -> Result<TracePage, AppError>;

    /// A span of a trace in full.
    async fn span(&self, viewer: &Viewer, trace: TraceId, span: SpanId) -> Result<SpanDetail, AppError>;

    // --- status

    /// Binnacle's own state.
    async fn status(&self, viewer: &Viewer) -> Result<StatusPage, AppError>;
}

/// The backend of this request; call it before the first `.await`.
pub fn backend() -> Result<Arc<dyn Backend>, AppError> {
    use_context::<Arc<dyn Backend>>().ok_or(AppError::Internal)
}

/// Who asks; call it before the first `.await`.
pub fn viewer() -> Result<Viewer, AppError> {
    use_context::<Viewer>().ok_or(AppError::SignedOut)
}

/// Whom to ask and who asks; call it before the first `.await`.
pub fn asked() -> Result<(Arc<dyn Backend>, Viewer), AppError> {
    Ok((backend()?, viewer()?))
}
