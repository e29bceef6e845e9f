//! Gathers spans, or finer rollups, into cells of a width.

use hashbrown::hash_map::Entry;
use hashbrown::{HashMap, HashSet};
use model::{Red, SpanKind, SpanStatus};

use super::{Cell, ErrorCell, LogCell, OwnerCount, Rollup};
use crate::block::columns::Columns;
use crate::block::logs::LogColumns;
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
    logs: HashMap<(u32, u32, u8, i64), LogCell>,
    endpoints: Cap,
    callees: Cap,
    patterns: Cap,
    /// Error groups: endpoint and error.
    groups: Cap,
    owners: HashMap<u32, OwnerCount>,
}

/// Different texts that an owner may have in one rollup; what is beyond is counted together, so that whoever sends
/// an endpoint, an error or a pattern of its own with each record does not make rollups as large as records.
pub(crate) const TEXTS: usize = 400;
/// What stands for them.
pub(crate) const OTHERS: &str = "(others)";

/// Numbers in a rollup for those texts of a block, or of a larger rollup, that it names; bodies and attributes are far
/// too many.
pub(super) struct Named<'a> {
    texts: &'a Texts,
    numbers: Vec<Option<u32>>,
}

impl<'a> Named<'a> {
    pub(super) fn new(texts: &'a Texts) -> Self {
        Self { texts, numbers: vec![None; texts.len()] }
    }

    pub(super) fn number(&mut self, text: u32, into: &mut Texts) -> u32 {
        *self.numbers[text as usize].get_or_insert_with(|| into.number(self.texts.get(text)))
    }
}

/// Counts the texts of each owner, or its pairs of texts.
#[derive(Debug)]
struct Cap {
    most: usize,
    known: HashSet<(u32, u32, u32)>,
    counts: HashMap<u32, usize>,
}

impl Cap {
    fn new(most: usize) -> Self {
        Self { most, known: HashSet::new(), counts: HashMap::new() }
    }

    /// The text under which an owner's record is counted.
    fn text(&mut self, owner: u32, text: u32, texts: &mut Texts) -> u32 {
        self.beside(owner, 0, text, texts)
    }

    /// The same of a text that counts anew beside each other text.
    fn beside(&mut self, owner: u32, other: u32, text: u32, texts: &mut Texts) -> u32 {
        if self.most == usize::MAX || self.known.contains(&(owner, other, text)) {
            return text;
        }
        let count = self.counts.entry(owner).or_default();
        if *count >= self.most {
            return texts.number(OTHERS);
        }
        *count += 1;
        self.known.insert((owner, other, text));
        text
    }
}

impl Gather {
    pub(crate) fn new(width: i64) -> Self {
        Self::capped(width, TEXTS)
    }

    /// Of rollups that are capped themselves, each of which may keep what it has.
    pub(crate) fn whole(width: i64) -> Self {
        Self::capped(width, usize::MAX)
    }

    fn capped(width: i64, most: usize) -> Self {
        Self {
            width,
            texts: Texts::default(),
            requests: HashMap::new(),
            calls: HashMap::new(),
            errors: HashMap::new(),
            logs: HashMap::new(),
            endpoints: Cap::new(most),
            callees: Cap::new(most),
            patterns: Cap::new(most),
            groups: Cap::new(most),
            owners: HashMap::new(),
        }
    }

