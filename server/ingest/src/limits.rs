//! How much is taken from outside at once, in one message and in one span, and for how long it is waited for.

use std::sync::Arc;
use std::time::Duration;

use model::Timestamp;
use store::Short;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Error;

/// The limits of the receivers; the defaults fit a process of 512 MB.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of one message after decompression: 64 MiB, as OTLP recommends.
    pub message: usize,
    /// Bytes of all messages that are being read, decoded or committed: 160 MiB. At least twice `message`, or a
    /// compressed message of full size could never pass.
    pub in_flight_bytes: usize,
    /// Requests that are being decoded or wait for their commit: 512. Those whose body is still on its way do not
    /// count, so slow senders do not take the place of others.
    pub in_flight_requests: usize,
    /// Connections to one receiver: 4,096.
    pub connections: usize,
    /// How long a connection may take for a request's head, idle time before it included: 75 s.
    pub head: Duration,
    /// How long a sender may pause inside a body: 10 s.
    pub pause: Duration,
    /// How long a whole body may take: 60 s.
    pub body: Duration,
    /// How long a commit is waited for before the sender is told to come again: 20 s.
    pub commit: Duration,
    /// How long open requests have to end at shutdown: 2 s, less than the process has.
    pub drain: Duration,
    /// Spans, log records or metric points of one request: 500,000; more are rejected as a partial success.
    pub records: usize,
    /// Different resources of one request: 10,000; records of more are rejected as a partial success.
    pub owners: usize,
    /// Attributes, events and links of one record: 1,024 each; more are left out with a warning.
    pub attributes: usize,
    /// Events and links of all spans of one request: 1,000,000; more are left out with a warning.
    pub nested: usize,
    /// Attributes of one event, link or resource, labels of one metric point: 128; more are left out with a warning.
    pub nested_attributes: usize,
    /// Records older than this are rejected as a partial success: no bound here, since only who makes the store knows
    /// how long it keeps them. A span is as old as its end, a profile too.
    pub past: Duration,
    /// Records so far ahead of this machine's clock are rejected as a partial success: no bound here.
    pub future: Duration,
    /// Browser origins that may send: none.
    pub origins: Vec<String>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message: 64 << 20,
            in_flight_bytes: 160 << 20,
            in_flight_requests: 512,
            connections: 4_096,
            head: Duration::from_secs(75),
            pause: Duration::from_secs(10),
            body: Duration::from_secs(60),
            commit: Duration::from_secs(20),
            drain: Duration::from_secs(2),
            records: 500_000,
            owners: 10_000,
            attributes: 1_024,
            nested: 1_000_000,
            nested_attributes: 128,
            past: Duration::MAX,
            future: Duration::MAX,
            origins: Vec::new(),
        }
    }
}

impl Limits {
    /// Whether a record of that time is too old to be taken.
    pub(crate) fn is_past(&self, at: Timestamp, now: Timestamp) -> bool {
        Duration::from_nanos(now.since(at).max(0).unsigned_abs()) > self.past
    }

    /// Whether a record of that time is too far ahead to be taken.
    pub(crate) fn is_future(&self, at: Timestamp, now: Timestamp) -> bool {
        Duration::from_nanos(at.since(now).max(0).unsigned_abs()) > self.future
    }
}

/// Arrays and maps inside an attribute's value may be nested so deep; a deeper one makes its request malformed, as
/// protobuf's own limit of recursion does.
pub(crate) const DEPTH: usize = 32;
/// A longer value is cut, with a warning.
pub(crate) const VALUE: usize = 64 << 10;
/// A longer key is cut, with a warning.
pub(crate) const KEY: usize = 1 << 10;
/// A longer value of a resource or a label is cut: it is kept once for every owner or series, and every page reads it.
pub(crate) const OWNER_VALUE: usize = 4 << 10;
/// Memory for bodies: what is read or unpacked is charged before it is kept.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    bytes: usize,
    units: Arc<Semaphore>,
}

/// Bytes are charged in units of a KiB.
const UNIT: usize = 1 << 10;

impl Budget {
    /// A budget of so many bytes.
    pub(crate) fn new(bytes: usize) -> Self {
        Self { bytes, units: Arc::new(Semaphore::new((bytes / UNIT).min(Semaphore::MAX_PERMITS))) }
    }

    /// Nothing charged yet.
    pub(crate) fn charge(&self) -> Charge {
        Charge { most: self.bytes, beside: self.bytes, units: self.units.clone(), held: None, charged: 0 }
    }

