//! Logs of pods by the API server's log stream, against the simulated cluster: what breaks goes on where it stopped,
//! what is missing is marked, and whose logs are not read is said.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::io::{Read, Write};
use std::time::{Duration, Instant, SystemTime};

use model::{LogCoverage, LogFilter, LogGap, LogLine, MINUTE, SECOND, ServiceId, Step, Timestamp, Window};
use serde_json::Value;
use simulator::{Controls, Faults, Options, Route, Scenario, Service, Simulator};
use store::{LogAsk, Store};
use tokio_util::sync::{CancellationToken, DropGuard};

/// A watched cluster with one service that talks.
struct Watched {
    store: Store,
    controls: Controls,
    address: String,
    token: String,
    _directory: tempfile::TempDir,
    _guard: DropGuard,
}

impl Watched {
    async fn start(replicas: u32, log_streams: u32) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let route = Route { name: "GET /".into(), millis: 1.0, ..Route::default() };
        let service = Service {
            name: "talker".into(),
            image: "r/talker".into(),
            tags: vec!["1".into()],
            replicas,
            routes: vec![route],
            ..Service::default()
        };
        let options = Options {
            scenario: Scenario { services: vec![service], ..Scenario::idle() },
            rate: 0.0,
            ..Options::default()
        };
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
        let source = cluster::sources(Some(&kubeconfig), &[]).unwrap().remove(0);
        let options = cluster::Options { log_streams, ..cluster::Options::default() };
        tokio::spawn(cluster::run(source, options, store.clone(), shutdown.clone()));
        Self { store, controls, address, token, _directory: directory, _guard: shutdown.drop_guard() }
    }

    fn service(&self) -> Option<ServiceId> {
        self.store.directory().services().map(|service| service.id.clone()).find(|id| id.name == "talker")
    }

    /// What is stored, oldest first.
    async fn lines(&self) -> Vec<LogLine> {
        let Some(service) = self.service() else { return Vec::new() };
        let window = Window::new(now().plus(-60 * MINUTE), now().plus(MINUTE));
        let (step, filter) = (Step(MINUTE), LogFilter::default());
        let ask = LogAsk { service, window, step, filter, after: None, limit: 100_000, count: false };
        let mut lines = self.store.telemetry().logs(ask).await.unwrap().lines;
        lines.reverse();
        lines
    }

    /// Waits until what is stored is so.
    async fn until(&self, what: &str, is: impl Fn(&[LogLine]) -> bool) -> Vec<LogLine> {
        let began = Instant::now();
        loop {
            let lines = self.lines().await;
            if is(&lines) {
                return lines;
            }
            assert!(began.elapsed() < Duration::from_secs(90), "never {what}: {:?}", lines.last());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until so much is covered.
    async fn covers(&self, wanted: LogCoverage) {
        let began = Instant::now();
        loop {
            let of_service = self.service().map(|service| self.store.log_coverage(&service)).unwrap_or_default();
            let statuses = self.store.cluster_statuses();
            if of_service == wanted && statuses.iter().all(|status| status.logs == wanted) {
                return;
            }
            assert!(
                began.elapsed() < Duration::from_secs(90),
                "wanted {wanted:?}, it is {of_service:?}, {statuses:#?}"
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Asks as the administrator, whom faults spare.
    fn ask(&self, path: &str) -> String {
        let mut stream = std::net::TcpStream::connect(&self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\nauthorization: Bearer {}\r\n\r\n", self.token).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(" 200"), "{path}: {head}");
        body.to_owned()
    }

    /// All that the only pod said within the last hour, oldest first.
    fn truth(&self) -> Vec<(Timestamp, String)> {
        let pods: Value = serde_json::from_str(&self.ask("/api/v1/pods")).unwrap();
        let metadata = &pods["items"][0]["metadata"];
        let (namespace, name) = (metadata["namespace"].as_str().unwrap(), metadata["name"].as_str().unwrap());
        let log = self.ask(&format!("/api/v1/namespaces/{namespace}/pods/{name}/log?timestamps=true"));
        let line = |line: &str| {
            let (stamp, text) = line.split_once(' ').unwrap();
            let at: jiff::Timestamp = stamp.parse().unwrap();
            (Timestamp(i64::try_from(at.as_nanosecond()).unwrap()), text.to_owned())
        };
        log.lines().map(line).collect()
    }

    /// Whether every line that was said between the first and the last that is stored is stored once, but for those
    /// within a gap; gives how many are missing.
    fn is_whole(&self, lines: &[LogLine]) -> usize {
        let gaps = gaps(lines);
        let said: Vec<(Timestamp, String)> =
            lines.iter().filter(|line| LogGap::of(line).is_none()).map(|line| (line.at, line.body.clone())).collect();
        let truth = self.truth();
        let between = truth.iter().filter(|(at, _)| (said[0].0..=said[said.len() - 1].0).contains(at));
        let (missing, kept): (Vec<_>, Vec<_>) =
            between.cloned().partition(|(at, _)| gaps.iter().any(|gap| gap.from < *at && *at < gap.to));
        let differs = said.iter().zip(&kept).find(|(said, kept)| said != kept);
        assert!(differs.is_none() && said.len() == kept.len(), "{differs:?}, {} of {}", said.len(), kept.len());
        missing.len()
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Timestamp(i64::try_from(since.as_nanos()).unwrap())
}

fn gaps(lines: &[LogLine]) -> Vec<LogGap> {
    lines.iter().filter_map(LogGap::of).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_broke_goes_on_where_it_stopped_and_what_is_missing_is_marked() {
    let watched = Watched::start(1, 10).await;
    let before = watched.until("lines", |lines| lines.len() > 3).await.len();
    watched.controls.drop_connections();
    let lines = watched.until("more lines", |lines| lines.len() > before + 3).await;
    assert_eq!((gaps(&lines), watched.is_whole(&lines)), (Vec::new(), 0), "the log still had the last line");

    watched.controls.set(Faults { away: true, ..Faults::default() });
    let is_old = |lines: &[LogLine]| lines.last().is_some_and(|line| now().since(line.at) > 6 * SECOND);
    let before = watched.until("silence", is_old).await;
    watched.controls.set(Faults { log_seconds: 1.0, ..Faults::default() });
    let goes_on = |lines: &[LogLine]| {
        let last = lines.last().is_some_and(|line| LogGap::of(line).is_none());
        last && !gaps(lines).is_empty()
    };
    let lines = watched.until("a gap and lines after it", goes_on).await;
    watched.controls.set(Faults::default());
    let [gap] = &gaps(&lines)[..] else { panic!("{:?}", gaps(&lines)) };
    let after = lines.iter().find(|line| line.at >= gap.to).unwrap();
    assert_eq!((gap.from, gap.to), (before[before.len() - 1].at, after.at));
    assert_eq!(gap.reason, "stream was lost");
    assert!(watched.is_whole(&lines) > 0, "within the gap something was said");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pods_whose_logs_are_not_read_are_counted_with_the_reason() {
    let watched = Watched::start(3, 2).await;
    let wanted = LogCoverage { pods: 3, read: 2, beyond: 1, streams: 2, ..LogCoverage::default() };
    watched.covers(wanted).await;
    watched.controls.set(Faults { revoked: vec!["pods/log".into()], ..Faults::default() });
    watched.controls.drop_connections();
    watched.covers(LogCoverage { read: 0, refused: 2, ..wanted }).await;
    watched.controls.set(Faults::default());
    watched.covers(wanted).await;
}
