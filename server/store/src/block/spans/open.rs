//! A sealed block of spans, opened: of one in groups only those that are asked for are read, and of them ids, attributes,
//! events and links only when they are. Every number is checked.

use std::ops::Range;

use model::{TraceId, Window};

use super::SpanColumns;
use super::encode::{FORMAT, GROUPED, MAGIC};
use crate::Error;
use crate::block;
use crate::block::attributes::Attributes;
use crate::block::bytes::{Reader, damaged};
use crate::block::columns::Columns;
use crate::block::groups::{self, Group};
use crate::block::sections::Sections;
use crate::block::texts::Texts;

/// See the module.
pub(crate) struct SpanReader<'a> {
    sealed: Sealed<'a>,
    /// Traces, ids and parents of all rows, once they are read.
    ids: Option<SpanColumns>,
}

enum Sealed<'a> {
    Whole(&'a [u8]),
    Grouped(Sections<'a>, Vec<Group>),
}

/// A group that is searched: attributes are read when they are asked for, events and links never.
pub(crate) struct SpanBlock {
    /// All columns that are read.
    pub(crate) spans: SpanColumns,
    /// Its places in the block.
    rows: Range<usize>,
    body: Vec<u8>,
    /// Where the attributes begin, until they are read.
    attributes: Option<usize>,
}

impl<'a> SpanReader<'a> {
    /// Of a sealed block in any format that is known.
    pub(crate) fn open(sealed: &'a [u8]) -> Result<Self, Error> {
        if block::format(sealed) != GROUPED {
            return Ok(Self { sealed: Sealed::Whole(sealed), ids: None });
        }
        let sections = Sections::open(MAGIC, GROUPED, sealed)?;
        let groups = groups::read(sections.about())?;
        if sections.len() != groups.len() * 2 + 1 {
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

    /// Whether a group can have spans of these owners, which ascend, in a window.
    pub(crate) fn may_have(&self, group: usize, owners: &[u32], window: Window) -> Result<bool, Error> {
        match &self.sealed {
            Sealed::Whole(_) => Ok(true),
            Sealed::Grouped(_, groups) => groups[group].may_have(owners, window),
        }
    }

    /// A group without its ids, which [`Self::read_ids`] adds.
    pub(crate) fn group(&self, group: usize) -> Result<SpanBlock, Error> {
        match &self.sealed {
            Sealed::Whole(sealed) => {
                let body = block::open(MAGIC, FORMAT, sealed)?;
                let mut reader = Reader::new(&body);
                let spans = SpanColumns::read_head(&mut reader)?;
                let attributes = Some(body.len() - reader.rest().len());
                Ok(SpanBlock { rows: 0..spans.len(), spans, body, attributes })
            }
            Sealed::Grouped(sections, groups) => {
                let rows = groups[group].rows.clone();
                let body = sections.get(group * 2 + 1)?;
                let mut reader = Reader::new(&body);
                let count = reader.length()?;
                if count != rows.len() {
                    return Err(damaged("a group has not the rows that it claims"));
                }
                let mut spans = SpanColumns { texts: Texts::read(&mut reader)?, ..SpanColumns::default() };
                spans.read_numbers(&mut reader, count)?;
                let attributes = Some(body.len() - reader.rest().len());
                Ok(SpanBlock { spans, rows, body, attributes })
            }
        }
    }

    /// Traces and ids of all rows of a block in groups.
    fn ids(&mut self) -> Result<Option<&SpanColumns>, Error> {
        let Sealed::Grouped(sections, groups) = &self.sealed else { return Ok(None) };
        if self.ids.is_none() {
            let body = sections.get(0)?;
            let mut reader = Reader::new(&body);
            let mut ids = SpanColumns::default();
            ids.read_ids(&mut reader, groups.last().map_or(0, |group| group.rows.end))?;
            reader.end()?;
            self.ids = Some(ids);
        }
        Ok(self.ids.as_ref())
    }

    /// Gives a group's spans their traces and ids.
    pub(crate) fn read_ids(&mut self, block: &mut SpanBlock) -> Result<(), Error> {
        if block.spans.id.is_empty()
            && let Some(ids) = self.ids()?
        {
            let rows = block.rows.clone();
            block.spans.trace.extend_from_slice(&ids.trace[rows.clone()]);
            block.spans.id.extend_from_slice(&ids.id[rows.clone()]);
            block.spans.parent.extend_from_slice(&ids.parent[rows]);
        }
        Ok(())
    }

    /// A group in full.
    fn columns(&mut self, group: usize) -> Result<SpanColumns, Error> {
        if let Sealed::Whole(sealed) = self.sealed {
            return SpanColumns::decode_whole(sealed);
        }
        let mut block = self.group(group)?;
        self.read_ids(&mut block)?;
        let SpanBlock { mut spans, body, attributes, .. } = block;
        let (texts, count) = (spans.texts.len(), spans.len());
        let mut reader = Reader::new(&body[attributes.unwrap_or_default()..]);
        spans.attributes = Attributes::read(&mut reader, texts, count)?;
        reader.end()?;
        if let Sealed::Grouped(sections, _) = &self.sealed {
            let rest = sections.get(group * 2 + 2)?;
            let mut reader = Reader::new(&rest);
            spans.read_events(&mut reader, count)?;
            spans.read_links(&mut reader, count)?;
            reader.end()?;
        }
        Ok(spans)
    }

    /// Whether a group has spans of a trace.
    fn has(&mut self, group: usize, trace: TraceId) -> Result<bool, Error> {
        let rows = match &self.sealed {
            Sealed::Whole(_) => return Ok(true),
            Sealed::Grouped(_, groups) => groups[group].rows.clone(),
        };
        Ok(self.ids()?.is_none_or(|ids| ids.trace[rows].contains(&trace)))
    }
}

impl SpanBlock {
    /// Reads the attributes of some keys.
    pub(crate) fn read_attributes(&mut self, keys: &[&str]) -> Result<(), Error> {
        if let Some(at) = self.attributes.take() {
            let (texts, count) = (&self.spans.texts, self.spans.len());
            let is_wanted = |key| keys.contains(&texts.get(key));
            let mut reader = Reader::new(&self.body[at..]);
            self.spans.attributes = Attributes::read_keys(&mut reader, texts.len(), count, is_wanted)?;
        }
        Ok(())
    }
}

impl SpanColumns {
    /// The spans of those groups of a sealed block that have any of a trace.
    pub(crate) fn of_block(sealed: &[u8], trace: TraceId) -> Result<Vec<Self>, Error> {
        let mut reader = SpanReader::open(sealed)?;
        let mut found = Vec::new();
        for group in 0..reader.len() {
            if reader.has(group, trace)? {
                found.push(reader.columns(group)?);
            }
        }
        Ok(found)
    }

    /// The spans of a sealed block.
    pub(crate) fn decode(sealed: &[u8]) -> Result<Self, Error> {
        let mut reader = SpanReader::open(sealed)?;
        if reader.len() == 1 {
            return reader.columns(0);
        }
        let mut all = Self::default();
        for group in 0..reader.len() {
            all.append_all(&reader.columns(group)?, |owner| owner);
        }
        Ok(all)
    }

    /// How many spans a sealed block has, all of which can be read.
    pub(super) fn count_of(sealed: &[u8]) -> Result<usize, Error> {
        let mut reader = SpanReader::open(sealed)?;
        (0..reader.len()).try_fold(0, |count, group| Ok(count + reader.columns(group)?.len()))
    }
}
