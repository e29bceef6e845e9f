//! A span in full, beside the waterfall.

use leptos::prelude::*;
use model::{Span, SpanDetail, SpanEvent, SpanStatus, Value, duration_text};

use crate::answer::Answer;
use crate::panel::panel;
use crate::range::use_kept;
use crate::ui::badge::badge;

/// The chosen span.
pub(super) fn panel_of(detail: Answer<Option<SpanDetail>>) -> AnyView {
    let draw = |detail: &Option<SpanDetail>| match detail {
        Some(detail) => draw(detail),
        None => view! { <p class="unmeasured">"Choose a span to see its attributes"</p> }.into_any(),
    };
    view! {
        <aside class="card span-detail" aria-label="Span" data-testid="span-detail">
            {panel(detail, "half", draw)}
        </aside>
    }
    .into_any()
}

fn draw(detail: &SpanDetail) -> AnyView {
    let span = &detail.span;
    let status = match span.status {
        SpanStatus::Error => Some(badge("bad", if span.error.is_empty() { "Error" } else { span.error.as_str() })),
        SpanStatus::Ok => Some(badge("plain", "Ok")),
        SpanStatus::Unset => None,
    };
    let message = (!span.status_message.is_empty()).then(|| view! { <p class="bad">{span.status_message.clone()}</p> });
    let facts = vec![("span", span.id.to_string()), ("scope", span.scope.clone())];
    let resource: Vec<_> = span.owner.attributes.clone();
    view! {
        <h2>{if span.endpoint.is_empty() { span.name.clone() } else { span.endpoint.clone() }}</h2>
        <p class="facts-line">
            {status} {badge("plain", span.kind.word())}
            <span class="muted">{duration_text(span.duration as f64)}</span>
        </p>
        {message}
        {whose(detail)}
        {exceptions(span)}
        {pairs("Attributes", texts(&span.attributes))}
        {pairs("Resource", resource)}
        {events(span)}
        {pairs("Span", facts.into_iter().map(|(key, text)| (key.to_owned(), text)).collect())}
    }
    .into_any()
}

/// The service, revision and pod it was attributed to, or why to none.
fn whose(detail: &SpanDetail) -> AnyView {
    let kept = use_kept();
    let service = detail.service.clone().map(|id| {
        let path = id.path();
        view! {
            <a class="button" href=format!("{path}/overview{}", kept.get_untracked())>
                {format!("Service {}", id.name)}
            </a>
        }
    });
    let revision = detail.revision.clone().map(|name| view! { <span>"revision " <code>{name}</code></span> });
    let pod = detail.pod.clone().map(|name| view! { <span>"pod " <code>{name}</code></span> });
    let nobody =
        detail.unattributed.clone().map(|why| view! { <span class="warn">{format!("No service: {why}")}</span> });
    view! { <p class="whose">{service} {revision} {pod} {nobody}</p> }.into_any()
}

fn texts(attributes: &[(String, Value)]) -> Vec<(String, String)> {
    attributes.iter().map(|(key, value)| (key.clone(), value.to_string())).collect()
}

/// A name that may be broken where its parts end.
fn breakable(name: &str) -> AnyView {
    let part = |part: &str| view! { {part.to_owned()} <wbr /> };
    name.split_inclusive(['.', '_']).map(part).collect_view().into_any()
}

fn pairs(title: &'static str, pairs: Vec<(String, String)>) -> Option<AnyView> {
    let pairs: Vec<_> = pairs.into_iter().filter(|(_, text)| !text.is_empty()).collect();
    (!pairs.is_empty()).then(|| {
        let pair = |(key, text): (String, String)| {
            view! {
                <div>
                    <dt>{breakable(&key)}</dt>
                    <dd>{text}</dd>
                </div>
            }
        };
        view! {
            <h3>{title}</h3>
            <dl>{pairs.into_iter().map(pair).collect_view()}</dl>
        }
        .into_any()
    })
}

/// Exceptions as people read them: type, message, stack.
fn exceptions(span: &Span) -> AnyView {
    let get = |event: &SpanEvent, key: &str| {
        event.attributes.iter().find(|(k, _)| k == key).map(|(_, value)| value.to_string()).unwrap_or_default()
    };
    let exception = |event: &SpanEvent| {
        let head = format!("{}: {}", get(event, "exception.type"), get(event, "exception.message"));
        let stack = get(event, "exception.stacktrace");
        view! { <pre class="exception">{if stack.is_empty() { head } else { format!("{head}\n{stack}") }}</pre> }
    };
    let all: Vec<_> = span.events.iter().filter(|event| event.name == "exception").map(exception).collect();
    (!all.is_empty()).then(|| view! { <h3>"Exception"</h3> {all} }).into_any()
}

/// Other events, with their time from the start of the span.
fn events(span: &Span) -> AnyView {
    let start = span.start;
    let event = |event: &SpanEvent| {
        let title = format!("{} after {}", event.name, duration_text(event.at.since(start) as f64));
        let attributes = texts(&event.attributes).into_iter().map(|(key, text)| format!("{key}={text}"));
        view! {
            <div>
                <dt>{title}</dt>
                <dd>{attributes.collect::<Vec<_>>().join("  ")}</dd>
            </div>
        }
    };
    let all: Vec<_> = span.events.iter().filter(|event| event.name != "exception").map(event).collect();
    (!all.is_empty()).then(|| view! { <h3>"Events"</h3> <dl>{all}</dl> }).into_any()
}
