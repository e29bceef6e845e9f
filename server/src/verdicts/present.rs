//! Whether what a verdict calls is still there: a verdict counts for the health of a service only while it is.

use std::collections::BTreeMap;

use model::{Evidence, MINUTE, Red, ServiceState, Signal, Step, Timestamp, Unit, Window};
use store::{By, ErrorCells, Judgement, RedQuery, Store};

/// It has to have been there in the last so long.
const RECENT: i64 = 15 * MINUTE;
/// So much of the difference has to be left.
const LEFT: f64 = 0.3;

/// Whether any of it was there lately.
pub(crate) async fn is_present(
    store: &Store,
    service: &ServiceState,
    judgement: &Judgement,
    now: Timestamp,
) -> Result<bool, store::Error> {
    // Not the time before the deploy, in which nothing was wrong yet.
    let began = judgement.flagged.iter().map(|evidence| evidence.new.window.from).min();
    let recent = now.plus(-RECENT);
    let window = Window::new(began.map_or(recent, |began| began.max(recent)), now);
    let ask = RedQuery { services: Some(vec![service.id.clone()]), window, step: Step(MINUTE), by: By::Endpoint };
    let mut recent: BTreeMap<Option<String>, Red> = BTreeMap::new();
    for row in store.telemetry().red(ask).await? {
        for (_, red) in &row.cells {
            recent.entry(row.endpoint.clone()).or_default().merge(red);
            recent.entry(None).or_default().merge(red);
        }
    }
    let errors = store.telemetry().errors(&service.id, window, Step(MINUTE)).await?;
    let events = store.adverse(Some(&service.id), window).await?.len();
    let facts = Recent { requests: &recent, errors: &errors, events, short: service.ready < service.wanted };
    Ok(judgement.flagged.iter().any(|evidence| facts.shows(evidence)))
}

struct Recent<'a> {
    /// By endpoint; nothing is the whole service.
    requests: &'a BTreeMap<Option<String>, Red>,
    errors: &'a [ErrorCells],
    /// Adverse events.
    events: usize,
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
