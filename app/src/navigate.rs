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

/// The path of the page that is on the screen: the address is ahead of it while another page's code is on its way.
#[derive(Clone, Copy)]
struct Shown(RwSignal<String>);

/// Every page says where it is by [`arrived`].
pub(crate) fn provide_shown() {
    provide_context(Shown(RwSignal::new(String::new())));
}

/// The page of the address is on the screen.
pub(crate) fn arrived() {
    let (path, shown) = (use_location().pathname, use_context::<Shown>());
    if let Some(Shown(shown)) =
        shown.filter(|Shown(shown)| shown.with_untracked(|at| path.with_untracked(|to| at != to)))
    {
        shown.set(path.get_untracked());
    }
}

/// Says that a page is awaited; style lets it be seen after a second.
#[component]
pub(crate) fn Awaited() -> impl IntoView {
    arrived();
    let (path, shown) = (use_location().pathname, use_context::<Shown>());
    let awaited = move || shown.is_some_and(|Shown(shown)| shown.with(|at| path.with(|to| at != to)));
    view! {
        <p class="awaited" class:late=awaited role="status" data-testid="awaited">
            {move || awaited().then_some("Loading…")}
        </p>
    }
}
