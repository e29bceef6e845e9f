//! Attributes off the wire: `KeyValue` and `AnyValue` to keys and values, cut to their limits. Arrays, maps and bytes
//! become JSON text; nesting is limited before it is followed.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::Value;
use store::pattern::cut;

use crate::limits;
use crate::wire::{Cursor, Malformed, WRONG_TYPE, Wire, text};

/// What was changed of a request to fit its limits; told to the sender as a warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Cuts {
    /// Keys and values that were cut.
    pub(crate) values: u64,
    /// Attributes, events and links that were left out.
    pub(crate) dropped: u64,
}

impl Cuts {
    /// Adds another's.
    pub(crate) fn add(&mut self, other: Self) {
        self.values += other.values;
        self.dropped += other.dropped;
    }
}

/// Reads one attribute and adds it, unless there are `most` already or its key is empty.
pub(crate) fn attribute<'a>(
    bytes: &'a [u8],
    most: usize,
    into: &mut Vec<(&'a str, Value)>,
    cuts: &mut Cuts,
) -> Result<(), Malformed> {
    let (key, value) = key_value(bytes)?;
    let value = read(value, cuts)?;
    if into.len() >= most || key.is_empty() {
        cuts.dropped += 1;
    } else if let Some(value) = value {
        into.push((cut_key(key, cuts), value));
    }
    Ok(())
}

/// Reads one attribute as a label, borrowed where its value is text, unless there are `most` already or its key is
/// empty.
pub(crate) fn label<'a>(
    bytes: &'a [u8],
    most: usize,
    into: &mut Vec<(&'a str, Cow<'a, str>)>,
    cuts: &mut Cuts,
) -> Result<(), Malformed> {
    let (key, bytes) = key_value(bytes)?;
    let value = match any(bytes)? {
        None => None,
        Some(Any::Text(text)) => Some(Cow::Borrowed(text)),
        Some(_) => read(bytes, cuts)?.map(|value| Cow::Owned(value.to_string())),
    };
    if into.len() >= most || key.is_empty() {
        cuts.dropped += 1;
    } else if let Some(value) = value {
        let short = cut(&value, limits::OWNER_VALUE).len();
        cuts.values += u64::from(short < value.len());
        let value = match value {
            Cow::Borrowed(text) => Cow::Borrowed(&text[..short]),
            Cow::Owned(text) => Cow::Owned(text[..short].to_owned()),
        };
        into.push((cut_key(key, cuts), value));
    }
    Ok(())
}

fn cut_key<'a>(key: &'a str, cuts: &mut Cuts) -> &'a str {
    let short = cut(key, limits::KEY);
    cuts.values += u64::from(short.len() < key.len());
    short
}

/// What no encoder writes; protobuf would merge the two.
const TWICE: Malformed = Malformed("an attribute's value is set twice");

/// Key and the bytes of the value.
fn key_value(bytes: &[u8]) -> Result<(&str, &[u8]), Malformed> {
    let mut cursor = Cursor::new(bytes);
    let (mut key, mut value) = ("", None);
    while let Some(field) = cursor.field()? {
        match field {
            (1, Wire::Bytes(bytes)) => key = text(bytes)?,
            (2, Wire::Bytes(_)) if value.is_some() => return Err(TWICE),
            (2, Wire::Bytes(bytes)) => value = Some(bytes),
            (3, Wire::Varint(_)) => {}
            (1..=3, _) => return Err(WRONG_TYPE),
            _ => {}
        }
    }
    Ok((key, value.unwrap_or_default()))
}

