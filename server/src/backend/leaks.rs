//! What leaks of a service, with what it was read from and where it goes.

mod heap;

use std::collections::BTreeMap;

use app::AppError;
use model::{
    Aggregation, DAY, HOUR, Leak, LeakChart, LeakOf, LimitOf, MetricQuery, Series, ServiceId, Step, Timestamp, Viewer,
    Window,
};
use store::MetricAsk;

use super::{Answers, failed, kubernetes};
use crate::leaks::{MEMORY, RUN, Volumes};

/// Pods that are drawn: more can't be told apart.
const PODS: usize = 6;
/// Points of a chart.
const POINTS: i64 = 120;
/// A chart reaches at most so many times as far ahead as it looks back: of more the climb itself could not be seen.
const REACH: i64 = 12;

/// What leaks now, the first to end at the front.
pub(super) async fn charts(answers: &Answers, viewer: &Viewer, id: &ServiceId) -> Result<Vec<LeakChart>, AppError> {
    answers.known(id)?;
    let leaks = answers.store.leaks().get(id).cloned().unwrap_or_default();
    let mut charts = Vec::new();
    for leak in leaks.iter() {
        charts.push(chart(answers, viewer, id, leak).await?);
    }
    Ok(charts)
}

async fn chart(answers: &Answers, viewer: &Viewer, id: &ServiceId, leak: &Leak) -> Result<LeakChart, AppError> {
    let (window, past) = windows(leak);
    let step = window.step(POINTS);
    let mut pods = match &leak.of {
        LeakOf::Memory { container } => memory(answers, id, past, step, container, is_together(leak)).await?,
        LeakOf::Volume { volume } => {
            let filter = || vec![(Volumes::KEYS[1].to_owned(), volume.clone())];
            let capacity = by(answers, id, past, step, Volumes::CAPACITY, filter(), &["pod"]).await?;
            let available = by(answers, id, past, step, Volumes::AVAILABLE, filter(), &["pod"]).await?;
            available.into_iter().map(|free| used(free, &capacity)).collect()
        }
    };
    let place = |series: &Series| leak.pods.iter().position(|pod| pod.name == series.name);
    pods.retain(|series| place(series).is_some());
    pods.sort_by_key(place);
    pods.truncate(PODS);
    let marks = kubernetes::marks(answers, viewer, id, past).await?;
    let heap = heap::heap(&answers.store, id, leak).await?;
    Ok(LeakChart { forecast: forecast(leak, window, step), leak: leak.clone(), window, pods, marks, heap })
}

/// Whether what climbs is held against the limit of its pod as a whole.
fn is_together(leak: &Leak) -> bool {
    leak.pods.iter().any(|pod| pod.limit_of == LimitOf::Pod)
}

