//! Unified differences: the pod template, and the ConfigMaps that changed with it.

use leptos::prelude::*;
use model::Diff;

use crate::ui::diff::inline;

/// All differences of a deploy.
pub(super) fn diffs(all: &[Diff]) -> AnyView {
    if all.iter().all(|diff| diff.lines.is_empty()) {
        return view! {
            <p class="unmeasured" data-testid="diff">
                "No difference is stored: the versions are from before Binnacle watched."
            </p>
        }
        .into_any();
    }
    view! { <div class="diffs" data-testid="diff">{all.iter().map(inline).collect_view()}</div> }.into_any()
}
