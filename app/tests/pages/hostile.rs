//! No string of telemetry becomes markup, and no script runs that the policy does not name.

use http::StatusCode;

use crate::answer::{ALONE, Answer, TRACE, ask, checkout, get, get_with, router};
use crate::fake::Fake;
use crate::markup::elements;

/// The strings of `end2end/tests/hostile.spec.ts`, and two that end an attribute without a quote of its own kind.
const CORPUS: [&str; 14] = [
    "<script>window.hit=1</script>",
    "\"><img src=x onerror=window.hit=1>",
    "'><svg onload=window.hit=1>",
    "</script><script>window.hit=1</script>",
    "</title><script>window.hit=1</script>",
    "</style><img src=x onerror=window.hit=1>",
    "<!--<img src=x onerror=window.hit=1>-->",
    "javascript:window.hit=1",
    "` onmouseover=window.hit=1 x=`",
    "<iframe srcdoc='<script>parent.hit=1</script>'>",
    "{{constructor.constructor('window.hit=1')()}}",
    "\u{202e}gnp.exe\u{0}\u{1b}[31m<iframe srcdoc=x>",
    "\" onmouseover=window.hit=1 x=\"",
    "' autofocus onfocus=window.hit=1 x='",
];

/// No element and no attribute came of a string, and every script is the page's own.
#[track_caller]
fn expect_harmless(page: &Answer, place: &str) {
    let policy = page.headers["content-security-policy"].to_str().expect("a policy is text");
    let nonce = policy.split_once("'nonce-").and_then(|(_, rest)| rest.split_once('\'')).map(|(nonce, _)| nonce);
    let all = elements(&page.html);
    assert!(all.iter().any(|element| element.get("id") == Some("main")), "{place} is no page: {}", page.html);
    for element in all {
        assert!(!matches!(element.name.as_str(), "img" | "iframe" | "object" | "embed"), "{place}: {element:?}");
        if matches!(element.name.as_str(), "script" | "style") {
            assert!(nonce.is_some() && element.get("nonce") == nonce, "{place}: {element:?}");
        }
        for (name, value) in &element.attributes {
            let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | ':' | '_'));
            assert!(is_name && !name.starts_with("on") && name != "srcdoc", "{place}: {element:?}");
            let leads = matches!(name.as_str(), "href" | "src" | "action" | "formaction" | "xlink:href");
            assert!(!leads || value.starts_with(['/', '#', '?']), "{place}: {element:?}");
        }
    }
}

#[tokio::test]
async fn hostile_strings_are_text_on_every_page() {
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
    for text in CORPUS {
        for path in paths {
            let page = get_with(Fake { hostile: Some(text.into()), ..Fake::default() }, path, "").await;
            assert_eq!(page.status, StatusCode::OK, "{path}");
            expect_harmless(&page, path);
            let shown = ["window.hit=1", "parent.hit=1", "gnp.exe"].iter().any(|word| page.html.contains(word));
            assert!(shown, "{path} shows it as text");
        }
    }
}

/// As a browser puts a text into an address.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// What addresses ask for, of all pages.
const WORDS: [&str; 30] = [
    "range", "from", "to", "at", "q", "ns", "kind", "health", "changed", "all", "sort", "dir", "before", "view",
    "deploy", "compare", "by", "split", "show", "metric", "where", "agg", "type", "against", "resource", "version",
    "level", "rate", "pod", "revision",
];

#[tokio::test]
async fn hostile_strings_in_an_address_are_text_and_no_failure() {
    let pages = [
        "/",
        "/deploys",
        "/status",
        &format!("/traces/{TRACE}"),
        &checkout("overview"),
        &checkout("traces"),
        &checkout("logs"),
        &checkout("metrics"),
        &checkout("profiles"),
        &checkout("kubernetes"),
        &checkout("deploys"),
    ];
    let _alone = ALONE.lock().await;
    let router = router(Fake::default());
    let look = async |path: &str| {
        let page = ask(router.clone(), path, "").await;
        assert!(page.status.as_u16() < 500, "{} of {path}", page.status);
        expect_harmless(&page, path);
        page
    };
    for text in CORPUS {
        let text = encoded(text);
        for path in ["/{}", "/traces/{}", "/deploys/{}", "/status/{}"] {
            let page = look(&path.replace("{}", &text)).await;
            assert!(page.status.is_client_error(), "{} of {path} with {text}", page.status);
        }
        let parts = ["c1", "shop", "Deployment", "checkout", "overview"];
        for place in 0..parts.len() {
            let mut parts = parts;
            parts[place] = &text;
            let page = look(&format!("/services/{}", parts.join("/"))).await;
            assert!(page.status.is_client_error(), "{} of {parts:?}", page.status);
        }
        for page in pages {
            let all: Vec<String> = WORDS.iter().map(|word| format!("{word}={text}")).collect();
            look(&format!("{page}?{}", all.join("&"))).await;
        }
        let filtered = look(&format!("/?q={text}")).await;
        let input = elements(&filtered.html).into_iter().find(|element| element.get("data-testid") == Some("filter"));
        let kept = input.is_some_and(|input| input.get("value").is_some_and(|value| !value.is_empty()));
        assert!(kept, "the filter does not say what was searched for: {text}");
        for path in [
            format!("/deploys?ns={text}"),
            checkout(&format!("overview?from={text}&to={text}")),
            checkout(&format!("traces?q={text}")),
            checkout(&format!("logs?q={text}")),
            checkout(&format!("logs?show=patterns&q={text}")),
            checkout(&format!("metrics?metric={text}&by={text}&where=a={text}")),
            checkout(&format!("profiles?type={text}&against={text}&q={text}")),
            checkout(&format!("kubernetes?resource={text}&version={text}&view=diff")),
            checkout(&format!("deploys?deploy={text}")),
            checkout(&format!("deploys?compare={text}..{text}")),
            checkout(&format!("deploys?compare=7d9f5b4c8..84bd7c6f9&by={text}")),
            format!("/traces/{TRACE}?q={text}"),
            format!("/?{text}={text}"),
        ] {
            look(&path).await;
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
