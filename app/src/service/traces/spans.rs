//! How long the spans that match took, over time, and a table of them.

use leptos::prelude::*;
use leptos_router::hooks::{use_location, use_query_map};
use model::{Marks, SpanHit, SpanPage, SpanQuery, Window, duration_text};

use super::Words;
use crate::charts::frame::Plot;
use crate::charts::scale::{Along, Unit};
use crate::charts::scatter::scatter;
use crate::range::use_kept;
use crate::session::Clock;
use crate::ui::ago::{self, clock_text, instant_text};
use crate::ui::number;
use crate::url::Query;

/// The chart and the table of a page.
pub(super) fn page(page: &SpanPage, marks: &Marks, window: Window, path: &str, words: &Words) -> AnyView {
    let kept = use_kept().get_untracked();
    let (drawn, matched) = (page.plot.points.len() as u64, page.plot.matched);
    let subtitle = match drawn < matched {
        true => format!("{} drawn: the slowest, the failed, a choice of the others", number::count(drawn as f64)),
        false => String::new(),
    };
    let headline = match page.plot.failed {
        0 => number::count(matched as f64),
        all if all == matched => format!("{} failed", number::count(matched as f64)),
        some => format!("{} · {} failed", number::count(matched as f64), number::count(some as f64)),
    };
    let plot = Plot {
        testid: "chart-spans",
        title: "Duration".to_owned(),
        subtitle,
        headline,
        tone: "",
        unit: Unit::Duration,
        window,
        along: Along::Range,
        lines: Vec::new(),
        stacked: false,
        band: None,
        empty: if words.text.is_empty() { "No spans in this range" } else { "None match" },
        marks: marks.clone(),
        deploys: format!("{path}/deploys{kept}{}deploy=", if kept.is_empty() { '?' } else { '&' }),
    };
    let covered = page.covered_from.map(|from| {
        let text = move || {
            format!("The search stopped at its limit: of spans before {} not all were looked at.", clock_text(from))
        };
        view! { <p class="notice warn">{text}</p> }
    });
    let body = if page.spans.is_empty() { empty(page, words) } else { table(page, words) };
    view! {
        <div class="scatter">{scatter(&plot, &page.plot.points, &kept)}</div>
        {covered}
        {body}
    }
    .into_any()
}

fn empty(page: &SpanPage, words: &Words) -> AnyView {
    let (title, text) = match (words.text.is_empty(), page.plot.matched) {
        (false, 0) => ("No span matches", "Take a term away, look at all spans, or choose a longer range."),
        (true, 0) => (
            "No requests in this range",
            "Traces come by OTLP: point an SDK's or a collector's trace exporter at Binnacle, ports 4317 (gRPC) and 4318 (HTTP).",
        ),
        _ => ("No more spans", "These were all spans of this range."),
    };
    view! {
        <section class="card empty">
            <h2>{title}</h2>
            <p>{text}</p>
        </section>
    }
    .into_any()
}

fn table(page: &SpanPage, words: &Words) -> AnyView {
    let (query, path) = (use_query_map(), use_location().pathname);
    let more = page.next.map(|next| {
        let to = move || format!("{}{}", path.get(), query.with(Query::of).with("before", &next.to_string()));
        let word = if words.sort == SpanQuery::SLOWEST { "Faster ones" } else { "Older ones" };
        view! { <p class="older"><a href=to data-testid="more-spans">{word}</a></p> }
    });
    let what = if words.kinds == SpanQuery::ALL { "Span" } else { "Request" };
    let longest = page.spans.iter().map(|span| span.duration).max().unwrap_or_default().max(1);
    view! {
        <section class="card spans" data-testid="spans">
            <div class="scroll-x">
                <table class="dense">
                    <thead>
                        <tr>
                            <th scope="col">"Started"</th>
                            <th scope="col">{what}</th>
                            <th scope="col">"Duration"</th>
                            <th scope="col">"Status"</th>
                            <th scope="col">"Pod"</th>
                            <th scope="col">"Revision"</th>
                        </tr>
                    </thead>
                    <tbody>{page.spans.iter().map(|span| row(span, longest)).collect_view()}</tbody>
                </table>
            </div>
            {more}
        </section>
    }
    .into_any()
}

fn row(span: &SpanHit, longest: i64) -> AnyView {
    let (kept, at) = (use_kept().get_untracked(), span.at);
    let trace = span.trace;
    let time = Clock::of_page().in_zone(|zone| instant_text(zone, at));
    let (title, other) = match span.endpoint.is_empty() {
        true => (span.name.clone(), Some(span.kind.word().to_owned())),
        false => (span.endpoint.clone(), Some(span.name.clone()).filter(|name| *name != span.endpoint)),
    };
    let width = format!("width:{:.1}%", span.duration as f64 / longest as f64 * 100.0);
    let pod = span.pod.clone().unwrap_or_default();
    let short = pod.rsplit('-').next().unwrap_or_default().to_owned();
    view! {
        <tr data-testid="span-hit" class:failed=span.failed>
            <td>
                <time title=ago::title(at) data-at=at.millis().to_string()>
                    {time}
                </time>
            </td>
            <td class="endpoint">
                <a href=format!("/traces/{trace}{kept}") title=title.clone()>
                    <code>{title.clone()}</code>
                </a>
                {other.map(|other| view! { <span class="faint">{other}</span> })}
            </td>
            <td class="length">
                <span>{duration_text(span.duration as f64)}</span>
                <i class="track">
                    <i style=width></i>
                </i>
            </td>
            {status(span)}
            <td>
                <code class="faint" title=pod>
                    {short}
                </code>
            </td>
            <td>
                <code class="faint">{span.revision.clone()}</code>
            </td>
        </tr>
    }
    .into_any()
}

/// The HTTP status where there is one, and what a failure says.
fn status(span: &SpanHit) -> AnyView {
    let word = match (span.http_status, span.failed) {
        (0, true) => "error".to_owned(),
        (0, false) => "ok".to_owned(),
        (status, _) => status.to_string(),
    };
    let tone = if span.failed { "status bad" } else { "status" };
    view! {
        <td class=tone title=span.note.clone()>
            {word}
            <span class="faint">{span.note.clone()}</span>
        </td>
    }
    .into_any()
}
