//! The one bar: places, jump box, clusters, range, how live the page is, theme. Shows only what exists.

pub(crate) mod clusters;
mod jump;
mod live;

use leptos::ev::keydown;
use leptos::prelude::*;
use leptos_router::hooks::use_location;
use wasm_bindgen::JsCast;

use crate::range::{RangePicker, use_kept};
use crate::session::{Theme, set_cookie};

/// The bar on top of every page.
#[component]
pub(crate) fn Bar(
    /// The theme the page was rendered with.
    theme: Theme,
) -> impl IntoView {
    let (path, kept) = (use_location().pathname, use_kept());
    let place = move |href: &'static str, word: &'static str, own: fn(&str) -> bool| {
        view! {
            <a
                href=move || format!("{href}{}", kept.get())
                aria-current=move || path.with(|path| own(path)).then_some("page")
            >
                {word}
            </a>
        }
    };
    Effect::new(move |_| {
        let keys = window_event_listener(keydown, slash_to_filter);
        on_cleanup(move || keys.remove());
    });
    view! {
        <header class="bar">
            <a class="brand" href=move || format!("/{}", kept.get())>
                <Logo />
                <span>"Binnacle"</span>
            </a>
            <nav aria-label="Places">
                {place("/", "Services", |path| path == "/" || path.starts_with("/services/"))}
                {place("/deploys", "Deploys", |path| path.starts_with("/deploys"))}
                {place("/status", "Status", |path| path.starts_with("/status"))}
            </nav>
            <jump::Jump kept />
            <clusters::Clusters />
            <RangePicker />
            <live::LiveIndicator />
            <ThemeButton theme />
        </header>
    }
}

#[component]
fn Logo() -> impl IntoView {
    view! {
        <svg class="logo" viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
            <circle cx="10" cy="10" r="8.6" fill="none" stroke="currentColor" stroke-width="1.6" />
            <path class="needle" d="M10 3.6 12.2 10 10 16.4 7.8 10Z" />
            <circle cx="10" cy="10" r="1.1" class="hub" />
        </svg>
    }
}

#[component]
fn ThemeButton(theme: Theme) -> impl IntoView {
    let (theme, set_theme) = signal(theme);
    let next = move |_| {
        let theme = theme.get_untracked().next();
        set_theme.set(theme);
        set_cookie("theme", theme.key());
        if let Some(root) = document().document_element() {
            // Setting an attribute with a valid constant name can't fail.
            _ = root.set_attribute("data-theme", theme.key());
        }
    };
    let label = move || format!("Theme: {}", theme.get().key());
    view! {
        <button type="button" class="theme" data-testid="theme" on:click=next aria-label=label title=label>
            <span aria-hidden="true">
                {move || match theme.get() {
                    Theme::System => "◐",
                    Theme::Light => "☀",
                    Theme::Dark => "☾",
                }}
            </span>
        </button>
    }
}

/// `/` goes to the filter of the page, unless something is being typed.
fn slash_to_filter(event: web_sys::KeyboardEvent) {
    if event.key() != "/" || event.ctrl_key() || event.meta_key() || event.alt_key() || is_typing() {
        return;
    }
    let filter = document().get_element_by_id("filter").and_then(|found| found.dyn_into::<web_sys::HtmlElement>().ok());
    if let Some(filter) = filter {
        event.prevent_default();
        // A filter in the document takes the focus.
        _ = filter.focus();
    }
}

fn is_typing() -> bool {
    document()
        .active_element()
        .is_some_and(|element| matches!(element.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT"))
}
