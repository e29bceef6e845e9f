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

    /// The number of a text that mostly is the same as one before, which has a number.
    pub(crate) fn number_after(&mut self, text: &str, before: u32) -> u32 {
        if self.get(before) == text { before } else { self.number(text) }
    }

    /// The number of a text, if it is here; to be asked once a text was added.
    pub(crate) fn find(&self, text: &str) -> Option<u32> {
        let same = |number: &u32| self.get(*number) == text;
        self.numbers.find(self.hasher.hash_one(text), same).copied()
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

    /// Writes those that were chosen, by their new numbers.
    pub(crate) fn write_chosen(&self, writer: &mut Writer, chosen: &Chosen) {
        writer.number(chosen.order.len() as u64);
        chosen.order.iter().for_each(|number| writer.number(self.get(*number).len() as u64));
        chosen.order.iter().for_each(|number| writer.raw(self.get(*number).as_bytes()));
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

/// Some of the texts, numbered anew in the order in which they are asked for; 0 is the empty text again.
pub(crate) struct Chosen {
    /// New numbers by old ones.
    numbers: Vec<u32>,
    /// Old numbers by new ones.
    order: Vec<u32>,
}

impl Chosen {
    /// Of texts, none yet.
    pub(crate) fn of(texts: &Texts) -> Self {
        let mut numbers = vec![u32::MAX; texts.len()];
        numbers[0] = 0;
        Self { numbers, order: vec![0] }
    }

    /// The new number of an old one.
    pub(crate) fn number(&mut self, old: u32) -> u32 {
        let number = &mut self.numbers[old as usize];
        if *number == u32::MAX {
            *number = self.order.len() as u32;
            self.order.push(old);
        }
        *number
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

    #[test]
    fn chosen_texts_are_written_by_their_new_numbers() {
        let mut texts = Texts::default();
        let [_, b, c] = ["a", "b", "c"].map(|text| texts.number(text));
        let mut chosen = Chosen::of(&texts);
        assert_eq!([c, b, 0, c].map(|old| chosen.number(old)), [1, 2, 0, 1]);
        let mut writer = Writer::default();
        texts.write_chosen(&mut writer, &chosen);
        let read = Texts::read(&mut Reader::new(&writer.bytes)).unwrap();
        assert_eq!([0, 1, 2].map(|number| read.get(number)), ["", "c", "b"]);
        assert_eq!(read.len(), 3);
    }
}
