//! The resources of a service as a tree, in groups. Those whose text is kept open.

use leptos::prelude::*;
use model::{KubernetesTab, ResourceRow, Timestamp};

use super::{Address, opening};
use crate::ui::ago::{age_then, clock_text};
use crate::ui::number::plural;

/// The tree in its card.
pub(super) fn resources(tab: &KubernetesTab, address: Address) -> AnyView {
    let (rows, past) = (&tab.resources, tab.past);
    let missing = tab.kept_from.map(|from| {
        let text = move || format!("What else belonged to it is not known: history begins {}.", clock_text(from));
        view! { <p class="notice plain" data-testid="kept-from">{text}</p> }
    });
    let mut kinds: Vec<_> = rows.iter().map(|row| row.kind.as_str()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let summary = format!("{} in {}", rows.len(), plural(kinds.len() as u64, "kind", "kinds"));
    view! {
        <section class="card">
            <div class="card-head">
                <h2>"Resources"</h2>
                <span class="faint">{summary}</span>
            </div>
            {missing}
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
                    <tbody>{grouped(rows, past, address)}</tbody>
                </table>
            </div>
        </section>
    }
    .into_any()
}

/// Rows with a heading before each group.
fn grouped(rows: &[ResourceRow], past: Option<Timestamp>, address: Address) -> Vec<AnyView> {
    let mut out = Vec::new();
    let mut last = "";
    for resource in rows {
        let of = group(&resource.kind);
        if resource.depth == 0 && of != last {
            last = of;
            out.push(heading(of));
        }
        out.push(row(resource, past, address));
    }
    out
}

fn heading(word: &'static str) -> AnyView {
    view! {
        <tr class="group">
            <th scope="colgroup" colspan="4">
                {word}
            </th>
        </tr>
    }
    .into_any()
}

/// What a resource is for.
fn group(kind: &str) -> &'static str {
    match kind {
        "Service" | "Ingress" | "HTTPRoute" | "NetworkPolicy" => "Network",
        "ConfigMap" | "Secret" => "Configuration",
        "PersistentVolumeClaim" | "PersistentVolume" => "Storage",
        "HorizontalPodAutoscaler" | "VerticalPodAutoscaler" | "ScaledObject" | "PodDisruptionBudget" => "Scaling",
        "ServiceAccount" | "Role" | "RoleBinding" | "ClusterRole" | "ClusterRoleBinding" => "Rights",
        kind if kind.contains(' ') => "Delivery",
        _ => "Workload",
    }
}

fn row(row: &ResourceRow, past: Option<Timestamp>, address: Address) -> AnyView {
    let (dot, state) = match row.good {
        Some(true) => ("dot good", ""),
        Some(false) => ("dot bad", "warn"),
        None => ("dot", ""),
    };
    let name = row.name.clone();
    let name = match &row.id {
        Some(id) => {
            let id = id.to_string();
            let to = move || opening(address, &id);
            view! {
                <a class="id" href=to data-noscroll title=name.clone() data-testid="resource-link">
                    {name.clone()}
                </a>
            }
            .into_any()
        }
        None => view! {
            <span class="id" title=name.clone()>
                {name.clone()}
            </span>
        }
        .into_any(),
    };
    view! {
        <tr data-testid="resource-row" data-kind=row.kind.clone() style=format!("--depth:{}", row.depth)>
            <td class="resource">
                <span>
                    <i class=dot></i>
                    <span class="faint">{row.kind.clone()}</span>
                    " "
                    {name}
                </span>
            </td>
            <td class=format!("state {state}")>{row.state.clone()}</td>
            <td class="num muted">{row.changed.map(|at| age_then(at, past))}</td>
            <td class="faint note">{row.note.clone()}</td>
        </tr>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_stand_with_those_that_are_for_the_same() {
        let groups = ["Rollout", "HTTPRoute", "Secret", "PersistentVolume", "ScaledObject", "Role", "Helm release"];
        let of = ["Workload", "Network", "Configuration", "Storage", "Scaling", "Rights", "Delivery"];
        assert_eq!(groups.map(group), of);
    }
}
