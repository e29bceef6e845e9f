//! OTLP/JSON to protobuf bytes, for the one walker. The text is never held as a tree: what is written is no longer
//! than what is read, so `[{},{},…]` is no bomb. Only lowerCamelCase names, hexadecimal ids, enums as numbers; unknown
//! names are ignored, `null` is unset. Nesting is limited by serde_json (128 levels, about 30 of an attribute's value).

mod profiles;
mod schema;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::write::{LENGTH, base64, close, hex, put_varint, tag};
use schema::{Field, Kind, Message};

/// A request of traces as protobuf bytes.
pub(crate) fn traces(text: &[u8]) -> Result<Vec<u8>, serde_json::Error> {
    protobuf(text, &schema::TRACES)
}

/// A request of logs as protobuf bytes.
pub(crate) fn logs(text: &[u8]) -> Result<Vec<u8>, serde_json::Error> {
    protobuf(text, &schema::LOGS)
}

/// A request of metrics as protobuf bytes.
pub(crate) fn metrics(text: &[u8]) -> Result<Vec<u8>, serde_json::Error> {
    protobuf(text, &schema::METRICS)
}

/// A request of profiles as protobuf bytes.
pub(crate) fn profiles(text: &[u8]) -> Result<Vec<u8>, serde_json::Error> {
    protobuf(text, &profiles::PROFILES)
}

/// What Pyroscope's SDKs push as protobuf bytes.
pub(crate) fn push(text: &[u8]) -> Result<Vec<u8>, serde_json::Error> {
    protobuf(text, &profiles::PUSH)
}

fn protobuf(text: &[u8], message: &'static Message) -> Result<Vec<u8>, serde_json::Error> {
    let mut out = Vec::with_capacity(text.len() / 2);
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    deserializer.deserialize_map(Object { message, out: &mut out })?;
    deserializer.end()?;
    Ok(out)
}

/// The fields of one message.
struct Object<'o> {
    message: &'static Message,
    out: &'o mut Vec<u8>,
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(field) = map.next_key_seed(Name(self.message))? {
            match field {
                Some(field) => map.next_value_seed(Content { field, out: self.out, element: false })?,
                None => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        Ok(())
    }
}

/// A name among a message's fields.
struct Name(&'static Message);

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Option<&'static Field>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name {
    type Value = Option<&'static Field>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.0.iter().find(|field| field.0 == name))
    }
}

/// What a field holds, or one element of it.
struct Content<'o> {
    field: &'static Field,
    out: &'o mut Vec<u8>,
    element: bool,
}

