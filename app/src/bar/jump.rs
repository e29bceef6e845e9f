//! The jump box: Ctrl-K from anywhere, a few letters, Enter.

use std::time::Duration;

use leptos::ev;
use leptos::html::Input;
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;
use leptos_router::NavigateOptions;
use model::JumpHit;

use crate::AppError;
use crate::navigate::use_go;
use crate::ui::badge::health_dot;

/// The box: what is typed, what was found, which of it is chosen.
#[derive(Clone, Copy)]
struct Jumper {
    input: NodeRef<Input>,
    open: RwSignal<bool>,
    text: RwSignal<String>,
    chosen: RwSignal<usize>,
    hits: ReadSignal<Vec<JumpHit>>,
    /// The text that the hits were found for.
    found_for: ReadSignal<String>,
    /// Enter came before the answer to what is typed.
    entered: RwSignal<bool>,
    kept: Memo<String>,
    go: Callback<(String, NavigateOptions)>,
}

impl Jumper {
    fn leave(self) {
        self.open.set(false);
        self.entered.set(false);
        self.text.set(String::new());
        if let Some(input) = self.input.get_untracked() {
            input.set_value("");
            // Giving up the focus can't fail for an input in the document.
            _ = input.blur();
        }
    }

    /// Closes what was left for another place; a click on a hit has come by then, or the focus is back.
    fn close(self) {
        let focused = document().active_element();
        let is_back = self.input.get_untracked().is_some_and(|input| focused.as_ref() == Some(input.as_ref()));
        self.open.set(is_back);
    }

    /// Goes to the chosen hit; before the answer to what is typed has come, when it comes.
    fn enter(self) {
        if self.found_for.get_untracked() == self.text.get_untracked() {
            self.follow();
        } else {
            self.entered.set(true);
        }
    }

    fn follow(self) {
        let hit = self.hits.with_untracked(|hits| hits.get(self.chosen.get_untracked()).cloned());
        if let Some(hit) = hit {
            self.leave();
            let to = format!("{}/overview{}", hit.id.path(), self.kept.get_untracked());
            self.go.run((to, NavigateOptions::default()));
        }
    }

    fn key(self, event: &web_sys::KeyboardEvent) {
        let last = self.hits.with_untracked(|hits| hits.len().saturating_sub(1));
        match event.key().as_str() {
            "ArrowDown" => self.chosen.update(|at| *at = (*at + 1).min(last)),
            "ArrowUp" => self.chosen.update(|at| *at = at.saturating_sub(1)),
            "Enter" => self.enter(),
            "Escape" => return self.leave(),
            _ => return,
        }
        event.prevent_default();
    }
}

/// Finds a service by a part of its name and goes there.
#[component]
pub(crate) fn Jump(
    /// What links keep of the address.
    kept: Memo<String>,
) -> impl IntoView {
    let (text, chosen) = (RwSignal::new(String::new()), RwSignal::new(0));
    let go = use_go();
    let (input, open, entered) = (NodeRef::new(), RwSignal::new(false), RwSignal::new(false));
    let (hits, found_for) = hits_of(text, chosen, entered);
    let jumper = Jumper { input, open, text, chosen, hits, found_for, entered, kept, go };
    Effect::new(move |_| {
        found_for.track();
        if entered.get_untracked() && found_for.get_untracked() == text.get_untracked() {
            entered.set(false);
            jumper.follow();
        }
    });
    on_control_k(input);
    let options =
        move || hits.with(|hits| hits.iter().enumerate().map(|(at, hit)| option(at, hit, jumper)).collect_view());
    let is_empty = move || !text.with(String::is_empty) && hits.with(Vec::is_empty);
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
                on:focus=move |_| open.set(true)
                on:blur=move |_| set_timeout(move || jumper.close(), Duration::from_millis(150))
                on:input=move |event| text.set(event_target_value(&event))
                on:keydown=move |event| jumper.key(&event)
            />
            <kbd aria-hidden="true">"Ctrl K"</kbd>
            <div class="jump-body" hidden=move || !open.get() || text.with(String::is_empty)>
                <ul id="jump-hits" role="listbox" aria-label="Services">
                    {options}
                </ul>
                <p class="faint">{move || is_empty().then_some("No service has that in its name")}</p>
            </div>
        </div>
    }
}

/// Asks as the text changes; the answer to an older text never replaces a newer one's.
fn hits_of(
    text: RwSignal<String>,
    chosen: RwSignal<usize>,
    entered: RwSignal<bool>,
) -> (ReadSignal<Vec<JumpHit>>, ReadSignal<String>) {
    let ((hits, set_hits), (found_for, set_found_for)) = (signal(Vec::new()), signal(String::new()));
    Effect::new(move |_| {
        let asked = text.get();
        chosen.set(0);
        entered.set(false);
        if asked.trim().is_empty() {
            set_hits.set(Vec::new());
            set_found_for.set(asked);
            return;
        }
        leptos::task::spawn_local(async move {
            let found = find_services(asked.clone()).await.unwrap_or_default();
            if text.try_get_untracked().as_ref() == Some(&asked) {
                set_hits.set(found);
                set_found_for.set(asked);
            }
        });
    });
    (hits, found_for)
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

fn option(at: usize, hit: &JumpHit, jumper: Jumper) -> AnyView {
    let path = hit.id.path();
    let place = format!("{} · {}", hit.id.namespace, hit.id.kind);
    view! {
        <li
            id=format!("jump-{at}")
            role="option"
            aria-selected=move || (jumper.chosen.get() == at).to_string()
            data-testid="jump-hit"
        >
            <a tabindex="-1" href=move || format!("{path}/overview{}", jumper.kept.get()) on:click=move |_| jumper.leave()>
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
