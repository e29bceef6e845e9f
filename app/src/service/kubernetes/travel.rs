//! Time travel: the moment that the tab is as of, on a line of the window with a mark wherever something changed.

use leptos::prelude::*;
use model::{KubernetesTab, Timestamp, Window};

use super::{Address, href};
use crate::range::use_requery;
use crate::session::Clock;

/// The steps of the line.
const STEPS: i64 = 1_000;

/// The line with its marks, and the way back to the present.
pub(super) fn travel(tab: &KubernetesTab, window: Memo<Window>, address: Address) -> AnyView {
    let (past, moments) = (tab.past, StoredValue::new(tab.moments.clone()));
    let go = StoredValue::new(use_requery());
    let travel_to = move |step: i64| {
        let to = if step >= STEPS { String::new() } else { instant(window.get_untracked(), step).millis().to_string() };
        let query = address.with_untracked(|(_, query)| query.clone().with("at", &to));
        go.with_value(|go| go(query, true));
    };
    let moved = move |event| travel_to(event_target_value(&event).parse().unwrap_or(STEPS));
    let now = move || past.map_or(STEPS, |past| step(window.get(), past)).to_string();
    let marks = move || {
        let window = window.get();
        let mark = |at: &Timestamp| {
            let left = step(window, *at) as f64 * 100.0 / STEPS as f64;
            view! { <i style=format!("left:{left:.1}%")></i> }
        };
        moments.with_value(|all| all.iter().filter(|at| window.contains(**at)).map(mark).collect_view())
    };
    let to_moment = move |at: Option<Timestamp>, word: &'static str, sign: &'static str| {
        at.map(|at| {
            // Right after the change, so that it is seen.
            let to = (at.millis() + 1).to_string();
            view! {
                <a class="button" href=move || href(address, &[("at", &to)]) data-noscroll title=word aria-label=word>
                    {sign}
                </a>
            }
        })
    };
    let (before, after) = moments.with_value(|all| around(all, past));
    view! {
        <section class="card travel" class:past=past.is_some() data-testid="travel">
            <span class="as-of">{as_of(past)}</span>
            {to_moment(before, "The change before", "‹")}
            <label>
                <span class="sr">"The moment that this tab is as of"</span>
                <span class="marks">{marks}</span>
                <input
                    type="range"
                    min="0"
                    max=STEPS.to_string()
                    data-testid="travel-line"
                    value=now()
                    prop:value=now
                    on:change=moved
                />
            </label>
            {to_moment(after, "The change after", "›")}
            {past
                .map(|_| {
                    view! {
                        <a class="button" href=move || href(address, &[("at", "")]) data-noscroll data-testid="travel-now">
                            "Back to now"
                        </a>
                    }
                })}
        </section>
    }
    .into_any()
}

/// `As of 24 Nov 14:31:05`.
fn as_of(past: Option<Timestamp>) -> AnyView {
    let clock = Clock::of_page();
    let text = match past {
        Some(at) => clock.in_zone(|zone| {
            let civil = zone.civil(at);
            format!("As of {} {}:{:02}", civil.day_month(), civil.clock(), civil.second)
        }),
        None => "As it is now".to_owned(),
    };
    view! { <strong>{text}</strong> }.into_any()
}

/// The latest change before a moment, and the first after it.
fn around(moments: &[Timestamp], past: Option<Timestamp>) -> (Option<Timestamp>, Option<Timestamp>) {
    let Some(past) = past else { return (moments.last().copied(), None) };
    // A moment that was gone to is a millisecond after its change.
    let before = moments.iter().rev().find(|at| at.millis() + 1 < past.millis());
    let after = moments.iter().find(|at| at.millis() + 1 > past.millis());
    (before.copied(), after.copied())
}

fn step(window: Window, at: Timestamp) -> i64 {
    let length = window.length().max(1);
    (i128::from(at.since(window.from)) * i128::from(STEPS) / i128::from(length)).clamp(0, i128::from(STEPS)) as i64
}

fn instant(window: Window, step: i64) -> Timestamp {
    window.from.plus((i128::from(window.length()) * i128::from(step) / i128::from(STEPS)) as i64)
}

#[cfg(test)]
mod tests {
    use model::SECOND;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn a_step_of_the_line_is_a_moment_and_back() {
        let window = Window::new(at(100), at(100 + 1_000));
        assert_eq!(instant(window, 250), at(350));
        assert_eq!(step(window, at(350)), 250);
        assert_eq!((step(window, at(0)), step(window, at(9_999))), (0, STEPS));
    }

    #[test]
    fn changes_before_and_after_a_moment_are_offered() {
        let moments = [at(10), at(20), at(30)];
        assert_eq!(around(&moments, None), (Some(at(30)), None));
        let just_after = |seconds: i64| Some(at(seconds).plus(SECOND / 1_000));
        assert_eq!(around(&moments, just_after(20)), (Some(at(10)), Some(at(30))));
        assert_eq!(around(&moments, Some(at(5))), (None, Some(at(10))));
    }
}
