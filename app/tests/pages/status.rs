//! The status page.

use http::StatusCode;

use crate::answer::get;

#[tokio::test]
async fn the_status_page_has_watchers_rules_and_refusals() {
    let page = get("/status").await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!((page.ids("status-watcher"), page.ids("status-rejected"), page.ids("status-unattributed")), (4, 1, 1));
    page.has(&[
        "forbidden",
        "resources: [\"nodes\"]",
        "malformed protobuf",
        "legacy-batch",
        "2.9 GiB",
        "At 1.0 GiB a day, 7 d of telemetry take 7.0 GiB.",
        "it lasts 1.8 d",
        "Not in this cluster: Rollouts.",
        "Logs of 2 of 3 pods are read",
        "the account may not get pods/log",
        "4 pods send their own logs",
    ]);
}
