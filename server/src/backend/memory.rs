//! Memory of a service's pods over a window, with where it goes if it leaks.

use app::AppError;
use model::{Eta, Leak, LeakOf, LimitOf, MemoryChart, MetricChart, MetricQuery, ServiceId, Viewer, Window};

use super::leaks::forecast;
use super::{Answers, is_past, kubernetes, metrics};
use crate::jobs::now;

/// Points of a forecast as long as its window.
const POINTS: i64 = 120;

/// Memory by pod; nothing where it is not measured.
pub(super) async fn chart(
    answers: &Answers,
    viewer: &Viewer,
    id: &ServiceId,
    window: Window,
) -> Result<Option<MemoryChart>, AppError> {
    let service = answers.known(id)?;
    let found = metrics::golden(answers, viewer, id, window, |title| title == "Memory").await?;
    let Some(mut chart) = found.into_iter().next() else { return Ok(None) };
    let marks = kubernetes::marks(answers, viewer, id, window).await?;
    let leaks = answers.store.leaks().get(id).cloned().filter(|_| !is_past(window.to, now()));
    let is_memory = |leak: &&Leak| matches!(leak.of, LeakOf::Memory { .. }) && leak.revision == service.revision;
    let leak = leaks.as_ref().and_then(|leaks| leaks.iter().find(is_memory)).cloned();
    let drawn = leak.as_ref().filter(|leak| chart.query.by == ["pod"] && is_all_of_its_pod(answers, id, leak));
    let ahead = drawn.map(|leak| reaching(window, leak.eta()));
    let forecast = drawn.zip(ahead).map(|(leak, window)| forecast(leak, window, window.step(POINTS)));
    let forecast = forecast.unwrap_or_default();
    if let Some(first) = drawn.and_then(|leak| leak.pods.first()) {
        with_pod(answers, viewer, id, window, &mut chart, &first.name).await?;
    }
    if forecast.len() > 3 {
        // Its limit goes on with it, and stands where the request would end.
        (chart.limit, chart.request) = (None, None);
    }
    Ok(Some(MemoryChart { chart, leak, forecast, window: ahead.unwrap_or(window), marks }))
}

/// Adds a pod's line, where others are greater.
async fn with_pod(
    answers: &Answers,
    viewer: &Viewer,
    id: &ServiceId,
    window: Window,
    chart: &mut MetricChart,
    pod: &str,
) -> Result<(), AppError> {
    if chart.answer.series.iter().any(|series| series.name == pod) {
        return Ok(());
    }
    let query = MetricQuery { filter: vec![("pod".into(), pod.to_owned())], ..chart.query.clone() };
    let own = metrics::series(answers, viewer, id, window, query).await?;
    chart.answer.series.extend(own.series);
    Ok(())
}

/// Whether what climbs of the first pod is all that the pod's memory is.
fn is_all_of_its_pod(answers: &Answers, id: &ServiceId, leak: &Leak) -> bool {
    let Some(first) = leak.pods.first() else { return false };
    let directory = answers.store.directory();
    let pod = directory.pods(id).iter().find(|pod| pod.id == first.pod);
    let lasting = |pod: &model::PodState| pod.containers.iter().filter(|container| container.role.lasts()).count();
    first.limit_of == LimitOf::Pod || pod.is_some_and(|pod| lasting(pod) == 1)
}

/// A window that goes on until the limit is surely reached, but by no more than half of itself: what was is what the
/// chart is about.
fn reaching(window: Window, eta: Option<Eta>) -> Window {
    let length = window.length();
    let end = eta.map_or(length / 4, |eta| eta.latest.unwrap_or(i64::MAX).min(eta.likely.saturating_mul(2)));
    let ahead = end.saturating_add(end / 10).clamp(length / 8, length / 2);
    Window::new(window.from, window.to.plus(ahead))
}

#[cfg(test)]
mod tests {
    use model::{HOUR, Timestamp};

    use super::*;

    #[test]
    fn a_chart_goes_on_to_the_limit_but_mostly_shows_what_was() {
        let window = Window::new(Timestamp(0), Timestamp(24 * HOUR));
        let to = |likely: i64, latest: Option<i64>| {
            let eta = Eta { likely: likely * HOUR, soonest: HOUR, latest: latest.map(|hours| hours * HOUR) };
            reaching(window, Some(eta)).to.0 / HOUR
        };
        assert_eq!((to(4, Some(5)), to(4, None), to(100, None), to(1, Some(1))), (29, 32, 36, 27));
        assert_eq!(reaching(window, None).to.0 / HOUR, 30);
    }
}