impl<'de> DeserializeSeed<'de> for Content<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Content<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Field(name, _, kind) = self.field;
        let what = match kind {
            Kind::Text => "a text",
            Kind::Hex => "hexadecimal digits",
            Kind::Base64 => "base64",
            Kind::Enum => "the number of an enum",
            Kind::Fixed32 | Kind::Fixed64 | Kind::Sfixed64 | Kind::Uint32 | Kind::Int64 | Kind::Sint32 => {
                "a whole number that fits"
            }
            Kind::Double => "a number",
            Kind::Bool => "true or false",
            Kind::One(_) => "an object",
            Kind::Many(_) | Kind::Texts | Kind::Fixed64s | Kind::Doubles | Kind::Uint64s | Kind::Int64s => "an array",
        };
        write!(f, "{what} in {name}")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        if self.element { Err(E::custom("null in an array")) } else { Ok(()) }
    }

    fn visit_bool<E: serde::de::Error>(self, yes: bool) -> Result<(), E> {
        match self.field.2 {
            Kind::Bool => self.varint(u64::from(yes)),
            _ => return Err(E::invalid_type(serde::de::Unexpected::Bool(yes), &self)),
        }
        Ok(())
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<(), E> {
        self.number(i128::from(number), number as f64)
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<(), E> {
        self.number(i128::from(number), number as f64)
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<(), E> {
        let whole = number.fract() == 0.0 && number.abs() < 1e19;
        match self.field.2 {
            Kind::Double | Kind::Doubles => self.number(0, number),
            _ if whole => self.number(number as i128, number),
            _ => Err(E::invalid_value(serde::de::Unexpected::Float(number), &self)),
        }
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        let wrong =
            |content: &Self| E::invalid_value(serde::de::Unexpected::Str(store::pattern::cut(text, 64)), content);
        match self.field.2 {
            Kind::Text => self.bytes(text.as_bytes()),
            Kind::Texts if self.element => self.bytes(text.as_bytes()),
            Kind::Hex => {
                let Some(bytes) = hex(text) else { return Err(wrong(&self)) };
                self.bytes(&bytes);
            }
            Kind::Base64 => {
                let Some(bytes) = base64(text) else { return Err(wrong(&self)) };
                self.bytes(&bytes);
            }
            Kind::Fixed32
            | Kind::Fixed64
            | Kind::Sfixed64
            | Kind::Uint32
            | Kind::Int64
            | Kind::Sint32
            | Kind::Fixed64s
            | Kind::Uint64s
            | Kind::Int64s => {
                let Ok(number) = text.parse::<i128>() else { return Err(wrong(&self)) };
                self.number(number, 0.0)?;
            }
            Kind::Double | Kind::Doubles => {
                let Ok(number) = text.parse::<f64>() else { return Err(wrong(&self)) };
                self.number(0, number)?;
            }
            _ => return Err(E::invalid_type(serde::de::Unexpected::Str(store::pattern::cut(text, 64)), &self)),
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        let message = match self.field.2 {
            Kind::One(message) => message,
            Kind::Many(message) if self.element => message,
            _ => return Err(A::Error::invalid_type(serde::de::Unexpected::Map, &self)),
        };
        put_varint(self.out, tag(self.field.1, 2));
        let at = self.out.len();
        self.out.extend_from_slice(&[0; LENGTH]);
        Object { message, out: self.out }.visit_map(map)?;
        close(self.out, at);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        if self.element || !self.field.2.is_array() {
            return Err(A::Error::invalid_type(serde::de::Unexpected::Seq, &self));
        }
        while elements.next_element_seed(Content { field: self.field, out: self.out, element: true })?.is_some() {}
        Ok(())
    }
}

impl Content<'_> {
    fn number<E: serde::de::Error>(self, whole: i128, fraction: f64) -> Result<(), E> {
        let wrong = |content: &Self| E::invalid_value(serde::de::Unexpected::Float(fraction), content);
        if self.field.2.is_array() && !self.element {
            return Err(E::invalid_type(serde::de::Unexpected::Other("a number"), &self));
        }
        match self.field.2 {
            Kind::Double | Kind::Doubles => self.fixed(1, &fraction.to_bits().to_le_bytes()),
            Kind::Sfixed64 => match i64::try_from(whole) {
                Ok(number) => self.fixed(1, &number.to_le_bytes()),
                Err(_) => return Err(wrong(&self)),
            },
            Kind::Uint64s => match u64::try_from(whole) {
                Ok(number) => self.varint(number),
                Err(_) => return Err(wrong(&self)),
            },
            Kind::Sint32 => match i32::try_from(whole) {
                Ok(number) => self.varint(u64::from(((number << 1) ^ (number >> 31)) as u32)),
                Err(_) => return Err(wrong(&self)),
            },
            Kind::Fixed64 | Kind::Fixed64s => match u64::try_from(whole) {
                Ok(number) => self.fixed(1, &number.to_le_bytes()),
                Err(_) => return Err(wrong(&self)),
            },
            Kind::Fixed32 => match u32::try_from(whole) {
                Ok(number) => self.fixed(5, &number.to_le_bytes()),
                Err(_) => return Err(wrong(&self)),
            },
            Kind::Uint32 => match u32::try_from(whole) {
                Ok(number) => self.varint(u64::from(number)),
                Err(_) => return Err(wrong(&self)),
            },
            Kind::Int64 | Kind::Int64s => match i64::try_from(whole) {
                Ok(number) => self.varint(number as u64),
                Err(_) => return Err(wrong(&self)),
            },
            Kind::Enum => match i32::try_from(whole) {
                Ok(number) => self.varint(i64::from(number) as u64),
                Err(_) => return Err(wrong(&self)),
            },
            _ => return Err(E::invalid_type(serde::de::Unexpected::Other("a number"), &self)),
        }
        Ok(())
    }

    fn varint(self, number: u64) {
        put_varint(self.out, tag(self.field.1, 0));
        put_varint(self.out, number);
    }

    fn fixed(self, kind: u64, bytes: &[u8]) {
        put_varint(self.out, tag(self.field.1, kind));
        self.out.extend_from_slice(bytes);
    }

    fn bytes(self, bytes: &[u8]) {
        put_varint(self.out, tag(self.field.1, 2));
        put_varint(self.out, bytes.len() as u64);
        self.out.extend_from_slice(bytes);
    }
}
