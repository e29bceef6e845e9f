//! Who sends logs of their own, so that nobody's are fetched beside: remembered for as long as the process runs.

use std::sync::{Mutex, PoisonError};

use hashbrown::HashMap;
use model::{HOUR, PodId, ServiceId, Timestamp};

/// So many are remembered before those of long ago are forgotten.
const MANY: usize = 50_000;

/// When a service's pods sent logs last; without a pod where it was not known.
#[derive(Debug, Default)]
pub(crate) struct Senders {
    last: Mutex<HashMap<(ServiceId, Option<PodId>), Timestamp>>,
}

impl Senders {
    pub(crate) fn note(&self, service: ServiceId, pod: Option<PodId>, at: Timestamp) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() >= MANY {
            last.retain(|_, seen| at.since(*seen) < HOUR);
        }
        last.insert((service, pod), at);
    }

    /// When logs of a pod came last, or of its service from a pod that was not known.
    pub(crate) fn last(&self, service: &ServiceId, pod: &PodId) -> Option<Timestamp> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |pod: Option<PodId>| last.get(&(service.clone(), pod)).copied();
        of(Some(pod.clone())).max(of(None))
    }
}
