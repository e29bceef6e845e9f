//! One pointer for all charts of a page: a crosshair at the same instant on each, and zooming by dragging.

use leptos::prelude::*;
use model::Window;

use crate::session::Clock;
use wasm_bindgen::JsCast;

use crate::range::use_zoom;

/// Listeners that are gone are forgotten after so long.
const AGAIN: i64 = 10 * model::SECOND;

/// Where the pointer is on the page's shared axis, 0 to 1, and where a drag began.
#[derive(Clone, Copy)]
pub(crate) struct Hover {
    pub(crate) at: RwSignal<Option<f64>>,
    pub(crate) from: RwSignal<Option<f64>>,
}

impl Hover {
    pub(crate) fn provide() -> Self {
        let hover = Self::new();
        provide_context(hover);
        hover
    }

    /// One for charts that have another axis than the page's.
    pub(crate) fn new() -> Self {
        let hover = Self { at: RwSignal::new(None), from: RwSignal::new(None) };
        // Charts that are drawn anew leave their listeners behind, which a signal forgets when it tells: now and then it
        // says again that the pointer is nowhere.
        if let Some(Clock { now, .. }) = use_context() {
            let again = Memo::new(move |_| now.get().floor(AGAIN));
            Effect::new(move |_| {
                again.track();
                if hover.at.with_untracked(Option::is_none) {
                    hover.at.notify();
                    hover.from.notify();
                }
            });
        }
        hover
    }

    pub(crate) fn of_page() -> Self {
        use_context().unwrap_or_else(Self::provide)
    }
}

/// A layer over a plot that follows the pointer; dragging chooses a part of `range`, where that is given. What lies in
/// it keeps its own titles.
pub(crate) fn pointer_layer(range: Option<Window>, within: AnyView) -> AnyView {
    let (hover, zoom) = (Hover::of_page(), use_zoom());
    let finish = move |event: web_sys::PointerEvent| {
        let ends = hover.from.get_untracked().zip(share(&event));
        hover.from.set(None);
        if let Some(((a, b), window)) = ends.filter(|(a, b)| (a - b).abs() > 0.01).zip(range) {
            let instant = |share: f64| window.from.plus((share * window.length() as f64) as i64);
            zoom(Window::new(instant(a.min(b)), instant(a.max(b))));
        }
    };
    let selection = move || {
        hover.from.get().zip(hover.at.get()).map(|(a, b)| {
            let place = format!("left:{:.2}%;width:{:.2}%", a.min(b) * 100.0, (a - b).abs() * 100.0);
            view! { <i class="selection" style=place></i> }
        })
    };
    view! {
        <div
            class="pointer"
            on:pointermove=move |event| hover.at.set(share(&event))
            on:pointerleave=move |_| {
                hover.at.set(None);
                hover.from.set(None);
            }
            on:pointerdown=move |event| {
                if range.is_some() && event.button() == 0 && event.pointer_type() == "mouse" {
                    event.prevent_default();
                    hover.from.set(share(&event));
                }
            }
            on:pointerup=finish
        >
            {within} {selection}
        </div>
    }
    .into_any()
}

/// Where an event is on its element, 0 to 1.
fn share(event: &web_sys::PointerEvent) -> Option<f64> {
    let element = event.current_target()?.dyn_into::<web_sys::Element>().ok()?;
    let bounds = element.get_bounding_client_rect();
    (bounds.width() > 0.0).then(|| ((f64::from(event.client_x()) - bounds.left()) / bounds.width()).clamp(0.0, 1.0))
}
