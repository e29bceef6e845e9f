//! A text filter that lives in the address, above a table of services.

use std::time::Duration;

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use wasm_bindgen::JsCast;

use crate::range::use_requery;
use crate::url::Query;

/// How long typing rests before the address follows.
const REST: Duration = Duration::from_millis(150);

/// The text filter. While something typed waits for the address, the address does not write back.
#[component]
pub(crate) fn TextFilter(
    /// The text in the address.
    text: Memo<String>,
    /// Names it for those who don't see it.
    label: &'static str,
    /// What it looks in.
    placeholder: &'static str,
    /// This text was entered; the address follows.
    #[prop(optional)]
    on_enter: Option<Callback<String>>,
) -> impl IntoView {
    let (params, requery) = (use_query_map(), use_requery());
    let (typed, set_typed) = signal(text.get_untracked());
    let timer = StoredValue::new(None::<TimeoutHandle>);
    Effect::new(move |_| {
        let text = text.get();
        if timer.get_value().is_none() {
            set_typed.set(text);
        }
    });
    // Left before the address followed: it is another page's address by then.
    on_cleanup(move || {
        if let Some(waiting) = timer.try_get_value().flatten() {
            waiting.clear();
        }
    });
    let requery = StoredValue::new(requery);
    let follow = move || {
        timer.set_value(None);
        // What another text finds begins on its first page.
        let to = params.with_untracked(Query::of).with("q", &typed.get_untracked()).with("before", "");
        requery.with_value(|requery| requery(to, true));
    };
    let change = move |text: String| {
        set_typed.set(text);
        if let Some(waiting) = timer.get_value() {
            waiting.clear();
        }
        timer.set_value(set_timeout_with_handle(follow, REST).ok());
    };
    let key = move |event: web_sys::KeyboardEvent| match event.key().as_str() {
        "Escape" if !typed.with_untracked(String::is_empty) => change(String::new()),
        "Enter" => {
            if let Some(waiting) = timer.get_value() {
                waiting.clear();
                follow();
            }
            on_enter.into_iter().for_each(|enter| enter.run(typed.get_untracked()));
        }
        _ => leave(&event),
    };
    view! {
        <label class="filter">
            <span class="sr">{label}</span>
            <svg viewBox="0 0 16 16" width="13" height="13" aria-hidden="true">
                <circle cx="7" cy="7" r="4.4" />
                <path d="m10.4 10.4 3.4 3.4" />
            </svg>
            <input
                id="filter"
                type="text"
                data-testid="filter"
                placeholder=placeholder
                autocomplete="off"
                spellcheck="false"
                value=typed.get_untracked()
                prop:value=move || typed.get()
                on:input=move |event| change(event_target_value(&event))
                on:keydown=key
            />
            <kbd aria-hidden="true">"/"</kbd>
        </label>
    }
}

/// Down goes into the list, Escape out of the filter that is empty.
fn leave(event: &web_sys::KeyboardEvent) {
    match event.key().as_str() {
        "ArrowDown" => into_list(event),
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

/// Down goes to the first service of the list.
pub(crate) fn into_list(event: &web_sys::KeyboardEvent) {
    if matches!(event.key().as_str(), "ArrowDown" | "j")
        && let Ok(Some(row)) = document().query_selector("tr[data-service]")
    {
        event.prevent_default();
        focus_link(&row);
    }
}

/// Moves the focus to a row's link.
pub(crate) fn focus_link(row: &web_sys::Element) {
    let link = row.query_selector("a").ok().flatten().and_then(|link| link.dyn_into::<web_sys::HtmlElement>().ok());
    if let Some(link) = link {
        // A link in the document takes the focus.
        _ = link.focus();
    }
}
