//! A backend with a small shop in it, for tests and for looking at pages without a cluster. Every answer is made of
//! plain values; `as_of` is fixed, so two renders are equal.

mod logs;
mod metrics;
mod profiles;
mod revisions;
mod services;
mod signals;
mod traces;
mod verdicts;

use app::{AppError, Backend};
use async_trait::async_trait;
use model::*;

/// The instant all pages are as of: 2026-11-24 14:58:20 UTC.
pub(crate) const AS_OF: Timestamp = Timestamp::from_seconds(1_795_532_300);

/// The cluster's id.
pub(crate) const CLUSTER: &str = "c1";

/// A shop; `hostile` stands wherever telemetry or Kubernetes may put a string.
#[derive(Default, Clone)]
pub(crate) struct Fake {
    /// Text put into names, messages and attributes.
    pub(crate) hostile: Option<String>,
    /// So many services more than the shop has.
    pub(crate) extra: u32,
    /// Clusters instead of the shop's; the catalog is empty then.
    pub(crate) clusters: Option<Vec<ClusterStatus>>,
    /// Endpoints can't be read.
    pub(crate) broken: bool,
    /// It is a demo.
    pub(crate) demo: bool,
    /// Spans of the trace beyond the eleven of the shop.
    pub(crate) spans: u32,
    /// Services have more pods than can have lanes.
    pub(crate) many_pods: bool,
}

impl Fake {
    /// The hostile text, or the harmless one.
    fn text(&self, harmless: &str) -> String {
        self.hostile.clone().unwrap_or_else(|| harmless.to_owned())
    }

    fn known(&self, id: &ServiceId) -> Result<ServiceRow, AppError> {
        let found = self.services().into_iter().find(|row| row.id == *id);
        found.ok_or_else(|| AppError::NotFound(format!("service {}", id.local())))
    }
}

/// So many minutes before the page.
pub(crate) fn minutes_ago(minutes: i64) -> Timestamp {
    AS_OF.plus(-minutes * MINUTE)
}

#[async_trait]
impl Backend for Fake {
    fn as_of(&self) -> Timestamp {
        AS_OF
    }

    fn zone(&self, name: &str, _: Window) -> Zone {
        match name {
            "Europe/Berlin" => Zone { name: name.into(), offsets: vec![(Timestamp(0), 3_600)] },
            _ => Zone::utc(),
        }
    }

    fn demo(&self) -> Option<Demo> {
        let (question, path) = (self.text("Did this deploy cause it?"), format!("/services/{CLUSTER}/shop"));
        self.demo.then(|| Demo { stops: vec![Stop { question, story: self.text("It did."), path }] })
    }

    async fn catalog(&self, _: &Viewer, ask: CatalogQuery, window: Window) -> Result<CatalogPage, AppError> {
        Ok(self.page(&ask, window))
    }

    async fn jump(&self, _: &Viewer, text: &str) -> Result<Vec<JumpHit>, AppError> {
        let rows = self.services().into_iter().filter(|row| row.id.name.contains(text));
        Ok(rows.take(12).map(|row| JumpHit { id: row.id, health: row.health.health }).collect())
    }

    async fn service(&self, _: &Viewer, id: &ServiceId, window: Window) -> Result<ServiceHeader, AppError> {
        let row = self.known(id)?;
        Ok(ServiceHeader {
            id: row.id,
            cluster_name: "prod-eu-1".into(),
            health: row.health,
            ready: row.ready,
            wanted: row.wanted,
            images: vec![self.text("shop/checkout:v1.8.2"), "envoy:1.33".into()],
            revision: row.revision,
            ready_on: row.ready_on,
            team: Some(self.text("team-orders")),
            managed_by: None,
            adverse: 3,
            deleted: None,
            verdict: Some(self.judged(12)),
            verdict_lasts: true,
            leak: None,
            saturation: (id.name == "checkout").then(|| {
                Sentence::plain("Container ").strong(self.text("app")).text(" is at 96 % of its memory limit")
            }),
            of_past: AS_OF.since(window.to) > MINUTE,
        })
    }

    async fn apm(&self, _: &Viewer, id: &ServiceId, window: Window, split: Split) -> Result<Apm, AppError> {
        self.known(id).map(|_| signals::apm(window, split))
    }

    async fn endpoints(&self, _: &Viewer, id: &ServiceId, _: Window) -> Result<Vec<EndpointRow>, AppError> {
        if self.broken {
            return Err(AppError::Unavailable("the disk is slow".into()));
        }
        self.known(id).map(|_| self.endpoint_rows())
    }

    async fn errors(&self, _: &Viewer, id: &ServiceId, _: Window) -> Result<Vec<ErrorRow>, AppError> {
        self.known(id).map(|_| self.error_rows())
    }

    async fn marks(&self, _: &Viewer, id: &ServiceId, window: Window) -> Result<Marks, AppError> {
        self.known(id).map(|_| self.marks_in(window))
    }

    async fn lanes(&self, _: &Viewer, id: &ServiceId, window: Window) -> Result<PodLanes, AppError> {
        self.known(id).map(|_| if self.many_pods { signals::counts(window) } else { signals::lanes(window) })
    }

    async fn kubernetes(
        &self,
        _: &Viewer,
        id: &ServiceId,
        _: Window,
        at: Option<Timestamp>,
    ) -> Result<KubernetesTab, AppError> {
        self.known(id).map(|_| self.kubernetes_tab(at))
    }

