//! What the store holds, and whether its writer works.

use leptos::prelude::*;
use model::{DAY, StoreStatus};

use crate::ui::ago::ago;
use crate::ui::number;

/// Sizes and ages.
pub(super) fn storage(store: &StoreStatus) -> AnyView {
    let sizes = [
        ("Raw telemetry", model::bytes_text(store.raw.bytes as f64)),
        ("Summaries", model::bytes_text(store.summaries.bytes as f64)),
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
            {outlook(store)}
            <p class="faint card-foot">{store.oldest.map(|at| view! { "oldest partition began " {ago(at)} })}</p>
        </section>
    }
    .into_any()
}

/// How long telemetry is kept at the rate of the last days, and whether the disk has room for that.
fn outlook(store: &StoreStatus) -> Option<AnyView> {
    let raw = &store.raw;
    let (per_day, days, full) = (raw.per_day?, raw.days()?, raw.full()?);
    let size = |bytes: u64| model::bytes_text(bytes as f64);
    let kept = number::count(raw.age as f64 / DAY as f64);
    let mut said = match raw.is_cut_by_bytes() {
        false => format!("At {} a day, {kept} d of telemetry take {}.", size(per_day), size(full)),
        true => format!(
            "At {} a day, only {days:.1} d of telemetry fit into {}, not {kept} d: raise --retention-bytes to keep more.",
            size(per_day),
            size(raw.most)
        ),
    };
    let lasts = store.room.and_then(|room| model::lasts(&[*raw, store.summaries], room));
    if let Some(days) = lasts {
        said += &format!(" The disk has no room for that: it lasts {days:.1} d.");
    }
    let class = if lasts.is_some() { "notice bad" } else { "faint card-foot" };
    Some(view! { <p class=class data-testid="status-outlook">{said}</p> }.into_any())
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
