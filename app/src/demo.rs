//! What a demo says of itself on every page, and three things to try in it on the catalog.

use leptos::prelude::*;
use leptos_router::hooks::use_location;
use model::{Demo, Stop};

use crate::session::set_cookie;

/// The banner, and the tour until it is dismissed.
#[component]
pub(crate) fn DemoNotice(
    /// What there is to try.
    demo: Demo,
    /// The tour was dismissed before.
    toured: bool,
) -> impl IntoView {
    let path = use_location().pathname;
    let open = RwSignal::new(!toured);
    let shown = move || open.get() && path.with(|path| path == "/");
    view! {
        <aside class="demo" aria-label="Demo" data-testid="demo">
            <p>
                <strong>"This is a demo"</strong>
                ": a simulated shop whose deploys go wrong. Connect your cluster: "
                <code>"binnacle --kubeconfig ~/.kube/config"</code>
            </p>
        </aside>
        {move || shown().then(|| tour(&demo.stops, open))}
    }
}

fn tour(stops: &[Stop], open: RwSignal<bool>) -> AnyView {
    let stops = stops.iter().map(|stop| {
        view! {
            <li>
                <a href=stop.path.clone()>{stop.question.clone()}</a>
                <p>{stop.story.clone()}</p>
            </li>
        }
    });
    let dismiss = move |_| {
        open.set(false);
        set_cookie("toured", "1");
    };
    view! {
        <section class="tour card" aria-label="Three things to try" data-testid="tour">
            <header>
                <h2>"Three things to try"</h2>
                <button type="button" data-testid="tour-dismiss" on:click=dismiss>
                    "Got it"
                </button>
            </header>
            <ol>{stops.collect_view()}</ol>
        </section>
    }
    .into_any()
}
