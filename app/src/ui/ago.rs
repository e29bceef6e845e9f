//! Instants as people say them, counted from what the page is as of.

use leptos::prelude::*;
use model::{Timestamp, Zone, short_age_text};

use crate::session::Clock;

/// `3 min ago`, with the full time as a title.
pub(crate) fn ago(at: Timestamp) -> AnyView {
    let now = Clock::of_page().now;
    view! {
        <time title=title(at) data-at=at.millis().to_string()>
            {move || ago_text(now.get(), at)}
        </time>
    }
    .into_any()
}

/// How long something had been at a moment that is over, where there is one, else `age`.
pub(crate) fn age_then(at: Timestamp, past: Option<Timestamp>) -> AnyView {
    let Some(past) = past else { return age(at) };
    view! { <time title=title(at)>{short_age_text(past.since(at))}</time> }.into_any()
}

/// `3 min before` a moment that is over, where there is one, else `ago`.
pub(crate) fn ago_then(at: Timestamp, past: Option<Timestamp>) -> AnyView {
    let Some(past) = past else { return ago(at) };
    let text = format!("{} before", short_age_text(past.since(at)));
    view! { <time title=title(at) data-at=at.millis().to_string()>{text}</time> }.into_any()
}

/// The full time, in the zone of the page.
pub(crate) fn title(at: Timestamp) -> String {
    Clock::of_page().in_zone(|zone| format!("{} {}", zone.civil(at), zone.name))
}

/// `now`, `3 min ago`; an instant of the future is now.
pub(crate) fn ago_text(now: Timestamp, at: Timestamp) -> String {
    match now.since(at) {
        age if age < model::SECOND => "now".into(),
        age => format!("{} ago", short_age_text(age)),
    }
}

/// How long something has been, without "ago": `8 min`.
pub(crate) fn age(at: Timestamp) -> AnyView {
    let now = Clock::of_page().now;
    view! { <time title=title(at)>{move || short_age_text(now.get().since(at))}</time> }.into_any()
}

/// `14:31`, with the day in front where it is not the page's.
pub(crate) fn clock_text(at: Timestamp) -> String {
    let clock = Clock::of_page();
    clock.in_zone(|zone| {
        let (then, now) = (zone.civil(at), zone.civil(clock.now.get_untracked()));
        if (then.year, then.month, then.day) == (now.year, now.month, now.day) {
            then.clock()
        } else {
            format!("{} {}", then.day_month(), then.clock())
        }
    })
}

/// `15:00:12.481`.
pub(crate) fn instant_text(zone: &Zone, at: Timestamp) -> String {
    format!("{}.{:03}", zone.civil(at).clock_seconds(), at.millis().rem_euclid(1_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_count_from_the_page_and_the_future_is_now() {
        let at = Timestamp::from_seconds(1_000);
        assert_eq!(ago_text(Timestamp::from_seconds(1_180), at), "3 min ago");
        assert_eq!(ago_text(Timestamp::from_seconds(900), at), "now");
    }
}
