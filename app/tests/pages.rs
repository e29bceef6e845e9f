//! Every page, rendered through the router with a fake backend: what is on it, its status, and that no string of
//! telemetry becomes markup.

mod fake;

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use fake::{AS_OF, CLUSTER, Fake};
use http::{HeaderMap, Request, StatusCode};
use leptos::config::LeptosOptions;
use model::{ClusterStatus, Connection};
use tower::ServiceExt;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    html: String,
}

impl Answer {
    fn count(&self, text: &str) -> usize {
        self.html.matches(text).count()
    }

    /// How many elements carry a test id.
    fn ids(&self, id: &str) -> usize {
        self.count(&format!("data-testid=\"{id}\""))
    }

    #[track_caller]
    fn has(&self, texts: &[&str]) {
        for text in texts {
            assert!(self.html.contains(text), "{text:?} is not in the page");
        }
    }
}

/// Making a router lists the routes, for which Leptos stops the resources of the whole process: one page at a time.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

fn router(fake: Fake) -> axum::Router {
    let root = std::env::temp_dir().join("binnacle-no-site").to_string_lossy().into_owned();
    let options = LeptosOptions::builder().output_name("binnacle").site_root(root).build();
    app::router(options, Arc::new(fake))
}

async fn get_with(fake: Fake, path: &str, cookie: &str) -> Answer {
    let _alone = ALONE.lock().await;
    ask(router(fake), path, cookie).await
}

async fn ask(router: axum::Router, path: &str, cookie: &str) -> Answer {
    let request = Request::get(path).header("cookie", cookie).header("accept", "text/html").body(Body::empty());
    let response = router.oneshot(request.expect("a path and a cookie make a request")).await.expect("routers answer");
    let (status, headers) = (response.status(), response.headers().clone());
    let body = to_bytes(response.into_body(), usize::MAX).await.expect("the stream ends well");
    Answer { status, headers, html: String::from_utf8(body.to_vec()).expect("pages are UTF-8") }
}

async fn get(path: &str) -> Answer {
    get_with(Fake::default(), path, "").await
}

fn checkout(tab: &str) -> String {
    format!("/services/{CLUSTER}/shop/Deployment/checkout/{tab}")
}

#[tokio::test]
async fn the_catalog_has_every_service_with_its_sentence_before_any_script_runs() {
    let page = get("/").await;
    assert_eq!((page.status, page.ids("catalog-row"), page.ids("sentence")), (StatusCode::OK, 14, 14));
    page.has(&["data-service=\"shop/Deployment/checkout\"", "fail: 14.2 % (was 0.7 %)", "4.1 %", "8 min ago", "1.9k"]);
    page.has(&["ready on v5.0.0, rolling out v5.0.1"]);
    let moving = get("/services/c1/payments/Deployment/payments/overview").await;
    moving.has(&["5/5 ready on v5.0.0", "rolling out v5.0.1"]);
    page.has(&["14 in 5 namespaces", "prod-eu-1", "data-health=\"failing\"", "data-testid=\"live\""]);
}

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
async fn the_address_of_the_catalog_filters_and_sorts() {
    let page = get("/?q=cart&sort=name&dir=reverse").await;
    assert_eq!(page.ids("catalog-row"), 2);
    let (cart, redis) = (page.html.find("shop/StatefulSet/cart").unwrap(), page.html.find("redis-cart").unwrap());
    assert!(redis < cart);
    page.has(&["aria-sort=\"descending\"", "value=\"cart\""]);
    assert_eq!(get("/?health=failing").await.ids("catalog-row"), 2);
    get("/?q=nothing-like-it").await.has(&["No service matches", "Clear all filters"]);
}

#[tokio::test]
async fn ten_thousand_services_are_a_window_and_the_room_of_the_rest() {
    let page = get_with(Fake { extra: 10_000, ..Fake::default() }, "/", "").await;
    assert_eq!(page.ids("catalog-row"), 60);
    page.has(&["height:calc(var(--row) * 9954)", "aria-rowcount=\"10015\""]);
    assert!(page.html.len() < 400_000, "{} bytes", page.html.len());
}

