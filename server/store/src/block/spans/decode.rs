//! Bytes → span columns, every number checked.

use model::{SpanId, TraceId};

use super::encode::{FORMAT, MAGIC, NO_PARENT, PARENT_ELSEWHERE};
use super::{Flags, Nested, SpanColumns};
use crate::Error;
use crate::block;
use crate::block::attributes::Attributes;
use crate::block::bytes::{Reader, damaged};
use crate::block::columns::Columns;
use crate::block::texts::Texts;

impl SpanColumns {
    /// All but attributes, events and links.
    pub(super) fn read_head(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let count = reader.length()?;
        let mut columns = Self { texts: Texts::read(reader)?, ..Self::default() };
        columns.read_ids(reader, count)?;
        columns.read_numbers(reader, count)?;
        Ok(columns)
    }

    /// The spans of a sealed block that is not in groups.
    pub(super) fn decode_whole(sealed: &[u8]) -> Result<Self, Error> {
        let body = block::open(MAGIC, FORMAT, sealed)?;
        let mut reader = Reader::new(&body);
        let mut columns = Self::read_head(&mut reader)?;
        let count = columns.len();
        columns.attributes = Attributes::read(&mut reader, columns.texts.len(), count)?;
        columns.read_events(&mut reader, count)?;
        columns.read_links(&mut reader, count)?;
        reader.end()?;
        Ok(columns)
    }

    pub(super) fn read_ids(&mut self, reader: &mut Reader<'_>, count: usize) -> Result<(), Error> {
        let traces: Vec<TraceId> =
            (0..reader.length()?).map(|_| reader.array().map(TraceId)).collect::<Result<_, _>>()?;
        for _ in 0..count {
            self.trace.push(traces[reader.index(traces.len())? as usize]);
        }
        self.id = (0..count).map(|_| reader.array().map(SpanId)).collect::<Result<_, _>>()?;
        for place in 0..count {
            self.parent.push(match reader.number()? {
                NO_PARENT => None,
                PARENT_ELSEWHERE => Some(SpanId(reader.array()?)),
                near => {
                    let zigzag = near - 2;
                    let distance = (zigzag >> 1) as i64 ^ -((zigzag & 1) as i64);
                    let there = usize::try_from((place as i64).saturating_add(distance)).ok();
                    let id = there.and_then(|there| self.id.get(there));
                    Some(*id.ok_or_else(|| damaged("a parent is out of range"))?)
                }
            });
        }
        Ok(())
    }

    pub(super) fn read_numbers(&mut self, reader: &mut Reader<'_>, count: usize) -> Result<(), Error> {
        self.owner = (0..count).map(|_| reader.index(u32::MAX as usize)).collect::<Result<_, _>>()?;
        self.flags = (0..count).map(|_| reader.byte().map(Flags)).collect::<Result<_, _>>()?;
        let texts = self.texts.len();
        for column in [
            &mut self.name,
            &mut self.endpoint,
            &mut self.callee,
            &mut self.status_message,
            &mut self.scope,
            &mut self.error,
        ] {
            *column = (0..count).map(|_| reader.index(texts)).collect::<Result<_, _>>()?;
        }
        let mut before = 0_i64;
        for _ in 0..count {
            before = before.wrapping_add(reader.signed()?);
            self.start.push(before);
        }
        self.duration = (0..count).map(|_| reader.signed()).collect::<Result<_, _>>()?;
        self.http_status = (0..count).map(|_| reader.index(1 << 16).map(|n| n as u16)).collect::<Result<_, _>>()?;
        let weight = |bits: u64| f32::from_bits(bits as u32 ^ 1.0_f32.to_bits());
        self.weight = (0..count).map(|_| reader.number().map(weight)).collect::<Result<_, _>>()?;
        Ok(())
    }

    pub(super) fn read_events(&mut self, reader: &mut Reader<'_>, count: usize) -> Result<(), Error> {
        let ends = read_ends(reader, count)?;
        for (span, end) in ends.iter().enumerate() {
            while self.event_at.len() < *end as usize {
                self.event_at.push(self.start[span].wrapping_add(reader.signed()?));
            }
        }
        let rows = self.event_at.len();
        self.event_name = (0..rows).map(|_| reader.index(self.texts.len())).collect::<Result<_, _>>()?;
        let attributes = Attributes::read(reader, self.texts.len(), rows)?;
        self.events = Nested { ends, attributes };
        Ok(())
    }

    pub(super) fn read_links(&mut self, reader: &mut Reader<'_>, count: usize) -> Result<(), Error> {
        let ends = read_ends(reader, count)?;
        let rows = ends.last().map_or(0, |end| *end as usize);
        self.link_trace = (0..rows).map(|_| reader.array().map(TraceId)).collect::<Result<_, _>>()?;
        self.link_span = (0..rows).map(|_| reader.array().map(SpanId)).collect::<Result<_, _>>()?;
        let attributes = Attributes::read(reader, self.texts.len(), rows)?;
        self.links = Nested { ends, attributes };
        Ok(())
    }
}

fn read_ends(reader: &mut Reader<'_>, count: usize) -> Result<Vec<u32>, Error> {
    let mut end = 0_u32;
    (0..count)
        .map(|_| {
            let rows = reader.index(u32::MAX as usize)?;
            end = end.checked_add(rows).ok_or_else(|| damaged("there are too many rows"))?;
            Ok(end)
        })
        .collect()
}
