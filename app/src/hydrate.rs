//! Taking over a page that the server rendered; only in the browser.

use leptos::mount::hydrate_from_async;
use leptos::prelude::*;

use crate::App;

/// Takes over the page that the server rendered, and says so to the application when all of it is.
pub async fn hydrate() {
    let hydrated = ArcRwSignal::new(false);
    let of_app = hydrated.clone();
    hydrate_from_async(leptos::tachys::dom::body(), move || view! { <App hydrated=of_app /> }).await.forget();
    hydrated.set(true);
}
