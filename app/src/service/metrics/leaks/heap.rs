//! What grew on the heap of a pod that leaks, by function.

use leptos::prelude::*;
use model::{HeapFunction, HeapGrowth, SINCE, bytes_text};

use crate::url::Query;

/// The table, with where all of it is compared; `service` is the path of the service.
pub(super) fn heap(heap: &HeapGrowth, service: &str) -> AnyView {
    let row = |function: &HeapFunction| {
        view! {
            <tr data-testid="heap-function">
                <th scope="row">
                    <code>{function.name.clone()}</code>
                </th>
                <td class="num">{bytes_text(function.begin)}</td>
                <td class="num">{bytes_text(function.now)}</td>
                <td class="num">{bytes_text(function.grew())}</td>
            </tr>
        }
    };
    let all = format!("{} to {} in all", bytes_text(heap.all_begin), bytes_text(heap.all_now));
    view! {
        <div class="card" data-testid="heap">
            <div class="card-head">
                <h2>{format!("What grew on the heap of {}", heap.pod)}</h2>
                <span class="faint">{all}</span>
                <a href=compared(heap, service)>"Compare in Profiles"</a>
            </div>
            <div class="scroll-x">
                <table class="dense">
                    <thead>
                        <tr>
                            <th scope="col">"Function"</th>
                            <th scope="col" class="num">
                                "When it began"
                            </th>
                            <th scope="col" class="num">
                                "Now"
                            </th>
                            <th scope="col" class="num">
                                "Grew"
                            </th>
                        </tr>
                    </thead>
                    <tbody>{heap.functions.iter().map(row).collect_view()}</tbody>
                </table>
            </div>
        </div>
    }
    .into_any()
}

/// The Profiles tab over the same two windows.
fn compared(heap: &HeapGrowth, service: &str) -> String {
    let pairs = [
        ("from", heap.now.from.millis().to_string()),
        ("to", heap.now.to.millis().to_string()),
        ("type", heap.sample.to_string()),
        ("pod", heap.pod.clone()),
        ("against", format!("{SINCE}{}", heap.begin.from.millis())),
    ];
    let query = pairs.iter().fold(Query::default(), |query, (key, value)| query.with(key, value));
    format!("{service}/profiles{query}")
}
