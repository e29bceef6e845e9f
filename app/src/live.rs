//! News from the server: one event stream per visible page that says which topic changed and what the page is as of
//! now. It carries no data: questions that depend on a topic are asked again through their normal way.

mod source;

use leptos::prelude::*;
use model::{MINUTE, SECOND, Timestamp};

/// How the stream stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LiveState {
    /// Not yet.
    Connecting,
    /// Open.
    Live,
    /// Open, but nothing comes: the server or the way to it hangs.
    Stale,
    /// Lost; the next attempt is scheduled.
    Reconnecting,
}

impl LiveState {
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Live => "live",
            Self::Stale => "stale",
            Self::Reconnecting => "reconnecting",
        }
    }
}

/// What changed, as the server names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topic {
    Cluster,
    Telemetry,
    Status,
}

impl Topic {
    fn from_key(key: &str) -> Option<Self> {
        match key {
            "cluster" => Some(Self::Cluster),
            "telemetry" => Some(Self::Telemetry),
            "status" => Some(Self::Status),
            _ => None,
        }
    }
}

/// The page's view of the stream. A topic's signal holds what its data are as of.
#[derive(Clone, Copy)]
pub(crate) struct Live {
    pub(crate) state: RwSignal<LiveState>,
    pub(crate) cluster: RwSignal<Timestamp>,
    pub(crate) telemetry: RwSignal<Timestamp>,
    pub(crate) status: RwSignal<Timestamp>,
    /// Rises with every reconnection, so that whatever failed in between is asked again.
    pub(crate) epoch: RwSignal<u32>,
    /// Seconds since the server was last heard.
    pub(crate) age: RwSignal<Option<u32>>,
    /// How long the page's range is, which decides how often new telemetry can show.
    pub(crate) length: RwSignal<i64>,
}

impl Live {
    pub(crate) fn of_page() -> Self {
        expect_context()
    }

    pub(crate) fn topic(self, topic: Topic) -> RwSignal<Timestamp> {
        match topic {
            Topic::Cluster => self.cluster,
            Topic::Telemetry => self.telemetry,
            Topic::Status => self.status,
        }
    }

    /// The instant that windows of the page end at.
    pub(crate) fn as_of(self) -> Timestamp {
        self.cluster.get().max(self.telemetry.get())
    }
}

/// Starts from what the server rendered; opens the stream when the browser has taken over.
pub(crate) fn provide_live(as_of: Timestamp, hydrated: Signal<bool>) {
    let live = Live {
        state: RwSignal::new(LiveState::Connecting),
        cluster: RwSignal::new(as_of),
        telemetry: RwSignal::new(as_of),
        status: RwSignal::new(as_of),
        epoch: RwSignal::new(0),
        age: RwSignal::new(None),
        length: RwSignal::new(60 * MINUTE),
    };
    provide_context(live);
    let clock = crate::session::Clock::of_page();
    Effect::new(move |_| {
        if hydrated.get() {
            source::follow(live, clock);
        }
    });
}

/// How long a topic rests between two refetches: so long that a cluster in which everything moves makes no more than 20 KB
/// a second of them, a second for what is only counted, and for telemetry up to five where the range is so long that a
/// bucket lasts longer than that anyway. The first change after a rest shows at once.
fn rest(topic: Topic, length: i64) -> i64 {
    match topic {
        Topic::Telemetry => (length / 720).clamp(SECOND, 5 * SECOND),
        Topic::Cluster => 2 * SECOND / 5,
        Topic::Status => SECOND,
    }
}

/// News of a topic that are shown right after one another when it was quiet before: what one change makes of others
/// within a second shows as it comes, and what never ends settles at one a rest. Telemetry never is quiet.
fn burst(topic: Topic) -> i64 {
    match topic {
        Topic::Telemetry => 1,
        Topic::Cluster | Topic::Status => 3,
    }
}

/// When a topic's news may be shown again, and until when it has used up its rests by showing some now: a bucket of
/// `burst` tokens as the generic cell rate algorithm keeps it (ITU-T I.371). All in the same unit.
fn paced(used: f64, now: f64, rest: f64, burst: i64) -> (f64, f64) {
    (used - (burst - 1) as f64 * rest, used.max(now) + rest)
}

/// How an open stream stands that has brought nothing for so many seconds: the server says something every five.
fn heard(age: u32) -> LiveState {
    if age > 10 { LiveState::Stale } else { LiveState::Live }
}

/// How long to wait before the n-th attempt (from 0), in milliseconds.
fn backoff(attempt: u32) -> u32 {
    (500 << attempt.min(5)).min(10_000)
}

/// A tick: `{"topic":"cluster","as_of":"1700000000000000000"}`. Anything else is ignored.
fn parse(data: &str) -> Option<(Topic, Timestamp)> {
    #[derive(serde::Deserialize)]
    struct Tick<'a> {
        topic: &'a str,
        as_of: &'a str,
    }
    let tick: Tick = serde_json::from_slice(data.as_bytes()).ok()?;
    Some((Topic::from_key(tick.topic)?, Timestamp(tick.as_of.parse().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_read_and_other_messages_are_ignored() {
        assert_eq!(parse(r#"{"topic":"cluster","as_of":"5"}"#), Some((Topic::Cluster, Timestamp(5))));
        for other in ["", "{}", r#"{"topic":"weather","as_of":"5"}"#, r#"{"topic":"status","as_of":"x"}"#] {
            assert_eq!(parse(other), None, "{other}");
        }
    }

    #[test]
    fn a_stream_that_brings_nothing_is_stale_after_two_heartbeats() {
        assert_eq!([0, 5, 10, 11, 33].map(|age| heard(age) == LiveState::Stale), [false, false, false, true, true]);
    }

    #[test]
    fn attempts_get_rarer_up_to_ten_seconds() {
        assert_eq!([0, 1, 2, 4, 9].map(backoff), [500, 1_000, 2_000, 8_000, 10_000]);
    }

    #[test]
    fn a_quiet_topic_shows_three_news_at_once_and_then_one_a_rest() {
        let (mut used, mut shown) = (0.0, Vec::new());
        for now in (10_000..14_000).step_by(100).map(f64::from) {
            let (due, after) = paced(used, now, 1_000.0, 3);
            if now >= due {
                shown.push(now);
                used = after;
            }
        }
        assert_eq!(shown, [10_000.0, 10_100.0, 10_200.0, 11_000.0, 12_000.0, 13_000.0]);
    }

    #[test]
    fn telemetry_of_long_ranges_rests_longer() {
        assert_eq!(rest(Topic::Telemetry, 5 * MINUTE), SECOND);
        assert_eq!(rest(Topic::Telemetry, 60 * MINUTE), 5 * SECOND);
        assert_eq!(rest(Topic::Cluster, 60 * MINUTE), 2 * SECOND / 5);
    }
}
