//! `kill -9` at random moments while spans, logs and points arrive: what was acknowledged is there after each restart,
//! once, and the rollups agree with the records. `BINNACLE_KILLS` says how many there are.
#![allow(clippy::unwrap_used, unreachable_pub, missing_docs, reason = "a test may")]

#[path = "kills/ledger.rs"]
mod ledger;
#[path = "kills/sender.rs"]
mod sender;
mod support;

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ledger::Ledger;
use model::{ClusterId, DAY, ServiceId, ServiceState, Timestamp};
use sender::{Sender, Signal, Wire};
use store::{ClusterRecord, Config, Keep, Store};

/// Kills, where the environment says nothing.
const KILLS: u64 = 30;
/// Longer than a start takes where much else runs.
const PATIENCE: Duration = Duration::from_secs(120);

fn id() -> ServiceId {
    ServiceId::new("c1", "shop", "Deployment", "checkout")
}

fn service() -> ServiceState {
    ServiceState {
        id: id(),
        uid: "u".into(),
        created: Timestamp(0),
        deleted: None,
        managed_by: None,
        team: None,
        aliases: Vec::new(),
        grouped: false,
        wanted: 1,
        ready: 1,
        updated: 1,
        available: 1,
        revision: None,
        revision_name: None,
        images: Vec::new(),
        short_since: None,
        down_since: None,
        grace: None,
        restarts: 0,
    }
}

async fn open(data: &Path) -> Store {
    let keep = Keep { age: 365 * DAY, bytes: 1 << 40 };
    Store::open(Config { path: data.to_owned(), raw: keep, summaries: keep }).await.unwrap()
}

/// Starts the binary; it is killed when this is dropped.
struct Process(Child);

impl Process {
    fn start(place: &Path, ports: &[SocketAddr; 3]) -> Self {
        let [ui, grpc, http] = ports.map(|port| port.to_string());
        let child = Command::new(env!("CARGO_BIN_EXE_binnacle"))
            .env_clear()
            .env("HOME", place)
            .env("LEPTOS_SITE_ROOT", support::site(place))
            .args(["--no-demo", "--listen", &ui, "--otlp-grpc", &grpc, "--otlp-http", &http, "--data"])
            .arg(place.join("data"))
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(place.join("log")).unwrap())
            .spawn()
            .expect("the binary runs");
        Self(child)
    }

    /// SIGKILL, as `Child::kill` sends; returns when nothing of it runs.
    fn kill(mut self, place: &Path) {
        if let Some(status) = self.0.try_wait().unwrap() {
            panic!("it ended by itself with {status}:\n{}", std::fs::read_to_string(place.join("log")).unwrap());
        }
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Already over after `kill`.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Ports that are free now and again after each kill.
fn free_ports() -> [SocketAddr; 3] {
    let listeners = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap())
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}

/// Looks at what a kill left, in a copy, so that the next start finds it as it is.
async fn look(place: &Path, ledger: &Ledger, since: Timestamp) {
    let copied = place.join("copy");
    copy(&place.join("data"), &copied);
    let store = open(&copied).await;
    ledger.check(&store, since).await;
    store.close().await.unwrap();
    std::fs::remove_dir_all(copied).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_there_once_after_every_kill() {
    let kills = std::env::var("BINNACLE_KILLS").map_or(KILLS, |text| text.parse().unwrap());
    let place = tempfile::tempdir().unwrap();
    let store = open(&place.path().join("data")).await;
    let mut record = ClusterRecord::new(ClusterId("c1".into()));
    record.services = vec![service()];
    store.record(record).await.unwrap();
    store.close().await.unwrap();
    drop(store);
    let ports = free_ports();
    let (ledger, over) = (Arc::new(Ledger::default()), Arc::new(AtomicBool::new(false)));
    let mut senders = Vec::new();
    for signal in Signal::ALL {
        for (wire, address) in [(Wire::Grpc, ports[1]), (Wire::Http, ports[2])] {
            let sender = Sender { signal, wire, address, ledger: Arc::clone(&ledger), over: Arc::clone(&over) };
            senders.push(tokio::spawn(sender.run()));
        }
    }
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut begins = Vec::new();
    for round in 0..kills {
        begins.push(ledger::now());
        let process = Process::start(place.path(), &ports);
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        // Mostly in the middle of the stream, now and then while it starts.
        if round % 5 != 4 {
            let (before, began) = (ledger.acknowledged(), Instant::now());
            while ledger.acknowledged() == before {
                assert!(began.elapsed() < PATIENCE, "nothing is acknowledged in round {round}");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        tokio::time::sleep(Duration::from_millis(random % 700)).await;
        process.kill(place.path());
        // Of many rounds the last few are looked at each time, and all of them now and then.
        let all = round < KILLS || round % 50 == 0;
        look(place.path(), &ledger, if all { Timestamp(0) } else { begins[begins.len() - 4] }).await;
    }
    // What was under way is sent again until it is acknowledged: then everything is there once.
    let process = Process::start(place.path(), &ports);
    over.store(true, Ordering::Release);
    for sender in senders {
        tokio::time::timeout(PATIENCE, sender).await.unwrap().unwrap();
    }
    process.kill(place.path());
    assert_eq!(ledger.pending(), 0);
    look(place.path(), &ledger, Timestamp(0)).await;
    let counts = ledger.counts();
    assert!(counts.iter().all(|count| *count as u64 >= kills), "{counts:?}");
    eprintln!("{kills} kills: {counts:?} requests of spans, logs and points acknowledged");
}
