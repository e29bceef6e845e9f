//! The process with several clusters, and with an account of a few namespaces: each stands for itself, and what can't
//! be reached or read leaves the rest working and is named.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use simulator::{Controls, Faults, Options, Scenario, Service, Simulator};
use support::{Process, get, until};
use tokio_util::sync::{CancellationToken, DropGuard};

/// A simulated cluster; it ends with this.
struct Cluster {
    address: String,
    administrator: String,
    reader: String,
    controls: Controls,
    _guard: DropGuard,
}

impl Cluster {
    /// With Deployments, each as `namespace/name`.
    async fn start(seed: u64, deployments: &[&str]) -> Self {
        let service = |path: &&str| {
            let (namespace, name) = path.split_once('/').unwrap();
            let (namespace, name, tags) = (namespace.into(), name.into(), vec!["1".into()]);
            Service { namespace, name, image: "r/app".into(), tags, replicas: 1, ..Service::default() }
        };
        let scenario = Scenario { services: deployments.iter().map(service).collect(), ..Scenario::idle() };
        let simulator = Simulator::start(Options { seed, scenario, rate: 0.0, ..Options::default() }).await.unwrap();
        let (administrator, reader) = simulator.tokens();
        let (address, controls) = (simulator.address().to_string(), simulator.controls());
        let shutdown = CancellationToken::new();
        tokio::spawn(simulator.run(shutdown.clone()));
        Self { address, administrator, reader, controls, _guard: shutdown.drop_guard() }
    }

    /// Makes one more Deployment, as the administrator, whom faults spare.
    fn create(&self, namespace: &str, name: &str) {
        let template = json!({"metadata": {"labels": {"app": name}},
            "spec": {"containers": [{"name": "app", "image": "r/app:1"}]}});
        let spec = json!({"replicas": 1, "selector": {"matchLabels": {"app": name}}, "template": template});
        let body = json!({"metadata": {"name": name}, "spec": spec}).to_string();
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(
            stream,
            "POST /apis/apps/v1/namespaces/{namespace}/deployments HTTP/1.0\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.administrator,
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.contains(" 201 "), "{answer}");
    }
}

/// A kubeconfig with contexts, each with the address of its API server and a token.
fn kubeconfig(path: PathBuf, contexts: &[(&str, &str, &str)]) -> PathBuf {
    let each = |part: fn(&(&str, &str, &str)) -> Value| contexts.iter().map(part).collect::<Vec<_>>();
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": contexts[0].0,
        "clusters": each(|(name, address, _)| json!({"name": name, "cluster": {"server": format!("http://{address}")}})),
        "users": each(|(name, _, token)| json!({"name": name, "user": {"token": token}})),
        "contexts": each(|(name, ..)| json!({"name": name, "context": {"cluster": name, "user": name}})),
    });
    std::fs::write(&path, config.to_string()).unwrap();
    path
}

/// All services, each as its cluster and `namespace/kind/name`.
fn services(ui: &str) -> BTreeSet<(String, String)> {
    let answer = get(ui, "/api/v1/services");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
    let page: Value = serde_json::from_str(body).unwrap();
    let rows = page["items"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap());
    rows.filter_map(|id| id.split_once('/')).map(|(cluster, rest)| (cluster.to_owned(), rest.to_owned())).collect()
}

/// A page without the empty comments that mark its parts.
fn page(ui: &str, path: &str) -> String {
    get(ui, path).replace("<!>", "")
}

/// The part of the status page that is about a cluster.
fn status(ui: &str, name: &str) -> String {
    let page = page(ui, "/status");
    let cards = page.split("data-testid=\"status-cluster\"").skip(1);
    cards.filter(|card| card.contains(&format!("<h2>{name}</h2>"))).map(str::to_owned).collect()
}

/// A row of a watcher on the status page.
fn watcher(card: &str, resource: &str, namespace: &str) -> String {
    let rows = card.split("data-testid=\"status-watcher\"").skip(1);
    let is_it = |row: &&str| {
        row.contains(&format!("data-resource=\"{resource}\"")) && row.contains(&format!(">{namespace}</td>"))
    };
    rows.filter(is_it).map(|row| row.split("</tr>").next().unwrap_or(row)).collect()
}

fn named(cluster: &str, services: &[&str]) -> BTreeSet<(String, String)> {
    services.iter().map(|service| (cluster.to_owned(), (*service).to_owned())).collect()
}

