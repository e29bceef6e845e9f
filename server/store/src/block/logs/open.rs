//! A sealed block of logs, opened: of one in groups only those that are asked for are read, and of them traces and
//! attributes only when they are. Every number is checked.

use std::ops::Range;

use model::Window;

use super::LogColumns;
use super::bytes::{GROUPED, MAGIC};
use crate::Error;
use crate::block;
use crate::block::attributes::Attributes;
use crate::block::bytes::{Reader, damaged};
use crate::block::columns::Columns;
use crate::block::groups::{self, Group};
use crate::block::sections::Sections;

/// See the module.
pub(crate) struct LogReader<'a> {
    sealed: Sealed<'a>,
    /// Traces and spans of all rows, once they are read.
    ids: Option<LogColumns>,
}

enum Sealed<'a> {
    Whole(&'a [u8]),
    Grouped(Sections<'a>, Vec<Group>),
}

/// A group that is searched.
pub(crate) struct LogBlock {
    /// All columns that are read.
    pub(crate) logs: LogColumns,
    body: Vec<u8>,
    /// Where the attributes begin; nothing where they were read with the rest.
    attributes: Option<usize>,
    /// Its places in the block.
    rows: Range<usize>,
}

impl<'a> LogReader<'a> {
    /// Of a sealed block in any format that is known.
    pub(crate) fn open(sealed: &'a [u8]) -> Result<Self, Error> {
        if block::format(sealed) != GROUPED {
            return Ok(Self { sealed: Sealed::Whole(sealed), ids: None });
        }
        let sections = Sections::open(MAGIC, GROUPED, sealed)?;
        let groups = groups::read(sections.about())?;
        if sections.len() != groups.len() + 1 {
            return Err(damaged("its sections are not those of its groups"));
        }
        Ok(Self { sealed: Sealed::Grouped(sections, groups), ids: None })
    }

    /// How many groups there are; a block that is not in groups is one.
    pub(crate) fn len(&self) -> usize {
        match &self.sealed {
            Sealed::Whole(_) => 1,
            Sealed::Grouped(_, groups) => groups.len(),
        }
    }

    /// Whether a group can have records of these owners, which ascend, in a window.
    pub(crate) fn may_have(&self, group: usize, owners: &[u32], window: Window) -> Result<bool, Error> {
        match &self.sealed {
            Sealed::Whole(_) => Ok(true),
            Sealed::Grouped(_, groups) => groups[group].may_have(owners, window),
        }
    }

    /// A group without traces and attributes, which are read when they are asked for.
    pub(crate) fn group(&self, group: usize) -> Result<LogBlock, Error> {
        match &self.sealed {
            Sealed::Whole(sealed) => {
                let logs = LogColumns::decode_whole(sealed)?;
                Ok(LogBlock { rows: 0..logs.len(), logs, body: Vec::new(), attributes: None })
            }
            Sealed::Grouped(sections, groups) => {
                let body = sections.get(group + 1)?;
                let mut reader = Reader::new(&body);
                let logs = LogColumns::read_columns(&mut reader)?;
                let rows = groups[group].rows.clone();
                if logs.len() != rows.len() {
                    return Err(damaged("a group has not the rows that it claims"));
                }
                let attributes = Some(body.len() - reader.rest().len());
                Ok(LogBlock { logs, rows, body, attributes })
            }
        }
    }

    /// Gives a group's records the ids of their traces and spans.
    pub(crate) fn read_traces(&mut self, block: &mut LogBlock) -> Result<(), Error> {
        let Sealed::Grouped(sections, groups) = &self.sealed else { return Ok(()) };
        if !block.logs.trace.is_empty() {
            return Ok(());
        }
        let ids = match &mut self.ids {
            Some(ids) => ids,
            none => {
                let body = sections.get(0)?;
                let mut reader = Reader::new(&body);
                let mut ids = LogColumns::default();
                ids.read_traces(&mut reader, groups.last().map_or(0, |group| group.rows.end))?;
                reader.end()?;
                none.insert(ids)
            }
        };
        block.logs.trace.extend_from_slice(&ids.trace[block.rows.clone()]);
        block.logs.span.extend_from_slice(&ids.span[block.rows.clone()]);
        Ok(())
    }

    /// A group in full.
    fn columns(&mut self, group: usize) -> Result<LogColumns, Error> {
        let mut block = self.group(group)?;
        self.read_traces(&mut block)?;
        block.read_attributes()?;
        Ok(block.logs)
    }
}

impl LogBlock {
    /// Reads all attributes.
    pub(crate) fn read_attributes(&mut self) -> Result<(), Error> {
        if let Some(at) = self.attributes.take() {
            let (texts, count) = (self.logs.texts.len(), self.logs.len());
            let mut reader = Reader::new(&self.body[at..]);
            self.logs.attributes = Attributes::read(&mut reader, texts, count)?;
            reader.end()?;
        }
        Ok(())
    }
}

impl LogColumns {
    /// The records of a sealed block.
    pub(super) fn decode(sealed: &[u8]) -> Result<Self, Error> {
        let mut reader = LogReader::open(sealed)?;
        if reader.len() == 1 {
            return reader.columns(0);
        }
        let mut all = Self::default();
        for group in 0..reader.len() {
            all.append_all(&reader.columns(group)?, |owner| owner);
        }
        Ok(all)
    }

    /// How many records a sealed block has, all of which can be read.
    pub(super) fn count_of(sealed: &[u8]) -> Result<usize, Error> {
        let mut reader = LogReader::open(sealed)?;
        (0..reader.len()).try_fold(0, |count, group| Ok(count + reader.columns(group)?.len()))
    }
}
