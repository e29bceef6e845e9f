//! The head of a service's page: where it is, how it is, what runs.

use leptos::prelude::*;
use model::ServiceHeader;

use crate::AppError;
use crate::answer::Answer;
use crate::late::Late;
use crate::not_found::missing;
use crate::panel::{self, failed};
use crate::range::{Range, use_range};
use crate::ui::ago::ago;
use crate::ui::badge::{badge, health_badge};
use crate::ui::tabs::{Tab, Tabs};
use crate::url::escape;

/// The head and the tabs; a page of its own where there is no such service.
pub(super) fn header(head: Answer<ServiceHeader>, kept: Memo<String>) -> AnyView {
    let (last, range) = (panel::kept(head), use_range());
    let shown = move || {
        let (got, range) = (last()?, range.get_untracked());
        Some(Late::new(move || match got {
            Ok(header) => draw(&header, range, kept),
            Err(AppError::NotFound(what)) => missing(
                "Service not found",
                format!("Binnacle does not know {what}. It may be gone for longer than history is kept."),
            ),
            Err(error) => failed(&error, Callback::new(move |()| head.refetch())),
        }))
    };
    panel::held(|| view! { <div class="skeleton header"></div> }.into_any(), None, shown)
}

/// Whether the page's range is a chosen one that is over: its head tells of now all the same.
pub(super) fn is_over(header: &ServiceHeader, range: Range) -> bool {
    header.of_past && matches!(range, Range::Between(_))
}

fn draw(header: &ServiceHeader, range: Range, kept: Memo<String>) -> AnyView {
    let id = &header.id;
    let namespace = id.namespace.clone();
    let of_namespace = format!("/?ns={}", escape(&namespace));
    let tabs = vec![
        Tab { key: "overview", word: "Overview", badge: 0 },
        Tab { key: "traces", word: "Traces", badge: 0 },
        Tab { key: "logs", word: "Logs", badge: 0 },
        Tab { key: "metrics", word: "Metrics", badge: 0 },
        Tab { key: "profiles", word: "Profiles", badge: 0 },
        Tab { key: "kubernetes", word: "Kubernetes", badge: header.adverse },
        Tab { key: "deploys", word: "Deploys", badge: 0 },
    ];
    view! {
        <nav class="crumbs" aria-label="Where this is">
            <a href=format!("/{}", kept.get_untracked())>"Services"</a>
            <span aria-hidden="true">"/"</span>
            <a href=of_namespace>{namespace}</a>
            <span aria-hidden="true">"/"</span>
        </nav>
        <div class="title">
            <h1>{id.name.clone()}</h1>
            {health_badge(header.health.health)}
            {badge("plain", id.kind.clone())}
            {facts(header, is_over(header, range))}
        </div>
        <Tabs base=id.path() tabs kept title=format!("{} · {}", id.name, id.namespace) />
    }
    .into_any()
}

/// Ready pods, images, team, owner: what there is of them, and that they are of now where the page's range is not.
fn facts(header: &ServiceHeader, is_over: bool) -> AnyView {
    let short = header.ready < header.wanted;
    let images = match header.images.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        [first, rest @ ..] => Some(format!("{first} +{}", rest.len())),
    };
    let all_images = header.images.join("\n");
    let mut ready = format!("{}/{} ready", header.ready, header.wanted);
    let moving = (!header.ready_on.is_empty()).then(|| {
        ready.push_str(&format!(" on {}", header.ready_on.join(" and ")));
        header.revision.clone().map(|wanted| view! { <li data-testid="wanted">{format!("rolling out {wanted}")}</li> })
    });
    view! {
        <ul class="facts">
            <li class:warn=short>{ready}</li>
            {moving}
            {images.map(|image| view! { <li><code title=all_images>{image}</code></li> })}
            {header.team.clone().map(|team| view! { <li>"owned by " <strong>{team}</strong></li> })}
            {header.managed_by.clone().map(|owner| view! { <li>"managed by " <strong>{owner}</strong></li> })}
            <li class="faint">{header.cluster_name.clone()}</li>
            {is_over.then(|| view! { <li class="faint" data-testid="of-now">"as of now, not of the range"</li> })}
            {header.deleted.map(|at| view! { <li class="bad">"deleted " {ago(at)}</li> })}
        </ul>
    }
    .into_any()
}
