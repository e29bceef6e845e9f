//! What leaks: the sentence, the chart with where it goes, the pods and what is left to them.

mod heap;

use leptos::prelude::*;
use model::{Eta, Leak, LeakChart, LeakOf, LeakingPod, LimitOf, Series, bytes_text, short_age_text};

use crate::charts::frame::{Plot, chart};
use crate::charts::hover::Hover;
use crate::charts::path::Line;
use crate::charts::scale::{Along, Unit};
use crate::service::overview::SERIES;
use crate::ui::ago::ago;
use crate::ui::{number, sentence};

/// Style classes of where it goes, in the order of the forecast.
const FORECAST: [&str; 4] = ["forecast", "soonest", "latest", "limit"];

/// All that leaks of a service, by its path, with the pointer of these charts; nothing where nothing does.
pub(super) fn leaks(charts: &[LeakChart], service: &str, pointer: Hover) -> AnyView {
    charts.iter().map(|one| leak(one, service, pointer)).collect_view().into_any()
}

fn leak(one: &LeakChart, service: &str, pointer: Hover) -> AnyView {
    provide_context(pointer);
    let leak = &one.leak;
    let tone = if leak.eta().is_some_and(|eta| eta.likely < model::DAY) { "says-degraded" } else { "says-unknown" };
    view! {
        <section class="leak" data-testid="leak">
            <div class=format!("banner {tone}")>
                <span class="sign" aria-hidden="true">
                    "▲"
                </span>
                <p>{sentence::parts(&leak.sentence)}</p>
                <p class="faint">
                    {watched(leak)} " · " {before(leak)} "looked at " {ago(leak.as_of)}
                </p>
            </div>
            {chart(plot(one, &format!("{service}/deploys?deploy=")))}
            {table(leak)}
            {one.heap.as_ref().map(|heap| heap::heap(heap, service))}
        </section>
    }
    .into_any()
}

fn watched(leak: &Leak) -> String {
    let revision = if leak.revision_name.is_empty() { String::new() } else { format!(" of {}", leak.revision_name) };
    format!("{} of {}{revision}", leak.pods.len(), number::plural(u64::from(leak.watched), "pod", "pods"))
}

fn before(leak: &Leak) -> String {
    match (&leak.before_name, leak.before) {
        (Some(name), Some(rate)) if rate > 0.0 => {
            format!("{name} grew {} an hour at the same age · ", bytes_text(rate))
        }
        (Some(name), Some(_)) => format!("{name} did not grow at the same age · "),
        _ => String::new(),
    }
}

fn plot(one: &LeakChart, deploys: &str) -> Plot {
    let line = |(series, class): (&Series, &'static str)| Line { class, series: series.clone(), area: false };
    let pods = one.pods.iter().zip(SERIES.into_iter().cycle()).map(line);
    let lines = pods.chain(ahead(&one.forecast, one.leak.eta())).collect();
    let title = match &one.leak.of {
        LeakOf::Memory { container } if one.leak.pods.iter().any(|pod| pod.limit_of == LimitOf::Pod) => {
            format!("Memory of pods with {container}")
        }
        LeakOf::Memory { container } => format!("Memory of {container}"),
        LeakOf::Volume { volume } => format!("Used of volume {volume}"),
    };
    Plot {
        testid: "chart-leak",
        title,
        subtitle: "by pod, and where the first goes".into(),
        headline: one.leak.pods.first().map(LeakingPod::headline).unwrap_or_default(),
        tone: "warn",
        unit: Unit::Bytes,
        window: one.window,
        // It reaches further than the page's range, and has a pointer of its own.
        along: Along::Beyond,
        lines,
        stacked: false,
        band: band(&one.forecast),
        empty: "Nothing measured in this range",
        marks: one.marks.clone(),
        deploys: deploys.to_owned(),
    }
}

/// Lines of where it goes.
pub(crate) fn ahead(forecast: &[Series], eta: Option<Eta>) -> Vec<Line> {
    let lines = forecast.iter().zip(FORECAST);
    lines.map(|(series, class)| Line { class, series: named(series, eta), area: false }).collect()
}

/// Between which values it goes: what has reached the limit stays there.
pub(crate) fn band(forecast: &[Series]) -> Option<(Series, Series)> {
    let [_, soonest, latest, rest @ ..] = forecast else { return None };
    let limit = rest.first().and_then(|limit| limit.points.iter().flatten().next().copied());
    let ended = |series: &Series| Series {
        points: series.points.iter().map(|point| point.or(limit)).collect(),
        ..series.clone()
    };
    Some((ended(soonest), ended(latest)))
}

/// A line of where it goes, with when it gets there: `likely in 4 h`.
fn named(series: &Series, eta: Option<Eta>) -> Series {
    let Some(eta) = eta else { return series.clone() };
    let within = |nanos: i64| format!(" in {}", short_age_text(nanos));
    let when = match series.name.as_str() {
        "likely" => within(eta.likely),
        "soonest" => within(eta.soonest),
        "latest" => eta.latest.map_or_else(|| " never".to_owned(), within),
        _ => String::new(),
    };
    Series { name: format!("{}{when}", series.name), ..series.clone() }
}

fn table(leak: &Leak) -> AnyView {
    let row = |pod: &LeakingPod| {
        view! {
            <tr data-testid="leaking-pod">
                <th scope="row">{pod.name.clone()}</th>
                <td class="num">{bytes_text(pod.level)}</td>
                <td class="num">
                    {number::or_none(pod.limit, bytes_text)}
                    {(pod.limit_of == LimitOf::Node).then(|| view! { <span class="faint">" of its node"</span> })}
                </td>
                <td class="num">
                    {format!("{} an hour", bytes_text(pod.rate))}
                    <span class="faint" title="95 % confidence interval of the rate">{interval(pod)}</span>
                </td>
                <td class="num">{number::or_none(pod.eta.as_ref(), left)}</td>
                <td>{ago(pod.since)}</td>
            </tr>
        }
    };
    view! {
        <div class="card scroll-x">
            <table class="dense">
                <thead>
                    <tr>
                        <th scope="col">"Pod"</th>
                        <th scope="col" class="num">
                            "Median of the last 5 min"
                        </th>
                        <th scope="col" class="num">
                            "Limit"
                        </th>
                        <th scope="col" class="num">
                            "Grows"
                        </th>
                        <th scope="col" class="num">
                            "Limit reached in"
                        </th>
                        <th scope="col">"Since"</th>
                    </tr>
                </thead>
                <tbody>{leak.pods.iter().map(row).collect_view()}</tbody>
            </table>
        </div>
    }
    .into_any()
}

/// From where to where the rate lies.
fn interval(pod: &LeakingPod) -> String {
    let (low, high) = pod.rate_interval;
    format!(" ({} to {})", bytes_text(low), bytes_text(high))
}

/// What is left, with its interval where that says more.
fn left(eta: &Eta) -> String {
    let (likely, soonest) = (short_age_text(eta.likely), short_age_text(eta.soonest));
    let latest = eta.latest.map_or_else(|| "never".to_owned(), short_age_text);
    if soonest == likely && latest == likely {
        return likely;
    }
    format!("{likely} ({soonest} to {latest})")
}
