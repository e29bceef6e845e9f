//! What an API server and a network can do to a watcher, against the simulated cluster: the store equals the truth
//! again soon after, no view is ever empty or half, and what is wrong is said while it is.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::time::{Duration, Instant};

use model::{Connection, PodPhase, WatchState};
use serde_json::{Value, json};
use simulator::{Controls, Faults, Options, Scenario, Service, Simulator};
use store::Store;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Workloads that are there from the start and never change.
const STEADY: usize = 6;
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";

/// A watched cluster with its truth beside it.
struct Watched {
    store: Store,
    controls: Controls,
    address: String,
    token: String,
    _directory: tempfile::TempDir,
    _guard: DropGuard,
}

/// Services with their ready pods, in words that both sides can say.
type View = BTreeMap<String, BTreeSet<String>>;

impl Watched {
    async fn start() -> Self {
        Self::start_by(|source| source).await
    }

    async fn start_by(reach: fn(cluster::Source) -> cluster::Source) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let steady = |index| Service {
            name: format!("steady-{index}"),
            image: "r/steady".into(),
            tags: vec!["1".into()],
            replicas: 2,
            ..Service::default()
        };
        let scenario = Scenario { services: (0..STEADY).map(steady).collect(), ..Scenario::idle() };
        let options = Options { scenario, rate: 0.0, ..Options::default() };
        let simulator = Simulator::start(options).await.unwrap();
        let kubeconfig = directory.path().join("kubeconfig");
        std::fs::write(&kubeconfig, simulator.kubeconfig()).unwrap();
        let (address, (token, _)) = (simulator.address().to_string(), simulator.tokens());
        let controls = simulator.controls();
        let keep = store::Keep { age: model::DAY, bytes: 1_000_000_000 };
        let config = store::Config { path: directory.path().join("data"), raw: keep, summaries: keep };
        let store = Store::open(config).await.unwrap();
        let shutdown = CancellationToken::new();
        tokio::spawn(simulator.run(shutdown.clone()));
        let watched =
            Self { store, controls, address, token, _directory: directory, _guard: shutdown.clone().drop_guard() };
        let source = reach(cluster::sources(Some(&kubeconfig), &[]).unwrap().remove(0));
        tokio::spawn(cluster::run(source, cluster::Options::default(), watched.store.clone(), shutdown));
        watched.agrees("the first lists", Duration::from_secs(30)).await;
        watched
    }

    /// Asks as the administrator, whom faults spare.
    fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let kind = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
        let mut stream = std::net::TcpStream::connect(&self.address).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nauthorization: Bearer {}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n{body}",
            self.token,
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(" 20"), "{method} {path}: {head}");
        serde_json::from_str(body).unwrap()
    }

    fn create(&self, name: &str) {
        let template = json!({"metadata": {"labels": {"app": name}},
            "spec": {"containers": [{"name": "app", "image": format!("r/{name}:1")}]}});
        let spec = json!({"replicas": 2, "selector": {"matchLabels": {"app": name}}, "template": template});
        self.ask("POST", DEPLOYMENTS, Some(json!({"metadata": {"name": name}, "spec": spec})));
    }

    /// Things come, roll and go.
    fn change(&self, round: usize) {
        self.create(&format!("brief-{round}"));
        if let Some(before) = round.checked_sub(1) {
            let image = json!([{"name": "app", "image": format!("r/x:{round}")}]);
            let path = format!("{DEPLOYMENTS}/brief-{before}");
            self.ask("PATCH", &path, Some(json!({"spec": {"template": {"spec": {"containers": image}}}})));
        }
        if let Some(before) = round.checked_sub(2) {
            self.ask("DELETE", &format!("{DEPLOYMENTS}/brief-{before}"), None);
        }
    }

    fn truth(&self) -> View {
        let deployments = self.ask("GET", DEPLOYMENTS, None);
        let names = deployments["items"].as_array().unwrap().iter();
        let mut view: View = names.map(|it| (word(&it["metadata"]["name"]), BTreeSet::new())).collect();
        let pods = self.ask("GET", "/api/v1/namespaces/default/pods", None);
        for pod in pods["items"].as_array().unwrap() {
            let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
            let mut ready = conditions.filter(|it| it["type"] == "Ready" && it["status"] == "True");
            let serves = pod["metadata"].get("deletionTimestamp").is_none() && ready.next().is_some();
            if let Some(pods) = view.get_mut(&word(&pod["metadata"]["labels"]["app"])).filter(|_| serves) {
                pods.insert(word(&pod["metadata"]["name"]));
            }
        }
        view
    }

    fn view(&self) -> View {
        let directory = self.store.directory();
        let services = directory.services().filter(|service| service.deleted.is_none());
        services
            .map(|service| {
                let pods = directory
                    .pods(&service.id)
                    .iter()
                    .filter(|pod| pod.ended.is_none() && pod.phase == PodPhase::Ready);
                (service.id.name.clone(), pods.map(|pod| pod.name.to_string()).collect())
            })
            .collect()
    }

    /// Waits until the store equals the truth.
    async fn agrees(&self, after: &str, within: Duration) {
        let began = Instant::now();
        loop {
            let (truth, view) = (self.truth(), self.view());
            if truth == view && !truth.is_empty() {
                return;
            }
            assert!(began.elapsed() < within, "after {after}: the store has {view:?}, the cluster {truth:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// For as long as something goes wrong, things change and what stays is always there.
    async fn endure(&self, faults: Faults, rounds: usize) -> Vec<Connection> {
        self.controls.set(faults);
        let mut said = Vec::new();
        for round in 0..rounds * 10 {
            if round % 10 == 0 {
                self.change(round / 10);
            }
            let view = self.view();
            let steady = view.iter().filter(|(name, pods)| name.starts_with("steady") && pods.len() == 2);
            assert_eq!(steady.count(), STEADY, "a view was half: {view:?}");
            said.extend(self.store.cluster_statuses().into_iter().map(|status| status.connection));
            said.dedup();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.controls.set(Faults::default());
        said
    }

    /// How often each kind was listed, at most.
    fn lists(&self) -> u64 {
        let watchers = self.store.cluster_statuses().into_iter().flat_map(|status| status.watchers);
        watchers.map(|watcher| watcher.lists).max().unwrap_or(0)
    }
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Beyond this a backoff was not cut short.
const SOON: Duration = Duration::from_secs(30);

fn is_trouble(said: &Connection) -> bool {
    matches!(said, Connection::Lost { .. } | Connection::Connecting { .. })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forgotten_history_is_listed_again_and_not_too_often() {
    let watched = Watched::start().await;
    let before = watched.lists();
    watched.endure(Faults { gone_every: 0.4, ..Faults::default() }, 8).await;
    let lists = watched.lists() - before;
    watched.agrees("410s", SOON).await;
    assert!(lists <= 5, "ten times forgotten, {lists} times listed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_cut_again_and_again_lose_nothing() {
    let watched = Watched::start().await;
    watched.endure(Faults { drop_every: 0.3, ..Faults::default() }, 6).await;
    watched.agrees("cut connections", SOON).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn storms_of_refusals_pass() {
    for storm_status in [429, 500] {
        let watched = Watched::start().await;
        watched.endure(Faults { storm: 0.8, storm_status, drop_every: 0.5, ..Faults::default() }, 6).await;
        watched.agrees("a storm", SOON).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doubled_events_and_half_pages_show_nothing_twice_or_half() {
    let watched = Watched::start().await;
    let faults = Faults { duplicates: 0.5, half_pages: 0.5, gone_every: 0.5, ..Faults::default() };
    watched.endure(faults, 6).await;
    watched.agrees("half pages", SOON).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_server_that_is_away_is_said_to_be_and_found_again() {
    let watched = Watched::start().await;
    let began = Instant::now();
    // How soon it is missed depends on when it is asked again.
    while !watched.endure(Faults { away: true, ..Faults::default() }, 8).await.iter().any(is_trouble) {
        assert!(began.elapsed() < Duration::from_secs(30), "it was away and not missed");
    }
    watched.agrees("absence", SOON).await;
    let statuses = watched.store.cluster_statuses();
    assert!(statuses.iter().all(|status| !is_trouble(&status.connection)), "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rights_that_are_taken_away_are_named_and_work_again_when_given_back() {
    let watched = Watched::start().await;
    let revoked = vec!["configmaps".to_owned(), "nodes".to_owned()];
    let forbidden = || {
        let statuses = watched.store.cluster_statuses();
        let watchers = statuses.into_iter().flat_map(|status| status.watchers);
        let mut denied: Vec<_> = watchers
            .filter(|watcher| matches!(watcher.state, WatchState::Forbidden { .. }))
            .map(|watcher| watcher.resource)
            .collect();
        denied.sort();
        denied
    };
    watched.controls.set(Faults { revoked, ..Faults::default() });
    watched.controls.drop_connections();
    let began = Instant::now();
    while forbidden() != ["configmaps", "nodes"] {
        assert!(began.elapsed() < Duration::from_secs(60), "rights were taken away and not missed: {:?}", forbidden());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    watched.change(0);
    watched.controls.set(Faults::default());
    watched.agrees("a revocation", SOON).await;
    let began = Instant::now();
    while !forbidden().is_empty() {
        assert!(began.elapsed() < Duration::from_secs(35), "rights were given back and not noticed");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_half_open_is_given_up() {
    let watched = Watched::start_by(|source| source.with_watches(3)).await;
    watched.endure(Faults { half_open: true, ..Faults::default() }, 6).await;
    watched.agrees("half-open connections", SOON).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "as long as it takes where nothing is shortened: `make soak`"]
async fn a_connection_that_is_half_open_is_given_up_after_a_minute() {
    let watched = Watched::start().await;
    watched.endure(Faults { half_open: true, ..Faults::default() }, 6).await;
    watched.agrees("half-open connections", Duration::from_secs(65)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a minute: `make soak`"]
async fn history_that_is_forgotten_every_five_seconds_for_a_minute_is_listed_six_times_at_most() {
    let watched = Watched::start().await;
    let before = watched.lists();
    watched.endure(Faults { gone_every: 5.0, ..Faults::default() }, 120).await;
    let lists = watched.lists() - before;
    watched.agrees("a minute of 410s", Duration::from_secs(65)).await;
    assert!((1..=6).contains(&lists), "{lists} times listed in a minute");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes ten minutes: `make soak`"]
async fn an_api_server_that_is_away_for_ten_minutes_is_found_again() {
    let watched = Watched::start().await;
    let said = watched.endure(Faults { away: true, ..Faults::default() }, 1_200).await;
    assert!(said.iter().any(is_trouble), "{said:?}");
    // Who is away for long is asked more rarely.
    watched.agrees("ten minutes of absence", Duration::from_secs(65)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_wrong_by_a_minute_changes_nothing() {
    for skew in [60.0, -60.0] {
        let watched = Watched::start().await;
        watched.endure(Faults { skew, ..Faults::default() }, 4).await;
        watched.agrees("a wrong clock", SOON).await;
    }
}
