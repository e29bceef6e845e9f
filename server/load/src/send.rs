//! The run: requests are made ahead on a thread of their own, so that no connection waits for them, and each is sent
//! with the same bytes until it is taken or refused.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use anyhow::bail;
use bytes::Bytes;
use tokio::sync::{Mutex as Turns, mpsc};
use tokio::task::JoinSet;

use crate::client::{Answer, Client, Protocol, framed};
use crate::data::{Data, Request, Shape, Signal};
use crate::endpoint::Endpoint;
use crate::report::Report;

/// How it is sent.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) endpoint: Endpoint,
    pub(crate) protocol: Protocol,
    pub(crate) connections: u32,
    /// Records a second; as many as are taken where there is none.
    pub(crate) rate: Option<f64>,
    /// A request that is not taken for so long ends the run.
    pub(crate) patience: Duration,
}

/// Requests that are made before they are sent.
const AHEAD: usize = 64;
/// Trace ids that are told.
const TRACES: u64 = 200;
/// The first pause before a request is sent again where the receiver names none; each further is twice as long.
const PAUSE: Duration = Duration::from_millis(50);
/// The longest.
const LONGEST: Duration = Duration::from_secs(5);

/// A request, framed for its protocol.
struct Ready {
    request: Request,
    wire: Bytes,
    /// When it may go.
    due: Instant,
}

/// Sends all of it.
pub(crate) async fn run(plan: Plan, shape: Shape) -> anyhow::Result<Report> {
    let signal = shape.signal;
    let (made, ready) = mpsc::channel(AHEAD);
    let (begun, started) = (unix_nanos(), Instant::now());
    let (protocol, rate) = (plan.protocol, plan.rate);
    let maker = std::thread::spawn(move || make(&shape, protocol, rate, (begun, started), &made));
    let ready = Arc::new(Turns::new(ready));
    let counts = Arc::new(Mutex::new(Counts::default()));
    let mut workers = JoinSet::new();
    for _ in 0..plan.connections {
        workers.spawn(work(plan.clone(), signal, ready.clone(), counts.clone()));
    }
    while let Some(ended) = workers.join_next().await {
        ended??;
    }
    drop(ready);
    if !maker.join().is_ok_and(|made| made) {
        bail!("a request could not be made");
    }
    let counts = std::mem::take(&mut *counts.lock().unwrap_or_else(PoisonError::into_inner));
    let seconds = counts.last.map_or(0.0, |last| last.duration_since(started).as_secs_f64());
    Ok(counts.report(signal, protocol, seconds))
}

/// Makes all requests in their order; says whether all could be made. Nobody receiving any more is no failure.
fn make(
    shape: &Shape,
    protocol: Protocol,
    rate: Option<f64>,
    (begun, started): (u64, Instant),
    made: &mpsc::Sender<Ready>,
) -> bool {
    let data = Data::new(shape.clone());
    for number in 0..shape.requests {
        let request = data.request(number, begun, unix_nanos());
        let Ok(wire) = framed(protocol, &request.bytes) else { return false };
        let before = number as f64 * shape.batch as f64;
        let due = started + rate.map_or(Duration::ZERO, |rate| Duration::from_secs_f64(before / rate));
        if made.blocking_send(Ready { request, wire, due }).is_err() {
            break;
        }
    }
    true
}

/// Takes one request after another and sends it until it is taken or refused.
async fn work(
    plan: Plan,
    signal: Signal,
    ready: Arc<Turns<mpsc::Receiver<Ready>>>,
    counts: Arc<Mutex<Counts>>,
) -> anyhow::Result<()> {
    let mut client = Client::new(plan.endpoint, plan.protocol, signal);
    loop {
        let Some(next) = ready.lock().await.recv().await else { return Ok(()) };
        tokio::time::sleep_until(next.due.into()).await;
        let until = Instant::now() + plan.patience;
        let mut pause = PAUSE;
        let mut retried = 0;
        let answer = loop {
            let after = match client.send(next.wire.clone()).await {
                Answer::Later(after) => after,
                Answer::Lost => None,
                answer => break answer,
            };
            if Instant::now() > until {
                bail!("a request was not taken in {:?}", plan.patience);
            }
            retried += 1;
            tokio::time::sleep(after.unwrap_or(pause)).await;
            pause = (pause * 2).min(LONGEST);
        };
        counts.lock().unwrap_or_else(PoisonError::into_inner).count(&next.request, answer, retried);
    }
}

