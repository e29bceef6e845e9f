//! Keys that are pressed while nothing has the focus.

use leptos::ev::keydown;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::KeyboardEvent;

/// Hears keys for the life of what calls it, where no link, field or list would hear them. In the browser only.
pub(crate) fn unfocused(press: impl Fn(&KeyboardEvent) + Clone + 'static) {
    Effect::new(move |_| {
        let press = press.clone();
        let keys = window_event_listener(keydown, move |event| {
            let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
            let is_held = event.ctrl_key() || event.meta_key() || event.alt_key();
            if !is_held && target.is_some_and(|target| target.tag_name() == "BODY") {
                press(&event);
            }
        });
        on_cleanup(move || keys.remove());
    });
}
