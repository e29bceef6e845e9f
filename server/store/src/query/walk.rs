//! The one way through blocks: those of a service in a window that can hold what is asked for, the newest first,
//! whatever their signal. It is bounded in bytes and time, and says how far it came.

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::{ServiceId, Timestamp, Window};
use serde_json::json;

use super::part::Part;
use crate::Error;
use crate::block::columns::Signal;
use crate::partition::Shared;
use crate::partition::file::{DataFile, Family};
use crate::readers::Snapshot;

/// A question looks into no more bytes of blocks, and takes no longer.
pub(super) const BYTES: i64 = 512 << 20;
const TIME: Duration = Duration::from_secs(3);
/// Blocks read at once, which bounds memory.
const CHUNK: usize = 8;
/// Threads that look into them.
const THREADS: usize = 2;

/// Which blocks a question needs.
pub(super) struct Scope {
    /// The service.
    pub(super) service: ServiceId,
    /// Event times.
    pub(super) window: Window,
    /// It is about resources too.
    pub(super) asks_keys: bool,
    /// Blocks of so many bytes are enough.
    pub(super) bytes: i64,
}

/// What is taken from blocks.
pub(super) trait Look: Send + Sync + 'static {
    /// What is seen in a block.
    type Seen: Send + 'static;
    /// Whose blocks.
    const SIGNAL: Signal;
    /// The table of filters that tell of them.
    const FILTERS: &'static str = "filters";

    /// Whether a block can hold what is asked for, by its filter alone.
    fn may_match(&self, part: &Part, filter: &[u8]) -> Result<bool, Error>;

    /// Sees what is of use in a block; several threads do so at once.
    fn see(&self, part: &Arc<Part>, sealed: &[u8]) -> Result<Self::Seen, Error>;

    /// Takes what was seen, of one block after the other in their order.
    fn take(&mut self, part: &Arc<Part>, seen: Self::Seen) -> Result<(), Error>;

    /// Whether nothing matters of blocks whose last event is not after this.
    fn is_done(&self, _last: i64) -> bool {
        false
    }

    /// Whether it has as much as it may have.
    fn is_full(&self) -> bool {
        false
    }
}

/// A file that is read.
struct Opened {
    file: Arc<DataFile>,
    part: Arc<Part>,
    /// One snapshot for all reads: a merge between two would hide blocks.
    snapshot: Snapshot,
}

/// A block: its file's place, its number, last event time and size.
struct Candidate {
    place: usize,
    id: i64,
    last: i64,
    bytes: i64,
}

/// Lets `look` see all blocks of a scope, the newest first; says how far it came, if not through all. While some are
/// looked into the next are read, but for the first, after which many questions have their answer.
pub(super) async fn walk<L: Look>(shared: &Shared, scope: Scope, mut look: L) -> Result<(L, Option<Timestamp>), Error> {
    let (mut opened, candidates) = open(shared, &scope, &look).await?;
    let (until, mut bytes) = (Instant::now() + TIME, scope.bytes);
    let mut chunks = candidates.chunks(CHUNK).enumerate().peekable();
    let mut ahead: Option<Vec<Block>> = None;
    while let Some((place, chunk)) = chunks.next() {
        let last = chunk[0].last;
        if look.is_done(last) {
            break;
        }
        bytes -= chunk.iter().map(|block| block.bytes).sum::<i64>();
        if bytes < 0 || Instant::now() > until || look.is_full() {
            return Ok((look, Some(Timestamp(last.saturating_add(1)).max(scope.window.from))));
        }
        let blocks = match ahead.take() {
            Some(blocks) => blocks,
            None => read(shared, &mut opened, chunk).await?,
        };
        let next = chunks.peek().filter(|_| place > 0);
        let reading = async {
            match next {
                Some((_, next)) => read(shared, &mut opened, next).await.map(Some),
                None => Ok(None),
            }
        };
        let (looked, read) = tokio::join!(look_into(shared, blocks, look), reading);
        (look, ahead) = (looked?, read?);
    }
    Ok((look, None))
}

/// The files of a scope and their blocks. Files are always opened in the same order, so that questions which hold some
/// never wait for each other.
async fn open<L: Look>(shared: &Shared, scope: &Scope, look: &L) -> Result<(Vec<Opened>, Vec<Candidate>), Error> {
    let (mut opened, mut candidates) = (Vec::new(), Vec::new());
    for file in shared.files(Family::Raw).iter() {
        match open_file(shared, file, scope, look, opened.len()).await {
            Ok(Some((file, blocks))) => {
                opened.push(file);
                candidates.extend(blocks);
            }
            Ok(None) => {}
            Err(error) if error.is_damage() => {
                shared.damaged(format!("{}: {error}", file.path.display()));
            }
            Err(error) => return Err(error),
        }
    }
    candidates.sort_by_key(|block| Reverse(block.last));
    Ok((opened, candidates))
}

