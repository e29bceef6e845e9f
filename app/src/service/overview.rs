//! The overview: what is going on in a sentence, three charts on one axis, pods, endpoints, errors.

mod banner;
mod endpoints;
mod errors;
mod lanes;
mod plots;

use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;
use leptos_router::hooks::use_query_map;
use leptos_router::{LazyRoute, lazy_route};
use model::{Apm, EndpointRow, ErrorRow, Marks, PodLanes, ServiceId, Split, Window};

use super::{Head, known, use_service};
use crate::AppError;
use crate::panel::{Answer, panel};
use crate::range::use_moment;

/// The questions of the overview, asked side by side.
pub(crate) struct Overview {
    charts: Answer<(Apm, Marks)>,
    lanes: Answer<PodLanes>,
    endpoints: Answer<Vec<EndpointRow>>,
    errors: Answer<Vec<ErrorRow>>,
}

#[lazy_route]
impl LazyRoute for Overview {
    fn data() -> Self {
        let (id, moment, query) = (use_service(), use_moment(), use_query_map());
        let split = Memo::new(move |_| match query.with(|query| query.get_str("split") == Some("revision")) {
            true => Split::Revision,
            false => Split::Together,
        });
        let ask = Memo::new(move |_| (id.get(), moment.get()));
        Self {
            charts: Resource::new(
                move || (ask.get(), split.get()),
                |((id, moment), split)| async move { read_charts(known(id)?, moment.window, split).await },
            ),
            lanes: Resource::new(
                move || ask.get(),
                |(id, moment)| async move { list_lanes(known(id)?, moment.window).await },
            ),
            endpoints: Resource::new(
                move || ask.get(),
                |(id, moment)| async move { list_endpoints(known(id)?, moment.window).await },
            ),
            errors: Resource::new(
                move || ask.get(),
                |(id, moment)| async move { list_errors(known(id)?, moment.window).await },
            ),
        }
    }

    fn view(this: Self) -> AnyView {
        let id = use_service();
        let kept = crate::range::use_kept();
        let deploys = move || {
            let kept = kept.get();
            let path = id.get().map(|id| id.path()).unwrap_or_default();
            format!("{path}/deploys{kept}{}deploy=", if kept.is_empty() { '?' } else { '&' })
        };
        view! {
            {use_context::<Head>().map(|Head(head)| banner::banner(head))}
            {panel(this.charts, "charts", move |(apm, marks)| plots::plots(&apm, &marks, &deploys()))}
            {panel(this.lanes, "lanes", |lanes| lanes::lanes(&lanes))}
            <div class="pair">
                {panel(this.endpoints, "half", |rows| endpoints::endpoints(&rows))}
                {panel(this.errors, "half", move |rows| errors::errors(&rows, kept))}
            </div>
        }
        .into_any()
    }
}

/// The charts with their marks: one answer, so that flags and lines are of the same moment.
#[server(input = GetUrl)]
async fn read_charts(id: ServiceId, window: Window, split: Split) -> Result<(Apm, Marks), AppError> {
    let (backend, viewer) = crate::backend::asked()?;
    Ok((backend.apm(&viewer, &id, window, split).await?, backend.marks(&viewer, &id, window).await?))
}

#[server(input = GetUrl)]
async fn list_lanes(id: ServiceId, window: Window) -> Result<PodLanes, AppError> {
    let (backend, viewer) = crate::backend::asked()?;
    backend.lanes(&viewer, &id, window).await
}

#[server(input = GetUrl)]
async fn list_endpoints(id: ServiceId, window: Window) -> Result<Vec<EndpointRow>, AppError> {
    let (backend, viewer) = crate::backend::asked()?;
    backend.endpoints(&viewer, &id, window).await
}

#[server(input = GetUrl)]
async fn list_errors(id: ServiceId, window: Window) -> Result<Vec<ErrorRow>, AppError> {
    let (backend, viewer) = crate::backend::asked()?;
    backend.errors(&viewer, &id, window).await
}
