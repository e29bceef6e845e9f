//! What went wrong, newest first, with its plain-language cause.

use leptos::prelude::*;
use model::{AdverseEvent, EventContext};

use crate::ui::ago::clock_text;
use crate::ui::number::plural;

/// The list of adverse events in its card. `deploys` is where the page of a deploy is: what comes before its sequence.
pub(super) fn events(events: &[AdverseEvent], context: &[EventContext], deploys: &str) -> AnyView {
    let of = |event: &AdverseEvent| context.iter().find(|context| context.key == event.key);
    let body = if events.is_empty() {
        view! { <p class="unmeasured">"Nothing went wrong in this range"</p> }.into_any()
    } else {
        view! { <ol class="events">{events.iter().map(|one| event(one, of(one), deploys)).collect_view()}</ol> }
            .into_any()
    };
    view! {
        <section class="card">
            <div class="card-head">
                <h2>"What went wrong"</h2>
            </div>
            {body}
        </section>
    }
    .into_any()
}

fn event(event: &AdverseEvent, context: Option<&EventContext>, deploys: &str) -> AnyView {
    let tone = if event.kind.is_severe() { "bad" } else { "warn" };
    let exit = event.exit_code.map(|code| view! { <span class="faint">{format!("exit code {code}")}</span> });
    let reason = (!event.reason.is_empty()).then(|| view! { <code class="faint">{event.reason.clone()}</code> });
    let seen = event.reconstructed.then(|| view! { <span class="badge plain">"reconstructed"</span> });
    let followed = context.and_then(|context| context.deploy.as_ref()).map(|(sequence, name)| {
        view! {
            <a href=format!("{deploys}{sequence}") data-testid="event-deploy">
                {format!("after deploy of {name}")}
            </a>
        }
    });
    let lines = context.filter(|context| !context.lines.is_empty()).map(|context| {
        view! {
            <pre class="last-lines" data-testid="last-lines" aria-label="The last lines it wrote">
                {context.lines.join("\n")}
            </pre>
        }
    });
    view! {
        <li class=format!("event {tone}") data-testid="adverse-event">
            <i class="dot"></i>
            <div>
                <p class="what">
                    <strong>{event.kind.word()}</strong>
                    <span class="muted">{place(event)}</span>
                </p>
                <p class="why">{event.message.clone()}</p>
                <p class="notes">{reason} {exit} {seen} {followed}</p>
                {lines}
            </div>
            <span class="when">{when(event)}</span>
        </li>
    }
    .into_any()
}

/// The pod and container, or the node.
fn place(event: &AdverseEvent) -> String {
    let parts = [&event.pod, &event.container, &event.node];
    parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" / ")
}

/// `14:31, once`, `14:51 – 14:52, 6 times`, `since 14:55`.
fn when(event: &AdverseEvent) -> AnyView {
    let (first, last, count, current) = (event.first, event.last, event.count, event.current);
    let text = move || {
        let (from, to) = (clock_text(first), clock_text(last));
        let times = match count {
            0 | 1 => "once".to_owned(),
            n => plural(n.into(), "time", "times"),
        };
        match () {
            () if current && count <= 1 => format!("since {from}"),
            () if current => format!("since {from}, {times}"),
            () if from == to => format!("{from}, {times}"),
            () => format!("{from} – {to}, {times}"),
        }
    };
    view! { <span>{text}</span> }.into_any()
}
