//! The deploys tab: deploys with their evidence, revisions, and two of them compared.

use http::StatusCode;

use crate::answer::{checkout, get};

#[tokio::test]
async fn the_deploys_tab_lists_and_opens_the_one_in_the_address() {
    let page = get(&checkout("deploys")).await;
    assert_eq!((page.ids("deploy-row"), page.ids("diff")), (3, 0));
    page.has(&["data-kind=\"restart\"", "data-rollback=\"true\"", "data-reconstructed=\"true\"", "rollback"]);
    let open = get(&checkout("deploys?deploy=11")).await;
    assert_eq!(open.ids("diff"), 1);
    open.has(&["payments.timeout: 200ms", "30 lines unchanged", "aria-expanded=\"true\""]);
    assert_eq!((open.ids("evidence"), open.ids("evidence-row"), open.ids("unjudged")), (1, 2, 1));
    open.has(&[
        "1,998 / 14,070",
        "98 / 14,120",
        "+12.9 pt … +14.1 pt",
        "p 1e−12, needs 0.0002",
        "not flagged",
        "can be chance",
    ]);
    // The chart beside it has a line for each revision, and its flag keeps what else is in the address.
    assert_eq!(open.ids("chart-evidence"), 1);
    open.has(&["Errors by revision", "POST /checkout", "data-level=\"failed\""]);
    let other = get(&checkout("deploys?deploy=11&range=30m")).await;
    other.has(&["deploys?range=30m&amp;deploy=12\"", "v1.8.2: new image, failed"]);
}

#[tokio::test]
async fn the_deploys_tab_has_revisions_of_which_two_can_be_chosen() {
    let page = get(&checkout("deploys?deploy=11")).await;
    assert_eq!((page.ids("revision-row"), page.ids("pick-old"), page.ids("comparison")), (3, 3, 0));
    page.has(&["2 older revisions are not listed", "last hour", ">current<"]);
    // Nothing is chosen: the other is the current one, or for that one the next.
    page.has(&[
        "deploys?deploy=11&amp;compare=7d9f5b4c8..84bd7c6f9",
        "deploys?deploy=11&amp;compare=84bd7c6f9..7d9f5b4c8",
        "deploys?deploy=11&amp;compare=5c6d4f7b9..84bd7c6f9",
    ]);
    // Of the oldest neither pods nor requests were seen.
    let oldest = page.html.split("data-testid=\"revision-row\"").nth(3).unwrap();
    assert!(oldest.contains("num before\">–<"), "{oldest}");
    let bare = get("/services/c1/shop/Deployment/checkout/deploys?compare=x..x").await;
    assert_eq!((bare.status, bare.ids("comparison")), (StatusCode::OK, 0));
}

#[tokio::test]
async fn two_revisions_are_compared_by_age_and_by_the_clock() {
    let page = get(&checkout("deploys?compare=7d9f5b4c8..84bd7c6f9")).await;
    assert_eq!((page.ids("comparison"), page.ids("compared-endpoint"), page.ids("compared-error")), (1, 4, 3));
    page.has(&[
        "compare-requests",
        "compare-errors",
        "compare-latency",
        "numbers of what each served in its first 8 min",
        "10 min",
    ]);
    page.has(&["data-place=\"new\"", "data-place=\"gone\"", "data-place=\"both\"", "Only in v1.8.2"]);
    page.has(&["error%3DCouponExpired", "payments.timeout: 200ms"]);
    assert_eq!(page.html.split('<').filter(|tag| tag.contains("pick-") && tag.contains("aria-current")).count(), 2);
    let clock = get(&checkout("deploys?compare=7d9f5b4c8..84bd7c6f9&by=clock")).await;
    clock.has(&["numbers of 14:16 – 14:24 and 14:50 – 14:58", "14:30"]);
    let turned = get(&checkout("deploys?compare=84bd7c6f9..7d9f5b4c8")).await;
    turned.has(&["Only in v1.8.1", "Gone: only in v1.8.2"]);
}

#[tokio::test]
async fn of_a_revision_that_ran_twice_the_run_is_said_and_can_be_chosen() {
    let open = get(&checkout("deploys?deploy=12")).await;
    assert_eq!(open.ids("compare-deploy"), 1);
    open.has(&["deploys?deploy=12&amp;compare=7d9f5b4c8..84bd7c6f9@12#comparison", "Compare v1.8.1 with v1.8.2"]);
    let newest = get(&checkout("deploys?compare=7d9f5b4c8..84bd7c6f9")).await;
    assert_eq!((newest.ids("old-runs"), newest.ids("new-runs"), newest.ids("run")), (1, 0, 2));
    newest.has(&["v1.8.1 ran 2 times; this is its run of", "14:16 – 14:51", "09:58 – 11:38"]);
    newest.has(&["compare=7d9f5b4c8@9..84bd7c6f9", "from 14:16 and from 14:50"]);
    let earlier = get(&checkout("deploys?compare=7d9f5b4c8@9..84bd7c6f9")).await;
    earlier.has(&["from 09:58 and from 14:50", "compare=7d9f5b4c8@11..84bd7c6f9"]);
    earlier.has(&["compare=7d9f5b4c8@9..84bd7c6f9&amp;by=clock"]);
}

#[tokio::test]
async fn what_a_comparison_cant_tell_is_said() {
    let page = get(&checkout("deploys?compare=5c6d4f7b9..84bd7c6f9")).await;
    page.has(&["v1.7.9 served no request in this time", "The pod template of v1.7.9 is not kept any more"]);
    page.has(&["There is nothing to compare"]);
    let unknown = get(&checkout("deploys?compare=gone..84bd7c6f9")).await;
    assert_eq!((unknown.ids("deploy-row"), unknown.ids("revision-row"), unknown.ids("comparison")), (3, 3, 0));
    unknown.has(&["Not found: revision gone"]);
}
