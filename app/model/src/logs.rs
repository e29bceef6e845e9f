//! Log records: a line, a page of lines, counts by level, patterns.

mod coverage;
mod filter;

use serde::{Deserialize, Serialize};

pub use coverage::{LogCoverage, LogGap};
pub use filter::{LogFilter, LogTerm, LogTest};

use crate::{Cursor, RevisionHash, Series, SpanId, Timestamp, TraceId, Value};

/// How bad a log record is: the ranges of OpenTelemetry's `SeverityNumber` (logs data model, "Severity Fields").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub enum Level {
    /// Not said.
    #[default]
    Unset,
    /// 1–4.
    Trace,
    /// 5–8.
    Debug,
    /// 9–12.
    Info,
    /// 13–16.
    Warn,
    /// 17–20.
    Error,
    /// 21–24.
    Fatal,
}

impl Level {
    /// All levels, the least bad first.
    pub const ALL: [Self; 7] =
        [Self::Unset, Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error, Self::Fatal];

    /// From `SeverityNumber`; a number that is none is not said.
    pub fn from_severity(number: u64) -> Self {
        match number {
            1..=4 => Self::Trace,
            5..=8 => Self::Debug,
            9..=12 => Self::Info,
            13..=16 => Self::Warn,
            17..=20 => Self::Error,
            21..=24 => Self::Fatal,
            _ => Self::Unset,
        }
    }

    /// From its place in [`Self::ALL`]; a number that is none is not said.
    pub fn from_number(number: u8) -> Self {
        Self::ALL.get(usize::from(number)).copied().unwrap_or_default()
    }

    /// Its place in [`Self::ALL`].
    pub fn number(self) -> u8 {
        self as u8
    }

    /// From the word that loggers write, in any case: `WARNING`, `err`, `I` and their like. Nothing when it is none.
    pub fn from_word(word: &str) -> Option<Self> {
        let mut lower = [0_u8; 16];
        let lower = lower.get_mut(..word.len())?;
        lower.copy_from_slice(word.as_bytes());
        lower.make_ascii_lowercase();
        Some(match &*lower {
            b"trace" | b"trc" | b"finest" | b"finer" | b"t" => Self::Trace,
            b"debug" | b"dbg" | b"fine" | b"verbose" | b"d" => Self::Debug,
            b"info" | b"inf" | b"information" | b"informational" | b"notice" | b"i" => Self::Info,
            b"warn" | b"warning" | b"wrn" | b"w" => Self::Warn,
            b"error" | b"err" | b"severe" | b"e" => Self::Error,
            b"fatal" | b"critical" | b"crit" | b"alert" | b"emerg" | b"emergency" | b"panic" | b"ftl" | b"f" => {
                Self::Fatal
            }
            _ => return None,
        })
    }

    /// The word on the screen and in queries.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unset => "unset",
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Fatal => "fatal",
        }
    }
}

/// A log record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogLine {
    /// When it happened.
    pub at: Timestamp,
    /// How bad it is.
    pub level: Level,
    /// The level's name as its sender wrote it; may be empty.
    pub severity: String,
    /// What it says.
    pub body: String,
    /// Its pattern.
    pub pattern: String,
    /// Instrumentation scope or logger; may be empty.
    pub scope: String,
    /// Its trace.
    pub trace: Option<TraceId>,
    /// Its span.
    pub span: Option<SpanId>,
    /// The pod's name, where known.
    pub pod: Option<String>,
    /// The revision's shown name, where known.
    pub revision: Option<String>,
    /// Attributes.
    pub attributes: Vec<(String, Value)>,
}

/// Lines that match, newest first, and how many there are when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogPage {
    /// The newest lines.
    pub lines: Vec<LogLine>,
    /// What follows, if more do.
    pub next: Option<Cursor>,
    /// Lines over time, a series a level that occurs, named by its word; the least bad first.
    pub levels: Vec<Series>,
    /// Lines that match in the window.
    pub matched: u64,
    /// The search stopped at its limit: lines before this were not looked at.
    pub covered_from: Option<Timestamp>,
    /// Whose logs Binnacle reads itself of the service's pods now.
    pub coverage: LogCoverage,
}

/// Lines that say the same but for what varies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogPattern {
    /// The words that do not vary; may be empty.
    pub pattern: String,
    /// The worst level of its lines.
    pub level: Level,
    /// Lines in the window.
    pub count: u64,
    /// Lines over time.
    pub series: Series,
    /// First seen in the retained history.
    pub first_seen: Timestamp,
    /// The revision that had it first.
    pub first_revision: Option<RevisionHash>,
    /// That revision's shown name.
    pub first_revision_name: Option<String>,
    /// Last seen.
    pub last_seen: Timestamp,
    /// It was not there before the newest deploy.
    pub is_new: bool,
}

/// Patterns of a window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogPatterns {
    /// Patterns: new ones before all others, then the most lines first.
    pub patterns: Vec<LogPattern>,
    /// So many more there are.
    pub more: u32,
    /// The query asks for what only lines say: these are of all lines of its levels and patterns.
    pub asks_lines: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_read_as_numbers_and_as_words() {
        for (number, level) in
            [(0, Level::Unset), (1, Level::Trace), (9, Level::Info), (17, Level::Error), (25, Level::Unset)]
        {
            assert_eq!(Level::from_severity(number), level);
        }
        for (word, level) in
            [("WARNING", Level::Warn), ("Err", Level::Error), ("critical", Level::Fatal), ("I", Level::Info)]
        {
            assert_eq!(Level::from_word(word), Some(level));
        }
        assert_eq!(Level::from_word("a very long word that is no level"), None);
        assert_eq!(Level::from_word("größe"), None);
        for level in Level::ALL {
            assert_eq!(Level::from_number(level.number()), level);
            assert_eq!(Level::from_word(level.word()), Some(level).filter(|level| *level != Level::Unset));
        }
    }
}
