//! Profiles on their way in: rows borrowed from the wire. Their stacks are numbered by the batch first.

use model::Timestamp;

/// Samples of one type, as a receiver sees them.
#[derive(Debug, Clone)]
pub struct ProfileRow<'a> {
    /// Index into the batch's owners.
    pub owner: u32,
    /// When it began.
    pub at: Timestamp,
    /// For how long it was taken, in nanoseconds; 0 for what was there at a moment.
    pub duration: i64,
    /// What was sampled: `cpu`, `inuse_space`.
    pub kind: &'a str,
    /// What it is measured in: `nanoseconds`, `bytes`.
    pub unit: &'a str,
    /// Stacks, by the numbers that the batch gave, and what was measured of each.
    pub samples: &'a [(u32, i64)],
}
