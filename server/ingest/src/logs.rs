//! `ExportLogsServiceRequest` bytes to log rows: pure.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::net::IpAddr;

use model::{Level, Owner, Timestamp, Value};
use store::pattern::{self, cut};
use store::{LogRow, OwnerFacts, line};

use crate::Limits;
use crate::envelope::{self, Owning, Records, Report, Scope};
use crate::limits::VALUE;
use crate::owner::Owners;
use crate::traces::{instant, short, span_id, trace_id};
use crate::value::{self, Cuts, attribute};
use crate::wire::{Cursor, Malformed, WRONG_TYPE, Wire, text};

/// Where rows go: a batch for the store, or a test's list.
pub(crate) trait Sink: Owning {
    /// Takes a log record.
    fn push(&mut self, row: &LogRow<'_>);
}

/// Decodes a request into a sink. `found` says whether attributes alone tell which service an owner is; `now` stands
/// for times that the sender does not know.
pub(crate) fn decode(
    body: &[u8],
    peer: Option<IpAddr>,
    found: &dyn Fn(&OwnerFacts) -> bool,
    limits: &Limits,
    now: Timestamp,
    sink: &mut impl Sink,
) -> Result<Report, Malformed> {
    let owners = Owners::new(peer, found, limits);
    let mut decoder = Decoder { limits, sink, now, attributes: Vec::new() };
    envelope::walk(body, owners, limits, &mut decoder)
}

struct Decoder<'a, 'l, S> {
    limits: &'l Limits,
    sink: &'l mut S,
    now: Timestamp,
    /// Used again for every record.
    attributes: Vec<(&'a str, Value)>,
}

/// A record's plain fields as they were sent.
#[derive(Default)]
struct Raw<'a> {
    time: u64,
    observed: u64,
    severity: u64,
    severity_text: &'a str,
    body: Option<Value>,
    trace: &'a [u8],
    span: &'a [u8],
    event: &'a str,
}

impl<'a, S: Sink> Records<'a> for Decoder<'a, '_, S> {
    fn owner(&mut self, owner: Owner, facts: OwnerFacts) -> u32 {
        self.sink.owner(owner, facts)
    }

    fn record(&mut self, scope: Scope<'a>, bytes: &'a [u8], report: &mut Report) -> Result<(), Malformed> {
        let mut cuts = Cuts::default();
        let raw = self.read(bytes, &mut cuts)?;
        let at = self.time(&raw);
        if !report.takes(self.limits, at, self.now) {
            return Ok(());
        }
        report.cuts.add(cuts);
        self.push(scope, &raw, at);
        Ok(())
    }
}

impl<'a, S: Sink> Decoder<'a, '_, S> {
    fn read(&mut self, bytes: &'a [u8], cuts: &mut Cuts) -> Result<Raw<'a>, Malformed> {
        self.attributes.clear();
        let mut raw = Raw::default();
        let mut cursor = Cursor::new(bytes);
        while let Some(field) = cursor.field()? {
            match field {
                (1, Wire::Fixed64(nanos)) => raw.time = nanos,
                (2, Wire::Varint(number)) => raw.severity = number,
                (3, Wire::Bytes(bytes)) => raw.severity_text = short(text(bytes)?, cuts),
                (5, Wire::Bytes(bytes)) => raw.body = value::read(bytes, cuts)?,
                (6, Wire::Bytes(bytes)) => attribute(bytes, self.limits.attributes, &mut self.attributes, cuts)?,
                (7, Wire::Varint(_)) | (8, Wire::Fixed32(_)) => {}
                (9, Wire::Bytes(bytes)) => raw.trace = bytes,
                (10, Wire::Bytes(bytes)) => raw.span = bytes,
                (11, Wire::Fixed64(nanos)) => raw.observed = nanos,
                (12, Wire::Bytes(bytes)) => raw.event = short(text(bytes)?, cuts),
                (1..=12, _) => return Err(WRONG_TYPE),
                _ => {}
            }
        }
        Ok(raw)
    }

    fn push(&mut self, scope: Scope<'a>, raw: &Raw<'a>, at: Timestamp) {
        let text: Cow<'_, str> = match &raw.body {
            Some(Value::Text(text) | Value::Json(text)) => Cow::Borrowed(text.as_str()),
            Some(other) => Cow::Owned(other.to_string()),
            // Events may say all they say in their name.
            None => Cow::Borrowed(raw.event),
        };
        let said = Level::from_severity(raw.severity);
        let line = line::read(&text, self.limits.nested_attributes, said == Level::Unset);
        let body = line.body.as_deref().map_or(&*text, |body| cut(body, VALUE));
        let level = match said {
            Level::Unset => Level::from_word(raw.severity_text).or(line.level).unwrap_or_default(),
            said => said,
        };
        if !raw.event.is_empty() {
            self.attributes.push(("event.name", Value::Text(raw.event.to_owned())));
        }
        let of_body = line.attributes.iter().map(|(key, value)| (key.as_str(), value.clone()));
        let joined: Vec<(&str, Value)>;
        let attributes = match line.attributes.is_empty() {
            true => &self.attributes,
            false => {
                joined = self.attributes.iter().cloned().chain(of_body).collect();
                &joined
            }
        };
        let pattern = pattern::of_message(body);
        self.sink.push(&LogRow {
            owner: scope.owner,
            at,
            level,
            severity: raw.severity_text,
            body,
            pattern: &pattern,
            scope: scope.name,
            trace: trace_id(raw.trace),
            span: span_id(raw.span),
            attributes,
        });
    }

    /// When it happened, else when it was observed, else now (logs data model, "Field: Timestamp").
    fn time(&self, raw: &Raw<'_>) -> Timestamp {
        match (raw.time, raw.observed) {
            (0, 0) => self.now,
            (0, observed) => instant(observed),
            (time, _) => instant(time),
        }
    }
}