/// Memory of a container by pod: what counts against the limit, else what there is; where that is the pod's, of all its
/// containers.
async fn memory(
    answers: &Answers,
    id: &ServiceId,
    window: Window,
    step: Step,
    container: &str,
    together: bool,
) -> Result<Vec<Series>, AppError> {
    let alone = vec![(RUN[1].to_owned(), container.to_owned())];
    for name in [MEMORY[1], MEMORY[0]] {
        let found = match together {
            true => summed(by(answers, id, window, step, name, Vec::new(), &RUN[..2]).await?),
            false => by(answers, id, window, step, name, alone.clone(), &["pod"]).await?,
        };
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}

/// The chart's window, and the part of it that has been. It shows a quarter of the climb before it began. It goes ahead
/// until the limit is surely reached, but not further than it looks back or than the limit is likely reached.
fn windows(leak: &Leak) -> (Window, Window) {
    let now = leak.as_of;
    let since = leak.pods.iter().map(|pod| pod.since).min().unwrap_or(now);
    let climbed = now.since(since).clamp(HOUR, 7 * DAY);
    let from = Timestamp((now.0 - climbed - climbed / 4).max(now.0 - 7 * DAY));
    let end = leak.eta().map_or(climbed / 4, |eta| eta.latest.unwrap_or(i64::MAX).min(eta.likely.saturating_mul(2)));
    let back = now.since(from);
    let likely = leak.eta().map_or(0, |eta| eta.likely.saturating_add(eta.likely / 10));
    let most = if likely <= back.saturating_mul(REACH) { likely.max(back) } else { back };
    let ahead = (end.saturating_add(end / 10)).clamp(climbed / 8, most);
    (Window::new(from, now.plus(ahead)), Window::new(from, now))
}

/// Where the first pod's level goes from now on, until its limit: likely, soonest, latest; then the limit, where it has
/// one of its own.
pub(super) fn forecast(leak: &Leak, window: Window, step: Step) -> Vec<Series> {
    let Some(pod) = leak.pods.first() else { return Vec::new() };
    let start = leak.as_of.floor(step.0);
    let count = (window.to.since(start) / step.0).max(0);
    let line = |name: &str, rate: f64| {
        let at = |i: i64| pod.level + rate * (i * step.0 + step.0 / 2) as f64 / HOUR as f64;
        let points = (0..count).map(at).map(|value| Some(value).filter(|v| pod.limit.is_none_or(|limit| *v <= limit)));
        Series { name: name.to_owned(), start, step, points: points.collect() }
    };
    let (low, high) = pod.rate_interval;
    // What a node has is so far off that what was would lie on the ground.
    let limit = pod.limit.filter(|_| pod.limit_of != LimitOf::Node).map(|limit| {
        let start = window.from.floor(step.0);
        let points = vec![Some(limit); (window.to.since(start) / step.0 + 1).max(0) as usize];
        Series { name: "limit".into(), start, step, points }
    });
    [line("likely", pod.rate), line("soonest", high), line("latest", low)].into_iter().chain(limit).collect()
}

fn used(free: Series, capacity: &[Series]) -> Series {
    let whole = capacity.iter().find(|series| series.name == free.name);
    let whole = whole.and_then(|series| series.points.iter().flatten().last().copied());
    let points = free.points.iter().map(|free| Some(whole? - (*free)?)).collect();
    Series { points, ..free }
}

/// The greatest of each by these keys: what two tell of is there once.
async fn by(
    answers: &Answers,
    id: &ServiceId,
    window: Window,
    step: Step,
    name: &str,
    filter: Vec<(String, String)>,
    keys: &[&str],
) -> Result<Vec<Series>, AppError> {
    let by = keys.iter().map(|&key| key.to_owned()).collect();
    let query = MetricQuery { name: name.to_owned(), filter, by, aggregation: Aggregation::Max, rate: false };
    let ask = MetricAsk { service: id.clone(), window, step, query, limit: 1_000 };
    Ok(answers.store.telemetry().metric(ask).await.map_err(failed)?.series)
}

/// Of series by pod and container, those by pod.
fn summed(containers: Vec<Series>) -> Vec<Series> {
    let mut pods: BTreeMap<String, Series> = BTreeMap::new();
    for series in containers {
        let pod = series.name.split(", ").next().unwrap_or_default().to_owned();
        match pods.get_mut(&pod) {
            Some(known) => {
                for (sum, more) in known.points.iter_mut().zip(&series.points) {
                    *sum = sum.iter().chain(more).copied().reduce(|one, other| one + other);
                }
            }
            None => {
                pods.insert(pod.clone(), Series { name: pod, ..series });
            }
        }
    }
    pods.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Eta, LeakingPod, MINUTE, PodId, Sentence};

    fn leak() -> Leak {
        let eta = Eta { likely: 2 * HOUR, soonest: HOUR, latest: Some(4 * HOUR) };
        let pod = LeakingPod {
            pod: PodId("uid".into()),
            name: "pod".into(),
            rate: 100.0,
            rate_interval: (50.0, 200.0),
            level: 800.0,
            limit: Some(1_000.0),
            since: Timestamp(20 * HOUR),
            eta: Some(eta),
            ..LeakingPod::default()
        };
        Leak {
            of: LeakOf::Memory { container: "app".into() },
            revision: None,
            revision_name: String::new(),
            pods: vec![pod],
            watched: 1,
            before: None,
            before_name: None,
            sentence: Sentence::default(),
            as_of: Timestamp(24 * HOUR),
        }
    }

    #[test]
    fn the_chart_shows_what_was_before_and_reaches_to_the_end() {
        let (window, past) = windows(&leak());
        assert_eq!(past, Window::new(Timestamp(19 * HOUR), Timestamp(24 * HOUR)));
        assert!(window.to > Timestamp(28 * HOUR) && window.to <= Timestamp(29 * HOUR), "{window:?}");
    }

    #[test]
    fn a_young_climb_is_drawn_to_where_it_likely_crosses_the_limit() {
        let eta = |hours: i64| Eta { likely: hours * HOUR, soonest: hours * HOUR, latest: None };
        let young = |hours: i64| {
            let mut leak = leak();
            (leak.pods[0].since, leak.pods[0].eta) = (leak.as_of.plus(-75 * MINUTE), Some(eta(hours)));
            windows(&leak).0
        };
        let crossing = |hours: i64| Timestamp((24 + hours) * HOUR);
        assert!(young(4).to > crossing(4) && young(4).to < crossing(5), "{:?}", young(4));
        let far = young(300);
        assert!(far.to < crossing(2), "so far ahead the climb could not be seen: {far:?}");
    }

    #[test]
    fn forecasts_end_at_the_limit() {
        let lines = forecast(&leak(), Window::new(Timestamp(19 * HOUR), Timestamp(29 * HOUR)), Step(10 * MINUTE));
        let last = |at: usize| lines[at].points.iter().rposition(Option::is_some).unwrap();
        let names: Vec<&str> = lines.iter().map(|line| line.name.as_str()).collect();
        assert_eq!(names, ["likely", "soonest", "latest", "limit"]);
        // Two hours, one hour and four hours of ten minutes.
        assert_eq!((last(0), last(1), last(2)), (11, 5, 23));
        assert!(lines[3].points.iter().all(|value| *value == Some(1_000.0)));
    }
}
