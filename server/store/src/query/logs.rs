//! Log records of a service that match: newest blocks first, each only if its filter says that it can hold any.

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Level, LogLine, Timestamp, Window};

use super::part::Part;
use super::top::Top;
use super::walk::{self, Look, Scope, walk};
use crate::block::columns::{Columns, Signal};
use crate::block::logs::filter::Filter;
use crate::block::logs::{LogBlock, LogReader, search};
use crate::partition::Shared;
use crate::{Error, FoundLogs, LogAsk};

/// See `Telemetry::logs`.
pub(crate) async fn logs(shared: &Shared, ask: LogAsk) -> Result<FoundLogs, Error> {
    let ask = LogAsk { window: ask.window.aligned(ask.step), ..ask };
    let until = ask.after.map_or(ask.window.to, |after| ask.window.to.min(Timestamp(after.key.saturating_add(1))));
    let scope = Scope {
        service: ask.service.clone(),
        window: Window::new(ask.window.from, until.max(ask.window.from)),
        asks_keys: ask.filter.asks_keys(),
        bytes: walk::BYTES,
    };
    let search = Search { top: Top::new(ask.after, ask.limit, tie), ask, found: FoundLogs::default() };
    let (search, covered_from) = walk(shared, scope, search).await?;
    Ok(FoundLogs { covered_from, ..search.finish(shared) })
}

/// A record that matches, and whose it is.
struct Hit {
    line: LogLine,
    owner: u32,
    part: Arc<Part>,
}

fn tie(a: &Hit, b: &Hit) -> Ordering {
    a.owner.cmp(&b.owner).then_with(|| a.line.body.cmp(&b.line.body))
}

/// A search on its way.
struct Search {
    ask: LogAsk,
    found: FoundLogs,
    top: Top<Hit>,
}

/// What is seen in a block: how many records match by level and cell, and those that may be on the page, by their time.
#[derive(Default)]
struct Seen {
    levels: BTreeMap<Level, BTreeMap<u32, u64>>,
    hits: Vec<(i64, Hit)>,
}

impl Search {
    /// Looks into a group of a block.
    fn see_group(
        &self,
        part: &Arc<Part>,
        reader: &mut LogReader<'_>,
        mut block: LogBlock,
        seen: &mut Seen,
    ) -> Result<(), Error> {
        let (logs, ask) = (&block.logs, &self.ask);
        let is_own = |row| {
            let at = Timestamp(logs.at[row]);
            ask.window.contains(at) && part.is_of(logs.owner[row], at, &ask.service)
        };
        let mut wanted: Vec<bool> = (0..logs.len()).map(is_own).collect();
        search::matching(reader, &mut block, &ask.filter, &mut wanted, &|owner, key| part.of_owner(owner, key))?;
        let logs = &block.logs;
        let mut rows: Vec<usize> = Vec::new();
        for row in (0..logs.len()).filter(|row| wanted[*row]) {
            let cell = (Timestamp(logs.at[row]).since(ask.window.from) / ask.step.0) as u32;
            if !logs.is_gap(row) {
                *seen.levels.entry(Level::from_number(logs.level[row])).or_default().entry(cell).or_default() += 1;
            }
            if self.top.wants(logs.at[row]) {
                rows.push(row);
            }
        }
        if rows.is_empty() {
            return Ok(());
        }
        rows.sort_by(|a, b| {
            let key = |row: usize| (Reverse(logs.at[row]), logs.owner[row], logs.body_of(row));
            key(*a).cmp(&key(*b))
        });
        rows.truncate(self.top.most());
        reader.read_traces(&mut block)?;
        block.read_attributes()?;
        let logs = &block.logs;
        let hit = |row: usize| Hit { line: logs.get(row), owner: logs.owner[row], part: Arc::clone(part) };
        seen.hits.extend(rows.into_iter().map(|row| (logs.at[row], hit(row))));
        Ok(())
    }
}

impl Look for Search {
    type Seen = Seen;
    const SIGNAL: Signal = Signal::Logs;

    fn may_match(&self, part: &Part, filter: &[u8]) -> Result<bool, Error> {
        let filter = Filter::open(filter, &part.owners)?;
        Ok(filter.is_owned && search::may_match(&filter, &self.ask.filter, &|key| part.has_key(key)))
    }

    fn see(&self, part: &Arc<Part>, sealed: &[u8]) -> Result<Seen, Error> {
        let mut reader = LogReader::open(sealed)?;
        let mut seen = Seen::default();
        for group in 0..reader.len() {
            if reader.may_have(group, &part.owners, self.ask.window)? {
                let block = reader.group(group)?;
                self.see_group(part, &mut reader, block, &mut seen)?;
            }
        }
        Ok(seen)
    }

    fn take(&mut self, _: &Arc<Part>, seen: Seen) -> Result<(), Error> {
        for (level, cells) in seen.levels {
            let all = self.found.levels.entry(level).or_default();
            cells.into_iter().for_each(|(cell, count)| *all.entry(cell).or_default() += count);
        }
        self.top.take(seen.hits);
        Ok(())
    }

    fn is_done(&self, last: i64) -> bool {
        !self.ask.count && self.top.is_beyond(last)
    }
}

impl Search {
    fn finish(self, shared: &Shared) -> FoundLogs {
        let directory = shared.directory.load_full();
        let (hits, next) = self.top.finish();
        let line = |hit: Hit| {
            let (pod, revision) = hit.part.names(hit.owner, hit.line.at, &directory);
            LogLine { pod, revision, ..hit.line }
        };
        FoundLogs { lines: hits.into_iter().map(line).collect(), next, ..self.found }
    }
}
