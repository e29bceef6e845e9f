//! Small coloured words. The colour repeats what the word says.

use leptos::prelude::*;
use model::{DeployKind, Health, VerdictLevel};

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

/// A word on a tinted ground: `bad`, `warn`, `deploy`, `good`, `plain`.
pub(crate) fn badge(tone: &'static str, text: impl Into<String>) -> AnyView {
    view! { <span class=format!("badge {tone}")>{text.into()}</span> }.into_any()
}

/// What a deploy changed: a restart brings nothing new.
pub(crate) fn kind_badge(kind: DeployKind) -> AnyView {
    badge(if kind == DeployKind::Restart { "plain" } else { "deploy" }, kind.word())
}

/// What was said of a deploy as a pill with its word.
pub(crate) fn verdict_badge(level: VerdictLevel) -> AnyView {
    view! {
        <span class=format!("badge {}", verdict_tone(level)) data-testid="verdict" data-level=level.key()>
            {level.word()}
        </span>
    }
    .into_any()
}

/// The colour of a verdict: only what is wrong and what moves has one.
pub(crate) fn verdict_tone(level: VerdictLevel) -> &'static str {
    match level {
        VerdictLevel::Failed => "bad",
        VerdictLevel::Degraded | VerdictLevel::Stuck | VerdictLevel::RolledBack => "warn",
        VerdictLevel::RollingOut => "deploy",
        VerdictLevel::TooLittleData | VerdictLevel::Healthy => "plain",
    }
}
