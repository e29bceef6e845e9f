//! The Kubernetes tab: what went wrong, nodes in trouble, resources with their history, and pods.

use crate::answer::{checkout, get};
use crate::fake::CLUSTER;

#[tokio::test]
async fn the_kubernetes_tab_has_what_went_wrong_resources_and_pods() {
    let page = get(&checkout("kubernetes")).await;
    assert_eq!((page.ids("adverse-event"), page.ids("resource-row"), page.ids("pod-row")), (3, 6, 3));
    page.has(&["fatal: no room", "after deploy of v1.8.2", "/deploys?deploy=12"]);
    page.has(&["OOM killed", "exit code 137", "node-07", "14:29 – 14:31<", "since 14:29, 6 times"]);
    page.has(&["70 pods / app", "and 20 pods more", "Give it a higher memory limit."]);
    assert!(page.html.contains(">ended ") && !page.html.contains("terminating"), "what it was on the way is over");
}

#[tokio::test]
async fn the_timeline_has_a_track_a_kind_with_the_deploys_and_leads_to_the_first_row_of_it() {
    let page = get(&checkout("kubernetes")).await;
    assert_eq!((page.ids("timeline"), page.ids("track")), (1, 3));
    let timeline =
        page.html.split("data-testid=\"timeline\"").nth(1).and_then(|rest| rest.split("<ol").next()).unwrap();
    assert_eq!((timeline.matches("class=\"tick\"").count(), timeline.matches("class=\"held\"").count()), (4, 3));
    assert!(timeline.contains("data-testid=\"deploy-flag\""), "{timeline}");
    for row in ["went-wrong-oom-killed", "went-wrong-probe-failed", "node-node-07"] {
        assert!(timeline.contains(&format!("href=\"#{row}\"")), "{row}");
        assert_eq!(page.html.matches(&format!(" id=\"{row}\"")).count(), 1, "{row}");
    }
}

#[tokio::test]
async fn what_leaks_is_said_among_what_went_wrong_with_the_way_to_its_chart_but_not_of_the_past() {
    let page = get(&checkout("kubernetes")).await;
    assert_eq!(page.ids("leak-row"), 1);
    let row = page.html.split("data-testid=\"leak-row\"").nth(1).and_then(|rest| rest.split("</li>").next()).unwrap();
    assert!(row.contains("46 MiB an hour") && row.contains("/checkout/metrics\""), "{row}");
    assert_eq!(get(&checkout("kubernetes?at=1764000000000")).await.ids("leak-row"), 0);
}

#[tokio::test]
async fn memory_is_drawn_against_its_limit_with_the_band_it_goes_on_in_and_nodes_say_what_they_use() {
    let page = get(&checkout("kubernetes")).await;
    assert_eq!((page.ids("chart-memory"), page.ids("node-use")), (1, 2), "one of three pods has ended");
    page.has(&["+46 MiB/h: limit in 5 h", "class=\"band\"", "memory 93.8 %", "CPU 3.5 cores"]);
    let leak = get(&checkout("metrics")).await;
    leak.has(&["class=\"band\"", "(40 MiB to 50 MiB)"]);
}

#[tokio::test]
async fn a_pod_has_its_containers_with_role_state_image_and_what_was_asked_for_them() {
    let page = get(&checkout("kubernetes")).await;
    assert_eq!((page.ids("container"), page.ids("pod-whole")), (6, 3));
    page.has(&["in <!>eu-1a", "QoS <!>Burstable", "data-role=\"Sidecar\"", "not known", "checkout:v1.8.2"]);
    page.has(&[
        "0123456789ab",
        "CPU 250m to 500m",
        "memory 64 MiB to 512 MiB",
        " · pod · memory up to 1.0 GiB",
        "sha256:0123456789abcdef",
    ]);
}

#[tokio::test]
async fn trouble_of_a_node_is_one_row_with_whom_it_hurt_and_is_linked_both_ways() {
    let page = get(&checkout("kubernetes")).await;
    page.has(&["Node trouble", "The node does not report any more.", "The node runs out of memory."]);
    page.has(&[
        "id=\"node-node-07\"",
        "href=\"#node-node-07\"",
        "while node-07 was in trouble",
        "checkout-84bd7c6f9-4n8vt",
    ]);
    // Of fourteen services twelve are named.
    assert_eq!((page.ids("hurt-service"), page.ids("event-node")), (12, 2));
    page.has(&[&format!("/services/{CLUSTER}/shop/Deployment/hurt-0/kubernetes#node-node-07"), "and 2 more"]);
}

#[tokio::test]
async fn a_resource_opens_with_its_text_its_history_and_the_difference() {
    let closed = get(&checkout("kubernetes")).await;
    assert_eq!(closed.ids("version"), 0);
    closed.has(&["As it is now", "resource=Deployment/checkout", "Network"]);
    let open = get(&checkout("kubernetes?resource=Deployment/checkout")).await;
    assert_eq!((open.ids("yaml"), open.ids("version"), open.ids("diff")), (1, 3, 0));
    assert_eq!(open.ids("as-it-is"), 1);
    assert_eq!(get(&checkout("kubernetes?resource=Deployment/checkout&version=a")).await.ids("as-it-is"), 0);
    open.has(&["argocd", "3 → 6 replicas", "first seen", "compared with", "version=a"]);
    let inline = get(&checkout("kubernetes?resource=Deployment/checkout&view=diff")).await;
    assert_eq!((inline.ids("yaml"), inline.ids("diff")), (0, 1));
    let split = get(&checkout("kubernetes?resource=Deployment/checkout&view=split")).await;
    split.has(&["class=\"line-text removed\"", "class=\"line-text added\""]);
    let nonsense = get(&checkout("kubernetes?resource=x")).await;
    assert_eq!(nonsense.ids("version"), 0);
}

#[tokio::test]
async fn the_kubernetes_tab_says_that_it_is_as_of_a_past_moment() {
    let past = get(&checkout("kubernetes?at=1764000000000")).await;
    past.has(&["As of 24 Nov 16:00:00", "Back to now", "then, ", "history begins 24 Nov 16:31"]);
    let now = get(&checkout("kubernetes")).await;
    now.has(&[" now, "]);
    assert!(!now.html.contains("history begins"));
}
