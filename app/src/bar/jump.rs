//! The jump box: Ctrl-K from anywhere, a few letters, Enter.

use std::time::Duration;

use leptos::ev;
use leptos::html::Input;
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use model::JumpHit;

use crate::AppError;
use crate::ui::badge::health_dot;

/// Finds a service by a part of its name and goes there.
#[component]
pub(crate) fn Jump(
    /// What links keep of the address.
    kept: Memo<String>,
) -> impl IntoView {
    let input = NodeRef::<Input>::new();
    let (open, set_open) = signal(false);
    let (text, set_text) = signal(String::new());
    let (chosen, set_chosen) = signal(0_usize);
    let hits = hits_of(text, set_chosen);
    let navigate = StoredValue::new(use_navigate());
    let leave = move || {
        set_open.set(false);
        set_text.set(String::new());
        if let Some(input) = input.get_untracked() {
            input.set_value("");
            // Giving up the focus can't fail for an input in the document.
            _ = input.blur();
        }
    };
    let go = move |hit: &JumpHit| {
        let to = format!("{}/overview{}", hit.id.path(), kept.get_untracked());
        leave();
        navigate.with_value(|navigate| navigate(&to, NavigateOptions::default()));
    };
    let key = move |event: ev::KeyboardEvent| {
        let last = hits.with_untracked(|hits| hits.len().saturating_sub(1));
        match event.key().as_str() {
            "ArrowDown" => set_chosen.update(|at| *at = (*at + 1).min(last)),
            "ArrowUp" => set_chosen.update(|at| *at = at.saturating_sub(1)),
            "Enter" => hits.with_untracked(|hits| hits.get(chosen.get_untracked()).cloned()).iter().for_each(go),
            "Escape" => return leave(),
            _ => return,
        }
        event.prevent_default();
    };
    on_control_k(input);
    let draw = move || {
        hits.with(|hits| {
            let row = |(at, hit): (usize, &JumpHit)| option(at, hit, chosen, kept, Callback::new(move |()| leave()));
            hits.iter().enumerate().map(row).collect_view()
        })
    };
    let nothing = move || (!text.with(String::is_empty) && hits.with(Vec::is_empty)).then_some("No service has that in its name");
    view! {
        <div class="jump" role="search" class:open=move || open.get()>
            <input
                type="text"
                node_ref=input
                data-testid="jump"
                placeholder="Jump to…"
                aria-label="Jump to a service"
                role="combobox"
                aria-expanded=move || open.get().to_string()
                aria-controls="jump-hits"
                aria-activedescendant=move || format!("jump-{}", chosen.get())
                autocomplete="off"
                spellcheck="false"
                on:focus=move |_| set_open.set(true)
                on:blur=move |_| set_timeout(move || set_open.set(false), Duration::from_millis(150))
                on:input=move |event| set_text.set(event_target_value(&event))
                on:keydown=key
            />
            <kbd aria-hidden="true">"Ctrl K"</kbd>
            <div class="jump-body" hidden=move || !open.get() || text.with(String::is_empty)>
                <ul id="jump-hits" role="listbox" aria-label="Services">
                    {draw}
                </ul>
                <p class="faint">{nothing}</p>
            </div>
        </div>
    }
}

/// Asks as the text changes; the answer to an older text never replaces a newer one's.
fn hits_of(text: ReadSignal<String>, set_chosen: WriteSignal<usize>) -> ReadSignal<Vec<JumpHit>> {
    let (hits, set_hits) = signal(Vec::new());
    Effect::new(move |_| {
        let asked = text.get();
        set_chosen.set(0);
        if asked.trim().is_empty() {
            set_hits.set(Vec::new());
            return;
        }
        leptos::task::spawn_local(async move {
            let found = find_services(asked.clone()).await.unwrap_or_default();
            if text.try_get_untracked().as_ref() == Some(&asked) {
                set_hits.set(found);
            }
        });
    });
    hits
}

fn on_control_k(input: NodeRef<Input>) {
    Effect::new(move |_| {
        let keys = window_event_listener(ev::keydown, move |event| {
            let control = event.ctrl_key() || event.meta_key();
            if let (true, "k", Some(input)) = (control, event.key().as_str(), input.get_untracked()) {
                event.prevent_default();
                // An input in the document takes the focus.
                _ = input.focus();
                input.select();
            }
        });
        on_cleanup(move || keys.remove());
    });
}

fn option(at: usize, hit: &JumpHit, chosen: ReadSignal<usize>, kept: Memo<String>, leave: Callback<()>) -> AnyView {
    let path = hit.id.path();
    let place = format!("{} · {}", hit.id.namespace, hit.id.kind);
    view! {
        <li
            id=format!("jump-{at}")
            role="option"
            aria-selected=move || (chosen.get() == at).to_string()
            data-testid="jump-hit"
        >
            <a tabindex="-1" href=move || format!("{path}/overview{}", kept.get()) on:click=move |_| leave.run(())>
                {health_dot(hit.health)}
                <strong>{hit.id.name.clone()}</strong>
                <span class="faint">{place}</span>
            </a>
        </li>
    }
    .into_any()
}

#[server(input = GetUrl)]
async fn find_services(text: String) -> Result<Vec<JumpHit>, AppError> {
    let (backend, viewer) = crate::backend::asked()?;
    backend.jump(&viewer, &text).await
}
