//! The logs tab: lines and patterns.

use crate::answer::{checkout, get};

#[tokio::test]
async fn the_logs_tab_searches_pages_and_groups() {
    let page = get(&checkout("logs")).await;
    assert_eq!((page.ids("log-line"), page.ids("chart-logs"), page.ids("older-lines")), (3, 1, 1));
    page.has(&["14:58:15.000", "payment authorize failed: no answer", "order.id", "q=order.id%3D81f3", "/traces/"]);
    assert_eq!((page.ids("log-gap"), page.ids("log-coverage")), (1, 1));
    page.has(&[
        "no logs from 14:56:40 to 14:58:12: stream was lost",
        "Logs of 12 of 40 pods are read",
        "--log-streams",
    ]);
    let errors = get(&checkout("logs?q=level:error")).await;
    assert_eq!((errors.ids("log-line"), errors.ids("log-gap")), (1, 0));
    let wrong = get(&checkout("logs?q=level:loud")).await;
    wrong.has(&["is no level"]);
    let patterns = get(&checkout("logs?show=patterns")).await;
    assert_eq!((patterns.ids("log-pattern"), patterns.ids("log-line")), (2, 0));
    patterns.has(&["new since this deploy", "2 more patterns are rarer"]);
    assert_eq!(patterns.ids("patterns-of-all"), 0);
    let errors = get(&checkout("logs?show=patterns&q=level:error%20refused")).await;
    assert_eq!((errors.ids("log-pattern"), errors.ids("patterns-of-all")), (1, 1));
}
