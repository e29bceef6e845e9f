//! What is missing and what fails: the status, the words, and what goes on beside it.

use axum::body::{Body, to_bytes};
use http::{Request, StatusCode};
use tower::ServiceExt;

use crate::answer::{ALONE, checkout, get, get_with, router};
use crate::fake::{self, AS_OF, CLUSTER, Fake};

#[tokio::test]
async fn what_is_not_there_is_a_404_that_says_so() {
    let missing = [
        ("/nowhere/at/all".to_owned(), "Page not found"),
        (format!("/services/{CLUSTER}/shop/Deployment/nope/overview"), "Service not found"),
        (format!("/services/{CLUSTER}/shop/%3Cb%3E/x/kubernetes"), "Service not found"),
        (format!("/traces/{}1", "0".repeat(31)), "Trace not found"),
        ("/traces/zzz".to_owned(), "Trace not found"),
    ];
    for (path, says) in missing {
        let page = get(&path).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}");
        page.has(&[says]);
    }
}

#[tokio::test]
async fn an_error_of_a_question_has_the_status_that_says_the_same() {
    let _alone = ALONE.lock().await;
    let path = |name: &str| {
        let mut all = leptos::server_fn::axum::server_fn_paths().map(|(path, _)| path);
        all.find(|path| path.contains(name)).expect("the question is registered").to_owned()
    };
    let window = format!("{}-{}", fake::minutes_ago(60).millis(), AS_OF.millis());
    let (known, missing) = (format!("{CLUSTER}/shop/Deployment/checkout"), format!("{CLUSTER}/shop/Deployment/nope"));
    for (name, id, broken, status, says) in [
        ("list_endpoints", &known, false, StatusCode::OK, "POST /checkout"),
        ("list_endpoints", &missing, false, StatusCode::NOT_FOUND, "NotFound"),
        ("read_service", &missing, false, StatusCode::NOT_FOUND, "NotFound"),
        ("list_endpoints", &known, true, StatusCode::SERVICE_UNAVAILABLE, "the disk is slow"),
        ("list_endpoints", &"nonsense".to_owned(), false, StatusCode::BAD_REQUEST, "Transport"),
    ] {
        let router = router(Fake { broken, ..Fake::default() });
        let address = format!("{}?id={id}&window={window}", path(name));
        let request = Request::get(&address).body(Body::empty()).expect("a path makes a request");
        let response = router.oneshot(request).await.expect("routers answer");
        let got = response.status();
        let body = to_bytes(response.into_body(), usize::MAX).await.expect("the answer ends well");
        let text = String::from_utf8_lossy(&body);
        assert!(got == status && text.contains(says), "{address}: {got} {text}");
    }
}

#[tokio::test]
async fn one_panel_that_fails_leaves_the_others_standing() {
    let page = get_with(Fake { broken: true, ..Fake::default() }, &checkout("overview"), "").await;
    assert_eq!(page.status, StatusCode::OK);
    page.has(&["the disk is slow", "Try again", "PaymentTimeout", "chart-errors"]);
}
