//! A disclosure that floats: works without scripts; with them it closes on Escape, outside clicks and choices.

use leptos::html::Details;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

/// A button of the bar with what it opens.
#[component]
pub(crate) fn Menu(
    /// Names it in styles and tests.
    name: &'static str,
    /// What the button says.
    #[prop(into)]
    label: Signal<String>,
    children: Children,
) -> impl IntoView {
    let details = NodeRef::<Details>::new();
    let close = move || {
        if let Some(details) = details.get_untracked() {
            details.set_open(false);
        }
    };
    let inside = move |event: &web_sys::Event| {
        let target = event.target().and_then(|target| target.dyn_into::<web_sys::Node>().ok());
        details.get_untracked().is_some_and(|details| details.contains(target.as_ref()))
    };
    Effect::new(move |_| {
        let click = window_event_listener(leptos::ev::click, move |event| {
            let link = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
            let chosen = link.is_some_and(|element| element.closest("a").is_ok_and(|found| found.is_some()));
            if chosen || !inside(event.as_ref()) {
                close();
            }
        });
        let submit = window_event_listener(leptos::ev::submit, move |_| close());
        let key = window_event_listener(leptos::ev::keydown, move |event| {
            if event.key() == "Escape" {
                close();
            }
        });
        on_cleanup(move || {
            click.remove();
            submit.remove();
            key.remove();
        });
    });
    view! {
        <details class=format!("menu menu-{name}") node_ref=details data-testid=name>
            <summary class="button">
                <span>{move || label.get()}</span>
                <i class="chevron" aria-hidden="true"></i>
            </summary>
            <div class="menu-body">{children()}</div>
        </details>
    }
}
