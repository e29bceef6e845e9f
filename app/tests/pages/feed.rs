//! The deploys of all services.

use http::StatusCode;

use crate::answer::get;

#[tokio::test]
async fn the_feed_has_deploys_of_all_services_with_what_was_said() {
    let page = get("/deploys").await;
    assert_eq!((page.status, page.ids("feed-row"), page.ids("verdict")), (StatusCode::OK, 2, 1));
    page.has(&["/services/c1/shop/Deployment/checkout/deploys?deploy=12", "Older deploys", "<title>Deploys"]);
    page.has(&["not judged: before Binnacle ran", "rolling out"]);
    let short = get("/deploys?range=5m&ns=shop").await;
    assert_eq!((short.ids("feed-row"), short.ids("longer")), (0, 1));
    short.has(&["No deploy in this range matches", "/deploys?range=30d&amp;ns=shop"]);
    let failed = get("/deploys?level=failed").await;
    assert_eq!(failed.ids("feed-row"), 1);
    assert_eq!(get("/deploys?level=healthy").await.ids("feed-row"), 0);
}
