//! The entry point in the browser.

// Unerased view types of a release nest deeper than the default 128.
#![recursion_limit = "512"]

use leptos::mount::hydrate_from_async;
use leptos::prelude::*;

/// Takes over the page that the server rendered, and says so when all of it is.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    let hydrated = ArcRwSignal::new(false);
    wasm_bindgen_futures::spawn_local(async move {
        let of_app = hydrated.clone();
        hydrate_from_async(leptos::tachys::dom::body(), move || view! { <app::App hydrated=of_app /> }).await.forget();
        hydrated.set(true);
    });
}
