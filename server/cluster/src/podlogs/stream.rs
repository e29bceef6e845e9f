//! One container's log: followed, continued after each break where it stopped, its last words fetched after a
//! restart; what is missing of it is marked.

#[cfg(test)]
mod tests;

use std::pin::pin;
use std::time::Duration;

use futures::{AsyncBufRead, AsyncBufReadExt};
use kube::Client;
use model::{DAY, HOUR, Level, LogFilter, LogGap, MINUTE, Step, Timestamp, Window};
use sha2::{Digest, Sha256};
use store::{Batch, LogAsk, LogRow, Store, line, pattern};
use tokio::time::Instant;

use super::join::{Joiner, Record, stamped};
use super::places::{Place, Places, Standing};
use super::plan::{self, Target};
use crate::owner::{self, Of};

/// Records are stored together for so long, or so many, or so many bytes of them.
const GATHER: Duration = Duration::from_secs(1);
const RECORDS: usize = 1_000;
const BYTES: usize = 512 << 10;
/// A line is read no further than this.
const LONGEST: usize = 256 << 10;
/// Records a second that a container may write in the long run; the rest is counted, not kept.
const RATE: f64 = 500.0;
/// Attributes of a record of JSON.
const ATTRIBUTES: usize = 128;
/// So far back it is looked how far a log was read by an earlier run of Binnacle; what ended before is not read.
pub(super) const LOOK_BACK: i64 = 24 * HOUR;
/// The same, of a container that has ended.
const LONG_BACK: i64 = 7 * DAY;
/// A log of a container that has ended and can't be had so often gives up its place, …
const TRIES: u32 = 4;
/// … and is asked for again after so long: its node may be back by then.
const AGAIN: i64 = 10 * MINUTE;
/// Lines of the past that are fetched when a stream begins, or of a container that ended.
const TAIL: u32 = 1_000;

/// Follows a container's log, until it was read to its end and no more comes.
pub(super) async fn follow(client: Client, store: Store, target: Target, places: Places) {
    let mut reader = Reader::new(store, target, places);
    if reader.place.is_none() {
        reader.place = reader.stored().await;
    }
    let (mut pause, mut tries) = (Duration::from_secs(1), 0);
    loop {
        let begun = Instant::now();
        // What was over before it is asked for is whole when it has been read.
        let over = reader.over();
        reader.begin();
        for previous in [true, false] {
            let standing = match request(&client, &reader.target, previous, reader.place).await {
                Ok(stream) => {
                    reader.stands(previous, Some(Standing::Read));
                    Some(reader.read(stream).await)
                }
                Err(error) => {
                    // There may be no container before this one, or none yet.
                    tracing::debug!(pod = reader.target.pod, %error, previous, "no log");
                    standing(&error)
                }
            };
            reader.stands(previous, standing);
            if let Some(restarts) = over.filter(|_| !previous) {
                tries += u32::from(standing == Some(Standing::Lost));
                match standing {
                    Some(Standing::Lost) if tries >= TRIES => {
                        let again = crate::run::now().plus(AGAIN);
                        return reader.places.ends(&reader.target, restarts, Some(again));
                    }
                    Some(Standing::Refused | Standing::Lost) => {}
                    // To its end; or there is none, and none will come.
                    Some(Standing::Read) | None => return reader.places.ends(&reader.target, restarts, None),
                }
            }
        }
        // A stream that held is only silent; one that ends at once has nothing to give yet, or is refused.
        let held = begun.elapsed() > Duration::from_secs(10);
        pause = if held { Duration::from_secs(1) } else { (pause * 2).min(Duration::from_secs(60)) };
        tokio::time::sleep(pause).await;
    }
}

/// What an error of a request says of the log; nothing where the API server says that there is none.
fn standing(error: &kube::Error) -> Option<Standing> {
    match error {
        kube::Error::Api(status) if status.code == 403 => Some(Standing::Refused),
        kube::Error::Api(status) if matches!(status.code, 400 | 404) => None,
        _ => Some(Standing::Lost),
    }
}

/// Stores that lines of a container are missing.
pub(super) async fn mark(store: Store, target: Target, gap: LogGap) {
    put(&store, &target, &[], &[gap]).await;
}

/// Asks for a container's log: of the run before, or of this one and what follows.
async fn request(
    client: &Client,
    target: &Target,
    previous: bool,
    place: Option<Place>,
) -> Result<impl AsyncBufRead + use<>, kube::Error> {
    let encode = |text: &str| text.replace('%', "%25").replace('&', "%26").replace('/', "%2F");
    let mut path = format!(
        "/api/v1/namespaces/{}/pods/{}/log?container={}&timestamps=true&{}",
        encode(&target.namespace),
        encode(&target.pod),
        encode(&target.container),
        if previous { "previous=true" } else { "follow=true" },
    );
    match place {
        // The API takes whole seconds; what came already is left out when it is read.
        Some(place) => {
            let since = jiff::Timestamp::from_second(place.at.seconds()).unwrap_or_default();
            path.push_str(&format!("&sinceTime={since}"));
        }
        None => path.push_str(&format!("&tailLines={TAIL}")),
    }
    let request = http::Request::get(path).body(Vec::new()).map_err(kube::Error::HttpError)?;
    client.request_stream(request).await
}

