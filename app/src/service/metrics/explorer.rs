//! The explorer: names to choose from, and the chosen metric with what can be made of it.

use leptos::prelude::*;
use leptos_router::hooks::{use_location, use_query_map};
use model::{Aggregation, Marks, MetricLabel, MetricName, MetricNames, MetricQuery, MetricSeries, Window};

use super::plot::{Colours, plot};
use crate::charts::frame::chart;
use crate::range::use_requery;
use crate::ui::number;
use crate::ui::select::Select;
use crate::url::Query;

/// Names that are listed; a filter finds the others.
const LISTED: usize = 200;

/// All names that hold a text, or how to send metrics where there are none.
pub(super) fn names(names: &MetricNames, text: &str, chosen: &str) -> AnyView {
    if names.names.is_empty() {
        return empty();
    }
    let (query, path) = (use_query_map(), use_location().pathname);
    let lower = text.to_lowercase();
    let found: Vec<&MetricName> = names.names.iter().filter(|name| name.name.to_lowercase().contains(&lower)).collect();
    let more = found.len().saturating_sub(LISTED);
    // Where none is chosen, the first is shown.
    let chosen = if chosen.is_empty() { names.names[0].name.as_str() } else { chosen };
    let row = |name: &&MetricName| {
        let usual = name.usual();
        let to = move || format!("{}{}", path.get(), in_url(query.with(Query::of), &usual));
        let series = number::plural(u64::from(name.series), "series", "series");
        let unit = match unit_word(&name.unit) {
            word if word.is_empty() => word,
            word => format!(" · {word}"),
        };
        view! {
            <li>
                <a
                    href=to
                    data-noscroll
                    data-testid="metric-name"
                    title=name.description.clone()
                    aria-current=(name.name == chosen).then_some("true")
                >
                    <span>{name.name.clone()}</span>
                    <span class="faint">{format!("{}{unit} · {series}", name.kind.word())}</span>
                </a>
            </li>
        }
    };
    view! {
        <section class="card metric-names">
            <ul>{found.iter().take(LISTED).map(row).collect_view()}</ul>
            {found.is_empty().then(|| view! { <p class="muted">"No metric matches"</p> })}
            {(more > 0)
                .then(|| view! { <p class="faint">{format!("{} more match", number::count(more as f64))}</p> })}
        </section>
    }
    .into_any()
}

/// A unit as people say it: UCUM writes `By` for bytes and what is counted in braces.
fn unit_word(unit: &str) -> String {
    let (of, per) = unit.split_once('/').map_or((unit, ""), |(of, per)| (of, per));
    let word = match of {
        "By" => "bytes".to_owned(),
        "KiBy" => "KiB".to_owned(),
        "MiBy" => "MiB".to_owned(),
        "GiBy" => "GiB".to_owned(),
        // Of no dimension.
        "1" => String::new(),
        of => match of.strip_prefix('{').and_then(|of| of.strip_suffix('}')) {
            Some(thing) if thing.ends_with('s') || thing.is_empty() => thing.to_owned(),
            Some(thing) => format!("{thing}s"),
            None => of.to_owned(),
        },
    };
    if per.is_empty() { word } else { format!("{word}/{per}") }
}

/// An address with a whole question in it.
pub(super) fn in_url(url: Query, query: &MetricQuery) -> Query {
    url.with("metric", &query.name)
        .with("by", &query.by.join(","))
        .with("where", &MetricQuery::filter_words(&query.filter))
        .with("agg", query.aggregation.word())
        .with("rate", if query.rate { "1" } else { "" })
}

pub(super) fn empty() -> AnyView {
    view! {
        <section class="card empty" data-testid="no-metrics">
            <h2>"No metrics in this range"</h2>
            <p>
                "Send OpenTelemetry metrics to Binnacle: set " <code>"OTEL_METRICS_EXPORTER=otlp"</code> " and "
                <code>"OTEL_EXPORTER_OTLP_ENDPOINT"</code>
                " to its address, port 4317 for gRPC or 4318 for HTTP. The status page names the addresses."
            </p>
        </section>
    }
    .into_any()
}

