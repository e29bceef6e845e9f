//! The rows of a trace as they travel: column by column, as numbers of variable length in one text. With the names of
//! their fields written out, 100,000 of them would be 20 MB, which take longer to read than to draw.

use std::collections::HashMap;
use std::sync::Arc;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::TraceRow;
use crate::SpanId;

/// Digits of the text, none of which JSON or a script writes in another way.
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// Bits of a number in a digit.
const BITS: u32 = 5;
/// The bit of a digit that says that more of the number follow, the higher ones later.
const MORE: u64 = 1 << BITS;

pub(super) fn serialize<S: Serializer>(rows: &Arc<[TraceRow]>, serializer: S) -> Result<S::Ok, S::Error> {
    write(rows).serialize(serializer)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<[TraceRow]>, D::Error> {
    let (words, text) = <(Vec<String>, String)>::deserialize(deserializer)?;
    read(&words, &text).map(Arc::from).ok_or_else(|| D::Error::custom("the rows of a trace can't be read"))
}

/// All names and notes, each once, and the text of the columns.
fn write(rows: &[TraceRow]) -> (Vec<&str>, String) {
    let (mut words, mut text) = (Words::default(), String::with_capacity(rows.len() * 32));
    push(&mut text, rows.len() as u64);
    let mut column = |number: &mut dyn FnMut(&TraceRow) -> u64| {
        for row in rows {
            push(&mut text, number(row));
        }
    };
    column(&mut |row| u64::from_be_bytes(row.id.0));
    column(&mut |row| row.depth.into());
    column(&mut |row| row.service.into());
    column(&mut |row| row.descendants.into());
    column(&mut |row| row.failed.into());
    // In tree order a span starts soon after the one before it, and mostly all its time is its own.
    let mut before = 0;
    column(&mut |row| signed(row.offset.wrapping_sub(std::mem::replace(&mut before, row.offset))));
    column(&mut |row| signed(row.duration));
    column(&mut |row| signed(row.duration.wrapping_sub(row.self_time)));
    for row in rows {
        push(&mut text, words.place(&row.name));
    }
    for row in rows {
        push(&mut text, words.place(&row.note));
    }
    (words.all, text)
}

/// The rows of what was written; nothing where it is not that.
fn read(words: &[String], text: &str) -> Option<Vec<TraceRow>> {
    let mut numbers = Numbers(text.bytes());
    let count = usize::try_from(numbers.number()?).ok()?;
    // Each row has a digit a column at least: who lies about their number gets no memory for it.
    if count > text.len() {
        return None;
    }
    let mut rows = Vec::with_capacity(count);
    for _ in 0..count {
        rows.push(TraceRow { id: SpanId(numbers.number()?.to_be_bytes()), ..TraceRow::default() });
    }
    for row in &mut rows {
        row.depth = numbers.small()?;
    }
    for row in &mut rows {
        row.service = numbers.small()?;
    }
    for row in &mut rows {
        row.descendants = numbers.small()?;
    }
    for row in &mut rows {
        row.failed = numbers.number()? == 1;
    }
    let mut before = 0_i64;
    for row in &mut rows {
        before = before.wrapping_add(of_signed(numbers.number()?));
        row.offset = before;
    }
    for row in &mut rows {
        row.duration = of_signed(numbers.number()?);
    }
    for row in &mut rows {
        row.self_time = row.duration.wrapping_sub(of_signed(numbers.number()?));
    }
    for row in &mut rows {
        row.name = words.get(numbers.small()? as usize)?.clone();
    }
    for row in &mut rows {
        row.note = words.get(numbers.small()? as usize)?.clone();
    }
    Some(rows)
}

/// Words by their place, each once.
#[derive(Default)]
struct Words<'a> {
    all: Vec<&'a str>,
    places: HashMap<&'a str, u64>,
}

impl<'a> Words<'a> {
    fn place(&mut self, word: &'a str) -> u64 {
        let all = &mut self.all;
        *self.places.entry(word).or_insert_with(|| {
            all.push(word);
            all.len() as u64 - 1
        })
    }
}

fn push(text: &mut String, mut number: u64) {
    while number >= MORE {
        text.push(char::from(DIGITS[(number % MORE + MORE) as usize]));
        number >>= BITS;
    }
    text.push(char::from(DIGITS[number as usize]));
}

/// A number with its sign in the lowest bit, so that one near zero is short on both sides of it.
fn signed(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)) as u64
}

fn of_signed(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

/// The numbers of a text.
struct Numbers<'a>(std::str::Bytes<'a>);

impl Numbers<'_> {
    fn number(&mut self) -> Option<u64> {
        let (mut number, mut at) = (0, 0);
        loop {
            let digit = value(self.0.next()?)?;
            number |= (digit % MORE).checked_shl(at)?;
            if digit < MORE {
                return Some(number);
            }
            at += BITS;
        }
    }

    fn small(&mut self) -> Option<u32> {
        self.number()?.try_into().ok()
    }
}

/// What a digit stands for.
fn value(digit: u8) -> Option<u64> {
    let value = match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'-' => 62,
        b'_' => 63,
        _ => return None,
    };
    Some(value.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Page(#[serde(with = "super")] Arc<[TraceRow]>);

    fn row(at: u32) -> TraceRow {
        TraceRow {
            id: SpanId((u64::from(at).wrapping_mul(0x9e37_79b9_7f4a_7c15)).to_be_bytes()),
            depth: at % 4,
            service: at % 6,
            name: format!("step {}", at % 50),
            offset: i64::from(at) * 100_003,
            duration: 105_216 + i64::from(at % 7),
            self_time: 105_000,
            failed: at.is_multiple_of(9),
            note: if at.is_multiple_of(9) { "timeout".into() } else { String::new() },
            descendants: at % 3,
        }
    }

    fn check(rows: Vec<TraceRow>) {
        let page = Page(rows.into());
        let text = serde_json::to_string(&page).unwrap();
        assert_eq!(serde_json::from_str::<Page>(&text).unwrap(), page);
    }

    #[test]
    fn rows_are_the_same_after_the_way() {
        check(Vec::new());
        check((0..1_000).map(row).collect());
        let far = |offset, duration, self_time| TraceRow { offset, duration, self_time, ..row(9) };
        check(vec![
            far(i64::MIN, i64::MAX, i64::MIN),
            far(i64::MAX, i64::MIN, i64::MAX),
            TraceRow {
                id: SpanId([0xff; 8]),
                depth: u32::MAX,
                service: u32::MAX,
                descendants: u32::MAX,
                ..far(-1, 0, 1)
            },
            TraceRow { name: "\"ü\\\n</script>💥".into(), note: "step 9".into(), ..row(1) },
        ]);
    }

    #[test]
    fn a_hundred_thousand_rows_are_few_bytes() {
        let rows: Vec<_> = (0..100_000).map(row).collect();
        let (words, text) = write(&rows);
        assert_eq!(words.len(), 52);
        assert!(text.len() < 3_500_000, "{}", text.len());
    }

    #[test]
    fn what_was_not_written_here_is_refused() {
        let rows = [row(1), row(2)];
        let (words, text) = write(&rows);
        let owned: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        assert!(read(&owned, &text).is_some());
        assert_eq!(read(&owned[..1], &text), None);
        for end in 0..text.len() {
            assert_eq!(read(&owned, &text[..end]), None, "{end}");
        }
        for other in ["", "_", "________________", "!", "-A", "ü"] {
            assert_eq!(read(&owned, other), None, "{other}");
        }
    }
}
