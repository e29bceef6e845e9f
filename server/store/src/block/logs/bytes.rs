//! Log columns → bytes → log columns. Times are differences; trace ids stand once for records that follow each other. A
//! block that was merged has the ids of traces and spans in a section, since records of a trace are of many owners, and a
//! section of each group of rows.

use model::{SpanId, TraceId};

use super::LogColumns;
use crate::Error;
use crate::block;
use crate::block::attributes::Attributes;
use crate::block::bytes::{Reader, Writer, damaged};
use crate::block::columns::Columns;
use crate::block::groups;
use crate::block::sections::SectionsWriter;
use crate::block::texts::{Chosen, Texts};

pub(super) const MAGIC: [u8; 4] = *b"BNlo";
const FORMAT: u8 = 1;
/// The format of a block in groups.
pub(super) const GROUPED: u8 = 2;

/// What is known of a record's trace: none, that of the record before, or one of its own.
const NO_TRACE: u8 = 0;
const SAME_TRACE: u8 = 1;
const OWN_TRACE: u8 = 2;
/// Added where there is a span too.
const SPAN: u8 = 4;

impl LogColumns {
    /// A sealed block of the records in an order.
    pub(super) fn encode(&self, order: &[usize], level: i32) -> Result<Vec<u8>, Error> {
        let mut writer = Writer::default();
        writer.number(order.len() as u64);
        self.texts.write(&mut writer);
        self.write_columns(&mut writer, order, |text| text);
        self.write_traces(&mut writer, order);
        self.attributes.write(&mut writer, order.iter().copied(), |text| text);
        block::seal(MAGIC, FORMAT, &writer.bytes, level)
    }

    /// The same in groups, each with texts of its own.
    pub(super) fn encode_groups(&self, order: &[usize], level: i32) -> Result<Vec<u8>, Error> {
        let groups = groups::cut(order.len(), |at| self.owner[order[at]]);
        let mut sections = SectionsWriter::new(level)?;
        let mut traces = Writer::with_capacity(order.len() * 26);
        self.write_traces(&mut traces, order);
        sections.add(&traces.bytes)?;
        let mut about = Writer::default();
        about.number(groups.len() as u64);
        for rows in groups {
            let rows = &order[rows];
            let owners: Vec<u32> = rows.iter().map(|row| self.owner[*row]).collect();
            groups::write(&mut about, &owners, rows.iter().map(|row| self.at[*row]));
            let mut texts = Chosen::of(&self.texts);
            let mut columns = Writer::default();
            self.write_columns(&mut columns, rows, |text| texts.number(text));
            self.attributes.write(&mut columns, rows.iter().copied(), |text| texts.number(text));
            let mut head = Writer::with_capacity(columns.bytes.len() * 4);
            head.number(rows.len() as u64);
            self.texts.write_chosen(&mut head, &texts);
            head.raw(&columns.bytes);
            sections.add(&head.bytes)?;
        }
        sections.seal(MAGIC, GROUPED, &about.bytes)
    }

    /// `number` tells by which numbers texts are known to who reads.
    fn write_columns(&self, writer: &mut Writer, order: &[usize], mut number: impl FnMut(u32) -> u32) {
        order.iter().for_each(|row| writer.number(u64::from(self.owner[*row])));
        let mut before = 0;
        for row in order {
            writer.signed(self.at[*row].wrapping_sub(before));
            before = self.at[*row];
        }
        order.iter().for_each(|row| writer.byte(self.level[*row]));
        for column in [&self.severity, &self.body, &self.pattern, &self.scope] {
            order.iter().for_each(|row| writer.number(u64::from(number(column[*row]))));
        }
    }

    fn write_traces(&self, writer: &mut Writer, order: &[usize]) {
        let mut before = None;
        let kinds: Vec<u8> = order
            .iter()
            .map(|row| {
                let kind = match self.trace[*row] {
                    None => NO_TRACE,
                    trace if trace == before => SAME_TRACE,
                    _ => OWN_TRACE,
                };
                before = self.trace[*row].or(before);
                kind | if self.span[*row].is_some() { SPAN } else { 0 }
            })
            .collect();
        kinds.iter().for_each(|kind| writer.byte(*kind));
        let own = order.iter().zip(&kinds).filter(|(_, kind)| *kind & 3 == OWN_TRACE);
        own.filter_map(|(row, _)| self.trace[*row]).for_each(|trace| writer.raw(&trace.0));
        order.iter().filter_map(|row| self.span[*row]).for_each(|span| writer.raw(&span.0));
    }

    /// The records of a sealed block that is not in groups.
    pub(super) fn decode_whole(sealed: &[u8]) -> Result<Self, Error> {
        let body = block::open(MAGIC, FORMAT, sealed)?;
        let mut reader = Reader::new(&body);
        let mut read = Self::read_columns(&mut reader)?;
        let (texts, count) = (read.texts.len(), read.len());
        read.read_traces(&mut reader, count)?;
        read.attributes = Attributes::read(&mut reader, texts, count)?;
        reader.end()?;
        Ok(read)
    }

    /// All but traces and attributes, every number checked.
    pub(super) fn read_columns(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let count = reader.length()?;
        let mut read = Self { texts: Texts::read(reader)?, ..Self::default() };
        read.owner = (0..count).map(|_| reader.index(u32::MAX as usize)).collect::<Result<_, _>>()?;
        let mut at = 0_i64;
        for _ in 0..count {
            at = at.wrapping_add(reader.signed()?);
            read.at.push(at);
        }
        read.level = reader.raw(count)?.to_vec();
        let texts = read.texts.len();
        for column in [&mut read.severity, &mut read.body, &mut read.pattern, &mut read.scope] {
            *column = (0..count).map(|_| reader.index(texts)).collect::<Result<_, _>>()?;
        }
        Ok(read)
    }

    pub(super) fn read_traces(&mut self, reader: &mut Reader<'_>, count: usize) -> Result<(), Error> {
        let kinds = reader.raw(count)?;
        let mut before = None;
        for kind in kinds {
            let trace = match kind & 3 {
                NO_TRACE => None,
                SAME_TRACE if before.is_some() => before,
                OWN_TRACE => Some(TraceId(reader.array()?)),
                _ => return Err(damaged("a trace is not known")),
            };
            before = trace.or(before);
            self.trace.push(trace);
        }
        for kind in kinds {
            self.span.push(if kind & SPAN != 0 { Some(SpanId(reader.array()?)) } else { None });
        }
        Ok(())
    }
}