/// A metric over time with its controls.
pub(super) fn explorer(
    query: &MetricQuery,
    window: Window,
    answer: &MetricSeries,
    labels: &[MetricLabel],
    marks: &Marks,
    deploys: &str,
) -> AnyView {
    let more = (answer.more > 0).then(|| {
        let shown = answer.series.len() as f64;
        let all = number::count(shown + f64::from(answer.more));
        view! { <p class="faint">{format!("The {} greatest of {all} series.", number::count(shown))}</p> }
    });
    let covered = answer.covered_from.map(|_| {
        view! { <p class="faint">"There is too much of it: the beginning of this range was not looked at."</p> }
    });
    view! {
        <div class="explored">
            {controls(query, labels)} {chart(plot(query, answer, &Colours::of([(query, answer)]), window, marks, deploys))} {more} {covered}
        </div>
    }
    .into_any()
}

/// What is chosen, each in the address.
fn controls(query: &MetricQuery, labels: &[MetricLabel]) -> AnyView {
    let (params, requery) = (use_query_map(), StoredValue::new(use_requery()));
    // The metric may be one that the address does not name.
    let shown = StoredValue::new(query.clone());
    let set = move |key: &'static str, value: &str| {
        let to = shown.with_value(|query| in_url(params.with_untracked(Query::of), query)).with(key, value);
        requery.with_value(|requery| requery(to, false));
    };
    let mut keys: Vec<String> = labels.iter().map(|label| label.key.clone()).collect();
    keys.extend(["pod", "revision"].map(str::to_owned));
    let by = query.by.join(",");
    if !by.is_empty() && !keys.contains(&by) {
        keys.push(by.clone());
    }
    let filters =
        labels.iter().filter(|label| label.values.len() > 1 || of(query, &label.key).is_some()).map(|label| {
            let (key, filter) = (label.key.clone(), query.filter.clone());
            let choose = Callback::new(move |value: String| {
                let mut filter = filter.clone();
                filter.retain(|(known, _)| *known != key);
                if !value.is_empty() {
                    filter.push((key.clone(), value));
                }
                set("where", &MetricQuery::filter_words(&filter));
            });
            let value = of(query, &label.key).unwrap_or_default();
            view! {
                <label class="control">
                    <span class="faint">{label.key.clone()}</span>
                    <Select label="Any" options=label.values.clone() value on_choose=choose />
                </label>
            }
        });
    view! {
        <div class="controls">
            {aggregations(query)} {rate_switch(query)}
            <Select label="Group by" options=keys value=by on_choose=Callback::new(move |by: String| set("by", &by)) />
            {filters.take(6).collect_view()}
        </div>
    }
    .into_any()
}

fn of(query: &MetricQuery, key: &str) -> Option<String> {
    query.filter.iter().find(|(known, _)| known == key).map(|(_, value)| value.clone())
}

fn aggregations(query: &MetricQuery) -> AnyView {
    let (params, path) = (use_query_map(), use_location().pathname);
    let one = |aggregation: Aggregation| {
        let word = aggregation.word();
        let asked = MetricQuery { aggregation, ..query.clone() };
        let to = move || format!("{}{}", path.get(), in_url(params.with(Query::of), &asked));
        let chosen = query.aggregation == aggregation;
        view! {
            <a href=to data-noscroll data-testid=format!("agg-{word}") aria-current=chosen.then_some("true")>
                {word}
            </a>
        }
    };
    view! {
        <nav class="switch" aria-label="Aggregation">
            {Aggregation::ALL.map(one).collect_view()}
        </nav>
    }
    .into_any()
}

fn rate_switch(query: &MetricQuery) -> AnyView {
    let (params, path) = (use_query_map(), use_location().pathname);
    let to = |rate: bool| {
        let asked = MetricQuery { rate, ..query.clone() };
        move || format!("{}{}", path.get(), in_url(params.with(Query::of), &asked))
    };
    view! {
        <nav class="switch" aria-label="Values or their change">
            <a href=to(false) data-noscroll aria-current=(!query.rate).then_some("true")>
                "Value"
            </a>
            <a href=to(true) data-noscroll data-testid="rate" aria-current=query.rate.then_some("true")>
                "Rate"
            </a>
        </nav>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::unit_word;

    #[test]
    fn units_are_words() {
        let words = ["By", "{error}", "{requests}", "By/s", "{order}/min", "ms", "1", "", "{}"].map(unit_word);
        assert_eq!(words, ["bytes", "errors", "requests", "bytes/s", "orders/min", "ms", "", "", ""]);
    }
}
