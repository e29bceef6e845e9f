//! The sentence before any chart, and what was said of the newest deploy.

use leptos::prelude::*;
use model::{Health, Judged, ServiceHeader};

use crate::answer::Answer;
use crate::panel::large;
use crate::range::use_range;
use crate::service::header::is_over;
use crate::ui::ago::ago;
use crate::ui::badge::verdict_badge;
use crate::ui::sentence;

/// Health and why, in its colour. `deploys` is where the page of a deploy is: what comes before its sequence.
pub(super) fn banner(head: Answer<ServiceHeader>, deploys: impl Fn() -> String + Send + Sync + 'static) -> AnyView {
    let range = use_range();
    let draw = move |header: &ServiceHeader| {
        let health = header.health.health;
        // Beside charts of a range that is over.
        let now = is_over(header, range.get_untracked()).then(|| view! { <span class="faint">"Now: "</span> });
        let verdict = header.verdict.as_ref().map(|judged| verdict(judged, header, deploys()));
        view! {
            <div class=format!("banner says-{}", health.key()) role="status">
                <span class="sign" aria-hidden="true">
                    {sign(health)}
                </span>
                <p data-testid="sentence">{now} {sentence::parts(&header.health.sentence)}</p>
                {leak(header)} {saturation(header)} {verdict}
            </div>
        }
        .into_any()
    };
    large(head, "banner", draw)
}

/// The newest verdict under the sentence; where that is its headline, only what it rests on.
fn verdict(judged: &Judged, header: &ServiceHeader, deploys: String) -> AnyView {
    let said = judged.headline == header.health.sentence;
    // Where the cluster is not heard, nobody knows what is still there.
    let over = judged.level.is_bad() && !header.verdict_lasts && header.health.health != Health::Unknown;
    let headline = (!said).then(|| {
        view! {
            {verdict_badge(judged.level)}
            " "
            <span class="said">{sentence::parts(&judged.headline)}</span>
            " · "
        }
    });
    view! {
        <p class="verdict" data-testid="banner-verdict" data-level=judged.level.key()>
            {headline}
            <span class="faint">
                {over.then_some("no longer seen · ")} {judged.note.clone()} " · judged " {ago(judged.judged_at)}
            </span>
        </p>
        <a class="button evidence-link" data-testid="see-evidence" href=format!("{deploys}{}", judged.sequence)>
            "See evidence"
        </a>
    }
    .into_any()
}

/// What leaks, where the sentence before is of something else, and the way to its chart.
fn leak(header: &ServiceHeader) -> Option<AnyView> {
    let leak = header.leak.as_ref()?;
    let said = *leak == header.health.sentence;
    let path = format!("{}/metrics", header.id.path());
    let view = view! {
        {(!said).then(|| view! { <p class="verdict">{sentence::parts(leak)}</p> })}
        <a class="button evidence-link" data-testid="see-leak" href=path>
            "See memory"
        </a>
    };
    Some(view.into_any())
}

/// What there is too little of, where the sentence before is of something else, and the way to what went wrong.
fn saturation(header: &ServiceHeader) -> Option<AnyView> {
    let lacks = header.saturation.as_ref()?;
    let said = *lacks == header.health.sentence;
    let path = format!("{}/kubernetes", header.id.path());
    let view = view! {
        {(!said).then(|| view! { <p class="verdict" data-testid="banner-saturation">{sentence::parts(lacks)}</p> })}
        <a class="button evidence-link" data-testid="see-saturation" href=path>
            "See what went wrong"
        </a>
    };
    Some(view.into_any())
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