    /// Adds all spans, each by its weight.
    pub(crate) fn add_spans(&mut self, spans: &SpanColumns) {
        let mut named = Named::new(&spans.texts);
        for at in 0..spans.len() {
            let flags = spans.flags[at];
            let request = flags.kind().is_request();
            let start = spans.start[at];
            self.count_owner(OwnerCount {
                owner: spans.owner[at],
                spans: 1,
                logs: 0,
                last: start,
                last_request: request.then_some(start),
            });
            let call = matches!(flags.kind(), SpanKind::Client | SpanKind::Producer) && spans.callee[at] != 0;
            let failed = spans.error[at] != 0;
            let cell = floor(start, self.width);
            if request {
                let owner = spans.owner[at];
                let endpoint = named.number(spans.endpoint[at], &mut self.texts);
                let key = (owner, self.endpoints.text(owner, endpoint, &mut self.texts), cell);
                add_span(self.requests.entry(key).or_default(), spans, at, failed);
                if failed {
                    let error = named.number(spans.error[at], &mut self.texts);
                    let error = ErrorCell {
                        owner: key.0,
                        endpoint: key.1,
                        error: self.groups.beside(owner, key.1, error, &mut self.texts),
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
                let owner = spans.owner[at];
                let callee = named.number(spans.callee[at], &mut self.texts);
                let key = (owner, self.callees.text(owner, callee, &mut self.texts), cell);
                add_span(self.calls.entry(key).or_default(), spans, at, failed);
            }
        }
    }

    /// Adds all log records, but for what only says that some are missing.
    pub(crate) fn add_logs(&mut self, logs: &LogColumns) {
        let mut named = Named::new(&logs.texts);
        for row in (0..logs.len()).filter(|row| !logs.is_gap(*row)) {
            let (owner, at) = (logs.owner[row], logs.at[row]);
            self.count_owner(OwnerCount { owner, spans: 0, logs: 1, last: at, last_request: None });
            let pattern = named.number(logs.pattern[row], &mut self.texts);
            let pattern = self.patterns.text(owner, pattern, &mut self.texts);
            let level = logs.level[row];
            self.count_logs(LogCell {
                owner,
                pattern,
                level,
                at: floor(at, self.width),
                count: 1,
                first: at,
                last: at,
            });
        }
    }

    /// Adds the cells of another rollup that begin in a stretch, each under the number that `owner` gives its owner at
    /// that time; not those to which it gives none.
    pub(crate) fn add(&mut self, other: &Rollup, from: i64, to: i64, owner: impl Fn(u32, i64) -> Option<u32>) {
        let texts = self.texts.add_all(&other.texts);
        let owner = |number: u32, at: i64| if from <= at && at < to { owner(number, at) } else { None };
        let requests = (&other.requests, &mut self.requests, &mut self.endpoints);
        let calls = (&other.calls, &mut self.calls, &mut self.callees);
        for (cells, into, caps) in [requests, calls] {
            for cell in cells {
                let Some(owner) = owner(cell.owner, cell.at) else { continue };
                let text = caps.text(owner, texts[cell.text as usize], &mut self.texts);
                let key = (owner, text, floor(cell.at, self.width));
                let (red, sampled) = into.entry(key).or_default();
                other.add_to(cell, red);
                *sampled |= cell.sampled;
            }
        }
        for cell in &other.logs {
            let Some(owner) = owner(cell.owner, cell.at) else { continue };
            let pattern = self.patterns.text(owner, texts[cell.pattern as usize], &mut self.texts);
            self.count_logs(LogCell { owner, pattern, at: floor(cell.at, self.width), ..*cell });
        }
        for cell in &other.errors {
            let Some(owner) = owner(cell.owner, cell.at) else { continue };
            let endpoint = self.endpoints.text(owner, texts[cell.endpoint as usize], &mut self.texts);
            let error = self.groups.beside(owner, endpoint, texts[cell.error as usize], &mut self.texts);
            self.count_error(ErrorCell { owner, endpoint, error, at: floor(cell.at, self.width), ..*cell });
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
                known.logs += count.logs;
                known.last = known.last.max(count.last);
                known.last_request = known.last_request.max(count.last_request);
            }
        }
    }

    fn count_logs(&mut self, cell: LogCell) {
        match self.logs.entry((cell.owner, cell.pattern, cell.level, cell.at)) {
            Entry::Vacant(entry) => drop(entry.insert(cell)),
            Entry::Occupied(mut entry) => {
                let known = entry.get_mut();
                known.count += cell.count;
                known.first = known.first.min(cell.first);
                known.last = known.last.max(cell.last);
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
        rollup.logs = self.logs.into_values().collect();
        rollup.logs.sort_by_key(|cell| (cell.owner, cell.pattern, cell.level, cell.at));
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

#[cfg(test)]
mod tests {
    use model::{SpanId, Timestamp, TraceId};

    use super::*;
    use crate::SpanRow;
    use crate::rollup::CELL;

    /// Failed requests of one owner, each with an error of its own, to some endpoints.
    fn failures(numbers: std::ops::Range<usize>, endpoints: usize) -> SpanColumns {
        let mut spans = SpanColumns::default();
        for n in numbers {
            spans.push(&SpanRow {
                owner: 7,
                trace: TraceId([1; 16]),
                id: SpanId([1; 8]),
                parent: None,
                kind: SpanKind::Server,
                name: "a",
                endpoint: &format!("GET /{}", n % endpoints),
                callee: "",
                start: Timestamp(n as i64),
                duration: 1,
                status: SpanStatus::Error,
                status_message: "",
                scope: "",
                http_status: 500,
                error: &format!("error {n}"),
                weight: 1.0,
                sampled: false,
                attributes: &[],
                events: &[],
                links: &[],
            });
        }
        spans
    }

    /// How many error cells there are, and what they count.
    fn counts(rollup: &Rollup) -> (usize, f64) {
        (rollup.errors.len(), rollup.errors.iter().map(|cell| cell.count).sum())
    }

    #[test]
    fn errors_of_their_own_are_counted_together_beyond_a_number() {
        let (mut one, mut two) = (Gather::new(CELL), Gather::new(CELL));
        one.add_spans(&failures(0..2_000, 4));
        two.add_spans(&failures(2_000..4_000, 4));
        let (one, two) = (one.finish(), two.finish());
        assert_eq!(counts(&one), (TEXTS + 4, 2_000.0));
        let others: f64 =
            one.errors.iter().filter(|cell| one.texts.get(cell.error) == OTHERS).map(|cell| cell.count).sum();
        assert_eq!(others, 2_000.0 - TEXTS as f64);
        let mut both = Gather::new(CELL);
        both.add(&one, i64::MIN, i64::MAX, |owner, _| Some(owner));
        both.add(&two, i64::MIN, i64::MAX, |owner, _| Some(owner));
        let (cells, count) = counts(&both.finish());
        assert!((TEXTS..=TEXTS + 4).contains(&cells) && count == 4_000.0, "{cells} {count}");
    }
}
