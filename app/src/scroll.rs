//! Where pages were scrolled to, for the way back to them: the browser looks for its place before a list is there.

use std::time::Duration;

use leptos::prelude::*;
use leptos_router::hooks::use_location;

/// Addresses whose place is remembered.
const REMEMBERED: usize = 50;
/// How long the height of a page is held while what stood there is asked again.
const HELD: Duration = Duration::from_secs(10);

/// A page's address, how far it was scrolled, how tall its document was.
type Place = (String, f64, i32);

/// Remembers the place of each address, and goes there when the browser comes back to it; draws nothing.
#[component]
pub(crate) fn KeepScroll() -> impl IntoView {
    let (path, search) = (use_location().pathname, use_location().search);
    let address = Memo::new(move |_| format!("{}?{}", path.get(), search.get()));
    let (places, is_back) = (StoredValue::new(Vec::<Place>::new()), StoredValue::new(false));
    Effect::new(move |_| {
        let now = address.get();
        let place = places.with_value(|places| places.iter().find(|(of, ..)| *of == now).cloned());
        match place.filter(|_| is_back.get_value()) {
            Some(place) => go_to(&place),
            // Another visit begins at the top.
            None => places.update_value(|places| places.retain(|(of, ..)| *of != now)),
        }
        is_back.set_value(false);
    });
    Effect::new(move |_| {
        let scroll = window_event_listener_untyped("scroll", move |_| {
            let (Ok(top), Some(root)) = (window().scroll_y(), document().document_element()) else { return };
            let now = address.get_untracked();
            places.update_value(|places| {
                places.retain(|(of, ..)| *of != now);
                places.push((now, top, root.scroll_height()));
                let over = places.len().saturating_sub(REMEMBERED);
                places.drain(..over);
            });
        });
        let back = window_event_listener_untyped("popstate", move |_| is_back.set_value(true));
        on_cleanup(move || {
            scroll.remove();
            back.remove();
        });
    });
}

/// Scrolls to a place, and holds the height that it needs until what stood there is back.
fn go_to((_, top, height): &Place) {
    let Some(main) = document().get_element_by_id("main") else { return };
    // Attributes of constant names can be set.
    _ = main.set_attribute("style", &format!("min-height:{height}px"));
    window().scroll_to_with_x_and_y(0.0, *top);
    set_timeout(move || _ = main.remove_attribute("style"), HELD);
}
