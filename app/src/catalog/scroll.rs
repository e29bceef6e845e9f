//! Which rows are wanted: those on the screen and some around them. Runs in the browser only.

use leptos::prelude::*;
use model::CatalogQuery;

use super::Found;
use super::query::LIMIT;
use crate::ui::filter::focus_link;

/// Windows start at multiples of this, so that small scrolling asks nothing.
const STRIDE: u32 = 20;

/// Keeps the wanted offset beside the page's scroll position, and the focus on its service as rows move.
pub(super) fn follow(query: Memo<CatalogQuery>, offset: RwSignal<(CatalogQuery, u32)>, answer: Found) {
    let (matched, focused) = (StoredValue::new(0), StoredValue::new(None));
    let look = move || {
        // The page may be left by now.
        let Some(matched) = matched.try_get_value() else { return };
        let wanted = first_row().map_or(0, |first| window_of(first, matched));
        let now = (query.get_untracked(), wanted);
        if offset.with_untracked(|offset| *offset != now) {
            offset.set(now);
        }
    };
    Effect::new(move |_| {
        if let Some(Ok(found)) = answer.get() {
            matched.set_value(found.1.matched);
            request_animation_frame(move || {
                keep_focus(focused.try_get_value().flatten());
                look();
            });
        }
    });
    Effect::new(move |_| {
        let scroll = window_event_listener_untyped("scroll", move |_| look());
        let focus = window_event_listener_untyped("focusin", move |_| focused.set_value(focused_service()));
        on_cleanup(move || {
            scroll.remove();
            focus.remove();
        });
    });
}

/// The window that has a row on the screen well inside.
fn window_of(first: u32, matched: u32) -> u32 {
    let start = first.saturating_sub(STRIDE) / STRIDE * STRIDE;
    start.min(matched.saturating_sub(LIMIT).next_multiple_of(STRIDE))
}

/// The first row on the screen, counted from the top of the whole list.
fn first_row() -> Option<u32> {
    let body = document().query_selector(".catalog tbody").ok().flatten()?;
    let row = body.query_selector("tr[data-service]").ok().flatten()?;
    let height = row.get_bounding_client_rect().height();
    let above = -body.get_bounding_client_rect().top();
    (height > 1.0).then(|| (above / height).max(0.0) as u32)
}

/// The service whose row has the focus.
fn focused_service() -> Option<String> {
    let row = document().active_element()?.closest("tr[data-service]").ok().flatten()?;
    row.get_attribute("data-service")
}

/// Rows are redrawn in place, so after a change the focus may stand on another service: it follows its own.
fn keep_focus(service: Option<String>) {
    let Some(service) = service else { return };
    if focused_service().as_ref() == Some(&service) || focused_service().is_none() {
        return;
    }
    let all = document().get_elements_by_tag_name("tr");
    let mut rows = (0..all.length()).filter_map(|at| all.item(at));
    let own = rows.find(|row| row.get_attribute("data-service").as_ref() == Some(&service));
    if let Some(row) = own {
        focus_link(&row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_has_the_first_row_well_inside_and_ends_with_the_list() {
        assert_eq!([0, 19, 39, 40, 75].map(|first| window_of(first, 10_000)), [0, 0, 0, 20, 40]);
        assert_eq!(window_of(9_990, 10_000), 9_940);
        assert_eq!(window_of(5, 12), 0);
    }
}
