//! Two revisions beside each other: charts laid over each other, endpoints, error groups, what is different in them.

mod endpoints;
mod groups;
mod words;

use leptos::prelude::*;
use model::{Align, Compared, Comparison, Marks, Pair, RunOf, Series, Summary};

use super::chosen;
use crate::charts::frame::{Plot, chart};
use crate::charts::path::Line;
use crate::charts::scale::{Along, Unit};
use crate::service::overview::{colours, has_more_errors, is_slower};
use crate::ui::ago::clock_text;
use crate::ui::diff::inline;
use crate::ui::number;
use crate::url::Query;

/// The comparison; `traces` is the address of the service's traces.
pub(super) fn compare(all: &Comparison, address: Memo<(String, Query)>, traces: &str) -> AnyView {
    let notes = words::notes(all).into_iter().map(|note| view! { <li>{note}</li> }).collect_view();
    view! {
        <section class="comparison" data-testid="comparison">
            {head(all, address)}
            {runs(all, address)}
            <ul class="notes" data-testid="comparison-notes">
                {notes}
            </ul>
            {charts(all)}
            <div class="pair">{endpoints::endpoints(&all.endpoints)} {groups::groups(all, traces)}</div>
            {differences(all)}
        </section>
    }
    .into_any()
}

/// Which two, of when, and the way to lay them over each other otherwise.
fn head(all: &Comparison, address: Memo<(String, Query)>) -> AnyView {
    let pair = Pair { old: shown(&all.old), new: shown(&all.new), by: all.by };
    let to = |by: Align| link(Pair { by, ..pair.clone() }, address);
    let close = move || address.with(|(path, query)| format!("{path}{}", chosen::without(query.clone())));
    let current = |by: Align| (all.by == by).then_some("true");
    view! {
        <div class="comparison-head">
            <h2>
                <code>{all.old.name.clone()}</code>
                " → "
                <code>{all.new.name.clone()}</code>
            </h2>
            <span class="faint">{spans(all)}</span>
            <nav class="switch end" aria-label="How they are laid over each other">
                <a href=to(Align::Age) data-noscroll aria-current=current(Align::Age) data-testid="by-age">
                    "By age"
                </a>
                <a href=to(Align::Clock) data-noscroll aria-current=current(Align::Clock) data-testid="by-clock">
                    "By clock"
                </a>
            </nav>
            <a class="button" href=close data-noscroll>
                "Close"
            </a>
        </div>
    }
    .into_any()
}

/// The run of one of the two that is compared; where there is but one, the revision says it.
fn shown(side: &Compared) -> RunOf {
    let several = side.runs.len() > 1;
    let run = side.runs.iter().find(|run| run.is_shown && several);
    RunOf { hash: side.hash.clone(), deploy: run.and_then(|run| run.deploy) }
}

/// The address of another pair in this place.
fn link(pair: Pair, address: Memo<(String, Query)>) -> impl Fn() -> String + Clone + Send + Sync + 'static {
    move || address.with(|(path, query)| format!("{path}{}", chosen::into_url(query.clone(), &pair)))
}

/// Of a revision that ran several times: when, which of them is compared, and the way to the others.
fn runs(all: &Comparison, address: Memo<(String, Query)>) -> AnyView {
    let pair = Pair { old: shown(&all.old), new: shown(&all.new), by: all.by };
    let of = |side: &Compared, is_old: bool| {
        let runs = side.runs.iter().map(|run| {
            let of = RunOf { hash: side.hash.clone(), deploy: run.deploy };
            let to = if is_old { Pair { old: of, ..pair.clone() } } else { Pair { new: of, ..pair.clone() } };
            let ran = run.ran;
            let text = move || format!("{} – {}", clock_text(ran.from), clock_text(ran.to));
            view! {
                <a href=link(to, address) data-noscroll data-testid="run" aria-current=run.is_shown.then_some("true")>
                    {text}
                </a>
            }
        });
        let said = format!("{} ran {} times; this is its run of", side.name, side.runs.len());
        (side.runs.len() > 1).then(|| {
            view! {
                <div class="runs" data-testid=if is_old { "old-runs" } else { "new-runs" }>
                    <span class="faint">{said.clone()}</span>
                    <nav class="switch" aria-label=said>
                        {runs.collect_view()}
                    </nav>
                </div>
            }
        })
    };
    view! {
        {of(&all.old, true)}
        {of(&all.new, false)}
    }
    .into_any()
}

/// What the numbers are of.
fn spans(all: &Comparison) -> AnyView {
    let (by, old, new) = (all.by, all.old.clone(), all.new.clone());
    let text = move || {
        let from = |one: &Compared| clock_text(one.measured.from);
        match by {
            Align::Age => {
                let length = model::age_text(new.measured.length());
                let (old, new) = (from(&old), from(&new));
                format!("numbers of what each served in its first {length}: from {old} and from {new}")
            }
            Align::Clock => {
                let part = |one: &Compared| format!("{} – {}", from(one), clock_text(one.measured.to));
                format!("numbers of {} and {}", part(&old), part(&new))
            }
        }
    };
    view! { <span>{text}</span> }.into_any()
}

fn charts(all: &Comparison) -> AnyView {
    let (old, new) = (&all.old.total, &all.new.total);
    let along = match all.by {
        Align::Age => Along::Age,
        Align::Clock => Along::Clock,
    };
    let text = |value: Option<f64>, unit: Unit| number::or_none(value, |value| unit.text(value));
    let plot = |testid, title: &str, what: &str, unit, series: &[Series; 2], value: fn(&Summary) -> Option<f64>| Plot {
        testid,
        title: title.to_owned(),
        subtitle: format!("{what}, was {}", text(value(old), unit)),
        headline: text(value(new), unit),
        tone: "",
        unit,
        window: all.axis,
        along,
        lines: lines(all, series),
        stacked: false,
        band: None,
        empty: "No requests measured",
        marks: Marks::default(),
        deploys: String::new(),
    };
    let requests = plot("compare-requests", "Requests", "per second", Unit::Rate, &all.requests, |total| total.rate);
    let errors = Plot {
        tone: if has_more_errors(new, old) { "bad" } else { "" },
        ..plot("compare-errors", "Errors", "share of requests", Unit::Share, &all.errors, |total| total.error_share)
    };
    let latency = Plot {
        tone: if is_slower(new, old) { "warn" } else { "" },
        ..plot("compare-latency", "Latency", "p95", Unit::Duration, &all.latency, |total| total.p95)
    };
    view! { <div class="charts">{chart(requests)} {chart(errors)} {chart(latency)}</div> }.into_any()
}

/// In the colours that the overview gives them.
fn lines(all: &Comparison, series: &[Series; 2]) -> Vec<Line> {
    let line = |(series, class): (&Series, &'static str)| Line { class, series: series.clone(), area: false };
    series.iter().zip(colours([&all.old, &all.new].map(|side| Some(side.place)))).map(line).collect()
}

fn differences(all: &Comparison) -> AnyView {
    let body = if all.diffs.is_empty() {
        view! { <p class="unmeasured">{words::no_difference(all)}</p> }.into_any()
    } else {
        view! { <div class="diffs">{all.diffs.iter().map(inline).collect_view()}</div> }.into_any()
    };
    view! {
        <section class="card" data-testid="comparison-diff">
            <div class="card-head">
                <h2>"What is different"</h2>
                <span class="faint">"pod template, and ConfigMaps edited between the two"</span>
            </div>
            {body}
        </section>
    }
    .into_any()
}
