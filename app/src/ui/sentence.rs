//! A sentence with its strong words; always text, never markup.

use leptos::prelude::*;
use model::{Part, Sentence};

/// The parts of a sentence.
pub(crate) fn parts(sentence: &Sentence) -> AnyView {
    sentence
        .parts
        .iter()
        .map(|part| match part {
            Part::Text(text) => view! { <span>{text.clone()}</span> }.into_any(),
            Part::Strong(text) => view! { <strong>{text.clone()}</strong> }.into_any(),
        })
        .collect_view()
        .into_any()
}
