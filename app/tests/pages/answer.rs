//! Asking the router for a page, and reading what it answers. Knows no page.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use http::{HeaderMap, Request, StatusCode};
use leptos::config::LeptosOptions;
use tower::ServiceExt;

use crate::fake::{CLUSTER, Fake};

/// The id of the shop's trace.
pub(crate) const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// A page as it is sent.
pub(crate) struct Answer {
    /// The status of the response.
    pub(crate) status: StatusCode,
    /// Its headers.
    pub(crate) headers: HeaderMap,
    /// Its whole body.
    pub(crate) html: String,
}

impl Answer {
    /// How often a text is in the page.
    pub(crate) fn count(&self, text: &str) -> usize {
        self.html.matches(text).count()
    }

    /// How many elements carry a test id.
    pub(crate) fn ids(&self, id: &str) -> usize {
        self.count(&format!("data-testid=\"{id}\""))
    }

    /// Every one of the texts is in the page.
    #[track_caller]
    pub(crate) fn has(&self, texts: &[&str]) {
        for text in texts {
            assert!(self.html.contains(text), "{text:?} is not in the page");
        }
    }
}

/// Making a router lists the routes, for which Leptos stops the resources of the whole process: one page at a time.
pub(crate) static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// The site before a backend; whoever makes one holds [`ALONE`].
pub(crate) fn router(fake: Fake) -> axum::Router {
    let root = std::env::temp_dir().join("binnacle-no-site").to_string_lossy().into_owned();
    let options = LeptosOptions::builder().output_name("binnacle").site_root(root).build();
    app::router(options, Arc::new(fake))
}

/// A page of the plain shop.
pub(crate) async fn get(path: &str) -> Answer {
    get_with(Fake::default(), path, "").await
}

/// A page of another shop, or with cookies.
pub(crate) async fn get_with(fake: Fake, path: &str, cookie: &str) -> Answer {
    let _alone = ALONE.lock().await;
    ask(router(fake), path, cookie).await
}

/// A page of a router that is there already.
pub(crate) async fn ask(router: axum::Router, path: &str, cookie: &str) -> Answer {
    let request = Request::get(path).header("cookie", cookie).header("accept", "text/html").body(Body::empty());
    let response = router.oneshot(request.expect("a path and a cookie make a request")).await.expect("routers answer");
    let (status, headers) = (response.status(), response.headers().clone());
    let body = to_bytes(response.into_body(), usize::MAX).await.expect("the stream ends well");
    Answer { status, headers, html: String::from_utf8(body.to_vec()).expect("pages are UTF-8") }
}

/// The path of a tab of the service that most is known of.
pub(crate) fn checkout(tab: &str) -> String {
    format!("/services/{CLUSTER}/shop/Deployment/checkout/{tab}")
}
