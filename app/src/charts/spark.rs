//! A line in a table cell.

use leptos::prelude::*;

/// A sparkline; nothing measured draws nothing. `tone` is a style class.
pub(crate) fn spark(points: &[Option<f64>], floor: f64, tone: &'static str) -> AnyView {
    let drawing = if points.iter().any(Option::is_some) { super::path::spark(points, floor) } else { String::new() };
    let class = if tone.is_empty() { "spark".to_owned() } else { format!("spark {tone}") };
    let hidden = (!drawing.is_empty()).then_some("true");
    view! { <span class=class aria-hidden=hidden inner_html=drawing></span> }.into_any()
}
