//! The demo as a process: it shows the shop, says that it is one, ends with 0 and leaves nothing behind.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use std::io::BufReader;
use std::path::Path;

use support::{Process, get, until};

fn is_empty(directory: &Path) -> bool {
    std::fs::read_dir(directory).unwrap().next().is_none()
}

#[test]
fn a_demo_shows_the_shop_and_its_past_ends_with_0_and_removes_its_directory() {
    let place = tempfile::tempdir().unwrap();
    // Nothing is configured, so nothing but the ports is said.
    let (process, address) = Process::serve(place.path(), &[]);
    until("the first lists", || get(&address, "/readyz").starts_with("HTTP/1.1 200"));
    let page = get(&address, "/");
    for shown in ["payments/Deployment/payments", "shop/StatefulSet/orders-db", "platform/DaemonSet/log-agent"] {
        assert!(page.contains(&format!("data-service=\"{shown}\"")), "{shown} is not in the catalog");
    }
    assert!(page.contains("data-testid=\"demo\"") && page.contains("data-testid=\"tour\""));
    let spans = || {
        let metrics = get(&address, "/metrics");
        let line = metrics.lines().find_map(|line| line.strip_prefix("binnacle_ingest_spans_total "));
        line.and_then(|count| count.trim().parse::<u64>().ok()).unwrap_or(0)
    };
    until("the traces of minutes", || spans() > 10_000);
    // A pod that never gets up sends nothing: its last words are read from the API server.
    let services = page.split("href=\"/services/").nth(1).unwrap();
    let cluster = services.split('/').next().unwrap();
    let logs = format!("/services/{cluster}/platform/Deployment/notifications/logs?q=%22cannot%20start%22");
    until("the last words of a crash loop", || {
        get(&address, &logs).contains("cannot start: missing environment variable SMTP_RELAY_TOKEN")
    });
    // The past hour was sent, and what is only on kubelets was read there.
    let metrics = format!("/services/{cluster}/shop/Deployment/recommendations/metrics");
    until("processor and memory of a service", || {
        let page = get(&address, &metrics);
        let charts = page.matches("data-testid=\"chart-golden\"").count();
        charts >= 3 && ["CPU", "Memory", "Network", "container.filesystem.usage"].iter().all(|word| page.contains(word))
    });
    let of_whole_pods = format!("/services/{cluster}/platform/Deployment/identity/metrics");
    until("how long pods were held at a limit as a whole", || {
        get(&address, &of_whole_pods).contains("Throttled as a whole")
    });
    // Of the hour before, too: who was held at its CPU limit is told once it was looked at.
    until("a service that is throttled", || get(&address, "/").contains(" was throttled up to "));
    // The fourth node is down for a while.
    let kubelets = |answering| format!("{answering} of 4 kubelets say what containers use");
    until("kubelets", || {
        let page = get(&address, "/status");
        page.contains(&kubelets(3)) || page.contains(&kubelets(4))
    });
    assert!(!is_empty(&place.path().join("tmp")));
    assert_eq!(process.stop(), Some(0));
    assert!(is_empty(&place.path().join("tmp")), "it left its directory");
    assert!(!place.path().join(".local").exists(), "it touched the usual data directory");
}

#[test]
fn a_configured_cluster_that_cannot_be_reached_is_no_demo() {
    let place = tempfile::tempdir().unwrap();
    let kubeconfig = place.path().join("kubeconfig");
    let text = "apiVersion: v1\nkind: Config\ncurrent-context: prod\nclusters:\n- name: prod\n  cluster: {server: \
                \"http://127.0.0.1:1\"}\ncontexts:\n- name: prod\n  context: {cluster: prod, user: prod}\nusers:\n\
                - name: prod\n  user: {token: t}\n";
    std::fs::write(&kubeconfig, text).unwrap();
    let (process, address) = Process::serve(place.path(), &["--kubeconfig", kubeconfig.to_str().unwrap()]);
    let page = get(&address, "/");
    assert!(page.contains("Connecting to the cluster") && !page.contains("data-testid=\"demo\""), "{page}");
    assert_eq!(process.stop(), Some(0));
}

#[test]
fn without_a_cluster_and_without_the_demo_it_says_how_to_connect() {
    let place = tempfile::tempdir().unwrap();
    let (process, address) = Process::serve(place.path(), &["--no-demo"]);
    let page = get(&address, "/");
    assert!(page.contains("No cluster is configured") && !page.contains("data-testid=\"demo\""));
    assert_eq!(process.stop(), Some(0));
}

#[test]
fn a_simulated_cluster_says_where_its_kubeconfig_is_and_ends_with_0() {
    let place = tempfile::tempdir().unwrap();
    let mut process = Process::start(place.path(), &["simulate", "--scenario", "idle", "--pods", "10"]);
    process.output = process.child.stdout.take().map(|it| Box::new(BufReader::new(it)) as support::Lines);
    let line = process.line("KUBECONFIG=");
    let path = Path::new(line.trim().strip_prefix("KUBECONFIG=").unwrap());
    let kubeconfig = std::fs::read_to_string(path).unwrap();
    let address = kubeconfig.split("http://").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    assert!(get(address, "/version").starts_with("HTTP/1.1 401"), "it asks who comes");
    assert_eq!(process.stop(), Some(0));
    assert!(!path.exists(), "it left its kubeconfig");
}

/// Files and pages share a process, and once shared headers too.
#[test]
fn every_page_keeps_its_headers_while_files_are_served() {
    let place = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(place.path().join("site/pkg")).unwrap();
    for name in ["favicon.svg", "robots.txt"] {
        std::fs::write(place.path().join("site").join(name), "x").unwrap();
    }
    let (process, address) = Process::serve(place.path(), &["--no-demo"]);
    std::thread::scope(|scope| {
        for path in ["/pkg/binnacle.wasm", "/favicon.svg", "/robots.txt"] {
            let address = &address;
            scope.spawn(move || {
                for _ in 0..60 {
                    assert!(get(address, path).starts_with("HTTP/1.1 200"), "{path}");
                }
            });
        }
        for _ in 0..30 {
            let page = get(&address, "/").to_lowercase();
            assert!(page.starts_with("http/1.1 200") && page.contains("\r\ncontent-security-policy:"), "{page}");
        }
    });
    assert_eq!(process.stop(), Some(0));
}
