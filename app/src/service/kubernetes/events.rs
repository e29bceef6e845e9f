//! What went wrong, newest first, with its plain-language cause; trouble of nodes with whom it hurt.

use leptos::prelude::*;
use model::{AdverseEvent, EventContext, KubernetesTab, NodeTrouble, Sentence, ServiceId, Timestamp};

use crate::ui::ago::clock_text;
use crate::ui::number::plural;
use crate::ui::sentence;

/// Services and pods named of one node's trouble; of more only how many.
const NAMED: usize = 12;

/// The list of adverse events in its card, under what goes on without any. `service` is where the pages of the service
/// are.
pub(super) fn events(tab: &KubernetesTab, service: &str) -> AnyView {
    let deploys = format!("{service}/deploys?deploy=");
    let of = |event: &AdverseEvent| tab.context.iter().find(|context| context.key == event.key);
    let events = tab.events.iter().map(|one| (one.last, event(one, of(one), &deploys)));
    let mut rows: Vec<(Timestamp, AnyView)> =
        events.chain(tab.nodes.iter().map(|one| (one.last(), node(one)))).collect();
    rows.sort_by_key(|(last, _)| std::cmp::Reverse(*last));
    let leak = tab.leak.as_ref().map(|sentence| leak(sentence, service));
    let body = if rows.is_empty() && leak.is_none() {
        view! { <p class="unmeasured">"Nothing went wrong in this range"</p> }.into_any()
    } else {
        view! { <ol class="events">{leak} {rows.into_iter().map(|(_, row)| row).collect_view()}</ol> }.into_any()
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

/// What leaks: nothing has happened yet, but it goes on until something does.
fn leak(said: &Sentence, service: &str) -> AnyView {
    view! {
        <li class="event warn" data-testid="leak-row">
            <i class="dot"></i>
            <div>
                <p class="what">
                    <span>{sentence::parts(said)}</span>
                </p>
                <p class="notes">
                    <a href=format!("{service}/metrics")>"See its chart"</a>
                </p>
            </div>
            <span class="when">"now"</span>
        </li>
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
    let node = context.and_then(|context| context.node.as_ref()).map(|node| {
        view! { <a href=format!("#{}", anchor(node)) data-testid="event-node">{format!("while {node} was in trouble")}</a> }
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
                <p class="notes">{reason} {exit} {seen} {followed} {node}</p>
                {lines}
            </div>
            <span class="when">{when(event.first, event.last, event.count, event.current)}</span>
        </li>
    }
    .into_any()
}

/// All that was wrong with a node, as one; the pods and services that it hurt.
fn node(trouble: &NodeTrouble) -> AnyView {
    let what = |event: &AdverseEvent| {
        let reason = event.reason.clone();
        view! {
            <p class="why">{event.message.clone()} " " <code class="faint">{reason}</code></p>
        }
    };
    let pods = some(&trouble.pods, |pod| view! { <code>{pod.clone()}</code> }.into_any());
    let services = some(&trouble.services, |service: &ServiceId| {
        let href = format!("{}/kubernetes#{}", service.path(), anchor(&trouble.node));
        view! { <a href=href data-testid="hurt-service">{service.name.clone()}</a> }.into_any()
    });
    let count = trouble.events.iter().map(|event| event.count).max().unwrap_or_default();
    view! {
        <li class="event warn" data-testid="adverse-event" id=anchor(&trouble.node)>
            <i class="dot"></i>
            <div>
                <p class="what">
                    <strong>{model::AdverseKind::Node.word()}</strong>
                    <span class="muted">{trouble.node.clone()}</span>
                </p>
                {trouble.events.iter().map(what).collect_view()}
                {pods.map(|pods| view! { <p class="notes">"It hurt " {pods}</p> })}
                {services.map(|services| view! { <p class="notes">"Other services that it hurt: " {services}</p> })}
            </div>
            <span class="when">{when(trouble.first(), trouble.last(), count, trouble.is_current())}</span>
        </li>
    }
    .into_any()
}

/// Some of many, and how many more there are; nothing where there is none.
fn some<T>(all: &[T], draw: impl Fn(&T) -> AnyView) -> Option<AnyView> {
    let more = all.len().saturating_sub(NAMED);
    let more = (more > 0).then(|| format!("and {more} more"));
    let shown = all.iter().take(NAMED).map(draw).collect_view();
    (!all.is_empty()).then(|| view! { {shown} {more} }.into_any())
}

/// Where a node's trouble stands on the page.
fn anchor(node: &str) -> String {
    format!("node-{node}")
}

/// The pod and container, or the node.
fn place(event: &AdverseEvent) -> String {
    let parts = [&event.pod, &event.container, &event.node];
    parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" / ")
}

/// When it happened: `14:31`, `14:51 – 14:52, 6 times`, `since 14:55`.
fn when(first: Timestamp, last: Timestamp, count: u32, current: bool) -> AnyView {
    let text = move || when_text((&clock_text(first), &clock_text(last)), count, current);
    view! { <span>{text}</span> }.into_any()
}

/// How often is said from twice on: a state that held once says by its times how long.
fn when_text((from, to): (&str, &str), count: u32, current: bool) -> String {
    let times = if count > 1 { format!(", {}", plural(count.into(), "time", "times")) } else { String::new() };
    match () {
        () if current => format!("since {from}{times}"),
        () if from == to => format!("{from}{times}"),
        () => format!("{from} – {to}{times}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_often_is_said_from_twice_on() {
        let (same, apart) = (("14:31", "14:31"), ("14:51", "14:52"));
        assert_eq!(when_text(same, 1, false), "14:31");
        assert_eq!(when_text(apart, 1, false), "14:51 – 14:52");
        assert_eq!(when_text(apart, 6, false), "14:51 – 14:52, 6 times");
        assert_eq!(
            (when_text(apart, 1, true), when_text(apart, 2, true)),
            ("since 14:51".into(), "since 14:51, 2 times".into())
        );
    }
}
