//! What Kubernetes says of the service: what went wrong, its resources, its pods.

mod events;
mod pods;
mod resources;

use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;
use leptos_router::{LazyRoute, lazy_route};
use model::{KubernetesTab, ServiceId, Window};

use super::{known, use_service};
use crate::AppError;
use crate::panel::{Answer, panel};
use crate::range::use_moment;

/// The question of the tab.
pub(crate) struct Kubernetes {
    tab: Answer<KubernetesTab>,
}

#[lazy_route]
impl LazyRoute for Kubernetes {
    fn data() -> Self {
        let (id, moment) = (use_service(), use_moment());
        let ask = Memo::new(move |_| (id.get(), moment.get()));
        Self {
            tab: Resource::new(
                move || ask.get(),
                |(id, moment)| async move { read_kubernetes(known(id)?, moment.window).await },
            ),
        }
    }

    fn view(this: Self) -> AnyView {
        let draw = |tab: KubernetesTab| {
            view! {
                <div class="pair even">{events::events(&tab.events)} {resources::resources(&tab.resources)}</div>
                {pods::pods(&tab.pods)}
            }
            .into_any()
        };
        panel(this.tab, "tall", draw)
    }
}

#[server(input = GetUrl)]
async fn read_kubernetes(id: ServiceId, window: Window) -> Result<KubernetesTab, AppError> {
    let (backend, viewer) = crate::backend::asked()?;
    backend.kubernetes(&viewer, &id, window).await
}
