//! API server and kubelets with canned bodies, on one port: each node has its own address of this machine (127.0.0.0/8).

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use model::{HOUR, Timestamp};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream as Stream};

use crate::bodies::{self, Container, PODS};
use crate::objects::{Fleet, Stage};
use crate::{Failure, NODES};

/// Asks how often kubelets were read.
pub(crate) const READS: &str = "/reads";

/// What is answered with.
struct Canned {
    /// Objects by the path of their list.
    lists: HashMap<&'static str, Vec<Value>>,
    /// Containers of each node, by its address.
    nodes: HashMap<Ipv4Addr, Vec<Container>>,
    reads: AtomicU64,
}

/// Serves until it is killed; the first line of the output is the port.
pub(crate) fn run(nodes: usize) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).await?;
        let port = listener.local_addr()?.port();
        let canned = Arc::new(Canned::new(nodes.min(NODES), port));
        let mut out = std::io::stdout();
        writeln!(out, "{port}")?;
        out.flush()?;
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(connection(stream, canned.clone()));
        }
    })
}

/// A number that the process on a port answers with.
pub(crate) fn ask(port: u16, path: &str) -> Result<u64, Failure> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    write!(stream, "GET {path} HTTP/1.1\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.rsplit("\r\n").next().unwrap_or_default().parse()?)
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp(since.as_nanos() as i64)
}

fn address(node: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 1, (node / 250) as u8, (node % 250) as u8 + 1)
}

impl Canned {
    fn new(nodes: usize, port: u16) -> Self {
        let since = now().plus(-2 * HOUR);
        let mut fleet = Fleet::new(nodes * PODS);
        let mut pods: Vec<Value> = Vec::new();
        for minute in 0..60 {
            fleet.told(minute, Stage::Created, since);
            pods.extend(fleet.told(minute, Stage::Ready, since));
        }
        let mut of_nodes: HashMap<Ipv4Addr, Vec<Container>> = HashMap::new();
        for (place, pod) in pods.iter_mut().enumerate() {
            let node = place % nodes;
            pod["spec"]["nodeName"] = name(node).into();
            of_nodes.entry(address(node)).or_default().extend(Container::of(pod));
        }
        let (deployments, sets) = fleet.workloads(since).into_iter().partition(|object| object["kind"] == "Deployment");
        let lists = HashMap::from([
            ("/api/v1/pods", pods),
            ("/api/v1/nodes", (0..nodes).map(|node| node_object(node, port)).collect()),
            ("/apis/apps/v1/deployments", deployments),
            ("/apis/apps/v1/replicasets", sets),
        ]);
        Self { lists, nodes: of_nodes, reads: AtomicU64::new(0) }
    }

    /// The answer to a path with its query; nothing where the answer never ends.
    fn answer(&self, target: &str, to: SocketAddr) -> Option<(u16, String)> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let SocketAddr::V4(to) = to else { return Some((404, String::new())) };
        let containers = self.nodes.get(to.ip()).map(Vec::as_slice).unwrap_or_default();
        match path {
            "/metrics/cadvisor" => {
                self.reads.fetch_add(1, Ordering::Relaxed);
                Some((200, bodies::cadvisor(containers, now())))
            }
            "/stats/summary" => Some((200, bodies::summary(containers, now()))),
            READS => Some((200, self.reads.load(Ordering::Relaxed).to_string())),
            "/version" => Some((
                200,
                json!({"major": "1", "minor": "34", "gitVersion": "v1.34.0", "gitCommit": "",
                "gitTreeState": "", "buildDate": "", "goVersion": "", "compiler": "", "platform": ""})
                .to_string(),
            )),
            "/api/v1/namespaces/kube-system" => {
                Some((200, json!({"metadata": {"name": "kube-system", "uid": crate::objects::CLUSTER}}).to_string()))
            }
            _ => self.listed(path, query),
        }
    }

    fn listed(&self, path: &str, query: &str) -> Option<(u16, String)> {
        let Some(all) = self.lists.get(path) else {
            let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                "message": "the server could not find the requested resource", "reason": "NotFound", "code": 404});
            return Some((404, status.to_string()));
        };
        let word = |key: &str| query.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='));
        if word("watch").is_some() {
            return None;
        }
        let number = |key: &str, or: usize| word(key).and_then(|text| text.parse().ok()).unwrap_or(or);
        let from = number("continue", 0).min(all.len());
        let end = from.saturating_add(number("limit", all.len())).min(all.len());
        let more = if end < all.len() { end.to_string() } else { String::new() };
        let meta = json!({"resourceVersion": "88120371", "continue": more});
        Some((200, json!({"metadata": meta, "items": all[from..end]}).to_string()))
    }
}

fn name(node: usize) -> String {
    format!("ip-10-0-{node}.eu-central-1.compute.internal")
}

fn node_object(node: usize, port: u16) -> Value {
    json!({"metadata": {"name": name(node), "uid": format!("node-{node}"), "creationTimestamp": "2026-11-01T00:00:00Z",
            "labels": {"topology.kubernetes.io/zone": format!("eu-central-1{}", ["a", "b", "c"][node % 3])}},
        "status": {"conditions": [{"type": "Ready", "status": "True"}],
            "addresses": [{"type": "InternalIP", "address": address(node).to_string()}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": port}}}})
}

/// Answers one request after the other; what goes wrong ends the connection.
async fn connection(mut stream: Stream, canned: Arc<Canned>) {
    let Ok(to) = stream.local_addr() else { return };
    let (mut asked, mut piece) = (Vec::new(), [0; 4_096]);
    loop {
        while let Some(end) = asked.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&asked[..end]).into_owned();
            asked.drain(..end + 4);
            let target = head.split(' ').nth(1).unwrap_or_default();
            let answer = match canned.answer(target, to) {
                Some((status, body)) => {
                    let length = body.len();
                    format!(
                        "HTTP/1.1 {status} .\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
                    )
                }
                // A watch in which nothing happens.
                None => {
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n".into()
                }
            };
            if stream.write_all(answer.as_bytes()).await.is_err() || head.contains("connection: close") {
                return;
            }
        }
        match stream.read(&mut piece).await {
            Ok(read) if read > 0 => asked.extend_from_slice(&piece[..read]),
            _ => return,
        }
    }
}
