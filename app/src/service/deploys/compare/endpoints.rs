//! Endpoints of two revisions: a value that changed stands next to what it is with the old one.

use leptos::prelude::*;
use model::EndpointRow;

use crate::service::overview::{has_more_errors, is_slower};
use crate::ui::number;

/// The table, worst change first.
pub(super) fn endpoints(rows: &[EndpointRow]) -> AnyView {
    let body = if rows.is_empty() {
        view! { <p class="unmeasured">"Neither of them served a request then"</p> }.into_any()
    } else {
        table(rows)
    };
    let count = (!rows.is_empty()).then(|| format!("{}, worst change first", rows.len()));
    view! {
        <section class="card">
            <div class="card-head">
                <h2>"Endpoints"</h2>
                <span class="faint">{count}</span>
            </div>
            {body}
        </section>
    }
    .into_any()
}

fn table(rows: &[EndpointRow]) -> AnyView {
    view! {
        <div class="scroll-x">
            <table class="dense">
                <thead>
                    <tr>
                        <th scope="col">"Endpoint"</th>
                        <th scope="col" class="num">"/s"</th>
                        <th scope="col" class="num before">"old"</th>
                        <th scope="col" class="num">"Errors"</th>
                        <th scope="col" class="num before">"old"</th>
                        <th scope="col" class="num">"p95"</th>
                        <th scope="col" class="num before">"old"</th>
                    </tr>
                </thead>
                <tbody>{rows.iter().map(row).collect_view()}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn row(row: &EndpointRow) -> AnyView {
    let (new, old) = (&row.now, &row.before);
    let errors = if has_more_errors(new, old) { "num bad" } else { "num" };
    let slower = if is_slower(new, old) { "num warn" } else { "num" };
    view! {
        <tr data-testid="compared-endpoint">
            <td class="endpoint">
                <code title=row.endpoint.clone()>{row.endpoint.clone()}</code>
            </td>
            <td class="num">{number::or_none(new.rate, number::rate)}</td>
            <td class="num before">{number::or_none(old.rate, number::rate)}</td>
            <td class=errors>{number::or_none(new.error_share, number::share)}</td>
            <td class="num before">{number::or_none(old.error_share, number::share)}</td>
            <td class=slower>{number::or_none(new.p95, model::duration_text)}</td>
            <td class="num before">{number::or_none(old.p95, model::duration_text)}</td>
        </tr>
    }
    .into_any()
}
