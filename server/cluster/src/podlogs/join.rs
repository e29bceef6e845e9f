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

/// Joins what an application wrote in several lines: a stack trace, an indented continuation.
#[derive(Debug, Default)]
pub(super) struct Joiner {
    open: Option<Record>,
    lines: usize,
    /// Python ends a trace with a line that is not indented.
    in_traceback: bool,
}

impl Joiner {
    /// Takes a line; gives the record that it ends.
    pub(super) fn push(&mut self, at: Timestamp, line: &str) -> Option<Record> {
        let line = line.trim_end_matches(['\r', '\n']);
        let indented = line.starts_with([' ', '\t']);
        let continues = indented || line.starts_with("Caused by: ") || (self.in_traceback && !line.is_empty());
        if continues
            && self.lines < LINES
            && let Some((_, text)) = &mut self.open
        {
            self.lines += 1;
            if text.len() + line.len() < LONGEST {
                text.push('\n');
                text.push_str(line);
            }
            self.in_traceback &= indented;
            return None;
        }
        let before = self.flush();
        self.in_traceback = line.starts_with("Traceback (most recent call last)");
        self.open = Some((at, store::pattern::cut(line, LONGEST).to_owned()));
        self.lines = 1;
        before
    }

    /// Gives what is open.
    pub(super) fn flush(&mut self) -> Option<Record> {
        self.in_traceback = false;
        self.open.take()
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
