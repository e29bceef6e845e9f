//! A search over one block of spans: which match. Attributes are read only where all other tests left any. Pure.

use model::{SpanFilter, SpanTerm, SpanTest, TraceId};

use super::open::{SpanBlock, SpanReader};
use crate::Error;
use crate::block::search::{OfOwner, Rows, has_phrase, holds};

/// Names that a query uses for what is no attribute of the span itself.
pub(super) const SCOPE: &str = "scope";
pub(super) const TRACE: &str = "trace";
pub(super) const ERROR: &str = "error";
/// What endpoints are found by in the filter of a block.
pub(super) const ENDPOINT: &str = "endpoint";

/// Marks the spans of a group that match all terms; `wanted` are those to look at.
pub(crate) fn matching(
    reader: &mut SpanReader<'_>,
    block: &mut SpanBlock,
    ask: &SpanFilter,
    wanted: &mut [bool],
    of_owner: OfOwner<'_>,
) -> Result<(), Error> {
    let (late, early): (Vec<&SpanTerm>, Vec<&SpanTerm>) = ask.terms.iter().partition(|term| asks_attributes(term));
    if early.iter().any(|term| matches!(&term.test, SpanTest::Equals(key, _) if key == TRACE)) {
        reader.read_ids(block)?;
    }
    early.into_iter().for_each(|term| apply(block, term, wanted, of_owner));
    if !late.is_empty() && wanted.contains(&true) {
        let keys: Vec<&str> = late.iter().filter_map(|term| key_of(term)).collect();
        block.read_attributes(&keys)?;
        late.into_iter().for_each(|term| apply(block, term, wanted, of_owner));
    }
    Ok(())
}

fn asks_attributes(term: &SpanTerm) -> bool {
    key_of(term).is_some()
}

/// The attribute that a test is about.
fn key_of(term: &SpanTerm) -> Option<&str> {
    match &term.test {
        SpanTest::Equals(key, _) | SpanTest::Has(key) => {
            Some(key.as_str()).filter(|key| !matches!(*key, SCOPE | TRACE | ERROR))
        }
        _ => None,
    }
}

fn apply(block: &SpanBlock, term: &SpanTerm, wanted: &mut [bool], of_owner: OfOwner<'_>) {
    let spans = &block.spans;
    let mut rows = Rows { wanted, texts: &spans.texts, owner: &spans.owner, of_owner };
    match &term.test {
        SpanTest::Endpoint(endpoint) => rows.by_text(term.not, &spans.endpoint, |own| own == endpoint),
        SpanTest::Failed(failed) => rows.keep(term.not, |row| spans.has_failed(row) == *failed),
        SpanTest::Duration(compare, than) => rows.keep(term.not, |row| compare.holds(spans.duration[row], *than)),
        SpanTest::Http(from, to) => rows.keep(term.not, |row| (*from..=*to).contains(&spans.http_status[row])),
        SpanTest::Kind(kind) => rows.keep(term.not, |row| spans.flags[row].kind() == *kind),
        SpanTest::Holds(word) => {
            rows.by_texts(term.not, &[&spans.name, &spans.endpoint], |text| holds(text, word));
        }
        SpanTest::Phrase(phrase) => {
            rows.by_texts(term.not, &[&spans.name, &spans.endpoint], |text| has_phrase(text, phrase));
        }
        SpanTest::Equals(key, value) => match key.as_str() {
            SCOPE => rows.by_text(term.not, &spans.scope, |scope| scope == value),
            ERROR => rows.by_text(term.not, &spans.error, |error| error == value),
            TRACE => {
                let trace = value.parse::<TraceId>().ok();
                rows.keep(term.not, |row| trace == Some(spans.trace[row]));
            }
            _ => rows.by_key(term.not, &spans.attributes, key, |found| found == value),
        },
        SpanTest::Has(key) => match key.as_str() {
            SCOPE => rows.by_text(term.not, &spans.scope, |scope| !scope.is_empty()),
            ERROR => rows.by_text(term.not, &spans.error, |error| !error.is_empty()),
            TRACE => rows.keep(term.not, |_| true),
            _ => rows.by_key(term.not, &spans.attributes, key, |_| true),
        },
    }
}
