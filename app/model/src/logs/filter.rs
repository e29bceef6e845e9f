//! What is searched for in logs, as a person types it: `level:error "connection refused" http.route=/pay -healthz`.
//! All terms must hold; `-` before one turns it round.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Level;

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

    /// Whether it asks for keys, which resources have too.
    pub fn asks_keys(&self) -> bool {
        self.terms.iter().any(|term| matches!(term.test, LogTest::Equals(..) | LogTest::Has(_)))
    }
}

/// Terms a query may have.
const TERMS: usize = 32;
/// Bytes a query may have.
const LENGTH: usize = 1_024;

impl FromStr for LogFilter {
    type Err = String;

    /// Reads a query; the error says what to do.
    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() > LENGTH {
            return Err(format!("the query is longer than {LENGTH} bytes"));
        }
        let mut terms = Vec::new();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let (term, after) = term(rest)?;
            terms.push(term);
            rest = after.trim_start();
        }
        if terms.len() > TERMS {
            return Err(format!("the query has more than {TERMS} terms"));
        }
        Ok(Self { terms })
    }
}

fn term(text: &str) -> Result<(LogTerm, &str), String> {
    let (not, text) = match text.strip_prefix('-') {
        Some(rest) if !rest.is_empty() && !rest.starts_with(char::is_whitespace) => (true, rest),
        _ => (false, text),
    };
    let (test, rest) = test(text)?;
    Ok((LogTerm { not, test }, rest))
}

fn test(text: &str) -> Result<(LogTest, &str), String> {
    if text.starts_with('"') {
        let (phrase, rest) = quoted(text)?;
        return match phrase.chars().any(char::is_alphanumeric) {
            true => Ok((LogTest::Phrase(phrase), rest)),
            false => Ok((LogTest::Holds(phrase), rest)),
        };
    }
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    if let Some(word) = text[..end].strip_prefix("level:") {
        return Ok((level(word)?, &text[end..]));
    }
    let equals = text[..end].find('=').filter(|at| *at > 0);
    if let Some(at) = equals.filter(|at| !text[..*at].contains('"')) {
        let (key, value) = (&text[..at], &text[at + 1..]);
        let (value, rest) = match value.starts_with('"') {
            true => quoted(value)?,
            false => (value[..end - at - 1].to_owned(), &text[end..]),
        };
        // A level may be asked for as an attribute too.
        return match (key, &*value) {
            ("level", word) => Ok((level(word)?, rest)),
            (key, "*") => Ok((LogTest::Has(key.to_owned()), rest)),
            (key, _) => Ok((LogTest::Equals(key.to_owned(), value), rest)),
        };
    }
    let (word, rest) = text.split_at(end);
    Ok((LogTest::Holds(word.to_owned()), rest))
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

/// A text in quotes, in which `\"` and `\\` stand for themselves, and what comes after it.
fn quoted(text: &str) -> Result<(String, &str), String> {
    let mut out = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((out, &text[at + 1..])),
            '\\' => match chars.next() {
                Some((_, next @ ('"' | '\\'))) => out.push(next),
                Some((_, next)) => out.extend(['\\', next]),
                None => break,
            },
            other => out.push(other),
        }
    }
    Err("a quotation mark is open: put a \" where the words end".into())
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
                LogTest::Holds(word) if is_plain(word) => f.write_str(word)?,
                LogTest::Holds(words) | LogTest::Phrase(words) => write!(f, "\"{}\"", escaped(words))?,
                LogTest::Equals(key, value) if is_plain(value) && value != "*" => write!(f, "{key}={value}")?,
                LogTest::Equals(key, value) => write!(f, "{key}=\"{}\"", escaped(value))?,
                LogTest::Has(key) => write!(f, "{key}=*")?,
            }
        }
        Ok(())
    }
}

fn is_plain(word: &str) -> bool {
    !word.is_empty() && !word.contains(|c: char| c.is_whitespace() || matches!(c, '"' | '\\' | '='))
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
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
