//! No string of telemetry becomes markup, and no script runs that the policy does not name.

use http::StatusCode;

use crate::answer::{TRACE, checkout, get, get_with};
use crate::fake::Fake;

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
