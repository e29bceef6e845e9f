//! The catalog's filters: text, health, namespace, kind, changed lately.

use std::time::Duration;

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use leptos_router::params::ParamsMap;
use model::{CatalogPage, CatalogQuery, Health};
use wasm_bindgen::JsCast;

use super::{query, scroll};
use crate::range::use_requery;
use crate::ui::select::Select;
use crate::url::Query;

/// How long typing rests before the address follows.
const REST: Duration = Duration::from_millis(150);

/// The text filter. While something typed waits for the address, the address does not write back.
#[component]
pub(super) fn TextFilter(query: Memo<CatalogQuery>) -> impl IntoView {
    let (params, requery) = (use_query_map(), use_requery());
    let (typed, set_typed) = signal(query.with_untracked(|query| query.text.clone()));
    let timer = StoredValue::new(None::<TimeoutHandle>);
    Effect::new(move |_| {
        let text = query.with(|query| query.text.clone());
        if timer.get_value().is_none() {
            set_typed.set(text);
        }
    });
    let requery = StoredValue::new(requery);
    let follow = move || {
        timer.set_value(None);
        let to = params.with_untracked(Query::of).with("q", &typed.get_untracked());
        requery.with_value(|requery| requery(to, true));
    };
    let input = move |event| {
        set_typed.set(event_target_value(&event));
        if let Some(waiting) = timer.get_value() {
            waiting.clear();
        }
        timer.set_value(set_timeout_with_handle(follow, REST).ok());
    };
    view! {
        <label class="filter">
            <span class="sr">"Filter services"</span>
            <svg viewBox="0 0 16 16" width="13" height="13" aria-hidden="true">
                <circle cx="7" cy="7" r="4.4" />
                <path d="m10.4 10.4 3.4 3.4" />
            </svg>
            <input
                id="filter"
                type="text"
                data-testid="filter"
                placeholder="Filter by name, namespace, team…"
                autocomplete="off"
                spellcheck="false"
                value=typed.get_untracked()
                prop:value=move || typed.get()
                on:input=input
                on:keydown=leave
            />
            <kbd aria-hidden="true">"/"</kbd>
        </label>
    }
}

/// Down goes into the list, Escape out of the filter.
fn leave(event: web_sys::KeyboardEvent) {
    match event.key().as_str() {
        "ArrowDown" => {
            event.prevent_default();
            if let Ok(Some(row)) = document().query_selector("tr[data-service]") {
                scroll::focus_link(&row);
            }
        }
        "Escape" => {
            let own = event.current_target().and_then(|target| target.dyn_into::<web_sys::HtmlElement>().ok());
            if let Some(own) = own {
                // Giving up the focus can't fail.
                _ = own.blur();
            }
        }
        _ => {}
    }
}

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
            {format!("{} {count}", health.word())}
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
