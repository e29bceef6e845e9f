//! How far each container's log was read, and how its stream stands.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::{PodId, ServiceId, Text, Timestamp};

use super::plan::{Plan, Target};

/// The last line that was read of a container's log, and how many were of that very time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) at: Timestamp,
    pub(super) same: u32,
    /// It is a line of the log itself, which gives it again when it is asked from there on.
    pub(super) is_line: bool,
}

/// How a container's stream stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Standing {
    /// It is read, or was read to its end.
    #[default]
    Read,
    /// It broke, or can't be had.
    Lost,
    /// The API server refuses it (403).
    Refused,
}

/// Where all streams are: a cheap clone, given to each.
#[derive(Debug, Clone, Default)]
pub(super) struct Places {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    places: HashMap<Target, Place>,
    standings: HashMap<Target, Standing>,
    left_out: HashMap<Arc<ServiceId>, u64>,
    ended: Arc<Ended>,
}

/// Logs that take no stream since their container has ended, by pod.
pub(super) type Ended = HashMap<PodId, Vec<End>>;

/// The end of a log.
#[derive(Debug, Clone)]
pub(super) struct End {
    pub(super) container: Text,
    /// How often the container had been restarted.
    pub(super) restarts: u32,
    /// It was not read to its end, which is tried again from then on.
    pub(super) again: Option<Timestamp>,
}

impl Places {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self, target: &Target) -> Option<Place> {
        self.lock().places.get(target).copied()
    }

    pub(super) fn set(&self, target: &Target, place: Place) {
        self.lock().places.insert(target.clone(), place);
    }

    pub(super) fn stands(&self, target: &Target, standing: Standing) {
        self.lock().standings.insert(target.clone(), standing);
    }

    /// Lines were left out that came too fast.
    pub(super) fn count_left_out(&self, service: &Arc<ServiceId>, lines: u64) {
        *self.lock().left_out.entry(Arc::clone(service)).or_default() += lines;
    }

    /// Lines that were left out of services, since the start.
    pub(super) fn left_out(&self) -> HashMap<Arc<ServiceId>, u64> {
        self.lock().left_out.clone()
    }

    /// What the API server refuses.
    pub(super) fn refused(&self) -> HashSet<Target> {
        let inner = self.lock();
        let refused = inner.standings.iter().filter(|(_, standing)| **standing == Standing::Refused);
        refused.map(|(target, _)| target.clone()).collect()
    }

    /// The log of a container that had been restarted so often was read to its end and no more comes of it; or it can't
    /// be had before a moment.
    pub(super) fn ends(&self, target: &Target, restarts: u32, again: Option<Timestamp>) {
        let mut inner = self.lock();
        let of_pod = Arc::make_mut(&mut inner.ended).entry(target.uid.clone()).or_default();
        of_pod.retain(|end| *end.container != *target.container);
        of_pod.push(End { container: target.container.as_str().into(), restarts, again });
    }

    /// What takes no stream.
    pub(super) fn ended(&self) -> Arc<Ended> {
        Arc::clone(&self.lock().ended)
    }

    /// Forgets all but what is followed, and ends of pods that are gone; of those whose stream is lost, tells how far
    /// they were read.
    pub(super) fn keep(&self, plan: &Plan) -> Vec<(Target, Timestamp)> {
        let kept: HashSet<&Target> = plan.targets.iter().collect();
        let inner = &mut *self.lock();
        let mut lost = Vec::new();
        for (target, place) in inner.places.extract_if(|target, _| !kept.contains(target)) {
            if inner.standings.get(&target) == Some(&Standing::Lost) {
                lost.push((target, place.at));
            }
        }
        inner.standings.retain(|target, _| kept.contains(target));
        if inner.ended.keys().any(|pod| !plan.ended.contains(pod)) {
            Arc::make_mut(&mut inner.ended).retain(|pod, _| plan.ended.contains(pod));
        }
        lost
    }
}