/// Nothing where a file has no block that can hold what is asked for.
async fn open_file<L: Look>(
    shared: &Shared,
    file: &Arc<DataFile>,
    scope: &Scope,
    look: &L,
    place: usize,
) -> Result<Option<(Opened, Vec<Candidate>)>, Error> {
    // Before the snapshot: it reads through a connection of its own.
    let part = Arc::new(Part::of(shared, file, &scope.service, scope.asks_keys).await?);
    if part.owners.is_empty() {
        return Ok(None);
    }
    let mut snapshot = file.readers.snapshot().await?;
    let sql = format!(
        "select id, last, length(blocks.data), told.data from blocks left join {} as told on told.block = id
         where signal = ?1 and last >= ?2 and first < ?3",
        L::FILTERS
    );
    let rows: Vec<(i64, i64, i64, Option<Vec<u8>>)> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(L::SIGNAL.number())
        .bind(scope.window.from.0)
        .bind(scope.window.to.0)
        .fetch_all(&mut *snapshot)
        .await?;
    let mut blocks = Vec::new();
    for (id, last, bytes, filter) in rows {
        // A filter that can't be read denies nothing.
        let may_match = filter.map_or(Ok(true), |filter| look.may_match(&part, &filter)).unwrap_or_else(|error| {
            shared.damaged(format!("{}: filter of block {id}: {error}", file.path.display()));
            true
        });
        if may_match {
            blocks.push(Candidate { place, id, last, bytes });
        }
    }
    let opened = Opened { file: Arc::clone(file), part, snapshot };
    Ok((!blocks.is_empty()).then_some((opened, blocks)))
}

/// Reads some blocks; those of a file that is damaged are left out.
async fn read(shared: &Shared, opened: &mut [Opened], chunk: &[Candidate]) -> Result<Vec<Block>, Error> {
    let mut blocks = Vec::with_capacity(chunk.len());
    for same in chunk.chunk_by(|a, b| a.place == b.place) {
        let Opened { file, part, snapshot } = &mut opened[same[0].place];
        let ids: Vec<i64> = same.iter().map(|block| block.id).collect();
        let rows: Result<Vec<(i64, Vec<u8>)>, _> =
            sqlx::query_as("select id, data from blocks where id in (select value from json_each(?1))")
                .bind(json!(ids).to_string())
                .fetch_all(&mut **snapshot)
                .await;
        let rows = match rows.map_err(Error::from) {
            Err(error) if error.is_damage() => {
                shared.damaged(format!("{}: {error}", file.path.display()));
                continue;
            }
            rows => rows?,
        };
        blocks.extend(rows.into_iter().map(|(id, data)| (Arc::clone(file), Arc::clone(part), id, data)));
    }
    Ok(blocks)
}

/// A block that was read.
type Block = (Arc<DataFile>, Arc<Part>, i64, Vec<u8>);

/// Sees into blocks, as many at once as there may be threads, and takes what was seen; no more than that is held.
async fn look_into<L: Look>(shared: &Shared, blocks: Vec<Block>, mut look: L) -> Result<L, Error> {
    let mut blocks = blocks.into_iter();
    loop {
        let looking = Arc::new(look);
        let see = |(file, part, id, data): Block| {
            let looking = Arc::clone(&looking);
            tokio::task::spawn_blocking(move || {
                let seen = looking.see(&part, &data);
                (file, part, id, seen)
            })
        };
        let seeing: Vec<_> = blocks.by_ref().take(THREADS).map(see).collect();
        let mut seen = Vec::with_capacity(THREADS);
        for one in seeing {
            seen.push(one.await.map_err(|error| Error::Busy(format!("a question was given up: {error}")))?);
        }
        look = Arc::into_inner(looking).ok_or_else(|| Error::Busy("a question is still looking".into()))?;
        if seen.is_empty() {
            return Ok(look);
        }
        let damaged;
        (look, damaged) = super::blocking(move || {
            let mut damaged = Vec::new();
            for (file, part, id, seen) in seen {
                if let Err(error) = seen.and_then(|seen| look.take(&part, seen)) {
                    damaged.push(format!("{}: block {id}: {error}", file.path.display()));
                }
            }
            (look, damaged)
        })
        .await?;
        damaged.into_iter().for_each(|what| shared.damaged(what));
    }
}