/// What became of requests.
#[derive(Debug, Default)]
struct Counts {
    acknowledged: u64,
    rejected: u64,
    refused: u64,
    refusal: Option<String>,
    retried: u64,
    bytes: u64,
    requests: u64,
    times: Option<(u64, u64)>,
    traces: Vec<Vec<u8>>,
    last: Option<Instant>,
}

impl Counts {
    fn count(&mut self, request: &Request, answer: Answer, retried: u64) {
        self.retried += retried;
        self.last = Some(Instant::now());
        match answer {
            Answer::Taken { rejected } => {
                self.acknowledged += request.records.saturating_sub(rejected);
                self.rejected += rejected;
                self.bytes += request.bytes.len() as u64;
                let (from, to) = self.times.unwrap_or(request.times);
                self.times = Some((from.min(request.times.0), to.max(request.times.1)));
                self.keep_trace(request);
            }
            Answer::Refused(why) => {
                self.refused += request.records;
                self.refusal.get_or_insert(why);
            }
            Answer::Later(_) | Answer::Lost => {}
        }
    }

    /// Keeps traces of all times of the run: when there are too many, every other goes.
    fn keep_trace(&mut self, request: &Request) {
        let step = (self.requests / TRACES).next_power_of_two();
        if self.requests.is_multiple_of(step) {
            self.traces.extend(request.trace.clone());
        }
        self.requests += 1;
        if self.traces.len() as u64 > 2 * TRACES {
            let mut at = 0;
            self.traces.retain(|_| {
                at += 1;
                at % 2 == 1
            });
        }
    }

    fn report(self, signal: Signal, protocol: Protocol, seconds: f64) -> Report {
        let (from, to) = self.times.unwrap_or_default();
        let hex = |id: &Vec<u8>| id.iter().map(|byte| format!("{byte:02x}")).collect();
        Report {
            signal,
            protocol,
            acknowledged: self.acknowledged,
            rejected: self.rejected,
            refused: self.refused,
            refusal: self.refusal,
            retried: self.retried,
            bytes: self.bytes,
            seconds,
            from,
            to,
            traces: self.traces.iter().map(hex).collect(),
        }
    }
}

fn unix_nanos() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(number: u64) -> Request {
        let trace = Some(number.to_be_bytes().to_vec());
        Request { bytes: Bytes::from_static(b"four"), records: 10, trace, times: (number, number + 2) }
    }

    #[test]
    fn only_what_was_taken_is_acknowledged() {
        let mut counts = Counts::default();
        counts.count(&request(5), Answer::Taken { rejected: 3 }, 2);
        counts.count(&request(1), Answer::Refused("no".to_owned()), 0);
        counts.count(&request(9), Answer::Taken { rejected: 0 }, 1);
        let report = counts.report(Signal::Spans, Protocol::Grpc, 1.0);
        assert_eq!((report.acknowledged, report.rejected, report.refused, report.retried), (17, 3, 10, 3));
        assert_eq!((report.bytes, report.from, report.to), (8, 5, 11));
        assert_eq!(report.refusal.as_deref(), Some("no"));
    }

    #[test]
    fn traces_of_the_whole_run_are_kept_and_not_too_many() {
        let mut counts = Counts::default();
        (0..10_000).for_each(|number| counts.count(&request(number), Answer::Taken { rejected: 0 }, 0));
        let kept = counts.traces.len() as u64;
        assert!((TRACES..=2 * TRACES).contains(&kept), "{kept}");
        let last = u64::from_be_bytes(counts.traces.last().unwrap().as_slice().try_into().unwrap());
        assert!(last > 9_000, "{last}");
    }
}
