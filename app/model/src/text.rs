//! A string that many values share: names, ids, images. A copy of it costs a pointer.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};

/// A shared string; null in JSON reads as empty.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Text(Arc<str>);

impl Text {
    /// The string.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, or nothing where it is empty.
    pub fn some(&self) -> Option<&str> {
        (!self.0.is_empty()).then_some(&*self.0)
    }

    /// How many hold this very string.
    pub fn holders(&self) -> usize {
        Arc::strong_count(&self.0)
    }
}

impl Deref for Text {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for Text {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        *self.0 == *other
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        *self.0 == **other
    }
}

impl PartialEq<String> for Text {
    fn eq(&self, other: &String) -> bool {
        *self.0 == **other
    }
}

impl PartialEq<Text> for String {
    fn eq(&self, other: &Text) -> bool {
        **self == *other.0
    }
}

impl PartialEq<Text> for str {
    fn eq(&self, other: &Text) -> bool {
        *self == *other.0
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        // Of nothing there is one for all.
        if text.is_empty() { Self::default() } else { Self(text.into()) }
    }
}

impl From<&String> for Text {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.0.as_ref().to_owned()
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&*self.0, f)
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = Text;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }
    fn visit_str<E>(self, text: &str) -> Result<Text, E> {
        Ok(text.into())
    }
    fn visit_unit<E>(self) -> Result<Text, E> {
        Ok(Text::default())
    }
    // Extensions' own types put numbers where others have strings (`observedGeneration` of a Rollout).
    fn visit_u64<E>(self, number: u64) -> Result<Text, E> {
        Ok(number.to_string().into())
    }
    fn visit_i64<E>(self, number: i64) -> Result<Text, E> {
        Ok(number.to_string().into())
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_written_and_read_as_a_string() {
        let text = Text::from("shop");
        assert_eq!(serde_json::to_string(&text).unwrap(), r#""shop""#);
        assert_eq!(serde_json::from_str::<Text>(r#""shop""#).unwrap(), text);
        assert_eq!(serde_json::from_str::<Text>("null").unwrap(), Text::default());
        assert_eq!(serde_json::from_str::<Text>("7").unwrap(), "7");
    }

    #[test]
    fn copies_of_a_text_are_one_string() {
        let text = Text::from("shop");
        let copy = text.clone();
        assert_eq!((text.holders(), copy.as_str()), (2, "shop"));
    }
}
