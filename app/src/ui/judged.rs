//! What was said of a deploy, in a row of a table.

use leptos::prelude::*;
use model::Judged;

use super::badge::verdict_badge;
use super::{number, sentence};

/// The level and the sentence; not yet judged is not measured.
pub(crate) fn judged(judged: Option<&Judged>) -> AnyView {
    let Some(judged) = judged else {
        return view! { <span class="zero">{number::NONE}</span> }.into_any();
    };
    view! {
        {verdict_badge(judged.level)}
        <p class="said">{sentence::parts(&judged.headline)}</p>
    }
    .into_any()
}
