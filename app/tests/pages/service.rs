//! A service: its head, its banner, and the overview, which is its first tab.

use http::StatusCode;

use crate::answer::{Answer, TRACE, checkout, get, get_with};
use crate::fake::{self, CLUSTER, Fake};

#[tokio::test]
async fn the_overview_has_its_charts_with_flags_and_marks_at_one_place() {
    let page = get(&checkout("overview")).await;
    assert_eq!(page.status, StatusCode::OK);
    page.has(&["chart-requests", "chart-errors", "chart-latency", "6/6 ready", "owned by", "PaymentTimeout"]);
    assert_eq!((page.ids("deploy-flag"), page.ids("event-mark"), page.ids("pod-lane")), (6, 3, 8));
    page.has(&["per second, average of 1 h", "share of requests, average of 1 h", "p50 · p95 · p99, p95 over 1 h"]);
    page.has(&[" · not known\"", "faint: not known", ">terminating<", ">starting<"]);
    assert_eq!((page.ids("endpoint-row"), page.ids("error-group")), (4, 2));
    let at = fake::minutes_ago(8).millis();
    let flags = page.html.split('<').filter(|tag| tag.contains("deploy-flag") && tag.contains(&at.to_string()));
    let lefts: Vec<_> = flags.filter(|flag| flag.contains("left:86.67%")).collect();
    assert_eq!(lefts.len(), 3, "{lefts:?}");
    page.has(&[&format!("/traces/{TRACE}"), "<title>Overview · checkout · shop · Binnacle</title>"]);
}

#[tokio::test]
async fn splitting_by_revision_is_in_the_address() {
    let page = get(&checkout("overview?split=revision&range=1h")).await;
    page.has(&["p95 by revision", "/deploys?range=1h"]);
    assert!(page.count(">v1.8.2<") > 3);
}

#[tokio::test]
async fn a_revision_has_one_colour_in_charts_lanes_and_comparisons() {
    let named = |page: &Answer, class: &str, name: &str| {
        let entries = page.html.split("<li class=\"").skip(1).filter(|entry| entry.contains("class=\"swatch\""));
        entries.filter(|entry| entry.starts_with(class) && entry.contains(&format!(">{name}<"))).count()
    };
    let overview = get(&checkout("overview?split=revision")).await;
    assert_eq!(
        [named(&overview, "s4\"", "v1.8.1"), named(&overview, "s2\"", "v1.8.2")],
        [4, 4],
        "3 charts and the lanes"
    );
    for (pair, old, new) in
        [("7d9f5b4c8..84bd7c6f9", 3, 3), ("84bd7c6f9..7d9f5b4c8", 3, 3), ("5c6d4f7b9..84bd7c6f9", 0, 3)]
    {
        let page = get(&checkout(&format!("deploys?compare={pair}"))).await;
        assert_eq!((named(&page, "s4\"", "v1.8.1"), named(&page, "s2\"", "v1.8.2")), (old, new), "{pair}");
    }
}

#[tokio::test]
async fn what_a_service_lacks_is_said_under_a_worse_sentence_with_the_way_to_it() {
    let page = get(&checkout("overview")).await;
    assert_eq!((page.ids("banner-saturation"), page.ids("see-saturation")), (1, 1));
    page.has(&[" is at 96 % of its memory limit", &format!("href=\"{}\"", checkout("kubernetes"))]);
    let other = get(&format!("/services/{CLUSTER}/shop/StatefulSet/cart/overview")).await;
    assert_eq!((other.status, other.ids("see-saturation")), (StatusCode::OK, 0));
}

#[tokio::test]
async fn many_pods_are_a_chart_of_how_many_were_in_which_phase() {
    let page = get_with(Fake { many_pods: true, ..Fake::default() }, &checkout("overview"), "").await;
    assert_eq!((page.ids("pod-lane"), page.ids("chart-pods")), (0, 1));
    page.has(&["by phase, of 340 pods", "300 ready", "not ready"]);
}

#[tokio::test]
async fn the_newest_verdict_is_in_the_banner_and_colours_its_flag() {
    let page = get(&checkout("overview")).await;
    page.has(&["data-testid=\"banner-verdict\"", "fails 14.2 % of the time since v1.8.2", "deploys?deploy=12"]);
    let flags = page.html.split('<').filter(|tag| tag.contains("deploy-flag"));
    assert_eq!(flags.filter(|tag| tag.contains("data-level=\"failed\"") && tag.contains(" bad")).count(), 3);
    let catalog = get("/").await;
    assert_eq!(catalog.html.split('<').filter(|tag| tag.contains("deploy-dot") && tag.contains("dot bad")).count(), 2);
}

#[tokio::test]
async fn of_a_range_that_is_over_the_head_says_that_it_tells_of_now() {
    let past = get(&checkout("overview?from=1795525100000&to=1795528700000")).await;
    assert_eq!((past.ids("of-now"), past.count(">Now: <")), (1, 1));
    assert_eq!(get("/?from=1795525100000&to=1795528700000").await.ids("of-now"), 1, "so does the list of services");
    assert_eq!(get("/").await.ids("of-now"), 0);
    let now = get(&checkout("overview?range=3h")).await;
    assert_eq!((now.ids("of-now"), now.count(">Now: <")), (0, 0));
}

#[tokio::test]
async fn a_service_without_a_tab_leads_to_its_overview() {
    let page = get(&checkout("").replace("checkout/", "checkout?range=5m")).await;
    assert_eq!(page.status, StatusCode::FOUND);
    assert_eq!(page.headers["location"], format!("{}?range=5m", checkout("overview")));
}