#[tokio::test]
async fn an_empty_catalog_says_what_to_do() {
    let none = Fake { clusters: Some(Vec::new()), ..Fake::default() };
    get_with(none, "/", "").await.has(&["--kubeconfig", "KUBECONFIG", "OTEL_EXPORTER_OTLP_ENDPOINT"]);
    let refused = ClusterStatus {
        id: String::new(),
        name: "prod".into(),
        connection: Connection::Connecting { reason: Some("connection refused".into()) },
        heard: None,
        watchers: Vec::new(),
        kubelets: model::KubeletStatus::default(),
    };
    let lost = Fake { clusters: Some(vec![refused]), ..Fake::default() };
    get_with(lost, "/", "").await.has(&["Connecting to the cluster", "connection refused"]);
}

#[tokio::test]
async fn the_overview_has_its_charts_with_flags_and_marks_at_one_place() {
    let page = get(&checkout("overview")).await;
    assert_eq!(page.status, StatusCode::OK);
    page.has(&["chart-requests", "chart-errors", "chart-latency", "6/6 ready", "owned by", "PaymentTimeout"]);
    assert_eq!((page.ids("deploy-flag"), page.ids("event-mark"), page.ids("pod-lane")), (6, 3, 8));
    page.has(&["title=\"not known\"", "faint: not known", ">terminating<", ">starting<"]);
    assert_eq!((page.ids("endpoint-row"), page.ids("error-group")), (4, 2));
    let at = fake::minutes_ago(8).millis();
    let flags = page.html.split('<').filter(|tag| tag.contains("deploy-flag") && tag.contains(&at.to_string()));
    let lefts: Vec<_> = flags.filter(|flag| flag.contains("left:86.67%")).collect();
    assert_eq!(lefts.len(), 3, "{lefts:?}");
    page.has(&[&format!("/traces/{TRACE}"), "<title>checkout · shop · Binnacle</title>"]);
}

#[tokio::test]
async fn splitting_by_revision_is_in_the_address() {
    let page = get(&checkout("overview?split=revision&range=1h")).await;
    page.has(&["p95 by revision", "/deploys?range=1h"]);
    assert!(page.count(">v1.8.2<") > 3);
}

#[tokio::test]
async fn the_metrics_tab_has_what_says_how_the_service_is_and_an_explorer_in_the_address() {
    let page = get(&checkout("metrics?range=1h")).await;
    assert_eq!((page.status, page.ids("chart-golden"), page.ids("metric-name")), (StatusCode::OK, 1, 2));
    page.has(&["Memory", "31 MiB", "metric=shop.orders", "agg=sum", "rate=1", "Choose a metric"]);
    assert_eq!((page.ids("leak"), page.ids("chart-leak"), page.ids("leaking-pod")), (1, 1, 2));
    page.has(&["grows 46 MiB an hour", "2 of 3 pods of v1.8.2", "v1.8.1 did not grow", "5 h (3 h to never)"]);
    page.has(&["limit in 5 h", "likely in 5 h", "soonest in 3 h", "latest never"]);
    let open = get(&checkout("metrics?metric=shop.orders&agg=sum&rate=1&by=http.route&where=http.route=/pay")).await;
    assert_eq!(open.ids("chart-metric"), 1);
    open.has(&["MiB/s", "The 2 greatest of 6 series", "value=\"/pay\"", "agg=p95", "deploy-flag"]);
    assert_eq!(get(&checkout("metrics?q=orders")).await.ids("metric-name"), 1);
    let none = get(&format!("/services/{CLUSTER}/shop/StatefulSet/cart/metrics")).await;
    none.has(&["No metrics in this range", "OTEL_METRICS_EXPORTER=otlp"]);
}

#[tokio::test]
async fn the_profiles_tab_has_frames_as_text_and_functions_by_cost() {
    let page = get(&checkout("profiles")).await;
    assert_eq!((page.status, page.ids("flame"), page.ids("function")), (StatusCode::OK, 1, 2));
    page.has(&["CPU time", "Memory in use", "1 min 40 s, in 40 profiles", "0.03 cores on average", ">main.pay<"]);
    page.has(&["left:0.000%;width:60.000%;--row:1", "type=inuse_space:bytes", "shop/checkout.go", "aria-sort"]);
    let found = get(&checkout("profiles?q=tax&sort=total")).await;
    assert_eq!((found.ids("function"), found.count(" dim\"")), (1, 3));
    found.has(&["50.0 % in what is found", "sort=self", "box h"]);
    let none = get(&format!("/services/{CLUSTER}/shop/StatefulSet/cart/profiles")).await;
    none.has(&["No profiles in this range", "pyroscope.configure", "/v1development/profiles"]);
}

