//! Small coloured words. The colour repeats what the word says.

use leptos::prelude::*;
use model::Health;

/// A health as a pill with its word.
pub(crate) fn health_badge(health: Health) -> AnyView {
    view! {
        <span class=format!("badge health-{}", health.key()) data-testid="health" data-health=health.key()>
            <i class="dot"></i>
            {health.word()}
        </span>
    }
    .into_any()
}

/// A health as a dot, its word for those who don't see it.
pub(crate) fn health_dot(health: Health) -> AnyView {
    view! {
        <span
            class=format!("health-{}", health.key())
            data-testid="health"
            data-health=health.key()
            title=health.word()
        >
            <i class="dot"></i>
            <span class="sr">{health.word()}</span>
        </span>
    }
    .into_any()
}

/// A word on a tinted ground: `bad`, `warn`, `deploy`, `plain`.
pub(crate) fn badge(tone: &'static str, text: impl Into<String>) -> AnyView {
    view! { <span class=format!("badge {tone}")>{text.into()}</span> }.into_any()
}
