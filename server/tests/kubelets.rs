//! Kubelets of the simulated cluster are read: what they measure is a service's, and what one does not answer is said.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use model::{KubeletStatus, Timestamp, Window};
use simulator::{Controls, Faults, Options, Scenario, Service, Simulator};
use store::Store;
use tokio_util::sync::{CancellationToken, DropGuard};

/// A cluster whose kubelets are read: of a service whose containers have limits, and one that has them as a whole.
struct Watched {
    store: Store,
    controls: Controls,
    _directory: tempfile::TempDir,
    _guard: DropGuard,
}

impl Watched {
    async fn start(namespaces: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let service = Service {
            name: "cart".into(),
            image: "r/cart".into(),
            tags: vec!["1".into()],
            replicas: 2,
            cpu_limit: 0.5,
            ..Service::default()
        };
        let whole = Service { name: "identity".into(), limited_as_a_whole: true, ..service.clone() };
        let db = Service {
            name: "db".into(),
            kind: "StatefulSet".into(),
            replicas: 1,
            volume: 1_000,
            stored: 990.0,
            ..service.clone()
        };
        let scenario = Scenario { nodes: 2, services: vec![service, whole, db], ..Scenario::idle() };
        let simulator = Simulator::start(Options { scenario, rate: 0.0, ..Options::default() }).await.unwrap();
        let kubeconfig = directory.path().join("kubeconfig");
        std::fs::write(&kubeconfig, simulator.kubeconfig()).unwrap();
        let controls = simulator.controls();
        let keep = store::Keep { age: model::DAY, bytes: 1_000_000_000 };
        let config = store::Config { path: directory.path().join("data"), raw: keep, summaries: keep };
        let store = Store::open(config).await.unwrap();
        let shutdown = CancellationToken::new();
        tokio::spawn(simulator.run(shutdown.clone()));
        let source = cluster::sources(Some(&kubeconfig), &[]).unwrap().remove(0);
        let options = cluster::Options {
            namespaces: namespaces.iter().map(|name| (*name).to_owned()).collect(),
            kubelets: Some(cluster::KubeletOptions {
                interval: Duration::from_secs(1),
                insecure_tls: false,
                authority: None,
            }),
            ..cluster::Options::default()
        };
        let guard = shutdown.clone().drop_guard();
        tokio::spawn(cluster::run(source, options, store.clone(), shutdown));
        Self { store, controls, _directory: directory, _guard: guard }
    }

    async fn until(&self, what: &str, holds: impl Fn(&KubeletStatus) -> bool) {
        let began = Instant::now();
        loop {
            let status = self.store.cluster_statuses().into_iter().next().map(|cluster| cluster.kubelets);
            if status.as_ref().is_some_and(&holds) {
                return;
            }
            assert!(began.elapsed() < Duration::from_secs(30), "waited for {what}: {status:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn revoke(&self, rights: &[&str]) {
        let revoked = rights.iter().map(|right| (*right).to_owned()).collect();
        self.controls.set(Faults { revoked, ..Faults::default() });
    }

    /// Names of a service's metrics.
    async fn names(&self, service: &str) -> Vec<String> {
        let directory = self.store.directory();
        let mut ids = directory.services().map(|service| service.id.clone());
        let Some(id) = ids.find(|id| id.name == service) else { return Vec::new() };
        let always = Window::new(Timestamp(0), Timestamp(i64::MAX / 2));
        let names = self.store.telemetry().metric_names(&id, always).await.unwrap();
        names.names.into_iter().map(|metric| metric.name).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_containers_use_is_read_from_every_node() {
    let watched = Watched::start(&[]).await;
    watched.until("both nodes", |status| (status.nodes, status.answering) == (2, 2)).await;
    let began = Instant::now();
    let of_both = [
        "container.cpu.time",
        "container.filesystem.usage",
        "container.memory.rss",
        "container.memory.working_set",
        "container.pressure.waiting",
        "k8s.container.memory.limit",
        "k8s.pod.network.io",
    ];
    let of_container = ["container.cpu.throttled", "k8s.container.cpu.limit"];
    let of_pod = ["k8s.pod.cpu.periods", "k8s.pod.cpu.throttled"];
    for (service, own, others) in [("cart", of_container, of_pod), ("identity", of_pod, of_container)] {
        let names = loop {
            let names = watched.names(service).await;
            if of_both.iter().chain(&own).all(|name| names.iter().any(|known| known == name)) {
                break names;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "{service}: {names:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        assert!(others.iter().all(|name| !names.iter().any(|known| known == name)), "{service}: {names:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_volume_that_was_claimed_and_the_nodes_themselves_are_measured() {
    let watched = Watched::start(&[]).await;
    let began = Instant::now();
    let volume = ["k8s.volume.available", "k8s.volume.capacity"];
    loop {
        let names = watched.names("db").await;
        if volume.iter().all(|name| names.iter().any(|known| known == name)) {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{names:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let directory = watched.store.directory();
    let service = directory.services().find(|service| service.id.name == "db").unwrap();
    let pod = &directory.pods(&service.id)[0];
    let now = Timestamp(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as i64);
    let used = watched.store.nodes().used(&service.id.cluster, pod.node.as_deref().unwrap(), now).unwrap();
    let (memory, left) = used.memory.unwrap();
    assert_eq!(memory + left, 32 << 30, "what is used and what is left is all that it has");
    assert!(used.cores.is_some_and(|cores| cores > 0.2) && used.disk.is_some(), "{used:?}");
    assert!(watched.names("cart").await.iter().all(|name| !name.starts_with("k8s.volume")), "it has none");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_not_be_read_is_said_with_the_rule_to_add_and_read_when_it_may() {
    let watched = Watched::start(&[]).await;
    watched.until("both nodes", |status| status.answering == 2).await;
    watched.revoke(&["nodes/stats"]);
    let is_said = |status: &KubeletStatus| {
        let [trouble] = &status.troubles[..] else { return false };
        let rule = trouble.add.as_deref().unwrap_or_default();
        trouble.reason.contains("/stats/summary") && trouble.nodes == 2 && rule.contains("nodes/stats")
    };
    watched.until("a right that is missing", |status| status.answering == 2 && is_said(status)).await;
    watched.revoke(&["nodes/stats", "nodes/metrics"]);
    watched.until("no right at all", |status| status.answering == 0 && status.troubles.len() == 2).await;
    watched.revoke(&[]);
    watched.until("rights given back", |status| status.answering == 2 && status.troubles.is_empty()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_namespaces_no_kubelet_is_asked_and_that_is_said() {
    let watched = Watched::start(&["default"]).await;
    watched.until("the reason", |status| status.off.as_ref().is_some_and(|off| off.contains("--namespace"))).await;
}