struct Reader {
    store: Store,
    target: Target,
    place: Option<Place>,
    places: Places,
    /// The last line that was read before, while nothing of the log was seen since: what comes first tells whether the
    /// log still has it.
    before: Option<Timestamp>,
    /// Lines that are known to be missing, to be stored with what comes next.
    gaps: Vec<LogGap>,
    /// Records that may still be kept now.
    allowance: f64,
    /// Records that were not, since the last that was: their number, the first and the last of their times.
    left_out: Option<(u64, Timestamp, Timestamp)>,
}

impl Reader {
    fn new(store: Store, target: Target, places: Places) -> Self {
        let place = places.get(&target);
        Self { store, target, place, places, before: None, gaps: Vec::new(), allowance: RATE * 10.0, left_out: None }
    }

    /// How often the container had been restarted when it ended, where it will not run again.
    fn over(&self) -> Option<u32> {
        let directory = self.store.directory();
        let pod = directory.pods(&self.target.service).iter().find(|pod| pod.id == self.target.uid)?;
        let container = pod.containers.iter().find(|container| *container.name == *self.target.container)?;
        plan::is_over(pod, container).then_some(container.restarts)
    }

    /// The log is asked for anew, from where it was read to.
    fn begin(&mut self) {
        self.before = self.place.filter(|place| place.is_line).map(|place| place.at);
    }

    /// Notes how the log of the container that runs stands.
    fn stands(&self, previous: bool, standing: Option<Standing>) {
        if let Some(standing) = standing.filter(|_| !previous) {
            self.places.stands(&self.target, standing);
        }
    }

    /// How far the store has this container's log, from an earlier run of Binnacle.
    async fn stored(&self) -> Option<Place> {
        let now = crate::run::now();
        // What has ended may have been silent for long before.
        let back = if self.over().is_some() { LONG_BACK } else { LOOK_BACK };
        let filter = format!("k8s.pod.uid={} k8s.container.name={}", self.target.uid.0, self.target.container);
        let ask = LogAsk {
            service: (*self.target.service).clone(),
            window: Window::new(now.plus(-back), now.plus(MINUTE)),
            step: Step(MINUTE),
            filter: filter.parse::<LogFilter>().ok()?,
            after: None,
            limit: TAIL,
            count: false,
        };
        let found = self.store.telemetry().logs(ask).await.ok()?;
        let mut lines = found.lines.iter().filter(|line| line.scope != LogGap::SCOPE).peekable();
        let (at, is_line) = lines.peek().map(|line| (line.at, line.scope.is_empty()))?;
        let same = lines.take_while(|line| line.at == at).count() as u32;
        // What has a scope was sent, at a time of the sender's.
        Some(Place { at, same, is_line })
    }

    /// Reads a stream to its end; says whether that was the log's or the stream broke.
    async fn read(&mut self, stream: impl AsyncBufRead) -> Standing {
        let mut stream = pin!(stream);
        let (mut joiner, mut records, mut buffer) = (Joiner::default(), Vec::new(), Vec::new());
        // Of the time at which it stopped, so many were read already.
        let mut seen = self.place.map_or(0, |place| place.same);
        let mut due = Instant::now() + GATHER;
        let standing = loop {
            let read = tokio::time::timeout_at(due, next_line(&mut stream, &mut buffer)).await;
            match read {
                Ok(Ok(true)) => {
                    let text = String::from_utf8_lossy(&buffer).into_owned();
                    buffer.clear();
                    let Some((at, text)) = stamped(&text) else { continue };
                    self.look_back(at);
                    if self.is_new(at, &mut seen) {
                        self.arrived(at);
                        records.extend(joiner.push(at, text));
                    }
                }
                Ok(Ok(false)) => break Standing::Read,
                Ok(Err(_)) => break Standing::Lost,
                Err(_) => {
                    records.extend(joiner.flush());
                    self.append(&mut records).await;
                    self.allowance = (self.allowance + RATE).min(RATE * 10.0);
                    due = Instant::now() + GATHER;
                }
            }
            if records.len() >= RECORDS || records.iter().map(|(_, text)| text.len()).sum::<usize>() >= BYTES {
                self.append(&mut records).await;
            }
        };
        records.extend(joiner.flush());
        self.append(&mut records).await;
        standing
    }

