//! What the request brought: the instant the page is as of, the viewer's zone and theme. The same on both renders.

use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;
use model::{DAY, Demo, Timestamp, Window, Zone};
use serde::{Deserialize, Serialize};
use wasm_bindgen::JsCast;

use crate::AppError;
use crate::answer::Json;

/// Light, dark, or what the system says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) enum Theme {
    #[default]
    System,
    Light,
    Dark,
}

impl Theme {
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    #[cfg(feature = "ssr")]
    fn from_key(key: &str) -> Self {
        [Self::Light, Self::Dark].into_iter().find(|theme| theme.key() == key).unwrap_or_default()
    }

    pub(crate) fn next(self) -> Self {
        match self {
            Self::System => Self::Light,
            Self::Light => Self::Dark,
            Self::Dark => Self::System,
        }
    }
}

/// What both renders start from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Session {
    pub(crate) as_of: Timestamp,
    pub(crate) zone: Zone,
    pub(crate) theme: Theme,
    pub(crate) demo: Option<Demo>,
    /// The demo's tour was dismissed.
    pub(crate) toured: bool,
}

/// Time as views may know it: no wall clock, only this.
#[derive(Clone, Copy)]
pub(crate) struct Clock {
    /// "3 min ago" counts from here.
    pub(crate) now: RwSignal<Timestamp>,
    /// The viewer's zone.
    pub(crate) zone: RwSignal<Zone>,
}

impl Clock {
    pub(crate) fn of_page() -> Self {
        expect_context()
    }

    /// Reads the zone for what an answer is drawn as. Panels are drawn anew when it changes; what followed it by
    /// itself would stay among its listeners after it is gone, since a signal forgets those only when it changes.
    pub(crate) fn in_zone<T>(self, read: impl FnOnce(&Zone) -> T) -> T {
        self.zone.with_untracked(read)
    }
}

/// The years around an instant whose offsets a page may need.
fn around(as_of: Timestamp) -> Window {
    Window::new(as_of.plus(-350 * DAY), as_of.plus(40 * DAY))
}

/// Reads the request and hands it to the browser with the page.
pub(crate) fn provide_session(hydrated: Signal<bool>) -> Session {
    let session = SharedValue::<Session, Json>::new_with_encoding(of_request).into_inner();
    let clock = Clock { now: RwSignal::new(session.as_of), zone: RwSignal::new(session.zone.clone()) };
    provide_context(clock);
    Effect::new(move |_| {
        if hydrated.get() {
            learn_zone(clock);
        }
    });
    session
}

#[cfg(feature = "ssr")]
fn of_request() -> Session {
    let backend = crate::backend::backend().ok();
    let as_of = backend.as_ref().map_or(Timestamp::default(), |backend| backend.as_of());
    let demo = backend.as_ref().and_then(|backend| backend.demo());
    let zone = cookie("zone")
        .filter(|name| is_zone_name(name))
        .zip(backend)
        .map_or_else(Zone::utc, |(name, backend)| backend.zone(&name, around(as_of)));
    Session { as_of, zone, theme: theme(), demo, toured: cookie("toured").is_some() }
}

/// Never called in the browser: there the value comes with the page.
#[cfg(not(feature = "ssr"))]
fn of_request() -> Session {
    let (as_of, zone, theme) = (Timestamp::default(), Zone::utc(), Theme::System);
    Session { as_of, zone, theme, demo: None, toured: false }
}

#[cfg(feature = "ssr")]
pub(crate) fn theme() -> Theme {
    cookie("theme").map_or(Theme::System, |key| Theme::from_key(&key))
}

#[cfg(feature = "ssr")]
fn cookie(name: &str) -> Option<String> {
    let parts = use_context::<http::request::Parts>()?;
    let all = parts.headers.get(http::header::COOKIE)?.to_str().ok()?;
    all.split(';').find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('=')).map(str::to_owned)
}

fn is_zone_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 64
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_' | b'+' | b'-'))
}

/// Tells the server the browser's zone from the next page on, and asks for its offsets on the first.
fn learn_zone(clock: Clock) {
    let Some(name) = browser_zone().filter(|name| is_zone_name(name)) else { return };
    if clock.zone.with_untracked(|zone| zone.name == name) {
        return;
    }
    set_cookie("zone", &name);
    let window = around(clock.now.get_untracked());
    leptos::task::spawn_local(async move {
        if let Ok(zone) = read_zone(name, window).await {
            clock.zone.set(zone);
        }
    });
}

fn browser_zone() -> Option<String> {
    let options = js_sys::Intl::DateTimeFormat::new(&js_sys::Array::new(), &js_sys::Object::new()).resolved_options();
    js_sys::Reflect::get(&options, &"timeZone".into()).ok()?.as_string()
}

/// Remembers something for a year, for this site only.
pub(crate) fn set_cookie(name: &str, value: &str) {
    if let Ok(document) = document().dyn_into::<web_sys::HtmlDocument>() {
        // Refused cookies cost the memory of a preference, nothing else.
        _ = document.set_cookie(&format!("{name}={value}; Path=/; Max-Age=31536000; SameSite=Lax"));
    }
}

#[server(input = GetUrl)]
async fn read_zone(name: String, window: Window) -> Result<Zone, AppError> {
    Ok(crate::backend::backend()?.zone(name.get(..64).unwrap_or(&name), window))
}
