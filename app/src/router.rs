//! The axum side: pages, server functions and files behind one router. The only server code here that is not a
//! server function.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn, map_response};
use axum::response::Response;
use http::request::Parts;
use http::{HeaderValue, header};
use leptos::prelude::*;
use leptos_axum::{LeptosRoutes, file_and_error_handler_with_context, generate_route_list};
use model::Viewer;

use crate::shell::shell;
use crate::{App, Backend};

/// Every page, the server functions under `/api` and the files of the site. Who asks is taken from the request's
/// extension of type [`Viewer`], where a layer in front has set one.
pub fn router(options: LeptosOptions, backend: Arc<dyn Backend>) -> Router {
    let context = move || {
        BEGUN.set(Owner::current());
        let viewer = use_context::<Parts>().and_then(|parts| parts.extensions.get::<Viewer>().cloned());
        provide_context(viewer.unwrap_or_else(Viewer::local));
        provide_context(backend.clone());
    };
    let document = {
        let options = options.clone();
        move || shell(&options)
    };
    Router::new()
        .leptos_routes_with_context(&options, generate_route_list(|| view! { <App /> }), context.clone(), document)
        .fallback(file_and_error_handler_with_context::<LeptosOptions, _>(context, |options| shell(&options)))
        .layer(map_response(typed))
        .layer(from_fn(owned))
        .with_state(options)
}

thread_local! {
    /// What the page that was begun on this thread belongs to, until who polls it has taken it.
    static BEGUN: Cell<Option<Owner>> = const { Cell::new(None) };
}

/// Polls a page as its own. Once Leptos has waited for a page it asks for its contexts, which are those of the page that
/// its thread began last (`leptos_integration_utils` 0.8.9): which parts of the program the page needs was then told in
/// another's head, or nowhere, and the browser heard of them only when the program ran.
async fn owned(request: Request, next: Next) -> Response {
    let (mut page, mut owner) = (pin!(next.run(request)), None::<Owner>);
    poll_fn(|context| match &owner {
        Some(owner) => owner.with(|| page.as_mut().poll(context)),
        None => {
            let polled = page.as_mut().poll(context);
            owner = BEGUN.take();
            polled
        }
    })
    .await
}

/// What is sent is what its type says, whatever it looks like.
async fn typed(mut response: Response) -> Response {
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
