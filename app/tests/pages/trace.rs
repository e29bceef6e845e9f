//! One trace as a waterfall.

use http::StatusCode;

use crate::answer::{TRACE, get, get_with};
use crate::fake::Fake;

#[tokio::test]
async fn a_trace_is_a_waterfall_in_tree_order() {
    let page = get(&format!("/traces/{TRACE}")).await;
    assert_eq!((page.status, page.ids("span-row")), (StatusCode::OK, 11));
    page.has(&["842 ms · 11 spans · 8 services", "timeout after 200 ms", "aria-level=\"3\""]);
    let long = get_with(Fake { spans: 100_000, ..Fake::default() }, &format!("/traces/{TRACE}"), "").await;
    assert!((50..120).contains(&long.ids("span-row")), "{}", long.ids("span-row"));
    long.has(&["This trace is too large to be shown whole"]);
    assert!(!page.html.contains("too large to be shown"));
}
