//! An owner's attribution over all time. Names and addresses of pods change hands; between those changes the
//! answer stays, so a query over thousands of cells resolves an owner once.

use std::sync::Arc;

use model::Timestamp;

use super::{Attribution, Directory, OwnerFacts, seat};

/// From when on whose it is.
type Stretch = (Timestamp, Arc<Attribution>);

/// From when on whose it is, oldest first; the first entry holds before its time too.
#[derive(Debug, Clone)]
pub(crate) struct Timeline(Stretches);

/// There is one of each owner, and nearly all belong to one pod for ever: nothing is allocated for these.
#[derive(Debug, Clone)]
enum Stretches {
    One(Stretch),
    Several(Arc<[Stretch]>),
}

impl From<Vec<Stretch>> for Timeline {
    fn from(mut all: Vec<Stretch>) -> Self {
        match all.pop() {
            Some(only) if all.is_empty() => Self(Stretches::One(only)),
            last => Self(Stretches::Several(all.into_iter().chain(last).collect())),
        }
    }
}

impl Timeline {
    /// Whose it is at a time.
    pub(crate) fn at(&self, at: Timestamp) -> &Arc<Attribution> {
        let stretches = self.stretches();
        let after = stretches.partition_point(|(from, _)| *from <= at);
        &stretches[after.saturating_sub(1)].1
    }

    /// Where nobody was found, what was found when it was folded; once the pod of that is forgotten, also where only
    /// less is believed now.
    pub(crate) fn or_stored(&self, stored: &Arc<Attribution>, is_forgotten: bool) -> Self {
        let or_stored = |(from, found): &Stretch| {
            let is_less = found.service.is_none() || (is_forgotten && found.rule > stored.rule);
            (*from, Arc::clone(if is_less { stored } else { found }))
        };
        self.stretches().iter().map(or_stored).collect::<Vec<_>>().into()
    }

    /// The same at all times.
    pub(crate) fn always(whose: Arc<Attribution>) -> Self {
        Self(Stretches::One((Timestamp(i64::MIN), whose)))
    }

    /// All attributions with when each begins, oldest first.
    pub(crate) fn stretches(&self) -> &[Stretch] {
        match &self.0 {
            Stretches::One(only) => std::slice::from_ref(only),
            Stretches::Several(all) => all,
        }
    }

    /// All attributions, oldest first.
    pub(crate) fn all(&self) -> impl DoubleEndedIterator<Item = &Arc<Attribution>> {
        self.stretches().iter().map(|(_, attribution)| attribution)
    }
}

pub(super) fn of(directory: &Directory, facts: &OwnerFacts) -> Timeline {
    let mut times = vec![Timestamp(i64::MIN)];
    for seats in directory.candidates(facts) {
        seat::boundaries(&seats, &mut times);
    }
    times.sort_unstable();
    times.dedup();
    let mut stretches: Vec<Stretch> = Vec::new();
    for time in times {
        let attribution = directory.resolve(facts, time);
        if stretches.last().is_none_or(|(_, last)| *last != attribution) {
            stretches.push((time, attribution));
        }
    }
    stretches.into()
}
