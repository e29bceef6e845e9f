//! Unified differences: the pod template, and the ConfigMaps that changed with it.

use leptos::prelude::*;
use model::{Diff, DiffLine};

use crate::ui::number::plural;

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
    view! { <div class="diffs" data-testid="diff">{all.iter().map(diff).collect_view()}</div> }.into_any()
}

fn diff(diff: &Diff) -> AnyView {
    view! {
        <section class="diff">
            <h3>{diff.title.clone()}</h3>
            <div class="scroll-x">
                <table>
                    <tbody>{diff.lines.iter().map(line).collect_view()}</tbody>
                </table>
            </div>
        </section>
    }
    .into_any()
}

fn line(line: &DiffLine) -> AnyView {
    let (class, before, after, sign, text) = match line {
        DiffLine::Same(before, after, text) => ("", Some(*before), Some(*after), "", text.clone()),
        DiffLine::Removed(before, text) => ("removed", Some(*before), None, "-", text.clone()),
        DiffLine::Added(after, text) => ("added", None, Some(*after), "+", text.clone()),
        DiffLine::Skipped(lines) => {
            ("skipped", None, None, "", format!("{} unchanged", plural((*lines).into(), "line", "lines")))
        }
    };
    let number = |number: Option<u32>| number.map(|number| number.to_string()).unwrap_or_default();
    view! {
        <tr class=class>
            <td class="line-number">{number(before)}</td>
            <td class="line-number">{number(after)}</td>
            <td class="line-sign">{sign}</td>
            <td class="line-text">{text}</td>
        </tr>
    }
    .into_any()
}
