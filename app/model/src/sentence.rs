//! One sentence before any chart: text with the words that decided it made strong.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A sentence in parts; what names or decides is strong. The parts are plain text, never markup.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sentence {
    /// Its parts in order.
    pub parts: Vec<Part>,
}

/// A piece of a sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Part {
    /// Said plainly.
    Text(String),
    /// The name or number that matters.
    Strong(String),
}

impl Sentence {
    /// A sentence of plain text.
    pub fn plain(text: impl Into<String>) -> Self {
        Self { parts: vec![Part::Text(text.into())] }
    }

    /// The sentence with plain text after it.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.parts.push(Part::Text(text.into()));
        self
    }

    /// The sentence with a strong word after it.
    #[must_use]
    pub fn strong(mut self, text: impl Into<String>) -> Self {
        self.parts.push(Part::Strong(text.into()));
        self
    }
}

impl fmt::Display for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.iter().try_for_each(|part| match part {
            Part::Text(text) | Part::Strong(text) => f.write_str(text),
        })
    }
}
