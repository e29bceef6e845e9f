//! Span columns → bytes. Trace ids stand once; a parent in the same block is its distance; times are differences. A
//! block that was merged has its ids in a section, and of each group of rows two: what a search asks for, and the rest.

use hashbrown::HashMap;
use model::TraceId;

use super::SpanColumns;
use crate::Error;
use crate::block;
use crate::block::bytes::Writer;
use crate::block::columns::Columns;
use crate::block::groups;
use crate::block::sections::SectionsWriter;
use crate::block::texts::Chosen;

/// What a block of spans begins with, and its format.
pub(super) const MAGIC: [u8; 4] = *b"BNsp";
pub(super) const FORMAT: u8 = 1;
/// The format of a block in groups.
pub(super) const GROUPED: u8 = 2;

/// Bytes of a span beside texts, before they are compressed.
const ROUGHLY: usize = 80;

/// Parents: none, given by its id, or by its distance + 2 in the zigzag sense.
pub(super) const NO_PARENT: u64 = 0;
pub(super) const PARENT_ELSEWHERE: u64 = 1;

impl SpanColumns {
    /// The order of a merged block: what is read together stands together.
    pub(crate) fn by_owner_endpoint_time(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.sort_by_cached_key(|at| (self.owner[*at], self.endpoint[*at], self.name[*at], self.start[*at]));
        order
    }

    /// A sealed block of the spans in an order.
    pub(crate) fn encode(&self, order: &[usize], level: i32) -> Result<Vec<u8>, Error> {
        let mut writer = Writer::with_capacity(self.texts.size() + order.len() * ROUGHLY);
        writer.number(order.len() as u64);
        self.texts.write(&mut writer);
        self.write_ids(&mut writer, order);
        self.write_numbers(&mut writer, order, |text| text);
        self.attributes.write(&mut writer, order.iter().copied(), |text| text);
        self.write_events(&mut writer, order, |text| text);
        self.write_links(&mut writer, order, |text| text);
        block::seal(MAGIC, FORMAT, &writer.bytes, level)
    }

    /// The same in groups, each with texts of its own.
    pub(super) fn encode_groups(&self, order: &[usize], level: i32) -> Result<Vec<u8>, Error> {
        let groups = groups::cut(order.len(), |at| self.owner[order[at]]);
        let mut sections = SectionsWriter::new(level)?;
        let mut ids = Writer::with_capacity(order.len() * 24);
        self.write_ids(&mut ids, order);
        sections.add(&ids.bytes)?;
        let mut about = Writer::default();
        about.number(groups.len() as u64);
        for rows in groups {
            let rows = &order[rows];
            let owners: Vec<u32> = rows.iter().map(|at| self.owner[*at]).collect();
            groups::write(&mut about, &owners, rows.iter().map(|at| self.start[*at]));
            let mut texts = Chosen::of(&self.texts);
            let mut columns = Writer::with_capacity(rows.len() * ROUGHLY);
            self.write_numbers(&mut columns, rows, |text| texts.number(text));
            self.attributes.write(&mut columns, rows.iter().copied(), |text| texts.number(text));
            let mut rest = Writer::default();
            self.write_events(&mut rest, rows, |text| texts.number(text));
            self.write_links(&mut rest, rows, |text| texts.number(text));
            let mut head = Writer::with_capacity(columns.bytes.len() * 2);
            head.number(rows.len() as u64);
            self.texts.write_chosen(&mut head, &texts);
            head.raw(&columns.bytes);
            sections.add(&head.bytes)?;
            sections.add(&rest.bytes)?;
        }
        sections.seal(MAGIC, GROUPED, &about.bytes)
    }

    fn write_ids(&self, writer: &mut Writer, order: &[usize]) {
        let mut traces: Vec<TraceId> = Vec::new();
        let mut numbers: HashMap<TraceId, u32> = HashMap::new();
        let mut column = Vec::with_capacity(order.len());
        for at in order {
            let next = traces.len() as u32;
            let number = *numbers.entry(self.trace[*at]).or_insert(next);
            if number == next {
                traces.push(self.trace[*at]);
            }
            column.push(number);
        }
        writer.number(traces.len() as u64);
        traces.iter().for_each(|trace| writer.raw(&trace.0));
        column.iter().for_each(|number| writer.number(u64::from(*number)));
        order.iter().for_each(|at| writer.raw(&self.id[*at].0));
        let mut places: HashMap<(u32, [u8; 8]), usize> = HashMap::with_capacity(order.len());
        for (place, at) in order.iter().enumerate() {
            places.insert((column[place], self.id[*at].0), place);
        }
        for (place, at) in order.iter().enumerate() {
            match self.parent[*at] {
                None => writer.number(NO_PARENT),
                Some(parent) => match places.get(&(column[place], parent.0)) {
                    Some(there) => {
                        let distance = *there as i64 - place as i64;
                        writer.number((((distance << 1) ^ (distance >> 63)) as u64) + 2);
                    }
                    None => {
                        writer.number(PARENT_ELSEWHERE);
                        writer.raw(&parent.0);
                    }
                },
            }
        }
    }

    /// `number` tells by which numbers texts are known to who reads.
    fn write_numbers(&self, writer: &mut Writer, order: &[usize], mut number: impl FnMut(u32) -> u32) {
        order.iter().for_each(|at| writer.number(u64::from(self.owner[*at])));
        order.iter().for_each(|at| writer.byte(self.flags[*at].0));
        for column in [&self.name, &self.endpoint, &self.callee, &self.status_message, &self.scope, &self.error] {
            order.iter().for_each(|at| writer.number(u64::from(number(column[*at]))));
        }
        let mut before = 0;
        for at in order {
            writer.signed(self.start[*at].wrapping_sub(before));
            before = self.start[*at];
        }
        order.iter().for_each(|at| writer.signed(self.duration[*at]));
        order.iter().for_each(|at| writer.number(u64::from(self.http_status[*at])));
        // Weights are mostly 1: xor with its bits leaves one byte.
        order.iter().for_each(|at| writer.number(u64::from(self.weight[*at].to_bits() ^ 1.0_f32.to_bits())));
    }

    fn write_events(&self, writer: &mut Writer, order: &[usize], mut number: impl FnMut(u32) -> u32) {
        order.iter().for_each(|at| writer.number(self.events.rows(*at).len() as u64));
        let rows = || order.iter().flat_map(|at| self.events.rows(*at).map(move |row| (*at, row)));
        rows().for_each(|(at, row)| writer.signed(self.event_at[row].wrapping_sub(self.start[at])));
        rows().for_each(|(_, row)| writer.number(u64::from(number(self.event_name[row]))));
        self.events.attributes.write(writer, order.iter().flat_map(|at| self.events.rows(*at)), number);
    }

    fn write_links(&self, writer: &mut Writer, order: &[usize], number: impl FnMut(u32) -> u32) {
        order.iter().for_each(|at| writer.number(self.links.rows(*at).len() as u64));
        let rows = || order.iter().flat_map(|at| self.links.rows(*at));
        rows().for_each(|row| writer.raw(&self.link_trace[row].0));
        rows().for_each(|row| writer.raw(&self.link_span[row].0));
        self.links.attributes.write(writer, rows(), number);
    }
}
