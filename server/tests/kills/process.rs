//! The binary as a process, a service to send to, and a look at what it left.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use model::{ClusterId, DAY, ServiceId, ServiceState, Timestamp};
use store::{ClusterRecord, Config, Keep, Store};

use super::ledger::Ledger;
use super::support;

/// Longer than a start takes where much else runs.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Whose telemetry is sent.
pub fn id() -> ServiceId {
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

/// Makes a data directory that knows the service.
pub async fn prepare(place: &Path) {
    let store = open(&place.join("data")).await;
    let mut record = ClusterRecord::new(ClusterId("c1".into()));
    record.services = vec![service()];
    store.record(&record).await.unwrap();
    store.close().await.unwrap();
}

/// Starts the binary; it is killed when this is dropped.
pub struct Process(Child);

impl Process {
    /// With these flags beside those for its ports and its data.
    pub fn start(place: &Path, ports: &[SocketAddr; 3], flags: &[&str]) -> Self {
        Self::start_in(&[], place, ports, flags)
    }

    /// With this in its environment, too.
    pub fn start_in(environment: &[(&str, &Path)], place: &Path, ports: &[SocketAddr; 3], flags: &[&str]) -> Self {
        let [ui, grpc, http] = ports.map(|port| port.to_string());
        let child = Command::new(env!("CARGO_BIN_EXE_binnacle"))
            .env_clear()
            .envs(environment.iter().copied())
            .env("HOME", place)
            .env("LEPTOS_SITE_ROOT", support::site(place))
            .args(["--no-demo", "--listen", &ui, "--otlp-grpc", &grpc, "--otlp-http", &http, "--data"])
            .arg(place.join("data"))
            .args(flags)
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(place.join("log")).unwrap())
            .spawn()
            .expect("the binary runs");
        Self(child)
    }

    /// Its id.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Whether it runs.
    pub fn runs(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }

    /// SIGKILL, as `Child::kill` sends; returns when nothing of it runs.
    pub fn kill(mut self, place: &Path) {
        if let Some(status) = self.0.try_wait().unwrap() {
            panic!("it ended by itself with {status}:\n{}", std::fs::read_to_string(place.join("log")).unwrap());
        }
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Waits until somebody else killed it.
    pub async fn killed(mut self, place: &Path) {
        until("it is killed", || !self.runs()).await;
        let status = self.0.wait().unwrap();
        let log = || std::fs::read_to_string(place.join("log")).unwrap();
        assert_eq!(status.signal(), Some(9), "it ended by itself with {status}:\n{}", log());
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
pub fn free_ports() -> [SocketAddr; 3] {
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
pub async fn look(place: &Path, ledger: &Ledger, since: Timestamp) {
    let copied = place.join("copy");
    copy(&place.join("data"), &copied);
    let store = open(&copied).await;
    ledger.check(&store, since).await;
    store.close().await.unwrap();
    std::fs::remove_dir_all(copied).unwrap();
}

/// Asks once, with a request line and headers, and a body; the answer in lower case, or nothing where there is none.
pub fn ask(address: SocketAddr, head: &str, body: &[u8]) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    let length = body.len();
    let head = format!("{head}\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).ok()?;
    // An early answer may close the connection before all is written.
    let _ = stream.write_all(body);
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    (read.is_ok() || !answer.is_empty()).then(|| String::from_utf8_lossy(&answer).to_ascii_lowercase())
}

/// The status of an answer over HTTP.
pub fn status_of(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
}

/// Waits until something is so.
pub async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "it never came to be so: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
