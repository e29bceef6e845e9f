//! Log records of a service that match: newest blocks first, each only if its filter says that it can hold any.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hashbrown::HashMap;
use model::{LogCursor, LogLine, Timestamp};
use serde_json::json;

use super::part::Part;
use crate::block::columns::{Columns, Signal};
use crate::block::logs::LogColumns;
use crate::block::logs::filter::Filter;
use crate::block::logs::search;
use crate::partition::Shared;
use crate::partition::file::{DataFile, Family};
use crate::{Error, FoundLogs, LogAsk};

/// A search looks into no more bytes of blocks, and takes no longer; it says how far it came.
const BYTES: i64 = 256 << 20;
const TIME: Duration = Duration::from_secs(3);
/// Blocks read at once, which bounds memory.
const CHUNK: usize = 8;

/// A block: its file, number, last event time and size.
struct Candidate {
    file: Arc<DataFile>,
    id: i64,
    last: i64,
    bytes: i64,
}

/// A row of a block that matches.
struct Hit {
    line: LogLine,
    owner: u32,
    file: Arc<DataFile>,
}

/// See `Telemetry::logs`.
pub(crate) async fn logs(shared: &Shared, ask: LogAsk) -> Result<FoundLogs, Error> {
    let window = ask.window.aligned(ask.step);
    let ask = Arc::new(LogAsk { window, ..ask });
    let mut files: HashMap<i64, Arc<Part>> = HashMap::new();
    let mut candidates = Vec::new();
    for file in shared.files(Family::Raw).iter() {
        let part = Arc::new(Part::of(shared, file, &ask.service, ask.filter.asks_keys()).await?);
        if !part.owners.is_empty() {
            candidates.extend(blocks(file, &part, &ask).await?);
            files.insert(file.id, part);
        }
    }
    candidates.sort_by_key(|block| Reverse(block.last));
    let mut search = Search { ask: Arc::clone(&ask), found: FoundLogs::default(), hits: Vec::new() };
    let (begun, mut bytes) = (Instant::now(), 0);
    for chunk in candidates.chunks(CHUNK) {
        bytes += chunk.iter().map(|block| block.bytes).sum::<i64>();
        if bytes > BYTES || begun.elapsed() > TIME {
            search.found.covered_from = Some(Timestamp(chunk[0].last.saturating_add(1)).max(window.from));
            break;
        }
        if !ask.count && search.is_full(chunk[0].last) {
            break;
        }
        search = read(shared, chunk, &files, search).await?;
    }
    search.finish(shared, &files).await
}

/// Blocks of a file that can hold matches.
async fn blocks(file: &Arc<DataFile>, part: &Part, ask: &LogAsk) -> Result<Vec<Candidate>, Error> {
    let upper = ask.after.map_or(ask.window.to.0, |after| ask.window.to.0.min(after.at.0.saturating_add(1)));
    let rows: Vec<(i64, i64, i64, Vec<u8>)> = sqlx::query_as(
        "select id, last, length(blocks.data), filters.data from blocks join filters on block = id
         where signal = ?1 and last >= ?2 and first < ?3",
    )
    .bind(Signal::Logs.number())
    .bind(ask.window.from.0)
    .bind(upper)
    .fetch_all(&file.readers)
    .await?;
    let mut found = Vec::new();
    for (id, last, bytes, filter) in rows {
        let filter = Filter::open(&filter)?;
        if filter.has_owner(&part.owners) && search::may_match(&filter, &ask.filter, &|key| part.has_key(key)) {
            found.push(Candidate { file: Arc::clone(file), id, last, bytes });
        }
    }
    Ok(found)
}

/// Searches a few blocks. One that a merge replaced meanwhile is left out: what it held is in another.
async fn read(
    shared: &Shared,
    chunk: &[Candidate],
    files: &HashMap<i64, Arc<Part>>,
    mut search: Search,
) -> Result<Search, Error> {
    let mut blocks = Vec::with_capacity(chunk.len());
    for same in chunk.chunk_by(|a, b| a.file.id == b.file.id) {
        let file = &same[0].file;
        let Some(part) = files.get(&file.id) else { continue };
        let ids: Vec<i64> = same.iter().map(|block| block.id).collect();
        let rows: Vec<(i64, Vec<u8>)> =
            sqlx::query_as("select id, data from blocks where id in (select value from json_each(?1))")
                .bind(json!(ids).to_string())
                .fetch_all(&file.readers)
                .await?;
        blocks.extend(rows.into_iter().map(|(id, data)| (Arc::clone(file), Arc::clone(part), id, data)));
    }
    let (search, damaged) = super::blocking(move || {
        let mut damaged = Vec::new();
        for (file, part, id, data) in blocks {
            match LogColumns::unseal(&data) {
                Ok(logs) => search.look(&file, &part, &logs),
                Err(error) => damaged.push(format!("{}: block {id}: {error}", file.path.display())),
            }
        }
        (search, damaged)
    })
    .await?;
    damaged.into_iter().for_each(|what| shared.damaged(what));
    Ok(search)
}

