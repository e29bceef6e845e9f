//! What a large cluster's kubelets cost: 1,000 nodes of 50 pods are watched and read as they always are, every 15 s, and
//! stored. API server and kubelets are a process of their own that answers with canned bodies; only this one is counted.
//! `cargo run --release -p cluster --example kubelets -- SECONDS NODES`.
#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "an example may")]

mod bodies;
#[allow(dead_code, reason = "that example's fleet comes and goes, this one stays")]
#[path = "../churn/objects.rs"]
mod objects;
mod serve;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use model::{DAY, Timestamp};
use store::{Keep, Store};
use tokio_util::sync::CancellationToken;

// As the server has it: of memory this is about how much is given back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The cluster that is asked for, how often its kubelets are read, and what that may take.
const NODES: usize = 1_000;
const INTERVAL: Duration = Duration::from_secs(15);
const CORES: f64 = 1.0;
const MEGABYTES: f64 = 512.0;
/// As often as the server does.
const MAINTENANCE: Duration = Duration::from_secs(60);

fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().collect();
    let number = |place: usize, or: usize| words.get(place).and_then(|text| text.parse().ok()).unwrap_or(or);
    if words.get(1).is_some_and(|word| word == "serve") {
        return serve::run(number(2, NODES));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(measure(Duration::from_secs(number(1, 90) as u64), number(2, NODES)))
}

/// The process that answers, until this one is over.
struct Cluster {
    child: Child,
    port: u16,
}

impl Cluster {
    fn start(nodes: usize) -> Result<Self, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        let mut child = command.args(["serve", &nodes.to_string()]).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        Ok(Self { child, port: line.trim().parse()? })
    }

    /// How often kubelets were read.
    fn reads(&self) -> Result<u64, Failure> {
        serve::ask(self.port, serve::READS)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // It may be over already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn measure(length: Duration, nodes: usize) -> Result<(), Failure> {
    let cluster = Cluster::start(nodes)?;
    let folder = tempfile::tempdir()?;
    let keep = |age| Keep { age, bytes: 100_000_000_000 };
    let (raw, summaries) = (keep(7 * DAY), keep(90 * DAY));
    let store = Store::open(store::Config { path: folder.path().join("data"), raw, summaries }).await?;
    let kubeconfig = folder.path().join("kubeconfig");
    std::fs::write(&kubeconfig, kubeconfig_of(cluster.port))?;
    let source = cluster::sources(Some(&kubeconfig), &[])?.remove(0);
    let kubelets = cluster::KubeletOptions { interval: INTERVAL, insecure_tls: false, authority: None };
    let options = cluster::Options { kubelets: Some(kubelets), log_streams: 0, ..cluster::Options::default() };
    let shutdown = CancellationToken::new();
    let watching = tokio::spawn(cluster::run(source, options, store.clone(), shutdown.clone()));
    tokio::spawn(maintain(store.clone()));
    until_read(&store, nodes).await?;

    let (began, cpu, reads) = (Instant::now(), cpu()?, cluster.reads()?);
    let mut most: f64 = 0.0;
    while began.elapsed() < length {
        tokio::time::sleep(Duration::from_secs(1)).await;
        most = most.max(resident()?);
    }
    let (spent, reads) = (self::cpu()? - cpu, cluster.reads()? - reads);
    shutdown.cancel();
    let _ = watching.await;

    // Beside others it may be slower than it would like: what a read costs is counted, not how long it takes.
    let a_second = nodes as f64 / INTERVAL.as_secs_f64();
    let cores = spent / reads as f64 * a_second;
    let real = reads as f64 / began.elapsed().as_secs_f64();
    println!(
        "{nodes} nodes of {} pods every 15 s: {cores:.2} cores (target {CORES}), {most:.0} MB resident (target \
         {MEGABYTES:.0} MB), {:.1} ms of CPU a node, {real:.0} of {a_second:.0} nodes a second: {}",
        bodies::PODS,
        spent / reads as f64 * 1e3,
        if cores <= CORES && most <= MEGABYTES { "met" } else { "missed" }
    );
    Ok(())
}

/// Waits until every kubelet has answered.
async fn until_read(store: &Store, nodes: usize) -> Result<(), Failure> {
    loop {
        let status = store.cluster_statuses().into_iter().next().map(|cluster| cluster.kubelets);
        if status.is_some_and(|status| status.answering as usize == nodes) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn maintain(store: Store) {
    let mut tick = tokio::time::interval(MAINTENANCE);
    loop {
        tick.tick().await;
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        if let Err(error) = store.maintain(Timestamp(now.as_nanos() as i64)).await {
            println!("maintenance failed: {error}");
        }
    }
}

fn kubeconfig_of(port: u16) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: canned\ncontexts:\n- name: canned\n  context: {{cluster: canned, \
         user: nobody}}\nclusters:\n- name: canned\n  cluster: {{server: \"http://127.0.0.1:{port}\"}}\nusers:\n- name: \
         nobody\n  user: {{}}\n"
    )
}

/// Seconds of processor time of this process (proc(5): user and system time in hundredths).
fn cpu() -> Result<f64, Failure> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let after = stat.rsplit_once(')').ok_or("no stat")?.1;
    let ticks = after.split_whitespace().skip(11).take(2).map(str::parse::<f64>).sum::<Result<f64, _>>()?;
    Ok(ticks / 100.0)
}

/// Megabytes of this process that are in memory.
fn resident() -> Result<f64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").trim().parse::<f64>()? * 1_024.0 / 1e6)
}
