//! Spans of a service that match a query.

use app::AppError;
use model::{ServiceId, SpanFilter, SpanPage, SpanQuery, Viewer, Window};
use store::SpanAsk;

use super::super::{Answers, failed};

/// Spans of a page.
const SPANS: u32 = 100;

/// A page of spans. The chart is of all that match, on every page.
pub(in crate::backend) async fn page(
    answers: &Answers,
    _viewer: &Viewer,
    id: &ServiceId,
    window: Window,
    query: SpanQuery,
) -> Result<SpanPage, AppError> {
    answers.known(id)?;
    let filter: SpanFilter = query.text.parse().map_err(AppError::Invalid)?;
    let ask = SpanAsk {
        service: id.clone(),
        window,
        all_kinds: query.all_kinds || filter.asks_kinds(),
        filter,
        order: query.order,
        after: query.after,
        limit: SPANS,
        plot: query.after.is_none(),
    };
    // An older page goes on where the one before ended: whoever draws the chart begins at the front again.
    let chart = SpanAsk { after: None, limit: 0, plot: true, ..ask.clone() };
    let is_older = !ask.plot;
    let telemetry = answers.store.telemetry();
    let found = telemetry.spans(ask).await.map_err(failed)?;
    let plot = if is_older { telemetry.spans(chart).await.map_err(failed)?.plot } else { found.plot };
    Ok(SpanPage { spans: found.spans, next: found.next, plot, covered_from: found.covered_from })
}
