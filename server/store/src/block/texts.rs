//! The texts of a block, each once: columns hold their numbers. Pure.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::bytes::{Reader, Writer, damaged};
use crate::Error;

/// Texts numbered in the order in which they came; number 0 is the empty text.
#[derive(Debug, Clone)]
pub(crate) struct Texts {
    bytes: String,
    /// Ends in `bytes`; a text begins where the one before ends.
    ends: Vec<u32>,
    /// Numbers by text; empty after decoding until a text is added.
    numbers: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Default for Texts {
    fn default() -> Self {
        let mut texts = Self {
            bytes: String::new(),
            ends: Vec::new(),
            numbers: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
        };
        texts.number("");
        texts
    }
}

fn slice<'a>(bytes: &'a str, ends: &[u32], number: u32) -> &'a str {
    let at = number as usize;
    let from = if at == 0 { 0 } else { ends[at - 1] as usize };
    &bytes[from..ends[at] as usize]
}

impl Texts {
    /// A text by its number, which must be one that this gave or checked.
    pub(crate) fn get(&self, number: u32) -> &str {
        slice(&self.bytes, &self.ends, number)
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Bytes that the texts take.
    pub(crate) fn size(&self) -> usize {
        self.bytes.len() + self.ends.len() * 8
    }

    /// The number of a text, given when it is new.
    pub(crate) fn number(&mut self, text: &str) -> u32 {
        let Self { bytes, ends, numbers, hasher } = self;
        if numbers.is_empty() && !ends.is_empty() {
            for number in 0..ends.len() as u32 {
                let hash = hasher.hash_one(slice(bytes, ends, number));
                numbers.insert_unique(hash, number, |other| hasher.hash_one(slice(bytes, ends, *other)));
            }
        }
        let hash = hasher.hash_one(text);
        if let Some(number) = numbers.find(hash, |number| slice(bytes, ends, *number) == text) {
            return *number;
        }
        let number = ends.len() as u32;
        bytes.push_str(text);
        ends.push(bytes.len() as u32);
        numbers.insert_unique(hash, number, |other| hasher.hash_one(slice(bytes, ends, *other)));
        number
    }

    /// Adds another's texts and returns their numbers here.
    pub(crate) fn add_all(&mut self, other: &Self) -> Vec<u32> {
        (0..other.len() as u32).map(|number| self.number(other.get(number))).collect()
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.number(self.ends.len() as u64);
        let mut from = 0;
        for end in &self.ends {
            writer.number(u64::from(end - from));
            from = *end;
        }
        writer.raw(self.bytes.as_bytes());
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let count = reader.length()?;
        let mut ends = Vec::with_capacity(count);
        let mut end = 0_u64;
        for _ in 0..count {
            end = end.saturating_add(reader.number()?);
            ends.push(u32::try_from(end).map_err(|_| damaged("texts are too long"))?);
        }
        let bytes = std::str::from_utf8(reader.raw(end as usize)?).map_err(|_| damaged("a text is not UTF-8"))?;
        if count == 0 || ends.iter().any(|end| !bytes.is_char_boundary(*end as usize)) {
            return Err(damaged("texts are cut wrongly"));
        }
        Ok(Self { bytes: bytes.to_owned(), ends, numbers: HashTable::new(), hasher: DefaultHashBuilder::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_one_number_also_after_a_round_trip() {
        let mut texts = Texts::default();
        let (a, b) = (texts.number("GET /ä"), texts.number("b"));
        assert_eq!((texts.number(""), texts.number("GET /ä")), (0, a));
        let mut writer = Writer::default();
        texts.write(&mut writer);
        let mut read = Texts::read(&mut Reader::new(&writer.bytes)).unwrap();
        assert_eq!((read.get(a), read.get(b)), ("GET /ä", "b"));
        assert_eq!((read.number("b"), read.number("new")), (b, 3));
        let map = read.add_all(&texts);
        assert_eq!(map, [0, a, b]);
    }
}
