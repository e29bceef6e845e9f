//! What tells without a block of logs whether it can hold what is asked for: its owners, the fingerprints of its
//! traces, and the words of bodies and the values of attributes. Pure.

use model::TraceId;

use super::LogColumns;
use crate::block::bytes::{Reader, Writer};
use crate::block::filter::{self, hash_pair};
use crate::{Error, index};

/// The filter of a block, as stored.
pub(super) fn of(logs: &LogColumns) -> Vec<u8> {
    let mut writer = Writer::default();
    filter::write_owners(&mut writer, &logs.owner);
    let traces: Vec<TraceId> = logs.trace.iter().flatten().copied().collect();
    let traces = index::fingerprints(&traces);
    writer.number(traces.len() as u64);
    writer.raw(&traces);
    let mut words: Vec<u64> = Vec::new();
    let mut seen: Vec<bool> = vec![false; logs.texts.len()];
    for body in &logs.body {
        if !std::mem::replace(&mut seen[*body as usize], true) {
            filter::hash_words(logs.texts.get(*body), &mut words);
        }
    }
    logs.attributes.for_each_distinct(&logs.texts, |key, value| words.push(hash_pair(key, &value.to_string())));
    writer.raw(&filter::bloom(words));
    writer.bytes
}

/// A stored filter, opened.
pub(crate) struct Filter<'a> {
    /// It has records of the owners that are asked for.
    pub(crate) is_owned: bool,
    traces: &'a [u8],
    bits: &'a [u8],
}

impl<'a> Filter<'a> {
    /// For a question about these owners, which ascend.
    pub(crate) fn open(stored: &'a [u8], owners: &[u32]) -> Result<Self, Error> {
        let mut reader = Reader::new(stored);
        let is_owned = filter::read_owners(&mut reader, owners)?;
        let traces = reader.length()?;
        let traces = reader.raw(traces)?;
        Ok(Self { is_owned, traces, bits: reader.rest() })
    }

    /// Whether it may hold records of a trace.
    pub(crate) fn may_have_trace(&self, trace: TraceId) -> bool {
        index::may_hold(self.traces, trace)
    }

    /// Whether it may hold a word or pair of this hash.
    pub(crate) fn may_hold(&self, hash: u64) -> bool {
        filter::may_hold(self.bits, hash)
    }
}
