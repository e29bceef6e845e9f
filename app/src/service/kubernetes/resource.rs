//! The resource that is open, over the tab: its text, the difference of two versions, its history.

mod history;
mod yaml;

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use model::ResourcePage;
use wasm_bindgen::JsCast;

use super::{Address, href};
use crate::answer::Answer;
use crate::navigate::use_go;
use crate::panel::panel;
use crate::ui::ago::clock_text;
use crate::ui::diff::{inline, split};

/// How a resource is looked at: the word in the address, the word on the screen.
const VIEWS: [(&str, &str); 3] = [("", "YAML"), ("diff", "Difference"), ("split", "Side by side")];

/// What closing takes out of the address.
const CLOSED: [(&str, &str); 4] = [("resource", ""), ("version", ""), ("against", ""), ("view", "")];

/// The drawer over what is dimmed; out of sight while nothing is open.
pub(super) fn drawer(page: Answer<Option<ResourcePage>>, open: Memo<bool>, address: Address) -> AnyView {
    let search = RwSignal::new(String::new());
    let draw = move |page: &Option<ResourcePage>| page.as_ref().map(|page| opened(page, address, search)).into_any();
    let close = NodeRef::<leptos::html::A>::new();
    by_keys(open, close, address);
    let closed = move || href(address, &CLOSED);
    view! {
        <a
            class="backdrop"
            hidden=move || !open.get()
            href=closed
            data-noscroll
            tabindex="-1"
            aria-hidden="true"
            data-testid="backdrop"
        ></a>
        <aside class="drawer" hidden=move || !open.get() role="dialog" aria-label="Resource" data-testid="resource">
            <a class="close" node_ref=close href=closed data-noscroll aria-label="Close" data-testid="close">
                "×"
            </a>
            {panel(page, "tall", draw)}
        </aside>
    }
    .into_any()
}

/// The focus goes into the drawer as it opens and back to where it was; Escape closes.
fn by_keys(open: Memo<bool>, close: NodeRef<leptos::html::A>, address: Address) {
    let go = use_go();
    Effect::new(move |before: Option<Option<web_sys::HtmlElement>>| {
        let focused = || document().active_element().and_then(|it| it.dyn_into::<web_sys::HtmlElement>().ok());
        let (to, before) = match open.get() {
            true => (close.get_untracked().map(Into::into), focused()),
            false => (before.flatten(), None),
        };
        request_animation_frame(move || {
            if let Some(to) = to {
                // What is on the screen takes the focus; what is gone by now leaves it where it is.
                _ = web_sys::HtmlElement::focus(&to);
            }
        });
        before
    });
    Effect::new(move |_| {
        let keys = window_event_listener(leptos::ev::keydown, move |event| {
            if event.key() == "Escape" && open.get_untracked() {
                let options = NavigateOptions { resolve: false, scroll: false, ..NavigateOptions::default() };
                go.run((untrack(|| href(address, &CLOSED)), options));
            }
        });
        on_cleanup(move || keys.remove());
    });
}

fn opened(page: &ResourcePage, address: Address, search: RwSignal<String>) -> AnyView {
    let note = (!page.note.is_empty()).then(|| view! { <p class="faint">{page.note.clone()}</p> });
    let place = match page.id.namespace.as_deref() {
        Some("") => Some("whole cluster".to_owned()),
        other => other.map(|namespace| format!("in {namespace}")),
    };
    let history = history::history(page, address);
    let (kind, name) = (page.id.kind.clone(), page.id.name.clone());
    let page = StoredValue::new(page.clone());
    let mode = Memo::new(move |_| address.with(|(_, query)| query.get("view").unwrap_or_default().to_owned()));
    let is_live = move || {
        (mode.with(String::is_empty) && page.with_value(|page| page.live))
            .then(|| view! { <p class="faint" data-testid="as-it-is">"As the cluster has it now"</p> })
    };
    let body = move || page.with_value(|page| body(page, &mode.get(), search));
    view! {
        <header class="resource-head">
            <h2>
                <span class="faint">{kind}</span>
                " "
                {name}
            </h2>
            {place.map(|place| view! { <span class="faint">{place}</span> })}
            {is_live} {note}
            <nav class="chips" aria-label="Views of this resource">
                {VIEWS.map(|(key, word)| mode_link(key, word, mode, address)).collect_view()}
            </nav>
        </header>
        <div class="resource-body">{body}</div>
        {history}
    }
    .into_any()
}

fn mode_link(key: &'static str, word: &'static str, mode: Memo<String>, address: Address) -> AnyView {
    let current = move || mode.with(|mode| mode == key);
    let testid = format!("view-{}", if key.is_empty() { "yaml" } else { key });
    view! {
        <a
            class="chip"
            class:chosen=current
            href=move || href(address, &[("view", key)])
            data-noscroll
            data-testid=testid
            aria-current=move || current().then_some("true")
        >
            {word}
        </a>
    }
    .into_any()
}

fn body(page: &ResourcePage, mode: &str, search: RwSignal<String>) -> AnyView {
    if mode.is_empty() {
        return text(page, search);
    }
    if page.against.is_none() {
        return view! { <p class="unmeasured">"There is no version before this one to compare with"</p> }.into_any();
    }
    if page.diff.lines.is_empty() {
        return view! { <p class="unmeasured">"The two versions are the same"</p> }.into_any();
    }
    let drawn = if mode == "split" { split(&page.diff) } else { inline(&page.diff) };
    view! {
        <p class="faint compared">{compared(page)}</p>
        <div data-testid="diff">{drawn}</div>
    }
    .into_any()
}

/// `14:31 → 14:52`: when the two versions were first seen.
fn compared(page: &ResourcePage) -> impl Fn() -> String + Send + use<> {
    let at = |hash: &Option<String>| {
        let row = page.history.iter().find(|row| Some(&row.version.hash) == hash.as_ref());
        row.map(|row| row.version.at)
    };
    let (from, to) = (at(&page.against), at(&page.shown));
    move || match (from, to) {
        (Some(from), Some(to)) => format!("{} → {}", clock_text(from), clock_text(to)),
        _ => String::new(),
    }
}

fn text(page: &ResourcePage, search: RwSignal<String>) -> AnyView {
    if page.live {
        return yaml::yaml(&page.text, search);
    }
    match (&page.shown, page.text.is_empty()) {
        (None, _) => view! {
            <p class="unmeasured">"No version is kept of this moment: Binnacle had not seen it yet, or it can't be read"</p>
        }
        .into_any(),
        (Some(_), true) => view! { <p class="unmeasured">"It was gone"</p> }.into_any(),
        (Some(_), false) => yaml::yaml(&page.text, search),
    }
}
