//! A rollup as bytes and back.

use model::TraceId;

use super::{Cell, ErrorCell, LogCell, OwnerCount, Rollup};
use crate::Error;
use crate::block;
use crate::block::bytes::{Reader, Writer, damaged};
use crate::block::texts::Texts;

const MAGIC: [u8; 4] = *b"BNru";
/// 1 had no log records.
const FORMAT: u8 = 2;

impl Rollup {
    /// A sealed block.
    pub(crate) fn encode(&self, level: i32) -> Result<Vec<u8>, Error> {
        let mut writer = Writer::default();
        self.texts.write(&mut writer);
        self.write_cells(&mut writer, &self.requests);
        self.write_cells(&mut writer, &self.calls);
        self.write_errors(&mut writer);
        self.write_logs(&mut writer);
        writer.number(self.owners.len() as u64);
        for count in &self.owners {
            writer.number(u64::from(count.owner));
            writer.number(count.spans);
            writer.number(count.logs);
            writer.signed(count.last);
            writer.byte(u8::from(count.last_request.is_some()));
            writer.signed(count.last_request.map_or(0, |at| at.wrapping_sub(count.last)));
        }
        block::seal(MAGIC, FORMAT, &writer.bytes, level)
    }

    fn write_cells(&self, writer: &mut Writer, cells: &[Cell]) {
        writer.number(cells.len() as u64);
        cells.iter().for_each(|cell| writer.number(u64::from(cell.owner)));
        cells.iter().for_each(|cell| writer.number(u64::from(cell.text)));
        write_times(writer, cells.iter().map(|cell| cell.at));
        cells.iter().for_each(|cell| writer.byte(u8::from(cell.sampled)));
        for field in [
            |cell: &Cell| cell.requests,
            |cell: &Cell| cell.errors,
            |cell: &Cell| cell.client_errors,
            |cell: &Cell| cell.server_errors,
            |cell: &Cell| cell.duration,
        ] {
            cells.iter().for_each(|cell| writer.count(field(cell)));
        }
        cells.iter().for_each(|cell| writer.number(u64::from(cell.to - cell.from)));
        for cell in cells {
            let mut before = 0;
            for (bucket, _) in &self.buckets[cell.from as usize..cell.to as usize] {
                writer.number(u64::from(bucket - before));
                before = *bucket;
            }
        }
        for cell in cells {
            self.buckets[cell.from as usize..cell.to as usize].iter().for_each(|(_, n)| writer.count(f64::from(*n)));
        }
    }

    fn write_errors(&self, writer: &mut Writer) {
        writer.number(self.errors.len() as u64);
        for cell in &self.errors {
            writer.number(u64::from(cell.owner));
            writer.number(u64::from(cell.endpoint));
            writer.number(u64::from(cell.error));
            writer.count(cell.count);
            writer.signed(cell.first.wrapping_sub(cell.at));
            writer.signed(cell.last.wrapping_sub(cell.first));
            writer.raw(&cell.sample.0);
        }
        write_times(writer, self.errors.iter().map(|cell| cell.at));
    }

    fn write_logs(&self, writer: &mut Writer) {
        writer.number(self.logs.len() as u64);
        for cell in &self.logs {
            writer.number(u64::from(cell.owner));
            writer.number(u64::from(cell.pattern));
            writer.byte(cell.level);
            writer.number(cell.count);
            writer.signed(cell.first.wrapping_sub(cell.at));
            writer.signed(cell.last.wrapping_sub(cell.first));
        }
        write_times(writer, self.logs.iter().map(|cell| cell.at));
    }

