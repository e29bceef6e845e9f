//! A making as bytes and back.

use model::{RevisionHash, ServiceId};

use super::{Making, Party, Run};
use crate::Error;
use crate::block;
use crate::block::bytes::{Reader, Writer, damaged};

const MAGIC: [u8; 4] = *b"BNmk";
const FORMAT: u8 = 1;
const LEVEL: i32 = 3;

impl Making {
    /// A sealed block.
    pub(super) fn encode(&self) -> Result<Vec<u8>, Error> {
        let mut writer = Writer::default();
        writer.number(self.parties.len() as u64);
        for (service, revision) in &self.parties {
            let ServiceId { cluster, namespace, kind, name } = service;
            [cluster, namespace, kind, name].into_iter().for_each(|part| write_text(&mut writer, part));
            writer.byte(u8::from(revision.is_some()));
            write_text(&mut writer, revision.as_ref().map_or("", |revision| revision.0.as_str()));
        }
        writer.number(self.runs.len() as u64);
        for run in &self.runs {
            writer.number(u64::from(run.owner));
            writer.signed(i64::from(run.first));
            writer.number(i64::from(run.last).abs_diff(i64::from(run.first)));
            writer.number(run.party.map_or(0, |party| u64::from(party) + 1));
        }
        block::seal(MAGIC, FORMAT, &writer.bytes, LEVEL)
    }

    /// The making of a sealed block.
    pub(crate) fn decode(sealed: &[u8]) -> Result<Self, Error> {
        let body = block::open(MAGIC, FORMAT, sealed)?;
        let mut reader = Reader::new(&body);
        let count = reader.length()?;
        let parties = (0..count).map(|_| read_party(&mut reader)).collect::<Result<Vec<_>, _>>()?;
        let count = reader.length()?;
        let runs = (0..count).map(|_| read_run(&mut reader, parties.len())).collect::<Result<Vec<_>, _>>()?;
        reader.end()?;
        if !parties.is_sorted() {
            return Err(damaged("services are not in order"));
        }
        Ok(Self::new(parties, runs))
    }
}

fn write_text(writer: &mut Writer, text: &str) {
    writer.number(text.len() as u64);
    writer.raw(text.as_bytes());
}

fn read_text<'a>(reader: &mut Reader<'a>) -> Result<&'a str, Error> {
    let length = reader.length()?;
    std::str::from_utf8(reader.raw(length)?).map_err(|_| damaged("a text is not UTF-8"))
}

fn read_party(reader: &mut Reader<'_>) -> Result<Party, Error> {
    let service = ServiceId::new(read_text(reader)?, read_text(reader)?, read_text(reader)?, read_text(reader)?);
    let has_revision = reader.byte()? == 1;
    let revision = read_text(reader)?;
    Ok((service, has_revision.then(|| RevisionHash(revision.into()))))
}

fn read_run(reader: &mut Reader<'_>, parties: usize) -> Result<Run, Error> {
    let minute = |at: i64| i32::try_from(at).map_err(|_| damaged("a minute is out of range"));
    let owner = reader.index(u32::MAX as usize)?;
    let first = minute(reader.signed()?)?;
    let last = minute(i64::from(first).saturating_add(i64::from(reader.index(u32::MAX as usize)?)))?;
    let party = reader.index(parties + 1)?.checked_sub(1);
    Ok(Run { owner, first, last, party })
}
