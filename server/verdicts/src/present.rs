//! Whether what a verdict calls is still there: a verdict counts for the health of a service only while it is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{
    AdverseEvent, Evidence, MINUTE, PodPhase, PodState, Red, ServiceId, ServiceState, Signal, Step, Timestamp, Unit,
    Window,
};
use store::{By, ErrorLife, ErrorName, Judgement, RedQuery, Store};

/// So long a pod may take to get ready.
const BEGINS: i64 = MINUTE;
/// It has to have been there in the last so long.
const RECENT: i64 = 15 * MINUTE;
/// So much of the difference has to be left.
const LEFT: f64 = 0.3;

/// Requests by endpoint; nothing is the whole service.
type Requests = BTreeMap<Option<String>, Red>;

/// A service and what was said of its newest deploy.
pub struct Said {
    /// The service.
    pub service: Arc<ServiceState>,
    /// What was said.
    pub judgement: Arc<Judgement>,
    /// When that deploy began: what was before it does not thin out what it did.
    pub since: Timestamp,
    /// Its cluster is heard: what pods did last is what they do now.
    pub seen: bool,
}

/// Services of which any of what was said was there lately. `adverse` are the events of all services since at least
/// then.
pub async fn present_of(
    store: &Store,
    said: &[Said],
    adverse: &[AdverseEvent],
    now: Timestamp,
) -> Result<BTreeSet<ServiceId>, store::Error> {
    let window = Window::before(now, RECENT);
    let mut requests = requests(store, said, window).await?;
    let of_groups = |said: &&Said| said.judgement.flagged.iter().any(|e| e.signal == Signal::ErrorGroup);
    let with_groups: Vec<ServiceId> = said.iter().filter(of_groups).map(|said| said.service.id.clone()).collect();
    let errors = store.telemetry().error_groups(&with_groups, window).await?;
    let mut patterns = patterns(store, said, window).await?;
    let (leaks, directory) = (store.leaks(), store.directory());
    let mut present = BTreeSet::new();
    for Said { service, judgement, seen, .. } in said {
        let is_late = |pod: &Arc<PodState>| {
            // One that failed, as an evicted one did, may lie there for days.
            let waits =
                matches!(pod.phase, PodPhase::Pending | PodPhase::Starting | PodPhase::NotReady | PodPhase::Unknown);
            waits && pod.ended.is_none() && pod.revision == service.revision && now.since(pod.created) > BEGINS
        };
        let own = adverse.iter().filter(|event| event.service.as_ref() == Some(&service.id));
        // While pods of the revision before serve, none may be missing though those of the new one never get ready.
        let is_short = service.ready < service.wanted || directory.pods(&service.id).iter().any(is_late);
        let facts = Recent {
            service: &service.id,
            requests: &requests.remove(&service.id).unwrap_or_default(),
            errors: &errors,
            patterns: &patterns.remove(&service.id).unwrap_or_default(),
            // Before anybody looked nothing is known to have ended.
            leaks: leaks.get(&service.id).is_none_or(|all| all.iter().any(|leak| leak.revision == service.revision)),
            events: if *seen { own.map(|event| event.times_in(window)).sum() } else { 0 },
            short: *seen && is_short,
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

/// Log patterns that services had in a window, of those of which any was called.
async fn patterns(
    store: &Store,
    said: &[Said],
    window: Window,
) -> Result<BTreeMap<ServiceId, BTreeSet<String>>, store::Error> {
    let of_patterns = |said: &&Said| said.judgement.flagged.iter().any(|e| e.signal == Signal::LogPattern);
    let services: Vec<ServiceId> = said.iter().filter(of_patterns).map(|said| said.service.id.clone()).collect();
    let lives = store.telemetry().pattern_life(&services, window).await?;
    let had = |life: ErrorLife| life.groups.into_iter().map(|group| group.error).collect();
    Ok(lives.into_iter().map(|(service, life)| (service, had(life))).collect())
}

struct Recent<'a> {
    service: &'a ServiceId,
    requests: &'a Requests,
    /// Error groups of all services.
    errors: &'a BTreeSet<ErrorName>,
    /// Log patterns of warnings and errors.
    patterns: &'a BTreeSet<String>,
    /// Something of the current revision leaks.
    leaks: bool,
    /// Adverse events.
    events: u32,
    /// Fewer pods are ready than wanted, or one of the current revision is not.
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
                group.service == *self.service
                    && Some(&group.error) == evidence.subject.as_ref()
                    && evidence.endpoint.as_ref().is_none_or(|endpoint| *endpoint == group.endpoint)
            }),
            Signal::CrashLoop | Signal::FailedPull | Signal::NeverReady | Signal::Stuck => self.short,
            Signal::Restarts | Signal::OomKills | Signal::FailedProbes | Signal::Unready => {
                self.short || self.events > 0
            }
            Signal::LogPattern => evidence.subject.as_ref().is_some_and(|pattern| self.patterns.contains(pattern)),
            Signal::Leak => self.leaks,
            Signal::Throughput | Signal::Cpu | Signal::Memory => true,
        }
    }
}

#[cfg(test)]
mod tests;
