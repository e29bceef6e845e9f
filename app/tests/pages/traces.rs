//! The traces tab, which searches spans.

use crate::answer::{TRACE, checkout, get};

#[tokio::test]
async fn the_traces_tab_searches_plots_and_pages() {
    let page = get(&checkout("traces")).await;
    assert_eq!(
        (page.ids("span-hit"), page.ids("span-point"), page.ids("chart-spans"), page.ids("more-spans")),
        (3, 3, 1, 1)
    );
    page.has(&[
        "12,340 · 980 failed",
        "3 drawn",
        "842 ms",
        "no answer in 200ms",
        "v1.8.2",
        "14:58:15.000",
        "1 ms",
        "1 s",
    ]);
    page.has(&[
        &format!("/traces/{TRACE}"),
        "of spans before 14:28 not all were looked at",
        "q=status:error",
        "sort=slowest",
    ]);
    assert!(page.ids("deploy-flag") > 0);
    let errors = get(&checkout("traces?q=status:error%20duration:%3E%3D250ms&range=1h")).await;
    assert_eq!(errors.ids("span-hit"), 1);
    // Taking the errors away keeps the rest of the query, and links to traces keep the range.
    errors.has(&[
        "q=duration:%3E%3D250ms&amp;range=1h\"",
        "<option value=\"250 ms\" selected",
        &format!("/traces/{TRACE}?range=1h"),
    ]);
    let slowest = get(&checkout("traces?sort=slowest&kinds=all&before=7-1")).await;
    let (first, second) = (slowest.html.find(">842 ms").unwrap(), slowest.html.find(">31 ms").unwrap());
    assert!(first < second);
    assert_eq!(slowest.ids("more-spans"), 0);
    let nowhere = get(&checkout("traces?q=endpoint:/nowhere")).await;
    nowhere.has(&["None match", "No span matches"]);
    assert!(!nowhere.html.contains("No spans in this range"));
    get(&checkout("traces?q=duration:fast")).await.has(&["is no duration"]);
    get(&checkout("overview?range=1h")).await.has(&["/traces?range=1h&amp;q=endpoint:%22POST%20/checkout%22"]);
}
