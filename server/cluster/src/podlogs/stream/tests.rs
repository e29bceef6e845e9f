//! A log read as the API server gives it, with breaks and cuts.

use std::sync::LazyLock;

use futures::io::{AsyncReadExt, BufReader, Cursor};
use model::{ClusterId, LogLine, PodId, PodState, ServiceId};
use store::ClusterRecord;

use super::*;
use crate::fixtures;
use crate::podlogs::plan::Plan;

/// An hour ago: a log's last line is looked for within a day.
static START: LazyLock<i64> = LazyLock::new(|| crate::run::now().seconds() - 3_600);

/// A store that knows a pod, and its container.
async fn known(folder: &std::path::Path) -> (Store, Target) {
    let keep = store::Keep { age: model::DAY, bytes: 1_000_000_000 };
    let config = store::Config { path: folder.to_owned(), raw: keep, summaries: keep };
    let store = Store::open(config).await.unwrap();
    let service = ServiceId::new("c", "shop", "Deployment", "cart");
    let mut record = ClusterRecord::new(ClusterId("c".into()));
    let id = PodId("u1".into());
    record.pods = [PodState { id: id.clone(), ..fixtures::pod("cart", "cart-1") }].map(std::sync::Arc::new).into();
    store.record(&record).await.unwrap();
    let (namespace, pod) = ("shop".into(), "cart-1".into());
    (store, Target { service: service.into(), namespace, pod, uid: id, container: "app".into() })
}

/// What the API server tells: a line a second of the start, and how it ends.
fn log(seconds: impl IntoIterator<Item = i64>) -> String {
    let line = |second| format!("{} line {second}\n", jiff::Timestamp::from_second(*START + second).unwrap());
    seconds.into_iter().map(line).collect()
}

/// A log that is asked for anew.
async fn read(reader: &mut Reader, log: String) {
    reader.begin();
    assert_eq!(reader.read(BufReader::new(Cursor::new(log))).await, Standing::Read);
}

/// What is stored, oldest first: lines by what they say, gaps by their seconds.
async fn stored(store: &Store, target: &Target) -> Vec<String> {
    let from = Timestamp::from_seconds(*START);
    let ask = LogAsk {
        service: (*target.service).clone(),
        window: Window::new(from.plus(-MINUTE), from.plus(60 * MINUTE)),
        step: Step(MINUTE),
        filter: LogFilter::default(),
        after: None,
        limit: 100_000,
        count: true,
    };
    let found = store.telemetry().logs(ask).await.unwrap();
    let counted: u64 = found.levels.values().flat_map(|cells| cells.values()).sum();
    let lines = found.lines.iter().filter(|line| LogGap::of(line).is_none()).count();
    assert_eq!(counted, lines as u64, "gaps are no lines");
    let second = |at: Timestamp| at.seconds() - *START;
    let say = |line: &LogLine| match LogGap::of(line) {
        Some(gap) => format!("{}-{} {}", second(gap.from), second(gap.to), gap.reason),
        None => line.body.clone(),
    };
    found.lines.iter().rev().map(say).collect()
}

#[tokio::test]
async fn what_the_log_no_longer_has_is_a_gap_and_nothing_comes_twice() {
    let folder = tempfile::tempdir().unwrap();
    let (store, target) = known(folder.path()).await;
    let mut reader = Reader::new(store.clone(), target.clone(), Places::default());
    read(&mut reader, log(0..3)).await;
    read(&mut reader, log(2..4)).await;
    let whole = ["line 0", "line 1", "line 2", "line 3"];
    assert_eq!(stored(&store, &target).await, whole, "the log still had the last line");
    read(&mut reader, String::new()).await;
    assert_eq!(stored(&store, &target).await, whole, "silence is no gap");
    read(&mut reader, log([90, 91])).await;
    let mut all = whole.to_vec();
    all.extend(["3-90 stream was lost", "line 90", "line 91"]);
    assert_eq!(stored(&store, &target).await, all);
    // Binnacle begins again: the last line is known by the store.
    let mut reader = Reader::new(store.clone(), target.clone(), Places::default());
    reader.place = reader.stored().await;
    read(&mut reader, log([91, 92])).await;
    all.push("line 92");
    assert_eq!(stored(&store, &target).await, all);
    let mut reader = Reader::new(store.clone(), target.clone(), Places::default());
    reader.place = reader.stored().await;
    read(&mut reader, log([99])).await;
    all.extend(["92-99 stream was lost", "line 99"]);
    assert_eq!(stored(&store, &target).await, all);
}

#[tokio::test]
async fn the_run_before_closes_the_gap_to_this_one() {
    let folder = tempfile::tempdir().unwrap();
    let (store, target) = known(folder.path()).await;
    let mut reader = Reader::new(store.clone(), target.clone(), Places::default());
    read(&mut reader, log(0..2)).await;
    reader.begin();
    // The container ended and began again meanwhile.
    for run in [log(1..3), log(10..12)] {
        reader.read(BufReader::new(Cursor::new(run))).await;
    }
    assert_eq!(stored(&store, &target).await, ["line 0", "line 1", "line 2", "line 10", "line 11"]);
}

#[tokio::test]
async fn what_came_too_fast_is_a_gap_with_its_count() {
    let folder = tempfile::tempdir().unwrap();
    let (store, target) = known(folder.path()).await;
    let places = Places::default();
    let mut reader = Reader::new(store.clone(), target.clone(), places.clone());
    reader.allowance = 2.0;
    read(&mut reader, log(0..5)).await;
    reader.allowance = 1.0;
    read(&mut reader, log(4..6)).await;
    let all = ["line 0", "line 1", "2-4 3 lines left out, over 500 a second", "line 5"];
    assert_eq!(stored(&store, &target).await, all);
    assert_eq!(places.left_out().get(&target.service), Some(&3));
}

#[tokio::test]
async fn a_stream_that_breaks_is_lost_and_what_came_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (store, target) = known(folder.path()).await;
    let mut reader = Reader::new(store.clone(), target.clone(), Places::default());
    let broken = Cursor::new(log(0..2)).chain(Broken);
    assert_eq!(reader.read(BufReader::new(broken)).await, Standing::Lost);
    assert_eq!(stored(&store, &target).await, ["line 0", "line 1"]);
    reader.places.stands(&target, Standing::Lost);
    let lost = reader.places.keep(&Plan::default());
    assert_eq!(lost, [(target.clone(), Timestamp::from_seconds(*START + 1))]);
    let gap = LogGap { from: lost[0].1, to: lost[0].1.plus(5 * model::SECOND), reason: "gone".into() };
    mark(store.clone(), target.clone(), gap).await;
    assert_eq!(stored(&store, &target).await, ["line 0", "line 1", "1-6 gone"]);
}

struct Broken;

impl futures::AsyncRead for Broken {
    fn poll_read(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        _: &mut [u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        std::task::Poll::Ready(Err(std::io::ErrorKind::ConnectionReset.into()))
    }
}
