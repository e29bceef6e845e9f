//! What is not there, said with the right status.

use leptos::prelude::*;
use leptos_meta::Title;

/// The answer's status becomes 404; only before the first byte is out, so call it from blocking data.
pub(crate) fn set_not_found() {
    #[cfg(feature = "ssr")]
    if let Some(response) = use_context::<leptos_axum::ResponseOptions>() {
        response.set_status(http::StatusCode::NOT_FOUND);
    }
}

/// The page of an address that leads nowhere.
#[component]
pub(crate) fn NotFound() -> impl IntoView {
    set_not_found();
    missing("Page not found", "There is nothing at this address.".to_owned())
}

/// Something that is not known here, as the whole page.
pub(crate) fn missing(title: &'static str, why: String) -> AnyView {
    view! {
        <Title text=title />
        <section class="empty missing">
            <h1>{title}</h1>
            <p>{why}</p>
            <p>
                <a class="button" href="/">
                    "All services"
                </a>
            </p>
        </section>
    }
    .into_any()
}