    /// Nothing charged yet, of one that gets no further while others hold more than an eighth of the budget.
    pub(crate) fn cautious_charge(&self) -> Charge {
        Charge { beside: self.bytes / 8, ..self.charge() }
    }
}

/// What one request holds of the budget; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Charge {
    /// All that there is.
    most: usize,
    /// What others may hold while this is raised.
    beside: usize,
    units: Arc<Semaphore>,
    held: Option<OwnedSemaphorePermit>,
    charged: usize,
}

impl Charge {
    /// Raises the charge as [`Self::raise`] does, for what rows take: those of one message that take more than all
    /// messages may are refused for good.
    pub(crate) fn raise_rows(&mut self, bytes: usize) -> Result<(), Error> {
        if bytes > self.most {
            let why = format!("what the message holds takes more memory than all messages may: {} bytes", self.most);
            return Err(Error::TooMuch(why));
        }
        self.raise(bytes)
    }

    /// Raises the charge to so many bytes, or says that there is no room now.
    pub(crate) fn raise(&mut self, bytes: usize) -> Result<(), Error> {
        let wanted = bytes.div_ceil(UNIT);
        let more = wanted.saturating_sub(self.charged);
        if more == 0 {
            return Ok(());
        }
        let total = (self.most / UNIT).min(Semaphore::MAX_PERMITS);
        let others = total.saturating_sub(self.units.available_permits() + self.charged);
        if others > self.beside.div_ceil(UNIT) {
            return Err(Error::Short(Short::Memory));
        }
        let full = || Error::Busy("too many bytes are being received at once");
        let count = u32::try_from(more).map_err(|_| full())?;
        let permit = self.units.clone().try_acquire_many_owned(count).map_err(|_| full())?;
        match &mut self.held {
            Some(held) => held.merge(permit),
            None => self.held = Some(permit),
        }
        self.charged = wanted;
        Ok(())
    }

    /// Lowers the charge to so many bytes: the rest is not held any more.
    pub(crate) fn lower(&mut self, bytes: usize) {
        let less = self.charged.saturating_sub(bytes.div_ceil(UNIT));
        if let Some(held) = &mut self.held {
            drop(held.split(less));
            self.charged -= less;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_taken_up_to_either_bound() {
        let hour = Duration::from_secs(3_600);
        let limits = Limits { past: 2 * hour, future: hour, ..Limits::default() };
        let now = Timestamp(1_700_000_000_000_000_000);
        let hours = |count: i64, nanos: i64| now.plus(count * model::HOUR + nanos);
        assert!(!limits.is_past(hours(-2, 0), now) && limits.is_past(hours(-2, -1), now));
        assert!(!limits.is_future(hours(1, 0), now) && limits.is_future(hours(1, 1), now));
        for at in [0, 1, i64::MAX] {
            assert!(!Limits::default().is_past(Timestamp(at), now) && !Limits::default().is_future(Timestamp(at), now));
            assert!(limits.is_past(Timestamp(at), now) != limits.is_future(Timestamp(at), now));
        }
    }

    #[test]
    fn a_cautious_charge_is_refused_where_others_hold_much_and_else_has_all() {
        let budget = Budget::new(80 * UNIT);
        let mut other = budget.charge();
        other.raise(11 * UNIT).unwrap();
        let mut cautious = budget.cautious_charge();
        assert!(matches!(cautious.raise(1), Err(Error::Short(Short::Memory))));
        other.lower(10 * UNIT);
        cautious.raise(60 * UNIT).unwrap();
        assert!(matches!(budget.cautious_charge().raise(1), Err(Error::Short(Short::Memory))));
        other.raise(11 * UNIT).unwrap();
        cautious.raise(60 * UNIT).unwrap();
        assert!(matches!(cautious.raise(61 * UNIT), Err(Error::Short(Short::Memory))));
    }

    #[test]
    fn a_charge_is_refused_when_the_budget_is_spent_and_given_back_when_dropped() {
        let budget = Budget::new(10 * UNIT);
        let mut first = budget.charge();
        first.raise(1).unwrap();
        first.raise(8 * UNIT).unwrap();
        let mut second = budget.charge();
        second.raise(2 * UNIT).unwrap();
        assert!(matches!(second.raise(3 * UNIT), Err(Error::Busy(_))));
        drop(first);
        second.raise(10 * UNIT).unwrap();
        second.lower(3 * UNIT - 1);
        assert!(matches!(budget.charge().raise(8 * UNIT), Err(Error::Busy(_))));
        budget.charge().raise(7 * UNIT).unwrap();
        second.raise(10 * UNIT).unwrap();
    }
}
