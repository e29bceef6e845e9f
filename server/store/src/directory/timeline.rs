//! An owner's attribution over all time. Names and addresses of pods change hands; between those changes the
//! answer stays, so a query over thousands of cells resolves an owner once.

use std::sync::Arc;

use model::Timestamp;

use super::{Attribution, Directory, OwnerFacts, seat};

/// From when on whose it is, oldest first; the first entry holds before its time too.
#[derive(Debug, Clone)]
pub(crate) struct Timeline {
    stretches: Vec<(Timestamp, Arc<Attribution>)>,
}

impl Timeline {
    /// Whose it is at a time.
    pub(crate) fn at(&self, at: Timestamp) -> &Arc<Attribution> {
        let after = self.stretches.partition_point(|(from, _)| *from <= at);
        &self.stretches[after.saturating_sub(1)].1
    }

    /// Where nobody was found, what was found when it was folded; once the pod of that is forgotten, also where only
    /// less is believed now.
    pub(crate) fn or_stored(mut self, stored: &Arc<Attribution>, is_forgotten: bool) -> Self {
        for (_, attribution) in &mut self.stretches {
            if attribution.service.is_none() || (is_forgotten && attribution.rule > stored.rule) {
                *attribution = Arc::clone(stored);
            }
        }
        self
    }

    /// The same at all times.
    pub(crate) fn always(whose: Arc<Attribution>) -> Self {
        Self { stretches: vec![(Timestamp(i64::MIN), whose)] }
    }

    /// From when on whose it is, oldest first.
    #[cfg(test)]
    pub(crate) fn from_stretches(stretches: Vec<(Timestamp, Arc<Attribution>)>) -> Self {
        Self { stretches }
    }

    /// All attributions with when each begins, oldest first.
    pub(crate) fn stretches(&self) -> &[(Timestamp, Arc<Attribution>)] {
        &self.stretches
    }

    /// All attributions, oldest first.
    pub(crate) fn all(&self) -> impl DoubleEndedIterator<Item = &Arc<Attribution>> {
        self.stretches.iter().map(|(_, attribution)| attribution)
    }
}

pub(super) fn of(directory: &Directory, facts: &OwnerFacts) -> Timeline {
    let mut times = vec![Timestamp(i64::MIN)];
    for seats in directory.candidates(facts) {
        seat::boundaries(&seats, &mut times);
    }
    times.sort_unstable();
    times.dedup();
    let mut stretches: Vec<(Timestamp, Arc<Attribution>)> = Vec::new();
    for time in times {
        let attribution = directory.resolve(facts, time);
        if stretches.last().is_none_or(|(_, last)| **last != attribution) {
            stretches.push((time, Arc::new(attribution)));
        }
    }
    Timeline { stretches }
}
