//! A native select that looks like a chip.

use leptos::prelude::*;

/// Chooses one of several, or all of them (the empty value).
#[component]
pub(crate) fn Select(
    /// What is chosen, as a label and as the word for "all".
    label: &'static str,
    /// The values there are.
    options: Vec<String>,
    /// The value now; empty for all.
    value: String,
    /// Takes the new value.
    on_choose: Callback<String>,
) -> impl IntoView {
    let options = options
        .into_iter()
        .map(|option| {
            let selected = option == value;
            view! {
                <option value=option.clone() selected=selected>
                    {option.clone()}
                </option>
            }
        })
        .collect_view();
    let chosen = !value.is_empty();
    view! {
        <select
            class="chip"
            class:chosen=chosen
            aria-label=label
            prop:value=value
            on:change=move |event| on_choose.run(event_target_value(&event))
        >
            <option value="" selected=!chosen>
                {label}
            </option>
            {options}
        </select>
    }
}
