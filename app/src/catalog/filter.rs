//! The catalog's filters: health, namespace, kind, changed lately.

use leptos::prelude::*;
use leptos_router::params::ParamsMap;
use model::{CatalogPage, CatalogQuery, Health};

use super::query;
use crate::range::use_requery;
use crate::ui::number;
use crate::ui::select::Select;
use crate::url::Query;

/// Chips with counts, selects, and the way back to everything.
pub(super) fn chips(page: &CatalogPage, query: Memo<CatalogQuery>, params: Memo<ParamsMap>) -> AnyView {
    let (now, url) = (query.get(), params.with(Query::of));
    let healths = page
        .counts
        .iter()
        .filter(|(health, count)| *count > 0 || now.health.contains(health) || *health == Health::Failing)
        .map(|(health, count)| health_chip(*health, *count, &now, &url))
        .collect_view();
    let changed = url.clone().with("changed", if now.changed { "" } else { "1" });
    let grouped = url.clone().with("all", if now.grouped { "" } else { "1" });
    let requery = StoredValue::new(use_requery());
    let choose = move |key: &'static str| {
        Callback::new(move |value: String| {
            let to = params.with_untracked(Query::of).with(key, &value);
            requery.with_value(|requery| requery(to, false));
        })
    };
    let first = |list: &[String]| list.first().cloned().unwrap_or_default();
    view! {
        <div class="chips">
            {healths}
            <i class="split"></i>
            <Select
                label="Namespace"
                options=page.namespaces.clone()
                value=first(&now.namespaces)
                on_choose=choose("ns")
            />
            <Select label="Kind" options=page.kinds.clone() value=first(&now.kinds) on_choose=choose("kind") />
            {link_chip("Changed in last hour", now.changed, &changed)}
            {link_chip("Jobs and bare pods", now.grouped, &grouped)}
        </div>
    }
    .into_any()
}

fn health_chip(health: Health, count: u32, now: &CatalogQuery, url: &Query) -> AnyView {
    let chosen = now.health.contains(&health);
    view! {
        <a
            class=format!("chip health-{}", health.key())
            class:chosen=chosen
            href=href(&query::toggle(url.clone(), &now.health, health))
            data-noscroll
            aria-current=chosen.then_some("true")
        >
            <i class="dot"></i>
            {format!("{} {}", health.word(), number::count(count.into()))}
        </a>
    }
    .into_any()
}

fn link_chip(words: &'static str, chosen: bool, to: &Query) -> AnyView {
    view! {
        <a class="chip" class:chosen=chosen href=href(to) data-noscroll aria-current=chosen.then_some("true")>
            {words}
        </a>
    }
    .into_any()
}

/// An address of this page.
pub(super) fn href(query: &Query) -> String {
    format!("/{query}")
}