    async fn resource(&self, _: &Viewer, id: &ServiceId, ask: ResourceAsk) -> Result<ResourcePage, AppError> {
        self.known(id).map(|_| self.resource_page(ask))
    }

    async fn deploys(&self, _: &Viewer, id: &ServiceId) -> Result<Vec<DeployRow>, AppError> {
        self.known(id).map(|_| self.deploy_rows(id))
    }

    async fn deploy(&self, _: &Viewer, id: &DeployId) -> Result<DeployDetail, AppError> {
        self.known(&id.service)?;
        Ok(DeployDetail { verdict: Some(self.verdict()), chart: self.evidence_chart(), diffs: self.diffs() })
    }

    async fn revisions(&self, _: &Viewer, id: &ServiceId) -> Result<Revisions, AppError> {
        self.known(id).map(|_| self.revision_list())
    }

    async fn compare(&self, _: &Viewer, id: &ServiceId, pair: Pair) -> Result<Comparison, AppError> {
        self.known(id)?;
        self.comparison(&pair)
    }

    async fn feed(&self, _: &Viewer, ask: FeedQuery) -> Result<Feed, AppError> {
        Ok(self.feed_page(&ask))
    }

    async fn logs(
        &self,
        _: &Viewer,
        id: &ServiceId,
        window: Window,
        query: &str,
        after: Option<Cursor>,
    ) -> Result<LogPage, AppError> {
        let filter: LogFilter = query.parse().map_err(AppError::Invalid)?;
        self.known(id).map(|_| self.log_page(window, &filter, after))
    }

    async fn log_patterns(
        &self,
        _: &Viewer,
        id: &ServiceId,
        window: Window,
        query: &str,
    ) -> Result<LogPatterns, AppError> {
        let filter: LogFilter = query.parse().map_err(AppError::Invalid)?;
        self.known(id).map(|_| self.patterns(window, &filter))
    }

    async fn metric_names(&self, _: &Viewer, id: &ServiceId, _: Window) -> Result<MetricNames, AppError> {
        self.known(id).map(|_| if id.name == "checkout" { self.metric_list() } else { MetricNames::default() })
    }

    async fn metric_labels(
        &self,
        _: &Viewer,
        id: &ServiceId,
        _: Window,
        _: &str,
    ) -> Result<Vec<MetricLabel>, AppError> {
        let values = vec!["/cart".into(), self.text("/pay")];
        self.known(id).map(|_| vec![MetricLabel { key: "http.route".into(), values, more: 0 }])
    }

    async fn metric(
        &self,
        _: &Viewer,
        id: &ServiceId,
        window: Window,
        _: MetricQuery,
    ) -> Result<MetricSeries, AppError> {
        self.known(id).map(|_| self.metric_series(window))
    }

    async fn metric_charts(
        &self,
        _: &Viewer,
        id: &ServiceId,
        window: Window,
        text: &str,
    ) -> Result<MetricCharts, AppError> {
        let names = if id.name == "checkout" { self.metric_list().names } else { Vec::new() };
        let charts = names.into_iter().filter(|name| name.name.contains(text)).map(|name| MetricChart {
            query: name.usual(),
            title: name.description,
            answer: self.metric_series(window),
            request: None,
            limit: None,
        });
        Ok(MetricCharts { charts: charts.collect(), more: 3, failed: 0 })
    }

    async fn golden_metrics(&self, _: &Viewer, id: &ServiceId, window: Window) -> Result<Vec<MetricChart>, AppError> {
        self.known(id).map(|_| self.golden_charts(window))
    }

    async fn memory(&self, _: &Viewer, id: &ServiceId, window: Window) -> Result<Option<MemoryChart>, AppError> {
        self.known(id)?;
        let LeakChart { leak, forecast, marks, .. } = self.leak_chart();
        let chart = self.golden_charts(window).remove(0);
        Ok(Some(MemoryChart { chart, leak: Some(leak), forecast, window, marks }))
    }

    async fn leaks(&self, _: &Viewer, id: &ServiceId) -> Result<Vec<LeakChart>, AppError> {
        self.known(id).map(|_| if id.name == "checkout" { vec![self.leak_chart()] } else { Vec::new() })
    }

    async fn profiles(
        &self,
        _: &Viewer,
        id: &ServiceId,
        window: Window,
        words: ProfileWords,
    ) -> Result<ProfilePage, AppError> {
        let page = || if id.name == "checkout" { self.profile_page(window, &words) } else { ProfilePage::default() };
        self.known(id).map(|_| page())
    }

    async fn spans(&self, _: &Viewer, id: &ServiceId, _: Window, ask: SpanQuery) -> Result<SpanPage, AppError> {
        let filter: SpanFilter = ask.text.parse().map_err(AppError::Invalid)?;
        self.known(id).map(|_| self.span_page(&filter, &ask))
    }

    async fn trace(&self, _: &Viewer, id: TraceId) -> Result<TracePage, AppError> {
        if id != traces::id() {
            return Err(AppError::NotFound(format!("trace {id}")));
        }
        Ok(self.trace_page())
    }

    async fn span(&self, _: &Viewer, trace: TraceId, span: SpanId) -> Result<SpanDetail, AppError> {
        Ok(self.span_detail(trace, span))
    }

    async fn status(&self, _: &Viewer) -> Result<StatusPage, AppError> {
        Ok(self.status_page())
    }
}
