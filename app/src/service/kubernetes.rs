//! What Kubernetes says of the service: what went wrong, its resources, its pods.

mod events;
mod pods;
mod resources;

use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;
use leptos_router::{LazyRoute, lazy_route};
use model::{KubernetesTab, ServiceId, Window};

use super::{Asked, known, use_asked};
use crate::AppError;
use crate::answer::ask;
use crate::panel::panel;

/// The tab.
pub(crate) struct Kubernetes;

#[lazy_route]
impl LazyRoute for Kubernetes {
    fn data() -> Self {
        Self
    }

    fn view(_this: Self) -> AnyView {
        let tab =
            ask(use_asked(), |(id, moment): Asked| async move { read_kubernetes(known(id)?, moment.window).await });
        let draw = |tab: KubernetesTab| {
            view! {
                <div class="pair even">{events::events(&tab.events)} {resources::resources(&tab.resources)}</div>
                {pods::pods(&tab.pods)}
            }
            .into_any()
        };
        panel(tab, "tall", draw)
    }
}

#[server(input = GetUrl)]
async fn read_kubernetes(id: ServiceId, window: Window) -> Result<KubernetesTab, AppError> {
    let (backend, viewer) = crate::backend::asked()?;
    backend.kubernetes(&viewer, &id, window).await
}
