//! The page of a service: its head, its tabs, and the tab that is open. The head decides the title and whether there
//! is such a service at all.

mod deploys;
mod header;
mod kubernetes;
mod logs;
mod metrics;
mod overview;
mod profiles;
mod traces;

use std::time::Duration;

use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;
use leptos_router::LazyRoute;
use leptos_router::NavigateOptions;
use leptos_router::components::{Outlet, Redirect};
use leptos_router::hooks::{use_location, use_params_map};
use model::{ServiceHeader, ServiceId, Window};

use crate::AppError;
use crate::answer::{Answer, ask_first};
use crate::range::{Moment, use_kept, use_moment};
use crate::ui::tabs::show_open;

pub(crate) use deploys::Deploys;
pub(crate) use kubernetes::Kubernetes;
pub(crate) use logs::Logs;
pub(crate) use metrics::Metrics;
pub(crate) use overview::Overview;
pub(crate) use profiles::Profiles;
pub(crate) use traces::Traces;

/// The head, for tabs that say its sentence too.
#[derive(Clone, Copy)]
struct Head(Answer<ServiceHeader>);

/// What most questions about a service are keyed on.
type Asked = (Option<ServiceId>, Moment);

/// There is no such service: of it nothing more is asked.
#[derive(Clone, Copy)]
struct Missing(RwSignal<bool>);

/// The service of the address, at the page's moment.
fn use_asked() -> Memo<Asked> {
    let (id, moment) = (use_service(), use_moment());
    Memo::new(move |_| (id.get(), moment.get()))
}

/// What the head is keyed on: once there is no such service it rests until another one is in the address.
fn use_asked_of_head(Missing(missing): Missing) -> Memo<Asked> {
    let (id, moment) = (use_named(), use_moment());
    Memo::new(move |last: Option<&Asked>| {
        let id = id.get();
        match last.filter(|(of, _)| *of == id && missing.get()) {
            Some(last) => last.clone(),
            None => (id, moment.get()),
        }
    })
}

/// The parent of all tabs.
#[component]
pub(crate) fn Service() -> impl IntoView {
    let missing = Missing(RwSignal::new(false));
    let asked = use_asked_of_head(missing);
    let head = ask_first(asked, |(id, moment): Asked| async move { read_service(known(id)?, moment.window).await });
    Effect::new(move |_| missing.0.set(matches!(head.get(), Some(Err(AppError::NotFound(_))))));
    let path = use_location().pathname;
    Effect::new(move |last: Option<Option<String>>| {
        let open = path.get();
        _ = head.get()?;
        if last.flatten().as_ref() != Some(&open) {
            request_animation_frame(show_open);
        }
        Some(open)
    });
    provide_context(missing);
    provide_context(Head(head));
    crate::charts::hover::Hover::provide();
    Effect::new(move |_| fetch_tabs());
    view! {
        <div class="page service">
            {header::header(head, use_kept())} <div class="tab-body">
                <Outlet />
            </div>
        </div>
    }
}

/// Fetches the code of the tabs once the page has rested: opening one must not depend on the server being there.
fn fetch_tabs() {
    let fetch = || {
        leptos::task::spawn_local(async {
            Overview::preload().await;
            Traces::preload().await;
            Logs::preload().await;
            Metrics::preload().await;
            Profiles::preload().await;
            Kubernetes::preload().await;
            Deploys::preload().await;
        });
    };
    set_timeout(fetch, Duration::from_secs(10));
}

/// The address without a tab is the overview's.
#[component]
pub(crate) fn ToOverview() -> impl IntoView {
    let (id, kept) = (use_service(), use_kept());
    let to = id.get_untracked().map(|id| format!("{}/overview{}", id.path(), kept.get_untracked()));
    let options = NavigateOptions { replace: true, ..NavigateOptions::default() };
    to.map(|path| view! { <Redirect path options /> })
}

/// The service in the address; nothing where there is none.
fn use_service() -> Memo<Option<ServiceId>> {
    let (named, missing) = (use_named(), use_context::<Missing>());
    Memo::new(move |_| named.get().filter(|_| !missing.is_some_and(|Missing(missing)| missing.get())))
}

/// The service that the address names; nothing where the address can't be one.
fn use_named() -> Memo<Option<ServiceId>> {
    let params = use_params_map();
    Memo::new(move |_| {
        params.with(|params| {
            let part = |key| params.get(key).unwrap_or_default();
            format!("{}/{}/{}/{}", part("cluster"), part("namespace"), part("kind"), part("name")).parse().ok()
        })
    })
}

/// The service asked about, or that there can't be one.
fn known(id: Option<ServiceId>) -> Result<ServiceId, AppError> {
    id.ok_or_else(|| AppError::NotFound("a service of that name".into()))
}

#[server(input = GetUrl)]
async fn read_service(id: ServiceId, window: Window) -> Result<ServiceHeader, AppError> {
    let (backend, viewer) = crate::backend::asked()?;
    backend.service(&viewer, &id, window).await
}
