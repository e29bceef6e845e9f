//! What is not there, said with the right status.

use leptos::prelude::*;
use leptos_meta::Title;

/// The status of the page that is being made; in the browser nothing comes of it.
#[derive(Clone)]
pub(crate) struct Status {
    #[cfg(feature = "ssr")]
    response: Option<leptos_axum::ResponseOptions>,
}

impl Status {
    /// Of the page that is being made here. Ask before the first wait.
    pub(crate) fn of_page() -> Self {
        Self {
            #[cfg(feature = "ssr")]
            response: use_context(),
        }
    }

    /// It becomes 404. Only before the first byte is out: in what the page waits for, not in what is drawn of it, since
    /// that is drawn while the head is sent.
    pub(crate) fn set_not_found(&self) {
        #[cfg(feature = "ssr")]
        if let Some(response) = &self.response {
            response.set_status(http::StatusCode::NOT_FOUND);
        }
    }
}

/// The page of an address that leads nowhere.
#[component]
pub(crate) fn NotFound() -> impl IntoView {
    Status::of_page().set_not_found();
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
