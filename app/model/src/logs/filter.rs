//! What is searched for in logs, as a person types it: `level:error "connection refused" http.route=/pay -healthz`.
//! All terms must hold; `-` before one turns it round.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Level;
use crate::terms::{self, Piece};

/// Terms that must all hold; none lets everything through.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LogFilter {
    /// The terms.
    pub terms: Vec<LogTerm>,
}

/// One test, or its opposite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogTerm {
    /// It must not hold.
    pub not: bool,
    /// The test.
    pub test: LogTest,
}

/// What a line is tested for. Texts are compared without regard to the case of ASCII letters, values exactly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogTest {
    /// `level:warn`: it has this level; `level:>=warn`: this or a worse one.
    Level(Level, bool),
    /// `word`: the body holds these letters, also inside a word.
    Holds(String),
    /// `"some words"`: the body holds these whole words one after the other.
    Phrase(String),
    /// `key=value`: an attribute of the record or of its resource has this value; `pod`, `revision`, `scope`,
    /// `trace` and `pattern` are keys too.
    Equals(String, String),
    /// `key=*`: it has the attribute.
    Has(String),
}

impl LogFilter {
    /// Whether it asks for anything but levels, so that lines must be read.
    pub fn asks_lines(&self) -> bool {
        self.terms.iter().any(|term| !matches!(term.test, LogTest::Level(..)))
    }

    /// Whether its terms about levels let one through.
    pub fn lets_level(&self, level: Level) -> bool {
        self.terms.iter().all(|term| match term.test {
            LogTest::Level(wanted, true) => (level >= wanted) != term.not,
            LogTest::Level(wanted, false) => (level == wanted) != term.not,
            _ => true,
        })
    }

    /// Whether its terms about patterns let one through.
    pub fn lets_pattern(&self, pattern: &str) -> bool {
        self.terms.iter().all(|term| match &term.test {
            LogTest::Equals(key, wanted) if key == "pattern" => (wanted == pattern) != term.not,
            _ => true,
        })
    }

    /// Whether it asks for anything but levels and patterns: what only lines themselves say.
    pub fn asks_bodies(&self) -> bool {
        self.terms.iter().any(|term| match &term.test {
            LogTest::Level(..) => false,
            LogTest::Equals(key, _) => key != "pattern",
            _ => true,
        })
    }

    /// Whether it asks for keys, which resources have too.
    pub fn asks_keys(&self) -> bool {
        self.terms.iter().any(|term| matches!(term.test, LogTest::Equals(..) | LogTest::Has(_)))
    }
}

impl FromStr for LogFilter {
    type Err = String;

    /// Reads a query; the error says what to do.
    fn from_str(text: &str) -> Result<Self, String> {
        let terms = terms::terms(text, &["level"], test)?;
        Ok(Self { terms: terms.into_iter().map(|(not, test)| LogTerm { not, test }).collect() })
    }
}

fn test(piece: Piece<'_>) -> Result<LogTest, String> {
    Ok(match piece {
        // A level may be asked for as an attribute too.
        Piece::Named(_, word) | Piece::Pair("level", word) => level(&word)?,
        Piece::Pair(key, value) if value == "*" => LogTest::Has(key.to_owned()),
        Piece::Pair(key, value) => LogTest::Equals(key.to_owned(), value),
        Piece::Quoted(words) if words.chars().any(char::is_alphanumeric) => LogTest::Phrase(words),
        Piece::Quoted(text) => LogTest::Holds(text),
        Piece::Word(word) => LogTest::Holds(word.to_owned()),
    })
}

fn level(word: &str) -> Result<LogTest, String> {
    let (at_least, word) = word.strip_prefix(">=").map_or((false, word), |word| (true, word));
    let level = match word {
        "unset" => Some(Level::Unset),
        word => Level::from_word(word),
    };
    let known = || Level::ALL.map(Level::word).join(", ");
    level
        .map(|level| LogTest::Level(level, at_least))
        .ok_or_else(|| format!("“{word}” is no level; there are {}", known()))
}

impl fmt::Display for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, term) in self.terms.iter().enumerate() {
            f.write_str(if n > 0 { " " } else { "" })?;
            f.write_str(if term.not { "-" } else { "" })?;
            match &term.test {
                LogTest::Level(level, at_least) => {
                    write!(f, "level:{}{}", if *at_least { ">=" } else { "" }, level.word())?;
                }
                LogTest::Holds(word) => f.write_str(&terms::written(word))?,
                LogTest::Phrase(words) => f.write_str(&terms::in_quotes(words))?,
                LogTest::Equals(key, value) => write!(f, "{key}={}", terms::written(value))?,
                LogTest::Has(key) => write!(f, "{key}=*")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> LogTerm {
        let filter: LogFilter = text.parse().unwrap();
        assert_eq!(filter.terms.len(), 1, "{text}");
        filter.terms[0].clone()
    }

    #[test]
    fn each_kind_of_term_is_read() {
        for (text, test) in [
            ("level:error", LogTest::Level(Level::Error, false)),
            ("level:>=WARN", LogTest::Level(Level::Warn, true)),
            ("level=unset", LogTest::Level(Level::Unset, false)),
            ("refused", LogTest::Holds("refused".into())),
            ("http://x", LogTest::Holds("http://x".into())),
            ("\"a b\"", LogTest::Phrase("a b".into())),
            (r#""say \"hi\"""#, LogTest::Phrase("say \"hi\"".into())),
            ("http.route=/pay", LogTest::Equals("http.route".into(), "/pay".into())),
            (r#"k="a b""#, LogTest::Equals("k".into(), "a b".into())),
            ("k=*", LogTest::Has("k".into())),
            ("=x", LogTest::Holds("=x".into())),
            ("-", LogTest::Holds("-".into())),
        ] {
            assert_eq!(one(text), LogTerm { not: false, test: test.clone() }, "{text}");
            if text != "-" {
                assert_eq!(one(&format!("-{text}")), LogTerm { not: true, test }, "-{text}");
            }
        }
    }

    #[test]
    fn what_is_read_and_written_is_read_the_same() {
        for text in [r#"level:error "a b" -k=v x="y z" z=* foo -"q \" r""#, "", "  a   b ", r#"k="*""#] {
            let filter: LogFilter = text.parse().unwrap();
            assert_eq!(filter.to_string().parse::<LogFilter>().unwrap(), filter, "{text}");
        }
    }

    #[test]
    fn what_can_not_be_read_says_what_to_do() {
        assert!("level:loud".parse::<LogFilter>().unwrap_err().contains("debug"));
        assert!("\"open".parse::<LogFilter>().unwrap_err().contains("quotation mark"));
        assert!("x".repeat(2_000).parse::<LogFilter>().is_err());
        assert!("x ".repeat(40).parse::<LogFilter>().is_err());
    }
}
