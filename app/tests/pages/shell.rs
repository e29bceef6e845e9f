//! What every page has around it: the demo's words, theme and zone, the range in links; and that pages made side by
//! side are whole.

use crate::answer::{ALONE, Answer, ask, checkout, get, get_with, router};
use crate::fake::{AS_OF, Fake};

#[tokio::test]
async fn a_demo_says_so_on_every_page_and_shows_its_tour_on_the_catalog_until_that_is_dismissed() {
    let demo = || Fake { demo: true, ..Fake::default() };
    for (path, cookie, tour) in [("/", "", 1), ("/", "toured=1", 0), ("/status", "", 0)] {
        let page = get_with(demo(), path, cookie).await;
        assert_eq!((page.ids("demo"), page.ids("tour")), (1, tour), "{path} {cookie}");
    }
    assert_eq!(get("/").await.ids("demo"), 0);
}

#[tokio::test]
async fn cookies_choose_theme_and_zone_and_nonsense_chooses_neither() {
    let page = get_with(Fake::default(), &checkout("kubernetes"), "a=b; theme=dark; zone=Europe/Berlin").await;
    page.has(&["data-theme=\"dark\"", "15:29"]);
    let plain = get_with(Fake::default(), &checkout("kubernetes"), "theme=\"><x; zone=../../etc").await;
    plain.has(&["data-theme=\"system\"", "14:29"]);
}

#[tokio::test]
async fn links_keep_the_range_and_an_absolute_one_is_shown_as_such() {
    let (from, to) = (AS_OF.plus(-model::HOUR).millis(), AS_OF.millis());
    let page = get(&format!("{}?from={from}&to={to}", checkout("overview"))).await;
    page.has(&["24 Nov 13:58 – 14:58", &format!("/kubernetes?from={from}&amp;to={to}")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn pages_made_side_by_side_are_whole_on_whichever_thread_they_end() {
    let _alone = ALONE.lock().await;
    let router = router(Fake::default());
    let paths = ["/".to_owned(), checkout("overview"), checkout("deploys"), "/status".to_owned()];
    let each = |n: usize| tokio::spawn(ask_owned(router.clone(), paths[n % paths.len()].clone()));
    for page in futures::future::join_all((0..80).map(each)).await {
        page.unwrap().has(&["</body>", "prod-eu-1"]);
    }
}

async fn ask_owned(router: axum::Router, path: String) -> Answer {
    ask(router, &path, "").await
}
