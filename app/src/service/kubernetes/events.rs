//! What went wrong, newest first, with its plain-language cause; trouble of nodes with whom it hurt.

use leptos::prelude::*;
use model::{AdverseEvent, AdverseGroup, AdverseKind, KubernetesTab, NodeTrouble, Sentence, ServiceId, Timestamp};

use super::timeline;
use crate::ui::ago::clock_text;
use crate::ui::number::plural;
use crate::ui::sentence;

/// Services and pods named of one node's trouble; of more only how many.
const NAMED: usize = 12;

/// What went wrong in its card: over time, then as a list, under what goes on without any event. `service` is where the
/// pages of the service are.
pub(super) fn events(tab: &KubernetesTab, service: &str) -> AnyView {
    let deploys = format!("{service}/deploys?deploy=");
    let first = |at: usize| tab.events[..at].iter().all(|before| before.kind != tab.events[at].kind);
    let events = tab.events.iter().enumerate();
    let events = events.map(|(at, one)| (one.last, event(one, first(at).then(|| key(one.kind)), &deploys)));
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
            {timeline::timeline(tab, &deploys)}
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

/// `id` is what the timeline leads to, at the first row of a kind.
fn event(event: &AdverseGroup, id: Option<String>, deploys: &str) -> AnyView {
    let tone = if event.kind.is_severe() { "bad" } else { "warn" };
    let exit = event.exit_code.map(|code| view! { <span class="faint">{format!("exit code {code}")}</span> });
    let reason = (!event.reason.is_empty()).then(|| view! { <code class="faint">{event.reason.clone()}</code> });
    let seen = event.reconstructed.then(|| view! { <span class="badge plain">"reconstructed"</span> });
    let followed = event.deploy.as_ref().map(|(sequence, name)| {
        view! {
            <a href=format!("{deploys}{sequence}") data-testid="event-deploy">
                {format!("after deploy of {name}")}
            </a>
        }
    });
    let node = |node: &String| {
        view! { <a href=format!("#{}", anchor(node)) data-testid="event-node">{format!("while {node} was in trouble")}</a> }
            .into_any()
    };
    let whose = event.lines_of.as_ref().filter(|_| event.pods.len() > 1);
    let whose = whose.map_or_else(|| "The last lines it wrote".to_owned(), |pod| format!("The last lines of {pod}"));
    let lines = (!event.lines.is_empty()).then(|| {
        view! {
            <pre class="last-lines" data-testid="last-lines" aria-label=whose.clone() title=whose.clone()>
                {event.lines.join("\n")}
            </pre>
        }
    });
    view! {
        <li class=format!("event {tone}") data-testid="adverse-event" id=id>
            <i class="dot"></i>
            <div>
                <p class="what">
                    <strong>{event.kind.word()}</strong>
                    <span class="muted">{place(event)}</span>
                </p>
                <p class="why">{event.message.clone()}</p>
                {event.next.as_deref().map(next)}
                <p class="notes">{reason} {exit} {seen} {followed} {some(&event.nodes, node)}</p>
                {many(event)}
                {lines}
            </div>
            <span class="when">{when(event.first, event.last, event.count, event.current)}</span>
        </li>
    }
    .into_any()
}

/// What helps most likely.
fn next(step: &str) -> AnyView {
    view! {
        <p class="next" data-testid="next-step">
            <span class="faint">"Next "</span>
            {step.to_owned()}
        </p>
    }
    .into_any()
}

/// The pods of an event, where one name does not say it: as many as can be read.
fn many(event: &AdverseGroup) -> Option<AnyView> {
    let draw = |pod: &String| view! { <code>{pod.clone()}</code> }.into_any();
    let more = (event.pod_count as usize).saturating_sub(event.pods.len());
    let more = (more > 0).then(|| format!("and {}", plural(more as u64, "pod more", "pods more")));
    (event.pods.len() > 1).then(|| {
        view! {
            <details class="event-pods">
                <summary>"Which pods"</summary>
                <p class="notes">{event.pods.iter().map(draw).collect_view()} {more}</p>
            </details>
        }
        .into_any()
    })
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
                    <strong>{AdverseKind::Node.word()}</strong>
                    <span class="muted">{trouble.node.clone()}</span>
                </p>
                {trouble.events.iter().map(what).collect_view()}
                {trouble.next.as_deref().map(next)}
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

/// Where the rows of a kind begin on the page.
pub(super) fn key(kind: AdverseKind) -> String {
    format!("went-wrong-{}", kind.word().to_lowercase().replace(|c: char| !c.is_alphanumeric(), "-"))
}

/// Where a node's trouble stands on the page.
pub(super) fn anchor(node: &str) -> String {
    format!("node-{node}")
}

/// The pod, or how many, and the container.
fn place(event: &AdverseGroup) -> String {
    let pods = match &event.pods[..] {
        [] => None,
        [pod] => Some(pod.clone()),
        _ => Some(plural(event.pod_count.into(), "pod", "pods")),
    };
    pods.into_iter().chain(event.container.clone()).collect::<Vec<_>>().join(" / ")
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
