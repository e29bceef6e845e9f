//! What the store holds, and whether its writer works.

use leptos::prelude::*;
use model::StoreStatus;

use crate::ui::ago::ago;
use crate::ui::number;

/// Sizes and ages.
pub(super) fn storage(store: &StoreStatus) -> AnyView {
    let sizes = [
        ("Raw telemetry", model::bytes_text(store.raw_bytes as f64)),
        ("Summaries", model::bytes_text(store.summary_bytes as f64)),
        ("Metadata", model::bytes_text(store.meta_bytes as f64)),
        ("Raw partitions", number::count(store.partitions.into())),
        ("Spans kept", number::count(store.spans as f64)),
        ("Log records kept", number::count(store.logs as f64)),
        ("Metric points kept", number::count(store.points as f64)),
        ("Profile samples kept", number::count(store.samples as f64)),
    ];
    let failing = store.failing.clone().map(|why| view! { <p class="notice bad">{format!("Not writing: {why}")}</p> });
    let short = [&store.disk_short, &store.memory_short].into_iter().flatten().cloned();
    let short = short.map(|why| view! { <p class="notice bad" data-testid="status-short">{why}</p> }).collect_view();
    view! {
        <section class="card" data-testid="status-storage">
            <div class="card-head">
                <h2>"Storage"</h2>
                <span class="faint end">{store.committed.map(|at| view! { "committed " {ago(at)} })}</span>
            </div>
            {failing}
            {short}
            {facts(&sizes)}
            <p class="faint card-foot">{store.oldest.map(|at| view! { "oldest partition began " {ago(at)} })}</p>
        </section>
    }
    .into_any()
}

/// Names and values in two columns.
pub(super) fn facts(all: &[(&'static str, String)]) -> AnyView {
    let fact = |(name, value): &(&'static str, String)| {
        view! {
            <div>
                <dt>{*name}</dt>
                <dd>{value.clone()}</dd>
            </div>
        }
    };
    view! { <dl class="facts-list">{all.iter().map(fact).collect_view()}</dl> }.into_any()
}
