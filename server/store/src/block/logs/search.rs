//! A search over one block of logs: which records match. Tests on texts that many records share are made once a
//! text. Pure.

use model::{LogFilter, LogTerm, LogTest, TraceId};

use super::LogColumns;
use super::filter::{Filter, hash_pair, hash_word, words_of};

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

/// What a resource says of a key; nothing when it does not have it.
pub(crate) type OfOwner<'a> = &'a dyn Fn(u32, &str) -> Option<String>;

/// Marks the records that match all terms; `wanted` are those to look at.
pub(crate) fn matching(logs: &LogColumns, ask: &LogFilter, wanted: &mut [bool], of_owner: OfOwner<'_>) {
    for term in &ask.terms {
        match &term.test {
            LogTest::Level(level, at_least) => {
                let level = level.number();
                keep(wanted, term, |row| match at_least {
                    true => logs.level[row] >= level,
                    false => logs.level[row] == level,
                });
            }
            LogTest::Holds(word) => by_text(logs, &logs.body, wanted, term, |body| holds(body, word)),
            LogTest::Phrase(phrase) => by_text(logs, &logs.body, wanted, term, |body| has_phrase(body, phrase)),
            LogTest::Equals(key, value) => match key.as_str() {
                SCOPE => by_text(logs, &logs.scope, wanted, term, |scope| scope == value),
                PATTERN => by_text(logs, &logs.pattern, wanted, term, |pattern| pattern == value),
                TRACE => {
                    let trace = value.parse::<TraceId>().ok();
                    keep(wanted, term, |row| trace.is_some() && logs.trace[row] == trace);
                }
                _ => by_key(logs, key, wanted, term, of_owner, |found| found == value),
            },
            LogTest::Has(key) => match key.as_str() {
                TRACE => keep(wanted, term, |row| logs.trace[row].is_some()),
                _ => by_key(logs, key, wanted, term, of_owner, |_| true),
            },
        }
    }
}

fn keep(wanted: &mut [bool], term: &LogTerm, test: impl Fn(usize) -> bool) {
    for (row, wanted) in wanted.iter_mut().enumerate() {
        *wanted = *wanted && test(row) != term.not;
    }
}

fn by_text(logs: &LogColumns, column: &[u32], wanted: &mut [bool], term: &LogTerm, test: impl Fn(&str) -> bool) {
    let mut known: Vec<Option<bool>> = vec![None; logs.texts.len()];
    for (row, wanted) in wanted.iter_mut().enumerate().filter(|(_, wanted)| **wanted) {
        let number = column[row];
        let holds = *known[number as usize].get_or_insert_with(|| test(logs.texts.get(number)));
        *wanted = holds != term.not;
    }
}

/// A record's own attribute counts before its resource's.
fn by_key(
    logs: &LogColumns,
    key: &str,
    wanted: &mut [bool],
    term: &LogTerm,
    of_owner: OfOwner<'_>,
    test: impl Fn(&str) -> bool,
) {
    let mut owners: hashbrown::HashMap<u32, bool> = hashbrown::HashMap::new();
    for (row, wanted) in wanted.iter_mut().enumerate().filter(|(_, wanted)| **wanted) {
        let holds = match logs.attributes.value_of(&logs.texts, row, key) {
            Some(value) => test(&value.to_string()),
            None => *owners
                .entry(logs.owner[row])
                .or_insert_with(|| of_owner(logs.owner[row], key).is_some_and(|value| test(&value))),
        };
        *wanted = holds != term.not;
    }
}

/// Whether a text holds another, without regard to the case of ASCII letters.
pub(crate) fn holds(text: &str, word: &str) -> bool {
    find(text, word).is_some()
}

fn find(text: &str, word: &str) -> Option<usize> {
    let (text, word) = (text.as_bytes(), word.as_bytes());
    let Some(first) = word.first() else { return Some(0) };
    let (lower, upper) = (first.to_ascii_lowercase(), first.to_ascii_uppercase());
    let mut from = 0;
    while let Some(at) = memchr::memchr2(lower, upper, &text[from..]).map(|at| from + at) {
        let end = at + word.len();
        if end > text.len() {
            return None;
        }
        if text[at..end].eq_ignore_ascii_case(word) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

/// Whether a text holds a phrase of whole words.
pub(crate) fn has_phrase(text: &str, phrase: &str) -> bool {
    let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let (begins, ends) = (is_word(phrase.chars().next()), is_word(phrase.chars().next_back()));
    let mut from = 0;
    while let Some(at) = find(&text[from..], phrase).map(|at| from + at) {
        let end = at + phrase.len();
        let before = begins && is_word(text[..at].chars().next_back());
        let after = ends && is_word(text[end..].chars().next());
        if !before && !after {
            return true;
        }
        // To the next character, which may be longer than a byte.
        from = at + text[at..].chars().next().map_or(1, char::len_utf8);
    }
    false
}
