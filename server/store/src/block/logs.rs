//! Log records as columns: what a request is gathered into, what a commit joins, what a block holds. Pure.

mod bytes;
pub(crate) mod filter;
mod open;
pub(crate) mod search;
#[cfg(test)]
mod tests;

use model::{Level, LogGap, LogLine, SpanId, Timestamp, TraceId};

pub(crate) use open::{LogBlock, LogReader};

use super::attributes::Attributes;
use super::columns::{Columns, Signal};
use super::texts::Texts;
use crate::{Error, LogRow};

/// Columns of equal length, one entry a record; texts are numbers into `texts`.
#[derive(Debug, Default, Clone)]
pub(crate) struct LogColumns {
    pub(crate) texts: Texts,
    pub(crate) owner: Vec<u32>,
    pub(crate) at: Vec<i64>,
    pub(crate) level: Vec<u8>,
    severity: Vec<u32>,
    body: Vec<u32>,
    pub(crate) pattern: Vec<u32>,
    scope: Vec<u32>,
    trace: Vec<Option<TraceId>>,
    span: Vec<Option<SpanId>>,
    attributes: Attributes,
}

impl LogColumns {
    pub(crate) fn push(&mut self, row: &LogRow<'_>) {
        self.owner.push(row.owner);
        self.at.push(row.at.0);
        self.level.push(row.level.number());
        for (column, text) in [
            (&mut self.severity, row.severity),
            (&mut self.body, row.body),
            (&mut self.pattern, row.pattern),
            (&mut self.scope, row.scope),
        ] {
            column.push(self.texts.number(text));
        }
        self.trace.push(row.trace);
        self.span.push(row.span);
        self.attributes.push(&mut self.texts, super::spans::pairs(row.attributes));
    }

    /// What a record says.
    pub(crate) fn body_of(&self, row: usize) -> &str {
        self.texts.get(self.body[row])
    }

    /// Whether it says that lines are missing, and is none.
    pub(crate) fn is_gap(&self, row: usize) -> bool {
        self.texts.get(self.scope[row]) == LogGap::SCOPE
    }

    /// A record in full, but for whose it is.
    pub(crate) fn get(&self, row: usize) -> LogLine {
        let text = |column: &[u32]| self.texts.get(column[row]).to_owned();
        LogLine {
            at: Timestamp(self.at[row]),
            level: Level::from_number(self.level[row]),
            severity: text(&self.severity),
            body: text(&self.body),
            pattern: text(&self.pattern),
            scope: text(&self.scope),
            trace: self.trace[row],
            span: self.span[row],
            pod: None,
            revision: None,
            attributes: self.attributes.get(&self.texts, row),
        }
    }

    fn append_all(&mut self, other: &Self, number: impl Fn(u32) -> u32) {
        let texts = self.texts.add_all(&other.texts);
        let map = |column: &mut Vec<u32>, from: &[u32]| column.extend(from.iter().map(|n| texts[*n as usize]));
        self.owner.extend(other.owner.iter().map(|owner| number(*owner)));
        self.at.extend_from_slice(&other.at);
        self.level.extend_from_slice(&other.level);
        map(&mut self.severity, &other.severity);
        map(&mut self.body, &other.body);
        map(&mut self.pattern, &other.pattern);
        map(&mut self.scope, &other.scope);
        self.trace.extend_from_slice(&other.trace);
        self.span.extend_from_slice(&other.span);
        self.attributes.append(&other.attributes, &texts);
    }

    /// What is read together stands together: an owner's records in the order of time.
    fn by_owner_time(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.sort_by_key(|row| (self.owner[*row], self.at[*row]));
        order
    }
}

impl Columns for LogColumns {
    const SIGNAL: Signal = Signal::Logs;
    const MERGED: i64 = 16_384;

    fn len(&self) -> usize {
        self.at.len()
    }

    fn size(&self) -> usize {
        self.len() * 64 + self.texts.size() + self.attributes.size()
    }

    fn reserve(&mut self, others: &[&Self]) {
        self.attributes.reserve(others.iter().map(|other| &other.attributes));
        let records = others.iter().map(|other| other.len()).sum();
        self.trace.reserve(records);
        self.span.reserve(records);
    }

    fn append(&mut self, other: &Self, owners: &[u32]) {
        self.append_all(other, |owner| owners[owner as usize]);
    }

    fn owners(&self) -> &[u32] {
        &self.owner
    }

    fn bounds(&self) -> Option<(i64, i64)> {
        Some((*self.at.iter().min()?, *self.at.iter().max()?))
    }

    fn seal(&self, level: i32) -> Result<Vec<u8>, Error> {
        self.encode(&self.by_owner_time(), level)
    }

    fn seal_merged(&self, level: i32) -> Result<Vec<u8>, Error> {
        self.encode_groups(&self.by_owner_time(), level)
    }

    fn count(sealed: &[u8]) -> Result<usize, Error> {
        Self::count_of(sealed)
    }

    fn unseal(sealed: &[u8]) -> Result<Self, Error> {
        Self::decode(sealed)
    }

    fn filter(&self) -> Vec<u8> {
        filter::of(self)
    }
}
