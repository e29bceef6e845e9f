//! Lines that say the same but for what varies, those that came with the newest deploy first.

use leptos::prelude::*;
use leptos_router::hooks::{use_location, use_query_map};
use model::{LogFilter, LogPattern, LogPatterns, LogTerm, LogTest};

use super::lines::level;
use crate::charts::spark::spark;
use crate::ui::ago::ago;
use crate::ui::badge::badge;
use crate::ui::number;
use crate::url::Query;

/// The table of patterns.
pub(super) fn patterns(found: &LogPatterns) -> AnyView {
    if found.patterns.is_empty() {
        return view! {
            <section class="card empty">
                <h2>"No such logs in this range"</h2>
                <p>"Lines that say the same but for numbers and names are counted together here."</p>
            </section>
        }
        .into_any();
    }
    let of_all = found.asks_lines.then(|| {
        view! {
            <p class="faint card-foot" data-testid="patterns-of-all">
                "Only levels and patterns are searched for here: the rest of the query narrows lines alone."
            </p>
        }
    });
    let more = (found.more > 0).then(|| {
        let more = number::plural(found.more.into(), "more pattern is rarer", "more patterns are rarer");
        view! { <p class="older faint">{more}</p> }
    });
    view! {
        <section class="card">
            <div class="scroll-x">
                <table class="dense log-patterns">
                    <thead>
                        <tr>
                            <th scope="col">"Level"</th>
                            <th scope="col">"Pattern"</th>
                            <th scope="col" class="num">"Lines"</th>
                            <th scope="col"><span class="sr">"Over time"</span></th>
                            <th scope="col">"First seen"</th>
                        </tr>
                    </thead>
                    <tbody>{found.patterns.iter().map(row).collect_view()}</tbody>
                </table>
            </div>
            {more} {of_all}
        </section>
    }
    .into_any()
}

fn row(pattern: &LogPattern) -> AnyView {
    let (query, path) = (use_query_map(), use_location().pathname);
    let words = if pattern.pattern.is_empty() { "(only values)".to_owned() } else { pattern.pattern.clone() };
    let term = LogTerm { not: false, test: LogTest::Equals("pattern".into(), pattern.pattern.clone()) };
    let filter = LogFilter { terms: vec![term] }.to_string();
    let to = move || format!("{}{}", path.get(), query.with(Query::of).with("show", "").with("q", &filter));
    let with = pattern.first_revision_name.clone().map(|name| view! { <span>", with "<code>{name}</code></span> });
    let tone = if pattern.level >= model::Level::Error { "bad" } else { "" };
    view! {
        <tr data-testid="log-pattern" data-new=pattern.is_new.to_string()>
            <td>{level(pattern.level)}</td>
            <td class="pattern">
                <a href=to title=words.clone()>
                    {words.clone()}
                </a>
                {pattern.is_new.then(|| badge("deploy", "new since this deploy"))}
            </td>
            <td class="num">{number::count(pattern.count as f64)}</td>
            <td>{spark(&pattern.series.points, 1.0, tone)}</td>
            <td class="muted first-seen">{ago(pattern.first_seen)} {with}</td>
        </tr>
    }
    .into_any()
}
