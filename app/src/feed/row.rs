//! A deploy in the feed.

use leptos::prelude::*;
use model::{FeedRow, Timestamp};

use crate::phase::{phase_badge, unjudged};
use crate::ui::ago::ago;
use crate::ui::badge::{badge, kind_badge};
use crate::ui::judged::judged;

/// Whose it is, what it brought, how far it is, what was said of it by a moment.
pub(super) fn row(row: &FeedRow, as_of: Timestamp, kept: Memo<String>) -> AnyView {
    let deploy = &row.deploy;
    let (id, sequence) = (&deploy.id.service, deploy.id.sequence);
    let path = id.path();
    let href = move || {
        let kept = kept.get();
        format!("{path}/deploys{kept}{}deploy={sequence}", if kept.is_empty() { '?' } else { '&' })
    };
    let from = deploy.from_name.clone().map(|from| view! { <code class="faint">{from}</code> " → " });
    let said = match &row.verdict {
        Some(verdict) => judged(Some(verdict)),
        None => view! { <span class="faint">{unjudged(deploy, as_of)}</span> }.into_any(),
    };
    view! {
        <tr
            data-testid="feed-row"
            data-service=id.local()
            data-sequence=sequence.to_string()
            data-kind=deploy.kind.key()
        >
            <td>
                <a class="row-link" href=href>
                    {id.name.clone()}
                </a>
                <div class="faint">{format!("{} · {}", id.namespace, id.kind)}</div>
            </td>
            <td>
                {from}
                <code>{deploy.to_name.clone()}</code>
                <div class="badges">
                    {kind_badge(deploy.kind)} {deploy.rollback.then(|| badge("warn", "rollback"))}
                    {deploy.reconstructed.then(|| badge("plain", "reconstructed"))} {phase_badge(&deploy.phase)}
                </div>
            </td>
            <td class="judged">{said}</td>
            <td class="muted started">{ago(deploy.started)}</td>
        </tr>
    }
    .into_any()
}
