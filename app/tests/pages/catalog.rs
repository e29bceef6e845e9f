//! The list of services: its rows, what its address asks for, and what it says where there is none.

use http::StatusCode;
use model::{ClusterStatus, Connection};

use crate::answer::{get, get_with};
use crate::fake::Fake;

#[tokio::test]
async fn the_catalog_has_every_service_with_its_sentence_before_any_script_runs() {
    let page = get("/").await;
    assert_eq!((page.status, page.ids("catalog-row"), page.ids("sentence")), (StatusCode::OK, 14, 14));
    page.has(&["data-service=\"shop/Deployment/checkout\"", "fail: 14.2 % (was 0.7 %)", "4.1 %", "8 min ago", "1.9k"]);
    page.has(&["ready on v5.0.0, rolling out v5.0.1"]);
    let moving = get("/services/c1/payments/Deployment/payments/overview").await;
    moving.has(&["5/5 ready on v5.0.0", "rolling out v5.0.1"]);
    page.has(&["14 in 5 namespaces", "prod-eu-1", "data-health=\"failing\"", "data-testid=\"live\""]);
}

#[tokio::test]
async fn the_address_of_the_catalog_filters_and_sorts() {
    let page = get("/?q=cart&sort=name&dir=reverse").await;
    assert_eq!(page.ids("catalog-row"), 2);
    let (cart, redis) = (page.html.find("shop/StatefulSet/cart").unwrap(), page.html.find("redis-cart").unwrap());
    assert!(redis < cart);
    page.has(&["aria-sort=\"descending\"", "value=\"cart\""]);
    assert_eq!(get("/?health=failing").await.ids("catalog-row"), 2);
    get("/?q=nothing-like-it").await.has(&["No service matches", "Clear all filters"]);
}

#[tokio::test]
async fn ten_thousand_services_are_a_window_and_the_room_of_the_rest() {
    let page = get_with(Fake { extra: 10_000, ..Fake::default() }, "/", "").await;
    assert_eq!(page.ids("catalog-row"), 60);
    page.has(&["height:calc(var(--row) * 9954)", "aria-rowcount=\"10015\""]);
    assert!(page.html.len() < 400_000, "{} bytes", page.html.len());
}

#[tokio::test]
async fn an_empty_catalog_says_what_to_do() {
    let none = Fake { clusters: Some(Vec::new()), ..Fake::default() };
    get_with(none, "/", "").await.has(&["--kubeconfig", "KUBECONFIG", "OTEL_EXPORTER_OTLP_ENDPOINT"]);
    let refused = ClusterStatus {
        id: String::new(),
        name: "prod".into(),
        connection: Connection::Connecting { reason: Some("connection refused".into()) },
        heard: None,
        watchers: Vec::new(),
        kubelets: model::KubeletStatus::default(),
        logs: model::LogCoverage::default(),
    };
    let lost = Fake { clusters: Some(vec![refused]), ..Fake::default() };
    get_with(lost, "/", "").await.has(&["Connecting to the cluster", "connection refused"]);
}
