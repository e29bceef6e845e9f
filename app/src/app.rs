//! Providers and the route table.

use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::components::{ParentRoute, Route, Router, Routes};
use leptos_router::{Lazy, SsrMode, path};

use crate::bar::Bar;
use crate::catalog::Catalog;
use crate::demo::DemoNotice;
use crate::feed::Feed;
use crate::live::provide_live;
use crate::navigate::{Awaited, arrived, provide_shown};
use crate::not_found::NotFound;
use crate::scroll::KeepScroll;
use crate::service::{Deploys, Kubernetes, Logs, Metrics, Overview, Profiles, Service, ToOverview, Traces};
use crate::session::provide_session;
use crate::status::Status;
use crate::trace::Trace;

/// The whole application.
///
/// Pages are streamed in order: what is on them is in the document before any script runs, nothing is swapped in
/// afterwards, and the blocking questions still decide the status code.
#[component]
pub fn App(
    /// True once the browser has taken over the whole page. The code of a tab comes after the page's, and its view
    /// must find the answers it was rendered from: until then nothing may change what is on the page.
    #[prop(optional)]
    hydrated: ArcRwSignal<bool>,
) -> impl IntoView {
    provide_meta_context();
    let hydrated = Signal::derive(move || hydrated.get());
    let session = provide_session(hydrated);
    provide_live(session.as_of, hydrated);
    provide_shown();
    let nowhere = || {
        arrived();
        view! { <NotFound /> }
    };
    view! {
        <Title formatter=document_title />
        <Router>
            <a class="skip" href="#main">
                "Skip to content"
            </a>
            <Bar theme=session.theme />
            <Awaited />
            <KeepScroll />
            {session.demo.map(|demo| view! { <DemoNotice demo toured=session.toured /> })}
            <main id="main" tabindex="-1">
                <Routes fallback=nowhere>
                    <Route path=path!("/") view=Catalog ssr=SsrMode::InOrder />
                    <ParentRoute
                        path=path!("/services/:cluster/:namespace/:kind/:name")
                        view=Service
                        ssr=SsrMode::InOrder
                    >
                        <Route path=path!("") view=ToOverview ssr=SsrMode::InOrder />
                        <Route path=path!("overview") view={Lazy::<Overview>::new()} ssr=SsrMode::InOrder />
                        <Route path=path!("traces") view={Lazy::<Traces>::new()} ssr=SsrMode::InOrder />
                        <Route path=path!("logs") view={Lazy::<Logs>::new()} ssr=SsrMode::InOrder />
                        <Route path=path!("metrics") view={Lazy::<Metrics>::new()} ssr=SsrMode::InOrder />
                        <Route path=path!("profiles") view={Lazy::<Profiles>::new()} ssr=SsrMode::InOrder />
                        <Route path=path!("kubernetes") view={Lazy::<Kubernetes>::new()} ssr=SsrMode::InOrder />
                        <Route path=path!("deploys") view={Lazy::<Deploys>::new()} ssr=SsrMode::InOrder />
                    </ParentRoute>
                    <Route path=path!("/deploys") view={Lazy::<Feed>::new()} ssr=SsrMode::InOrder />
                    <Route path=path!("/traces/:id") view={Lazy::<Trace>::new()} ssr=SsrMode::InOrder />
                    <Route path=path!("/status") view={Lazy::<Status>::new()} ssr=SsrMode::InOrder />
                </Routes>
            </main>
        </Router>
    }
}

/// The document's title. The server writes it into the markup as it is (leptos_meta does not escape it), and it may
/// hold a string of telemetry; the browser sets it as text.
fn document_title(text: String) -> String {
    let text = if cfg!(feature = "ssr") { text.replace('&', "&amp;").replace('<', "&lt;") } else { text };
    if text.is_empty() { "Binnacle".to_owned() } else { format!("{text} · Binnacle") }
}
