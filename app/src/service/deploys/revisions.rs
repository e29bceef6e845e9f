//! The revisions that the service had, of which two can be chosen to be compared.

use leptos::prelude::*;
use model::{Pair, RevisionHash, RevisionRow, Revisions, Summary};

use super::chosen::{self, Side};
use crate::ui::ago::ago;
use crate::ui::badge::{badge, verdict_tone};
use crate::ui::number;
use crate::url::Query;

/// What the rows need of the page.
#[derive(Clone, Copy)]
struct Page {
    address: Memo<(String, Query)>,
    pair: Memo<Option<Pair>>,
    listed: StoredValue<Vec<RevisionHash>>,
}

/// The table; nothing where no revision is known.
pub(super) fn revisions(all: &Revisions, pair: Memo<Option<Pair>>, address: Memo<(String, Query)>) -> AnyView {
    if all.rows.is_empty() {
        return ().into_any();
    }
    let listed = StoredValue::new(all.rows.iter().map(|row| row.hash.clone()).collect());
    let page = Page { address, pair, listed };
    let several = all.rows.len() > 1;
    let what = if several { "the numbers are of each one's last hour; choose two to compare" } else { "its last hour" };
    let picks = several.then(|| {
        view! {
            <th scope="col" class="pick">
                "Old"
            </th>
            <th scope="col" class="pick">
                "New"
            </th>
        }
    });
    let rows = all.rows.iter().map(|one| row(one, several, page)).collect_view();
    let more = (all.more > 0).then(|| {
        let revisions = number::plural(all.more.into(), "older revision is", "older revisions are");
        view! { <p class="faint card-foot">{format!("{revisions} not listed")}</p> }
    });
    view! {
        <section class="card revisions" data-testid="revisions">
            <div class="card-head">
                <h2>"Revisions"</h2>
                <span class="faint">{what}</span>
            </div>
            <div class="scroll-x">
                <table class="dense">
                    <thead>
                        <tr>
                            {picks}
                            <th scope="col">"Revision"</th>
                            <th scope="col">"First seen"</th>
                            <th scope="col">"Last seen"</th>
                            <th scope="col" class="num">"Pods"</th>
                            <th scope="col" class="num before">"in all"</th>
                            <th scope="col" class="num">"Requests /s"</th>
                            <th scope="col" class="num">"Errors"</th>
                            <th scope="col" class="num">"p95"</th>
                            <th scope="col" class="num" title="Error groups that it was the first to have">
                                "New errors"
                            </th>
                            <th scope="col">"Verdict"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
            {more}
        </section>
    }
    .into_any()
}

fn row(row: &RevisionRow, several: bool, page: Page) -> AnyView {
    let picks = several.then(|| {
        view! {
            <td class="pick">{pick(row, Side::Old, page)}</td>
            <td class="pick">{pick(row, Side::New, page)}</td>
        }
    });
    let last = match row.last_seen {
        _ if row.pods > 0 => view! { "now" }.into_any(),
        Some(at) => ago(at),
        None => unknown(),
    };
    view! {
        <tr data-testid="revision-row" data-hash=row.hash.to_string()>
            {picks} <td class="revision-name">
                <code title=row.hash.to_string()>{row.name.clone()}</code>
                {row.current.then(|| badge("plain", "current"))}
            </td>
            <td class="muted">{ago(row.first_seen)}</td>
            <td class="muted">{last}</td>
            <td class="num">{counted(row.pods)}</td>
            <td class="num before">{number::or_none(row.pods_ever, |count| count.to_string())}</td>
            {numbers(&row.hour, row)}
            <td class="num">{row.new_errors.map_or_else(unknown, counted)}</td>
            <td class="verdict-dot">{verdict(row, page)}</td>
        </tr>
    }
    .into_any()
}

fn counted(count: u32) -> AnyView {
    let class = if count == 0 { "zero" } else { "" };
    view! { <span class=class>{count.to_string()}</span> }.into_any()
}

fn unknown() -> AnyView {
    view! { <span class="zero">{number::NONE}</span> }.into_any()
}

/// Requests, errors, p95. Errors are coloured where the verdict is bad.
fn numbers(hour: &Summary, row: &RevisionRow) -> AnyView {
    let level = row.verdict.as_ref().map(|judged| judged.level).filter(|level| level.is_bad());
    let tone = level.filter(|_| hour.error_share.is_some_and(|share| share >= 0.01)).map_or("", verdict_tone);
    view! {
        <td class="num">{number::or_none(hour.rate, number::rate)}</td>
        <td class=format!("num {tone}")>{number::or_none(hour.error_share, number::share)}</td>
        <td class="num">{number::or_none(hour.p95, model::duration_text)}</td>
    }
    .into_any()
}

/// A dot and a word that lead to the evidence.
fn verdict(row: &RevisionRow, page: Page) -> AnyView {
    let Some(judged) = &row.verdict else { return unknown() };
    let sequence = judged.sequence.to_string();
    let href = move || page.address.with(|(path, query)| format!("{path}{}", query.clone().with("deploy", &sequence)));
    view! {
        <a href=href data-level=judged.level.key()>
            <i class=format!("dot {}", verdict_tone(judged.level))></i>
            {judged.level.word()}
        </a>
    }
    .into_any()
}

/// A link that puts the revision on a side of the comparison.
fn pick(row: &RevisionRow, side: Side, page: Page) -> AnyView {
    let (word, testid) = match side {
        Side::Old => ("the old one", "pick-old"),
        Side::New => ("the new one", "pick-new"),
    };
    let hash = row.hash.clone();
    let is_chosen = {
        let hash = hash.clone();
        move || {
            page.pair.with(|pair| {
                pair.as_ref().is_some_and(|pair| match side {
                    Side::Old => pair.old.hash == hash,
                    Side::New => pair.new.hash == hash,
                })
            })
        }
    };
    let href = move || {
        let to = page.pair.with(|now| page.listed.with_value(|listed| chosen::with(now.as_ref(), side, &hash, listed)));
        page.address.with(|(path, query)| {
            let query = to.iter().fold(query.clone(), chosen::into_url);
            format!("{path}{query}")
        })
    };
    view! {
        <a
            class="pick"
            href=href
            data-noscroll
            data-testid=testid
            aria-label=format!("Compare with {} as {word}", row.name)
            aria-current=move || is_chosen().then_some("true")
        ></a>
    }
    .into_any()
}
