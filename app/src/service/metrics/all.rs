//! All metrics of a service as small charts beside each other: what is odd is seen before its name is known.

use leptos::prelude::*;
use leptos_router::hooks::{use_location, use_query_map};
use model::{MetricChart, MetricCharts, Window};

use super::explorer::{empty, in_url};
use super::plot::{Colours, plot};
use crate::charts::path;
use crate::ui::number;
use crate::url::Query;

/// Whether one metric is explored or all are shown.
pub(super) fn switch(is_all: Memo<bool>) -> AnyView {
    let (params, path) = (use_query_map(), use_location().pathname);
    let to = move |view: &'static str| move || format!("{}{}", path.get(), params.with(Query::of).with("view", view));
    let current = move |all: bool| move || (is_all.get() == all).then_some("true");
    view! {
        <nav class="switch" aria-label="One metric or all">
            <a href=to("") data-noscroll data-testid="view-one" aria-current=current(false)>
                "One"
            </a>
            <a href=to("charts") data-noscroll data-testid="view-all" aria-current=current(true)>
                "All"
            </a>
        </nav>
    }
    .into_any()
}

/// The charts that were found, each the way to its metric.
pub(super) fn charts(found: &MetricCharts, window: Window) -> AnyView {
    let (params, path) = (use_query_map(), use_location().pathname.get_untracked());
    let address = params.with_untracked(Query::of);
    if found.charts.is_empty() && found.failed == 0 {
        let is_filtered = address.get("q").is_some_and(|text| !text.is_empty());
        return if is_filtered { view! { <p class="muted">"No metric matches"</p> }.into_any() } else { empty() };
    }
    let colours = Colours::of(found.charts.iter().map(|chart| (&chart.query, &chart.answer)));
    let one = |chart: &MetricChart| {
        let url = in_url(address.clone(), &chart.query).with("view", "").with("q", "");
        small(chart, &colours, window, format!("{path}{url}"))
    };
    let note = |count: u32, what: &str| {
        (count > 0).then(|| view! { <p class="faint">{format!("{} {what}", number::count(count.into()))}</p> })
    };
    view! {
        <div class="all-metrics">{found.charts.iter().map(one).collect_view()}</div>
        {note(found.more, "more match")}
        {note(found.failed, "can't be read")}
    }
    .into_any()
}

/// A metric in a card of its own, with the greatest value of its newest moment.
fn small(chart: &MetricChart, colours: &Colours<'_>, window: Window, href: String) -> AnyView {
    let plot = plot(&chart.query, &chart.answer, colours, window, &Default::default(), "");
    let top = path::most(&plot.lines, false) * 1.05;
    let newest = path::newest(&plot.lines);
    let values = plot.lines.iter().filter_map(|line| path::value_in(&line.series, newest?));
    let value = number::or_none(values.reduce(f64::max), |value| plot.unit.text(value));
    let most = (plot.lines.len() > 1).then_some("most ");
    view! {
        <a class="card small-chart" href=href title=chart.title.clone() data-testid="small-chart">
            <span class="name">{plot.title}</span>
            <span class="value">{most} {value}</span>
            <div class="geometry" inner_html=path::chart(&plot.lines, None, window, top, &[])></div>
        </a>
    }
    .into_any()
}
