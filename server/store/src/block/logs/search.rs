//! A search over one block of logs: which records match. Pure.

use model::{LogFilter, LogTest, TraceId};

use super::LogColumns;
use super::filter::Filter;
use crate::block::filter::{hash_pair, hash_word, words_of};
use crate::block::search::{OfOwner, Rows, has_phrase, holds};

/// Names that a query uses for what is no attribute of the record itself.
const SCOPE: &str = "scope";
const PATTERN: &str = "pattern";
const TRACE: &str = "trace";

/// Whether a block can hold matches, by its filter alone; `of_resource` says whether a resource has a key, so that
/// its absence from records says nothing.
pub(crate) fn may_match(filter: &Filter<'_>, ask: &LogFilter, of_resource: &dyn Fn(&str) -> bool) -> bool {
    ask.terms.iter().filter(|term| !term.not).all(|term| match &term.test {
        LogTest::Phrase(phrase) => words_of(phrase).all(|word| filter.may_hold(hash_word(word))),
        LogTest::Equals(key, value) if key == TRACE => {
            value.parse::<TraceId>().is_ok_and(|trace| filter.may_have_trace(trace))
        }
        LogTest::Equals(key, value) if key != SCOPE && key != PATTERN => {
            filter.may_hold(hash_pair(key, value)) || of_resource(key)
        }
        _ => true,
    })
}

/// Marks the records that match all terms; `wanted` are those to look at.
pub(crate) fn matching(logs: &LogColumns, ask: &LogFilter, wanted: &mut [bool], of_owner: OfOwner<'_>) {
    let mut rows = Rows { wanted, texts: &logs.texts, owner: &logs.owner, of_owner };
    for term in &ask.terms {
        match &term.test {
            LogTest::Level(level, at_least) => {
                let level = level.number();
                rows.keep(term.not, |row| match at_least {
                    true => logs.level[row] >= level,
                    false => logs.level[row] == level,
                });
            }
            LogTest::Holds(word) => rows.by_text(term.not, &logs.body, |body| holds(body, word)),
            LogTest::Phrase(phrase) => rows.by_text(term.not, &logs.body, |body| has_phrase(body, phrase)),
            LogTest::Equals(key, value) => match key.as_str() {
                SCOPE => rows.by_text(term.not, &logs.scope, |scope| scope == value),
                PATTERN => rows.by_text(term.not, &logs.pattern, |pattern| pattern == value),
                TRACE => {
                    let trace = value.parse::<TraceId>().ok();
                    rows.keep(term.not, |row| trace.is_some() && logs.trace[row] == trace);
                }
                _ => rows.by_key(term.not, &logs.attributes, key, |found| found == value),
            },
            LogTest::Has(key) => match key.as_str() {
                TRACE => rows.keep(term.not, |row| logs.trace[row].is_some()),
                _ => rows.by_key(term.not, &logs.attributes, key, |_| true),
            },
        }
    }
}
