//! A line in a table cell.

use leptos::prelude::*;

/// A sparkline; nothing measured draws nothing. `tone` is a style class.
pub(crate) fn spark(points: &[Option<f64>], floor: f64, tone: &'static str) -> AnyView {
    let drawing = if points.iter().any(Option::is_some) { super::path::spark(points, floor) } else { String::new() };
    view! { <span class=format!("spark {tone}") aria-hidden="true" inner_html=drawing></span> }.into_any()
}
