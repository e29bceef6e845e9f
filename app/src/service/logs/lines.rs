//! How many lines match when, and the lines, each of which opens.

use leptos::prelude::*;
use leptos_router::hooks::{use_location, use_query_map};
use model::{Level, LogFilter, LogGap, LogLine, LogPage, LogTerm, LogTest, Marks, Series, Timestamp, Window};

use crate::charts::frame::{Plot, chart};
use crate::charts::path::Line;
use crate::charts::scale::{Along, Unit};
use crate::range::use_kept;
use crate::session::Clock;
use crate::ui::ago::{clock_text, instant_text};
use crate::ui::{coverage, number};
use crate::url::Query;

/// The histogram and the lines of a page.
pub(super) fn page(page: &LogPage, marks: &Marks, window: Window, path: &str) -> AnyView {
    let kept = use_kept().get_untracked();
    let deploys = format!("{path}/deploys{kept}{}deploy=", if kept.is_empty() { '?' } else { '&' });
    let plot = Plot {
        testid: "chart-logs",
        title: "Lines".to_owned(),
        subtitle: String::new(),
        headline: number::count(page.matched as f64),
        tone: "",
        unit: Unit::Count,
        window,
        along: Along::Range,
        lines: bars(&page.levels),
        stacked: true,
        band: None,
        empty: "No lines in this range",
        marks: marks.clone(),
        deploys,
    };
    let covered = page.covered_from.map(|from| {
        let text =
            move || format!("The search stopped at its limit: lines before {} were not looked at.", clock_text(from));
        view! { <p class="notice warn">{text}</p> }
    });
    let missing = coverage::missing(&page.coverage)
        .map(|words| view! { <p class="notice" data-testid="log-coverage">{words}</p> });
    let body = if page.lines.is_empty() { empty(page) } else { list(page) };
    view! {
        {chart(plot)}
        {covered}
        {missing}
        {body}
    }
    .into_any()
}

