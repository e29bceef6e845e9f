//! What tells without a merged block of spans whether a search can find any in it: its owners, and endpoints, error
//! groups and attributes with their values. Pure.

use model::{SpanFilter, SpanTest};

use super::SpanColumns;
use super::search::{ENDPOINT, ERROR, SCOPE, TRACE};
use crate::Error;
use crate::block::bytes::{Reader, Writer};
use crate::block::filter::{self, hash_pair};

/// The filter of a block, as stored.
pub(super) fn of(spans: &SpanColumns) -> Vec<u8> {
    let mut writer = Writer::default();
    filter::write_owners(&mut writer, &spans.owner);
    let mut words: Vec<u64> = Vec::new();
    for (key, column) in [(ENDPOINT, &spans.endpoint), (ERROR, &spans.error)] {
        let mut seen: Vec<bool> = vec![false; spans.texts.len()];
        let new = column.iter().filter(|text| !std::mem::replace(&mut seen[**text as usize], true));
        words.extend(new.map(|text| hash_pair(key, spans.texts.get(*text))));
    }
    spans.attributes.for_each_distinct(&spans.texts, |key, value| words.push(hash_pair(key, &value.to_string())));
    writer.raw(&filter::bloom(words));
    writer.bytes
}

/// Whether a block can hold matches of these owners, which ascend; `of_resource` says whether a resource has a key, so
/// that its absence from spans says nothing.
pub(crate) fn may_match(
    stored: &[u8],
    ask: &SpanFilter,
    owners: &[u32],
    of_resource: &dyn Fn(&str) -> bool,
) -> Result<bool, Error> {
    let mut reader = Reader::new(stored);
    if !filter::read_owners(&mut reader, owners)? {
        return Ok(false);
    }
    let bits = reader.rest();
    let may_hold = |key: &str, value: &str| filter::may_hold(bits, hash_pair(key, value));
    Ok(ask.terms.iter().filter(|term| !term.not).all(|term| match &term.test {
        SpanTest::Endpoint(endpoint) => may_hold(ENDPOINT, endpoint),
        SpanTest::Equals(key, value) if key != SCOPE && key != TRACE => may_hold(key, value) || of_resource(key),
        _ => true,
    }))
}
