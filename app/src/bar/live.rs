//! How live the page is: the state of its stream, and how long ago the server was heard.

use leptos::prelude::*;
use model::{SECOND, short_age_text};

use crate::live::{Live, LiveState};

/// `Live 2 s`, `No answer 33 s`, `Reconnecting`.
#[component]
pub(crate) fn LiveIndicator() -> impl IntoView {
    let live = Live::of_page();
    let word = move || match live.state.get() {
        LiveState::Connecting => "Connecting",
        LiveState::Live => "Live",
        LiveState::Stale => "No answer",
        LiveState::Reconnecting => "Reconnecting",
    };
    let age = move || live.age.get().map(|seconds| short_age_text(i64::from(seconds) * SECOND)).unwrap_or_default();
    view! {
        <span
            class="live"
            role="status"
            data-testid="live"
            data-state=move || live.state.get().key()
            title="How long ago the server was heard"
        >
            <i class="dot"></i>
            <span class="word">{word}</span>
            <span class="age" aria-hidden="true">{age}</span>
        </span>
    }
}
