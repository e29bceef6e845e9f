//! Whether what a verdict calls is still there: a verdict counts for the health of a service only while it is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{AdverseEvent, Evidence, MINUTE, Red, ServiceId, ServiceState, Signal, Step, Timestamp, Unit, Window};
use store::{By, ErrorCells, Judgement, RedQuery, Store};

/// It has to have been there in the last so long.
const RECENT: i64 = 15 * MINUTE;
/// So much of the difference has to be left.
const LEFT: f64 = 0.3;

/// Requests by endpoint; nothing is the whole service.
type Requests = BTreeMap<Option<String>, Red>;

/// A service and what was said of its newest deploy.
pub(crate) struct Said {
    pub(crate) service: Arc<ServiceState>,
    pub(crate) judgement: Arc<Judgement>,
    /// When that deploy began: what was before it does not thin out what it did.
    pub(crate) since: Timestamp,
    /// Its cluster is heard: what pods did last is what they do now.
    pub(crate) seen: bool,
}

/// Services of which any of what was said was there lately. `adverse` are the events of all services since at least
/// then.
pub(crate) async fn present_of(
    store: &Store,
    said: &[Said],
    adverse: &[AdverseEvent],
    now: Timestamp,
) -> Result<BTreeSet<ServiceId>, store::Error> {
    let window = Window::before(now, RECENT);
    let mut requests = requests(store, said, window).await?;
    let mut present = BTreeSet::new();
    for Said { service, judgement, seen, .. } in said {
        let of_groups = judgement.flagged.iter().any(|evidence| evidence.signal == Signal::ErrorGroup);
        let errors = match of_groups {
            true => store.telemetry().errors(&service.id, window, Step(MINUTE)).await?,
            false => Vec::new(),
        };
        let own = adverse.iter().filter(|event| event.service.as_ref() == Some(&service.id));
        let facts = Recent {
            requests: &requests.remove(&service.id).unwrap_or_default(),
            errors: &errors,
            events: if *seen { own.map(|event| event.times_in(window)).sum() } else { 0 },
            short: *seen && service.ready < service.wanted,
        };
        if judgement.flagged.iter().any(|evidence| facts.shows(evidence)) {
            present.insert(service.id.clone());
        }
    }
    Ok(present)
}

/// Of all these services at once.
async fn requests(store: &Store, said: &[Said], window: Window) -> Result<BTreeMap<ServiceId, Requests>, store::Error> {
    let mut found: BTreeMap<ServiceId, Requests> = BTreeMap::new();
    let since: BTreeMap<&ServiceId, Timestamp> = said.iter().map(|said| (&said.service.id, said.since)).collect();
    if since.is_empty() {
        return Ok(found);
    }
    let step = Step(MINUTE);
    let services = since.keys().map(|id| (*id).clone()).collect();
    let ask = RedQuery { services: Some(services), window, step, by: By::Endpoint };
    let origin = window.aligned(step).from;
    for row in store.telemetry().red(ask).await? {
        let began = since.get(&row.service).copied().unwrap_or_default().floor(MINUTE);
        let own = found.entry(row.service).or_default();
        for (_, red) in row.cells.iter().filter(|(at, _)| origin.plus(i64::from(*at) * MINUTE) >= began) {
            own.entry(row.endpoint.clone()).or_default().merge(red);
            own.entry(None).or_default().merge(red);
        }
    }
    Ok(found)
}

struct Recent<'a> {
    requests: &'a Requests,
    errors: &'a [ErrorCells],
    /// Adverse events.
    events: u32,
    /// Fewer pods are ready than wanted.
    short: bool,
}

impl Recent<'_> {
    fn shows(&self, evidence: &Evidence) -> bool {
        let old = evidence.old.as_ref().and_then(|old| old.value).unwrap_or(0.0);
        let least = old + LEFT * (evidence.new.value.unwrap_or(0.0) - old);
        let red = self.requests.get(&evidence.endpoint);
        match evidence.signal {
            Signal::Errors => red.is_some_and(|red| red.errors > 0.0 && red.errors >= least * red.requests),
            Signal::Latency => {
                let p95 = evidence.effect.as_ref().is_some_and(|effect| effect.unit == Unit::P95);
                let value = red.and_then(|red| red.histogram.quantile(if p95 { 0.95 } else { 0.5 }));
                value.is_some_and(|value| value >= least)
            }
            Signal::ErrorGroup => self.errors.iter().any(|group| {
                Some(&group.error) == evidence.subject.as_ref()
                    && evidence.endpoint.as_ref().is_none_or(|endpoint| *endpoint == group.endpoint)
            }),
            Signal::CrashLoop | Signal::FailedPull | Signal::NeverReady | Signal::Stuck => self.short,
            Signal::Restarts | Signal::OomKills | Signal::FailedProbes | Signal::Unready => {
                self.short || self.events > 0
            }
            Signal::LogPattern | Signal::Throughput | Signal::Cpu | Signal::Memory => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use model::{Against, Outcome, Sentence, Side};

    use super::*;

    fn side(value: f64) -> Side {
        let window = Window::new(Timestamp(0), Timestamp(MINUTE));
        Side { name: "v".into(), window, numerator: 0.0, denominator: 0.0, value: Some(value), cells: 0 }
    }

    #[test]
    fn errors_that_ended_do_not_count_any_more() {
        let evidence = Evidence {
            signal: Signal::Errors,
            endpoint: Some("POST /pay".into()),
            subject: None,
            outcome: Outcome::Flagged,
            why: Sentence::plain(""),
            against: Against::Past,
            old: Some(side(0.01)),
            new: side(0.21),
            effect: None,
            test: None,
        };
        let shows = |requests: f64, errors: f64| {
            let red = Red { requests, errors, ..Red::default() };
            let requests = BTreeMap::from([(evidence.endpoint.clone(), red)]);
            Recent { requests: &requests, errors: &[], events: 0, short: false }.shows(&evidence)
        };
        assert!(shows(100.0, 20.0) && shows(100.0, 8.0));
        assert!(!shows(100.0, 1.0) && !shows(0.0, 0.0));
    }
}
