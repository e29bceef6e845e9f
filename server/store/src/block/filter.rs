//! What filters of blocks are made of: the owners of the records, and a Bloom filter over words and over keys with
//! their values. Stored, so hashes must never change. Pure.
//!
//! Twelve bits and four probes a word: one block in about a hundred and fifty is read in vain (Bloom 1970).

use std::collections::BTreeSet;

use super::bytes::{Reader, Writer};
use super::hash::fnv;
use crate::Error;

const BITS: usize = 12;
const PROBES: u64 = 4;
/// Longer words and values are not told apart beyond this.
const WORD: usize = 128;

/// Writes the owners of records as differences.
pub(super) fn write_owners(writer: &mut Writer, owners: &[u32]) {
    let owners: BTreeSet<u32> = owners.iter().copied().collect();
    writer.number(owners.len() as u64);
    let mut before = 0;
    for owner in owners {
        writer.number(u64::from(owner - before));
        before = owner;
    }
}

/// Reads them; says whether any is among those wanted, which ascend.
pub(super) fn read_owners(reader: &mut Reader<'_>, wanted: &[u32]) -> Result<bool, Error> {
    let (mut owner, mut found) = (0_u32, false);
    for _ in 0..reader.length()? {
        owner = owner.saturating_add(reader.index(u32::MAX as usize)?);
        found |= wanted.binary_search(&owner).is_ok();
    }
    Ok(found)
}

/// A filter over hashes.
pub(super) fn bloom(mut words: Vec<u64>) -> Vec<u8> {
    words.sort_unstable();
    words.dedup();
    let mut bits = vec![0_u8; (words.len() * BITS).div_ceil(8).max(8)];
    let size = bits.len() as u64 * 8;
    for word in words {
        for at in probes(word, size) {
            bits[(at / 8) as usize] |= 1 << (at % 8);
        }
    }
    bits
}

/// Whether a filter may hold a hash.
pub(super) fn may_hold(bits: &[u8], hash: u64) -> bool {
    let size = bits.len() as u64 * 8;
    size > 0 && probes(hash, size).all(|at| bits[(at / 8) as usize] & (1 << (at % 8)) != 0)
}

/// Places of a word (Kirsch and Mitzenmacher 2006: two hashes stand for many).
fn probes(word: u64, size: u64) -> impl Iterator<Item = u64> {
    let step = (word >> 32) | 1;
    (0..PROBES).map(move |probe| word.wrapping_add(probe.wrapping_mul(step)) % size)
}

/// The words of a text: runs of letters and digits.
pub(crate) fn words_of(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

/// The same for a word in any case of ASCII letters.
pub(crate) fn hash_word(word: &str) -> u64 {
    fnv(0, word.bytes().take(WORD).map(|byte| byte.to_ascii_lowercase()))
}

/// Adds the hashes of all words of a text.
pub(super) fn hash_words(text: &str, into: &mut Vec<u64>) {
    if !text.is_ascii() {
        into.extend(words_of(text).map(hash_word));
        return;
    }
    // The same, a byte being a character.
    for word in text.as_bytes().split(|byte| !byte.is_ascii_alphanumeric()) {
        if !word.is_empty() {
            into.push(fnv(0, word.iter().take(WORD).map(u8::to_ascii_lowercase)));
        }
    }
}

/// Of a key and its value, told apart from words.
pub(crate) fn hash_pair(key: &str, value: &str) -> u64 {
    fnv(fnv(1, key.bytes().take(WORD)), value.bytes().take(WORD))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_the_same_hashes_all_at_once() {
        for text in ["", "GET /a-b 42", "Größe 12 é", " x", "a\u{a0}b", &"long".repeat(100)] {
            let mut all = Vec::new();
            hash_words(text, &mut all);
            assert_eq!(all, words_of(text).map(hash_word).collect::<Vec<_>>(), "{text}");
        }
    }
}
