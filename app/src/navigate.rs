//! Going to another page, which only a browser does, and whether it is there yet.

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_location, use_navigate};

/// Goes to a path. Does nothing on the server: what the router hands out may only be dropped on the thread that made
/// it, and a request moves between threads.
pub(crate) fn use_go() -> Callback<(String, NavigateOptions)> {
    if cfg!(feature = "ssr") {
        return Callback::new(|_| {});
    }
    let navigate = use_navigate();
    Callback::new(move |(path, options): (String, NavigateOptions)| navigate(&path, options))
}

/// The page that is on the screen: the address is ahead of it while another page's code is on its way.
#[derive(Clone, Copy)]
struct Shown(RwSignal<String>);

/// Every page says where it is by [`arrived`].
pub(crate) fn provide_shown() {
    provide_context(Shown(RwSignal::new(String::new())));
}

/// The page of the address is on the screen.
pub(crate) fn arrived() {
    let page = use_location().pathname.with_untracked(|path| page_of(path));
    if let Some(Shown(shown)) = use_context().filter(|Shown(shown)| shown.with_untracked(|shown| *shown != page)) {
        shown.set(page);
    }
}

/// What is drawn at a path, whichever service or trace it is of: another one of these changes it in its place.
fn page_of(path: &str) -> String {
    let mut parts = path.split('/').skip(1);
    match parts.next().unwrap_or_default() {
        "services" => format!("services/{}", parts.nth(4).unwrap_or_default()),
        first => first.to_owned(),
    }
}

/// Says that a page is awaited; style lets it be seen after a second.
#[component]
pub(crate) fn Awaited() -> impl IntoView {
    arrived();
    let (path, shown) = (use_location().pathname, use_context::<Shown>());
    let wanted = Memo::new(move |_| path.with(|path| page_of(path)));
    let awaited = move || shown.is_some_and(|Shown(shown)| shown.with(|shown| wanted.with(|wanted| shown != wanted)));
    view! {
        <p class="awaited" class:late=awaited role="status" data-testid="awaited">
            {move || awaited().then_some("Loading…")}
        </p>
    }
}

#[cfg(test)]
mod tests {
    use super::page_of;

    #[test]
    fn another_service_on_the_same_tab_is_the_same_page() {
        let tab = |tab: &str, name: &str| page_of(&format!("/services/c/n/Deployment/{name}/{tab}"));
        assert_eq!(tab("logs", "web"), tab("logs", "cart"));
        assert_ne!(tab("logs", "web"), tab("traces", "web"));
        assert_eq!(page_of("/traces/1"), page_of("/traces/2"));
        assert_ne!(page_of("/services/c/n/Deployment/web"), tab("overview", "web"));
        assert_ne!(page_of("/"), page_of("/status"));
    }
}