fn cluster_of(services: &BTreeSet<(String, String)>, path: &str) -> String {
    services.iter().find(|(_, known)| known == path).map(|(cluster, _)| cluster.clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_clusters_are_watched_at_once_and_are_kept_apart() {
    let place = tempfile::tempdir().unwrap();
    let east = Cluster::start(1, &["shop/cart", "shop/east-only"]).await;
    let west = Cluster::start(2, &["shop/cart", "shop/west-only"]).await;
    let files = [("east", &east), ("west", &west)].map(|(name, cluster)| {
        kubeconfig(place.path().join(name), &[(name, &cluster.address, &cluster.reader)]).display().to_string()
    });
    let flags = ["--kubeconfig", &files.join(":"), "--context", "east,west"];
    let (process, ui) = Process::serve(place.path(), &flags);
    until("both clusters", || get(&ui, "/readyz").starts_with("HTTP/1.1 200"));
    let found = services(&ui);
    let (first, second) =
        (cluster_of(&found, "shop/Deployment/east-only"), cluster_of(&found, "shop/Deployment/west-only"));
    assert_ne!(first, second);
    let mut expected = named(&first, &["shop/Deployment/cart", "shop/Deployment/east-only"]);
    expected.extend(named(&second, &["shop/Deployment/cart", "shop/Deployment/west-only"]));
    assert_eq!(found, expected);
    for (id, name, other) in [(&first, "east", "west"), (&second, "west", "east")] {
        let card = status(&ui, name);
        assert!(card.contains(id.as_str()) && card.contains("connected"), "{card}");
        let page = page(&ui, &format!("/services/{id}/shop/Deployment/cart/overview"));
        assert!(page.starts_with("HTTP/1.1 200") && page.contains(&format!(">{name}<")), "{page}");
        let foreign = get(&ui, &format!("/services/{id}/shop/Deployment/{other}-only/overview"));
        assert!(foreign.starts_with("HTTP/1.1 404"), "{other}'s service is in {name}: {foreign}");
    }
    assert_eq!(process.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_cannot_be_reached_is_named_with_the_reason_and_the_other_works() {
    let place = tempfile::tempdir().unwrap();
    let (east, west) = (Cluster::start(1, &["shop/cart"]).await, Cluster::start(2, &["shop/west-only"]).await);
    west.controls.set(Faults { away: true, ..Faults::default() });
    let contexts = [
        ("east", east.address.as_str(), east.reader.as_str()),
        ("west", west.address.as_str(), west.reader.as_str()),
        ("nowhere", "127.0.0.1:1", "token"),
    ];
    let file = kubeconfig(place.path().join("kubeconfig"), &contexts);
    let flags = ["--kubeconfig", file.to_str().unwrap(), "--context", "east,west,nowhere"];
    let (process, ui) = Process::serve(place.path(), &flags);
    let is_there = |path: &str| services(&ui).iter().any(|(_, known)| known == path);
    until("the cluster that answers", || is_there("shop/Deployment/cart"));
    until("the reasons", || status(&ui, "nowhere").contains("refused") && status(&ui, "west").contains("notice warn"));
    for name in ["west", "nowhere"] {
        let card = status(&ui, name);
        assert!(card.contains("connecting"), "{card}");
        let ready = get(&ui, "/readyz");
        assert!(ready.starts_with("HTTP/1.1 503") && ready.contains(&format!("cluster {name}: ")), "{ready}");
    }
    let page = page(&ui, "/");
    assert!(page.contains("/shop/Deployment/cart") && page.contains("west: connecting"), "{page}");
    east.create("shop", "newer");
    until("what happens in the cluster that answers", || is_there("shop/Deployment/newer"));
    west.controls.set(Faults::default());
    until("the cluster that is back", || is_there("shop/Deployment/west-only"));
    assert!(status(&ui, "nowhere").contains("refused"));
    assert_eq!(process.stop(), Some(0));
}

/// Passes connections on to an address and keeps the path of every request; of HTTP/1.1 without bodies.
fn overheard(to: String) -> (String, Arc<Mutex<BTreeSet<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, paths) = (listener.local_addr().unwrap().to_string(), Arc::new(Mutex::new(BTreeSet::new())));
    let heard = paths.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut client, mut server, heard) = (stream.unwrap(), TcpStream::connect(&to).unwrap(), heard.clone());
            let (mut back, mut answers) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            std::thread::spawn(move || {
                // An end is what cut connections have, too.
                let _ = std::io::copy(&mut answers, &mut back);
                let _ = back.shutdown(std::net::Shutdown::Both);
            });
            std::thread::spawn(move || {
                let (mut buffer, mut head) = ([0; 4_096], Vec::new());
                while let Ok(count @ 1..) = client.read(&mut buffer) {
                    head.extend_from_slice(&buffer[..count]);
                    while let Some(end) = head.windows(4).position(|window| window == b"\r\n\r\n") {
                        let one: Vec<u8> = head.drain(..end + 4).collect();
                        let line = String::from_utf8_lossy(&one);
                        let target = line.split(' ').nth(1).unwrap_or_default();
                        heard.lock().unwrap().insert(target.split('?').next().unwrap_or_default().to_owned());
                    }
                    if server.write_all(&buffer[..count]).is_err() {
                        return;
                    }
                }
                let _ = server.shutdown(std::net::Shutdown::Both);
            });
        }
    });
    (address, paths)
}

