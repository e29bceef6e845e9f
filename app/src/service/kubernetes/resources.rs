//! The resources of a service as a tree.

use leptos::prelude::*;
use model::ResourceRow;

use crate::ui::ago::age;
use crate::ui::number::plural;

/// The tree in its card.
pub(super) fn resources(rows: &[ResourceRow]) -> AnyView {
    let mut kinds: Vec<_> = rows.iter().map(|row| row.kind.as_str()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let summary = format!("{}, of {}", rows.len(), plural(kinds.len() as u64, "kind", "kinds"));
    view! {
        <section class="card">
            <div class="card-head">
                <h2>"Resources"</h2>
                <span class="faint">{summary}</span>
            </div>
            <div class="scroll-x">
                <table class="dense resources">
                    <thead>
                        <tr>
                            <th scope="col">"Resource"</th>
                            <th scope="col">"State"</th>
                            <th scope="col" class="num">"Changed"</th>
                            <th scope="col"><span class="sr">"Note"</span></th>
                        </tr>
                    </thead>
                    <tbody>{rows.iter().map(row).collect_view()}</tbody>
                </table>
            </div>
        </section>
    }
    .into_any()
}

fn row(row: &ResourceRow) -> AnyView {
    let (dot, state) = match row.good {
        Some(true) => ("dot good", ""),
        Some(false) => ("dot bad", "warn"),
        None => ("dot", ""),
    };
    view! {
        <tr data-testid="resource-row">
            <td class="resource" style=format!("--depth:{}", row.depth)>
                <span>
                    <i class=dot></i>
                    <span class="faint">{row.kind.clone()}</span>
                    " "
                    <span class="id" title=row.name.clone()>{row.name.clone()}</span>
                </span>
            </td>
            <td class=format!("state {state}")>{row.state.clone()}</td>
            <td class="num muted">{row.changed.map(age)}</td>
            <td class="faint">{row.note.clone()}</td>
        </tr>
    }
    .into_any()
}
