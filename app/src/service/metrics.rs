//! The Metrics tab: what says how the service is, and an explorer of everything it measures. All in the address.

mod all;
mod explorer;
pub(crate) mod leaks;
pub(crate) mod plot;

use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;
use leptos_router::hooks::use_query_map;
use leptos_router::{LazyRoute, lazy_route};
use model::{
    LeakChart, Marks, MetricChart, MetricCharts, MetricLabel, MetricNames, MetricQuery, MetricSeries, ServiceId, Window,
};

use super::{Asked, known, use_asked};
use crate::AppError;
use crate::answer::ask;
use crate::charts::hover::Hover;
use crate::late::Late;
use crate::panel::{large, none, panel, part};
use crate::ui::filter::TextFilter;

/// The tab.
pub(crate) struct Metrics;

/// A metric in the address: name, keys to group by, aggregation, whether as a rate, filter.
type Words = (String, String, String, bool, String);

/// A question; its answer, the metric's labels, and marks of the same moment.
type Explored = (MetricQuery, MetricSeries, Vec<MetricLabel>, Marks);

#[lazy_route]
impl LazyRoute for Metrics {
    fn data() -> Self {
        Self
    }

    fn view(_this: Self) -> AnyView {
        let (asked, query) = (use_asked(), use_query_map());
        let get = move |key: &'static str| query.with(|query| query.get_str(key).unwrap_or_default().to_owned());
        let text = Memo::new(move |_| get("q"));
        let golden = ask(asked, |(id, moment): Asked| async move {
            Ok((moment.window, read_golden_metrics(known(id)?, moment.window).await?))
        });
        let leaking = ask(asked, |(id, _): Asked| async move { read_leaks(known(id)?).await });
        let words = Memo::new(move |_| (get("metric"), get("by"), get("agg"), get("rate") == "1", get("where")));
        let is_all = Memo::new(move |_| get("view") == "charts");
        let of_all = Memo::new(move |_| is_all.get().then(|| (asked.get(), text.get())));
        let all = ask(of_all, |asked: Option<(Asked, String)>| async move {
            let Some(((id, moment), text)) = asked else { return Ok(None) };
            read_metrics(known(id)?, moment.window, text).await.map(|found| Some((moment.window, found)))
        });
        let of_names = Memo::new(move |_| (!is_all.get()).then(|| asked.get()));
        let names = ask(of_names, |asked: Option<Asked>| async move {
            let Some((id, moment)) = asked else { return Ok(None) };
            list_metrics(known(id)?, moment.window).await.map(Some)
        });
        let of_metric = Memo::new(move |_| (!is_all.get()).then(|| (asked.get(), words.get())));
        let explored = ask(of_metric, |asked: Option<(Asked, Words)>| async move {
            let Some(((id, moment), (name, by, aggregation, rate, filter))) = asked else { return Ok(None) };
            let found = read_metric(known(id)?, moment.window, name, by, aggregation, rate, filter).await?;
            Ok(found.map(|found| (moment.window, found)))
        });
        let path = move || asked.with(|(id, _)| id.as_ref().map(ServiceId::path)).unwrap_or_default();
        let deploys = move || format!("{}/deploys?deploy=", path());
        let listed = move |names: &MetricNames| explorer::names(names, &text.get(), &words.get().0);
        let draw = move |(window, (query, series, labels, marks)): &(Window, Explored)| {
            explorer::explorer(query, *window, series, labels, marks, &deploys())
        };
        let shown = move || match is_all.get() {
            true => panel(all, "tall", |found| {
                found.as_ref().map_or_else(none, |(window, found)| {
                    let charts = all::charts(found, *window);
                    Late::still(|| charts).into_any()
                })
            }),
            false => view! {
                <div class="explorer">
                    {panel(names, "table", move |names| names.as_ref().map_or_else(none, listed))}
                    {panel(explored, "chart", move |found| found.as_ref().map_or_else(none, draw))}
                </div>
            }
            .into_any(),
        };
        let pointer = Hover::new();
        view! {
            {part(leaking, move |charts: &Vec<LeakChart>| leaks::leaks(charts, &path(), pointer))}
            {large(golden, "golden", move |(window, (charts, marks)): &(Window, (Vec<MetricChart>, Marks))| {
                plot::golden(charts, *window, marks, &deploys())
            })}
            <div class="toolbar">
                <TextFilter text label="Filter metrics" placeholder="Filter metrics by name…" />
                {all::switch(is_all)}
            </div>
            {shown}
        }
        .into_any()
    }
}

#[server(input = GetUrl)]
async fn list_metrics(id: ServiceId, window: Window) -> Result<MetricNames, AppError> {
    let (backend, viewer) = crate::backend::asked()?;
    backend.metric_names(&viewer, &id, window).await
}

#[server(input = GetUrl)]
async fn read_metrics(id: ServiceId, window: Window, text: String) -> Result<MetricCharts, AppError> {
    let (backend, viewer) = crate::backend::asked()?;
    backend.metric_charts(&viewer, &id, window, &text).await
}

#[server(input = GetUrl)]
async fn read_leaks(id: ServiceId) -> Result<Vec<LeakChart>, AppError> {
    let (backend, viewer) = crate::backend::asked()?;
    backend.leaks(&viewer, &id).await
}

/// Charts and marks in one answer, so that flags and lines are of the same moment.
#[server(input = GetUrl)]
async fn read_golden_metrics(id: ServiceId, window: Window) -> Result<(Vec<MetricChart>, Marks), AppError> {
    let (backend, viewer) = crate::backend::asked()?;
    Ok((backend.golden_metrics(&viewer, &id, window).await?, backend.marks(&viewer, &id, window).await?))
}

/// A metric with its labels; without a name the first there is, as it is mostly asked. Nothing where there is none.
#[server(input = GetUrl)]
async fn read_metric(
    id: ServiceId,
    window: Window,
    name: String,
    by: String,
    aggregation: String,
    rate: bool,
    filter: String,
) -> Result<Option<Explored>, AppError> {
    let (backend, viewer) = crate::backend::asked()?;
    let query = match name.is_empty() {
        false => Some(MetricQuery::of_words(&name, &by, &aggregation, rate, &filter)),
        true => backend.metric_names(&viewer, &id, window).await?.names.first().map(|name| name.usual()),
    };
    let Some(query) = query else { return Ok(None) };
    let series = backend.metric(&viewer, &id, window, query.clone()).await?;
    let labels = backend.metric_labels(&viewer, &id, window, &query.name).await?;
    Ok(Some((query, series, labels, backend.marks(&viewer, &id, window).await?)))
}
