//! What was sent and what was acknowledged, and whether a store has it: all of each request or nothing, once.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use model::{Aggregation, MINUTE, MetricQuery, Step, Timestamp, Window};
use store::{By, LogAsk, MetricAsk, RedQuery, SpanAsk, Store};

use super::process::id;
use super::sender::{RECORDS, Signal};

/// The clock's time.
pub fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp(since.as_nanos() as i64)
}

/// When a request was made, and whether it was acknowledged.
#[derive(Debug, Clone, Copy)]
struct Request {
    at: Timestamp,
    acknowledged: bool,
}

/// See the module.
#[derive(Default)]
pub struct Ledger {
    requests: Mutex<BTreeMap<Signal, Vec<Request>>>,
}

impl Ledger {
    fn requests(&self) -> MutexGuard<'_, BTreeMap<Signal, Vec<Request>>> {
        self.requests.lock().unwrap()
    }

    /// The number of a request that is about to be sent.
    pub fn begin(&self, signal: Signal, at: Timestamp) -> u64 {
        let mut requests = self.requests();
        let own = requests.entry(signal).or_default();
        own.push(Request { at, acknowledged: false });
        own.len() as u64 - 1
    }

    pub fn acknowledge(&self, signal: Signal, number: u64) {
        self.requests().get_mut(&signal).unwrap()[number as usize].acknowledged = true;
    }

    /// Requests of each signal that were acknowledged.
    pub fn counts(&self) -> Vec<usize> {
        self.requests().values().map(|own| own.iter().filter(|request| request.acknowledged).count()).collect()
    }

    pub fn acknowledged(&self) -> usize {
        self.counts().iter().sum()
    }

    pub fn pending(&self) -> usize {
        self.requests().values().flatten().filter(|request| !request.acknowledged).count()
    }

    /// Compares what was sent since a time with what a store has.
    pub async fn check(&self, store: &Store, since: Timestamp) {
        // Before the store is read: what is acknowledged later is none of its business.
        let sent = self.requests().clone();
        let window = Window::new(since, now().plus(MINUTE));
        let spans = count(spans(store, window).await);
        compare("spans", &sent[&Signal::Spans], since, &spans);
        let logs = count(lines(store, window).await);
        compare("lines", &sent[&Signal::Logs], since, &logs);
        let found = |counts: &BTreeMap<u64, u64>| counts.values().sum::<u64>();
        if since.0 > 0 {
            return;
        }
        let status = store.status().await.unwrap();
        assert_eq!((status.spans, status.logs), (found(&spans), found(&logs)), "totals");
        let own = &sent[&Signal::Points];
        let least = own.iter().filter(|request| request.acknowledged).count() as u64 * RECORDS;
        let most = own.len() as u64 * RECORDS;
        assert!((least..=most).contains(&status.points), "{least} ≤ {} ≤ {most} points", status.points);
        assert_eq!(status.points % RECORDS, 0, "a request of points is there in part");
        self.agree(
            store,
            own.first().map_or(now(), |request| request.at),
            [found(&spans), found(&logs), status.points],
        )
        .await;
    }

    /// Rollups and points, over the time since the first request, against the records.
    async fn agree(&self, store: &Store, since: Timestamp, [spans, logs, points]: [u64; 3]) {
        let (telemetry, step) = (store.telemetry(), Step(MINUTE));
        let window = Window::new(since.plus(-MINUTE), now().plus(MINUTE));
        let ask = RedQuery { services: Some(vec![id()]), window, step, by: By::Service };
        let rows = telemetry.red(ask).await.unwrap();
        let requests: f64 = rows.iter().flat_map(|row| &row.cells).map(|(_, red)| red.requests).sum();
        assert_eq!(requests, spans as f64, "rollups of requests");
        let patterns = telemetry.log_counts(&id(), window, step).await.unwrap();
        let counted: u64 = patterns.iter().flat_map(|pattern| &pattern.cells).map(|(_, _, count)| count).sum();
        assert_eq!(counted, logs, "rollups of lines");
        let query = MetricQuery {
            name: "orders".into(),
            filter: Vec::new(),
            by: Vec::new(),
            aggregation: Aggregation::Sum,
            rate: false,
        };
        let ask = MetricAsk { service: id(), window, step, query, limit: 10 };
        let found = telemetry.metric(ask).await.unwrap();
        let sum: f64 = found.series.iter().flat_map(|series| series.points.iter().flatten()).sum();
        assert_eq!(sum, points as f64, "the sum of all points");
    }
}

/// The numbers of requests whose spans are found, each as often as there are spans.
async fn spans(store: &Store, window: Window) -> Vec<u64> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let ask = SpanAsk {
            service: id(),
            window,
            filter: model::SpanFilter::default(),
            all_kinds: false,
            order: model::SpanOrder::Newest,
            after,
            limit: 5_000,
            plot: false,
        };
        let page = store.telemetry().spans(ask).await.unwrap();
        assert_eq!(page.covered_from, None, "the machine is too slow for this test");
        found.extend(page.spans.iter().map(|span| (u128::from_be_bytes(span.trace.0) - 1) as u64));
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

/// The numbers of requests whose lines are found, each as often as there are lines.
async fn lines(store: &Store, window: Window) -> Vec<u64> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let filter = model::LogFilter::default();
        let ask = LogAsk { service: id(), window, step: Step(MINUTE), filter, after, limit: 5_000, count: false };
        let page = store.telemetry().logs(ask).await.unwrap();
        assert_eq!(page.covered_from, None, "the machine is too slow for this test");
        let number = |line: &model::LogLine| line.body.split('-').next().unwrap().parse::<u64>().unwrap();
        found.extend(page.lines.iter().map(number));
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

fn count(numbers: Vec<u64>) -> BTreeMap<u64, u64> {
    let mut counts = BTreeMap::new();
    numbers.into_iter().for_each(|number| *counts.entry(number).or_default() += 1);
    counts
}

fn compare(what: &str, sent: &[Request], since: Timestamp, found: &BTreeMap<u64, u64>) {
    for (number, request) in sent.iter().enumerate().filter(|(_, request)| request.at >= since) {
        let count = found.get(&(number as u64)).copied().unwrap_or_default();
        let expected = request.acknowledged || count > 0;
        assert_eq!(count, if expected { RECORDS } else { 0 }, "{what} of request {number}, {request:?}");
    }
    assert!(found.keys().all(|number| *number < sent.len() as u64), "{what} that nobody sent");
}
