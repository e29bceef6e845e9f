//! What receivers took in and turned away since the start, for the status page. Bounded, whatever senders do.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard};

use model::{IngestStatus, MINUTE, Rejection, Timestamp};

use crate::signal::Signal;

/// Senders are told apart until so many rows are there; then the rest of a reason share one.
const ROWS: usize = 80;

/// Counters of all receivers.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    status: IngestStatus,
    /// The minute that is being counted, its records, and those of the minute before.
    minute: (i64, u64, u64),
    /// By reason and sender: how often, last time.
    rejected: BTreeMap<(&'static str, String), (u64, Timestamp)>,
    /// When a failure of the store was last logged.
    logged: Option<Timestamp>,
}

impl Counters {
    /// A request was taken: its records, none for a duplicate.
    pub(crate) fn took(&self, at: Timestamp, signal: Signal, bytes: usize, records: Option<u64>) {
        let mut counts = self.lock();
        counts.status.requests += 1;
        counts.status.bytes += bytes as u64;
        let Some(records) = records else {
            counts.status.duplicates += 1;
            return;
        };
        match signal {
            Signal::Traces => counts.status.spans += records,
            Signal::Logs => counts.status.logs += records,
            Signal::Metrics => counts.status.points += records,
            Signal::Profiles => counts.status.profiles += records,
        }
        let (minute, now, before) = counts.minute_at(at);
        counts.minute = (minute, now + records, before);
    }

    /// So much was turned away.
    pub(crate) fn rejected(&self, at: Timestamp, reason: &'static str, peer: Option<IpAddr>, count: u64) {
        let mut counts = self.lock();
        let peer = peer.map_or_else(|| "unknown".to_owned(), |peer| peer.to_string());
        let mut key = (reason, peer);
        if counts.rejected.len() >= ROWS && !counts.rejected.contains_key(&key) {
            key.1 = "other senders".to_owned();
        }
        let row = counts.rejected.entry(key).or_insert((0, at));
        *row = (row.0 + count, at);
    }

    /// Whether a failure of the store should be logged now: at most every ten seconds.
    pub(crate) fn should_log(&self, at: Timestamp) -> bool {
        let mut counts = self.lock();
        let due = counts.logged.is_none_or(|last| at.since(last) >= MINUTE / 6);
        if due {
            counts.logged = Some(at);
        }
        due
    }

    /// All counts at a time.
    pub(crate) fn status(&self, at: Timestamp) -> IngestStatus {
        let counts = self.lock();
        let row = |((reason, peer), (count, last)): (&(&'static str, String), &(u64, Timestamp))| Rejection {
            reason: (*reason).to_owned(),
            peer: peer.clone(),
            count: *count,
            last: *last,
        };
        IngestStatus {
            last_minute: counts.minute_at(at).2,
            rejected: counts.rejected.iter().map(row).collect(),
            ..counts.status.clone()
        }
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        // A panic between two additions leaves counts that are still counts.
        self.counts.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Counts {
    /// The minute of a time, its records so far, and those of the minute before it.
    fn minute_at(&self, at: Timestamp) -> (i64, u64, u64) {
        let minute = at.0.div_euclid(MINUTE);
        match minute - self.minute.0 {
            0 => self.minute,
            1 => (minute, 0, self.minute.1),
            _ => (minute, 0, 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_minute_is_the_last_full_one() {
        let counters = Counters::default();
        let at = |second| Timestamp::from_seconds(second);
        counters.took(at(60), Signal::Traces, 10, Some(5));
        counters.took(at(119), Signal::Logs, 10, Some(7));
        assert_eq!(counters.status(at(119)).last_minute, 0);
        assert_eq!(counters.status(at(120)).last_minute, 12);
        counters.took(at(130), Signal::Traces, 10, Some(1));
        assert_eq!(counters.status(at(179)).last_minute, 12);
        assert_eq!(counters.status(at(180)).last_minute, 1);
        assert_eq!(counters.status(at(300)).last_minute, 0);
    }

    #[test]
    fn a_duplicate_is_a_request_without_spans() {
        let counters = Counters::default();
        counters.took(Timestamp(0), Signal::Traces, 10, Some(5));
        counters.took(Timestamp(0), Signal::Traces, 10, None);
        let status = counters.status(Timestamp(0));
        assert_eq!((status.requests, status.spans, status.bytes, status.duplicates), (2, 5, 20, 1));
    }

    #[test]
    fn rejections_stay_few_when_everyone_is_turned_away() {
        let counters = Counters::default();
        for i in 0..10_000u32 {
            counters.rejected(Timestamp(0), "malformed message", Some(IpAddr::from(i.to_be_bytes())), 1);
        }
        let rejected = counters.status(Timestamp(0)).rejected;
        assert!(rejected.len() <= 100);
        assert_eq!(rejected.iter().map(|row| row.count).sum::<u64>(), 10_000);
    }

    #[test]
    fn failures_are_logged_once_in_ten_seconds() {
        let counters = Counters::default();
        let logged = (0..30).filter(|second| counters.should_log(Timestamp::from_seconds(*second))).count();
        assert_eq!(logged, 3);
    }
}
