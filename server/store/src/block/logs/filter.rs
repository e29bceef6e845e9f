//! What tells without a block of logs whether it can hold what is asked for: its owners, the fingerprints of its
//! traces, and a Bloom filter over the words of bodies and the values of attributes. Pure.
//!
//! Twelve bits and four probes a word: one block in about three hundred is read in vain (Bloom 1970).

use std::collections::BTreeSet;

use model::TraceId;

use super::LogColumns;
use crate::block::bytes::{Reader, Writer};
use crate::block::hash::fnv;
use crate::{Error, index};

const BITS: usize = 12;
const PROBES: u64 = 4;
/// Longer words and values are not told apart beyond this.
const WORD: usize = 128;

/// The filter of a block, as stored.
pub(super) fn of(logs: &LogColumns) -> Vec<u8> {
    let mut writer = Writer::default();
    let owners: BTreeSet<u32> = logs.owner.iter().copied().collect();
    writer.number(owners.len() as u64);
    let mut before = 0;
    for owner in owners {
        writer.number(u64::from(owner - before));
        before = owner;
    }
    let traces: Vec<TraceId> = logs.trace.iter().flatten().copied().collect();
    let traces = index::fingerprints(&traces);
    writer.number(traces.len() as u64);
    writer.raw(&traces);
    let mut words: Vec<u64> = Vec::new();
    let mut seen: Vec<bool> = vec![false; logs.texts.len()];
    for body in &logs.body {
        if !std::mem::replace(&mut seen[*body as usize], true) {
            words.extend(words_of(logs.texts.get(*body)).map(hash_word));
        }
    }
    logs.attributes.for_each_distinct(&logs.texts, |key, value| words.push(hash_pair(key, &value.to_string())));
    words.sort_unstable();
    words.dedup();
    writer.raw(&bloom(&words));
    writer.bytes
}

fn bloom(words: &[u64]) -> Vec<u8> {
    let mut bits = vec![0_u8; (words.len() * BITS).div_ceil(8).max(8)];
    let size = bits.len() as u64 * 8;
    for word in words {
        for at in probes(*word, size) {
            bits[(at / 8) as usize] |= 1 << (at % 8);
        }
    }
    bits
}

/// Places of a word (Kirsch and Mitzenmacher 2006: two hashes stand for many).
fn probes(word: u64, size: u64) -> impl Iterator<Item = u64> {
    let step = (word >> 32) | 1;
    (0..PROBES).map(move |probe| word.wrapping_add(probe.wrapping_mul(step)) % size)
}

/// A stored filter, opened.
pub(crate) struct Filter<'a> {
    owners: Vec<u32>,
    traces: &'a [u8],
    bits: &'a [u8],
}

impl<'a> Filter<'a> {
    pub(crate) fn open(stored: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(stored);
        let mut owner = 0_u32;
        let mut owners = Vec::new();
        for _ in 0..reader.length()? {
            owner = owner.saturating_add(reader.index(u32::MAX as usize)?);
            owners.push(owner);
        }
        let traces = reader.length()?;
        let traces = reader.raw(traces)?;
        Ok(Self { owners, traces, bits: reader.rest() })
    }

    /// Whether it has records of any of these owners, which ascend.
    pub(crate) fn has_owner(&self, wanted: &[u32]) -> bool {
        self.owners.iter().any(|owner| wanted.binary_search(owner).is_ok())
    }

    /// Whether it may hold records of a trace.
    pub(crate) fn may_have_trace(&self, trace: TraceId) -> bool {
        index::may_hold(self.traces, trace)
    }

    /// Whether it may hold a word or pair of this hash.
    pub(crate) fn may_hold(&self, hash: u64) -> bool {
        let size = self.bits.len() as u64 * 8;
        size > 0 && probes(hash, size).all(|at| self.bits[(at / 8) as usize] & (1 << (at % 8)) != 0)
    }
}

/// The words of a text: runs of letters and digits.
pub(crate) fn words_of(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

/// The same for a word in any case of ASCII letters; stored, so it must never change.
pub(crate) fn hash_word(word: &str) -> u64 {
    fnv(0, word.bytes().take(WORD).map(|byte| byte.to_ascii_lowercase()))
}

/// Of a key and its value, told apart from words.
pub(crate) fn hash_pair(key: &str, value: &str) -> u64 {
    fnv(fnv(1, key.bytes().take(WORD)), value.bytes().take(WORD))
}
