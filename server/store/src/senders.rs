//! Who sends telemetry of which Binnacle could fetch the same, so that nobody's is fetched beside: remembered for as
//! long as the process runs.

use std::sync::{Mutex, PoisonError};

use hashbrown::HashMap;
use model::{HOUR, MINUTE, PodId, ServiceId, Timestamp};

/// So many are remembered before those of long ago are forgotten.
const MANY: usize = 50_000;
/// What was measured longer ago is history that comes late.
const FRESH: i64 = MINUTE;

/// When a service's pods sent last; without a pod where it was not known.
#[derive(Debug, Default)]
pub(crate) struct Senders {
    logs: Mutex<HashMap<(ServiceId, Option<PodId>), Timestamp>>,
    /// The newest measurement of a pod's containers, and whether another one came before it.
    metrics: Mutex<HashMap<(ServiceId, PodId), (Timestamp, bool)>>,
}

impl Senders {
    /// Logs came.
    pub(crate) fn note_logs(&self, service: ServiceId, pod: Option<PodId>, at: Timestamp) {
        let mut last = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() >= MANY {
            last.retain(|_, seen| at.since(*seen) < HOUR);
        }
        last.insert((service, pod), at);
    }

    /// When logs of a pod came last, or of its service from a pod that was not known.
    pub(crate) fn last_logs(&self, service: &ServiceId, pod: &PodId) -> Option<Timestamp> {
        let last = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |pod: Option<PodId>| last.get(&(service.clone(), pod)).copied();
        of(Some(pod.clone())).max(of(None))
    }

    /// What a pod's containers use came, measured then.
    pub(crate) fn note_metrics(&self, service: ServiceId, pod: PodId, measured: Timestamp, now: Timestamp) {
        if now.since(measured) > FRESH {
            return;
        }
        // Whoever's clock is ahead does not go on sending for longer.
        let measured = measured.min(now);
        let mut last = self.metrics.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() >= MANY {
            last.retain(|_, (seen, _)| now.since(*seen) < HOUR);
        }
        let known = last.entry((service, pod)).or_insert((measured, false));
        if measured > known.0 {
            *known = (measured, true);
        }
    }

    /// When what a pod's containers use came last from somebody who goes on sending it.
    pub(crate) fn last_metrics(&self, service: &ServiceId, pod: &PodId) -> Option<Timestamp> {
        let last = self.metrics.lock().unwrap_or_else(PoisonError::into_inner);
        last.get(&(service.clone(), pod.clone())).filter(|(_, goes_on)| *goes_on).map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::SECOND;

    #[test]
    fn only_who_goes_on_measures_for_us() {
        let (senders, now) = (Senders::default(), Timestamp(HOUR));
        let (service, pod) = (ServiceId::new("c", "shop", "Deployment", "cart"), PodId("u".into()));
        let note = |seconds: i64| {
            senders.note_metrics(service.clone(), pod.clone(), now.plus(seconds * SECOND), now);
            senders.last_metrics(&service, &pod)
        };
        assert_eq!(note(-600), None, "history");
        assert_eq!(note(-30), None, "once");
        assert_eq!(note(-30), None, "the same again");
        assert_eq!(note(-500), None);
        assert_eq!(note(-15), Some(now.plus(-15 * SECOND)));
        assert_eq!(note(86_400), Some(now), "of the future");
    }
}
