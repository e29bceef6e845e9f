//! What the machine has too little of, as whoever watches it says: then less or nothing is taken, though the writer
//! works.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Something of which there is too little.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Short {
    /// Room on the disk of the data directory: nothing is appended, by anybody.
    Disk,
    /// Memory: who receives from outside takes little at once.
    Memory,
}

/// What is short now, each with a sentence for people.
#[derive(Debug, Default)]
pub(crate) struct Shortages {
    disk: Mutex<Option<String>>,
    memory: Mutex<Option<String>>,
    /// Bytes that may still be written to the disk.
    room: Mutex<Option<u64>>,
}

impl Shortages {
    /// Says that something is short and why, or not any more; whether that is a change.
    pub(crate) fn set(&self, what: Short, why: Option<String>) -> bool {
        let mut known = self.of(what);
        let is_new = known.is_some() != why.is_some();
        *known = why;
        is_new
    }

    /// Says how many bytes may still be written to the disk.
    pub(crate) fn set_room(&self, bytes: u64) {
        *self.room.lock().unwrap_or_else(PoisonError::into_inner) = Some(bytes);
    }

    pub(crate) fn room(&self) -> Option<u64> {
        *self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_short(&self, what: Short) -> bool {
        self.of(what).is_some()
    }

    /// The sentence on one of them.
    pub(crate) fn why(&self, what: Short) -> Option<String> {
        self.of(what).clone()
    }

    fn of(&self, what: Short) -> MutexGuard<'_, Option<String>> {
        let known = match what {
            Short::Disk => &self.disk,
            Short::Memory => &self.memory,
        };
        known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
