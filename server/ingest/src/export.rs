//! One export request, whatever it came by: unpack, hash, decode, append, count.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use model::{IngestStatus, Timestamp};
use store::{Appended, Batch, Directory, OwnerFacts, Rule, Short, Store, Telemetry};
use tokio::sync::Semaphore;
use xxhash_rust::xxh3::Xxh3;

use crate::body::Packing;
use crate::charged::{Charged, Held};
use crate::counters::Counters;
use crate::envelope::Report;
use crate::limits::{Budget, Charge};
use crate::profiles::pyroscope::{self, Sent};
use crate::signal::Signal;
use crate::{Error, Limits, body, json, remote};

/// The receivers' state: a cheap clone, given to each connection.
#[derive(Clone)]
pub struct Ingest {
    inner: Arc<Inner>,
}

struct Inner {
    telemetry: Arc<dyn Telemetry>,
    directory: Directories,
    limits: Limits,
    counters: Counters,
    budget: Budget,
    requests: Arc<Semaphore>,
    /// Turns to decode off the threads that serve connections: more at once than there are processors would only hold
    /// more memory, that of threads which seldom run.
    turns: Semaphore,
    /// What hashes of requests begin with.
    seed: u64,
}

/// Gives the directory as it is now.
type Directories = Box<dyn Fn() -> Arc<Directory> + Send + Sync>;

/// How a message is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// Protobuf.
    Protobuf,
    /// JSON.
    Json,
    /// Prometheus remote write 1: protobuf of its own, always packed with snappy.
    Remote,
    /// What Pyroscope's SDKs push, as protobuf.
    Push,
    /// The same as JSON.
    PushJson,
    /// What is sent to Pyroscope's `/ingest`.
    Ingest,
    /// A pprof.
    Pprof,
}

/// What stands in an address, by key.
pub(crate) type Words = Vec<(String, String)>;

/// A message as it was received.
pub(crate) struct Received {
    /// What it is of.
    pub(crate) signal: Signal,
    /// What stands in the address, where that is part of it.
    pub(crate) words: Words,
    /// Its bytes, after `skip` of framing.
    pub(crate) bytes: Vec<u8>,
    /// Bytes of framing before the message.
    pub(crate) skip: usize,
    /// How it is packed, if it is.
    pub(crate) packing: Option<Packing>,
    /// How it is written.
    pub(crate) format: Format,
    /// Its share of the budget.
    pub(crate) charge: Charge,
}

/// A success that has something to say: records that were left out, or a warning when none were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Partial {
    /// Records left out.
    pub(crate) rejected: u64,
    /// Why, or what else was changed.
    pub(crate) message: String,
}

/// A request ready for the store. It holds its share of the budget until the commit.
struct Decoded {
    batch: Batch,
    report: Report,
    bytes: usize,
    _charge: Charge,
}

/// Longer messages are decoded off the threads that serve connections.
const INLINE: usize = 64 << 10;
/// So many are always decoded at once, that one which takes long does not hold up all others.
const LEAST_TURNS: usize = 2;

impl Ingest {
    /// Receivers that fill a store.
    pub fn new(store: Store, limits: Limits) -> Self {
        let (telemetry, salt) = (store.telemetry(), store.salt());
        let seed = u64::from_le_bytes(*salt.first_chunk().expect("a salt has 32 bytes"));
        Self::with(telemetry, Box::new(move || store.directory()), limits, seed)
    }

    /// Receivers over any telemetry interface, and the directory that says whose telemetry is.
    pub fn over(
        telemetry: Arc<dyn Telemetry>,
        directory: impl Fn() -> Arc<Directory> + Send + Sync + 'static,
        limits: Limits,
    ) -> Self {
        Self::with(telemetry, Box::new(directory), limits, 0)
    }

    fn with(telemetry: Arc<dyn Telemetry>, directory: Directories, limits: Limits, seed: u64) -> Self {
        let budget = Budget::new(limits.in_flight_bytes);
        let requests = Arc::new(Semaphore::new(limits.in_flight_requests));
        let turns = Semaphore::new(std::thread::available_parallelism().map_or(1, usize::from).max(LEAST_TURNS));
        let counters = Counters::default();
        Self { inner: Arc::new(Inner { telemetry, directory, limits, counters, budget, requests, turns, seed }) }
    }

