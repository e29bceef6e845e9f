//! The event stream in the browser: opened while the page is visible, closed while it is hidden, opened again with
//! growing pauses when it breaks. Runs in effects only, never on the server.

use std::time::Duration;

use leptos::prelude::*;
use model::{SECOND, Timestamp};
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{EventSource, MessageEvent, VisibilityState};

use super::{Live, LiveState, Topic, backoff, burst, heard, paced, parse, rest};
use crate::session::Clock;

/// A page that hears nothing moves its windows on this often.
const QUIET: i64 = 30 * SECOND;

#[derive(Clone, Copy)]
struct Follower {
    live: Live,
    clock: Clock,
    source: StoredValue<Option<Stream>, LocalStorage>,
    attempt: StoredValue<u32>,
    /// The stream was just opened: what changed before is unknown, so its first tick counts for every topic.
    fresh: StoredValue<bool>,
    /// The browser's time (ms) and the server's, when it was last heard.
    heard: StoredValue<(f64, Timestamp)>,
    /// By topic: until when its rests are used up (ms), and what waits to be shown.
    waiting: StoredValue<[(f64, Option<Timestamp>); 3]>,
}

struct Stream {
    source: EventSource,
    _tick: Closure<dyn FnMut(MessageEvent)>,
    _open: Closure<dyn FnMut()>,
    _error: Closure<dyn FnMut()>,
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.source.close();
    }
}

/// Follows the stream for the life of the page.
pub(super) fn follow(live: Live, clock: Clock) {
    let follower = Follower {
        live,
        clock,
        source: StoredValue::new_local(None),
        attempt: StoredValue::new(0),
        fresh: StoredValue::new(true),
        heard: StoredValue::new((js_sys::Date::now(), clock.now.get_untracked())),
        waiting: StoredValue::new([(0.0, None); 3]),
    };
    let visibility = window_event_listener_untyped("visibilitychange", move |_| follower.look());
    let show = window_event_listener_untyped("pageshow", move |_| follower.look());
    let seconds = set_interval_with_handle(move || follower.second(), Duration::from_secs(1));
    on_cleanup(move || {
        visibility.remove();
        show.remove();
        if let Ok(seconds) = seconds {
            seconds.clear();
        }
        follower.source.set_value(None);
    });
    follower.look();
}

impl Follower {
    /// Opens or closes the stream as the page is seen or hidden.
    fn look(self) {
        if document().visibility_state() == VisibilityState::Hidden {
            self.source.set_value(None);
        } else if self.source.with_value(Option::is_none) {
            self.attempt.set_value(0);
            self.open();
        }
    }

    fn open(self) {
        let Ok(source) = EventSource::new("/live") else { return };
        let tick = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| self.tick(&event));
        let open = Closure::<dyn FnMut()>::new(move || self.opened());
        let error = Closure::<dyn FnMut()>::new(move || self.broke());
        source.set_onopen(Some(open.as_ref().unchecked_ref()));
        source.set_onerror(Some(error.as_ref().unchecked_ref()));
        // Adding a listener for a constant name to a new object can't fail.
        _ = source.add_event_listener_with_callback("tick", tick.as_ref().unchecked_ref());
        self.source.set_value(Some(Stream { source, _tick: tick, _open: open, _error: error }));
    }

    fn opened(self) {
        self.attempt.set_value(0);
        self.fresh.set_value(true);
        if self.live.state.get_untracked() == LiveState::Reconnecting {
            self.live.epoch.update(|epoch| *epoch += 1);
        }
        self.live.state.set(LiveState::Live);
        self.heard.update_value(|heard| heard.0 = js_sys::Date::now());
    }

    fn broke(self) {
        self.live.state.set(LiveState::Reconnecting);
        let attempt = self.attempt.get_value();
        self.attempt.set_value(attempt.saturating_add(1));
        // Dropped outside of its own callback.
        set_timeout(move || self.source.set_value(None), Duration::ZERO);
        let again = move || {
            if document().visibility_state() != VisibilityState::Hidden && self.source.with_value(Option::is_none) {
                self.open();
            }
        };
        set_timeout(again, Duration::from_millis(backoff(attempt).into()));
    }

    fn tick(self, event: &MessageEvent) {
        let Some((topic, as_of)) = event.data().as_string().as_deref().and_then(parse) else { return };
        self.heard.set_value((js_sys::Date::now(), as_of));
        self.live.age.set(Some(0));
        self.stands(LiveState::Live);
        self.clock.now.update(|now| *now = as_of.max(*now));
        let all = self.fresh.get_value();
        self.fresh.set_value(false);
        for each in [Topic::Cluster, Topic::Telemetry, Topic::Status] {
            if all || each == topic {
                self.waiting.update_value(|waiting| waiting[each as usize].1 = Some(as_of));
                self.show(each);
            }
        }
    }

    /// Shows a topic's news, at once or when it has rested.
    fn show(self, topic: Topic) {
        let now = js_sys::Date::now();
        let (used, news) = self.waiting.with_value(|waiting| waiting[topic as usize]);
        let Some(as_of) = news else { return };
        let rest = rest(topic, self.live.length.get_untracked()) as f64 / 1e6;
        let (due, after) = paced(used, now, rest, burst(topic));
        if now >= due {
            self.waiting.update_value(|waiting| waiting[topic as usize] = (after, None));
            self.live.topic(topic).set(as_of);
        } else {
            let wait = Duration::from_millis((due - now) as u64 + 1);
            set_timeout(move || self.show(topic), wait);
        }
    }

    fn stands(self, state: LiveState) {
        if self.live.state.get_untracked() != state {
            self.live.state.set(state);
        }
    }

    /// Once a second: the age of what is shown; and time goes on even where nothing changes.
    fn second(self) {
        let open = matches!(self.live.state.get_untracked(), LiveState::Live | LiveState::Stale);
        if !open || self.source.with_value(Option::is_none) {
            return;
        }
        let (at, as_of) = self.heard.get_value();
        let age = (js_sys::Date::now() - at).max(0.0) / 1e3;
        self.live.age.set(Some(age as u32));
        self.stands(heard(age as u32));
        let now = as_of.plus(age as i64 * SECOND);
        if now.since(self.clock.now.get_untracked()) >= 10 * SECOND {
            self.clock.now.set(now);
        }
        // A server that does not answer is not asked more.
        let quiet = self.live.state.get_untracked() == LiveState::Live;
        if quiet && now.since(self.live.telemetry.get_untracked()) >= QUIET {
            self.live.telemetry.set(now);
        }
    }
}