/// Errors stand on warnings, those on all else.
fn bars(levels: &[Series]) -> Vec<Line> {
    let groups = [("quiet", "other"), ("warn", "warn"), ("bad", "error")];
    let group = |name: &str| match name {
        "error" | "fatal" => 2,
        "warn" => 1,
        _ => 0,
    };
    let mut bars: Vec<Option<Series>> = vec![None, None, None];
    for series in levels {
        let place = &mut bars[group(&series.name)];
        match place {
            Some(sum) => {
                for (point, more) in sum.points.iter_mut().zip(&series.points) {
                    *point = Some(point.unwrap_or(0.0) + more.unwrap_or(0.0));
                }
            }
            None => *place = Some(series.clone()),
        }
    }
    let line = |(series, (class, name)): (Option<Series>, (&'static str, &str))| {
        let series = Series { name: name.to_owned(), ..series? };
        Some(Line { class, series, area: false })
    };
    bars.into_iter().zip(groups).filter_map(line).collect()
}

fn empty(page: &LogPage) -> AnyView {
    let searched = use_query_map().with_untracked(|query| query.get_str("q").is_some_and(|text| !text.is_empty()));
    let (title, text) = match (searched, page.matched) {
        (true, _) => ("No line matches", "Take a term away, or choose a longer range."),
        (false, 0) => (
            "No logs in this range",
            "Logs of pods are read from the API server. To send them by OTLP, point an SDK's or a collector's log exporter at Binnacle, ports 4317 (gRPC) and 4318 (HTTP).",
        ),
        _ => ("No older lines", "These were all lines of this range."),
    };
    view! {
        <section class="card empty">
            <h2>{title}</h2>
            <p>{text}</p>
        </section>
    }
    .into_any()
}

fn list(page: &LogPage) -> AnyView {
    let (query, path) = (use_query_map(), use_location().pathname);
    let older = page.next.map(|next| {
        let to = move || format!("{}{}", path.get(), query.with(Query::of).with("before", &next.to_string()));
        view! { <p class="older"><a href=to data-testid="older-lines">"Older lines"</a></p> }
    });
    view! {
        <section class="card log-lines" data-testid="log-lines">
            {page.lines.iter().map(|it| LogGap::of(it).map_or_else(|| line(it), |gap| missing(&gap, it))).collect_view()}
            {older}
        </section>
    }
    .into_any()
}

/// Where lines of a container are missing, or may be.
fn missing(gap: &LogGap, line: &LogLine) -> AnyView {
    let LogGap { from, to, reason } = gap;
    let words = Clock::of_page().in_zone(|zone| {
        let clock = |at: Timestamp| zone.civil(at).clock_seconds();
        format!("no logs from {} to {}: {reason}", clock(*from), clock(*to))
    });
    let pod = line.pod.clone().unwrap_or_default();
    view! {
        <p class="log-gap" data-testid="log-gap">
            <code class="pod">{pod}</code>
            <span>{words}</span>
        </p>
    }
    .into_any()
}

/// A line in short; its attributes when it is opened.
fn line(line: &LogLine) -> AnyView {
    let at = line.at;
    let time = Clock::of_page().in_zone(|zone| instant_text(zone, at));
    let pod = line.pod.clone().unwrap_or_default();
    let short = pod.rsplit('-').next().unwrap_or_default().to_owned();
    let class = format!("log-line level-{}", line.level.word());
    let first = line.body.lines().next().unwrap_or_default().to_owned();
    view! {
        <details class=class data-testid="log-line">
            <summary>
                <time data-at=at.millis().to_string()>{time}</time>
                <span class="level">{line.level.word()}</span>
                <code class="pod" title=pod>
                    {short}
                </code>
                <span class="body">{first}</span>
            </summary>
            {detail(line)}
        </details>
    }
    .into_any()
}

fn detail(line: &LogLine) -> AnyView {
    let kept = use_kept();
    let whole = (line.body.lines().count() > 1).then(|| view! { <pre>{line.body.clone()}</pre> });
    let trace = line.trace.map(|trace| {
        view! {
            <div>
                <dt>"trace"</dt>
                <dd>
                    <a href=format!("/traces/{trace}{}", kept.get_untracked())>{trace.to_string()}</a>
                </dd>
            </div>
        }
    });
    let named = [("pod", &line.pod), ("revision", &line.revision)];
    let facts = named.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value.clone()?)));
    let said = [("scope", &line.scope), ("severity", &line.severity)];
    let said = said.into_iter().filter(|(_, text)| !text.is_empty()).map(|(key, text)| (key.to_owned(), text.clone()));
    let own = line.attributes.iter().map(|(key, value)| (key.clone(), value.to_string()));
    view! {
        {whole}
        <dl>
            {trace} {own.chain(facts).chain(said).map(|(key, value)| pair(key, value)).collect_view()}
        </dl>
    }
    .into_any()
}

/// A key with its value, and links that search for it and for all others.
fn pair(key: String, value: String) -> AnyView {
    // What a person can't search for is no key of the query, or too long for one.
    let can = !matches!(key.as_str(), "severity" | "revision") && value.len() <= 200 && !key.contains(['=', '"', ' ']);
    let links = can.then(|| {
        let link = |not: bool, word: &'static str, title: &'static str| {
            let (query, path) = (use_query_map(), use_location().pathname);
            let term = LogTerm { not, test: LogTest::Equals(key.clone(), value.clone()) };
            let to = move || format!("{}{}", path.get(), with_term(&query.with(Query::of), &term));
            view! {
                <a class="faint" href=to title=title data-noscroll>
                    {word}
                </a>
            }
        };
        view! { {link(false, "+", "Only these")} {link(true, "−", "All but these")} }
    });
    view! {
        <div>
            <dt>{key.clone()}</dt>
            <dd>{value.clone()} {links}</dd>
        </div>
    }
    .into_any()
}

/// The address with one more term.
fn with_term(query: &Query, term: &LogTerm) -> Query {
    let mut filter: LogFilter = query.get("q").unwrap_or_default().parse().unwrap_or_default();
    if !filter.terms.contains(term) {
        filter.terms.push(term.clone());
    }
    query.clone().with("q", &filter.to_string()).with("before", "")
}

/// A level as a coloured word.
pub(super) fn level(level: Level) -> AnyView {
    view! { <span class=format!("level level-{}", level.word())>{level.word()}</span> }.into_any()
}
