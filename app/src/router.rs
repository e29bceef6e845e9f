//! The axum side: pages, server functions and files behind one router. The only server code here that is not a
//! server function.

use std::sync::Arc;

use axum::Router;
use axum::middleware::map_response;
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
        .with_state(options)
}

/// What is sent is what its type says, whatever it looks like.
async fn typed(mut response: Response) -> Response {
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
