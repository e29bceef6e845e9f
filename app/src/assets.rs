//! Code and styles of the site. Their names carry no hash (the split manifest names them), so a browser asks each
//! time and is answered 304 while nothing changed.

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{MethodRouter, get_service};
use axum::Router;
use http::{HeaderValue, StatusCode, header};
use leptos::prelude::*;
use leptos_axum::site_pkg_dir_service;

/// The files under `/pkg`.
pub(crate) fn service(options: &LeptosOptions) -> Router {
    let mut folder = options.clone();
    folder.site_root = format!("{}/{}", options.site_root, options.site_pkg_dir).into();
    let files: MethodRouter = get_service(site_pkg_dir_service(&folder));
    Router::new().fallback_service(files).layer(from_fn(revalidate))
}

async fn revalidate(request: Request, next: Next) -> Response {
    let known = request.headers().get(header::IF_NONE_MATCH).cloned();
    let mut response = next.run(request).await;
    let tag = tag_of(&response);
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let Some(tag) = tag else { return response };
    headers.insert(header::ETAG, tag.clone());
    if known.as_ref() == Some(&tag) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response.headers_mut().remove(header::CONTENT_LENGTH);
        *response.body_mut() = Body::empty();
    }
    response
}

/// Made from what tells builds and encodings apart: time of the file, its length, how it is compressed.
fn tag_of(response: &Response) -> Option<HeaderValue> {
    if response.status() != StatusCode::OK {
        return None;
    }
    let text = |name| response.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let modified = text(header::LAST_MODIFIED)?;
    let length = text(header::CONTENT_LENGTH).unwrap_or_default();
    let encoding = text(header::CONTENT_ENCODING).unwrap_or_default();
    let plain: String = modified.chars().filter(char::is_ascii_alphanumeric).collect();
    HeaderValue::from_str(&format!("W/\"{plain}-{length}{encoding}\"")).ok()
}
