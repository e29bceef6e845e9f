//! The range picker of the bar: a disclosure with links, and two fields for an absolute range.

use leptos::prelude::*;
use leptos_router::hooks::{use_location, use_query_map};
use model::{Timestamp, Window, Zone};

use super::{CHOICES, Range, use_range, use_zoom};
use crate::session::Clock;
use crate::ui::menu::Menu;
use crate::url::Query;

/// Chooses the range of the page.
#[component]
pub(crate) fn RangePicker() -> impl IntoView {
    let (range, zone) = (use_range(), Clock::of_page().zone);
    let (query, path) = (use_query_map(), use_location().pathname);
    let choices = move || {
        let (query, path, range) = (query.with(Query::of).with("from", "").with("to", ""), path.get(), range.get());
        CHOICES
            .iter()
            .map(|(key, words)| {
                let href = format!("{path}{}", query.clone().with("range", key));
                let current = super::length(key).map(Range::Last) == Some(range);
                view! {
                    <li>
                        <a href=href data-noscroll aria-current=current.then_some("true")>
                            {*words}
                        </a>
                    </li>
                }
            })
            .collect_view()
    };
    view! {
        <Menu name="range" label=Signal::derive(move || zone.with(|zone| range.get().label(zone)))>
            <ul>{choices}</ul>
            <Absolute />
        </Menu>
    }
}

/// Two times, in the viewer's zone.
#[component]
fn Absolute() -> impl IntoView {
    let (from, to) = (NodeRef::<leptos::html::Input>::new(), NodeRef::<leptos::html::Input>::new());
    let (zoom, zone) = (use_zoom(), Clock::of_page().zone);
    let (wrong, set_wrong) = signal(None::<&'static str>);
    let go = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let read = |node: NodeRef<leptos::html::Input>| {
            node.get_untracked().and_then(|input| zone.with_untracked(|zone| instant(&input.value(), zone)))
        };
        let window = between(read(from), read(to));
        set_wrong.set(window.err());
        match window {
            Ok(window) => zoom(window),
            // What is submitted closes the menu, and with it the words that say what is wrong.
            Err(_) => event.stop_propagation(),
        }
    };
    view! {
        <form class="absolute" on:submit=go novalidate>
            <label>"From" <input type="datetime-local" step="1" node_ref=from /></label>
            <label>"To" <input type="datetime-local" step="1" node_ref=to /></label>
            <p class="faint" class:wrong=move || wrong.get().is_some() role="status" data-testid="range-note">
                {move || wrong.get().map_or_else(|| zone.with(|zone| zone.name.clone()), str::to_owned)}
            </p>
            <button type="submit">"Apply"</button>
        </form>
    }
}

/// The time between two instants, or what is wrong with them.
fn between(from: Option<Timestamp>, to: Option<Timestamp>) -> Result<Window, &'static str> {
    match from.zip(to) {
        Some((from, to)) if from < to => Ok(Window::new(from, to)),
        Some(_) => Err("From must be before To"),
        None => Err("Choose both times"),
    }
}

/// `2026-11-24T06:30` or with seconds, read in a zone.
fn instant(text: &str, zone: &Zone) -> Option<Timestamp> {
    let (date, time) = text.split_once('T')?;
    let date: Vec<i64> = date.split('-').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let time: Vec<i64> = time.split(':').map(|part| part.split('.').next()?.parse().ok()).collect::<Option<_>>()?;
    let ([year, month, day], [hour, minute, ..]) = (date.as_slice(), time.as_slice()) else { return None };
    if !(1970..=9999).contains(year) || !(1..=12).contains(month) || !(1..=31).contains(day) {
        return None;
    }
    let seconds = days_from_civil(*year, *month, *day) * 86_400
        + hour * 3_600
        + minute * 60
        + time.get(2).copied().unwrap_or_default();
    // The offset at the local time read as UTC; right but for the hours around a change of the clocks.
    let guess = Timestamp::from_seconds(seconds);
    let first = guess.plus(-i64::from(zone.offset(guess)) * model::SECOND);
    Some(guess.plus(-i64::from(zone.offset(first)) * model::SECOND))
}

/// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let year_of_era = y.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_two_times_is_said() {
        let [early, late] = [1, 2].map(|seconds| Some(Timestamp::from_seconds(seconds)));
        assert!(between(early, late).is_ok());
        assert_eq!((between(late, early), between(early, early)), (between(late, late), Err("From must be before To")));
        assert_eq!((between(None, late), between(early, None)), (Err("Choose both times"), Err("Choose both times")));
    }

    #[test]
    fn local_times_are_read_in_the_zone() {
        let zone = Zone { name: "X".into(), offsets: vec![(Timestamp(0), 3_600)] };
        let at = instant("2024-02-29T12:34:56", &zone).unwrap();
        assert_eq!(zone.civil(at).to_string(), "2024-02-29 12:34:56");
        assert_eq!(instant("1970-01-01T00:00", &Zone::utc()), Some(Timestamp(0)));
        for wrong in ["", "x", "2024-02-29", "2024-13-01T00:00", "2024-02T00:00", "2024-02-29T1"] {
            assert_eq!(instant(wrong, &zone), None, "{wrong}");
        }
    }
}
