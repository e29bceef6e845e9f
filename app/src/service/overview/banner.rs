//! The sentence before any chart.

use leptos::prelude::*;
use model::{Health, ServiceHeader};

use crate::answer::Answer;
use crate::panel::part;
use crate::ui::sentence;

/// Health and why, in its colour.
pub(super) fn banner(head: Answer<ServiceHeader>) -> AnyView {
    let draw = |header: ServiceHeader| {
        let health = header.health.health;
        view! {
            <div class=format!("banner says-{}", health.key()) role="status">
                <span class="sign" aria-hidden="true">
                    {sign(health)}
                </span>
                <p data-testid="sentence">{sentence::parts(&header.health.sentence)}</p>
            </div>
        }
        .into_any()
    };
    part(head, draw)
}

/// A shape beside the colour.
fn sign(health: Health) -> &'static str {
    match health {
        Health::Failing => "!",
        Health::Degraded => "▲",
        Health::RollingOut => "↻",
        Health::Unknown => "?",
        Health::Healthy => "✓",
    }
}