/// Serves with the rights of some namespaces.
fn confined(place: &Path, address: &str, token: &str, namespaces: &str) -> (Process, String) {
    let file = kubeconfig(place.join("kubeconfig"), &[("shared", address, token)]);
    Process::serve(place, &["--kubeconfig", file.to_str().unwrap(), "--namespace", namespaces])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_of_two_namespaces_suffices_and_nothing_else_is_asked_for() {
    let place = tempfile::tempdir().unwrap();
    let cluster = Cluster::start(3, &["one/web", "two/web", "three/web"]).await;
    cluster.controls.set(Faults { confined: vec!["one".into(), "two".into()], ..Faults::default() });
    let (address, heard) = overheard(cluster.address.clone());
    let (process, ui) = confined(place.path(), &address, &cluster.reader, "one,two");
    until("both namespaces", || get(&ui, "/readyz").starts_with("HTTP/1.1 200"));
    let found = services(&ui);
    let id = cluster_of(&found, "one/Deployment/web");
    assert_eq!(found, named(&id, &["one/Deployment/web", "two/Deployment/web"]));
    assert!(!status(&ui, "shared").contains("forbidden"));
    // Logs of pods are read once pods are known.
    let is_heard = |path: &str| heard.lock().unwrap().iter().any(|known| known.starts_with(path));
    for namespace in ["one", "two"] {
        until("all that is read", || is_heard(&format!("/api/v1/namespaces/{namespace}/pods/web-")));
        assert!(is_heard(&format!("/apis/apps/v1/namespaces/{namespace}/deployments")));
    }
    let is_within = |path: &&String| {
        path.split('/').any(|part| part == "namespaces") && (path.contains("/one/") || path.contains("/two/"))
    };
    let beyond: Vec<String> =
        heard.lock().unwrap().iter().filter(|path| !is_within(path) && *path != "/version").cloned().collect();
    assert_eq!(beyond, Vec::<String>::new());

    // Without the right to read kube-system, the root certificate tells which cluster it is.
    assert!(id.starts_with("ca-"), "{id}");
    assert_eq!(process.stop(), Some(0));
    let (process, ui) = confined(place.path(), &address, &cluster.reader, "two");
    until("the restarted process", || get(&ui, "/readyz").starts_with("HTTP/1.1 200"));
    assert_eq!(cluster_of(&services(&ui), "two/Deployment/web"), id);
    assert_eq!(process.stop(), Some(0));
    let elsewhere = tempfile::tempdir().unwrap();
    let (process, ui) = confined(elsewhere.path(), &cluster.address, &cluster.reader, "two,one");
    until("a process that knows nothing", || get(&ui, "/readyz").starts_with("HTTP/1.1 200"));
    assert_eq!(services(&ui), named(&id, &["one/Deployment/web", "two/Deployment/web"]));
    assert_eq!(process.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_namespace_that_may_not_be_read_leaves_the_other_working_with_the_rule_to_add() {
    let place = tempfile::tempdir().unwrap();
    let cluster = Cluster::start(4, &["one/web", "two/web"]).await;
    cluster.controls.set(Faults { confined: vec!["two".into()], ..Faults::default() });
    let (process, ui) = confined(place.path(), &cluster.address, &cluster.reader, "one,two");
    until("what may be read", || get(&ui, "/readyz").starts_with("HTTP/1.1 200"));
    let id = cluster_of(&services(&ui), "two/Deployment/web");
    assert_eq!(services(&ui), named(&id, &["two/Deployment/web"]));
    assert!(id.starts_with("ca-"), "the certificate of the other namespace tells, too: {id}");
    let card = status(&ui, "shared");
    for resource in ["pods", "deployments.apps", "configmaps"] {
        assert!(watcher(&card, resource, "one").contains("forbidden"), "{card}");
        assert!(watcher(&card, resource, "two").contains("synced"), "{card}");
    }
    for rule in ["resources: [\"pods\"]", "resources: [\"deployments\"]"] {
        assert!(card.replace("&quot;", "\"").contains(rule), "{rule} is not in {card}");
    }
    cluster.create("two", "newer");
    until("what happens there", || services(&ui).contains(&(id.clone(), "two/Deployment/newer".to_owned())));
    cluster.controls.set(Faults::default());
    until("a right that was given", || services(&ui).contains(&(id.clone(), "one/Deployment/web".to_owned())));
    assert!(!status(&ui, "shared").contains("forbidden"));
    assert_eq!(process.stop(), Some(0));
}
