//! Endpoints beside the period before: a value that changed stands next to what it was.

use leptos::prelude::*;
use model::{EndpointRow, SpanFilter, SpanTerm, SpanTest, Summary};

use crate::ui::number;
use crate::url::escape;

/// The table of endpoints, worst change first; `traces` is the address of their requests, up to the query.
pub(super) fn endpoints(rows: &[EndpointRow], traces: &str) -> AnyView {
    let body = if rows.is_empty() {
        view! {
            <p class="unmeasured">
                "No requests in this range. Point an OpenTelemetry SDK at Binnacle, and endpoints appear here."
            </p>
        }
        .into_any()
    } else {
        table(rows, traces)
    };
    view! {
        <section class="card">
            <div class="card-head">
                <h2>"Endpoints"</h2>
                <span class="faint">
                    {(!rows.is_empty()).then(|| format!("{}, worst change first", number::count(rows.len() as f64)))}
                </span>
            </div>
            {body}
        </section>
    }
    .into_any()
}

fn table(rows: &[EndpointRow], traces: &str) -> AnyView {
    view! {
        <div class="scroll-x">
            <table class="dense">
                <thead>
                    <tr>
                        <th scope="col">"Endpoint"</th>
                        <th scope="col" class="num">"/s"</th>
                        <th scope="col" class="num">"Errors"</th>
                        <th scope="col" class="num before">"before"</th>
                        <th scope="col" class="num">"p95"</th>
                        <th scope="col" class="num before">"before"</th>
                        <th scope="col" class="num">"Time"</th>
                    </tr>
                </thead>
                <tbody>{rows.iter().map(|one| row(one, traces)).collect_view()}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn row(row: &EndpointRow, traces: &str) -> AnyView {
    let test = SpanTest::Endpoint(row.endpoint.clone());
    let only = SpanFilter { terms: vec![SpanTerm { not: false, test }] };
    let href = format!("{traces}{}", escape(&only.to_string()));
    let errors = if has_more_errors(&row.now, &row.before) { "num bad" } else { "num" };
    let slower = if is_slower(&row.now, &row.before) { "num warn" } else { "num" };
    view! {
        <tr data-testid="endpoint-row">
            <td class="endpoint">
                <a href=href data-testid="endpoint-traces">
                    <code title=row.endpoint.clone()>{row.endpoint.clone()}</code>
                </a>
            </td>
            <td class="num">{number::or_none(row.now.rate, number::rate)}</td>
            <td class=errors>{number::or_none(row.now.error_share, number::share)}</td>
            <td class="num before">{number::or_none(row.before.error_share, number::share)}</td>
            <td class=slower>{number::or_none(row.now.p95, model::duration_text)}</td>
            <td class="num before">{number::or_none(row.before.p95, model::duration_text)}</td>
            <td class="num">{format!("{:.0} %", row.time_share * 100.0)}</td>
        </tr>
    }
    .into_any()
}

/// At least one percent fails, and it is clearly more than before (or there was no before).
pub(crate) fn has_more_errors(now: &Summary, before: &Summary) -> bool {
    let share = now.error_share.unwrap_or(0.0);
    share >= 0.01 && now.errors >= 3.0 && share > before.error_share.unwrap_or(0.0) * 1.5
}

/// Half as slow again as before, both measured on enough requests.
pub(crate) fn is_slower(now: &Summary, before: &Summary) -> bool {
    let enough = now.requests >= 20.0 && before.requests >= 20.0;
    enough && now.p95.zip(before.p95).is_some_and(|(now, before)| now > before * 1.5 && now - before > 5e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(requests: f64, errors: f64, p95: f64) -> Summary {
        Summary { requests, errors, error_share: Some(errors / requests), p95: Some(p95), ..Summary::default() }
    }

    #[test]
    fn only_clear_changes_are_coloured() {
        assert!(has_more_errors(&summary(100.0, 14.0, 1.0), &summary(100.0, 1.0, 1.0)));
        assert!(!has_more_errors(&summary(100.0, 14.0, 1.0), &summary(100.0, 13.0, 1.0)));
        assert!(!has_more_errors(&summary(100.0, 0.5, 1.0), &summary(100.0, 0.0, 1.0)));
        assert!(is_slower(&summary(100.0, 0.0, 402e6), &summary(100.0, 0.0, 171e6)));
        assert!(!is_slower(&summary(5.0, 0.0, 402e6), &summary(100.0, 0.0, 171e6)));
        assert!(!is_slower(&summary(100.0, 0.0, 3e6), &summary(100.0, 0.0, 1e6)));
    }
}
