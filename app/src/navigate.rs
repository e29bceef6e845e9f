//! Going to another page, which only a browser does.

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;

/// Goes to a path. Does nothing on the server: what the router hands out may only be dropped on the thread that made
/// it, and a request moves between threads.
pub(crate) fn use_go() -> Callback<(String, NavigateOptions)> {
    if cfg!(feature = "ssr") {
        return Callback::new(|_| {});
    }
    let navigate = use_navigate();
    Callback::new(move |(path, options): (String, NavigateOptions)| navigate(&path, options))
}
