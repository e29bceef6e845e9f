//! Kinds of error: what, where, how often, since when, with a trace of each.

use leptos::prelude::*;
use model::ErrorRow;

use crate::charts::spark::spark;
use crate::ui::ago::ago;
use crate::ui::number;

/// The table of error groups, most frequent first.
pub(super) fn errors(rows: &[ErrorRow], kept: Memo<String>) -> AnyView {
    let body = if rows.is_empty() {
        view! { <p class="unmeasured">"No errors in this range"</p> }.into_any()
    } else {
        table(rows, kept)
    };
    let kinds = (!rows.is_empty()).then(|| number::plural(rows.len() as u64, "kind", "kinds"));
    view! {
        <section class="card">
            <div class="card-head">
                <h2>"Errors"</h2>
                <span class="faint">{kinds}</span>
            </div>
            {body}
        </section>
    }
    .into_any()
}

fn table(rows: &[ErrorRow], kept: Memo<String>) -> AnyView {
    view! {
        <div class="scroll-x">
            <table class="dense">
                <thead>
                    <tr>
                        <th scope="col">"Error"</th>
                        <th scope="col">"Where"</th>
                        <th scope="col" class="num">"Count"</th>
                        <th scope="col">"First seen"</th>
                        <th scope="col"><span class="sr">"Over time"</span></th>
                        <th scope="col"><span class="sr">"Sample"</span></th>
                    </tr>
                </thead>
                <tbody>{rows.iter().map(|group| row(group, kept)).collect_view()}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn row(row: &ErrorRow, kept: Memo<String>) -> AnyView {
    let points: Vec<_> = row.spark.iter().map(|count| Some(*count)).collect();
    let with = row.revision.clone().map(|revision| view! { <span>", with "<code>{revision}</code></span> });
    let trace = row.sample.to_string();
    view! {
        <tr data-testid="error-group">
            <td class="error">
                <strong title=row.error.clone()>{row.error.clone()}</strong>
            </td>
            <td class="endpoint">
                <code title=row.endpoint.clone()>{row.endpoint.clone()}</code>
            </td>
            <td class="num">{number::count(row.count)}</td>
            <td class="muted first-seen">{ago(row.first_seen)} {with}</td>
            <td>{spark(&points, 1.0, "bad")}</td>
            <td class="num">
                <a href=format!("/traces/{trace}{}", kept.get_untracked())>"trace"</a>
            </td>
        </tr>
    }
    .into_any()
}
