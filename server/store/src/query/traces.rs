//! A trace by its id: fingerprints say which blocks to decode, the ids in them decide. Those of most blocks are in
//! sorted runs, of which a row each is read.

use std::sync::Arc;

use hashbrown::HashMap;
use model::{Owner, Timestamp, TraceId};
use serde_json::json;
use sqlx::sqlite::SqliteConnection;

use crate::block::columns::Signal;
use crate::block::spans::SpanColumns;
use crate::partition::Shared;
use crate::partition::file::{DataFile, Family};
use crate::{Error, StoredSpan, index};

/// See `Telemetry::trace`.
pub(crate) async fn trace(shared: &Shared, id: TraceId) -> Result<Vec<StoredSpan>, Error> {
    let mut spans = Vec::new();
    for file in shared.files(Family::Raw).iter().rev() {
        spans.extend(in_file(shared, file, id).await?);
    }
    spans.sort_by_key(|stored| (stored.span.start, stored.span.id));
    Ok(spans)
}

async fn in_file(shared: &Shared, file: &Arc<DataFile>, id: TraceId) -> Result<Vec<StoredSpan>, Error> {
    // One snapshot: a merge between the two would hide blocks.
    let mut snapshot = file.readers.begin().await?;
    let mut candidates = by_filters(&mut snapshot, id).await?;
    candidates.extend(by_runs(shared, file, &mut snapshot, id).await?);
    if candidates.is_empty() {
        return Ok(Vec::new());
    }
    let blocks: Vec<(Vec<u8>,)> =
        sqlx::query_as("select data from blocks where id in (select value from json_each(?1))")
            .bind(json!(candidates).to_string())
            .fetch_all(&mut *snapshot)
            .await?;
    drop(snapshot);
    let blocks = super::blocking(move || {
        blocks.iter().map(|(data,)| SpanColumns::decode(data)).collect::<Result<Vec<_>, Error>>()
    })
    .await??;
    let wanted: Vec<(usize, usize)> =
        blocks.iter().enumerate().flat_map(|(b, block)| block.of_trace(id).map(move |at| (b, at))).collect();
    let mut numbers: Vec<u32> = wanted.iter().map(|(b, at)| blocks[*b].owner[*at]).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let owners = owners(file, &numbers).await?;
    let resolved = file.resolved(&shared.registry, &shared.directory.load_full()).await?;
    let span = |(b, at): (usize, usize)| {
        let block = &blocks[b];
        let missing = || Error::Damaged(format!("{}: a span names an unknown owner", file.path.display()));
        let owner = owners.get(&block.owner[at]).cloned().ok_or_else(missing)?;
        let timeline = resolved.timelines.get(block.owner[at] as usize).ok_or_else(missing)?;
        let attribution = timeline.at(Timestamp(block.start[at])).as_ref().clone();
        Ok(StoredSpan { span: block.get(at, owner), attribution })
    };
    wanted.into_iter().map(span).collect()
}

/// Of blocks that no run has yet those that may hold a trace, by their filters.
async fn by_filters(snapshot: &mut SqliteConnection, id: TraceId) -> Result<Vec<i64>, Error> {
    // In this order: of all signals' filters only those of spans are read.
    let stored: Vec<(i64, Vec<u8>)> = sqlx::query_as(
        "select block, filters.data from blocks cross join filters on block = blocks.id where signal = ?1",
    )
    .bind(Signal::Spans.number())
    .fetch_all(snapshot)
    .await?;
    Ok(stored.iter().filter(|(_, stored)| index::may_hold(stored, id)).map(|(block, _)| *block).collect())
}

/// Of all others, by a row of each run.
async fn by_runs(
    shared: &Shared,
    file: &DataFile,
    snapshot: &mut SqliteConnection,
    id: TraceId,
) -> Result<Vec<i64>, Error> {
    let rows: Vec<(String, Option<Vec<u8>>)> = sqlx::query_as(
        "select blocks, (select data from trace_rows
                         where id between (trace_runs.id << 32) and (trace_runs.id << 32) + ?1
                         order by id desc limit 1)
         from trace_runs",
    )
    .bind(i64::from(index::fingerprint(id)))
    .fetch_all(snapshot)
    .await?;
    let mut found = Vec::new();
    for (blocks, row) in rows {
        let blocks: Vec<i64> =
            serde_json::from_str(&blocks).map_err(|error| Error::Damaged(format!("a run of traces: {error}")))?;
        // Before its first fingerprint a run has no row.
        let Some(row) = row else { continue };
        match index::places(&row, id) {
            Ok(places) => found.extend(places.iter().filter_map(|place| blocks.get(usize::from(*place)))),
            // A row that can't be read denies nothing.
            Err(error) => {
                shared.damaged(format!("{}: {error}", file.path.display()));
                found.extend(blocks);
            }
        }
    }
    Ok(found)
}

/// Owners in full, by number.
pub(super) async fn owners(file: &DataFile, numbers: &[u32]) -> Result<HashMap<u32, Owner>, Error> {
    let rows: Vec<(i64, String)> =
        sqlx::query_as("select id, owner from owners where id in (select value from json_each(?1))")
            .bind(json!(numbers).to_string())
            .fetch_all(&file.readers)
            .await?;
    let parse = |(id, text): (i64, String)| {
        let owner = serde_json::from_str(&text).map_err(|error| Error::Damaged(format!("an owner: {error}")))?;
        Ok((id as u32, owner))
    };
    rows.into_iter().map(parse).collect()
}
