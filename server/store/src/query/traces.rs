//! A trace by its id: fingerprints say which blocks to decode, the ids in them decide. Those of most blocks are in
//! sorted runs, of which a row each is read. One block is decoded at a time, and a search ends when it has what it may
//! have, so that no trace is too large for the memory.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use hashbrown::HashMap;
use model::{Owner, SpanId, Timestamp, TraceId};
use serde_json::json;
use sqlx::sqlite::SqliteConnection;

use crate::block::columns::Signal;
use crate::block::spans::SpanColumns;
use crate::partition::Shared;
use crate::partition::file::{DataFile, Family};
use crate::{Error, FoundTrace, StoredSpan, index};

/// Spans of a trace that are told.
const SPANS: usize = 200_000;

/// See `Telemetry::trace`.
pub(crate) async fn trace(shared: &Shared, id: TraceId) -> Result<FoundTrace, Error> {
    let mut found = find(shared, Search::new(id, None, SPANS)).await?;
    found.spans.sort_by_key(|stored| (stored.span.start, stored.span.id));
    Ok(found)
}

/// See `Telemetry::span`.
pub(crate) async fn span(shared: &Shared, trace: TraceId, id: SpanId) -> Result<Option<StoredSpan>, Error> {
    Ok(find(shared, Search::new(trace, Some(id), 1)).await?.spans.pop())
}

/// What is looked for, and what is found of it.
struct Search {
    trace: TraceId,
    /// Only this one.
    span: Option<SpanId>,
    most: usize,
    found: FoundTrace,
}

/// A span that was found in a file, and the number of its owner there.
type Found = (model::Span, u32);

impl Search {
    fn new(trace: TraceId, span: Option<SpanId>, most: usize) -> Self {
        Self { trace, span, most, found: FoundTrace::default() }
    }

    /// Whether nothing more can change the answer: one span is one, of a trace it is to be known whether there are more.
    fn is_done(&self) -> bool {
        self.found.is_cut || (self.span.is_some() && self.found.spans.len() >= self.most)
    }

    /// Places in a block of what is looked for, of a trace one more than is told.
    fn places(&self, block: &SpanColumns, found: usize) -> Vec<usize> {
        let wanted = |at: &usize| self.span.is_none_or(|id| block.id_of(*at) == id);
        block.of_trace(self.trace).filter(wanted).take((self.most + 1).saturating_sub(found)).collect()
    }
}

async fn find(shared: &Shared, mut search: Search) -> Result<FoundTrace, Error> {
    for file in shared.files(Family::Raw).iter().rev() {
        let looked = in_file(shared, file, &mut search).await;
        shared.came_upon(file, looked)?;
        if search.is_done() {
            break;
        }
    }
    Ok(search.found)
}

/// Looks into a file; its owners are resolved at last, so that none is missing.
async fn in_file(shared: &Shared, file: &Arc<DataFile>, search: &mut Search) -> Result<(), Error> {
    let mut found = Vec::new();
    let read = read(shared, file, search, &mut found).await;
    // What was found before the damage is told.
    shared.came_upon(file, read)?;
    if found.is_empty() {
        return Ok(());
    }
    let resolved = file.resolved(&shared.registry, &shared.directory.load_full()).await?;
    for (span, owner) in found {
        if search.found.spans.len() >= search.most {
            search.found.is_cut = true;
            break;
        }
        let Some(timeline) = resolved.timelines.get(owner as usize) else {
            shared.damaged(format!("{}: a span names an unknown owner", file.path.display()));
            continue;
        };
        let attribution = timeline.at(Timestamp(span.start.0)).as_ref().clone();
        search.found.spans.push(StoredSpan { span, attribution });
    }
    Ok(())
}

/// Reads what a file has of a trace, one block after the other.
async fn read(shared: &Shared, file: &Arc<DataFile>, search: &Search, found: &mut Vec<Found>) -> Result<(), Error> {
    // One snapshot: a merge between two reads would hide blocks.
    let mut snapshot = file.readers.snapshot().await?;
    let mut candidates = by_filters(&mut snapshot, search.trace).await?;
    candidates.extend(by_runs(shared, file, &mut snapshot, search.trace).await?);
    let mut owners: HashMap<u32, Arc<Owner>> = HashMap::new();
    for id in candidates {
        let (data,): (Vec<u8>,) =
            sqlx::query_as("select data from blocks where id = ?1").bind(id).fetch_one(&mut *snapshot).await?;
        let trace = search.trace;
        let groups = match super::blocking(move || SpanColumns::of_block(&data, trace)).await? {
            Ok(groups) => groups,
            Err(error) => {
                shared.damaged(format!("{}: block {id}: {error}", file.path.display()));
                continue;
            }
        };
        for group in groups {
            let places = search.places(&group, search.found.spans.len() + found.len());
            know(&mut owners, &mut snapshot, places.iter().map(|at| group.owner[*at])).await?;
            for at in places {
                match owners.get(&group.owner[at]) {
                    Some(owner) => found.push((group.get(at, Arc::clone(owner)), group.owner[at])),
                    None => shared.damaged(format!("{}: a span names an unknown owner", file.path.display())),
                }
            }
        }
        let all = search.found.spans.len() + found.len();
        if all > search.most || (search.span.is_some() && all > 0) {
            break;
        }
    }
    Ok(())
}

/// Reads the owners of some numbers that are not known yet.
async fn know(
    known: &mut HashMap<u32, Arc<Owner>>,
    connection: &mut SqliteConnection,
    numbers: impl Iterator<Item = u32>,
) -> Result<(), Error> {
    let mut missing: Vec<u32> = numbers.filter(|number| !known.contains_key(number)).collect();
    missing.sort_unstable();
    missing.dedup();
    if !missing.is_empty() {
        let read = owners(connection, &missing).await?;
        known.extend(read.into_iter().map(|(number, owner)| (number, Arc::new(owner))));
    }
    Ok(())
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
pub(super) async fn owners(connection: &mut SqliteConnection, numbers: &[u32]) -> Result<HashMap<u32, Owner>, Error> {
    let rows: Vec<(i64, String)> =
        sqlx::query_as("select id, owner from owners where id in (select value from json_each(?1))")
            .bind(json!(numbers).to_string())
            .fetch_all(connection)
            .await?;
    let parse = |(id, text): (i64, String)| {
        let owner = serde_json::from_str(&text).map_err(|error| Error::Damaged(format!("an owner: {error}")))?;
        Ok((id as u32, owner))
    };
    rows.into_iter().map(parse).collect()
}