/// An `AnyValue` of one level, what is inside still as bytes.
enum Any<'a> {
    Text(&'a str),
    Bool(bool),
    Int(i64),
    Double(f64),
    Array(&'a [u8]),
    Map(&'a [u8]),
    Bytes(&'a [u8]),
}

/// The value that is set, if one is.
fn any(bytes: &[u8]) -> Result<Option<Any<'_>>, Malformed> {
    let mut cursor = Cursor::new(bytes);
    let mut value = None;
    while let Some(field) = cursor.field()? {
        let next = match field {
            (1, Wire::Bytes(bytes)) => Any::Text(text(bytes)?),
            (2, Wire::Varint(number)) => Any::Bool(number != 0),
            (3, Wire::Varint(number)) => Any::Int(number as i64),
            (4, Wire::Fixed64(bits)) => Any::Double(f64::from_bits(bits)),
            (5, Wire::Bytes(bytes)) => Any::Array(bytes),
            (6, Wire::Bytes(bytes)) => Any::Map(bytes),
            (7, Wire::Bytes(bytes)) => Any::Bytes(bytes),
            // An index into a table of texts that only profiles have.
            (8, Wire::Varint(_)) => continue,
            (1..=8, _) => return Err(WRONG_TYPE),
            _ => continue,
        };
        if value.replace(next).is_some() {
            return Err(TWICE);
        }
    }
    Ok(value)
}

/// Reads an `AnyValue`; nothing when none of its fields is set.
pub(crate) fn read(bytes: &[u8], cuts: &mut Cuts) -> Result<Option<Value>, Malformed> {
    let value = match any(bytes)? {
        None => return Ok(None),
        Some(Any::Text(long)) => {
            let short = cut(long, limits::VALUE);
            cuts.values += u64::from(short.len() < long.len());
            Value::Text(short.to_owned())
        }
        Some(Any::Bool(yes)) => Value::Bool(yes),
        Some(Any::Int(number)) => Value::Int(number),
        Some(Any::Double(number)) => Value::Double(number),
        Some(nested) => {
            let mut json = Json { out: String::new(), full: false };
            json.value(Some(nested), 1)?;
            json.finish(cuts)
        }
    };
    Ok(Some(value))
}

/// JSON text in the making. When it is full, what follows is still checked but no more written.
struct Json {
    out: String,
    full: bool,
}

impl Json {
    fn value(&mut self, value: Option<Any<'_>>, depth: usize) -> Result<(), Malformed> {
        match value {
            None => self.raw("null"),
            Some(Any::Text(text)) => self.text(text),
            Some(Any::Bool(yes)) => self.raw(if yes { "true" } else { "false" }),
            Some(Any::Int(number)) => self.raw(&number.to_string()),
            Some(Any::Double(number)) if number.is_finite() => self.raw(&serde_json::json!(number).to_string()),
            // JSON has no such numbers; OTLP/JSON writes them as text.
            Some(Any::Double(number)) => self.raw(match number {
                n if n.is_nan() => "\"NaN\"",
                n if n > 0.0 => "\"Infinity\"",
                _ => "\"-Infinity\"",
            }),
            Some(Any::Bytes(bytes)) => self.bytes(bytes),
            Some(Any::Array(_) | Any::Map(_)) if depth > limits::DEPTH => {
                return Err(Malformed("an attribute's value is nested more than 32 levels deep"));
            }
            Some(Any::Array(bytes)) => self.array(bytes, depth)?,
            Some(Any::Map(bytes)) => self.map(bytes, depth)?,
        }
        Ok(())
    }

    fn array(&mut self, bytes: &[u8], depth: usize) -> Result<(), Malformed> {
        let mut cursor = Cursor::new(bytes);
        let mut separator = "[";
        while let Some(field) = cursor.field()? {
            match field {
                (1, Wire::Bytes(bytes)) => {
                    self.raw(separator);
                    self.value(any(bytes)?, depth + 1)?;
                    separator = ",";
                }
                (1, _) => return Err(WRONG_TYPE),
                _ => {}
            }
        }
        self.raw(if separator == "[" { "[]" } else { "]" });
        Ok(())
    }

    fn map(&mut self, bytes: &[u8], depth: usize) -> Result<(), Malformed> {
        let mut cursor = Cursor::new(bytes);
        let mut separator = "{";
        while let Some(field) = cursor.field()? {
            match field {
                (1, Wire::Bytes(bytes)) => {
                    let (key, value) = key_value(bytes)?;
                    self.raw(separator);
                    self.text(key);
                    self.raw(":");
                    self.value(any(value)?, depth + 1)?;
                    separator = ",";
                }
                (1, _) => return Err(WRONG_TYPE),
                _ => {}
            }
        }
        self.raw(if separator == "{" { "{}" } else { "}" });
        Ok(())
    }

    fn raw(&mut self, text: &str) {
        self.full |= self.out.len() + text.len() > limits::VALUE;
        if !self.full {
            self.out.push_str(text);
        }
    }

    fn text(&mut self, text: &str) {
        // A text that is too long by itself is not escaped at all.
        self.full |= text.len() > limits::VALUE;
        if !self.full {
            self.raw(&serde_json::to_string(text).expect("a text is always JSON"));
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.full |= bytes.len() > limits::VALUE / 4 * 3;
        if !self.full {
            self.raw(&format!("\"{}\"", STANDARD.encode(bytes)));
        }
    }

    /// A text that was cut is no JSON any more, so it is kept as text.
    fn finish(self, cuts: &mut Cuts) -> Value {
        cuts.values += u64::from(self.full);
        if self.full { Value::Text(self.out) } else { Value::Json(self.out) }
    }
}
