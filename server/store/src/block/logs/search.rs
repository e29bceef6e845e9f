//! A search over one block of logs: which records match. Pure.

use model::{LogFilter, LogTerm, LogTest, TraceId};

use super::filter::Filter;
use super::{LogBlock, LogColumns, LogReader};
use crate::Error;
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

/// Marks the records of a group that match all terms; `wanted` are those to look at. Traces and attributes are read only
/// where all other tests left any.
pub(crate) fn matching(
    reader: &mut LogReader<'_>,
    block: &mut LogBlock,
    ask: &LogFilter,
    wanted: &mut [bool],
    of_owner: OfOwner<'_>,
) -> Result<(), Error> {
    let (late, early): (Vec<&LogTerm>, Vec<&LogTerm>) = ask.terms.iter().partition(|term| needs_of(term).is_some());
    apply(&block.logs, &early, wanted, of_owner);
    if late.is_empty() || !wanted.contains(&true) {
        return Ok(());
    }
    let needs = |need| late.iter().any(|term| needs_of(term) == Some(need));
    if needs(Need::Traces) {
        reader.read_traces(block)?;
    }
    if needs(Need::Attributes) {
        block.read_attributes()?;
    }
    apply(&block.logs, &late, wanted, of_owner);
    Ok(())
}

/// What a test needs beside the columns that are always read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    Traces,
    Attributes,
}

fn needs_of(term: &LogTerm) -> Option<Need> {
    match &term.test {
        LogTest::Equals(key, _) | LogTest::Has(key) if key == TRACE => Some(Need::Traces),
        LogTest::Equals(key, _) if key == SCOPE || key == PATTERN => None,
        LogTest::Equals(..) | LogTest::Has(_) => Some(Need::Attributes),
        _ => None,
    }
}

fn apply(logs: &LogColumns, terms: &[&LogTerm], wanted: &mut [bool], of_owner: OfOwner<'_>) {
    let mut rows = Rows { wanted, texts: &logs.texts, owner: &logs.owner, of_owner };
    for term in terms {
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
