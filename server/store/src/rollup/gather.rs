//! Gathers spans, or finer rollups, into cells of a width.

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use model::{Red, SpanKind, SpanStatus};

use super::{Cell, ErrorCell, OwnerCount, Rollup};
use crate::block::spans::SpanColumns;
use crate::block::texts::Texts;

/// Owner, text and start of the stretch.
type Key = (u32, u32, i64);

/// See the module.
#[derive(Debug)]
pub(crate) struct Gather {
    width: i64,
    texts: Texts,
    requests: HashMap<Key, (Red, bool)>,
    calls: HashMap<Key, (Red, bool)>,
    errors: HashMap<(u32, u32, u32, i64), ErrorCell>,
    owners: HashMap<u32, OwnerCount>,
}

impl Gather {
    pub(crate) fn new(width: i64) -> Self {
        Self {
            width,
            texts: Texts::default(),
            requests: HashMap::new(),
            calls: HashMap::new(),
            errors: HashMap::new(),
            owners: HashMap::new(),
        }
    }

    /// Adds all spans, each by its weight.
    pub(crate) fn add_spans(&mut self, spans: &SpanColumns) {
        let texts = self.texts.add_all(&spans.texts);
        for at in 0..spans.len() {
            let flags = spans.flags[at];
            let request = flags.kind().is_request();
            let start = spans.start[at];
            self.count_owner(OwnerCount {
                owner: spans.owner[at],
                spans: 1,
                last: start,
                last_request: request.then_some(start),
            });
            let call = matches!(flags.kind(), SpanKind::Client | SpanKind::Producer) && spans.callee[at] != 0;
            let failed = spans.error[at] != 0;
            let cell = floor(start, self.width);
            if request {
                let key = (spans.owner[at], texts[spans.endpoint[at] as usize], cell);
                add_span(self.requests.entry(key).or_default(), spans, at, failed);
                if failed {
                    let error = ErrorCell {
                        owner: key.0,
                        endpoint: key.1,
                        error: texts[spans.error[at] as usize],
                        at: cell,
                        count: f64::from(spans.weight[at]),
                        first: start,
                        last: start,
                        sample: spans.trace[at],
                    };
                    self.count_error(error);
                }
            } else if call {
                let failed = failed || flags.status() == SpanStatus::Error || spans.http_status[at] >= 500;
                let key = (spans.owner[at], texts[spans.callee[at] as usize], cell);
                add_span(self.calls.entry(key).or_default(), spans, at, failed);
            }
        }
    }

    /// Adds the cells of another rollup that begin in a stretch, with its owners renumbered.
    pub(crate) fn add(&mut self, other: &Rollup, from: i64, to: i64, owner: impl Fn(u32) -> u32) {
        let texts = self.texts.add_all(&other.texts);
        let inside = |at: i64| from <= at && at < to;
        for (cells, into) in [(&other.requests, &mut self.requests), (&other.calls, &mut self.calls)] {
            for cell in cells.iter().filter(|cell| inside(cell.at)) {
                let key = (owner(cell.owner), texts[cell.text as usize], floor(cell.at, self.width));
                let (red, sampled) = into.entry(key).or_default();
                other.add_to(cell, red);
                *sampled |= cell.sampled;
            }
        }
        for cell in other.errors.iter().filter(|cell| inside(cell.at)) {
            self.count_error(ErrorCell {
                owner: owner(cell.owner),
                endpoint: texts[cell.endpoint as usize],
                error: texts[cell.error as usize],
                at: floor(cell.at, self.width),
                ..*cell
            });
        }
    }

    /// Adds the owners' counts of another rollup.
    pub(crate) fn add_owners(&mut self, other: &Rollup) {
        other.owners.iter().for_each(|count| self.count_owner(*count));
    }

    fn count_owner(&mut self, count: OwnerCount) {
        match self.owners.entry(count.owner) {
            Entry::Vacant(entry) => drop(entry.insert(count)),
            Entry::Occupied(mut entry) => {
                let known = entry.get_mut();
                known.spans += count.spans;
                known.last = known.last.max(count.last);
                known.last_request = known.last_request.max(count.last_request);
            }
        }
    }

    fn count_error(&mut self, cell: ErrorCell) {
        match self.errors.entry((cell.owner, cell.endpoint, cell.error, cell.at)) {
            Entry::Vacant(entry) => drop(entry.insert(cell)),
            Entry::Occupied(mut entry) => {
                let known = entry.get_mut();
                known.count += cell.count;
                known.first = known.first.min(cell.first);
                if cell.last >= known.last {
                    (known.last, known.sample) = (cell.last, cell.sample);
                }
            }
        }
    }

    /// The rollup, sorted.
    pub(crate) fn finish(self) -> Rollup {
        let mut rollup = Rollup { texts: self.texts, ..Rollup::default() };
        rollup.requests = cells(self.requests, &mut rollup.buckets);
        rollup.calls = cells(self.calls, &mut rollup.buckets);
        rollup.errors = self.errors.into_values().collect();
        rollup.errors.sort_by_key(|cell| (cell.owner, cell.endpoint, cell.error, cell.at));
        rollup.owners = self.owners.into_values().collect();
        rollup.owners.sort_by_key(|count| count.owner);
        rollup
    }
}

fn cells(map: HashMap<Key, (Red, bool)>, buckets: &mut Vec<(u16, f32)>) -> Vec<Cell> {
    let mut all: Vec<(Key, (Red, bool))> = map.into_iter().collect();
    all.sort_by_key(|(key, _)| *key);
    let cell = |((owner, text, at), (red, sampled)): (Key, (Red, bool))| {
        let from = buckets.len() as u32;
        buckets.extend(red.histogram.buckets);
        Cell {
            owner,
            text,
            at,
            sampled,
            requests: red.requests,
            errors: red.errors,
            client_errors: red.client_errors,
            server_errors: red.server_errors,
            duration: red.duration,
            from,
            to: buckets.len() as u32,
        }
    };
    all.into_iter().map(cell).collect()
}

fn add_span((red, sampled): &mut (Red, bool), spans: &SpanColumns, at: usize, failed: bool) {
    let weight = f64::from(spans.weight[at]);
    let when = |yes: bool| if yes { weight } else { 0.0 };
    red.requests += weight;
    red.errors += when(failed);
    red.client_errors += when((400..500).contains(&spans.http_status[at]));
    red.server_errors += when(spans.http_status[at] >= 500);
    red.duration += weight * spans.duration[at] as f64;
    red.histogram.add(spans.duration[at], spans.weight[at]);
    *sampled |= spans.flags[at].sampled();
}

/// The start of the stretch that a time is in; times at the very edge of the type stay inside it.
fn floor(at: i64, width: i64) -> i64 {
    let at = at.max(i64::MIN + width);
    at - at.rem_euclid(width)
}