    /// The rollup of a sealed block.
    pub(crate) fn decode(sealed: &[u8]) -> Result<Self, Error> {
        let format = block::format(sealed).min(FORMAT);
        let body = block::open(MAGIC, format, sealed)?;
        let mut reader = Reader::new(&body);
        let mut rollup = Self { texts: Texts::read(&mut reader)?, ..Self::default() };
        rollup.requests = rollup.read_cells(&mut reader)?;
        rollup.calls = rollup.read_cells(&mut reader)?;
        rollup.read_errors(&mut reader)?;
        if format > 1 {
            rollup.read_logs(&mut reader)?;
        }
        for _ in 0..reader.length()? {
            let (owner, spans) = (reader.index(u32::MAX as usize)?, reader.number()?);
            let logs = if format > 1 { reader.number()? } else { 0 };
            let last = reader.signed()?;
            let has_request = reader.byte()? == 1;
            let last_request = Some(reader.signed()?.wrapping_add(last)).filter(|_| has_request);
            rollup.owners.push(OwnerCount { owner, spans, logs, last, last_request });
        }
        reader.end()?;
        Ok(rollup)
    }

    fn read_cells(&mut self, reader: &mut Reader<'_>) -> Result<Vec<Cell>, Error> {
        let count = reader.length()?;
        let owners = (0..count).map(|_| reader.index(u32::MAX as usize)).collect::<Result<Vec<_>, _>>()?;
        let texts = (0..count).map(|_| reader.index(self.texts.len())).collect::<Result<Vec<_>, _>>()?;
        let times = read_times(reader, count)?;
        let sampled = (0..count).map(|_| reader.byte()).collect::<Result<Vec<_>, _>>()?;
        let mut fields: [Vec<f64>; 5] = Default::default();
        for field in &mut fields {
            *field = (0..count).map(|_| reader.count()).collect::<Result<_, _>>()?;
        }
        let mut end = self.buckets.len();
        let mut cells = Vec::with_capacity(count);
        for at in 0..count {
            let from = end;
            end = end.saturating_add(reader.index(u32::MAX as usize)? as usize);
            let place = |at: usize| u32::try_from(at).map_err(|_| damaged("there are too many buckets"));
            cells.push(Cell {
                owner: owners[at],
                text: texts[at],
                at: times[at],
                sampled: sampled[at] != 0,
                requests: fields[0][at],
                errors: fields[1][at],
                client_errors: fields[2][at],
                server_errors: fields[3][at],
                duration: fields[4][at],
                from: place(from)?,
                to: place(end)?,
            });
        }
        self.read_buckets(reader, &cells)?;
        Ok(cells)
    }

    fn read_buckets(&mut self, reader: &mut Reader<'_>, cells: &[Cell]) -> Result<(), Error> {
        let first = self.buckets.len();
        for cell in cells {
            let mut bucket = 0_u16;
            for _ in cell.from..cell.to {
                let step = reader.index(usize::from(u16::MAX) + 1)? as u16;
                bucket = bucket.checked_add(step).ok_or_else(|| damaged("a bucket is out of range"))?;
                self.buckets.push((bucket, 0.0));
            }
        }
        for (_, count) in &mut self.buckets[first..] {
            *count = reader.count()? as f32;
        }
        Ok(())
    }

    fn read_logs(&mut self, reader: &mut Reader<'_>) -> Result<(), Error> {
        for _ in 0..reader.length()? {
            self.logs.push(LogCell {
                owner: reader.index(u32::MAX as usize)?,
                pattern: reader.index(self.texts.len())?,
                level: reader.byte()?,
                at: 0,
                count: reader.number()?,
                first: reader.signed()?,
                last: reader.signed()?,
            });
        }
        let times = read_times(reader, self.logs.len())?;
        for (cell, at) in self.logs.iter_mut().zip(times) {
            cell.at = at;
            cell.first = cell.first.wrapping_add(at);
            cell.last = cell.last.wrapping_add(cell.first);
        }
        Ok(())
    }

