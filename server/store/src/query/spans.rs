//! Spans of a service that match, and what a chart shows of all of them. Blocks are read newest first, each only if its
//! filter says that it can hold any; of spans only what decides is read first.

mod plot;

use std::cmp::Ordering;
use std::sync::Arc;

use model::{SpanHit, SpanId, SpanOrder, SpanPoint, Timestamp, Window};

use super::part::Part;
use super::top::Top;
use super::walk::{self, Look, Scope, walk};
use crate::block::columns::{Columns, Signal};
use crate::block::spans::{SpanBlock, SpanColumns, SpanReader, search, words};
use crate::partition::Shared;
use crate::{Error, FoundSpans, SpanAsk};
use plot::Plot;

/// See `Telemetry::spans`.
pub(crate) async fn spans(shared: &Shared, ask: SpanAsk) -> Result<FoundSpans, Error> {
    let after = ask.after.filter(|_| ask.order == SpanOrder::Newest && !ask.plot);
    let until = after.map_or(ask.window.to, |after| ask.window.to.min(Timestamp(after.key.saturating_add(1))));
    let scope = Scope {
        service: ask.service.clone(),
        window: Window::new(ask.window.from, until.max(ask.window.from)),
        asks_keys: ask.filter.asks_keys(),
        bytes: walk::BYTES,
    };
    let search = Search { top: Top::new(ask.after, ask.limit, tie), plot: ask.plot.then(Plot::default), ask };
    let (search, covered_from) = walk(shared, scope, search).await?;
    let directory = shared.directory.load_full();
    let (hits, next) = search.top.finish();
    let span = |hit: Hit| {
        let (pod, revision) = hit.part.names(hit.owner, hit.span.at, &directory);
        SpanHit { pod, revision, ..hit.span }
    };
    let spans = hits.into_iter().map(span).collect();
    Ok(FoundSpans { spans, next, plot: search.plot.map(Plot::finish).unwrap_or_default(), covered_from })
}

/// A span that matches, and whose it is.
struct Hit {
    span: SpanHit,
    owner: u32,
    part: Arc<Part>,
}

fn tie(a: &Hit, b: &Hit) -> Ordering {
    let key = |hit: &Hit| (hit.span.at, hit.span.trace, hit.span.id);
    key(b).cmp(&key(a))
}

/// A search on its way.
struct Search {
    ask: SpanAsk,
    top: Top<Hit>,
    plot: Option<Plot>,
}

impl Search {
    /// What the list is ordered by.
    fn key(&self, spans: &SpanColumns, row: usize) -> i64 {
        match self.ask.order {
            SpanOrder::Newest => spans.start[row],
            SpanOrder::Slowest => spans.duration[row],
        }
    }
}

/// What is seen in a block: spans that may be on the page, by the key of the list, and points of the chart.
#[derive(Default)]
struct Seen {
    hits: Vec<(i64, Hit)>,
    points: Vec<(SpanId, SpanPoint)>,
}

impl Search {
    /// Looks into a group of a block.
    fn see_group(
        &self,
        part: &Arc<Part>,
        reader: &mut SpanReader<'_>,
        mut block: SpanBlock,
        seen: &mut Seen,
    ) -> Result<(), Error> {
        let (spans, ask) = (&block.spans, &self.ask);
        let is_asked = |row: usize| {
            let at = Timestamp(spans.start[row]);
            let is_kind = ask.all_kinds || spans.flags[row].kind().is_request();
            is_kind && ask.window.contains(at) && part.is_of(spans.owner[row], at, &ask.service)
        };
        let mut wanted: Vec<bool> = (0..spans.len()).map(is_asked).collect();
        search::matching(reader, &mut block, &ask.filter, &mut wanted, &|owner, key| part.of_owner(owner, key))?;
        let on_page = |row: usize| self.top.wants(self.key(&block.spans, row));
        let mut rows: Vec<usize> = (0..wanted.len()).filter(|row| wanted[*row] && on_page(*row)).collect();
        if rows.is_empty() && (self.plot.is_none() || !wanted.contains(&true)) {
            return Ok(());
        }
        reader.read_ids(&mut block)?;
        let spans = &block.spans;
        if self.plot.is_some() {
            let point = |row: usize| (spans.id_of(row), spans.point(row));
            seen.points.extend((0..wanted.len()).filter(|row| wanted[*row]).map(point));
        }
        rows.sort_by(|a, b| {
            let key = |row: usize| (self.key(spans, row), spans.start[row], spans.trace[row], spans.id_of(row));
            key(*b).cmp(&key(*a))
        });
        rows.truncate(self.top.most());
        let hit = |row: usize| Hit { span: spans.hit(row), owner: spans.owner[row], part: Arc::clone(part) };
        seen.hits.extend(rows.into_iter().map(|row| (self.key(spans, row), hit(row))));
        Ok(())
    }
}

impl Look for Search {
    type Seen = Seen;
    const SIGNAL: Signal = Signal::Spans;
    const FILTERS: &'static str = "words";

    fn may_match(&self, part: &Part, stored: &[u8]) -> Result<bool, Error> {
        words::may_match(stored, &self.ask.filter, &part.owners, &|key| part.has_key(key))
    }

    fn see(&self, part: &Arc<Part>, sealed: &[u8]) -> Result<Seen, Error> {
        let mut reader = SpanReader::open(sealed)?;
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
        if let Some(plot) = &mut self.plot {
            seen.points.into_iter().for_each(|(id, point)| plot.add(id, point));
        }
        self.top.take(seen.hits);
        Ok(())
    }

    fn is_done(&self, last: i64) -> bool {
        self.plot.is_none() && self.ask.order == SpanOrder::Newest && self.top.is_beyond(last)
    }
}
