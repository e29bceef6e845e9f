//! Whose logs are read, and what lines are known to be missing.

use serde::{Deserialize, Serialize};

use super::LogLine;
use crate::{Timestamp, Value};

/// How many pods' logs Binnacle reads itself, by the API server's log stream. Pods of which no container has begun have
/// no log and are not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LogCoverage {
    /// Pods whose logs are to be read; not those below that are not.
    pub pods: u32,
    /// Those of them of which every container is read.
    pub read: u32,
    /// Those of which the API server refuses it (403).
    pub refused: u32,
    /// Those for which no stream is left. Together with those that are read and refused, all of them.
    pub beyond: u32,
    /// Pods that opted out by their annotation.
    pub opted_out: u32,
    /// Pods of namespaces of which no logs are read.
    pub elsewhere: u32,
    /// Pods that send their own.
    pub own: u32,
    /// Streams that there may be at once, a container each.
    pub streams: u32,
    /// Lines left out since the start, because a container wrote too many a second.
    pub left_out: u64,
}

impl LogCoverage {
    /// Whether nothing is left out.
    pub fn is_whole(&self) -> bool {
        self.read == self.pods && self.opted_out + self.elsewhere == 0
    }
}

impl std::ops::AddAssign for LogCoverage {
    fn add_assign(&mut self, other: Self) {
        self.pods += other.pods;
        self.read += other.read;
        self.refused += other.refused;
        self.beyond += other.beyond;
        self.opted_out += other.opted_out;
        self.elsewhere += other.elsewhere;
        self.own += other.own;
        self.left_out += other.left_out;
        self.streams = self.streams.max(other.streams);
    }
}

/// Lines of a container's log that are missing, or may be. Kept as a record among its lines that counts as none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogGap {
    /// The last line before it.
    pub from: Timestamp,
    /// The first line after it, or the pod's end.
    pub to: Timestamp,
    /// Why, in words.
    pub reason: String,
}

impl LogGap {
    /// The scope of such a record.
    pub const SCOPE: &str = "binnacle.gap";
    const FROM: &str = "binnacle.gap.from";
    const TO: &str = "binnacle.gap.to";

    /// What a line says of one; nothing of any other line.
    pub fn of(line: &LogLine) -> Option<Self> {
        let time = |key: &str| {
            line.attributes.iter().find_map(|(name, value)| match value {
                Value::Int(nanos) if name == key => Some(Timestamp(*nanos)),
                _ => None,
            })
        };
        if line.scope != Self::SCOPE {
            return None;
        }
        Some(Self { from: time(Self::FROM)?, to: time(Self::TO)?, reason: line.body.clone() })
    }

    /// The attributes of its record; its reason is the body.
    pub fn attributes(&self) -> [(&'static str, Value); 2] {
        [(Self::FROM, Value::Int(self.from.0)), (Self::TO, Value::Int(self.to.0))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Level;

    #[test]
    fn a_gap_is_read_from_its_record_and_from_no_other() {
        let gap = LogGap { from: Timestamp(1), to: Timestamp(9), reason: "stream was lost".into() };
        let line = LogLine {
            at: gap.to,
            level: Level::Unset,
            severity: String::new(),
            body: gap.reason.clone(),
            pattern: String::new(),
            scope: LogGap::SCOPE.into(),
            trace: None,
            span: None,
            pod: None,
            revision: None,
            attributes: gap.attributes().map(|(key, value)| (key.to_owned(), value)).to_vec(),
        };
        assert_eq!(LogGap::of(&line), Some(gap));
        assert_eq!(LogGap::of(&LogLine { scope: String::new(), ..line.clone() }), None);
        assert_eq!(LogGap::of(&LogLine { attributes: Vec::new(), ..line }), None);
    }

    #[test]
    fn sums_add_pods_and_keep_the_limit() {
        let one = LogCoverage { pods: 3, read: 2, beyond: 1, streams: 500, ..LogCoverage::default() };
        let mut sum = LogCoverage::default();
        assert!(sum.is_whole());
        (0..2).for_each(|_| sum += one);
        assert_eq!(sum, LogCoverage { pods: 6, read: 4, beyond: 2, streams: 500, ..LogCoverage::default() });
        assert!(!sum.is_whole());
        assert!(!LogCoverage { opted_out: 1, ..LogCoverage::default() }.is_whole());
    }
}
