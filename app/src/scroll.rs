//! Where pages were scrolled to, for the way back to them: the browser looks for its place before a list is there.

use std::time::Duration;

use leptos::prelude::*;

/// Addresses whose place is remembered.
const REMEMBERED: usize = 50;
/// How long the height of a page is held while what stood there is asked again.
const HELD: Duration = Duration::from_secs(10);

/// A page's address, how far it was scrolled, how tall its document was.
type Place = (String, f64, i32);

/// Remembers the place of each address, and goes there when the browser comes back to it; draws nothing.
#[component]
pub(crate) fn KeepScroll() -> impl IntoView {
    let places = StoredValue::new(Vec::<Place>::new());
    Effect::new(move |_| {
        let scroll = window_event_listener_untyped("scroll", move |_| {
            let (Some(now), Ok(top), Some(root)) = (address(), window().scroll_y(), document().document_element())
            else {
                return;
            };
            places.update_value(|places| {
                places.retain(|(of, ..)| *of != now);
                places.push((now, top, root.scroll_height()));
                let over = places.len().saturating_sub(REMEMBERED);
                places.drain(..over);
            });
        });
        // At once: the page that comes is drawn between this and whatever is scheduled.
        let back = window_event_listener_untyped("popstate", move |_| {
            let now = address();
            let place = places.with_value(|places| places.iter().find(|(of, ..)| Some(of) == now.as_ref()).cloned());
            place.iter().for_each(go_to);
        });
        on_cleanup(move || {
            scroll.remove();
            back.remove();
        });
    });
}

/// Path and query that the browser shows.
fn address() -> Option<String> {
    let location = window().location();
    Some(location.pathname().ok()? + &location.search().ok()?)
}

/// Scrolls to a place, and holds the height that it needs until what stood there is back.
fn go_to((_, top, height): &Place) {
    let Some(main) = document().get_element_by_id("main") else { return };
    // Attributes of constant names can be set.
    _ = main.set_attribute("style", &format!("min-height:{height}px"));
    window().scroll_to_with_x_and_y(0.0, *top);
    set_timeout(move || _ = main.remove_attribute("style"), HELD);
}
