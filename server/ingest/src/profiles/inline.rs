//! Resources of profiles may name the texts of their attributes by their place in the dictionary. Such ones are
//! written anew with the texts in place, so that the one walk over resources reads them like all others.

use std::borrow::Cow;

use crate::limits::{KEY, OWNER_VALUE};
use crate::wire::{Cursor, Malformed, Wire};
use crate::write::{put_varint, tag};
use store::pattern::cut;

/// The request with every text of its resources in place; what needs nothing stays as it is.
pub(super) fn resources<'a>(body: &'a [u8], texts: &[&str], most: usize) -> Result<Cow<'a, [u8]>, Malformed> {
    if texts.is_empty() || !has_places(body)? {
        return Ok(Cow::Borrowed(body));
    }
    let inliner = Inliner { texts, most };
    let mut out = Vec::with_capacity(body.len());
    inliner.message(body, &[1, 1, 1], &mut out)?;
    Ok(Cow::Owned(out))
}

/// Whether any attribute of a resource names a text by its place.
fn has_places(body: &[u8]) -> Result<bool, Malformed> {
    let mut cursor = Cursor::new(body);
    while let Some(field) = cursor.field()? {
        if let (1, Wire::Bytes(group)) = field
            && attributes_have_places(group, 2)?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Looks so many messages deep along field 1: a resource, its attributes.
fn attributes_have_places(bytes: &[u8], depth: usize) -> Result<bool, Malformed> {
    let mut cursor = Cursor::new(bytes);
    while let Some(field) = cursor.field()? {
        let found = match field {
            (1, Wire::Bytes(inner)) if depth > 0 => attributes_have_places(inner, depth - 1)?,
            (2, Wire::Bytes(value)) if depth == 0 => number(value, TEXT_PLACE)?.is_some(),
            (KEY_PLACE, Wire::Varint(place)) if depth == 0 => place != 0,
            _ => false,
        };
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}

/// `KeyValue.key_strindex`.
const KEY_PLACE: u32 = 3;
/// `AnyValue.string_value_strindex`.
const TEXT_PLACE: u32 = 8;

fn number(bytes: &[u8], wanted: u32) -> Result<Option<u64>, Malformed> {
    let mut cursor = Cursor::new(bytes);
    while let Some(field) = cursor.field()? {
        if let (number, Wire::Varint(value)) = field
            && number == wanted
        {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

struct Inliner<'t> {
    texts: &'t [&'t str],
    /// Bytes that may come out.
    most: usize,
}

impl Inliner<'_> {
    /// Writes a message anew. `path` are the fields that lead to attributes; where it ends the message is one.
    fn message(&self, bytes: &[u8], path: &[u32], out: &mut Vec<u8>) -> Result<(), Malformed> {
        let Some((next, path)) = path.split_first() else { return self.attribute(bytes, out) };
        let mut cursor = Cursor::new(bytes);
        while let Some((number, field)) = cursor.field()? {
            match field {
                Wire::Bytes(inner) if number == *next => {
                    let mut written = Vec::with_capacity(inner.len());
                    self.message(inner, path, &mut written)?;
                    put_bytes(out, number, &written);
                }
                field => put(out, number, field),
            }
            if out.len() > self.most {
                return Err(Malformed("its resources are larger than a message may be"));
            }
        }
        Ok(())
    }

    fn attribute(&self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
        let mut cursor = Cursor::new(bytes);
        while let Some((number, field)) = cursor.field()? {
            match (number, field) {
                (KEY_PLACE, Wire::Varint(place)) if place != 0 => put_bytes(out, 1, self.text(place, KEY)?.as_bytes()),
                (2, Wire::Bytes(value)) => match self::number(value, TEXT_PLACE)? {
                    Some(place) => {
                        let mut text = Vec::new();
                        put_bytes(&mut text, 1, self.text(place, OWNER_VALUE)?.as_bytes());
                        put_bytes(out, 2, &text);
                    }
                    None => put_bytes(out, 2, value),
                },
                (number, field) => put(out, number, field),
            }
        }
        Ok(())
    }

    /// A text of the dictionary, no longer than its use allows.
    fn text(&self, place: u64, most: usize) -> Result<&str, Malformed> {
        let text = self.texts.get(place as usize).ok_or(Malformed("an attribute has a text that is not there"))?;
        Ok(cut(text, most))
    }
}

fn put(out: &mut Vec<u8>, number: u32, field: Wire<'_>) {
    match field {
        Wire::Varint(value) => {
            put_varint(out, tag(number, 0));
            put_varint(out, value);
        }
        Wire::Fixed64(value) => {
            put_varint(out, tag(number, 1));
            out.extend_from_slice(&value.to_le_bytes());
        }
        Wire::Bytes(bytes) => put_bytes(out, number, bytes),
        Wire::Fixed32(value) => {
            put_varint(out, tag(number, 5));
            out.extend_from_slice(&value.to_le_bytes());
        }
        Wire::Group => {}
    }
}

fn put_bytes(out: &mut Vec<u8>, number: u32, bytes: &[u8]) {
    put_varint(out, tag(number, 2));
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}
