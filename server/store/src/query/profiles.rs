//! Profiles of a service: which there are, and some of them merged into a tree. Blocks are read newest first, each
//! only if its filter says that it can hold what is asked for, and of each only the samples of one type.

mod kinds;
mod merged;
mod pruned;

use std::sync::Arc;
use std::time::{Duration, Instant};

use model::{FrameTree, ProfileTypes, ServiceId, Timestamp, Window};
use serde_json::json;
use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;

use super::part::Part;
use crate::block::columns::Signal;
use crate::block::points::filter;
use crate::block::profiles::{ProfileBlock, hash_of};
use crate::partition::Shared;
use crate::partition::file::{DataFile, Family};
use crate::{Error, ProfileAsk};
use kinds::Kinds;
use merged::Merged;

/// A question looks into no more bytes of blocks, and takes no longer; it says how far it came.
const BYTES: i64 = 128 << 20;
const TIME: Duration = Duration::from_secs(3);
/// Blocks read at once, which bounds memory.
const CHUNK: usize = 4;

/// See `Telemetry::profile_types`.
pub(crate) async fn types(shared: &Shared, service: &ServiceId, window: Window) -> Result<ProfileTypes, Error> {
    let scope = Scope { service: service.clone(), window, sample: None };
    let (kinds, covered_from) = walk(shared, scope, Kinds::new(service.clone(), window)).await?;
    Ok(ProfileTypes { covered_from, ..kinds.finish() })
}

/// See `Telemetry::profile`.
pub(crate) async fn tree(shared: &Shared, ask: ProfileAsk) -> Result<FrameTree, Error> {
    let (of, against) = (ask.of.window, ask.against.as_ref().map_or(ask.of.window, |slice| slice.window));
    let window = Window::new(of.from.min(against.from), of.to.max(against.to));
    let sample = hash_of(&ask.sample.name, &ask.sample.unit);
    let scope = Scope { service: ask.service.clone(), window, sample: Some(sample) };
    let (merged, covered_from) = walk(shared, scope, Merged::new(ask)).await?;
    super::blocking(move || FrameTree { covered_from, ..merged.finish() }).await
}

/// Which blocks a question needs.
struct Scope {
    service: ServiceId,
    window: Window,
    /// The hash of a sample type.
    sample: Option<u64>,
}

/// What is taken from blocks.
trait Look: Send + 'static {
    /// Takes what it needs of a block.
    fn look(&mut self, part: &Part, block: &ProfileBlock) -> Result<(), Error>;

    /// Whether it has as much as it may have.
    fn is_full(&self) -> bool;
}

/// Lets `look` see all blocks of a scope, the newest first; says how far it came, if not through all.
async fn walk<L: Look>(shared: &Shared, scope: Scope, mut look: L) -> Result<(L, Option<Timestamp>), Error> {
    let (until, mut bytes) = (Instant::now() + TIME, BYTES);
    for file in shared.files(Family::Raw).iter().rev() {
        let part = Arc::new(Part::of(shared, file, &scope.service, false).await?);
        if part.owners.is_empty() {
            continue;
        }
        // One snapshot: a merge between two reads would hide blocks.
        let mut connection = file.readers.acquire().await?;
        let mut snapshot = connection.begin().await?;
        let blocks = blocks(&mut snapshot, &part, &scope).await?;
        for chunk in blocks.chunks(CHUNK) {
            bytes -= chunk.iter().map(|block| block.bytes).sum::<i64>();
            if bytes < 0 || Instant::now() > until || look.is_full() {
                return Ok((look, Some(Timestamp(chunk[0].last.saturating_add(1)).max(scope.window.from))));
            }
            look = read(shared, file, &mut snapshot, chunk, &part, look).await?;
        }
    }
    Ok((look, None))
}

/// A block: its number, last event time and size.
struct Candidate {
    id: i64,
    last: i64,
    bytes: i64,
}

/// Blocks of a file that can hold what is asked for, the newest first.
async fn blocks(connection: &mut SqliteConnection, part: &Part, scope: &Scope) -> Result<Vec<Candidate>, Error> {
    let rows: Vec<(i64, i64, i64, Vec<u8>)> = sqlx::query_as(
        "select id, last, length(blocks.data), filters.data from blocks join filters on block = id
         where signal = ?1 and last >= ?2 and first < ?3 order by last desc",
    )
    .bind(Signal::Samples.number())
    .bind(scope.window.from.0)
    .bind(scope.window.to.0)
    .fetch_all(connection)
    .await?;
    let mut found = Vec::new();
    for (id, last, bytes, stored) in rows {
        if filter::may_match(&stored, &part.owners, scope.sample)? {
            found.push(Candidate { id, last, bytes });
        }
    }
    Ok(found)
}

async fn read<L: Look>(
    shared: &Shared,
    file: &Arc<DataFile>,
    connection: &mut SqliteConnection,
    chunk: &[Candidate],
    part: &Arc<Part>,
    mut look: L,
) -> Result<L, Error> {
    let ids: Vec<i64> = chunk.iter().map(|block| block.id).collect();
    let rows: Vec<(i64, Vec<u8>)> =
        sqlx::query_as("select id, data from blocks where id in (select value from json_each(?1))")
            .bind(json!(ids).to_string())
            .fetch_all(connection)
            .await?;
    let (part, path) = (Arc::clone(part), file.path.display().to_string());
    let (look, damaged) = super::blocking(move || {
        let mut damaged = Vec::new();
        for (id, data) in rows {
            if let Err(error) = ProfileBlock::open(&data).and_then(|block| look.look(&part, &block)) {
                damaged.push(format!("{path}: block {id}: {error}"));
            }
        }
        (look, damaged)
    })
    .await?;
    damaged.into_iter().for_each(|what| shared.damaged(what));
    Ok(look)
}
