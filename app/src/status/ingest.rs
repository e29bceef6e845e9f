//! What receivers took in and turned away, and what belongs to no known service.

use leptos::prelude::*;
use model::{IngestStatus, Rejection, Unattributed};

use crate::ui::ago::ago;
use crate::ui::number;

/// Counters, and refusals with their reason.
pub(super) fn ingest(ingest: &IngestStatus) -> AnyView {
    let count = |value: u64| number::count(value as f64);
    let facts = [
        ("Records in the last minute", count(ingest.last_minute)),
        ("Spans since the start", count(ingest.spans)),
        ("Log records since the start", count(ingest.logs)),
        ("Metric points since the start", count(ingest.points)),
        ("Profiles since the start", count(ingest.profiles)),
        ("Requests", count(ingest.requests)),
        ("Bytes, decompressed", model::bytes_text(ingest.bytes as f64)),
        ("Identical retries dropped", count(ingest.duplicates)),
    ];
    let rejected = if ingest.rejected.is_empty() {
        view! { <p class="unmeasured">"Nothing was turned away"</p> }.into_any()
    } else {
        rejections(&ingest.rejected)
    };
    view! {
        <section class="card" data-testid="status-ingest">
            <div class="card-head">
                <h2>"Telemetry in"</h2>
                <span class="faint">"since the start"</span>
            </div>
            {super::storage::facts(&facts)}
            <h3>"Turned away"</h3>
            {rejected}
        </section>
    }
    .into_any()
}

fn rejections(all: &[Rejection]) -> AnyView {
    let row = |it: &Rejection| {
        view! {
            <tr data-testid="status-rejected">
                <td>{it.reason.clone()}</td>
                <td>
                    <code>{it.peer.clone()}</code>
                </td>
                <td class="num">{number::count(it.count as f64)}</td>
                <td class="muted">{ago(it.last)}</td>
            </tr>
        }
    };
    view! {
        <div class="scroll-x">
            <table class="dense">
                <thead>
                    <tr>
                        <th scope="col">"Reason"</th>
                        <th scope="col">"From"</th>
                        <th scope="col" class="num">"Times"</th>
                        <th scope="col">"Last"</th>
                    </tr>
                </thead>
                <tbody>{all.iter().map(row).collect_view()}</tbody>
            </table>
        </div>
    }
    .into_any()
}

/// Telemetry of nobody, with the reason.
pub(super) fn unattributed(all: &[Unattributed]) -> AnyView {
    let body = if all.is_empty() {
        view! { <p class="unmeasured">"All telemetry belongs to a known service"</p> }.into_any()
    } else {
        table(all)
    };
    view! {
        <section class="card">
            <div class="card-head">
                <h2>"Belongs to no known service"</h2>
                <span class="faint">"stored, and attributed as soon as its pod is known"</span>
            </div>
            {body}
        </section>
    }
    .into_any()
}

fn table(all: &[Unattributed]) -> AnyView {
    let row = |it: &Unattributed| {
        let attributes =
            it.attributes.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join("  ");
        let name = if it.name.is_empty() { number::NONE.to_owned() } else { it.name.clone() };
        view! {
            <tr data-testid="status-unattributed">
                <td class="error">
                    <strong title=name.clone()>{name.clone()}</strong>
                </td>
                <td>{it.reason.clone()}</td>
                <td>
                    <code>{it.peer.clone()}</code>
                </td>
                <td class="endpoint">
                    <code title=attributes.clone()>{attributes.clone()}</code>
                </td>
                <td class="num">{number::count((it.spans + it.logs) as f64)}</td>
                <td class="muted">{ago(it.last)}</td>
            </tr>
        }
    };
    view! {
        <div class="scroll-x">
            <table class="dense">
                <thead>
                    <tr>
                        <th scope="col">"service.name"</th>
                        <th scope="col">"Why"</th>
                        <th scope="col">"From"</th>
                        <th scope="col">"Attributes"</th>
                        <th scope="col" class="num">"Records"</th>
                        <th scope="col">"Last"</th>
                    </tr>
                </thead>
                <tbody>{all.iter().map(row).collect_view()}</tbody>
            </table>
        </div>
    }
    .into_any()
}
