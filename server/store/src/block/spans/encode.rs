//! Span columns → bytes. Trace ids stand once; a parent in the same block is its distance; times are differences.

use hashbrown::HashMap;
use model::TraceId;

use super::SpanColumns;
use crate::Error;
use crate::block;
use crate::block::bytes::Writer;
use crate::block::columns::Columns;

/// What a block of spans begins with, and its format.
pub(super) const MAGIC: [u8; 4] = *b"BNsp";
pub(super) const FORMAT: u8 = 1;

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
        self.write_numbers(&mut writer, order);
        self.attributes.write(&mut writer, order.iter().copied());
        self.write_events(&mut writer, order);
        self.write_links(&mut writer, order);
        block::seal(MAGIC, FORMAT, &writer.bytes, level)
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

    fn write_numbers(&self, writer: &mut Writer, order: &[usize]) {
        order.iter().for_each(|at| writer.number(u64::from(self.owner[*at])));
        order.iter().for_each(|at| writer.byte(self.flags[*at].0));
        for column in [&self.name, &self.endpoint, &self.callee, &self.status_message, &self.scope, &self.error] {
            order.iter().for_each(|at| writer.number(u64::from(column[*at])));
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

    fn write_events(&self, writer: &mut Writer, order: &[usize]) {
        order.iter().for_each(|at| writer.number(self.events.rows(*at).len() as u64));
        let rows = || order.iter().flat_map(|at| self.events.rows(*at).map(move |row| (*at, row)));
        rows().for_each(|(at, row)| writer.signed(self.event_at[row].wrapping_sub(self.start[at])));
        rows().for_each(|(_, row)| writer.number(u64::from(self.event_name[row])));
        self.events.attributes.write(writer, order.iter().flat_map(|at| self.events.rows(*at)));
    }

    fn write_links(&self, writer: &mut Writer, order: &[usize]) {
        order.iter().for_each(|at| writer.number(self.links.rows(*at).len() as u64));
        let rows = || order.iter().flat_map(|at| self.links.rows(*at));
        rows().for_each(|row| writer.raw(&self.link_trace[row].0));
        rows().for_each(|row| writer.raw(&self.link_span[row].0));
        self.links.attributes.write(writer, rows());
    }
}
