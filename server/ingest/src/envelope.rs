//! What the requests of all signals have in common: resources, in them scopes, in them records. A request is
//! malformed as a whole or taken as a whole; single records are left out only for what makes them useless.

use model::{Owner, Timestamp, Value};
use store::OwnerFacts;

use crate::Limits;
use crate::attributes::is_sampler;
use crate::owner::{Owners, Resource};
use crate::value::{Cuts, attribute};
use crate::wire::{Cursor, Malformed, WRONG_TYPE, Wire, text};

/// What became of a request's records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Report {
    /// Taken.
    pub(crate) taken: u64,
    /// Left out: an id of a wrong length, or all zero.
    pub(crate) invalid: u64,
    /// Left out: more than a request may have.
    pub(crate) over: u64,
    /// Left out: of more resources than a request may have.
    pub(crate) unowned: u64,
    /// Left out: older than what is taken.
    pub(crate) past: u64,
    /// Left out: further ahead than what is taken.
    pub(crate) future: u64,
    /// What was changed of those taken.
    pub(crate) cuts: Cuts,
    /// The resource whose records come now is one too many.
    pub(crate) without_owner: bool,
}

impl Report {
    /// Counts a record of that time that is valid; whether it is taken.
    pub(crate) fn takes(&mut self, limits: &Limits, at: Timestamp, now: Timestamp) -> bool {
        let count = if limits.is_past(at, now) {
            &mut self.past
        } else if limits.is_future(at, now) {
            &mut self.future
        } else if self.without_owner {
            &mut self.unowned
        } else if self.taken >= limits.records as u64 {
            &mut self.over
        } else {
            self.taken += 1;
            return true;
        };
        *count += 1;
        false
    }

    /// Those left out, by why: not valid, over the limit of records, over that of resources, too old, too far ahead.
    pub(crate) fn left_out(&self) -> [u64; 5] {
        [self.invalid, self.over, self.unowned, self.past, self.future]
    }
}

/// Where owners go: a batch for the store, or a test's list. Each signal adds where its rows go.
pub(crate) trait Owning {
    /// Takes an owner and numbers it.
    fn owner(&mut self, owner: Owner, facts: OwnerFacts) -> u32;

    /// Hears that the decoder keeps so many bytes beside the rows; whether there is room for them.
    fn beside(&mut self, _bytes: usize) -> bool {
        true
    }
}

/// What all records of one scope have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'a> {
    /// Meaningless where [`Report::without_owner`] is set, since no record is taken then.
    pub(crate) owner: u32,
    pub(crate) name: &'a str,
    /// A sampler has left its name here, and its rate is not known.
    pub(crate) sampled: bool,
}

/// One signal's decoder: takes owners and the bytes of records.
pub(crate) trait Records<'a> {
    /// Takes an owner and numbers it.
    fn owner(&mut self, owner: Owner, facts: OwnerFacts) -> u32;
    /// Takes the bytes of a record.
    fn record(&mut self, scope: Scope<'a>, bytes: &'a [u8], report: &mut Report) -> Result<(), Malformed>;
}

/// Walks a request of resources, scopes and records.
pub(crate) fn walk<'a>(
    body: &'a [u8],
    owners: Owners<'a>,
    limits: &Limits,
    records: &mut impl Records<'a>,
) -> Result<Report, Malformed> {
    let mut walker = Walker { limits, records, owners, report: Report::default(), attributes: Vec::new() };
    let mut cursor = Cursor::new(body);
    while let Some(field) = cursor.field()? {
        match field {
            (1, Wire::Bytes(bytes)) => walker.resource(bytes)?,
            (1, _) => return Err(WRONG_TYPE),
            _ => {}
        }
    }
    Ok(walker.report)
}

struct Walker<'a, 'l, R> {
    limits: &'l Limits,
    records: &'l mut R,
    owners: Owners<'a>,
    report: Report,
    attributes: Vec<(&'a str, Value)>,
}

/// A resource whose records are walked: what it says until it has a number, then that.
struct Whose<'a> {
    resource: Option<Resource<'a>>,
    owner: u32,
}

impl<'a, R: Records<'a>> Walker<'a, '_, R> {
    /// The resource may stand after its records, so it is looked for first.
    fn resource(&mut self, bytes: &'a [u8]) -> Result<(), Malformed> {
        let mut cursor = Cursor::new(bytes);
        let mut parts = Vec::with_capacity(1);
        while let Some(field) = cursor.field()? {
            match field {
                (1, Wire::Bytes(bytes)) => parts.push(bytes),
                (2, Wire::Bytes(_)) => {}
                (3, Wire::Bytes(bytes)) => _ = text(bytes)?,
                (1..=3, _) => return Err(WRONG_TYPE),
                _ => {}
            }
        }
        let mut whose = Whose { resource: Some(self.owners.read(&parts, &mut self.report.cuts)?), owner: 0 };
        self.report.without_owner = false;
        let mut cursor = Cursor::new(bytes);
        while let Some(field) = cursor.field()? {
            if let (2, Wire::Bytes(scope)) = field {
                self.scope(&mut whose, scope)?;
            }
        }
        Ok(())
    }

    /// The owner's number; a resource gets one with its first record.
    fn owner(&mut self, whose: &mut Whose<'a>) -> u32 {
        if let Some(resource) = whose.resource.take() {
            let number = self.owners.number(resource, |owner, facts| self.records.owner(owner, facts));
            self.report.without_owner = number.is_none();
            whose.owner = number.unwrap_or_default();
        }
        whose.owner
    }

    fn scope(&mut self, whose: &mut Whose<'a>, bytes: &'a [u8]) -> Result<(), Malformed> {
        let mut scope = Scope { owner: whose.owner, name: "", sampled: false };
        let mut cursor = Cursor::new(bytes);
        while let Some(field) = cursor.field()? {
            match field {
                (1, Wire::Bytes(bytes)) => self.read_scope(bytes, &mut scope)?,
                (2, Wire::Bytes(_)) => {}
                (3, Wire::Bytes(bytes)) => _ = text(bytes)?,
                (1..=3, _) => return Err(WRONG_TYPE),
                _ => {}
            }
        }
        let mut cursor = Cursor::new(bytes);
        while let Some(field) = cursor.field()? {
            if let (2, Wire::Bytes(record)) = field {
                scope.owner = self.owner(whose);
                self.records.record(scope, record, &mut self.report)?;
            }
        }
        Ok(())
    }

    fn read_scope(&mut self, bytes: &'a [u8], scope: &mut Scope<'a>) -> Result<(), Malformed> {
        let attributes = &mut self.attributes;
        attributes.clear();
        let mut cursor = Cursor::new(bytes);
        while let Some(field) = cursor.field()? {
            match field {
                (1, Wire::Bytes(bytes)) => scope.name = text(bytes)?,
                (2, Wire::Bytes(bytes)) => _ = text(bytes)?,
                // They are not stored, so cutting them is nobody's loss.
                (3, Wire::Bytes(bytes)) => {
                    attribute(bytes, self.limits.nested_attributes, attributes, &mut Cuts::default())?;
                }
                (4, Wire::Varint(_)) => {}
                (1..=4, _) => return Err(WRONG_TYPE),
                _ => {}
            }
        }
        scope.sampled |= attributes.iter().any(|(key, value)| is_sampler(key, value));
        Ok(())
    }
}
