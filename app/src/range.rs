//! The window of time of a page ⇄ its address: `range=1h`, or `from` and `to` in milliseconds.

mod picker;

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_location, use_query_map};
use model::{DAY, HOUR, MINUTE, SECOND, Timestamp, Window, Zone};

pub(crate) use picker::RangePicker;

use crate::live::Live;
use crate::navigate::use_go;
use crate::url::Query;

/// The last so long, or from here to there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Range {
    Last(i64),
    Between(Window),
}

/// What the picker offers: the word in the address, the words on the screen.
pub(crate) const CHOICES: [(&str, &str); 10] = [
    ("5m", "Last 5 minutes"),
    ("15m", "Last 15 minutes"),
    ("30m", "Last 30 minutes"),
    ("1h", "Last 1 hour"),
    ("3h", "Last 3 hours"),
    ("6h", "Last 6 hours"),
    ("12h", "Last 12 hours"),
    ("24h", "Last 24 hours"),
    ("7d", "Last 7 days"),
    ("30d", "Last 30 days"),
];

/// The parts of an address that a link to another page keeps.
pub(crate) const KEPT: [&str; 3] = ["range", "from", "to"];

impl Range {
    /// From an address; what makes no sense is the last hour.
    pub(crate) fn of(query: &Query) -> Self {
        let ends = query.get("from").zip(query.get("to")).map(|(from, to)| format!("{from}-{to}"));
        if let Some(window) = ends.and_then(|ends| ends.parse().ok()).filter(|window: &Window| window.length() > 0) {
            return Self::Between(window);
        }
        query.get("range").and_then(length).map_or(Self::Last(HOUR), Self::Last)
    }

    /// The window it is when the page is as of an instant.
    pub(crate) fn window(self, as_of: impl FnOnce() -> Timestamp) -> Window {
        match self {
            Self::Last(nanos) => Window::before(as_of(), nanos),
            Self::Between(window) => window,
        }
    }

    pub(crate) fn length(self) -> i64 {
        match self {
            Self::Last(nanos) => nanos,
            Self::Between(window) => window.length(),
        }
    }

    /// The words on the picker.
    pub(crate) fn label(self, zone: &Zone) -> String {
        match self {
            Self::Last(nanos) => CHOICES
                .iter()
                .find(|(key, _)| length(key) == Some(nanos))
                .map_or_else(|| format!("Last {}", model::age_text(nanos)), |(_, words)| (*words).to_owned()),
            Self::Between(window) => {
                let (from, to) = (zone.civil(window.from), zone.civil(window.to));
                let same_day = (from.year, from.month, from.day) == (to.year, to.month, to.day);
                let until = if same_day { to.clock() } else { format!("{} {}", to.day_month(), to.clock()) };
                format!("{} {} – {until}", from.day_month(), from.clock())
            }
        }
    }
}

/// `90s`, `5m`, `1h`, `30d`; at least ten seconds, at most 400 days.
fn length(text: &str) -> Option<i64> {
    let unit = match text.chars().last()? {
        's' => SECOND,
        'm' => MINUTE,
        'h' => HOUR,
        'd' => DAY,
        _ => return None,
    };
    let nanos = i64::from(text[..text.len() - 1].parse::<u32>().ok()?).checked_mul(unit)?;
    (10 * SECOND..=400 * DAY).contains(&nanos).then_some(nanos)
}

/// What every question of a page is keyed on: the window, and how often the stream came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) window: Window,
    pub(crate) epoch: u32,
}

/// The range in the address.
pub(crate) fn use_range() -> Memo<Range> {
    let query = use_query_map();
    Memo::new(move |_| query.with(|params| Range::of(&Query::of(params))))
}

/// The page's window, moving on with the stream while the range is relative.
pub(crate) fn use_moment() -> Memo<Moment> {
    let (range, live) = (use_range(), Live::of_page());
    Effect::new(move |_| live.length.set(range.get().length()));
    Memo::new(move |_| Moment { window: range.get().window(|| live.as_of()), epoch: live.epoch.get() })
}

/// What links to other pages end in, so that the range comes along.
pub(crate) fn use_kept() -> Memo<String> {
    let query = use_query_map();
    Memo::new(move |_| query.with(|params| Query::of(params).only(&KEPT).to_string()))
}

/// Goes to another query of the same page.
pub(crate) fn use_requery() -> impl Fn(Query, bool) + Clone + Send + Sync + 'static {
    let (go, path) = (use_go(), use_location().pathname);
    move |query: Query, replace: bool| {
        let options = NavigateOptions { resolve: false, replace, scroll: false, ..NavigateOptions::default() };
        go.run((format!("{}{query}", path.get_untracked()), options));
    }
}

/// Goes to a window between two instants.
pub(crate) fn use_zoom() -> impl Fn(Window) + Clone + Send + Sync + 'static {
    let (requery, query) = (use_requery(), use_query_map());
    move |window: Window| {
        let to = window.to.millis().max(window.from.millis() + 10_000);
        let query = query.with_untracked(Query::of).with("range", "");
        requery(query.with("from", &window.from.millis().to_string()).with("to", &to.to_string()), false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Range {
        Range::of(&pairs.iter().fold(Query::default(), |query, (key, value)| query.with(key, value)))
    }

    #[test]
    fn range_is_read_from_the_address_and_nonsense_is_the_last_hour() {
        assert_eq!(of(&[("range", "5m")]), Range::Last(5 * MINUTE));
        assert_eq!(of(&[("range", "30d")]), Range::Last(30 * DAY));
        for wrong in ["", "h", "1", "-5m", "0h", "9999999d", "1é", "4294967296d"] {
            assert_eq!(of(&[("range", wrong)]), Range::Last(HOUR), "{wrong}");
        }
        let window = Window::new(Timestamp::from_seconds(100), Timestamp::from_seconds(200));
        assert_eq!(of(&[("from", "100000"), ("to", "200000"), ("range", "5m")]), Range::Between(window));
        assert_eq!(of(&[("from", "200000"), ("to", "100000")]), Range::Last(HOUR));
    }

    #[test]
    fn every_choice_of_the_picker_is_a_range() {
        assert!(CHOICES.iter().all(|(key, _)| length(key).is_some()));
        assert_eq!(Range::Last(HOUR).label(&Zone::utc()), "Last 1 hour");
        let window = Window::new(Timestamp::from_seconds(0), Timestamp::from_seconds(3_600));
        assert_eq!(Range::Between(window).label(&Zone::utc()), "1 Jan 00:00 – 01:00");
    }
}