    /// What was taken and turned away since the start.
    pub fn status(&self) -> IngestStatus {
        self.inner.counters.status(now())
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// A share of the budget, nothing charged yet; none while the disk is nearly full, which is said before anything of
    /// a body is kept. While memory is short requests go on nearly one by one: what is resident when nothing is in
    /// flight is there to be used again, and might never be given back.
    pub(crate) fn charge(&self) -> Result<Charge, Error> {
        match self.inner.telemetry.short() {
            Some(short @ Short::Disk) => Err(Error::Short(short)),
            Some(Short::Memory) => Ok(self.inner.budget.cautious_charge()),
            None => Ok(self.inner.budget.charge()),
        }
    }

    /// Counts what was turned away.
    pub(crate) fn reject(&self, reason: &'static str, peer: Option<IpAddr>, count: u64) {
        self.inner.counters.rejected(now(), reason, peer, count);
    }

    /// Takes a request; returns after its commit.
    pub(crate) async fn export(&self, received: Received, peer: Option<IpAddr>) -> Result<Option<Partial>, Error> {
        let signal = received.signal;
        let _permit =
            self.inner.requests.try_acquire().map_err(|_| Error::Busy("too many requests are in progress"))?;
        let decoded = self.decode(received, peer).await?;
        let Decoded { batch, report, bytes, _charge } = decoded;
        let stored = if report.taken == 0 { Appended::Stored } else { self.append(batch).await? };
        let taken = (stored == Appended::Stored).then_some(report.taken);
        self.inner.counters.took(now(), signal, bytes, taken);
        for (reason, count) in signal.reasons().into_iter().zip(report.left_out()) {
            if count > 0 {
                self.reject(reason, peer, count);
            }
        }
        Ok(partial(signal, &report, self.limits()))
    }

    async fn decode(&self, received: Received, peer: Option<IpAddr>) -> Result<Decoded, Error> {
        let is_plain = matches!(received.format, Format::Protobuf | Format::Json);
        if received.packing.is_none() && is_plain && received.bytes.len() <= INLINE {
            return self.inner.decode(received, peer);
        }
        let _turn = self.inner.turns.acquire().await.map_err(|_| Error::Busy("the receiver is shutting down"))?;
        let inner = self.inner.clone();
        match tokio::task::spawn_blocking(move || inner.decode(received, peer)).await {
            Ok(decoded) => decoded,
            Err(error) if error.is_panic() => {
                tracing::error!("decoding a request panicked; it was refused");
                Err(Error::Malformed("it can't be decoded".to_owned()))
            }
            Err(_) => Err(Error::Busy("the receiver is shutting down")),
        }
    }

    async fn append(&self, batch: Batch) -> Result<Appended, Error> {
        let append = self.inner.telemetry.append(batch);
        match tokio::time::timeout(self.limits().commit, append).await {
            Ok(Ok(appended)) => Ok(appended),
            Ok(Err(error @ store::Error::TooMuch(_))) => Err(Error::TooMuch(error.to_string())),
            Ok(Err(store::Error::Short(short))) => Err(Error::Short(short)),
            Ok(Err(error)) => {
                if self.inner.counters.should_log(now()) {
                    tracing::error!(%error, "telemetry could not be stored; senders are told to try again");
                }
                Err(match error {
                    store::Error::Busy(_) => Error::Busy("the store is busy"),
                    _ => Error::Busy("the store is failing"),
                })
            }
            Err(_) => Err(Error::Busy("the commit takes too long")),
        }
    }
}

impl Inner {
    /// From received bytes to a batch: no I/O, but as long as the message is.
    fn decode(&self, received: Received, peer: Option<IpAddr>) -> Result<Decoded, Error> {
        let Received { signal, words, bytes: mut buffer, mut skip, packing, format, mut charge } = received;
        if let Some(packing) = packing {
            buffer = body::inflate(packing, &buffer[skip..], self.limits.message, &mut charge)?;
            skip = 0;
        }
        if format == Format::Remote {
            buffer = body::unsnap(&buffer[skip..], self.limits.message, &mut charge)?;
            skip = 0;
        }
        let bytes = buffer.len() - skip;
        let request = hash(self.seed, signal, &words, &buffer[skip..]);
        if matches!(format, Format::Json | Format::PushJson) {
            charge.raise((1 + signal.growth()) * bytes)?;
            let text = &buffer[skip..];
            let written = if format == Format::Json { signal.of_json(text) } else { json::push(text) };
            buffer = written.map_err(|error| Error::Malformed(error.to_string()))?;
            skip = 0;
        }
        let message = &buffer[skip..];
        let directory = (self.directory)();
        let at = now();
        let found = |facts: &OwnerFacts| by_attributes(directory.resolve(facts, at).rule);
        let held = Held::new(charge, message.len());
        let mut rows = Charged::new(Batch::new(request), &held);
        let sent = Sent { words: &words, peer, found: &found, limits: &self.limits, now: at };
        let mut left = self.limits.message;
        let mut unpack = |packed: &[u8]| {
            let bytes = held.unpack(packed, left).map_err(|error| error.of_limit(self.limits.message))?;
            left -= bytes.len();
            Ok(bytes)
        };
        let report = match format {
            Format::Remote => remote::decode(message, &self.limits, at, &mut rows).map_err(Error::from),
            Format::Protobuf | Format::Json => {
                signal.decode(message, peer, &found, &self.limits, at, &mut rows).map_err(Error::from)
            }
            Format::Push | Format::PushJson => pyroscope::push(message, &sent, &mut unpack, &mut rows),
            Format::Ingest => pyroscope::ingest(message, &sent, &mut unpack, &mut rows),
            Format::Pprof => pyroscope::plain(message, &sent, &mut unpack, &mut rows),
        };
        // That there was no room comes first: what came after is of no account.
        let batch = rows.finish()?;
        Ok(Decoded { batch, report: report?, bytes, _charge: held.into_charge() })
    }
}

/// Whether the rule that matched is one over attributes that stands before the peer's address.
fn by_attributes(rule: Rule) -> bool {
    match rule {
        Rule::PodUid | Rule::PodName | Rule::ContainerId | Rule::PodIp | Rule::Workload | Rule::ByName => true,
        Rule::Peer | Rule::ServiceName | Rule::None => false,
    }
}

/// 128 bits that are the same for an identical retry, whoever sends it, and by chance for no other. The seed is there so
/// that nobody can aim at another's request.
fn hash(seed: u64, signal: Signal, words: &[(String, String)], message: &[u8]) -> [u8; 16] {
    let mut hash = Xxh3::with_seed(seed);
    hash.update(signal.path().as_bytes());
    for word in words.iter().flat_map(|(key, value)| [key, value]) {
        hash.update(&(word.len() as u64).to_le_bytes());
        hash.update(word.as_bytes());
    }
    hash.update(message);
    hash.digest128().to_be_bytes()
}

fn partial(signal: Signal, report: &Report, limits: &Limits) -> Option<Partial> {
    let mut parts = Vec::new();
    if report.invalid > 0 {
        parts.push(format!("{} {} {}", report.invalid, signal.records(), signal.fault()));
    }
    if report.over > 0 {
        let (over, most) = (report.over, limits.records);
        parts.push(format!("{over} {} are over the limit of {most} a request", signal.records()));
    }
    if report.unowned > 0 {
        let (unowned, most) = (report.unowned, limits.owners);
        parts.push(format!("{unowned} {} are of resources over the limit of {most} a request", signal.records()));
    }
    if report.past > 0 {
        let (past, most) = (report.past, age(limits.past));
        parts.push(format!(
            "{past} {} are older than {most}: set the sender's clock, send sooner, or raise --accept-past",
            signal.records()
        ));
    }
    if report.future > 0 {
        let (future, most) = (report.future, age(limits.future));
        parts.push(format!(
            "{future} {} are more than {most} ahead of the clock here: set the sender's clock, or raise --accept-future",
            signal.records()
        ));
    }
    if report.cuts.values > 0 {
        parts.push(format!("{} texts were too long and were cut", report.cuts.values));
    }
    if report.cuts.dropped > 0 {
        parts.push(format!(
            "{} attributes, events or links were left out: over the limit, or without key or id",
            report.cuts.dropped
        ));
    }
    let rejected = report.left_out().iter().sum();
    (!parts.is_empty()).then(|| Partial { rejected, message: parts.join("; ") })
}

/// As flags write it: in the largest unit of which it is a multiple.
fn age(age: Duration) -> String {
    let seconds = age.as_secs();
    let units = [(86_400, 'd'), (3_600, 'h'), (60, 'm')];
    let (each, unit) = units.into_iter().find(|(each, _)| seconds.is_multiple_of(*each)).unwrap_or((1, 's'));
    format!("{}{unit}", seconds / each)
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_told_as_flags_write_them() {
        let told = [604_800, 90_000, 5_400, 90].map(|seconds| age(Duration::from_secs(seconds)));
        assert_eq!(told, ["7d", "25h", "90m", "90s"]);
    }
}