/// A search on its way.
struct Search {
    ask: Arc<LogAsk>,
    found: FoundLogs,
    /// The newest hits, as many as a page can need.
    hits: Vec<Hit>,
}

impl Search {
    fn look(&mut self, file: &Arc<DataFile>, part: &Part, logs: &LogColumns) {
        let ask = Arc::clone(&self.ask);
        let mut wanted: Vec<bool> = (0..logs.len())
            .map(|row| {
                let at = Timestamp(logs.at[row]);
                ask.window.contains(at)
                    && part.owners.binary_search(&logs.owner[row]).is_ok()
                    && part.resolved.timelines[logs.owner[row] as usize].at(at).service.as_ref() == Some(&ask.service)
            })
            .collect();
        search::matching(logs, &ask.filter, &mut wanted, &|owner, key| part.of_owner(owner, key));
        let mut rows: Vec<usize> = Vec::new();
        for row in (0..logs.len()).filter(|row| wanted[*row]) {
            let at = Timestamp(logs.at[row]);
            let cell = (at.since(ask.window.from) / ask.step.0) as u32;
            let level = model::Level::from_number(logs.level[row]);
            *self.found.levels.entry(level).or_default().entry(cell).or_default() += 1;
            if ask.after.is_none_or(|after| at <= after.at) {
                rows.push(row);
            }
        }
        // Of the same moment in an order that does not depend on how blocks are merged.
        rows.sort_by(|a, b| {
            let key = |row: usize| (Reverse(logs.at[row]), logs.owner[row], logs.body_of(row));
            key(*a).cmp(&key(*b))
        });
        rows.truncate(self.most());
        let least = self.hits.last().filter(|_| self.hits.len() >= self.most()).map(|last| last.line.at.0);
        rows.retain(|row| least.is_none_or(|least| logs.at[*row] >= least));
        self.hits.extend(rows.into_iter().map(|row| Hit {
            line: logs.get(row),
            owner: logs.owner[row],
            file: Arc::clone(file),
        }));
        self.hits.sort_by(|a, b| {
            let key = |hit: &Hit| (Reverse(hit.line.at), hit.owner);
            key(a).cmp(&key(b)).then_with(|| a.line.body.cmp(&b.line.body))
        });
        self.hits.truncate(self.most());
    }

    /// Whether nothing that ended so early can be on the page.
    fn is_full(&self, last: i64) -> bool {
        self.hits.len() >= self.most() && self.hits.last().is_some_and(|hit| hit.line.at.0 > last)
    }

    /// Hits that must be kept: those shown before of the cursor's moment, a page, and one more.
    fn most(&self) -> usize {
        let before = self.ask.after.map_or(0, |after| after.skip);
        before as usize + self.ask.limit as usize + 1
    }

    async fn finish(mut self, shared: &Shared, files: &HashMap<i64, Arc<Part>>) -> Result<FoundLogs, Error> {
        let directory = shared.directory.load_full();
        let after = self.ask.after;
        let mut skip = after.map_or(0, |after| after.skip);
        self.hits.retain(|hit| {
            let shown = after.is_some_and(|after| hit.line.at == after.at) && skip > 0;
            skip -= u32::from(shown);
            !shown
        });
        let more = self.hits.len() > self.ask.limit as usize;
        self.hits.truncate(self.ask.limit as usize);
        if let Some(last) = self.hits.last().filter(|_| more) {
            let same = self.hits.iter().filter(|hit| hit.line.at == last.line.at).count() as u32;
            let before = after.filter(|after| after.at == last.line.at).map_or(0, |after| after.skip);
            self.found.next = Some(LogCursor { at: last.line.at, skip: same + before });
        }
        for hit in self.hits {
            let file = files.get(&hit.file.id).ok_or_else(|| Error::Damaged("a file went away".into()))?;
            let attribution = file.resolved.timelines[hit.owner as usize].at(hit.line.at).as_ref().clone();
            let mut line = hit.line;
            line.pod = attribution.pod_name.clone();
            let revision = attribution.service.as_ref().zip(attribution.revision.as_ref());
            line.revision = revision.and_then(|(s, r)| directory.revision_name(s, r)).map(str::to_owned);
            self.found.lines.push(line);
        }
        Ok(self.found)
    }
}