    /// The first line since the log was asked for: asked from the last one that was read before, it begins with that.
    /// Where it does not, the log was cut meanwhile, and what stood between is missing.
    fn look_back(&mut self, at: Timestamp) {
        if let Some(from) = self.before.take().filter(|from| *from < at) {
            self.gaps.push(LogGap { from, to: at, reason: "stream was lost".into() });
        }
    }

    /// Whether a line was not read before.
    fn is_new(&self, at: Timestamp, seen: &mut u32) -> bool {
        match self.place {
            Some(place) if at < place.at => false,
            Some(place) if at == place.at && *seen > 0 => {
                *seen -= 1;
                false
            }
            _ => true,
        }
    }

    fn arrived(&mut self, at: Timestamp) {
        let same = self.place.filter(|place| place.at == at).map_or(0, |place| place.same);
        self.place = Some(Place { at, same: same + 1, is_line: true });
    }

    /// Stores what was gathered.
    async fn append(&mut self, records: &mut Vec<Record>) {
        let mut kept: Vec<Record> = Vec::with_capacity(records.len());
        for record in records.drain(..) {
            if self.allowance >= 1.0 {
                self.allowance -= 1.0;
                kept.push(record);
                self.gaps.extend(self.left_out.take().map(left_out));
            } else {
                let (count, first, _) = self.left_out.unwrap_or((0, record.0, record.0));
                self.left_out = Some((count + 1, first, record.0));
                self.places.count_left_out(&self.target.service, 1);
            }
        }
        if !kept.is_empty() || !self.gaps.is_empty() {
            put(&self.store, &self.target, &kept, &std::mem::take(&mut self.gaps)).await;
        }
        if let Some(place) = self.place {
            self.places.set(&self.target, place);
        }
    }
}

/// Records that came too fast, as a gap.
fn left_out((count, from, to): (u64, Timestamp, Timestamp)) -> LogGap {
    LogGap { from, to, reason: format!("{count} lines left out, over {RATE} a second") }
}

/// Stores records and gaps between them; a store that is busy is asked again.
async fn put(store: &Store, target: &Target, records: &[Record], gaps: &[LogGap]) {
    let mut pause = Duration::from_millis(200);
    while let Err(error) = store.telemetry().append(batch(target, records, gaps)).await {
        tracing::warn!(%error, pod = target.pod, "lines of a pod could not be stored, trying again");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(10));
    }
}

/// Reads a line into the buffer; false at the end. What is too long of it is skipped.
async fn next_line(stream: &mut (impl AsyncBufRead + Unpin), buffer: &mut Vec<u8>) -> std::io::Result<bool> {
    loop {
        let available = stream.fill_buf().await?;
        if available.is_empty() {
            return Ok(!buffer.is_empty());
        }
        let end = available.iter().position(|byte| *byte == b'\n');
        let take = end.map_or(available.len(), |end| end + 1);
        let room = LONGEST.saturating_sub(buffer.len());
        buffer.extend_from_slice(&available[..take.min(room)]);
        stream.consume_unpin(take);
        if end.is_some() {
            return Ok(true);
        }
    }
}

/// Records as the store takes them, by the same rules as lines that come by OTLP.
fn batch(target: &Target, records: &[Record], gaps: &[LogGap]) -> Batch {
    let mut hash = Sha256::new().chain_update(target.uid.0.as_bytes()).chain_update(&target.container);
    for (at, text) in records {
        hash.update(at.0.to_be_bytes());
        hash.update(text.as_bytes());
    }
    for gap in gaps {
        hash.update(gap.from.0.to_be_bytes());
        hash.update(gap.to.0.to_be_bytes());
        hash.update(&gap.reason);
    }
    let digest = hash.finalize();
    let mut request = [0; 16];
    request.copy_from_slice(&digest[..16]);
    let mut batch = Batch::collected(request);
    let (owner, facts) = owner::of(&Of {
        cluster: &target.service.cluster,
        namespace: &target.namespace,
        pod: &target.pod,
        uid: &target.uid.0,
        container: &target.container,
        ..Of::default()
    });
    let owner = batch.owner(owner, facts);
    for (at, text) in records {
        let read = line::read(text, ATTRIBUTES, true);
        let body = read.body.as_deref().unwrap_or(text);
        let attributes: Vec<_> = read.attributes.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
        batch.push_log(&LogRow {
            owner,
            at: *at,
            level: read.level.unwrap_or(Level::Unset),
            severity: "",
            body,
            pattern: &pattern::of_message(body),
            scope: "",
            trace: None,
            span: None,
            attributes: &attributes,
        });
    }
    for gap in gaps {
        batch.push_log(&LogRow {
            owner,
            // Before the line that follows.
            at: gap.to.plus(-1).max(gap.from),
            level: Level::Unset,
            severity: "",
            body: &gap.reason,
            pattern: "",
            scope: LogGap::SCOPE,
            trace: None,
            span: None,
            attributes: &gap.attributes(),
        });
    }
    batch
}
