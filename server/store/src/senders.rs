//! Who sends telemetry of which Binnacle could fetch the same, so that nobody's is fetched beside: remembered for as
//! long as the process runs.

use std::sync::{Mutex, PoisonError};

use hashbrown::HashMap;
use model::{HOUR, MINUTE, PodId, ServiceId, Timestamp};

/// So many are remembered before those of long ago are forgotten.
const MANY: usize = 50_000;
/// What was measured longer ago is history that comes late.
const FRESH: i64 = MINUTE;

/// When a service's pods sent last.
#[derive(Debug, Default)]
pub(crate) struct Senders {
    logs: Mutex<Logs>,
    /// The newest measurement of a pod's containers, and whether another one came before it.
    metrics: Mutex<HashMap<(ServiceId, PodId), (Timestamp, bool)>>,
}

/// When logs came last, by service.
#[derive(Debug, Default)]
struct Logs {
    services: HashMap<ServiceId, LogSenders>,
    /// Senders of all of them.
    senders: usize,
}

/// When a service's logs came last: from each of its pods, and from one that was not known.
#[derive(Debug, Default)]
struct LogSenders {
    pods: HashMap<PodId, Timestamp>,
    unknown: Option<Timestamp>,
}

impl LogSenders {
    /// Forgets who sent before; how many are left.
    fn retain_since(&mut self, from: Timestamp) -> usize {
        self.pods.retain(|_, seen| *seen > from);
        self.unknown = self.unknown.filter(|seen| *seen > from);
        self.count()
    }

    fn count(&self) -> usize {
        self.pods.len() + usize::from(self.unknown.is_some())
    }
}

impl Senders {
    /// Logs came.
    pub(crate) fn note_logs(&self, service: ServiceId, pod: Option<PodId>, at: Timestamp) {
        let mut last = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        let of = last.services.entry(service).or_default();
        let known = match pod {
            Some(pod) => of.pods.insert(pod, at),
            None => of.unknown.replace(at),
        };
        if known.is_some() {
            return;
        }
        last.senders += 1;
        if last.senders > MANY {
            last.services.retain(|_, of| of.retain_since(at.plus(-HOUR)) > 0);
            last.senders = last.services.values().map(LogSenders::count).sum();
        }
    }

    /// When logs of a pod came last, or of its service from a pod that was not known.
    pub(crate) fn last_logs(&self, service: &ServiceId, pod: &PodId) -> Option<Timestamp> {
        let last = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        let of = last.services.get(service)?;
        of.pods.get(pod).copied().max(of.unknown)
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
    fn logs_are_of_a_pod_or_of_one_that_was_not_known_and_old_senders_are_forgotten() {
        let senders = Senders::default();
        let (service, at) = (ServiceId::new("c", "shop", "Deployment", "cart"), Timestamp(10 * HOUR));
        let pod = |number: usize| PodId(number.to_string().into());
        assert_eq!(senders.last_logs(&service, &pod(1)), None);
        senders.note_logs(service.clone(), Some(pod(1)), at);
        assert_eq!((senders.last_logs(&service, &pod(1)), senders.last_logs(&service, &pod(2))), (Some(at), None));
        senders.note_logs(service.clone(), None, at.plus(1));
        assert_eq!(senders.last_logs(&service, &pod(2)), Some(at.plus(1)));
        for number in 2..=MANY {
            senders.note_logs(service.clone(), Some(pod(number)), at.plus(2 * HOUR));
        }
        assert_eq!(senders.last_logs(&service, &pod(1)), None, "of long ago, when there were too many");
        assert_eq!(senders.last_logs(&service, &pod(2)), Some(at.plus(2 * HOUR)));
    }

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
