//! The tabs of a page: links, the current one said to be it, in the document's title as well.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_location;

/// A tab: its last path segment, its word, a number beside it.
pub(crate) struct Tab {
    pub(crate) key: &'static str,
    pub(crate) word: &'static str,
    pub(crate) badge: u32,
}

/// Links to the tabs under a path, keeping the range.
#[component]
pub(crate) fn Tabs(
    /// The page's path without a tab.
    base: String,
    tabs: Vec<Tab>,
    /// What the links end in.
    kept: Memo<String>,
    /// What all of them are of: the document's title, after the word of the tab that is open.
    title: String,
) -> impl IntoView {
    let path = use_location().pathname;
    let words: Vec<(String, &'static str)> = tabs.iter().map(|tab| (format!("{base}/{}", tab.key), tab.word)).collect();
    let title = move || {
        let open =
            path.with(|path| words.iter().find(|(own, _)| path.trim_end_matches('/') == own).map(|(_, word)| *word));
        open.map_or_else(|| title.clone(), |word| format!("{word} · {title}"))
    };
    // One listener for all: a head that is drawn anew leaves those that it had behind.
    let links = move || {
        let link = |Tab { key, word, badge }: &Tab| {
            let own = format!("{base}/{key}");
            let current = path.with(|path| path.trim_end_matches('/') == own).then_some("page");
            view! {
                <a
                    href=kept.with(|kept| format!("{own}{kept}"))
                    data-noscroll
                    data-testid=format!("tab-{key}")
                    aria-current=current
                >
                    {*word}
                    {(*badge > 0).then(|| view! { <span class="badge bad">{badge.to_string()}</span> })}
                </a>
            }
        };
        tabs.iter().map(link).collect_view()
    };
    view! {
        <Title text=title />
        <nav class="tabs" aria-label="Views of this service">
            {links}
        </nav>
    }
}

/// Scrolls the tabs so that the open one is on the screen. Runs in the browser only.
pub(crate) fn show_open() {
    let open = document().query_selector(".tabs [aria-current]").ok().flatten();
    if let Some((open, tabs)) = open.and_then(|open| Some((open.clone(), open.parent_element()?))) {
        // So far from the left edge that the tab before it is seen to be there.
        let left = open.get_bounding_client_rect().left() - tabs.get_bounding_client_rect().left() - 60.0;
        tabs.set_scroll_left(tabs.scroll_left() + left as i32);
    }
}
