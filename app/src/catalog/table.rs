//! The table of the catalog: the rows of the window between two spacers that stand for the rest.

use leptos::prelude::*;
use leptos_router::params::ParamsMap;
use model::{CatalogPage, CatalogQuery, CatalogSort, ClusterStatus, Connection};
use wasm_bindgen::JsCast;

use super::filter::href;
use super::query;
use super::row::row;
use crate::ui::filter::focus_link;
use crate::url::Query;

/// Column: what orders by it, its head, its style class.
const COLUMNS: [(CatalogSort, &str, &str); 9] = [
    (CatalogSort::Name, "Service", "name"),
    (CatalogSort::Health, "What is going on", "going"),
    (CatalogSort::Requests, "Requests /s", "num rate"),
    (CatalogSort::Errors, "Errors", "num errors"),
    (CatalogSort::P95, "p95", "num p95"),
    (CatalogSort::Ready, "Ready", "num ready"),
    (CatalogSort::Restarts, "Restarts", "num restarts"),
    (CatalogSort::Revision, "Revision", "revision"),
    (CatalogSort::LastDeploy, "Last deploy", "deploy"),
];

/// The table, under a notice for clusters that do not answer.
pub(super) fn draw(
    page: &CatalogPage,
    offset: u32,
    query: Memo<CatalogQuery>,
    params: Memo<ParamsMap>,
    kept: Memo<String>,
) -> AnyView {
    let heads = COLUMNS.map(|(sort, words, class)| head(sort, words, class, query, params)).collect_view();
    let below = page.matched.saturating_sub(offset + page.rows.len() as u32);
    // What changes it makes another answer too. Rows that followed it by themselves would stay its listeners, drawn
    // after drawn: a signal forgets those that are gone only when it changes.
    let kept = kept.get_untracked();
    let rows = page.rows.iter().map(|each| row(each, &kept)).collect_view();
    view! {
        {page.clusters.iter().filter_map(notice).collect_view()}
        <div class="card scroll-x">
            <table aria-rowcount=(page.matched + 1).to_string()>
                <thead>
                    <tr>{heads}</tr>
                </thead>
                <tbody on:keydown=arrows>{spacer(offset)} {rows} {spacer(below)}</tbody>
            </table>
        </div>
    }
    .into_any()
}

/// The head of a column. Only what it says follows the address: the link itself is never made anew, neither by another
/// order nor by other rows, and so keeps the focus.
fn head(
    sort: CatalogSort,
    words: &'static str,
    class: &'static str,
    query: Memo<CatalogQuery>,
    params: Memo<ParamsMap>,
) -> AnyView {
    let order = move || query.with(|now| order(sort, now));
    let to = move || query.with(|now| href(&query::sorted(params.with(Query::of), now, sort)));
    let what = (sort == CatalogSort::Restarts).then_some("Of containers, in the last hour");
    view! {
        <th scope="col" class=class aria-sort=move || order().map(|(order, _)| order) title=what>
            <a href=to data-noscroll>
                {words}
                <span class="arrow" aria-hidden="true">
                    {move || order().map_or("", |(_, arrow)| arrow)}
                </span>
            </a>
        </th>
    }
    .into_any()
}

/// How a column is ordered now, as a word and as a sign; nothing where it is not.
fn order(sort: CatalogSort, now: &CatalogQuery) -> Option<(&'static str, &'static str)> {
    // Names rise; numbers and healths begin with the most and the worst.
    let rises = matches!(sort, CatalogSort::Name | CatalogSort::Revision | CatalogSort::Ready) != now.reverse;
    (now.sort == sort).then_some(if rises { ("ascending", "↑") } else { ("descending", "↓") })
}

/// The room of rows that are not here.
fn spacer(rows: u32) -> AnyView {
    view! {
        <tr class="spacer" aria-hidden="true" hidden=rows == 0>
            <td colspan="9" style=format!("height:calc(var(--row) * {rows})")></td>
        </tr>
    }
    .into_any()
}

/// A cluster that does not answer, where there are rows to show all the same.
fn notice(cluster: &ClusterStatus) -> Option<AnyView> {
    let (tone, text) = match &cluster.connection {
        Connection::Connected => return None,
        Connection::Syncing => {
            ("plain", format!("Reading cluster {}: some services may not be here yet.", cluster.name))
        }
        Connection::Connecting { reason } => {
            let why = reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
            ("warn", format!("Connecting to cluster {}{why}", cluster.name))
        }
        Connection::Lost { reason, .. } => ("bad", format!("Cluster {} does not answer: {reason}", cluster.name)),
    };
    Some(view! { <p class=format!("notice {tone}") role="status">{text}</p> }.into_any())
}

/// Up and down move the focus from row to row; Enter follows the link that has it.
fn arrows(event: web_sys::KeyboardEvent) {
    let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    let Some(row) = target.and_then(|target| target.closest("tr").ok().flatten()) else { return };
    let next = match event.key().as_str() {
        "ArrowDown" | "j" => row.next_element_sibling(),
        "ArrowUp" | "k" => row.previous_element_sibling(),
        _ => return,
    };
    event.prevent_default();
    if let Some(next) = next.filter(|next| next.has_attribute("data-service")) {
        focus_link(&next);
    }
}
