//! Requests, errors and latency of a service as three charts.

use leptos::prelude::*;
use leptos_router::hooks::{use_location, use_query_map};
use model::{Apm, Marks, Series, age_text};

use crate::charts::frame::{Plot, chart};
use crate::charts::path::Line;
use crate::charts::scale::{Along, Unit};
use crate::ui::number;
use crate::url::Query;

/// Style classes of lines, in their order; percentiles are one hue at three strengths.
pub(crate) const SERIES: [&str; 6] = ["s1", "s4", "s2", "s3", "s5", "s6"];
const PERCENTILES: [&str; 3] = ["p50", "p95", "p99"];

/// The charts and the switch that splits them by revision.
pub(super) fn plots(apm: &Apm, marks: &Marks, deploys: &str) -> AnyView {
    let split = use_query_map().with_untracked(|query| query.get_str("split") == Some("revision"));
    let of = if apm.sampled { " of received traces" } else { "" };
    let plot = |testid, title: &str, subtitle: String, unit, lines| Plot {
        testid,
        title: title.to_owned(),
        subtitle,
        headline: number::NONE.to_owned(),
        tone: "",
        unit,
        window: apm.window,
        along: Along::Range,
        lines,
        stacked: false,
        band: None,
        empty: "No requests measured in this range",
        marks: marks.clone(),
        deploys: deploys.to_owned(),
    };
    let (total, of_time) = (&apm.total, age_text(apm.measured));
    let headline = |value: Option<f64>, unit: Unit| number::or_none(value, |v| unit.text(v));
    let requests = Plot {
        headline: headline(total.rate, Unit::Rate),
        ..plot(
            "chart-requests",
            "Requests",
            format!("per second{of}, average of {of_time}"),
            Unit::Rate,
            requests(apm, split),
        )
    };
    let errors = Plot {
        headline: headline(total.error_share, Unit::Share),
        tone: if total.error_share.is_some_and(|share| share >= 0.01) { "bad" } else { "" },
        ..plot(
            "chart-errors",
            "Errors",
            format!("share of requests{of}, average of {of_time}"),
            Unit::Share,
            errors(apm, split),
        )
    };
    let latency = Plot {
        headline: headline(total.p95, Unit::Duration),
        ..plot("chart-latency", "Latency", latency_words(split, &of_time), Unit::Duration, latency(apm, split))
    };
    view! {
        <div class="charts-head">
            <SplitSwitch split />
        </div>
        <div class="charts">{chart(requests)} {chart(errors)} {chart(latency)}</div>
    }
    .into_any()
}

/// What the lines are, and what the headline is.
fn latency_words(split: bool, of_time: &str) -> String {
    format!("{}, p95 over {of_time}", if split { "p95 by revision" } else { "p50 · p95 · p99" })
}

fn requests(apm: &Apm, split: bool) -> Vec<Line> {
    if split {
        return by_revision(&apm.requests, &apm.places);
    }
    apm.requests.iter().map(|series| line("s1", series, true)).collect()
}

fn errors(apm: &Apm, split: bool) -> Vec<Line> {
    if split {
        return by_revision(&apm.errors, &apm.places);
    }
    // 4xx are no errors: shown only where there are some.
    let some = apm.client_errors.points.iter().flatten().any(|share| *share > 0.0);
    let client = some.then(|| line("quiet", &apm.client_errors, false));
    client.into_iter().chain(apm.errors.iter().map(|series| line("bad", series, true))).collect()
}

fn latency(apm: &Apm, split: bool) -> Vec<Line> {
    if split {
        return by_revision(&apm.latency, &apm.places);
    }
    apm.latency.iter().zip(PERCENTILES).map(|(series, class)| line(class, series, false)).collect()
}

fn by_revision(all: &[Series], places: &[Option<u32>]) -> Vec<Line> {
    all.iter().zip(places).map(|(series, place)| line(colour(*place), series, false)).collect()
}

/// The style class of a revision by its place in the history of its service: the same in charts, lanes and
/// comparisons, whatever else is in range.
pub(crate) fn colour(place: Option<u32>) -> &'static str {
    place.map_or("quiet", |place| SERIES[place as usize % SERIES.len()])
}

/// The style classes of two revisions beside each other; where both have the same, the new one takes the next.
pub(crate) fn colours([old, new]: [Option<u32>; 2]) -> [&'static str; 2] {
    match (colour(old), colour(new)) {
        (same, other) if same == other => [same, colour(new.map(|place| place + 1))],
        (old, new) => [old, new],
    }
}

fn line(class: &'static str, series: &Series, area: bool) -> Line {
    Line { class, series: series.clone(), area }
}

/// All requests together, or one line a revision; in the address.
#[component]
fn SplitSwitch(split: bool) -> impl IntoView {
    let (query, path) = (use_query_map(), use_location().pathname);
    let to = move |value: &'static str| move || format!("{}{}", path.get(), query.with(Query::of).with("split", value));
    view! {
        <nav class="switch" aria-label="Lines of the charts">
            <a href=to("") data-noscroll aria-current=(!split).then_some("true")>
                "All requests"
            </a>
            <a href=to("revision") data-noscroll aria-current=split.then_some("true") data-testid="split-revision">
                "By revision"
            </a>
        </nav>
    }
}
