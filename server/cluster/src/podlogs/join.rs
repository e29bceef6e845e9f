//! Lines of a log stream → records: the time in front, and lines that belong to the one before. Pure.

use model::Timestamp;

/// A record is no longer than this; what follows is cut.
const LONGEST: usize = 64 << 10;
/// Lines that are joined at most.
const LINES: usize = 500;

/// A line with its time, as `timestamps=true` gives it.
pub(super) fn stamped(line: &str) -> Option<(Timestamp, &str)> {
    let (time, text) = line.split_once(' ').unwrap_or((line, ""));
    let at: jiff::Timestamp = time.parse().ok()?;
    Some((Timestamp(i64::try_from(at.as_nanosecond()).ok()?), text))
}

/// A record: its time and its text.
pub(super) type Record = (Timestamp, String);

/// What is open beyond what indentation says.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Open {
    #[default]
    Line,
    /// A trace of Python, which a line that is not indented ends.
    Python,
    /// That line has come: a blank one and words that lead to the next trace may follow.
    PythonEnded,
    /// A panic of Go: the goroutines follow, with calls that are not indented.
    Go,
    /// A bracket alone on its line, which its like closes.
    Bracket,
}

/// Words between two traces of Python of which one led to the other.
const LED_TO: [&str; 2] = ["During handling of the above exception", "The above exception was the direct cause"];

impl Open {
    /// What a line opens that begins a record.
    fn by(line: &str) -> Self {
        match line {
            "{" | "[" => Self::Bracket,
            _ if line.starts_with("Traceback (most recent call last)") => Self::Python,
            _ if line.starts_with("panic: ") || line.starts_with("fatal error: ") || is_goroutine(line) => Self::Go,
            _ => Self::Line,
        }
    }

    /// What is open after a line that is not indented, where that belongs to the record.
    fn after(self, line: &str) -> Option<Self> {
        match self {
            _ if line.starts_with("Caused by: ") => Some(self),
            Self::Python if line.starts_with("Traceback (most recent call last)") || line.is_empty() => Some(self),
            Self::Python => Some(Self::PythonEnded),
            Self::PythonEnded if line.is_empty() => Some(self),
            Self::PythonEnded if LED_TO.iter().any(|words| line.starts_with(words)) => Some(Self::Python),
            Self::Go if line.is_empty() || is_goroutine(line) => Some(self),
            Self::Go if ["[signal ", "created by ", "panic: "].iter().any(|word| line.starts_with(word)) => Some(self),
            // A call: `main.(*Cart).add(0xc000012345, {0x1, 0x2})`.
            Self::Go if line.ends_with(')') && line.contains('(') && line.contains('.') => Some(self),
            Self::Bracket if matches!(line, "}" | "]") => Some(Self::Line),
            _ => None,
        }
    }
}

/// `goroutine 7 [chan receive]:`
fn is_goroutine(line: &str) -> bool {
    line.starts_with("goroutine ") && line.ends_with("]:")
}

/// Joins what an application wrote in several lines: a stack trace, an indented continuation.
#[derive(Debug, Default)]
pub(super) struct Joiner {
    record: Option<Record>,
    lines: usize,
    open: Open,
}

impl Joiner {
    /// Takes a line; gives the record that it ends.
    pub(super) fn push(&mut self, at: Timestamp, line: &str) -> Option<Record> {
        let line = line.trim_end_matches(['\r', '\n']);
        let after = if line.starts_with([' ', '\t']) { Some(self.open) } else { self.open.after(line) };
        if let Some(after) = after.filter(|_| self.lines < LINES)
            && let Some((_, text)) = &mut self.record
        {
            self.lines += 1;
            if text.len() + line.len() < LONGEST {
                text.push('\n');
                text.push_str(line);
            }
            self.open = after;
            return None;
        }
        let before = self.flush();
        self.open = Open::by(line);
        self.record = Some((at, store::pattern::cut(line, LONGEST).to_owned()));
        self.lines = 1;
        before
    }

    /// Gives what is open.
    pub(super) fn flush(&mut self) -> Option<Record> {
        self.open = Open::Line;
        let (at, mut text) = self.record.take()?;
        text.truncate(text.trim_end_matches('\n').len());
        Some((at, text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(lines: &[&str]) -> Vec<String> {
        let mut joiner = Joiner::default();
        let mut all: Vec<String> =
            lines.iter().filter_map(|line| joiner.push(Timestamp(1), line)).map(|(_, text)| text).collect();
        all.extend(joiner.flush().map(|(_, text)| text));
        all
    }

    #[test]
    fn a_line_begins_with_its_time() {
        let (at, text) = stamped("2026-11-24T10:00:00.123456789Z hello  world").unwrap();
        assert_eq!((at.0 % 1_000_000_000, text), (123_456_789, "hello  world"));
        assert_eq!(stamped("2026-11-24T10:00:00Z").map(|(_, text)| text), Some(""));
        assert!(stamped("no time").is_none());
    }

    #[test]
    fn a_stack_trace_is_one_record() {
        let java = ["Exception: boom", "\tat a.B.c(B.java:1)", "Caused by: x", "\t... 3 more", "next"];
        assert_eq!(joined(&java), ["Exception: boom\n\tat a.B.c(B.java:1)\nCaused by: x\n\t... 3 more", "next"]);
        let python = ["Traceback (most recent call last):", "  File \"x\"", "    y()", "ValueError: no", "next"];
        assert_eq!(joined(&python).len(), 2);
        let chained = [&python[..4], &["", LED_TO[0], ""], &python].concat();
        assert_eq!(joined(&chained), [chained[..11].join("\n").as_str(), "next"]);
        let go = [
            "panic: runtime error: invalid memory address",
            "[signal SIGSEGV: segmentation violation]",
            "",
            "goroutine 1 [running]:",
            "main.(*Cart).add(0xc0000, {0x1, 0x2})",
            "\t/app/main.go:10 +0x1d",
            "created by main.main",
            "\t/app/main.go:5 +0x1",
            "exit status 2",
        ];
        assert_eq!(joined(&go), [go[..8].join("\n").as_str(), "exit status 2"]);
        assert_eq!(joined(&["{", "  \"a\": 1", "}", "}"]), ["{\n  \"a\": 1\n}", "}"]);
        assert_eq!(joined(&["a", "", "b"]), ["a", "", "b"], "a blank line is one");
        assert_eq!(joined(&["a", "b"]), ["a", "b"]);
        assert_eq!(joined(&["  alone"]), ["  alone"]);
    }

    #[test]
    fn a_record_does_not_grow_without_end() {
        let long = format!(" {}", "x".repeat(1_000));
        let mut lines = vec!["first"];
        lines.extend(std::iter::repeat_n(long.as_str(), 2_000));
        assert!(joined(&lines).iter().all(|record| record.len() <= LONGEST));
    }
}
