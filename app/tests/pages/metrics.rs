//! The metrics tab: how the service is, what leaks, and the explorer.

use http::StatusCode;

use crate::answer::{checkout, get};
use crate::fake::CLUSTER;

#[tokio::test]
async fn the_metrics_tab_has_what_says_how_the_service_is_and_an_explorer_in_the_address() {
    let page = get(&checkout("metrics?range=1h")).await;
    assert_eq!((page.status, page.ids("chart-golden"), page.ids("metric-name")), (StatusCode::OK, 1, 2));
    page.has(&["· bytes · 3 series", "· orders · 3 series"]);
    page.has(&["Memory", "31 MiB", "metric=shop.orders", "agg=sum", "rate=1"]);
    page.has(&["line request", "line limit"]);
    // Nothing is chosen: the first is shown, as it is mostly asked.
    assert_eq!(page.ids("chart-metric"), 1);
    page.has(&["metric=process.memory.usage&amp;agg=p95"]);
    let first = page.html.split("data-testid=\"metric-name\"").nth(1).expect("there are names");
    assert!(first.split('>').next().is_some_and(|tag| tag.contains("aria-current=\"true\"")), "{first:.200}");
    assert_eq!((page.ids("leak"), page.ids("chart-leak"), page.ids("leaking-pod")), (1, 1, 2));
    page.has(&["grows 46 MiB an hour", "2 of 3 pods of v1.8.2", "v1.8.1 did not grow", "5 h (3 h to never)"]);
    assert_eq!(page.ids("heap-function"), 2);
    page.has(&[
        "100 MiB to 192 MiB",
        "cache.Put",
        "80 MiB",
        "type=inuse_space:bytes",
        "pod=checkout-1",
        "against=since-",
    ]);
    page.has(&["limit in 5 h", "likely in 5 h", "soonest in 3 h", "latest never"]);
    let open = get(&checkout("metrics?metric=shop.orders&agg=sum&rate=1&by=http.route&where=http.route=/pay")).await;
    assert_eq!(open.ids("chart-metric"), 1);
    open.has(&["MiB/s", "The 2 greatest of 6 series", "value=\"/pay\"", "agg=p95", "deploy-flag"]);
    assert_eq!(get(&checkout("metrics?q=orders")).await.ids("metric-name"), 1);
    let none = get(&format!("/services/{CLUSTER}/shop/StatefulSet/cart/metrics")).await;
    none.has(&["No metrics in this range", "OTEL_METRICS_EXPORTER=otlp"]);
}

#[tokio::test]
async fn all_metrics_stand_beside_each_other_each_the_way_to_its_own_chart() {
    let page = get(&checkout("metrics?view=charts&range=1h")).await;
    let parts = ["small-chart", "metric-name", "chart-metric", "chart-golden"].map(|id| page.ids(id));
    assert_eq!(parts, [2, 0, 0, 1], "nothing of the explorer");
    page.has(&["shop.orders", "3 more match", "metric=shop.orders&amp;agg=sum&amp;rate=1", "most "]);
    let card = page.html.split("data-testid=\"small-chart\"").nth(1).expect("there are charts");
    assert!(card.contains("class=\"line s1\""), "{card:.400}");
    let found = get(&checkout("metrics?view=charts&q=orders")).await;
    assert_eq!(found.ids("small-chart"), 1);
    get(&checkout("metrics?view=charts&q=nothing")).await.has(&["No metric matches"]);
    let none = get(&format!("/services/{CLUSTER}/shop/StatefulSet/cart/metrics?view=charts")).await;
    none.has(&["No metrics in this range"]);
    assert_eq!(none.ids("no-metrics"), 1);
}