    fn read_errors(&mut self, reader: &mut Reader<'_>) -> Result<(), Error> {
        for _ in 0..reader.length()? {
            self.errors.push(ErrorCell {
                owner: reader.index(u32::MAX as usize)?,
                endpoint: reader.index(self.texts.len())?,
                error: reader.index(self.texts.len())?,
                at: 0,
                count: reader.count()?,
                first: reader.signed()?,
                last: reader.signed()?,
                sample: TraceId(reader.array()?),
            });
        }
        let times = read_times(reader, self.errors.len())?;
        for (cell, at) in self.errors.iter_mut().zip(times) {
            cell.at = at;
            cell.first = cell.first.wrapping_add(at);
            cell.last = cell.last.wrapping_add(cell.first);
        }
        Ok(())
    }
}

fn write_times(writer: &mut Writer, times: impl Iterator<Item = i64>) {
    let mut before = 0;
    for at in times {
        writer.signed(at.wrapping_sub(before));
        before = at;
    }
}

fn read_times(reader: &mut Reader<'_>, count: usize) -> Result<Vec<i64>, Error> {
    let mut before = 0_i64;
    let mut next = || {
        before = before.wrapping_add(reader.signed()?);
        Ok(before)
    };
    (0..count).map(|_| next()).collect()
}

#[cfg(test)]
mod tests {
    use model::Red;

    use super::super::Gather;
    use super::*;
    use crate::block::spans::SpanColumns;
    use crate::rollup::CELL;

    fn sample() -> Rollup {
        let mut spans = SpanColumns::default();
        for n in 0..60_u64 {
            spans.push(&crate::SpanRow {
                owner: n as u32 % 3,
                trace: TraceId([n as u8; 16]),
                id: model::SpanId(n.to_be_bytes()),
                parent: None,
                kind: model::SpanKind::from_number(2 + n % 2),
                name: "x",
                endpoint: if n % 4 == 0 { "GET /a" } else { "GET /b" },
                callee: "db",
                start: model::Timestamp(n as i64 * 3_000_000_000),
                duration: n as i64 * 999_999,
                status: model::SpanStatus::Unset,
                status_message: "",
                scope: "",
                http_status: [200, 404, 503][n as usize % 3],
                error: if n % 3 == 2 { "503" } else { "" },
                weight: if n == 8 { 2.5 } else { 1.0 },
                sampled: n == 4,
                attributes: &[],
                events: &[],
                links: &[],
            });
        }
        let mut gather = Gather::new(CELL);
        gather.add_spans(&spans);
        gather.finish()
    }

    #[test]
    fn a_rollup_comes_back_whole() {
        let rollup = sample();
        let read = Rollup::decode(&rollup.encode(1).unwrap()).unwrap();
        assert_eq!((&read.requests, &read.calls, &read.errors), (&rollup.requests, &rollup.calls, &rollup.errors));
        assert_eq!((&read.owners, &read.buckets), (&rollup.owners, &rollup.buckets));
        assert!(!read.requests.is_empty() && !read.calls.is_empty() && !read.errors.is_empty());
    }

    #[test]
    fn every_flipped_byte_is_found() {
        let sealed = sample().encode(1).unwrap();
        for at in 0..sealed.len() {
            let mut wrong = sealed.clone();
            wrong[at] ^= 0x10;
            assert!(matches!(Rollup::decode(&wrong), Err(Error::Damaged(_))), "byte {at}");
        }
    }

    #[test]
    fn coarser_cells_hold_the_same_sums() {
        let fine = sample();
        let mut gather = Gather::new(60_000_000_000);
        gather.add(&fine, i64::MIN, i64::MAX, |owner, _| Some(owner));
        let coarse = gather.finish();
        assert!(coarse.requests.len() < fine.requests.len());
        let sum = |rollup: &Rollup| {
            let mut red = Red::default();
            rollup.requests.iter().for_each(|cell| rollup.add_to(cell, &mut red));
            red
        };
        let (a, b) = (sum(&fine), sum(&coarse));
        assert!((a.requests - 31.5).abs() < 1e-9 && a.requests == b.requests && a.errors == b.errors);
        assert_eq!(a.histogram.count(), b.histogram.count());
    }
}
