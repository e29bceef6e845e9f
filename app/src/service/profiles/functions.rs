//! Functions by what they cost, wherever they stand: what a flame graph hides in many places.

use std::cmp::Reverse;

use leptos::prelude::*;
use leptos_router::hooks::{use_location, use_query_map};
use model::{FrameCost, FrameTree, SampleType};

use super::summary::amount;
use crate::charts::flame::change;
use crate::ui::number;
use crate::url::Query;

/// Rows that are shown; what is looked for finds the others.
const ROWS: usize = 50;

/// The table, of functions whose name holds a text.
pub(super) fn functions(tree: &FrameTree, sample: &SampleType, text: &str, sort: &str) -> AnyView {
    let is_compared = tree.is_compared();
    let name = |cost: &FrameCost| tree.frames[cost.frame as usize].name.as_str();
    let by = |cost: &FrameCost| tree.share(cost.total) - tree.share_before(cost.total_before);
    let mut found: Vec<&FrameCost> =
        tree.functions.iter().filter(|cost| name(cost).to_lowercase().contains(text)).collect();
    match sort {
        "total" => found.sort_by_key(|cost| Reverse(cost.total)),
        "self" => found.sort_by_key(|cost| Reverse(cost.own)),
        _ if is_compared => found.sort_by(|a, b| by(b).abs().total_cmp(&by(a).abs())),
        _ => found.sort_by_key(|cost| Reverse(cost.own)),
    }
    let sort = match sort {
        "total" | "self" => sort,
        _ if is_compared => "change",
        _ => "self",
    };
    let row = |cost: &&FrameCost| row(tree, sample, cost, is_compared.then(|| by(cost)));
    let none = found.is_empty().then(|| view! { <p class="muted none">"No function matches"</p> });
    view! {
        <section class="card" data-testid="functions">
            <div class="scroll-x">
                <table class="dense functions">
                    <thead>
                        <tr>
                            <th scope="col">"Function"</th>
                            {heading("self", "Self", sort)}
                            {heading("total", "Total", sort)}
                            {is_compared.then(|| heading("change", "Change", sort))}
                        </tr>
                    </thead>
                    <tbody>{found.iter().take(ROWS).map(row).collect_view()}</tbody>
                </table>
            </div>
            {none}
        </section>
    }
    .into_any()
}

/// By how much a share changed; what rounds to nothing did not.
fn points(by: f64) -> String {
    match by {
        by if by.abs() < 0.001 => "0 pt".to_owned(),
        by => format!("{}{} pt", if by < 0.0 { '−' } else { '+' }, number::trimmed(by.abs() * 100.0, 1)),
    }
}

/// A heading that sorts by its column, the greatest first.
fn heading(key: &'static str, word: &'static str, sort: &str) -> AnyView {
    let (params, path) = (use_query_map(), use_location().pathname);
    let to = move || format!("{}{}", path.get(), params.with(Query::of).with("sort", key));
    let is_sorted = key == sort;
    view! {
        <th scope="col" class="num" aria-sort=is_sorted.then_some("descending")>
            <a href=to data-noscroll>
                {word}
                {is_sorted.then_some(" ↓")}
            </a>
        </th>
    }
    .into_any()
}

fn row(tree: &FrameTree, sample: &SampleType, cost: &FrameCost, by: Option<f64>) -> AnyView {
    let (params, path) = (use_query_map(), use_location().pathname);
    let frame = &tree.frames[cost.frame as usize];
    let name = frame.name.clone();
    let to = {
        let name = name.clone();
        move || format!("{}{}", path.get(), params.with(Query::of).with("q", &name))
    };
    let cell = |value: i64| {
        view! {
            <td class="num">
                {amount(sample, tree.all, value)} <span class="faint share">{number::share(tree.share(value))}</span>
            </td>
        }
    };
    let changed = by.map(|by| {
        let class = format!("num change {}", change(by));
        view! { <td class=class>{points(by)}</td> }
    });
    view! {
        <tr data-testid="function">
            <td class="function">
                <a href=to data-noscroll title=frame.file.clone()>
                    {name}
                </a>
            </td>
            {cell(cost.own)}
            {cell(cost.total)}
            {changed}
        </tr>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::points;

    #[test]
    fn a_change_has_its_sign_and_noise_is_none() {
        assert_eq!([0.3, -0.012, 0.0004, -1e-9].map(points), ["+30 pt", "−1.2 pt", "0 pt", "0 pt"]);
    }
}
