//! How Binnacle itself is: clusters and watchers, what comes in, what belongs to nobody, what is stored.

mod clusters;
mod ingest;
mod storage;

use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;
use leptos_meta::Title;
use leptos_router::{LazyRoute, lazy_route};
use model::StatusPage;

use crate::AppError;
use crate::answer::ask_first;
use crate::live::Live;
use crate::panel::panel;
use crate::ui::ago::age;

/// The page.
pub(crate) struct Status;

#[lazy_route]
impl LazyRoute for Status {
    fn data() -> Self {
        Self
    }

    fn view(_this: Self) -> AnyView {
        let live = Live::of_page();
        let page = ask_first(Memo::new(move |_| (live.status.get(), live.epoch.get())), |_| read_status());
        view! {
            <Title text="Status" />
            <div class="page status">
                <div class="head">
                    <h1>"Status"</h1>
                </div>
                {panel(page, "tall", draw)}
            </div>
        }
        .into_any()
    }
}

fn draw(page: &StatusPage) -> AnyView {
    let addresses = page.receivers.iter().map(|(name, address)| {
        view! {
            <li>
                {name.clone()} " " <code>{address.clone()}</code>
            </li>
        }
    });
    view! {
        <ul class="facts status-facts">
            <li>"Binnacle " <code>{page.version.clone()}</code></li>
            <li>"up " {age(page.started)}</li>
            {addresses.collect_view()}
        </ul>
        {clusters::clusters(&page.clusters)}
        <div class="pair even">{ingest::ingest(&page.ingest)} {storage::storage(&page.store)}</div>
        {ingest::unattributed(&page.unattributed)}
    }
    .into_any()
}

#[server(input = GetUrl)]
async fn read_status() -> Result<StatusPage, AppError> {
    let (backend, viewer) = crate::backend::asked()?;
    backend.status(&viewer).await
}