#[tokio::test]
async fn compared_profiles_say_what_takes_a_larger_share() {
    let page = get(&checkout("profiles?against=deploy")).await;
    page.has(&["v2.14.0", "v2.13.2", "in 20 profiles", "box worse-3", "box better-3", "+30.0 %", "By the share"]);
}

#[tokio::test]
async fn the_kubernetes_tab_has_what_went_wrong_resources_and_pods() {
    let page = get(&checkout("kubernetes")).await;
    assert_eq!((page.ids("adverse-event"), page.ids("resource-row"), page.ids("pod-row")), (3, 6, 3));
    page.has(&["fatal: no room", "after deploy of v1.8.2", "/deploys?deploy=12"]);
    page.has(&["OOM killed", "exit code 137", "node-07", "14:29 – 14:31<", "since 14:29, 6 times"]);
    assert!(page.html.contains(">ended ") && !page.html.contains("terminating"), "what it was on the way is over");
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
async fn a_resource_opens_with_its_text_its_history_and_the_difference() {
    let closed = get(&checkout("kubernetes")).await;
    assert_eq!(closed.ids("version"), 0);
    closed.has(&["As it is now", "resource=Deployment/checkout", "Network"]);
    let open = get(&checkout("kubernetes?resource=Deployment/checkout")).await;
    assert_eq!((open.ids("yaml"), open.ids("version"), open.ids("diff")), (1, 3, 0));
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
    past.has(&["As of 24 Nov 16:00:00", "Back to now"]);
}

#[tokio::test]
async fn the_traces_tab_searches_plots_and_pages() {
    let page = get(&checkout("traces")).await;
    assert_eq!(
        (page.ids("span-hit"), page.ids("span-point"), page.ids("chart-spans"), page.ids("more-spans")),
        (3, 3, 1, 1)
    );
    page.has(&[
        "12,340, 980 failed",
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
    get(&checkout("traces?q=duration:fast")).await.has(&["is no duration"]);
    get(&checkout("overview?range=1h")).await.has(&["/traces?range=1h&amp;q=endpoint:%22POST%20/checkout%22"]);
}

#[tokio::test]
async fn the_logs_tab_searches_pages_and_groups() {
    let page = get(&checkout("logs")).await;
    assert_eq!((page.ids("log-line"), page.ids("chart-logs"), page.ids("older-lines")), (3, 1, 1));
    page.has(&["14:58:15.000", "payment authorize failed: no answer", "order.id", "q=order.id%3D81f3", "/traces/"]);
    let errors = get(&checkout("logs?q=level:error")).await;
    assert_eq!(errors.ids("log-line"), 1);
    let wrong = get(&checkout("logs?q=level:loud")).await;
    wrong.has(&["is no level"]);
    let patterns = get(&checkout("logs?show=patterns")).await;
    assert_eq!((patterns.ids("log-pattern"), patterns.ids("log-line")), (2, 0));
    patterns.has(&["new since this deploy", "2 more patterns are rarer"]);
    assert_eq!(patterns.ids("patterns-of-all"), 0);
    let errors = get(&checkout("logs?show=patterns&q=level:error%20refused")).await;
    assert_eq!((errors.ids("log-pattern"), errors.ids("patterns-of-all")), (1, 1));
}

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
        "p &lt; 0.0001",
        "not flagged",
        "can be chance",
    ]);
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
async fn what_a_comparison_cant_tell_is_said() {
    let page = get(&checkout("deploys?compare=5c6d4f7b9..84bd7c6f9")).await;
    page.has(&["v1.7.9 served no request in this time", "The pod template of v1.7.9 is not kept any more"]);
    page.has(&["There is nothing to compare"]);
    let unknown = get(&checkout("deploys?compare=gone..84bd7c6f9")).await;
    assert_eq!((unknown.ids("deploy-row"), unknown.ids("revision-row"), unknown.ids("comparison")), (3, 3, 0));
    unknown.has(&["Not found: revision gone"]);
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

#[tokio::test]
async fn the_status_page_has_watchers_rules_and_refusals() {
    let page = get("/status").await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!((page.ids("status-watcher"), page.ids("status-rejected"), page.ids("status-unattributed")), (5, 1, 1));
    page.has(&["forbidden", "resources: [\"nodes\"]", "malformed protobuf", "legacy-batch", "2.9 GiB"]);
}

#[tokio::test]
async fn what_is_not_there_is_a_404_that_says_so() {
    let missing = [
        ("/nowhere/at/all".to_owned(), "Page not found"),
        (format!("/services/{CLUSTER}/shop/Deployment/nope/overview"), "Service not found"),
        (format!("/services/{CLUSTER}/shop/%3Cb%3E/x/kubernetes"), "Service not found"),
        (format!("/traces/{}1", "0".repeat(31)), "Trace not found"),
        ("/traces/zzz".to_owned(), "Trace not found"),
    ];
    for (path, says) in missing {
        let page = get(&path).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}");
        page.has(&[says]);
    }
}

#[tokio::test]
async fn a_service_without_a_tab_leads_to_its_overview() {
    let page = get(&checkout("").replace("checkout/", "checkout?range=5m")).await;
    assert_eq!(page.status, StatusCode::FOUND);
    assert_eq!(page.headers["location"], format!("{}?range=5m", checkout("overview")));
}

#[tokio::test]
async fn one_panel_that_fails_leaves_the_others_standing() {
    let page = get_with(Fake { broken: true, ..Fake::default() }, &checkout("overview"), "").await;
    assert_eq!(page.status, StatusCode::OK);
    page.has(&["the disk is slow", "Try again", "PaymentTimeout", "chart-errors"]);
}

#[tokio::test]
async fn hostile_strings_are_text_on_every_page() {
    let corpus = [
        "<script>window.hit=1</script>",
        "\"><img src=x onerror=window.hit=1>",
        "'><svg onload=window.hit=1>",
        "</script><script>window.hit=1</script>",
        "</title><script>window.hit=1</script>",
        "<!--<img src=x onerror=window.hit=1>-->",
        "\u{202e}gnp.exe\u{0}\u{1b}[31m<iframe srcdoc=x>",
    ];
    let deploys = format!("{}?deploy=11", checkout("deploys"));
    let trace = format!("/traces/{TRACE}");
    let (logs, patterns) = (checkout("logs"), checkout("logs?show=patterns"));
    let paths = [
        "/",
        &checkout("overview"),
        &checkout("traces"),
        &logs,
        &patterns,
        &checkout("kubernetes"),
        &checkout("metrics?metric=m&by=pod&where=http.route=/pay"),
        &checkout("profiles?against=deploy&q=x"),
        &deploys,
        &checkout("deploys?compare=7d9f5b4c8..84bd7c6f9"),
        &trace,
        "/status",
        "/deploys",
    ];
    for text in corpus {
        for path in paths {
            let page = get_with(Fake { hostile: Some(text.into()), ..Fake::default() }, path, "").await;
            assert_eq!(page.status, StatusCode::OK, "{path}");
            for raw in ["<script>window.hit", "<img src=x", "<svg onload", "<iframe"] {
                assert!(!page.html.contains(raw), "{raw} in {path}");
            }
            assert!(page.html.contains("window.hit=1") || page.html.contains("gnp.exe"), "{path} shows it as text");
        }
    }
}

#[tokio::test]
async fn every_script_and_style_carries_the_nonce_of_the_policy() {
    for path in ["/".to_owned(), checkout("overview"), format!("/traces/{TRACE}"), "/nowhere".to_owned()] {
        let page = get(&path).await;
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        let (_, rest) = policy.split_once("'nonce-").unwrap();
        let (nonce, _) = rest.split_once('\'').unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("'unsafe-eval'"));
        let own = format!("nonce=\"{nonce}\"");
        for tag in page.html.split('<').filter(|part| part.starts_with("script") || part.starts_with("style")) {
            assert!(tag.contains(&own), "{path}: {tag}");
        }
        for handler in [" onclick=", " onload=", " onerror=", "javascript:"] {
            assert_eq!(page.count(handler), 0, "{path}: {handler}");
        }
    }
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
